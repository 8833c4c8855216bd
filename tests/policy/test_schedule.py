"""The time between two mails follows expected cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bouncewise.policy.load import Chance, load
from bouncewise.policy.schedule import Waiting, days_between_mails

COST = load().cost
CHANCES = st.builds(Chance, st.floats(0.01, 0.99), st.floats(0.5, 60))
FAILING = st.floats(0, 400)
MANY = st.integers(1, 60)


def days(chance: Chance, failing: float = 0, waiting: int = 1) -> int:
    return days_between_mails(failing, Waiting(waiting, COST.mail), chance, COST)


@given(CHANCES, FAILING, FAILING, MANY)
def test_what_has_failed_for_longer_is_mailed_less_often(
    chance: Chance, one: float, other: float, waiting: int
) -> None:
    assert days(chance, min(one, other), waiting) <= days(chance, max(one, other), waiting)


@given(CHANCES, FAILING, MANY, MANY)
def test_the_more_wait_the_more_often_one_is_mailed(
    chance: Chance, failing: float, one: int, other: int
) -> None:
    assert days(chance, failing, max(one, other)) <= days(chance, failing, min(one, other))


@given(CHANCES, FAILING, MANY)
def test_no_other_number_of_days_costs_less(chance: Chance, failing: float, waiting: int) -> None:
    def cost(every: float) -> float:
        return COST.mail / every + COST.missed * waiting * hazard * every / 2

    def recovered(at: float) -> float:
        return chance.share * at / (at + chance.half_days)

    hazard = (recovered(failing + 1e-4) - recovered(failing)) / 1e-4 / (1 - recovered(failing))
    found = days(chance, failing, waiting)
    if 1 < found < COST.longest_days:
        # A rounded number of days is at most half a day off, where the curve is flat.
        assert cost(found) <= 1.05 * min(cost(found + 0.5), cost(max(0.5, found - 0.5)))


def test_a_domain_with_forty_waiting_addresses_is_probed_daily_one_with_one_weekly() -> None:
    lapsed = load().chance_of(next(r.cause for r in load().recovery))
    assert lapsed is not None
    assert [days(lapsed, failing, 40) for failing in (0, 1, 5, 7)] == [1, 1, 1, 1]
    assert [days(lapsed, failing) for failing in (2, 5)] == pytest.approx([7, 8], abs=1)
