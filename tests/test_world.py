"""The simulated world keeps its word: the same seed the same table, the bounds are bounds."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.world.__main__ import row
from bench.world.foretold import mailing
from bench.world.policies import Bouncewise, GreyDays, Hindsight, Oracle, Policy, UnknownOnly
from bench.world.world import World


def cost(kind: type[Policy]) -> tuple[int, int, int, float]:
    world = World(400, 40, 5)
    line = row(kind(world), world).replace(",", "").split()
    return int(line[-6]), int(line[-5]), int(line[-4]), float(line[-1])


def test_bounds_and_order() -> None:
    assert cost(Oracle) == (0, 0, 0, 0.0)
    floor, ours = cost(Hindsight), cost(Bouncewise)
    assert floor[1:3] == (0, 0)
    assert floor[3] <= ours[3] < min(cost(UnknownOnly)[3], cost(GreyDays)[3], cost(Policy)[3])
    assert ours == cost(Bouncewise)


def test_what_validation_calls_bad_bounces() -> None:
    found = mailing(World(400, 30, 2))
    assert found["bad"] >= 5
    assert found["bad bounced"] == found["bad"]
    assert found["hard bad"] >= 0.8 * found["hard"]
