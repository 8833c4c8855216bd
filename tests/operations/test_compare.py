"""Policies on a history whose end is known: a block of ours, an outage, and dead addresses."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.cli import bouncewise
from support.postfix import ACCEPTED, UNKNOWN, log_lines

DAY0 = datetime(2026, 3, 1, 8, tzinfo=UTC)
BLOCKED = "550 5.7.1 Client host [192.0.2.7] blocked using zen.spamhaus.org"


@pytest.fixture
def rows(tmp_path: Path) -> dict[str, dict[str, int]]:
    """30 addresses whose mail was refused once for our IP address, and 5 that are dead."""
    lines, queue = "", 0
    for day in range(0, 40, 4):
        for number in range(30):
            queue += 1
            at = DAY0 + timedelta(days=day, seconds=queue)
            reply = BLOCKED if day == 20 else ACCEPTED
            lines += log_lines(at, f"p{number}@d{number}.example", reply, queue=queue)
        for number in range(5):
            queue += 1
            at = DAY0 + timedelta(days=day, seconds=queue)
            reply = UNKNOWN if day >= 8 else ACCEPTED
            lines += log_lines(at, f"dead{number}@e{number}.example", reply, queue=queue)
    (tmp_path / "mail.log").write_text(lines)
    assert bouncewise(tmp_path, "ingest", "mail.log", "--db", "l").returncode == 0
    done = bouncewise(tmp_path, "compare", "--db", "l", "--json")
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {row.pop("policy"): row for row in found}


def test_a_block_of_ours_costs_those_who_take_any_5xx_for_the_end(
    rows: dict[str, dict[str, int]],
) -> None:
    assert rows["any 5xx reply"]["delivered_later"] == 30
    assert rows["any 5xx reply"]["withheld"] == 30 * 4
    assert rows["bouncewise"]["delivered_later"] == 0
    assert rows["bouncewise"]["withheld"] == 0


def test_dead_addresses_are_found_by_those_who_read_the_reply(
    rows: dict[str, dict[str, int]],
) -> None:
    for name in ("bouncewise", "status 5.1.x", "unknown by its words"):
        assert rows[name]["refused_again"] == 5
    assert rows["two failures in a day"]["suppressed"] == 0
    assert rows["two failures in a day"]["sent_to_dead"] == 5 * 7
    # The first refusal after a delivery is a hold, for the address may be fine.
    assert rows["bouncewise"]["sent_to_dead"] <= 5


def test_the_sums_add_up(rows: dict[str, dict[str, int]]) -> None:
    for row in rows.values():
        parts = row["delivered_later"] + row["refused_again"] + row["unknown"]
        assert parts == row["suppressed"]


def test_a_ledger_without_refusals_says_so(tmp_path: Path) -> None:
    (tmp_path / "mail.log").write_text(log_lines(DAY0, "a@b.example"))
    assert bouncewise(tmp_path, "ingest", "mail.log", "--db", "l").returncode == 0
    done = bouncewise(tmp_path, "compare", "--db", "l")
    assert done.stdout == b"no address of the ledger was refused in this time\n"
