"""What ``segment`` writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from bouncewise.contract.base import Record, about, time

if TYPE_CHECKING:
    from bouncewise.operations.segment import Segmented

_SEGMENTS = "`active` `cooling` `lapsing` `dormant` `never` `new` `silent` `suppressed`"


class SegmentRow(Record, frozen=True, kw_only=True):
    """One object per address, in order; with `-o` or `--split` only the summary."""

    address: Annotated[str, about("as given")]
    normalized: Annotated[str | None, about("as it is compared; null where it is no address")]
    segment: Annotated[str | None, about(f"{_SEGMENTS}; null where it is no address")]
    last_act: Annotated[str | None, about("the day of the last act of a person")]
    mails_since: Annotated[int, about("days with mails after that act; without one, in all")]
    mails: Annotated[int, about("days with mails in all")]

    @classmethod
    def of(cls, found: Segmented) -> SegmentRow:
        """The row of an address."""
        return cls(
            address=found.address,
            normalized=found.name or None,
            segment=found.segment,
            last_act=time(found.last_act),
            mails_since=found.mails_since,
            mails=found.mails,
        )


class SegmentCostRow(Record, frozen=True, kw_only=True):
    """At the end: one object per segment."""

    segment: Annotated[str, about(_SEGMENTS)]
    rows: Annotated[int, about("rows of the list in this segment")]
    mails: Annotated[
        int, about("mails of the last 90 days to addresses that were in this segment before")
    ]
    bounces: Annotated[int, about("hard bounces among them")]
    bounce_rate: Annotated[float | None, about("null without mails")]
    complaints: Annotated[int, about("complaints")]
    complaint_rate: Annotated[float | None, about("null without mails")]


class SegmentSummary(Record, frozen=True, kw_only=True):
    """At the end: one object."""

    rows: Annotated[int, about("rows of the list")]
    invalid: Annotated[int, about("rows without an address, which belong to no segment")]
    acts_from: Annotated[str | None, about("the first day of which acts are known")]
    acts_until: Annotated[str | None, about("the last")]
    cadence: Annotated[float | None, about("days between two mails; null without `--cadence`")]
    factor: Annotated[float, about("by what the days of the policy were multiplied")]
