"""Small random worlds: what befalls a few addresses of several receivers and domains over some
weeks, as Findings.

Used by tests of laws that must hold in every world: order, splits and repetitions of what is read
change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st

from bouncewise.classifier.classify import default_classifier
from bouncewise.ledger import Store, open_store
from bouncewise.model import Decision, Finding, Incident, Kind, Reply, Report, Source
from bouncewise.operations.context import Context
from bouncewise.operations.ingest import Session
from bouncewise.policy.load import load
from bouncewise.readers.base import key_of
from bouncewise.rfc.reply import parse

START = datetime(2026, 1, 5, tzinfo=UTC)
POLICY = load()

HOSTS = {
    "gmail.com": "gmail-smtp-in.l.google.com",
    "tenant.example": "tenant-example.mail.protection.outlook.com",
    "other.example": "other-example.mail.protection.outlook.com",
    "small.example": "mx.small.example",
    "gone.example": "mx.gone.example",
}
ADDRESSES = [f"u{i}@{domain}" for domain in HOSTS for i in range(5)]
REPLIES = {
    "unknown": "550 5.1.1 The email account that you tried to reach does not exist",
    "denied": "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)",
    "full": "552 5.2.2 The email account that you tried to reach is over quota",
    "nxdomain": (
        "Host or domain name not found. Name service error for name=x type=AAAA: Host not found"
    ),
    "blocked": (
        "550 5.7.1 Service unavailable, client host [192.0.2.1] blocked using zen.spamhaus.org"
    ),
    "moment": "451 4.3.0 Temporary lookup failure",
}
KINDS = ["sent", "sent", "sent", "sent", *REPLIES, "complaint"]


class Happening(NamedTuple):
    """What befell one address at one minute."""

    minute: int
    address: str
    what: str

    @property
    def at(self) -> datetime:
        return START + timedelta(minutes=self.minute)

    def finding(self) -> Finding:
        text = REPLIES.get(self.what)
        kind = {"sent": Kind.DELIVERED, "complaint": Kind.COMPLAINT, "moment": Kind.DELAYED}.get(
            self.what, Kind.FAILED
        )
        report = Report(
            source=Source("world", "test", 0),
            kind=kind,
            recipient=self.address,
            at=self.at,
            remote_mta=None
            if self.what == "nxdomain"
            else HOSTS.get(self.address.partition("@")[2], "mx.pulse.example"),
            reply=Reply(*parse(text)[:2], text) if text else None,
        )
        return Finding(report, repr(self).encode(), key_of(*map(str, self)))


@st.composite
def worlds(draw: st.DrawFn, days: int = 60) -> list[Happening]:
    """Single happenings, and mailings to a whole domain that end alike for most of it; none at
    midnight.
    """
    when = st.builds(
        lambda day, minute: day * 1440 + minute, st.integers(0, days - 1), st.integers(1, 1430)
    )
    singles = draw(
        st.lists(
            st.builds(Happening, when, st.sampled_from(ADDRESSES), st.sampled_from(KINDS)),
            max_size=25,
        )
    )
    mailings = draw(
        st.lists(
            st.tuples(
                when, st.sampled_from(list(HOSTS)), st.sampled_from(KINDS), st.integers(0, 5)
            ),
            max_size=14,
        )
    )
    found = [*singles]
    for minute, domain, what, others in mailings:
        people = [a for a in ADDRESSES if a.endswith(f"@{domain}")]
        found += [
            Happening(minute + i, a, "sent" if i < others else what) for i, a in enumerate(people)
        ]
    return found


def pulse(days: int) -> list[Happening]:
    """A delivery to an address apart, late each day: evidence goes on whatever happens."""
    return [Happening(day * 1440 + 1435, "pulse@pulse.example", "sent") for day in range(days)]


def ingest(path: Path, parts: Sequence[Sequence[Happening]]) -> Store:
    """A ledger that read *parts* one after the other; the caller closes it."""
    context = Context(open_store(path, create=True), POLICY, default_classifier())
    for part in parts:
        session = Session(context, "world")
        for happening in part:
            session.add(happening.finding())
        session.settle()
    return context.ledger


def derived(ledger: Store) -> tuple[dict[str, Decision], list[Incident]]:
    """Everything that follows from the evidence of a ledger."""
    return dict(ledger.states()), ledger.incidents.all()
