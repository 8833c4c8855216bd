"""The JSON of ``sender volume``."""

from __future__ import annotations

from typing import Annotated

from bouncewise.contract.base import Record, about
from bouncewise.operations.volume import ReceiverVolume
from bouncewise.times import day_start


class BurstRow(Record, frozen=True, kw_only=True):
    """A burst."""

    day: Annotated[str, about("the day (UTC)")]
    volume: Annotated[int, about("addresses mailed")]
    largest: Annotated[int, about("the largest day of the time before")]
    refused: Annotated[int, about("addresses refused on that and the next day")]


class VolumeRow(Record, frozen=True, kw_only=True):
    """``sender volume``: the mail at one receiver."""

    receiver: Annotated[str, about("the receiver's id; empty: other hosts")]
    largest: Annotated[int, about("addresses on the largest day of the last four weeks")]
    safe: Annotated[int, about("on the largest day with few refusals")]
    bursts: Annotated[
        list[BurstRow], about("objects with `day`, `volume`, `largest`, `refused`, latest first")
    ]
    ramp: Annotated[list[int], about("volumes to follow, by day; empty: none is needed")]

    @classmethod
    def of(cls, row: ReceiverVolume) -> VolumeRow:
        """The row of a receiver."""
        bursts = [
            BurstRow(**{**burst._asdict(), "day": f"{day_start(burst.day):%Y-%m-%d}"})
            for burst in row.pattern.bursts
        ]
        seen = row.pattern
        return cls(
            receiver=row.receiver,
            largest=seen.largest,
            safe=seen.safe,
            bursts=bursts,
            ramp=list(seen.ramp),
        )
