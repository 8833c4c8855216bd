"""Under which names a report stands, which of them was mailed, and how far it is believed.

Reads: the names and the provenance of a report, and the mail that own logs recorded. Gives: the
columns that follow. Pure; the same for any order in which reports and logs are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bouncewise.ledger.entries import EventColumns, Names, Origin
from bouncewise.ledger.mails import RETURN_DAYS, Recorded, first_of
from bouncewise.ledger.rows import domain_of, id_of
from bouncewise.model import Advice, Channel, Proof
from bouncewise.model.bearing import bearing, concerns_domain, directory
from bouncewise.model.trust import OWN_CHANNELS, trust_of
from bouncewise.times import MICROS_A_DAY, Micros


class Place(NamedTuple):
    """A report under one name: the columns that the name and the recorded mail decide."""

    name: str
    advice: str | None
    meant: int
    about: str
    trust: str
    bearing: str
    directory: str
    mailed: int | None
    valid_before: int

    @property
    def columns(self) -> tuple[object, ...]:
        """Those that change when a mail is recorded later, in the order of query event_place."""
        return self[1:]


def places(
    names: Names, at: Micros, columns: EventColumns, origin: Origin, mail: Recorded
) -> Iterator[Place]:
    """The report under each of its names, and under the domain's where it is about a domain."""
    meant, matched = _meant(names, origin, mail)
    own = Channel(origin.channel) in OWN_CHANNELS
    trust = trust_of(Channel(origin.channel), Proof(origin.proof), matched=matched)
    about = names.final if meant != names.final else ""
    mailed = first_of(mail.accepted) if mail.accepted is not None and matched | own else None
    valid_before = _valid_before(origin, at, mailed)
    for name in dict.fromkeys(n for n in (meant, names.verp, names.original, names.final) if n):
        is_meant = name == meant
        advice = advice_for(columns.advice, name, names.final)
        yield Place(
            name,
            advice,
            int(is_meant),
            about if is_meant else meant,
            trust.value,
            bearing(columns.kind, advice, trust, meant=is_meant).value,
            directory(columns.cause, columns.receiver),
            mailed if is_meant else None,
            valid_before,
        )
    if concerns_domain(columns.kind, columns.cause, columns.receiver, trust):
        yield Place(
            domain_of(names.final),
            columns.advice,
            1,
            "",
            trust.value,
            bearing(columns.kind, columns.advice, trust).value,
            directory(columns.cause, columns.receiver),
            None,
            at,
        )


def advice_for(advice: str | None, name: str, final: str) -> str | None:
    """The advice for one of the names: where the domain that fails is that to which mail was
    forwarded, it concerns only the address that forwards.
    """
    if advice == Advice.SUPPRESS_DOMAIN and domain_of(name) != domain_of(final):
        return Advice.SUPPRESS_ADDRESS.value
    return advice


def _meant(names: Names, origin: Origin, mail: Recorded) -> tuple[str, bool]:
    """The name that was mailed; and whether own logs recorded that, for it and no other.

    A signed return address names it for certain. Then the recorded recipient, where the notice
    or the returned header names it, too, and does not name the final recipient beside it. Then an
    unsigned return address, Original-Recipient, and last Final-Recipient (RFC 3464 section 2.3).
    """
    if origin.proof == Proof.VERP and names.verp:
        return names.verp, mail.address == id_of(names.verp)
    known = (names.verp, names.original, names.final)
    for name in filter(None, known):
        if mail.address and mail.address == id_of(name):
            return name, True
    if names.final not in names.header:
        for name in names.header:
            if mail.address and mail.address == id_of(name):
                return name, True
    return next(filter(None, known), ""), False


def _valid_before(origin: Origin, at: Micros, mailed: Micros | None) -> Micros:
    """Before when a delivery is of another mail than the one that the report is about."""
    if mailed is not None:
        return min(at, mailed)
    if Channel(origin.channel) in OWN_CHANNELS:
        return at
    return Micros(at - RETURN_DAYS * MICROS_A_DAY)
