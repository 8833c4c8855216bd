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
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from bouncewise.encode import for_csv
from bouncewise.lists.names import name_error, unwrapped
from bouncewise.lists.postfix import POSTFIX
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


class Format(NamedTuple):
    """A format: the columns to read (names in lower case), and the header and rows to write."""

    about: str
    reason: tuple[str, ...]
    created: tuple[str, ...]
    header: tuple[str, ...]
    row: Callable[[str, Decision], tuple[str, ...]]


def _format_time(when: datetime | None) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if when else ""


def _is_complaint(d: Decision) -> bool:
    return d.cause is Cause.COMPLAINT or d.rule == "complaint"


def _csv_row(address: str, d: Decision) -> tuple[str, ...]:
    since = _format_time(d.since)
    # Rounded up: a list that comes back must not end earlier.
    until = _format_time(d.until and d.until + timedelta(microseconds=999_999))
    return address, d.cause or "", d.scope, since, until, d.why, d.rule, d.by or "bouncewise"


def _ses_row(address: str, d: Decision) -> tuple[str, ...]:
    return address, "COMPLAINT" if _is_complaint(d) else "BOUNCE"


def _sendgrid_row(address: str, d: Decision) -> tuple[str, ...]:
    return str(int(d.since.timestamp())) if d.since else "", address, d.why, ""


def _postmark_row(address: str, d: Decision) -> tuple[str, ...]:
    reason = "SpamComplaint" if _is_complaint(d) else "HardBounce"
    return address, reason, "Customer", _format_time(d.since)


def _mailgun_row(address: str, d: Decision) -> tuple[str, ...]:
    code = d.why[:3] if d.why[:3].isdigit() else "550"
    return address, code, d.why, _format_time(d.since)


def _sparkpost_row(address: str, d: Decision) -> tuple[str, ...]:
    is_marketing = d.scope is Scope.MARKETING
    return address, "non_transactional" if is_marketing else "transactional", d.why


FORMATS: dict[str, Format] = {
    "csv": Format(
        about="bouncewise's own columns",
        reason=("why", "reason", "diagnostic"),
        created=("since", "created", "first_seen"),
        header=("email", "cause", "scope", "since", "until", "why", "rule", "by"),
        row=_csv_row,
    ),
    "ses": Format(
        about="Amazon SES account list: email,BOUNCE|COMPLAINT",
        reason=("reason",),
        created=("lastupdatetime",),
        header=(),
        row=_ses_row,
    ),
    "sendgrid": Format(
        about="Twilio SendGrid bounces",
        reason=("reason",),
        created=("created",),
        header=("created", "email", "reason", "status"),
        row=_sendgrid_row,
    ),
    "postmark": Format(
        about="Postmark suppressions dump",
        reason=("suppressionreason",),
        created=("createdat",),
        header=("EmailAddress", "SuppressionReason", "Origin", "CreatedAt"),
        row=_postmark_row,
    ),
    "mailgun": Format(
        about="Mailgun bounces",
        reason=("error",),
        created=("created_at", "created at"),
        header=("address", "code", "error", "created_at"),
        row=_mailgun_row,
    ),
    "sparkpost": Format(
        about="SparkPost suppression list",
        reason=("description", "source"),
        created=("created", "updated"),
        header=("recipient", "type", "description"),
        row=_sparkpost_row,
    ),
}

# Reasons in these lists, casefolded, that concern marketing mail only. All others concern all mail.
_COMPLAINTS = frozenset({"complaint", "spamcomplaint", "spam complaint"})
_UNSUBSCRIBES = frozenset({"unsubscribe", "unsubscribed", "unsubscribe link", "list unsubscribe"})


def detect(header: list[str]) -> str:
    """The format that shares most columns with *header*; "ses" if there is no header."""
    names = {name.strip().casefold() for name in header}
    if not names:
        return "ses"
    shared = {
        name: len(names & {column.casefold() for column in format_.header})
        for name, format_ in FORMATS.items()
    }
    best = max(shared, key=lambda name: shared[name])
    return best if shared[best] else "csv"


def load(path: Path, name: str | None) -> Iterator[ListRow]:
    """The rows of the list at *path*, in the format *name* or the one that its columns show."""
    with Table.open(path) as table:
        name = name or detect(table.header)
        columns = _columns(table, FORMATS[name])
        for row in table.numbered:
            cells = row.cells
            listed = cells[table.address].strip() if table.address < len(cells) else ""
            if row.error:
                yield ListRow(name, listed, line=row.line, error=row.error)
            elif any(cell.strip() for cell in cells):
                yield _row(name, listed, cells, columns)._replace(line=row.line)


def _row(name: str, listed: str, cells: list[str], columns: _Columns) -> ListRow:
    listed = unwrapped(listed)
    reason = _cell(cells, columns.reason)
    if name == "csv":
        reason = without_mark(reason)
    folded = (_cell(cells, columns.cause) or reason).casefold()
    is_complaint = folded in _COMPLAINTS
    is_marketing = (
        is_complaint
        or folded in _UNSUBSCRIBES
        or _cell(cells, columns.scope).casefold() in (Scope.MARKETING, "non_transactional")
    )
    until = _cell(cells, columns.until)
    row = ListRow(
        format=name,
        address=listed,
        at=_parse_time(_cell(cells, columns.created)),
        reason=reason,
        cause=Cause.COMPLAINT if is_complaint else _cause(_cell(cells, columns.cause)),
        scope=Scope.MARKETING if is_marketing else Scope.ALL,
        until=_parse_time(until),
    )
    if until and row.until is None:
        return row._replace(error=f"until is no time: {until[:40]}")
    return row._replace(error=name_error(listed) or "")


def _cause(text: str) -> Cause | None:
    return Cause(text) if text in Cause.__members__.values() else None


class _Columns(NamedTuple):
    """Positions of columns; None if the table has no such column."""

    reason: int | None = None
    created: int | None = None
    scope: int | None = None
    until: int | None = None
    cause: int | None = None


def _columns(table: Table, format_: Format) -> _Columns:
    names = [cell.strip().casefold() for cell in table.header]
    if not names:
        return _Columns(reason=table.address + 1)  # the columns of SES, which has no header
    return _Columns(
        reason=next((names.index(c) for c in format_.reason if c in names), None),
        created=next((names.index(c) for c in format_.created if c in names), None),
        scope=next((names.index(c) for c in ("scope", "type") if c in names), None),
        until=names.index("until") if "until" in names else None,
        cause=names.index("cause") if "cause" in names else None,
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


def _parse_time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        if text.isascii() and text.isdecimal() and len(text) < 15:
            return datetime.fromtimestamp(int(text), UTC)
        when = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
