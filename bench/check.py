"""One question of a living Checker, with as many suppressions as a large sender has: misses, first
hits, remembered hits.

Run as: python bench/check.py [--names N] [--db URL]. The ledger is filled by SQL, in SQLite or in
schema bench of a PostgreSQL database, and its index is written as an ingest writes it. Prints
microseconds per question beside a floor: the two hashes and the two look-ups in a set that any
answer needs.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bouncewise.ledger import open_store
from bouncewise.ledger.location import locate
from bouncewise.ledger.opening import open_database
from bouncewise.ledger.rows import address_row, domain_of, new_id, state_row
from bouncewise.model import Cause, Decision, State
from bouncewise.operations.check import Checker
from bouncewise.policy.load import load

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.ingest import in_new_schema

BLOCK = 200_000
DEAD = Decision(
    state=State.SUPPRESSED, cause=Cause.MAILBOX_UNKNOWN, why="550 5.1.1", rule="recipient.unknown"
)


def fill(path: Path | str, names: int) -> None:
    """Make a ledger in which *names* addresses are suppressed."""
    open_store(path, create=True).close()
    database = open_database(locate(path))
    with database.transaction():
        for start in range(0, names, BLOCK):
            rows = [address_row(suppressed(i)) for i in range(start, min(names, start + BLOCK))]
            database.many("address_add", sorted(rows))
            database.many("state_put", (state_row(r[0], DEAD) for r in sorted(rows)))
    database.close()
    with open_store(path) as store, store.change():
        store.write_index()


def suppressed(i: int) -> str:
    return f"user{i}@d{i % 4999}.example"


def microseconds(questions: list[str], ask: Callable[[str], object]) -> float:
    start = time.perf_counter()
    for question in questions:
        ask(question)
    return (time.perf_counter() - start) / len(questions) * 1e6


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--names", type=int, default=10_000_000)
    args.add_argument("--db", default="", help="a PostgreSQL database")
    names, url = args.parse_args().names, args.parse_args().db
    draw = random.Random(1)  # noqa: S311
    misses = [f"other{i}@d{i % 977}.example" for i in range(100_000)]
    hits = [suppressed(i) for i in draw.sample(range(names), 20_000)]
    known = {new_id(name) for name in hits}
    floor = microseconds(
        misses, lambda name: new_id(name) in known or new_id(domain_of(name)) in known
    )
    with tempfile.TemporaryDirectory() as folder:
        path = in_new_schema(url) if url else str(Path(folder) / "ledger.sqlite")
        fill(path, names)
        with open_store(path) as store:
            checker = Checker(store, load())
            checker.check("warm@up.example")
            rows = {
                "a miss": microseconds(misses, checker.check),
                "a first hit": microseconds(hits, checker.check),
                "a remembered hit": microseconds(hits, checker.check),
            }
    for what, cost in rows.items():
        print(
            f"{names:,} suppressions, {what:17} {cost:6.2f} us   {cost / floor:4.1f} x the "
            f"floor ({floor:.2f} us)"
        )


if __name__ == "__main__":
    main()
