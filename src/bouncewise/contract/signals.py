"""The JSON of figures of receivers."""

from __future__ import annotations

from typing import Annotated

from bouncewise.contract.base import Record, about
from bouncewise.model.sender_report import Signal
from bouncewise.operations.signals import Trend


class SignalRow(Record, frozen=True, kw_only=True):
    """A figure of Microsoft SNDS or Gmail Postmaster Tools."""

    kind: Annotated[str, about("`signal`")]
    origin: Annotated[str, about("`snds` `postmaster`")]
    subject: Annotated[str, about("the IP address or domain")]
    day: Annotated[str, about("the day")]
    name: Annotated[str, about("the figure; of Postmaster Tools v2, your own name of the metric")]
    value: Annotated[float | None, about("rates from 0 to 1; `filter_result` 0 green to 2 red")]
    words: Annotated[str, about("the value as written, where it is no number")]

    @classmethod
    def of(cls, signal: Signal) -> SignalRow:
        """The row of a signal."""
        return cls(
            kind="signal",
            origin=signal.origin,
            subject=signal.subject,
            day=signal.day.isoformat(),
            name=signal.name,
            value=signal.value,
            words=signal.words,
        )


class TrendRow(SignalRow, frozen=True, kw_only=True):
    """``sender signals``: the last reading of a figure."""

    before: Annotated[float | None, about("mean of up to seven readings before it")]
    finding: Annotated[str, about("what is bad about it; empty: nothing")]

    @classmethod
    def of_trend(cls, trend: Trend) -> TrendRow:
        """The row of a trend."""
        fields = {**trend._asdict(), "day": f"{trend.day:%Y-%m-%d}"}
        return cls(kind="signal", **fields)
