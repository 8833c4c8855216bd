"""Other policies on short histories."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bouncewise.model import Cause
from bouncewise.policy.others import (
    OTHERS,
    Outcome,
    any_5xx,
    every_bounce,
    score_of_five,
    status_5_1,
    two_in_a_day,
    unknown_by_words,
)

DAY0 = datetime(2026, 3, 1, tzinfo=UTC)


def at(day: float) -> datetime:
    return DAY0 + timedelta(days=day)


def ok(day: float) -> Outcome:
    return Outcome(at(day), True)


def gone(day: float) -> Outcome:
    return Outcome(at(day), False, True, "5.1.1", Cause.MAILBOX_UNKNOWN)


def blocked(day: float) -> Outcome:
    return Outcome(at(day), False, True, "5.7.1", Cause.REPUTATION)


def full(day: float) -> Outcome:
    return Outcome(at(day), False, False, "4.2.2", Cause.MAILBOX_FULL)


def test_what_each_takes_for_the_end() -> None:
    mails = [ok(0), full(1), blocked(2), gone(3), ok(4)]
    assert every_bounce(mails) == [(at(1), None)]
    assert any_5xx(mails) == [(at(2), None)]
    assert status_5_1(mails) == [(at(3), None)]
    assert unknown_by_words(mails) == [(at(3), None)]


def test_two_failures_within_a_day_hold_until_a_delivery_or_30_days() -> None:
    assert two_in_a_day([gone(0), gone(2)]) == []
    assert two_in_a_day([gone(0), ok(0.5), gone(0.9)]) == []
    assert two_in_a_day([gone(0), gone(0.5)]) == [(at(0.5), at(30.5))]
    assert two_in_a_day([gone(0), gone(0.5), ok(3)]) == [(at(0.5), at(3))]


def test_a_score_counts_days_and_is_forgotten_after_a_week() -> None:
    assert score_of_five([gone(d) for d in range(4)]) == []
    assert score_of_five([gone(d) for d in range(5)]) == [(at(4), None)]
    assert score_of_five([gone(d / 10) for d in range(5)]) == []
    assert score_of_five([gone(d) for d in (0, 1, 2, 3, 11, 12, 13)]) == []


@pytest.mark.parametrize("name", OTHERS)
def test_deliveries_alone_suppress_nobody(name: str) -> None:
    assert OTHERS[name]([ok(n) for n in range(9)]) == []
    assert OTHERS[name]([]) == []
