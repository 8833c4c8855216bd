"""The simulated world keeps its word: the same seed the same table, the bounds are bounds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.world.__main__ import WORLDS, Result, run
from bench.world.expected import BEGINS, mailings
from bench.world.foretold import mailing
from bench.world.policies import (
    Bouncewise,
    GreyDays,
    Hindsight,
    Oracle,
    Policy,
    UnknownOnly,
    WithDns,
)
from bench.world.world import World


def result(kind: type[Policy], world: type[World] = World, days: int = 40) -> Result:
    made = world(400, days, 5)
    return run(kind(made), made)


def test_bounds_and_order() -> None:
    assert result(Oracle).cost == 0
    floor, ours = result(Hindsight), result(Bouncewise)
    assert floor.again == floor.lost == 0
    assert floor.cost <= ours.cost < min(result(k).cost for k in (UnknownOnly, GreyDays, Policy))
    assert ours == result(Bouncewise)


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_hindsight_is_a_bound_in_every_world(world: type[World]) -> None:
    assert result(Oracle, world).cost == 0
    floor, ours, blind = (result(k, world).cost for k in (Hindsight, Bouncewise, Policy))
    assert 0 < floor <= ours < blind


def test_dns_frees_domains_without_mail() -> None:
    by_mail, by_dns = (
        sum(n for why, n in result(kind, WORLDS[1]).why.items() if "suppressed domain" in why)
        for kind in (Bouncewise, WithDns)
    )
    assert by_dns < by_mail


def test_what_validation_calls_bad_bounces() -> None:
    found = mailing(World(400, 30, 2))
    assert found["bad"] >= 5
    assert found["bad bounced"] == found["bad"]
    assert found["hard bad"] >= 0.8 * found["hard"]


def test_the_gate_expects_what_happens_and_stops_no_mailing_for_an_outage() -> None:
    days = BEGINS + 12
    found = mailings(World(500, days, 2))
    assert found["mailings"] == 12
    assert found["within"] >= 10, found
    assert found["stopped"] == 0
