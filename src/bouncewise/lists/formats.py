"""Suppression lists in the formats of ESPs and Postfix: one row of data per format.

Reads: a list, with the format that its columns show. Gives: its rows, or the lines of a list for
export. Refuses: domains in an export to an ESP, which knows addresses only; cells that a
spreadsheet would run as formulas (OWASP, CSV injection). Sources: SES v2 import/export jobs
(``email,BOUNCE``); SendGrid ``/v3/suppression/bounces`` as CSV; Postmark suppressions dump; Mailgun
bounces export; SparkPost suppression list CSV; Postfix access(5).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from bouncewise.encode import for_csv
from bouncewise.errors import InputError
from bouncewise.lists.column import folded
from bouncewise.lists.dates import format_time, parse_time
from bouncewise.lists.names import name_error, unwrapped
from bouncewise.lists.postfix import POSTFIX
from bouncewise.lists.reasons import Meaning, Reasons
from bouncewise.lists.table import Table
from bouncewise.model import Cause, Decision, Scope


class ListRow(NamedTuple):
    """One row of a suppression list; ``reason`` is the text it gives, at best an SMTP reply.
    ``error`` says what is wrong with a row that cannot be used; ``line`` where it begins.
    """

    format: str
    address: str
    at: datetime | None = None
    reason: str = ""
    cause: Cause | None = None
    scope: Scope = Scope.ALL
    until: datetime | None = None
    line: int = 0
    error: str = ""
    is_deliverable: bool = False
    """Whether the row says that the address is not to be suppressed."""


class Format(NamedTuple):
    """A format: the header and the rows to write."""

    about: str
    header: tuple[str, ...]
    row: Callable[[str, Decision], tuple[str, ...]]
    stops_all: bool = False  # there is no entry for marketing mail only


def _is_complaint(d: Decision) -> bool:
    return d.cause is Cause.COMPLAINT or d.rule == "complaint"


def _csv_row(address: str, d: Decision) -> tuple[str, ...]:
    since = format_time(d.since)
    # Rounded up: a list that comes back must not end earlier.
    until = format_time(d.until and d.until + timedelta(microseconds=999_999))
    return address, d.cause or "", d.scope, since, until, d.why, d.rule, d.by or "bouncewise"


def _ses_row(address: str, d: Decision) -> tuple[str, ...]:
    return address, "COMPLAINT" if _is_complaint(d) else "BOUNCE"


def _sendgrid_row(address: str, d: Decision) -> tuple[str, ...]:
    return str(int(d.since.timestamp())) if d.since else "", address, d.why, ""


def _postmark_row(address: str, d: Decision) -> tuple[str, ...]:
    # An unsubscribe, or an entry by hand without a cause, is no bounce.
    other = "HardBounce" if d.cause and d.scope is Scope.ALL else "ManualSuppression"
    return (
        address,
        "SpamComplaint" if _is_complaint(d) else other,
        "Customer",
        format_time(d.since),
    )


def _mailgun_row(address: str, d: Decision) -> tuple[str, ...]:
    code = d.why[:3] if d.why[:3].isdigit() else "550"
    return address, code, d.why, format_time(d.since)


def _sparkpost_row(address: str, d: Decision) -> tuple[str, ...]:
    is_marketing = d.scope is Scope.MARKETING
    return address, "non_transactional" if is_marketing else "transactional", d.why


FORMATS: dict[str, Format] = {
    "csv": Format(
        about="bouncewise's own columns",
        header=("email", "cause", "scope", "since", "until", "why", "rule", "by"),
        row=_csv_row,
    ),
    "ses": Format(
        about="Amazon SES account list: email,BOUNCE|COMPLAINT",
        header=(),
        row=_ses_row,
        stops_all=True,
    ),
    "sendgrid": Format(
        about="Twilio SendGrid bounces",
        header=("created", "email", "reason", "status"),
        row=_sendgrid_row,
        stops_all=True,
    ),
    "postmark": Format(
        about="Postmark suppressions dump",
        header=("EmailAddress", "SuppressionReason", "Origin", "CreatedAt"),
        row=_postmark_row,
    ),
    "mailgun": Format(
        about="Mailgun bounces",
        header=("address", "code", "error", "created_at"),
        row=_mailgun_row,
        stops_all=True,
    ),
    "sparkpost": Format(
        about="SparkPost suppression list",
        header=("recipient", "type", "description"),
        row=_sparkpost_row,
    ),
}

# Columns to read, in any format, casefolded; of several the first that is filled.
_REASON = (
    "why,suppressionreason,error,description,diagnostic,email hard bounce reason,reason,source"
).split(",")
_CREATED = (
    "since,created,created_at,created at,createdat,lastupdatetime,last update time,first_seen,"
    "updated,clean_time,unsub_time,date"
).split(",")
_KNOWN = {*_REASON, "scope", "until", "cause", "code"}
_NO_REASON = (
    "its status does not say that it is to be suppressed: {!r:.40}; --scope suppresses every row"
)


def detect(header: list[str]) -> str:
    """The format that shares most columns with *header*, at least two; "ses" if there is none."""
    names = set(folded(header))
    if not names:
        return "ses"
    shared = {
        name: len(names & {column.casefold() for column in format_.header})
        for name, format_ in FORMATS.items()
    }
    best = max(shared, key=lambda name: shared[name])
    return best if shared[best] > 1 else "csv"


def load(
    path: Path, name: str | None, *, column: str | None = None, every: bool = False
) -> Iterator[ListRow]:
    """The rows of the list at *path*, in the format *name* or the one that its columns show; the
    addresses are in *column*, if it is given. Raises InputError where no column says why the rows
    are there, unless *every* row is meant.
    """
    with Table.open(path, column) as table:
        columns = _columns(table)
        if not (every or name or columns.has_reason):
            raise InputError(
                f"{path}: no column says why a row is there: {', '.join(table.header)[:200]}. "
                "To suppress every row: --scope all, or --scope marketing"
            )
        name = name or detect(table.header)
        for row in table.numbered:
            cells = row.cells
            listed = cells[table.address].strip() if table.address < len(cells) else ""
            if row.error:
                yield ListRow(name, listed, line=row.line, error=row.error)
            elif any(cell.strip() for cell in cells):
                found = _row(name, listed, cells, columns)._replace(line=row.line)
                status = None if every or found.error else _unknown_status(found, cells, columns)
                yield found if status is None else found._replace(error=_NO_REASON.format(status))


def _row(name: str, listed: str, cells: list[str], columns: _Columns) -> ListRow:
    listed = unwrapped(listed)
    reason = next(filter(None, (_cell(cells, i) for i in columns.reason)), "")
    code = _cell(cells, columns.code)
    if name == "csv":
        reason = without_mark(reason)
    elif len(code) == 3 and code.isdecimal() and not reason.startswith(code):
        reason = f"{code} {reason}".rstrip()
    meaning, scope = columns.reasons.meaning(cells), _cell(cells, columns.scope).casefold()
    until = _cell(cells, columns.until)
    row = ListRow(
        format=name,
        address=listed,
        at=next(filter(None, (parse_time(_cell(cells, i)) for i in columns.created)), None),
        reason=reason,
        cause=_cause(_cell(cells, columns.cause)) or (meaning.cause if meaning else None),
        scope=_scope(scope, meaning),
        until=parse_time(until),
        is_deliverable=meaning is Meaning.DELIVERABLE,
    )
    if until and row.until is None:
        return row._replace(error=f"until is no time: {until[:40]}")
    return row._replace(error=name_error(listed) or "")


def _unknown_status(row: ListRow, cells: list[str], columns: _Columns) -> str | None:
    """The status of a row that nothing else says is to be suppressed; None if something does."""
    if row.cause or row.scope is not Scope.ALL:
        return None
    return columns.reasons.unknown_status(cells, columns.reason)


def _scope(written: str, meaning: Meaning | None) -> Scope:
    if written in (Scope.ALL, Scope.MARKETING):
        return Scope(written)
    if written == Scope.STREAM:  # which one is not written
        return Scope.MARKETING
    if written in ("non_transactional", "non-transactional") or (
        meaning and meaning is not Meaning.DELIVERABLE
    ):
        return Scope.MARKETING if meaning is not Meaning.BOUNCED else Scope.ALL
    return Scope.ALL


def _cause(text: str) -> Cause | None:
    return Cause(text) if text in Cause.__members__.values() else None


class _Columns(NamedTuple):
    """Positions of columns; None if the table has no such column."""

    reasons: Reasons
    has_reason: bool
    reason: tuple[int, ...] = ()
    created: tuple[int, ...] = ()
    scope: int | None = None
    until: int | None = None
    cause: int | None = None
    code: int | None = None


def _columns(table: Table) -> _Columns:
    names = folded(table.header)
    if not names:  # the columns of SES, which has no header
        following = (table.address + 1,)
        return _Columns(Reasons(None, following, following, ()), True, following)
    at = {name: i for i, name in enumerate(names)}
    for name in ("scope", "until", "cause", "code"):
        if names.count(name) > 1:
            raise InputError(f"{table.path}: several columns {name}; rename all but one")
    reasons = Reasons.of(names)
    return _Columns(
        reasons=reasons,
        has_reason=any(reasons)
        or not _KNOWN.isdisjoint(names)
        or set(names) <= {names[table.address], *_CREATED},
        reason=tuple(at[c] for c in _REASON if c in at),
        created=tuple(at[c] for c in _CREATED if c in at),
        scope=at.get("scope", at.get("type")),
        until=at.get("until"),
        cause=at.get("cause"),
        code=at.get("code"),
    )


def dump(name: str, suppressions: Iterable[tuple[str, Decision]]) -> Iterator[str]:
    """The lines of a list in the format *name*; only "csv" and those of Postfix contain domains."""
    if name in POSTFIX:
        yield from filter(None, (POSTFIX[name](listed, d) for listed, d in suppressions))
        return
    format_ = FORMATS[name]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    if format_.header:
        writer.writerow(format_.header)
    for listed, d in suppressions:
        if name == "csv" or not listed.startswith("@"):
            row = format_.row(listed, d)
            writer.writerow([cell if cell == listed else for_csv(cell) for cell in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def without_mark(cell: str) -> str:
    """*cell* without the mark that ``for_csv`` puts before a formula."""
    return cell[1:] if cell.startswith("'") and for_csv(cell[1:]) == cell else cell


def _cell(row: list[str], column: int | None) -> str:
    return row[column].strip() if column is not None and column < len(row) else ""
