"""Laws that hold in every world: the order, the splits and the repetitions of what is read change
nothing, and the answer as of a time is what a ledger would have answered then.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bouncewise.operations.check import check
from support.worlds import ADDRESSES, POLICY, START, Happening, derived, ingest, pulse, worlds

pytestmark = pytest.mark.sqlite  # (tests/ledger/test_both_databases.py compares)

CASES = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def fresh(folder: Path) -> Path:
    """A new file for a ledger; the older ones are deleted."""
    for old in folder.glob("*.sqlite*"):
        old.unlink()
    return folder / "ledger.sqlite"


@CASES
@given(worlds(), st.randoms(use_true_random=False), st.integers(1, 5))
def test_order_splits_and_repetitions_change_nothing(
    tmp_path: Path, happenings: list[Happening], random, count: int
) -> None:
    with ingest(fresh(tmp_path), [sorted(happenings)]) as ledger:
        whole = derived(ledger)
    shuffled = random.sample(happenings, len(happenings))
    parts = [shuffled[i::count] for i in range(count)]
    if parts[0]:
        parts.append(random.choice(parts))
    with ingest(fresh(tmp_path), parts) as ledger:
        assert derived(ledger) == whole


@CASES
@given(worlds(), st.integers(1, 60))
def test_the_answer_as_of_a_time_is_the_answer_then(
    tmp_path: Path, happenings: list[Happening], days: int
) -> None:
    """At midnight, for of each day's deliveries only the first and the last are kept."""
    at = START + timedelta(days=days)
    happenings += pulse(61)
    with ingest(fresh(tmp_path), [[h for h in happenings if h.at < at]]) as ledger:
        then = list(check(ADDRESSES, ledger, POLICY, at=at, past=False))
    with ingest(fresh(tmp_path), [happenings]) as ledger:
        assert list(check(ADDRESSES, ledger, POLICY, at=at, past=True)) == then
