"""The JSON of ``sender complaints``."""

from __future__ import annotations

from typing import Annotated

from bouncewise.contract.base import Record, about
from bouncewise.operations.complaints import LoopState, Rate


class ComplaintRateRow(Record, frozen=True, kw_only=True):
    """``sender complaints``: one stream at one receiver."""

    stream: Annotated[str, about("the stream; empty: unknown")]
    receiver: Annotated[str, about("the receiver's id; empty: other hosts")]
    delivered: Annotated[int, about("addresses delivered to, each once a day and campaign")]
    complaints: Annotated[int, about("addresses that complained")]
    claimed: Annotated[int, about("of them, those that nothing proves")]
    rate: Annotated[float | None, about("complaints per delivery; null without deliveries")]
    level: Annotated[str, about("`over-limit` `over-aim` `fine` `few` `unreported`")]

    @classmethod
    def of(cls, rate: Rate) -> ComplaintRateRow:
        """The row of a rate."""
        share = rate.complaints / rate.delivered if rate.delivered else None
        return cls(**{**rate._asdict(), "level": rate.level.value}, rate=share)


class FeedbackLoopRow(Record, frozen=True, kw_only=True):
    """A feedback loop of a receiver that mail was delivered to."""

    feedback_loop: Annotated[str, about("the receiver's id")]
    kind: Annotated[str, about("`reports` `rates` `none`")]
    delivered: Annotated[int, about("addresses delivered to")]
    enrolled: Annotated[bool, about("bouncewise.toml has it")]
    arriving: Annotated[bool, about("complaints from there are in the ledger")]
    enrol: Annotated[str, about("how to enrol")]
    source: Annotated[str, about("where that is described")]

    @classmethod
    def of(cls, state: LoopState) -> FeedbackLoopRow:
        """The row of a loop."""
        return cls(
            feedback_loop=state.loop.receiver,
            kind=state.loop.kind.value,
            delivered=state.delivered,
            enrolled=state.enrolled,
            arriving=state.arriving,
            enrol=state.loop.enrol,
            source=state.loop.source,
        )
