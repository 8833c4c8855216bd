"""The gate of a mailing: what a list will cost, from what like addresses did; and a test that says
during the mailing when to stop it.

Reads: counts of mails and hard bounces, or complaints. Gives: an expected number with an interval,
and a state of the test. Pure. Refuses nothing; where the history is too small, it says so.

The test is a mixture of likelihood ratios against the tolerable rate. It is a nonnegative
supermartingale as long as each mail bounces with at most the tolerable probability, whatever
happened before; by Ville's inequality it ever reaches 1/false_alarm with at most the probability
false_alarm, however often it is looked at (Howard, Ramdas, McAuliffe, Sekhon: Time-uniform Chernoff
bounds, Probability Surveys 17, 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from math import ceil, exp, floor, log, sqrt
from statistics import NormalDist
from typing import NamedTuple

import msgspec

_STEPS = (1.5, 2.0, 3.0, 5.0, 8.0, 12.0)
"""The alternatives: so many times the tolerable rate."""

_LOWER = (0.1, 0.3, 0.6)
"""The alternatives of the test that shows a rate to be below the tolerable one."""

_MOST = 0.95
"""The highest rate among the alternatives."""

_START = 1000
"""Mails, at least, between two moments from which on the rate may have risen."""

_MOST_LOG = 600.0  # what exp() can take, with a margin
_FIRST = 0.5
"""The weight of the first of these moments, the beginning; the others share the rest."""


class GatePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Numbers by which a mailing is judged before and while it is sent."""

    bounce_review: float
    bounce_pause: float
    bounce_why: str
    complaint_goal: float
    complaint_limit: float
    complaint_why: str
    false_alarm: float
    false_alarm_why: str
    doubt: float
    doubt_why: str
    coverage: float
    coverage_why: str
    history_days: int
    history_why: str
    least_mails: int
    least_weeks: int
    least_why: str
    warm_up_days: int
    warm_up_why: str
    ages: list[int]
    ages_why: str


class Advised(StrEnum):
    """What the test advises."""

    NOT_YET = "not-yet"
    """Too few mails to know."""
    CONTINUE = "continue"
    """The rate is shown to be below the tolerable one."""
    STOP = "stop"
    """The rate is shown to be above the tolerable one, now or from some mail on."""


class BounceTest:
    """A test of one mailing, by parts in the order in which they were sent."""

    def __init__(self, policy: GatePolicy) -> None:
        low = policy.bounce_review
        high = sorted({min(_MOST, low * step) for step in _STEPS if low * step < 1})
        self._high = [_Ratio(low, rate) for rate in high] or [_Ratio(low, (1 + low) / 2)]
        self._low = [_Ratio(low, low * step) for step in _LOWER]
        self._rising = [_FIRST / len(self._high)] * len(self._high)
        self._falling = [0.0] * len(self._low)  # logarithms
        self.needed = 1 / policy.false_alarm
        """The value of the test that stops the mailing."""
        self._continue = 1 / policy.doubt
        self.mails = self.bounces = 0
        self._fresh = self._starts = 0  # mails since the last start, and starts after the first
        self.stopped_after: int | None = None
        """The mails after which the test advised to stop."""
        self.most = _FIRST
        """The greatest value that the test reached; ``needed`` stops the mailing."""

    def add(self, accepted: int, bounced: int) -> None:
        """Count mails of which nobody knows the order: accepted ones, and others that were refused
        or returned for a fault of the recipient.
        """
        if self._fresh >= _START:
            self._starts += 1
            self._fresh = 0
            weight = (1 - _FIRST) / (self._starts * (self._starts + 1)) / len(self._high)
            self._rising = [value + weight for value in self._rising]
        mails = accepted + bounced
        self.mails, self._fresh = self.mails + mails, self._fresh + mails
        self.bounces += bounced
        self._falling = [
            v + r.of(accepted, bounced) for v, r in zip(self._falling, self._low, strict=True)
        ]
        if self.stopped_after is None:
            self._rising = [
                v * exp(min(_MOST_LOG, r.of(accepted, bounced)))
                for v, r in zip(self._rising, self._high, strict=True)
            ]
            self.most = max(self.most, total := sum(self._rising))
            self.stopped_after = self.mails if total >= self.needed else None

    @property
    def advice(self) -> Advised:
        """What follows from all mails so far. A stop stands."""
        if self.stopped_after is not None:
            return Advised.STOP
        mean = sum(map(exp, (min(v, _MOST_LOG) for v in self._falling))) / len(self._falling)
        return Advised.CONTINUE if mean >= self._continue else Advised.NOT_YET


class _Ratio:
    """The logarithms of the likelihood ratio of two rates, for a bounce and for another mail."""

    def __init__(self, tolerable: float, rate: float) -> None:
        self.bounced = log(rate / tolerable)
        self.accepted = log((1 - rate) / (1 - tolerable))

    def of(self, accepted: int, bounced: int) -> float:
        """The logarithm of the ratio for so many mails."""
        return accepted * self.accepted + bounced * self.bounced


# ── before the mailing ──────────────────────────────────────────────────────────────────────────


class Level(StrEnum):
    """An interval beside a threshold."""

    BELOW = "below"
    NEAR = "near"
    """The threshold is within the interval."""
    ABOVE = "above"
    UNKNOWN = "unknown"
    """The history is too small."""


class Week(NamedTuple):
    """The mails to like addresses in one week, and how many of them had the outcome."""

    mails: int
    hits: int


class Forecast(NamedTuple):
    """Of ``rows`` mails, ``expected`` will have the outcome; probably ``low`` to ``high`` of them.
    ``unknown``: rows about which the history says nothing; they may all have it, or none.
    """

    rows: int
    expected: float
    low: int
    high: int
    unknown: int

    def level(self, threshold: float) -> Level:
        """How the interval lies beside a share of the rows."""
        limit = threshold * self.rows
        if self.low > limit:
            return Level.ABOVE
        if self.high + self.unknown < limit or not self.rows:
            return Level.BELOW
        return Level.UNKNOWN if self.high < limit else Level.NEAR


class Group(NamedTuple):
    """Rows whose addresses are alike, with the history of such addresses by week."""

    rows: int
    weeks: Sequence[Week]


def is_enough(weeks: Sequence[Week], policy: GatePolicy) -> bool:
    """Whether the history of a group is large enough to expect anything."""
    mails = sum(week.mails for week in weeks)
    return mails >= policy.least_mails and len(weeks) >= policy.least_weeks


def forecast(groups: Sequence[Group], policy: GatePolicy, certain: int = 0) -> Forecast:
    """What to expect of a list: of *certain* rows more the outcome is known.

    The rate of a group varies from week to week more than chance does; this variance is estimated
    from the weeks (method of moments of the beta-binomial) and counts for the list as for one more
    week. Groups vary independently. The interval is that of a gamma distribution with the same mean
    and variance (Wilson and Hilferty, PNAS 17, 1931), within what is possible.
    """
    mean = variance = 0.0
    unknown = known = 0
    for group in groups:
        if not is_enough(group.weeks, policy):
            unknown += group.rows
            continue
        known += group.rows
        rate, spread = _rate(group.weeks)
        mean += group.rows * rate
        variance += _variance(group.rows, rate, spread, group.weeks)
    low, high = _interval(mean, variance, policy.coverage)
    rows = sum(group.rows for group in groups) + certain
    high = min(ceil(high), known)
    return Forecast(rows, mean + certain, floor(low) + certain, high + certain, unknown)


def _rate(weeks: Sequence[Week]) -> tuple[float, float]:
    """The rate, and the correlation of two outcomes in one week."""
    mails, hits = sum(w.mails for w in weeks), sum(w.hits for w in weeks)
    rate = (hits + 0.5) / (mails + 1)
    noise = rate * (1 - rate)
    excess = sum((w.hits - w.mails * rate) ** 2 - w.mails * noise for w in weeks)
    pairs = sum(w.mails * (w.mails - 1) for w in weeks) * noise
    return rate, min(1.0, max(0.0, excess / pairs)) if pairs else 0.0


def _variance(rows: int, rate: float, spread: float, weeks: Sequence[Week]) -> float:
    """Of the number of outcomes among *rows*: by chance, by the week, and because the rate is
    estimated.
    """
    noise, mails = rate * (1 - rate), sum(w.mails for w in weeks)
    own = rows * noise * (1 + (rows - 1) * spread)
    of_rate = sum(w.mails * noise * (1 + (w.mails - 1) * spread) for w in weeks) / mails**2
    return own + rows**2 * of_rate


def _interval(mean: float, variance: float, coverage: float) -> tuple[float, float]:
    if mean <= 0:
        return 0.0, 0.0
    shape = 9 * mean**2 / variance
    z = NormalDist().inv_cdf((1 + coverage) / 2)
    low, high = (1 - 1 / shape + sign * z / sqrt(shape) for sign in (-1, 1))
    return mean * max(0.0, low) ** 3, mean * max(0.0, high) ** 3


def rate_interval(hits: int, mails: int, coverage: float) -> tuple[float, float]:
    """The rates that fit *hits* among *mails* (Wilson's score interval, JASA 22, 1927)."""
    if not mails:
        return 0.0, 1.0
    z2 = NormalDist().inv_cdf((1 + coverage) / 2) ** 2
    centre = (hits + z2 / 2) / (mails + z2)
    half = sqrt(z2 * (hits * (mails - hits) / mails + z2 / 4)) / (mails + z2)
    return max(0.0, centre - half), min(1.0, centre + half)


def rate_level(hits: int, mails: int, threshold: float, policy: GatePolicy) -> Level:
    """How a rate that was measured lies beside a threshold."""
    low, high = rate_interval(hits, mails, policy.coverage)
    if not mails:
        return Level.UNKNOWN
    return Level.ABOVE if low > threshold else Level.BELOW if high < threshold else Level.NEAR
