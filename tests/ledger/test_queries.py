"""queries.sql: every query is used, none holds policy; the composer fits a query to values."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bouncewise.ledger.queries import MOST_IDS, compose, queries
from bouncewise.model import Advice, Cause
from bouncewise.rules.load import shipped

pytestmark = pytest.mark.sqlite

LEDGER = Path(__file__).parents[2] / "src" / "bouncewise" / "ledger"
SOURCE = "\n".join(path.read_text("utf-8") for path in LEDGER.glob("*.py"))


@pytest.mark.parametrize("name", queries())
def test_query_is_used(name: str) -> None:
    assert f'"{name}"' in SOURCE


@pytest.mark.parametrize("sql", queries().values(), ids=queries())
def test_query_names_no_advice_no_cause_no_receiver_and_no_number(sql: str) -> None:
    literals = set(re.findall(r"'([^']*)'", sql))
    assert not literals & {
        *map(str, Advice),
        *map(str, Cause),
        *(r.id for r in shipped().receivers),
    }
    assert not re.findall(r"(?<![\w:])\d{2,}", sql), "durations and limits are parameters"


@pytest.mark.parametrize("sql", queries().values(), ids=queries())
def test_query_is_portable(sql: str) -> None:
    """What only one database knows (SQLite's INSERT OR, iif, ?1 and PRAGMA; planner hints) is not
    written here.
    """
    assert not re.search(
        r"\bINSERT OR\b|\biif\b|\?\d|\bPRAGMA\b|\bCROSS JOIN\b|\bsqlite|\browid\b", sql, re.I
    )
    assert not re.search(r"ON CONFLICT (DO|WHERE)", sql), "the conflict's key is named"


def test_a_list_becomes_parameters_padded_to_a_power_of_two() -> None:
    sql, values = compose("address_names", {"ids": [7, 8, 9]})
    assert sql.endswith("IN (:ids_0, :ids_1, :ids_2, :ids_3)")
    assert values == {"ids_0": 7, "ids_1": 8, "ids_2": 9, "ids_3": 9}
    assert compose("address_names", {"ids": []})[1] == {"ids_0": None}
    assert len(compose("address_names", {"ids": list(range(MOST_IDS))})[1]) == MOST_IDS


def test_optional_lines_are_there_where_their_value_is() -> None:
    span = {"since": 1, "until": 2}
    assert (
        "e.directory = :directory" in compose("refused_names", {"directory": "google", **span})[0]
    )
    domain, values = compose("refused_names", {"domain": 5, "directory": None, **span})
    assert "directory" not in domain
    assert values == {"domain": 5, **span}
