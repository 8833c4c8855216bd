"""Run every policy in the same worlds and print what it cost: python -m bench.world [--people N]
[--days D] [--seed S ...] [--world NAME ...] [--only NAME ...].

Cost: 1 for each mail to a dead address, 0.5 for each day on which a valid address could not be
mailed. The last column divides it by the cost of hindsight.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from typing import NamedTuple

from .elsewhere import Lingering, Returning
from .policies import POLICIES, Hindsight, Policy
from .troubles import Troubled
from .world import Person, World

WORLDS: tuple[type[World], ...] = (World, Returning, Lingering)


class Result(NamedTuple):
    """What a policy did in a world: mails to the dead, for the first time and again; days on which
    the living were not mailed, and how many at the end; mails, bounces and broken wishes.
    """

    first: int
    again: int
    lost: int
    at_the_end: int
    mailed: int
    bounced: int
    broken: int
    why: Counter[str]

    @property
    def cost(self) -> float:
        return self.first + self.again + self.lost / 2


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__, prog="python -m bench.world")
    args.add_argument("--people", type=int, default=4000)
    args.add_argument("--days", type=int, default=120)
    args.add_argument("--seed", type=int, nargs="+", default=[1])
    args.add_argument("--world", nargs="+", choices=[w.name for w in WORLDS])
    args.add_argument(
        "--quiet", action="store_true", help="nothing happens but what happens every day"
    )
    args.add_argument("--only", nargs="+", help="patterns of policies' names")
    args.add_argument("--explain", action="store_true", help="why which days were lost, and mails")
    options = args.parse_args()
    for kind in WORLDS:
        for seed in options.seed:
            if not options.world or kind.name in options.world:
                table(kind, seed, options)


def table(kind: type[World], seed: int, options: argparse.Namespace) -> None:
    """One world with one seed: a line for each policy."""

    def world() -> World:
        return kind(options.people, options.days, seed, options.quiet)

    print(f"{kind.name}: {options.people:,} people, {options.days} days, seed {seed}")
    print(
        f"{'policy':32} {'dead: first':>11} {'again':>7} {'living days':>11} "
        f"{'at the end':>10} {'bounces':>8} {'cost':>9} {'/ hindsight':>11}"
    )
    floor = run(Hindsight(made := world()), made).cost
    for policy_kind in (*POLICIES, Troubled):
        if not options.only or any(re.match(name, policy_kind.name) for name in options.only):
            policy = policy_kind(made := world())
            result = run(policy, made)
            print(line(policy.name, result, floor), flush=True)
            if options.explain:
                print(f"    {result.why.most_common(16)}")
            if policy.wishes:
                print(
                    f"    people who complained: {len(policy.wishes)}; mails since: {result.broken}"
                )
            if policy.slowest:
                print(f"    the slowest day's check and ingest: {policy.slowest:.2f} s")


def run(policy: Policy, world: World) -> Result:
    """Mail every day whom the policy chooses."""
    first = again = lost = at_the_end = mailed = bounced = broken = 0
    dead: set[Person] = set()
    why: Counter[str] = Counter()
    for day in range(world.days):
        world.night(day)
        to = policy.mailable(world.people, day)
        chosen = {p.address for p in to}
        broken += len(chosen & policy.wishes)
        answers = {p: world.answer(p, day) for p in to}
        mailed, bounced = mailed + len(to), bounced + sum(bool(a.reply) for a in answers.values())
        gone = {p for p in to if not world.deliverable(p, day)}
        first, again = first + len(gone - dead), again + len(gone & dead)
        why.update(f"again: {plain(answers[p].reply)}" for p in gone & dead)
        dead |= gone
        chosen |= policy.wishes
        kept = [
            p
            for p in world.people
            if p.address not in chosen and world.deliverable(p, day) and p.full_until < day
        ]
        why.update(f"lost: {p.receiver} {policy.why.get(p.address, '')}" for p in kept)
        lost, at_the_end = lost + len(kept), len(kept)
        policy.learn(day, answers)
        if sys.stderr.isatty():
            print(f"\r{policy.name} day {day}", end="", file=sys.stderr)
    policy.close()
    return Result(first, again, lost, at_the_end, mailed, bounced, broken, why)


def plain(reply: str) -> str:
    """The beginning of a reply, without what differs from mail to mail."""
    return re.sub(r"\S*(?:@|\.example)\S*", "…", reply)[:48]


def line(name: str, result: Result, floor: float) -> str:
    """One line of the table."""
    return (
        f"{name:32} {result.first:11,} {result.again:7,} {result.lost:11,} "
        f"{result.at_the_end:10,} {result.bounced / max(1, result.mailed):8.2%} "
        f"{result.cost:9,.0f} {result.cost / max(1, floor):11.2f}"
    )


if __name__ == "__main__":
    main()
