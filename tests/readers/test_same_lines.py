"""A line without a year or zone counts once, however it is read."""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bouncewise.readers.logs.timestamps import TimestampParser, use_zone
from support.cli import bouncewise

LINE = (
    "{} mx postfix/smtp[1]: Q{:07}: to=<u{}@b.example>, relay=mx.b.example[192.0.2.1]:25, delay=1, "
    "delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.b.example[192.0.2.1] said: 550 5.1.1 User "
    "unknown (in reply to RCPT TO command))\n"
)
COUNT = 30


def log_until(last: datetime) -> bytes:
    """COUNT lines, an hour apart, the last of them at *last*."""
    times = (last - timedelta(hours=back) for back in reversed(range(COUNT)))
    lines = (LINE.format(f"{t:%b} {t.day:2} {t:%H:%M:%S}", n, n) for n, t in enumerate(times))
    return "".join(lines).encode()


def new_of(folder: Path, *args: object, stdin: bytes = b"") -> int:
    done = bouncewise(folder, "ingest", "--json", "--db", folder / "l", *args, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return int(json.loads(done.stdout)["new"])


@pytest.fixture(autouse=True)
def same_zone_afterwards() -> object:
    yield
    use_zone("")


def test_a_line_counts_once_by_path_by_pipe_compressed_renamed_and_touched(tmp_path: Path) -> None:
    raw = log_until(datetime.now(UTC) - timedelta(days=2))
    (tmp_path / "a.log").write_bytes(raw)
    assert new_of(tmp_path, tmp_path / "a.log") == COUNT
    assert new_of(tmp_path, "-", stdin=raw) == 0
    (tmp_path / "b.log.gz").write_bytes(gzip.compress(raw))
    assert new_of(tmp_path, tmp_path / "b.log.gz") == 0
    (tmp_path / "c.log").write_bytes(raw)
    for days in (-1, 200, 800):
        touched = datetime.now(UTC).timestamp() + days * 86_400
        os.utime(tmp_path / "c.log", (touched, touched))
        assert new_of(tmp_path, tmp_path / "c.log") == 0, days


def test_a_line_counts_once_in_whatever_zone_it_is_read(tmp_path: Path) -> None:
    raw = log_until(datetime.now(UTC) - timedelta(days=2))
    (tmp_path / "a.log").write_bytes(raw)
    zones = zone_configurations(tmp_path)
    assert new_of(tmp_path, tmp_path / "a.log") == COUNT
    for configuration in zones:
        assert new_of(tmp_path, tmp_path / "a.log", "--config", configuration) == 0, configuration


def zone_configurations(folder: Path) -> list[Path]:
    found = []
    for zone in ("Asia/Tokyo", "America/Los_Angeles", "Europe/Berlin"):
        path = folder / f"{zone.replace('/', '-')}.toml"
        path.write_text(f'[own]\ntime_zone = "{zone}"\n')
        found.append(path)
    return found


def years(stamps: list[str], latest: datetime, new_years: int = 0) -> list[int | None]:
    parser = TimestampParser(latest, new_years)
    return [at and at.year for at in map(parser.parse, stamps)]


def test_a_pipe_that_is_read_on_new_years_day() -> None:
    latest = datetime(2027, 1, 1, 0, 5, tzinfo=UTC)
    stamps = ["Dec 31 23:59:59", "Jan  1 00:00:00", "Dec 31 23:59:58", "Jan  1 00:00:01"]
    assert years(stamps, latest) == [2026, 2027, 2026, 2027]


def test_rotated_logs_newest_first() -> None:
    latest = datetime(2026, 3, 3, tzinfo=UTC)
    stamps = ["Mar  1 00:00:00", "Mar  2 00:00:00", "Feb 20 00:00:00", "Feb 28 00:00:00"]
    older = ["Feb  1 00:00:00", "Feb 19 00:00:00", "Jan  5 00:00:00", "Jan 31 00:00:00"]
    assert years([*stamps, *older], latest) == [2026] * 8


def test_one_line_that_is_out_of_order_moves_no_other_line() -> None:
    latest = datetime(2026, 6, 1, tzinfo=UTC)
    first = ["Dec 30 00:00:00", "Dec 31 23:59:59", "Jan  1 00:00:01", "Dec 31 23:59:59"]
    assert years([*first, *["Jan  1 00:00:02"] * 3, "Mar  1 00:00:00"], latest)[-4:] == [2026] * 4


@pytest.mark.parametrize("year", [2025, 2026, 2027, 2028])
def test_the_29th_of_february_is_the_last_that_there_was(year: int) -> None:
    latest = datetime(year, 12, 1, tzinfo=UTC)
    assert years(["Feb 29 12:00:00"], latest) == [2028 if year == 2028 else 2024]


def test_a_file_of_last_year_that_was_copied_now_is_not_in_the_future(tmp_path: Path) -> None:
    later = datetime.now(UTC) + timedelta(days=40)
    path = tmp_path / "old.log"
    path.write_text(f"{later:%b} {later.day:2} 10:00:00 mx x[1]: y\n")
    at = TimestampParser.for_file(str(path)).parse(f"{later:%b} {later.day:2} 10:00:00")
    assert at is not None and at < datetime.now(UTC)
