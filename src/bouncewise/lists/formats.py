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
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from bouncewise.lists.table import Table
from bouncewise.model import Cause, Decision, Scope


class ListRow(NamedTuple):
    """One row of a suppression list; ``reason`` is the text it gives, at best an SMTP reply."""

    format: str
    address: str
    at: datetime | None
    reason: str
    cause: Cause | None
    scope: Scope


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
    since, until = _format_time(d.since), _format_time(d.until)
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
        for row in table.rows:
            if table.address < len(row) and row[table.address].strip():
                reason = _cell(row, columns.reason)
                is_complaint = reason.casefold() in _COMPLAINTS
                is_marketing = (
                    is_complaint
                    or reason.casefold() in _UNSUBSCRIBES
                    or _cell(row, columns.scope) == Scope.MARKETING
                )
                yield ListRow(
                    format=name,
                    address=row[table.address].strip(),
                    at=_parse_time(_cell(row, columns.created)),
                    reason=reason,
                    cause=Cause.COMPLAINT if is_complaint else None,
                    scope=Scope.MARKETING if is_marketing else Scope.ALL,
                )


class _Columns(NamedTuple):
    """Positions of columns; None if the table has no such column."""

    reason: int | None
    created: int | None
    scope: int | None


def _columns(table: Table, format_: Format) -> _Columns:
    names = [cell.strip().casefold() for cell in table.header]
    if not names:
        return _Columns(table.address + 1, None, None)  # the columns of SES, which has no header
    return _Columns(
        reason=next((names.index(c) for c in format_.reason if c in names), None),
        created=next((names.index(c) for c in format_.created if c in names), None),
        scope=names.index("scope") if "scope" in names else None,
    )


def dump(name: str, suppressions: Iterable[tuple[str, Decision]]) -> Iterator[str]:
    """The lines of a list in the format *name*; only "csv" and "postfix" contain domains."""
    if name == "postfix":
        for listed, d in suppressions:
            text = _plain_text(d.why or d.cause or "suppressed")
            yield f"{listed.removeprefix('@')}\t550 5.1.1 {text}\n"
        return
    format_ = FORMATS[name]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    if format_.header:
        writer.writerow(format_.header)
    for listed, d in suppressions:
        if name == "csv" or not listed.startswith("@"):
            first, *others = format_.row(listed, d)
            writer.writerow([first, *map(without_formula, others)])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def without_formula(cell: str) -> str:
    """*cell*, marked as text if a spreadsheet would run it as a formula (OWASP, CSV injection)."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _plain_text(text: str) -> str:
    return " ".join(text.encode("ascii", "replace").decode().split())[:120]


def _cell(row: list[str], column: int | None) -> str:
    return row[column].strip() if column is not None and column < len(row) else ""


def _parse_time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        if text.isdecimal() and len(text) < 15:
            return datetime.fromtimestamp(int(text), UTC)
        when = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
    except (ValueError, OverflowError, OSError):
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
