"""The index of suppressed and held names, with as many names as a large sender has: octets per name
and time per question.

Run as: python bench/index.py [--names N]. The ids are drawn at random, as a hash would give them; a
question includes its hash. Prints octets and microseconds, beside a set of the same ids (of a
hundredth of them, where they are many).
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable

import polars as pl

from bouncewise.ledger.index import Index
from bouncewise.ledger.rows import new_id


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--names", type=int, default=10_000_000)
    names = args.parse_args().names
    draw = random.Random(1)  # noqa: S311
    ids = pl.Series([draw.getrandbits(63) for _ in range(names // 100)], dtype=pl.Int64)
    spread = pl.concat([ids ^ draw.getrandbits(63) for _ in range(100)]).sort()
    held = memoryview(spread.rechunk().to_arrow().buffers()[1]).cast("q")
    asked = [f"u{i}@d{i % 977}.example" for i in range(200_000)]
    index = Index(held)
    few = set(ids.to_list())
    ours, theirs = cost(asked, index.__contains__), cost(asked, lambda name: new_id(name) in few)
    octets = sys.getsizeof(few) + 32 * len(few)
    print(
        f"{names:,} names: {held.nbytes / names:.0f} octets each, {held.nbytes / 1e6:,.0f} "
        f"MB; {ours:.2f} us a question"
    )
    print(f"a set of {len(few):,} ids: {octets / len(few):.0f} octets each; {theirs:.2f} us")


def cost(asked: list[str], question: Callable[[str], bool]) -> float:
    """Microseconds of one, the best of three rounds."""
    best = 1e9
    for _ in range(3):
        start = time.perf_counter()
        for name in asked:
            question(name)
        best = min(best, (time.perf_counter() - start) / len(asked) * 1e6)
    return best


if __name__ == "__main__":
    main()
