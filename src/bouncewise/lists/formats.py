"""Suppression lists in the formats of ESPs and Postfix: one row of data per format.

Sources: SES v2 import/export jobs (``email,BOUNCE``); SendGrid ``/v3/suppression/bounces`` as CSV; Postmark
suppressions dump; Mailgun bounces export; SparkPost suppression list CSV; Postfix access(5).
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


class Imported(NamedTuple):
    """One row of an imported list. ``reason`` is all that it says of the reason, at best an SMTP reply."""

    form: str
    address: str
    at: datetime | None
    reason: str
    cause: Cause | None
    scope: Scope


class Format(NamedTuple):
    """A list format: how its columns are called, and how a row of ours is written in it."""

    about: str
    address: tuple[str, ...]
    reason: tuple[str, ...]
    created: tuple[str, ...]
    header: tuple[str, ...]
    row: Callable[[str, Decision], tuple[str, ...]]


def _time(when: datetime | None) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if when else ""


def _is_complaint(d: Decision) -> bool:
    return d.cause is Cause.COMPLAINT or d.rule == "complaint"


FORMATS: dict[str, Format] = {
    "csv": Format(
        about="bouncewise's own columns",
        address=("email", "address", "recipient", "rcpt"),
        reason=("why", "reason", "diagnostic"),
        created=("since", "created", "first_seen"),
        header=("email", "cause", "scope", "since", "until", "why", "rule", "by"),
        row=lambda a, d: (
            a,
            d.cause or "",
            d.scope,
            _time(d.since),
            _time(d.until),
            d.why,
            d.rule,
            d.by or "bouncewise",
        ),
    ),
    "ses": Format(
        about="Amazon SES account list: email,BOUNCE|COMPLAINT",
        address=("email", "emailaddress"),
        reason=("reason",),
        created=("lastupdatetime",),
        header=(),
        row=lambda a, d: (a, "COMPLAINT" if _is_complaint(d) else "BOUNCE"),
    ),
    "sendgrid": Format(
        about="Twilio SendGrid bounces",
        address=("email",),
        reason=("reason",),
        created=("created",),
        header=("created", "email", "reason", "status"),
        row=lambda a, d: (str(int(d.since.timestamp())) if d.since else "", a, d.why, ""),
    ),
    "postmark": Format(
        about="Postmark suppressions dump",
        address=("emailaddress",),
        reason=("suppressionreason",),
        created=("createdat",),
        header=("EmailAddress", "SuppressionReason", "Origin", "CreatedAt"),
        row=lambda a, d: (
            a,
            "SpamComplaint" if _is_complaint(d) else "HardBounce",
            "Customer",
            _time(d.since),
        ),
    ),
    "mailgun": Format(
        about="Mailgun bounces",
        address=("address",),
        reason=("error",),
        created=("created_at", "created at"),
        header=("address", "code", "error", "created_at"),
        row=lambda a, d: (a, d.why[:3] if d.why[:3].isdigit() else "550", d.why, _time(d.since)),
    ),
    "sparkpost": Format(
        about="SparkPost suppression list",
        address=("recipient", "email"),
        reason=("description", "source"),
        created=("created", "updated"),
        header=("recipient", "type", "description"),
        row=lambda a, d: (
            a,
            "non_transactional" if d.scope is Scope.MARKETING else "transactional",
            d.why,
        ),
    ),
}

# Words of these lists for reasons that reach no further than marketing, folded. All others reach all mail.
_COMPLAINTS = frozenset({"complaint", "spamcomplaint", "spam complaint"})
_UNSUBSCRIBES = frozenset({"unsubscribe", "unsubscribed", "unsubscribe link", "list unsubscribe"})


def detect(header: list[str]) -> str:
    """The format whose columns are those of *header*; SES where there is none."""
    names = {name.strip().casefold() for name in header}
    if not names:
        return "ses"
    best = max(FORMATS, key=lambda f: len(names & {h.casefold() for h in FORMATS[f].header}))
    return best if names & {h.casefold() for h in FORMATS[best].header} else "csv"


def load(path: Path, name: str | None) -> Iterator[Imported]:
    """The rows of the list at *path*, in the format *name* or the one it looks like."""
    with Table.open(path) as table:
        name = name or detect(table.header)
        form = FORMATS[name]
        columns = [cell.strip().casefold() for cell in table.header]
        reason = next(
            (columns.index(c) for c in form.reason if c in columns),
            None if columns else table.address + 1,
        )
        created = next((columns.index(c) for c in form.created if c in columns), None)
        scopes = columns.index("scope") if "scope" in columns else None
        for row in table.rows:
            if table.address < len(row) and row[table.address].strip():
                reason_text = _cell(row, reason)
                cause = Cause.COMPLAINT if reason_text.casefold() in _COMPLAINTS else None
                wish = (
                    cause is not None
                    or reason_text.casefold() in _UNSUBSCRIBES
                    or _cell(row, scopes) == Scope.MARKETING
                )
                scope = Scope.MARKETING if wish else Scope.ALL
                yield Imported(
                    name,
                    row[table.address].strip(),
                    _parsed(_cell(row, created)),
                    reason_text,
                    cause,
                    scope,
                )


def dump(name: str, suppressions: Iterable[tuple[str, Decision]]) -> Iterator[str]:
    """The lines of a list in the format *name*. Domains stand in formats that can say them: csv and postfix."""
    if name == "postfix":
        for listed, d in suppressions:
            yield f"{listed.removeprefix('@')}\t550 5.1.1 {_plain(d.why or d.cause or 'suppressed')}\n"
        return
    form = FORMATS[name]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    if form.header:
        writer.writerow(form.header)
    for listed, d in suppressions:
        if name == "csv" or not listed.startswith("@"):
            writer.writerow(
                [
                    cell if i == 0 else without_formula(cell)
                    for i, cell in enumerate(form.row(listed, d))
                ]
            )
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def without_formula(cell: str) -> str:
    """What a spreadsheet would run as a formula, made plain text (OWASP: CSV injection)."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _plain(text: str) -> str:
    return " ".join(text.encode("ascii", "replace").decode().split())[:120]


def _cell(row: list[str], at: int | None) -> str:
    return row[at].strip() if at is not None and at < len(row) else ""


def _parsed(text: str) -> datetime | None:
    if not text:
        return None
    try:
        if text.isdigit():
            return datetime.fromtimestamp(int(text), UTC)
        found = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
    except (ValueError, OverflowError, OSError):
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
