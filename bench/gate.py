"""Simulated mailings through the test of ``bouncewise gate``: how many dead addresses are mailed
before the stop, and how many mailings of 1,000 are stopped for nothing.

Run as: python bench/gate.py [--mailings N] [--seed N]. Each mailing has 50,000 mails and is looked
at whenever 100 mails have an outcome. Beside the test stand the rule of many dashboards, "more than
5 % of at least 100 mails bounced", Wald's sequential probability ratio test of 5 % against 10 %
with the same false-alarm rate, and the dashboard's rule where it counts every refusal, as a sender
does who does not tell a refused sender from a dead address. "-N": so many mailings of 200 were not
stopped.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator
from math import log
from typing import NamedTuple

from bouncewise.policy.gate import Advised, BounceTest
from bouncewise.policy.load import load

MAILS, PART, SECTION = 50_000, 100, 500
GATE = load().gate


class Part(NamedTuple):
    """Outcomes between two looks: accepted, dead, and refused for a fault of the sender."""

    accepted: int
    dead: int
    blocked: int = 0


Watch = Callable[[Part], bool]
"""Takes the next part; whether the mailing is to be stopped."""
Mailing = Callable[[random.Random], Iterator[Part]]


# ── rules ───────────────────────────────────────────────────────────────────────────────────────


def gate() -> Watch:
    """The test of ``bouncewise gate``."""
    test = BounceTest(GATE)

    def look(part: Part) -> bool:
        test.add(part.accepted, part.dead)
        return test.advice is Advised.STOP

    return look


def wald() -> Watch:
    """Wald's test; where it accepts the tolerable rate, it begins again."""
    low, high = GATE.bounce_review, GATE.bounce_pause
    stop, good = log(0.95 / GATE.false_alarm), log(0.05 / (1 - GATE.false_alarm))
    found = 0.0

    def look(part: Part) -> bool:
        nonlocal found
        found += part.dead * log(high / low) + part.accepted * log((1 - high) / (1 - low))
        is_high = found >= stop
        found = 0.0 if found <= good else found
        return is_high

    return look


def dashboard(*, every: bool = False) -> Watch:
    """More than 5 % of at least 100 mails bounced; *every*: refusals of the sender count, too."""
    mails = bounced = 0

    def look(part: Part) -> bool:
        nonlocal mails, bounced
        mails += part.accepted + part.dead + (part.blocked if every else 0)
        bounced += part.dead + (part.blocked if every else 0)
        return mails >= 100 and bounced > GATE.bounce_review * mails

    return look


RULES: dict[str, Callable[[], Watch]] = {
    "gate": gate,
    "wald": wald,
    "dashboard": dashboard,
    "every refusal": lambda: dashboard(every=True),
}


# ── mailings ────────────────────────────────────────────────────────────────────────────────────


def hits(random_: random.Random, mails: int, rate: float) -> int:
    """A binomial number, by the distances between two hits."""
    found, at = 0, random_.expovariate(1) / -log(1 - rate)
    while at < mails:
        found += 1
        at = int(at) + 1 + random_.expovariate(1) / -log(1 - rate)
    return found


def steady(rate: float) -> Mailing:
    """The same rate from the first to the last mail."""
    return lambda r: (_part(r, rate) for _ in range(MAILS // PART))


def uneven(mean: float, weight: float) -> Mailing:
    """Sections of the list differ: the rate of each is drawn from a beta distribution."""

    def parts(r: random.Random) -> Iterator[Part]:
        for _ in range(MAILS // SECTION):
            rate = max(1e-9, r.betavariate(mean * weight, (1 - mean) * weight))
            yield from (_part(r, rate) for _ in range(SECTION // PART))

    return parts


def tail(rate: float, begins: int) -> Mailing:
    """A part of 1 %, and behind it an old list."""
    return lambda r: (_part(r, 0.01 if n * PART < begins else rate) for n in range(MAILS // PART))


def greylisted(rate: float) -> Mailing:
    """A third of the deliveries is delayed by ten parts; bounces are not."""

    def parts(r: random.Random) -> Iterator[Part]:
        late = [0] * 10
        for _ in range(MAILS // PART):
            part = _part(r, rate)
            late.append(part.accepted // 3)
            yield part._replace(accepted=part.accepted - late[-1] + late.pop(0))

    return parts


def blocked(rate: float, share: float) -> Mailing:
    """A share of the receivers refuses the sender."""

    def parts(r: random.Random) -> Iterator[Part]:
        for _ in range(MAILS // PART):
            part, lost = _part(r, rate), hits(r, PART, share)
            yield Part(max(0, part.accepted - lost), part.dead, lost)

    return parts


def _part(r: random.Random, rate: float) -> Part:
    dead = hits(r, PART, rate)
    return Part(PART - dead, dead)


TOLERABLE: dict[str, Mailing] = {
    "1 % dead": steady(0.01),
    "2 %, a third greylisted": greylisted(0.02),
    "2 %, sections differ (sd 1 %)": uneven(0.02, 195),
    "2 %, sections differ (sd 2 %)": uneven(0.02, 48),
    "1 %, and 20 % refuse the sender": blocked(0.01, 0.2),
    "4 % dead": steady(0.04),
    "5 % dead, as tolerated": steady(GATE.bounce_review),
}
BAD: dict[str, Mailing] = {
    "8 % dead": steady(0.08),
    "10 % dead": steady(0.10),
    "20 % dead": steady(0.20),
    "50 % dead": steady(0.50),
    "1 %, from mail 20,701 on 20 %": tail(0.20, 20_700),
    "1 %, from mail 40,301 on 50 %": tail(0.50, 40_300),
}


def watched(mailing: Mailing, seed: int) -> dict[str, tuple[bool, int]]:
    """By rule: whether it stopped the mailing, and the dead addresses mailed until then."""
    watches = {name: rule() for name, rule in RULES.items()}
    found: dict[str, tuple[bool, int]] = {}
    dead = 0
    for part in mailing(random.Random(seed)):  # noqa: S311
        dead += part.dead
        for name, look in watches.items():
            if name not in found and look(part):
                found[name] = True, dead
    return {name: found.get(name, (False, dead)) for name in RULES}


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--mailings", type=int, default=1000)
    args.add_argument("--seed", type=int, default=1)
    options = args.parse_args()
    seeds = range(options.seed, options.seed + options.mailings)
    print(f"{'stopped for nothing, of 1,000 mailings':40}", *(f"{name:>15}" for name in RULES))
    for name, mailing in TOLERABLE.items():
        results = [watched(mailing, seed) for seed in seeds]
        counts = (sum(r[rule][0] for r in results) * 1000 / len(results) for rule in RULES)
        print(f"{name:40}", *(f"{count:>15.1f}" for count in counts), flush=True)
    print()
    title = "dead mailed before the stop (of which 95 %)"
    print(f"{title:40}", *(f"{name:>15}" for name in RULES))
    for name, mailing in BAD.items():
        results = [watched(mailing, seed) for seed in seeds[: max(1, len(seeds) // 5)]]
        cells = []
        for rule in RULES:
            dead = sorted(count for _, count in (r[rule] for r in results))
            missed = sum(not r[rule][0] for r in results)
            note = f" -{missed}" if missed else ""
            cells.append(f"{dead[len(dead) // 2]:,} ({dead[len(dead) * 95 // 100]:,}){note}")
        print(f"{name:40}", *(f"{cell:>15}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
