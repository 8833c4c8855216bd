"""Bursts against the own history, and a ramp that never doubles."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from bouncewise.policy.load import load
from bouncewise.policy.volume import pattern
from bouncewise.times import Day
from support.cli import bouncewise
from support.postfix import log_lines

NUMBERS = load().volume
LIMITED = "421 4.7.28 Gmail has detected an unusual rate of unsolicited mail. rate limited"


def test_even_mail_is_no_burst() -> None:
    found = pattern({Day(n): 5000 for n in range(60)}, {}, Day(59), NUMBERS)
    assert (found.largest, found.safe, found.bursts, found.ramp) == (5000, 5000, (), ())


def test_a_burst_with_refusals_gives_a_ramp_that_never_doubles() -> None:
    days = {Day(n): 1000 for n in range(40)} | {Day(40): 6000}
    found = pattern(days, {Day(40): 2000, Day(41): 500}, Day(41), NUMBERS)
    (burst,) = found.bursts
    assert (burst.day, burst.volume, burst.largest, burst.refused) == (40, 8000, 1000, 2500)
    assert (found.largest, found.safe) == (8000, 1000)
    assert found.ramp[0] == 1000
    assert found.ramp[-1] == 8000
    assert all(after < 2 * before for before, after in pairwise(found.ramp))


def test_a_burst_without_refusals_is_shown_and_needs_no_ramp() -> None:
    found = pattern({Day(1): 600, Day(2): 1300}, {}, Day(2), NUMBERS)
    assert [burst.refused for burst in found.bursts] == [0]
    assert found.ramp == ()


def test_small_numbers_and_the_first_day_are_no_burst() -> None:
    assert pattern({Day(1): 10, Day(2): 400}, {}, Day(2), NUMBERS).bursts == ()
    assert pattern({Day(2): 90_000}, {}, Day(2), NUMBERS).bursts == ()


def test_a_ramp_ends() -> None:
    found = pattern({}, {Day(2): 10**12}, Day(2), NUMBERS)
    assert len(found.ramp) == NUMBERS.ramp_days


def test_the_verb(tmp_path: Path) -> None:
    start = datetime.now(UTC) - timedelta(days=4)
    host = "gmail-smtp-in.l.google.com"
    lines = [log_lines(start, f"u{n}@gmail.com", queue=n, host=host) for n in range(20)]
    later = start + timedelta(days=1)
    for n in range(1000):
        reply = LIMITED if n % 2 else "250 2.0.0 OK"
        lines.append(log_lines(later, f"v{n}@gmail.com", reply, queue=n + 50, host=host))
    (tmp_path / "mail.log").write_text("".join(lines))
    assert bouncewise(tmp_path, "ingest", "mail.log").returncode == 0
    done = bouncewise(tmp_path, "sender", "volume", "--json")
    row = json.loads(done.stdout)
    assert done.returncode == 1
    assert (row["receiver"], row["largest"], row["safe"]) == ("google", 1000, 20)
    assert [burst["refused"] for burst in row["bursts"]] == [500]
    assert row["ramp"]
    text = bouncewise(tmp_path, "sender", "volume").stdout.decode()
    assert "500 refused" in text
    assert "send at most" in text
