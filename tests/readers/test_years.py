"""Logs without a year: around New Year, over several years, through a pipe, when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bouncewise.readers.logs.timestamps import TimestampParser, use_zone

LATEST = datetime(2026, 1, 2, 12, tzinfo=UTC)


def years(stamps: list[str], latest: datetime = LATEST) -> list[int | None]:
    parser = TimestampParser(latest)
    found = [parser.parse(stamp) for stamp in stamps]
    return [at and at.year for at in found]


def test_lines_out_of_order_at_new_year_stay_in_their_years() -> None:
    stamps = ["Dec 31 22:59:58", "Jan  1 10:00:00", "Dec 31 12:59:59", "Jan  1 10:00:01"]
    assert years([*stamps, "Jan  2 10:00:00"]) == [2025, 2026, 2025, 2026, 2026]


def test_older_files_behind_newer_ones_go_back() -> None:
    stamps = ["Nov 24 10:00:00", "Nov 17 10:00:00", "Dec 15 10:00:00", "Nov  2 10:00:00"]
    latest = datetime(2026, 11, 26, tzinfo=UTC)
    assert years(stamps, latest) == [2026, 2026, 2025, 2025]


def test_the_29th_of_february_is_in_a_leap_year() -> None:
    latest = datetime(2026, 11, 26, tzinfo=UTC)
    assert years(["Feb 29 10:00:00", "Mar  1 10:00:00"], latest) == [2024, 2024]


def test_a_log_of_several_years_ends_when_its_file_does(tmp_path: Path) -> None:
    stamps = [f"{month} 03 10:00:00" for month in "Mar Dec Jan Nov Feb Nov".split()]
    path = tmp_path / "log"
    path.write_text("".join(f"{stamp} mx x[1]: y\n" for stamp in stamps))
    parser = TimestampParser.for_file(str(path))
    found = [parser.parse(stamp) for stamp in stamps]
    last = found[-1]
    assert last is not None and last <= datetime.now(UTC)
    assert [at and last.year - at.year for at in found] == [2, 2, 1, 1, 0, 0]


def test_no_line_is_later_than_a_day_after_the_file() -> None:
    assert years(["Jan  5 10:00:00"]) == [2025]
    assert years(["Jan  3 10:00:00"]) == [2026]


@pytest.fixture
def berlin() -> object:
    use_zone("Europe/Berlin")
    yield
    use_zone("")


@pytest.mark.usefixtures("berlin")
def test_in_the_repeated_hour_a_line_that_goes_back_is_in_the_second_pass() -> None:
    parser = TimestampParser(datetime(2026, 11, 26, tzinfo=UTC))
    first, second = parser.parse("Oct 25 02:50:00"), parser.parse("Oct 25 02:10:00")
    assert first == datetime(2026, 10, 25, 0, 50, tzinfo=UTC)
    assert second == datetime(2026, 10, 25, 1, 10, tzinfo=UTC)
    assert parser.parse("Oct 25 02:50:00") == datetime(2026, 10, 25, 1, 50, tzinfo=UTC)
    assert parser.parse("Oct 25 03:10:00") == datetime(2026, 10, 25, 2, 10, tzinfo=UTC)


@pytest.mark.usefixtures("berlin")
def test_a_line_of_the_first_pass_that_is_late_stays_in_the_first() -> None:
    parser = TimestampParser(datetime(2026, 11, 26, tzinfo=UTC))
    stamps = "02:59:58", "02:00:01", "02:59:59", "02:00:02"
    hours = [parser.parse(f"Oct 25 {stamp}") for stamp in stamps]
    assert [at and at.hour for at in hours] == [0, 1, 0, 1]
