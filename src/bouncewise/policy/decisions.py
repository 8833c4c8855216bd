"""The Decision that follows from an event of evidence, and which of two is stricter. Pure."""

from __future__ import annotations

from datetime import datetime

from bouncewise.model import Decision, Event, State

OK = Decision(state=State.OK)


def decision_of(event: Event, state: State, until: datetime | None) -> Decision:
    """The Decision that evidence makes by *event*."""
    return Decision(
        state=state,
        cause=event.cause,
        since=event.at,
        until=until,
        why=event.words,
        rule=event.rule or event.kind,
        trust=event.trust,
    )


def strictness(decision: Decision) -> tuple[bool, bool, bool, float]:
    """Sorts Decisions of one scope: suppressed is more than held, for good more than a time."""
    until = decision.until
    return (
        decision.state is not State.OK,
        decision.state is State.SUPPRESSED,
        until is None,
        until.timestamp() if until else 0.0,
    )
