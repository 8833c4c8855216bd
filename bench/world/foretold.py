"""What ``validate`` knows before the next mailing of a simulated world: everybody is mailed for
some weeks and the ledger learns; then the list is validated, and everybody is mailed once more.

Run as: python -m bench.world.foretold [--people N] [--days D] [--seeds N]. Prints how much of what
is called bad bounces in that mailing, and how many of its hard bounces were called bad. The
mailings before it are to the addresses that ``check`` lets through.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta

from bouncewise.lists.worth import Worth
from bouncewise.net.answers import Answer, Outcome, Question
from bouncewise.operations.validate import Evidence, Validator

from .policies import DAY0, Bouncewise, hard
from .world import World


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__, prog="python -m bench.world.foretold")
    args.add_argument("--people", type=int, default=3000)
    args.add_argument("--days", type=int, default=90)
    args.add_argument("--seeds", type=int, default=3)
    options = args.parse_args()
    total: Counter[str] = Counter()
    for seed in range(1, options.seeds + 1):
        found = mailing(World(options.people, options.days + 1, seed))
        print(f"seed {seed}: {sentence(found)}", flush=True)
        total += found
    print(f"all: {sentence(total)}")


def mailing(world: World) -> Counter[str]:
    """Counts of the last day of *world*: ``bad``, ``bad bounced``, ``bad dead``, ``hard``,
    ``hard bad`` and, of those who are not bad, ``others`` and ``others hard``.
    """
    policy = Bouncewise(world)
    last = world.days - 1
    for day in range(last):
        world.night(day)
        answers = {p: world.answer(p, day) for p in policy.mailable(world.people, day)}
        policy.learn(day, answers)
    world.night(last)
    at = DAY0 + timedelta(days=last, hours=7)

    def lookup(questions: Iterable[Question]) -> Iterator[tuple[Question, Answer]]:
        for question in questions:
            yield question, _answer(world, question, last)

    validator = Validator(Evidence(policy.policy, policy.ledger, lookup, at))
    addresses = [p.address for p in world.people]
    validator.prepare(addresses)
    found: Counter[str] = Counter()
    for person, validation in zip(world.people, validator.validations(addresses), strict=True):
        reply = world.answer(person, last).reply
        is_bad, is_hard = validation.verdict is Worth.BAD, bool(reply) and hard(reply)
        is_dead = not world.deliverable(person, last)
        found["bad" if is_bad else "others"] += 1
        found["bad bounced"] += is_bad and bool(reply)
        found["bad dead"] += is_bad and is_dead
        found["hard"] += is_hard
        found["hard bad"] += is_hard and is_bad
        found["others hard"] += is_hard and not is_bad
    policy.close()
    return found


def _answer(world: World, question: Question, day: int) -> Answer:
    """DNS of the world: what lapsed does not exist."""
    if world.lapsed.get(question.name, -1) >= day:
        return Answer(Outcome.NO_NAME)
    if question.type == "MX":
        return Answer(Outcome.ANSWERED, ("10 mx.host.example",), 3600)
    return Answer(Outcome.ANSWERED, ("192.88.98.1",), 3600)


def sentence(n: Counter[str]) -> str:
    """The counts in words."""
    return (
        f"{n['bad']:,} called bad, of which {n['bad bounced'] / max(1, n['bad']):.2%} bounced and "
        f"{n['bad dead'] / max(1, n['bad']):.2%} do not exist; {n['hard']:,} hard bounces, of "
        f"which {n['hard bad'] / max(1, n['hard']):.1%} were called bad; of the {n['others']:,} "
        f"others {n['others hard'] / max(1, n['others']):.2%} bounced hard"
    )


if __name__ == "__main__":
    main()
