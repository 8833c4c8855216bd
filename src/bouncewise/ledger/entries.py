"""Findings as they enter the ledger: a delivery is a few values, everything else carries its
evidence.

Pure: an entry may be made in another process than the one that writes it.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple

import msgspec

from bouncewise.ledger.rows import ASSUMED_YEAR, DATED, UNDATED, key_of
from bouncewise.model import Cause, Finding, Kind, Report, Verdict
from bouncewise.model.absence import ABSENCE_RULE
from bouncewise.model.trust import OWN_CHANNELS
from bouncewise.rfc import address
from bouncewise.rfc.reply import innermost
from bouncewise.times import MICROS_A_DAY, Micros, micros

MAX_EVIDENCE = 256 * 1024
"""Octets of raw evidence kept of one message: the bounce and the head of what it returned."""

MAX_WORDS = 200
"""Characters kept of the words that decided, with the codes before them."""

MAX_NAMES = 4
"""Recipients in the header of a returned mail that may be the one that the notice concerns."""

EARLIEST = Micros(631_152_000_000_000)
"""1990: no report of a mail server is older."""

SMART_HOST = "*"
"""The relay of mail that was certainly only handed over."""

_SUBMISSION = (465, 587, 2525)
"""RFC 6409, RFC 8314 section 3.3: ports at which clients submit mail; 2525 is their usual
alternative. A receiver's MX answers at 25."""

_SHARED = frozenset(["ac", "co", "com", "edu", "gob", "gov", "go", "ne", "net", "nom", "or", "org"])
"""Second labels below which countries register names of organisations."""


class DeliveryEntry(NamedTuple):
    """Mail was delivered to a normalised address by a receiver ('' where it is not known).

    ``relay``: the host that accepted it, where it may only pass it on, else ''; ``mail``: the key
    of its Message-ID or queue id, 0 where it has none; ``mailing``: its stream and campaign;
    ``source``: which log or export it comes from.
    """

    name: str
    at: Micros
    receiver: str
    relay: str
    mail: int
    mailing: tuple[str, str] | None
    source: str


class EventColumns(NamedTuple):
    """What the ledger's columns say of an event, by the rules that were applied last."""

    kind: str
    cause: str | None
    advice: str | None
    rule: str
    words: str
    receiver: str


class Origin(NamedTuple):
    """The provenance of an event, as columns; keys of the mail are 0 where they are not known."""

    channel: str
    proof: str
    undated: int
    message: int
    queue: int
    sent: int | None
    arrived: int | None


class Names(NamedTuple):
    """The names that a report gives one recipient, normalised; '' where it has none: in our
    return address, in ORCPT, as the last system knew it; and those in the returned header.
    """

    verp: str
    original: str
    final: str
    header: tuple[str, ...]


class EventEntry(NamedTuple):
    """What is no delivery. ``at``: when it was read, where the report has no time of its own;
    ``digest`` identifies its content; ``packed`` is msgpack of [report, raw, verdict].
    """

    names: Names
    at: Micros
    digest: int
    columns: EventColumns
    origin: Origin
    mailing: tuple[str, str] | None
    source: str
    packed: bytes

    @property
    def name(self) -> str:
        """The name by which the last system knew the recipient."""
        return self.names.final


Entry = DeliveryEntry | EventEntry


def entry(
    finding: Finding,
    verdict: Verdict | None,
    receiver: str,
    began: Micros,
    own: bool | None = None,
) -> Entry:
    """The entry of a finding.

    *began*: when reading began, the time of a report that has none of its own, or one that cannot
    be; *own*: whether the host that answered is the *receiver*'s own, None where that is not known.
    """
    report = finding.report
    provenance = report.provenance
    if report.kind is Kind.DELIVERED and provenance.channel in OWN_CHANNELS:
        return _delivery(report, receiver, began, own)
    at = _possible(report.at, began)
    # A rule may have hundreds of phrases; the one that decided is among the words of the
    # columns.
    judged = msgspec.structs.replace(verdict, phrases=()) if verdict else None
    packed = msgspec.msgpack.encode([report, finding.raw[:MAX_EVIDENCE], judged])
    origin = Origin(
        provenance.channel.value,
        provenance.proof.value,
        UNDATED if at is None else ASSUMED_YEAR if provenance.assumed_year else DATED,
        _message_key(report.message_id) if report.message_id else 0,
        _queue_key(provenance.queue_id) if provenance.queue_id else 0,
        _possible(provenance.sent, began),
        _possible(provenance.arrived, began),
    )
    return EventEntry(
        names_of(report),
        began if at is None else at,
        int.from_bytes(finding.key[:8], signed=True),
        event_columns(report, verdict),
        origin,
        _mailing(report),
        _source(report),
        packed,
    )


def _delivery(report: Report, receiver: str, began: Micros, own: bool | None) -> DeliveryEntry:
    at, queue_id = _possible(report.at, began), report.provenance.queue_id
    name = address.normalise(report.original_recipient or report.recipient)
    mail = _message_key(report.message_id) if report.message_id else 0
    return DeliveryEntry(
        name,
        began if at is None else at,
        receiver,
        _relay(report, name, own),
        mail or (_queue_key(queue_id) if queue_id else 0),
        _mailing(report),
        _source(report),
    )


def _mailing(report: Report) -> tuple[str, str] | None:
    """The stream and the campaign; None where neither is known."""
    named = report.stream or report.campaign
    return (report.stream or "", report.campaign or "") if named else None


def _source(report: Report) -> str:
    """The ESP, or the reader, that the report comes from."""
    return report.esp.name if report.esp else report.source.reader


def _possible(when: datetime | None, began: Micros) -> Micros | None:
    """The time *when*; None where there is none, or one that cannot be: before 1990, or later than
    a day after it was read.
    """
    at = None if when is None else micros(when)
    return at if at is not None and EARLIEST <= at <= began + MICROS_A_DAY else None


def time_of(report: Report, began: Micros) -> Micros:
    """The time under which a report is filed: its own, or when its reading *began*."""
    at = _possible(report.at, began)
    return began if at is None else at


def names_of(report: Report) -> Names:
    """The names that a report gives its recipient."""
    verp = address.normalise(report.verp_recipient) if report.verp_recipient else ""
    original = address.normalise(report.original_recipient) if report.original_recipient else ""
    final = address.normalise(report.recipient)
    header = tuple(address.normalise(name) for name in report.header_recipients[:MAX_NAMES])
    return Names(verp, original if original != final else "", final, header)


def label_of(report: Report) -> str:
    """What an ESP calls the event, with the ESP's name, where it quotes no server; else ''."""
    if report.esp is None or report.reply is not None:
        return ""
    return f"{report.esp.name}: {report.esp.label}"[:MAX_WORDS]


def event_columns(report: Report, v: Verdict | None) -> EventColumns:
    """The columns of a report with this verdict."""
    kind = report.kind.value
    if v is None and report.absence is not None:
        absence = report.absence
        rule, words = f"{ABSENCE_RULE}{absence.state}", absence.summary[:MAX_WORDS]
        return EventColumns(kind, None, None, rule, words, "")
    if v is None:
        return EventColumns(kind, None, None, "", kind, "")
    codes = " ".join(str(c) for c in (v.reply_code, v.status) if c)
    # (of a reply that nobody knows, the whole says more than its codes)
    shown = innermost(v.reply) if v.cause is Cause.UNKNOWN else f"{codes} {v.evidence}"
    words = shown.strip()[:MAX_WORDS] or label_of(report)
    return EventColumns(kind, v.cause.value, v.advice.value, v.rule, words, v.receiver or "")


@lru_cache(maxsize=4096)  # a mailing may use one for all its mails
def _message_key(message_id: str) -> int:
    return key_of(f"m:{message_id.strip().strip('<>')}")


def _queue_key(queue_id: str) -> int:
    return key_of(f"q:{queue_id}")


def _relay(report: Report, name: str, own: bool | None) -> str:
    """The host that accepted a mail, where it may only pass it on: not a host below the
    recipient's own domain, or of its receiver.
    """
    if report.provenance.handed_over or report.remote_port in _SUBMISSION:
        return SMART_HOST
    return _passed_on_by(report.remote_mta, report.remote_ip, name.rpartition("@")[2], own)


@lru_cache(maxsize=1 << 14)
def _passed_on_by(host: str | None, ip: str | None, domain: str, own: bool | None) -> str:
    if _is_inside(ip):
        return SMART_HOST
    registered = _registered((host or "").rstrip(".").lower())
    if own or not registered or registered == _registered(domain):
        return ""
    return registered if own is None else SMART_HOST


def _is_inside(ip: str | None) -> bool:
    """Whether an address belongs to this host or this network."""
    try:
        found = ip_address(ip or "")
    except ValueError:
        return False
    return found.is_loopback or found.is_link_local or (found.is_private and not _is_example(ip))


def _is_example(ip: str | None) -> bool:
    """RFC 5737, RFC 3849: addresses for documentation, which Python counts as private."""
    return (ip or "").startswith(("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:"))


def _registered(host: str) -> str:
    """The domain under which a host is registered, nearly: its last two labels, three below
    names like co.uk. Near enough to tell a domain's own hosts from those of others.
    """
    labels = host.split(".")
    if labels[-1].isdigit():
        return host  # an IPv4 address
    shared = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SHARED
    return ".".join(labels[-3 if shared else -2 :])
