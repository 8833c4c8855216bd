"""The tables of the pages as CSV and JSON, the rules made of replies, and what is compared with the
usual.
"""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bouncewise.dashboard.app import VIEWS
from bouncewise.dashboard.period import compared, last_day
from bouncewise.dashboard.site_rule import draft, nearest_rule, without_names
from bouncewise.dashboard.sources import _heard
from bouncewise.dashboard.twins import TABLES
from bouncewise.ledger import open_store
from bouncewise.model import Cause
from bouncewise.operations.decisions import refresh_counts
from bouncewise.rules.load import load, shipped
from bouncewise.times import Day, day_of, micros
from dashboard.test_pages import EVIL, client
from support.cli import bouncewise
from support.postfix import ACCEPTED, UNKNOWN, log_lines

FORMULA = '=HYPERLINK("http://x.example")'
STRANGE = "554 frotz gnusto <jo@private.example> xyzzy"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A dead address, one with mail, a reply that nobody knows, an act with a formula as reason."""
    lines = [
        log_lines("2026-11-20T09:00:00+00:00", "dead@gone.example", UNKNOWN, queue=1),
        log_lines("2026-11-20T10:00:00+00:00", "ok@gone.example", ACCEPTED, queue=2),
        log_lines("2026-11-21T10:00:00+00:00", "odd@gone.example", STRANGE, queue=3),
    ]
    (tmp_path / "mail.log").write_text("".join(lines))
    assert bouncewise(tmp_path, "ingest", "mail.log", "--db", "l").returncode == 0
    add = ("suppressions", "add", "x@y.example", "--why", FORMULA, "--db", "l")
    assert bouncewise(tmp_path, *add).returncode == 0
    return tmp_path / "l"


def cells(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_page_has_tables_with_both_twins(ledger: Path) -> None:
    seen = client(ledger)
    number = seen.get("/replies.json?table=replies").json()[0]["reply"]
    given = {"name": "other", "number": number, "name:path": "dead@gone.example"}
    for path, name, _ in VIEWS:
        stem = "/today" if path == "/" else path
        for key, value in given.items():
            stem = stem.replace(f"{{{key}}}", value)
        if name == "incident":
            assert seen.get(f"{stem}.csv").status_code == 404, "there is no incident"
            continue
        for table, columns in TABLES[name].items():
            answer = seen.get(f"{stem}.csv?table={table}")
            assert answer.status_code == 200, (stem, table)
            assert tuple(next(csv.reader(io.StringIO(answer.text)))) == columns
            rows = seen.get(f"{stem}.json?table={table}").json()
            assert len(rows) == len(cells(answer.text))
        assert seen.get(f"{stem}.csv?table=nothing").status_code == 404
        assert seen.get(f"{stem}.json?table=nothing").status_code == 404


def test_a_formula_is_marked_in_csv(ledger: Path) -> None:
    (row,) = [r for r in cells(client(ledger).get("/suppressions.csv").text) if r["by"]]
    assert row["why"] == f"'{FORMULA}"


def test_numbers_of_receivers_domains_and_days(ledger: Path) -> None:
    seen = client(ledger)
    (row,) = seen.get("/receivers.json").json()["receivers"]
    assert (row["receiver"], row["delivered"], row["address"], row["other"]) == ("other", 1, 1, 1)
    page = seen.get("/receivers/other.json").json()
    (domain,) = page["domains"]
    assert (domain["domain"], domain["delivered"], domain["address"]) == ("@gone.example", 1, 1)
    assert sum(day["delivered"] for day in page["days"]) == 1
    assert len(seen.get("/receivers/other.json?days=7").json()["days"]) == 7
    assert len(seen.get("/receivers/other.json?days=x").json()["days"]) == 30
    assert seen.get("/receivers/nobody").status_code == 404


def test_a_suppression_is_found_by_its_address_and_its_domain(ledger: Path) -> None:
    seen = client(ledger)
    for query in ("dead@gone.example", "@gone.example", "gone.example"):
        rows = seen.get("/suppressions.json", params={"q": query}).json()["rows"]
        assert [row["name"] for row in rows] == ["dead@gone.example"], query
    assert seen.get("/suppressions.json?q=nobody@x.example").json()["rows"] == []


# ── replies ─────────────────────────────────────────────────────────────────────────────────────


def test_what_nobody_knows_comes_first_and_becomes_a_rule(ledger: Path, tmp_path: Path) -> None:
    seen = client(ledger)
    first = seen.get("/replies.json").json()["replies"][0]
    assert first["read_by"] == "unclassified"
    assert "frotz gnusto" in first["words"]
    page = seen.get(f"/replies/{first['reply']}.json?cause=mailbox-disabled").json()
    assert "private" not in json.dumps(page), "addresses are no part of a page about a reply"
    rules = tmp_path / "ours.toml"
    rules.write_text(page["draft"], "utf-8")
    assert bouncewise(tmp_path, "rules", "test", "ours.toml").returncode == 0
    preview = bouncewise(tmp_path, "replay", "--rules", "ours.toml", "--dry-run", "--db", "l")
    assert preview.returncode == 0
    assert b"site.frotz-gnusto" in preview.stdout
    for number in ("x", "9" * 30, "-1", "1"):
        assert seen.get(f"/replies/{number}").status_code == 404


def test_a_reply_has_the_rule_with_most_words_in_common() -> None:
    near = nearest_rule("550 the mailbox is over its quota today", shipped())
    assert near is not None
    assert near.cause is Cause.MAILBOX_FULL
    assert nearest_rule("554 frotz gnusto xyzzy", shipped()) is None


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_any_reply_becomes_a_file_of_rules(tmp_path_factory: pytest.TempPathFactory, text) -> None:
    """It can be read; what it is made of cannot leave its string."""
    file = tmp_path_factory.mktemp("rules") / "ours.toml"
    reply = without_names(f"550 zyx wvu {text}")
    file.write_text(draft(reply, Cause.POLICY), "utf-8", errors="surrogatepass")
    rule = load((file,)).rules[0]
    assert rule.cause is Cause.POLICY
    assert rule.example == (reply,)


def test_the_draft_decides_its_example(tmp_path: Path) -> None:
    file = tmp_path / "ours.toml"
    file.write_text(draft(without_names(f"550 no entry for you {EVIL}"), Cause.POLICY), "utf-8")
    assert bouncewise(tmp_path, "rules", "test", "ours.toml").returncode == 0


# ── senders and sources ─────────────────────────────────────────────────────────────────────────


def test_problems_are_those_that_watch_noted(ledger: Path) -> None:
    noted = {
        "problems": [
            {
                "part": "records shop.example",
                "id": "spf-none",
                "level": "error",
                "words": EVIL,
                "fix": "publish one",
                "since": 1_795_000_000,
                "is_told": True,
            }
        ],
        "looked": {"records": 1_795_000_000},
    }
    with open_store(ledger) as store, store.change():
        store.remember("watch", json.dumps(noted))
    seen = client(ledger)
    (problem,) = seen.get("/senders.json").json()["problems"]
    assert (problem["subject"], problem["level"]) == ("shop.example", "error")
    for path in ("/senders", "/"):
        text = seen.get(path).text
        assert "&lt;script&gt;" in text
        assert "<script" not in text


NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOUR = micros(NOW) // 3_600_000_000


@pytest.mark.parametrize(
    ("hours", "state"),
    [
        ([HOUR - n for n in range(48, 0, -1)], "heard"),
        ([HOUR - n for n in range(48, 4, -1)], "late"),
        ([HOUR - 24 * n for n in range(9, 0, -1)], "heard"),
        ([HOUR - 9], "new"),
    ],
)
def test_a_source_is_late_after_a_longer_silence_than_usual(hours: list[int], state: str) -> None:
    last = NOW - timedelta(hours=HOUR - hours[-1])
    assert _heard("mail.log", last, hours, NOW).state == state


def test_a_day_is_compared_with_the_median_of_known_days() -> None:
    day = day_of(micros(NOW))
    counts = {Day(day - n): 10 for n in range(1, 9)} | {day: 25, Day(day - 3): 1000}
    known = frozenset(counts)
    found = compared(counts, day, known)
    assert (found.value, found.usual) == (25, 10)
    assert found.words == "2 times the usual 10"
    assert compared(counts, day, frozenset()).words == "no usual day is known yet"
    assert last_day(known, NOW) == day - 1
    assert date.fromordinal(719163 + last_day(known, NOW)) == date(2026, 11, 26)


def test_hours_that_are_not_counted_yet_are_shown(ledger: Path) -> None:
    with sqlite3.connect(ledger) as db:
        db.execute("INSERT INTO tally_due VALUES (1)")
    db.close()
    assert "are not counted" in client(ledger).get("/sources").text
    with open_store(ledger) as store:
        refresh_counts(store)
    assert "All evidence is counted" in client(ledger).get("/sources").text
