"""Suppressions in the formats of ESPs and Postfix: one row of data per format.

Reads: names and their Decisions. Gives: the lines of a list, and what is lost in it. Refuses:
entries that a format cannot hold as what they are; cells that a spreadsheet would run as formulas
(OWASP, CSV injection). Sources: SES v2 import jobs (``email,BOUNCE``); SendGrid
``/v3/suppression/…`` as CSV; Postmark suppressions dump; Mailgun ``/bounces/import`` (created_at in
RFC 2822 form); SparkPost suppression list CSV; Postfix access(5).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from bouncewise.encode import for_csv
from bouncewise.lists.dates import format_mail_time, format_time
from bouncewise.lists.postfix import POSTFIX
from bouncewise.model import Cause, Decision, Scope

Rows = tuple[tuple[str, ...], ...]


class Kind(StrEnum):
    """What an entry is in the lists of ESPs."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"


class Loss(StrEnum):
    """What is lost of an entry in a format."""

    DOMAIN = "domain"
    ADDRESS = "address"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    MARKETING = "marketing"
    UNTIL = "until"


class Format(NamedTuple):
    """A format: the header and the rows to write. ``kinds``: those that it has entries for;
    ``stops_all``: there is no entry for marketing mail only; ``has_all``: it also holds domains,
    and when an entry ends.
    """

    about: str
    header: tuple[str, ...]
    rows: Callable[[str, Decision], Rows]
    kinds: frozenset[Kind] = frozenset(Kind)
    stops_all: bool = False
    has_all: bool = False


def kind_of(d: Decision) -> Kind:
    """What a suppression is in the lists of ESPs."""
    if d.cause is Cause.COMPLAINT or d.rule == "complaint":
        return Kind.COMPLAINT
    return Kind.BOUNCE if d.scope is Scope.ALL else Kind.UNSUBSCRIBE


def _csv_rows(address: str, d: Decision) -> Rows:
    since = format_time(d.since)
    # Rounded up: a list that comes back must not end earlier.
    until = format_time(d.until and d.until + timedelta(microseconds=999_999))
    return ((address, d.cause or "", d.scope, since, until, d.why, d.rule, d.by or "bouncewise"),)


def _ses_rows(address: str, d: Decision) -> Rows:
    return ((address, "COMPLAINT" if kind_of(d) is Kind.COMPLAINT else "BOUNCE"),)


def _epoch(d: Decision) -> str:
    return str(int(d.since.timestamp())) if d.since else ""


def _sendgrid_rows(address: str, d: Decision) -> Rows:
    return ((_epoch(d), address, d.why, ""),)


def _postmark_rows(address: str, d: Decision) -> Rows:
    # An unsubscribe, or an entry by hand without a cause, is no bounce.
    other = "HardBounce" if d.cause and d.scope is Scope.ALL else "ManualSuppression"
    reason = "SpamComplaint" if kind_of(d) is Kind.COMPLAINT else other
    return ((address, reason, "Customer", format_time(d.since)),)


def _mailgun_rows(address: str, d: Decision) -> Rows:
    code = d.why[:3] if d.why[:3].isdigit() else "550"
    return ((address, code, d.why, format_mail_time(d.since)),)


def _sparkpost_rows(address: str, d: Decision) -> Rows:
    """A row for each type of mail: neither includes the other."""
    marketing = (address, "non_transactional", d.why)
    return ((address, "transactional", d.why), marketing) if d.scope is Scope.ALL else (marketing,)


_COMPLAINTS, _UNSUBSCRIBES = frozenset({Kind.COMPLAINT}), frozenset({Kind.UNSUBSCRIBE})
_BOUNCES = frozenset({Kind.BOUNCE})

FORMATS: dict[str, Format] = {
    "csv": Format(
        about="bouncewise's own columns",
        header=("email", "cause", "scope", "since", "until", "why", "rule", "by"),
        rows=_csv_rows,
        has_all=True,
    ),
    "ses": Format(
        about="Amazon SES account list: email,BOUNCE|COMPLAINT",
        header=(),
        rows=_ses_rows,
        kinds=_BOUNCES | _COMPLAINTS,
        stops_all=True,
    ),
    "sendgrid": Format(
        about="Twilio SendGrid bounces",
        header=("created", "email", "reason", "status"),
        rows=_sendgrid_rows,
        kinds=_BOUNCES,
    ),
    "sendgrid-spam": Format(
        about="Twilio SendGrid spam reports",
        header=("created", "email", "ip"),
        rows=lambda address, d: ((_epoch(d), address, ""),),
        kinds=_COMPLAINTS,
    ),
    "sendgrid-unsubscribes": Format(
        about="Twilio SendGrid global unsubscribes",
        header=("created", "email"),
        rows=lambda address, d: ((_epoch(d), address),),
        kinds=_UNSUBSCRIBES,
    ),
    "postmark": Format(
        about="Postmark suppressions dump",
        header=("EmailAddress", "SuppressionReason", "Origin", "CreatedAt"),
        rows=_postmark_rows,
    ),
    "mailgun": Format(
        about="Mailgun bounces",
        header=("address", "code", "error", "created_at"),
        rows=_mailgun_rows,
        kinds=_BOUNCES,
    ),
    "mailgun-complaints": Format(
        about="Mailgun complaints",
        header=("address", "created_at"),
        rows=lambda address, d: ((address, format_mail_time(d.since)),),
        kinds=_COMPLAINTS,
    ),
    "mailgun-unsubscribes": Format(
        about="Mailgun unsubscribes",
        header=("address", "tags", "created_at"),
        rows=lambda address, d: ((address, "*", format_mail_time(d.since)),),
        kinds=_UNSUBSCRIBES,
    ),
    "sparkpost": Format(
        about="SparkPost suppression list",
        header=("recipient", "type", "description"),
        rows=_sparkpost_rows,
    ),
}

_OF_POSTFIX = {
    "postfix": Format("", (), _csv_rows, stops_all=True),
    "postfix-domains": Format("", (), _csv_rows, stops_all=True),
}

ADVICE = {
    Loss.DOMAIN: "suppressed domains, for which it has no entry; --format csv has them",
    Loss.BOUNCE: "bounces, for which it has no entry",
    Loss.COMPLAINT: "complaints, for which it has no entry",
    Loss.UNSUBSCRIBE: "unsubscribes, for which it has no entry",
    Loss.MARKETING: "suppressions for marketing mail only, for it stops all mail; --marketing "
    "writes them, too",
    Loss.UNTIL: "suppressions that end, without their end",
}
"""What is lost, in words."""


def lost(name: str, listed: str, d: Decision, *, marketing: bool) -> Loss | None:
    """What is lost of an entry in the format *name*: all of it, but for UNTIL. *marketing*: entries
    for marketing mail are written where the format stops all mail.
    """
    form = FORMATS.get(name) or _OF_POSTFIX[name]
    if name == "postfix-domains" and not listed.startswith("@"):
        return Loss.ADDRESS
    if listed.startswith("@") and not form.has_all and name != "postfix-domains":
        return Loss.DOMAIN
    if (kind := kind_of(d)) not in form.kinds:
        return Loss(kind.value)
    if form.stops_all and d.scope is not Scope.ALL and not marketing:
        return Loss.MARKETING
    return Loss.UNTIL if d.until and not form.has_all else None


def dump(name: str, suppressions: Iterable[tuple[str, Decision]]) -> Iterator[str]:
    """The lines of a list in the format *name*, of entries that it can hold."""
    if name in POSTFIX:
        yield from filter(None, (POSTFIX[name](listed, d) for listed, d in suppressions))
        return
    form = FORMATS[name]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    if form.header:
        writer.writerow(form.header)
    for listed, d in suppressions:
        for row in form.rows(listed, d):
            writer.writerow([cell if cell == listed else for_csv(cell) for cell in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()
