"""A log that never ends is read as a whole file would be, in any format and from any position."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bouncewise.intake import files, logfile
from bouncewise.intake.follow import Chunk, Follower
from bouncewise.intake.formats import FORMATS, reader_for
from bouncewise.intake.live import LiveLog, is_log
from bouncewise.model import Finding, Kind
from bouncewise.readers.base import Item

LOGS = sorted(
    path
    for path in (Path(__file__).parents[1] / "fixtures" / "logs").iterdir()
    if path.suffix != ".toml"
)
POSTFIX = (
    "Nov 27 10:00:0{} mx postfix/smtp[9]: 4AF1D2E0{}: to=<dead{}@gone.example>,"
    " relay=mx.gone.example[192.0.2.1]:25, delay=1, dsn=5.1.1, status=bounced"
    " (host mx.gone.example[192.0.2.1] said: 550 5.1.1 User unknown)\n"
)


class Caught:
    """An outlet that keeps what it gets, until everything that is there was read."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.positions: list[str] = []
        self.said: list[str] = []
        self.is_stopping = False

    def put(self, items: list[Item], position: str) -> None:
        self.items += items
        self.positions.append(position)

    def wait(self, seconds: float) -> bool:
        return True

    def tell(self, line: str) -> None:
        self.said.append(line)

    def facts(self) -> list[tuple[object, ...]]:
        return facts(self.items)


def facts(items: list[Item]) -> list[tuple[object, ...]]:
    return [
        (i.report.kind, i.report.recipient, i.report.at, i.report.message_id, i.key)
        for i in items
        if isinstance(i, Finding)
    ]


def follow(path: Path, position: str = "") -> Caught:
    caught = Caught()
    LiveLog("follow x", Follower(str(path), position, caught.said.append).chunks(), caught).run()
    return caught


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.name)
def test_a_log_that_is_followed_gives_what_its_file_gives(path: Path, tmp_path: Path) -> None:
    log = tmp_path / path.name
    log.write_bytes(path.read_bytes().rstrip(b"\n") + b"\n")
    whole = [i for i in files.read(str(log)) if isinstance(i, Finding)]
    found = follow(log).facts()
    assert found == facts(whole)[: len(found)]
    is_cut = log.read_bytes().count(b'"') % 2  # within a row, whose rest is waited for
    assert len(found) == len(whole) or is_cut


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.name)
def test_a_restart_after_any_line_changes_nothing(path: Path, tmp_path: Path) -> None:
    """What earlier lines stated of a mail, and the header of a table, are known after it."""
    lines = (path.read_bytes().rstrip(b"\n") + b"\n").splitlines(keepends=True)
    log = tmp_path / path.name
    log.write_bytes(b"".join(lines))
    whole = facts(follow(log).items)
    log.unlink()
    found: list[tuple[object, ...]] = []
    position = ""
    for line in lines:
        with log.open("ab") as stream:
            stream.write(line)
        caught = follow(log, position)
        found += caught.facts()
        position = caught.positions[-1] if caught.positions else position
    assert found == whole


def test_container_logs_are_followed(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    plain = "".join(POSTFIX.format(n, n, n) for n in range(5))
    lines = [f"2026-11-27T10:00:00.1Z stdout F {line}\n" for line in plain.splitlines()]
    log.write_text("".join(lines[:2]))
    caught = follow(log)
    first, rest = lines[2][:60], lines[2].replace("stdout F", "stdout P")
    half = f"{rest[:120]}\n2026-11-27T10:00:00.1Z stdout F {lines[2][120:]}"
    assert first
    with log.open("a") as stream:
        stream.write(half)
        stream.write("".join(lines[3:]))
    caught.items += follow(log, caught.positions[-1]).items
    assert [fact[1] for fact in caught.facts()] == [f"dead{n}@gone.example" for n in range(5)]


def test_the_format_is_known_when_a_line_of_a_mail_server_comes(tmp_path: Path) -> None:
    log = tmp_path / "syslog"
    other = "Nov 27 09:59:00 mx systemd[1]: Started Session 5 of user root.\n"
    log.write_text(other * 3000)
    assert follow(log).said == ["follow x: has no lines of a log; `bouncewise ingest` reads files"]
    with log.open("a") as stream:
        stream.write(POSTFIX.format(1, 1, 1))
    assert [fact[1] for fact in follow(log).facts()] == ["dead1@gone.example"]


def test_what_is_no_log_is_refused_in_a_line(tmp_path: Path) -> None:
    box = tmp_path / "mbox"
    box.write_text("From MAILER-DAEMON Fri Nov 27 10:00:00 2026\nSubject: x\n\nx\n")
    caught = follow(box)
    assert not caught.items
    assert "which is no log" in caught.said[0]


def test_every_log_reader_and_no_other_can_follow() -> None:
    names = {reader.name for reader in FORMATS if is_log(reader)}
    assert {"postfix", "exim", "qmail", "powermta", "kumomta", "zonemta"} <= names
    assert not names & {"mbox", "message", "esp-payload", "replies", "dmarc"}
    wrapped = reader_for(
        b'{"log":"'
        + POSTFIX.format(1, 1, 1).strip().encode()
        + b'\\n","stream":"stdout","time":"2026-11-27T10:00:00Z"}\n'
    )
    assert wrapped is not None
    assert is_log(wrapped)


def test_a_line_without_a_year_is_of_the_year_in_which_it_was_written() -> None:
    """Not of the one before: the log may have been opened days ago."""
    days = [datetime.now(UTC) + timedelta(days=n) for n in (-200, -3, 0)]
    lines = [POSTFIX.format(1, n, n).replace("Nov 27", f"{at:%b %d}") for n, at in enumerate(days)]

    def chunks() -> Generator[Chunk, None, None]:
        for line in lines:
            yield Chunk(line.encode(), "x")
        yield Chunk(b"", "x")

    caught = Caught()
    LiveLog("follow x", chunks(), caught).run()
    found = [fact[2] for fact in caught.facts()]
    assert [at.date() for at in found if isinstance(at, datetime)] == [at.date() for at in days]


def test_notes_of_lines_that_were_read_before_do_not_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logfile, "WARM_UP", 1 << 20)
    log = tmp_path / "mail.log"
    log.write_text(POSTFIX.format(1, 1, 1))
    first = follow(log)
    assert [fact[0] for fact in first.facts()] == [Kind.FAILED]
    again = follow(log, first.positions[-1])
    assert again.items == []
