"""What the numbers of policy.toml may be.

Reads: a policy of the right types. Gives: the first number that is out of its range, with the
range. Refuses: NaN, infinities, and numbers by which nothing would ever, or always, follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec


class Range(NamedTuple):
    """From ``low`` to ``high``, both included unless ``open``."""

    low: float
    high: float
    open: bool = False

    def holds(self, value: float) -> bool:
        """Whether *value* is within; NaN never is."""
        return self.low < value < self.high if self.open else self.low <= value <= self.high

    def __str__(self) -> str:
        return (
            f"{'between' if self.open else 'from'} {self.low:g} {'and' if self.open else 'to'} "
            + (f"{self.high:g}")
        )


_DAYS, _HOURS, _COUNT = Range(0, 3650), Range(0, 8760), Range(1, 1_000_000)
_LONG = Range(1, 3650)
_PROBABILITY = Range(0, 1, open=True)

# By the whole name of a number, else by its last word.
RANGES = {
    "dead.memory_days": _LONG,
    "dead.domain_probe_days": _LONG,
    "incident.max_days": Range(1, 365),
    "incident.probe_all_days": Range(0, 365),
    "incident.baseline_refused": Range(0, 1_000_000, open=True),
    "incident.baseline_mailed": Range(0, 1_000_000_000, open=True),
    "incident.shares": _PROBABILITY,
    "incident.final_share": _PROBABILITY,
    "incident.final_half_days": Range(0, 3650, open=True),
    "incident.alpha": _PROBABILITY,
    "incident.doubt": _PROBABILITY,
    "alert.share": Range(0, 1),
    "volume.history_days": Range(1, 366),
    "volume.burst_factor": Range(1, 1000),
    "volume.refused_share": Range(0, 1),
    "volume.ramp_first": Range(1, 10**9),
    "volume.ramp_factor": Range(1.01, 100),
    "volume.ramp_days": Range(1, 366),
    "trust.claim_days": _LONG,
    "trust.claims_a_day": Range(0, 1_000_000),
    "window.within_days": _LONG,
    "cost.mail": Range(0, 1_000_000, open=True),
    "cost.full": Range(0, 1_000_000, open=True),
    "cost.missed": Range(0, 1_000_000, open=True),
    "cost.longest_days": _LONG,
    "recovery.share": _PROBABILITY,
    "recovery.half_days": Range(0, 3650, open=True),
    "window.share": _PROBABILITY,
    "window.half_days": Range(0, 3650, open=True),
    "gate.bounce_review": Range(0, 0.5, open=True),
    "gate.bounce_pause": _PROBABILITY,
    "gate.complaint_goal": Range(0, 0.5, open=True),
    "gate.complaint_limit": _PROBABILITY,
    "gate.false_alarm": _PROBABILITY,
    "gate.doubt": _PROBABILITY,
    "gate.coverage": _PROBABILITY,
    "gate.history_days": _LONG,
    "gate.ages": _LONG,
    "segment.memory_days": _LONG,
    "segment.prompt_seconds": Range(0, 3600),
    "segment.burst_seconds": Range(0, 3600),
    "segment.cadence_gaps": _LONG,
    "segment.cadence_factors": Range(0, 100, open=True),
    "days": _DAYS,
    "hours": _HOURS,
    "": _COUNT,
}

# Numbers of which the first must not be above the second.
ORDERED = (
    ("incident.baseline_refused", "incident.baseline_mailed"),
    ("gate.bounce_review", "gate.bounce_pause"),
    ("gate.complaint_goal", "gate.complaint_limit"),
    ("segment.active_days", "segment.cooling_days"),
    ("segment.cooling_days", "segment.dormant_days"),
    ("segment.lapsing_mails", "segment.dormant_mails"),
)


def out_of_range(policy: msgspec.Struct) -> str | None:
    """What is wrong with the first number that is out of its range: key, value, range."""
    for section in policy.__struct_fields__:
        rows = getattr(policy, section)
        for row in rows if isinstance(rows, tuple) else (rows,):
            if section != "example" and (wrong := _wrong(section, row)):
                return wrong
    return None


def _wrong(section: str, row: msgspec.Struct) -> str | None:
    found = {f"{section}.{name}": getattr(row, name) for name in row.__struct_fields__}
    for key, value in found.items():
        if value == []:
            return f"{key} = []: must name at least one number"
        allowed = RANGES.get(key) or RANGES.get(key.rpartition("_")[2]) or RANGES[""]
        for number in _numbers(value):
            if not allowed.holds(number):
                return f"{key} = {value!r:.60}: must be {allowed}"
    for low, high in ORDERED:
        if low in found and found[low] > found[high]:
            return f"{low} = {found[low]}: must not be above {high} = {found[high]}"
    return None


def _numbers(value: Any) -> Iterator[float]:
    for item in value if isinstance(value, list) else (value,):
        if isinstance(item, int | float):
            yield item
