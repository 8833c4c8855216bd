"""Run every policy in the same world and print what it cost: python -m bench.world [--people N]
[--days D] [--seed S].

Cost: 1 for each mail to a dead address, 0.5 for each day on which a valid address could not be
mailed.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from .policies import POLICIES, Policy
from .troubles import Troubled
from .world import World


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__, prog="python -m bench.world")
    args.add_argument("--people", type=int, default=4000)
    args.add_argument("--days", type=int, default=120)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument(
        "--quiet", action="store_true", help="nothing happens but what happens every day"
    )
    args.add_argument("--only", help="names of policies that begin so")
    options = args.parse_args()
    print(f"{options.people:,} people, {options.days} days, seed {options.seed}")
    print(
        f"{'policy':32} {'dead: first':>11} {'again':>7} {'living days':>11} "
        f"{'at the end':>10} {'bounces':>8} {'cost':>9}"
    )
    for kind in (*POLICIES, Troubled):
        if not options.only or kind.name.startswith(options.only):
            world = World(options.people, options.days, options.seed, options.quiet)
            print(row(kind(world), world), flush=True)


def row(policy: Policy, world: World) -> str:
    """One line of the table."""
    first = again = lost = mailed = bounced = held = broken = 0
    dead: set[str] = set()
    why: Counter[str] = Counter()
    for day in range(world.days):
        world.night(day)
        to = policy.mailable(world.people, day)
        chosen = {p.address for p in to}
        wishes: set[str] = getattr(policy, "wishes", set())
        broken += len(chosen & wishes)
        answers = {p: world.answer(p, day) for p in to}
        for p, answer in answers.items():
            mailed, bounced = mailed + 1, bounced + bool(answer.reply)
            if not world.deliverable(p, day):
                first, again = first + (p.address not in dead), again + (p.address in dead)
                dead.add(p.address)
        gone = [
            p
            for p in world.people
            if p.address not in chosen | wishes and world.deliverable(p, day) and p.full_until < day
        ]
        held = len(gone)
        lost += held
        why.update(f"{p.receiver}: {getattr(policy, 'why', {}).get(p.address, '')}" for p in gone)
        policy.learn(day, answers)
        if sys.stderr.isatty():
            print(f"\r{policy.name} day {day}", end="", file=sys.stderr)
    if "--explain" in sys.argv or policy.name.startswith("bouncewise"):
        print(f"    lost living days by receiver and reason: {why.most_common(8)}")
    if hasattr(policy, "wishes"):
        print(f"    people who complained: {len(policy.wishes)}; mails to them since: {broken}")
    policy.close()
    cost = first + again + lost / 2
    return (
        f"{policy.name:32} {first:11,} {again:7,} {lost:11,} {held:10,} "
        f"{bounced / max(1, mailed):8.2%} {cost:9,.0f}"
    )


if __name__ == "__main__":
    main()
