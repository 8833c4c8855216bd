"""Machines among acts: which signals count, together and alone, and that many acts cost little."""

from __future__ import annotations

import time
from itertools import product

import msgspec
import pytest

from bouncewise.model import ActKind
from bouncewise.policy.load import load
from bouncewise.policy.segment import Seen, kinds

NUMBERS = load().segment
OPEN, CLICK = ActKind.OPEN, ActKind.CLICK


def kind_of(act: Seen, *others: Seen) -> ActKind:
    acts = sorted((act, *others), key=lambda seen: seen.at)
    return list(kinds(acts, NUMBERS))[acts.index(act)]


def test_one_signal_never_makes_a_machine_and_two_do() -> None:
    burst = [Seen(CLICK, 100.0 + n / 10, f"/{n}") for n in range(1, 5)]
    for prompt, plain, many in product((False, True), repeat=3):
        mailed = 99.0 if prompt else 0.0
        act = Seen(CLICK, 100.0, "/0", "Mozilla/5.0" if plain else "Firefox", False, mailed)
        expected = "click-machine" if prompt + plain + many >= 2 else "click"
        assert kind_of(act, *(burst if many else ())) == expected, (prompt, plain, many)


def test_what_the_source_flags_is_a_machines_alone() -> None:
    assert kind_of(Seen(OPEN, 100.0, flagged=True)) == "open-machine"
    assert kind_of(Seen(ActKind.OPEN_MACHINE, 100.0)) == "open-machine"
    assert kind_of(Seen(ActKind.REPLY, 100.0, flagged=True)) == "reply"


def test_before_the_delivery_counts_as_prompt() -> None:
    assert kind_of(Seen(OPEN, 100.0, "", "Mozilla/5.0", False, 101.0)) == "open-machine"


def test_the_same_link_many_times_is_no_burst() -> None:
    act = Seen(CLICK, 100.0, "/1", "", False, 99.0)
    assert kind_of(act, *(Seen(CLICK, 100.0 + n / 10, "/1") for n in range(1, 9))) == "click"
    assert kind_of(act, *(Seen(CLICK, 100.0 + n / 10, "") for n in range(1, 9))) == "click"


def test_clicks_of_one_moment_cost_linear_time() -> None:
    acts = [Seen(CLICK, 100.0, "/1") for _ in range(100_000)]
    start = time.process_time()
    assert set(kinds(acts, NUMBERS)) == {CLICK}
    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    ("gap", "factor"), [(1, 0.3), (3, 0.6), (7, 1.0), (30, 1.5), (0.5, 0.3), (300, 1.5)]
)
def test_the_factor_of_a_cadence(gap: float, factor: float) -> None:
    assert NUMBERS.factor(gap) == pytest.approx(factor)
    assert NUMBERS.factor(2) < 0.6 < NUMBERS.factor(5) < 1.0 < NUMBERS.factor(14) < 1.5


def test_a_stricter_site_may_ask_for_three_signals() -> None:
    strict = msgspec.structs.replace(NUMBERS, machine_signals=3)
    act = Seen(OPEN, 100.0, "", "Mozilla/5.0", False, 99.0)
    assert list(kinds([act], strict)) == [OPEN]
