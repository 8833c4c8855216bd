"""The numbers of a gate: how often the test stops a mailing that is tolerable, how soon it stops a
bad one, and how often the interval holds.
"""

from __future__ import annotations

import random
from itertools import pairwise

import msgspec
import pytest

from bouncewise.policy.gate import (
    Advised,
    BounceTest,
    Group,
    Level,
    Week,
    forecast,
    rate_interval,
    rate_level,
)
from bouncewise.policy.load import load

GATE = load().gate


def hits(random_: random.Random, mails: int, rate: float) -> int:
    return sum(random_.random() < rate for _ in range(mails))


def run(parts: list[tuple[int, float]], seed: int, part: int = 10) -> BounceTest:
    """A mailing of (mails, rate) in small parts."""
    random_, test = random.Random(seed), BounceTest(GATE)
    for mails, rate in parts:
        for _ in range(mails // part):
            bounced = hits(random_, part, rate)
            test.add(part - bounced, bounced)
    return test


def test_a_mailing_at_the_tolerable_rate_is_stopped_as_rarely_as_stated() -> None:
    """With false_alarm at 0.1 the bound can be measured; it is the same test."""
    loose = msgspec.structs.replace(GATE, false_alarm=0.1)
    random_, stopped, trials = random.Random(7), 0, 400
    for _ in range(trials):
        test = BounceTest(loose)
        for _ in range(300):
            bounced = hits(random_, 10, GATE.bounce_review)
            test.add(10 - bounced, bounced)
        stopped += test.stopped_after is not None
    assert 0 < stopped <= 0.1 * trials


def test_no_mailing_at_one_per_cent_is_stopped_and_most_are_continued() -> None:
    tests = [run([(2000, 0.01)], seed) for seed in range(200)]
    assert not [test for test in tests if test.advice is Advised.STOP]
    assert sum(test.advice is Advised.CONTINUE for test in tests) >= 190


@pytest.mark.parametrize(("rate", "most"), [(0.5, 25), (0.2, 60), (0.1, 110)])
def test_a_bad_list_is_stopped_after_few_bounces(rate: float, most: int) -> None:
    tests = [run([(3000, rate)], seed) for seed in range(50)]
    assert all(test.advice is Advised.STOP for test in tests)
    bounced = sorted(rate * (test.stopped_after or 0) for test in tests)
    assert bounced[45] <= most, bounced


def test_a_bad_part_behind_a_large_one_is_found() -> None:
    tests = [run([(10_000, 0.01), (1500, 0.2)], seed) for seed in range(20)]
    after = [(test.stopped_after or 1 << 30) - 10_000 for test in tests]
    assert min(after) > 0
    assert sorted(after)[18] <= 400, after


def test_a_part_in_which_the_order_is_not_known_is_one_observation() -> None:
    whole, test = BounceTest(GATE), BounceTest(GATE)
    whole.add(960, 40)
    assert whole.advice is Advised.NOT_YET
    test.add(0, 0)
    assert (test.advice, test.mails) == (Advised.NOT_YET, 0)
    whole.add(0, 1_000_000)
    whole.add(10**9, 0)
    assert whole.advice is Advised.STOP


def test_nine_of_ten_mailings_end_within_the_interval() -> None:
    """Weeks differ: the rate of each is drawn from a beta distribution around 2 %."""
    random_, within, trials = random.Random(3), 0, 300
    for _ in range(trials):
        weeks = []
        for _ in range(20):
            mails = random_.choice([200, 500, 1000])
            rate = random_.betavariate(4, 196)
            weeks.append(Week(mails, hits(random_, mails, rate)))
        found = forecast([Group(600, weeks)], GATE)
        true = hits(random_, 600, random_.betavariate(4, 196))
        within += found.low <= true <= found.high
    assert 0.84 * trials <= within <= 0.96 * trials


def test_the_levels_of_a_forecast() -> None:
    weeks = [Week(1000, 20)] * 10
    found = forecast([Group(1000, weeks)], GATE)
    assert 5 < found.low < 20 < found.high < 40
    assert found.level(0.05) is Level.BELOW
    assert found.level(0.02) is Level.NEAR
    assert found.level(0.001) is Level.ABOVE
    mixed = forecast([Group(1000, weeks), Group(500, [Week(10, 0)])], GATE)
    assert (mixed.unknown, mixed.level(0.05)) == (500, Level.UNKNOWN)
    few = forecast([Group(1000, weeks), Group(2, [])], GATE)
    assert few.level(0.05) is Level.BELOW
    assert forecast([Group(100, weeks)], GATE, certain=50).level(0.05) is Level.ABOVE
    assert forecast([], GATE).level(0.05) is Level.BELOW


def test_fewer_weeks_than_needed_are_no_history() -> None:
    assert forecast([Group(10, [Week(100_000, 100)] * 3)], GATE).unknown == 10


def test_the_interval_of_a_rate() -> None:
    ends = [rate_interval(5, n, 0.9) for n in (10, 100, 1000, 100_000)]
    assert all(
        low <= 5 / n <= high for (low, high), n in zip(ends, (10, 100, 1000, 100_000), strict=True)
    )
    assert all(later[1] < earlier[1] for earlier, later in pairwise(ends))
    assert rate_interval(0, 0, 0.9) == (0.0, 1.0)
    assert rate_level(0, 0, 0.05, GATE) is Level.UNKNOWN
    assert [rate_level(n, 1000, 0.05, GATE) for n in (10, 50, 100)] == ["below", "near", "above"]
