"""The volume of mail at one receiver against its own history: bursts, and a ramp to follow.

Pure. Advice only: nothing is slowed down by it. A burst is a day with much more mail than the
largest day of the time before; Gmail warns that doubling the volume at once leads to rate limits
(support.google.com/a/answer/81126).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from bouncewise.policy.load import VolumePolicy
from bouncewise.times import Day


class Burst(NamedTuple):
    """A day with ``delivered`` and ``refused`` addresses, far above ``largest``, the largest day
    of the time before. ``refused`` counts this and the next day.
    """

    day: Day
    volume: int
    largest: int
    refused: int


class Pattern(NamedTuple):
    """``largest``: the largest day of the last weeks; ``safe``: the largest of them with few
    refusals on the same day; ``bursts``: the latest first; ``ramp``: volumes for the days to come,
    from ``safe`` to ``largest``, empty where nothing must be raised slowly.
    """

    largest: int
    safe: int
    bursts: tuple[Burst, ...]
    ramp: tuple[int, ...]


def pattern(
    delivered: Mapping[Day, int], refused: Mapping[Day, int], last: Day, numbers: VolumePolicy
) -> Pattern:
    """The pattern of one receiver up to the day *last*. *delivered*: addresses by day;
    *refused*: those refused for the volume or the reputation of the sender.
    """
    volume = {
        day: delivered.get(day, 0) + refused.get(day, 0) for day in delivered.keys() | refused
    }
    bursts = []
    for day in sorted(volume, reverse=True):
        before = [volume.get(Day(day - n), 0) for n in range(1, numbers.history_days + 1)]
        largest = max(before)
        if largest and volume[day] >= max(numbers.burst_least, numbers.burst_factor * largest):
            bursts.append(Burst(day, volume[day], largest, _after(refused, day)))
    recent = [day for day in volume if last - numbers.history_days < day <= last]
    highest = max((volume[day] for day in recent), default=0)
    quiet = (
        delivered.get(day, 0)
        for day in recent
        if refused.get(day, 0) < numbers.refused_share * volume[day]
    )
    safe = max(quiet, default=0)
    return Pattern(highest, safe, tuple(bursts), _ramp(safe, highest, numbers))


def _after(refused: Mapping[Day, int], day: Day) -> int:
    return refused.get(day, 0) + refused.get(Day(day + 1), 0)


def _ramp(safe: int, highest: int, numbers: VolumePolicy) -> tuple[int, ...]:
    """Volumes by day, each larger by the same factor, up to *highest*."""
    if safe >= highest:
        return ()
    steps: list[int] = []
    volume = max(safe, numbers.ramp_first)
    while volume < highest and len(steps) < numbers.ramp_days:
        steps.append(volume)
        volume = math.ceil(volume * numbers.ramp_factor)
    return (*steps, highest) if volume >= highest else tuple(steps)
