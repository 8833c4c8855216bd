"""What ``incidents`` writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from bouncewise.contract.base import Record, about, time
from bouncewise.model import Alert, Incident, Ruling, State

if TYPE_CHECKING:
    from bouncewise.operations.incidents import Details
    from bouncewise.operations.rulings import StateChange


class IncidentRow(Record, frozen=True, kw_only=True):
    """An incident: many addresses of one destination that were delivered to lately are refused
    at once.
    """

    incident: Annotated[str, about("a receiver's id or `@domain`")]
    opened: Annotated[str | None, about("when it began")]
    closed: Annotated[str | None, about("when it ended; null: it is open")]
    recovered: Annotated[
        bool | None,
        about("null while open; true: the addresses exist; false: those mailboxes are gone"),
    ]
    refused: Annotated[int, about("addresses newly refused")]
    mailed: Annotated[int, about("mails to addresses delivered to lately, since it opened")]
    baseline_rate: Annotated[
        float | None,
        about("the destination's usual share; null: a domain where nobody was ever delivered to"),
    ]

    @classmethod
    def of(cls, i: Incident) -> IncidentRow:
        """The row of an Incident."""
        return cls(**_incident(i))


def _incident(i: Incident) -> dict[str, Any]:
    return {
        "incident": i.destination,
        "opened": time(i.opened),
        "closed": time(i.closed),
        "recovered": i.recovered if i.closed else None,
        "refused": i.newly_refused,
        "mailed": i.mailed,
        "baseline_rate": i.baseline_rate and round(i.baseline_rate, 6),
    }


class RulingRow(Record, frozen=True, kw_only=True):
    """A decision of a person about an incident."""

    closed: str | None
    at: str | None
    why: str
    by: str


class IncidentDetails(IncidentRow, frozen=True, kw_only=True):
    """``incidents show``: an incident in full."""

    addresses: Annotated[dict[str, str], about("each address that it refused, to its state now")]
    samples: Annotated[tuple[str, ...], about("the most frequent words of the refusals")]
    rulings: Annotated[
        tuple[RulingRow, ...],
        about("decisions of people: `closed` (null: a false alarm), `at`, `why`, `by`"),
    ]

    @classmethod
    def of_details(cls, found: Details, states: dict[str, State]) -> IncidentDetails:
        """The record of an incident's Details, with the state of each address."""
        rulings = (
            RulingRow(closed=time(r.closed), at=time(r.at), why=r.why, by=r.by)
            for r in found.rulings
        )
        return cls(
            **_incident(found.incident),
            addresses={name: str(state) for name, state in states.items()},
            samples=tuple(found.samples),
            rulings=tuple(rulings),
        )


class StateChangeRow(Record, frozen=True, kw_only=True):
    """An address whose state differs."""

    address: str
    before: str = msgspec.field(name="from")
    after: str = msgspec.field(name="to")


class RulingRecord(Record, frozen=True, kw_only=True):
    """``incidents close`` and ``ignore``."""

    incident: Annotated[str, about("a receiver's id or `@domain`")]
    opened: Annotated[str | None, about("when the incident began")]
    closed: Annotated[str | None, about("when it ended; null: it is marked as a false alarm")]
    by: Annotated[str, about("who decided")]
    why: Annotated[str, about("the reason")]
    changed: Annotated[
        tuple[StateChangeRow, ...],
        about("the addresses whose state differs: `address`, `from`, `to`"),
    ]
    dry_run: Annotated[bool, about("true: nothing was stored")]

    @classmethod
    def of(cls, ruling: Ruling, changed: list[StateChange], *, dry_run: bool) -> RulingRecord:
        """The record of a Ruling and what it changed."""
        rows = tuple(
            StateChangeRow(address=c.name, before=c.before, after=c.after) for c in changed
        )
        return cls(
            incident=ruling.destination,
            opened=time(ruling.opened),
            closed=time(ruling.closed),
            by=ruling.by,
            why=ruling.why,
            changed=rows,
            dry_run=dry_run,
        )


class AlertRow(Record, frozen=True, kw_only=True):
    """An alert: receivers refuse the sender or the message, not the recipients; or many notices
    are claims that nothing proves.
    """

    alert: Annotated[str, about("the cause; `claims`: notices that nothing proves")]
    since: Annotated[str | None, about("the first refusal")]
    until: Annotated[str | None, about("the last refusal")]
    receivers: Annotated[
        tuple[str, ...], about("their ids; `other` for hosts of no known receiver")
    ]
    refused: Annotated[int, about("addresses; of `claims`, notices")]
    share: Annotated[float, about("of the mail to them on those days")]
    samples: Annotated[tuple[str, ...], about("words of the refusals")]
    do: Annotated[tuple[str, ...], about("what to do about it")]

    @classmethod
    def of(cls, a: Alert, do: tuple[str, ...]) -> AlertRow:
        """The row of an Alert; *do*: what its cause calls for."""
        return cls(
            alert=a.cause or "claims",
            since=time(a.since),
            until=time(a.until),
            receivers=tuple(r or "other" for r in a.receivers),
            refused=a.refused,
            share=round(a.share, 4),
            samples=a.samples,
            do=do,
        )
