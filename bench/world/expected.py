"""What ``gate`` expects of the next mailing of a simulated world, and what becomes of it: people
sign up day by day, everybody is mailed daily by bouncewise's decisions, and before each mailing the
gate says how many hard bounces to expect.

Run as: python -m bench.world.expected [--people N] [--days D] [--seeds N]. Prints how many mailings
ended within the interval (``gate.coverage`` is the aim), hard bounces expected and found, and on
how many days the test would have stopped the mailing, and at which rate.
"""

from __future__ import annotations

import argparse
from collections import Counter
from datetime import timedelta

from bouncewise.model import Mail
from bouncewise.operations.gate import Question, Row, Span, expect, progress
from bouncewise.operations.outcomes import Outages
from bouncewise.policy.gate import Advised

from .policies import DAY0, Bouncewise
from .world import World

BEGINS = 50
"""Days of which only the ledger learns."""


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__, prog="python -m bench.world.expected")
    args.add_argument("--people", type=int, default=3000)
    args.add_argument("--days", type=int, default=120)
    args.add_argument("--seeds", type=int, default=3)
    options = args.parse_args()
    total: Counter[str] = Counter()
    for seed in range(1, options.seeds + 1):
        found = mailings(World(options.people, options.days, seed))
        print(f"seed {seed}: {sentence(found)}", flush=True)
        total += found
    print(f"all: {sentence(total)}")


def mailings(world: World) -> Counter[str]:
    """Counts of the mailings from day BEGINS on: ``mailings``, of which ``within`` the interval,
    ``below`` or ``above`` it; ``expected`` and ``found`` hard bounces in tenths; ``stopped``, of
    which ``tolerable``.
    """
    policy, found = Bouncewise(world), Counter[str]()
    step = max(1, len(world.people) // world.days)
    for day in range(world.days):
        world.night(day)
        joined = world.people[: len(world.people) // 3 + step * day]
        mailed = list(policy.mailable(joined, day))
        at = DAY0 + timedelta(days=day, hours=7)
        forecast = None
        if day >= BEGINS:
            rows = [Row(person.address, "") for person in mailed]
            question = Question(Mail(), at, past=False)
            forecast = expect(rows, policy.ledger, policy.policy, question, by_source=False).bounces
        policy.learn(day, {person: world.answer(person, day) for person in mailed})
        if forecast is None:
            continue
        end = at.replace(hour=0) + timedelta(days=1)
        start = end - timedelta(days=1)
        outages = Outages(policy.ledger.incidents.all())
        bounces = list(policy.ledger.outcomes.hard_bounces(start, end))
        true = len({b.name for b in bounces if not outages.explain(b)})
        place = "below" if true < forecast.low else "above" if true > forecast.high else "within"
        found.update(["mailings", place])
        found["expected"] += round(10 * forecast.expected)
        found["found"] += 10 * true
        done = progress(policy.ledger, policy.policy, Span(None, None, start, end))
        if done.advice is Advised.STOP:
            found["stopped"] += 1
            found["tolerable"] += true < policy.policy.gate.bounce_review * len(mailed)
    policy.close()
    return found


def sentence(n: Counter[str]) -> str:
    """The counts in words."""
    return (
        f"{n['mailings']} mailings, {n['within'] / max(1, n['mailings']):.1%} within the interval, "
        f"{n['below']} below, {n['above']} above; {n['expected'] / 10:,.0f} hard bounces expected, "
        f"{n['found'] / 10:,.0f} found; {n['stopped']} stopped, {n['tolerable']} of them at a "
        "tolerable rate"
    )


if __name__ == "__main__":
    main()
