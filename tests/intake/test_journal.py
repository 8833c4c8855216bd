"""Entries of journald: every one, over restarts of journalctl and of ours."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from bouncewise.errors import InputError
from bouncewise.intake import journal
from bouncewise.intake.journal import Journal
from bouncewise.intake.live import LiveLog
from intake.test_live import Caught, facts

FAKE = """#!/usr/bin/env python3
# The entries in the file, one a line; ends as often as it is told to.
import json, os, sys, time
folder = os.path.dirname(os.path.abspath(sys.argv[0]))
with open(f"{folder}/calls", "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
if os.path.exists(f"{folder}/fault"):
    os.remove(f"{folder}/fault")
    sys.exit("Failed to open the journal")
begin = sys.argv[sys.argv.index("--cursor") + 1] if "--cursor" in sys.argv else ""
is_on = not begin
for line in open(f"{folder}/entries"):
    is_on |= json.loads(line)["__CURSOR"] == begin
    if is_on:
        sys.stdout.write(line)
sys.stdout.flush()
if not os.path.exists(f"{folder}/ends"):
    time.sleep(600)
"""


class FakeJournal:
    """A journalctl in a folder of its own, and its entries."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "journalctl"
        program.write_text(FAKE)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        self.entries = folder / "entries"
        self.entries.touch()
        self.number = 0

    def write(self, count: int, message: object = None) -> None:
        with self.entries.open("a") as stream:
            for _ in range(count):
                self.number += 1
                text = (
                    f"4AF1D2E0{self.number % 10}: to=<dead{self.number}@gone.example>,"
                    " relay=mx.gone.example[192.0.2.1]:25, delay=1, dsn=5.1.1, status=bounced"
                    " (host mx.gone.example[192.0.2.1] said: 550 5.1.1 User unknown)"
                )
                entry = {
                    "__CURSOR": f"s=1;i={self.number:x}",
                    "__REALTIME_TIMESTAMP": str(1_795_600_000_000_000 + self.number),
                    "_HOSTNAME": "mx",
                    "SYSLOG_IDENTIFIER": "postfix/smtp",
                    "_PID": "9",
                    "MESSAGE": list(text.encode().replace(b"User", b"U\xffser"))
                    if message == "octets"
                    else text,
                }
                stream.write(json.dumps(entry) + "\n")

    def read(self, position: str = "") -> Caught:
        """What comes until nothing new is there."""
        caught = Idle(self.number)
        found = Journal(("postfix*",), position, caught.tell, caught.pause)
        LiveLog("journal postfix*", found.chunks(), caught).run()
        return caught

    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]


class Idle(Caught):
    """Waits until the last entry was read."""

    def __init__(self, last: int) -> None:
        super().__init__()
        self._last = f"s=1;i={last:x}"
        self.faults = 0

    def wait(self, seconds: float) -> bool:
        return bool(self.positions) and json.loads(self.positions[-1])[0] == self._last

    def pause(self, seconds: float) -> bool:
        self.faults += 1
        return self.faults > 3


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeJournal:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return FakeJournal(tmp_path)


def recipients(caught: Caught) -> list[object]:
    return [fact[1] for fact in facts(caught.items)]


def test_every_entry_is_read_from_where_reading_ended(fake: FakeJournal) -> None:
    fake.write(20)
    first = fake.read()
    assert recipients(first) == [f"dead{n}@gone.example" for n in range(1, 21)]
    fake.write(5)
    again = fake.read(first.positions[-1])
    # It begins with the last entry of the first pipe's worth, wherever that ended.
    start = 26 - len(recipients(again))
    assert 1 <= start <= 20
    assert recipients(again) == [f"dead{n}@gone.example" for n in range(start, 26)]
    (begun, after) = fake.calls()
    assert begun == [
        *("--output", "json", "--all", "--quiet", "--follow", "--no-tail"),
        *("--unit", "postfix*"),
    ]
    assert after[6:8] == ["--cursor", f"s=1;i={start:x}"]


def test_earlier_entries_come_again_after_a_restart(
    fake: FakeJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers keep what they stated about a mail; the ledger knows the reports."""
    monkeypatch.setattr(journal, "_AT_ONCE", 2000)
    monkeypatch.setattr(journal, "_PAGE", 10)
    monkeypatch.setattr(journal, "BEFORE", 50)
    fake.write(200)
    first = fake.read()
    fake.write(1)
    again = recipients(fake.read(first.positions[-1]))
    assert again[-1] == "dead201@gone.example"
    assert 20 < len(again) < 100


def test_a_message_that_is_no_utf_8_is_read(fake: FakeJournal) -> None:
    fake.write(2, "octets")
    assert len(recipients(fake.read())) == 2


def test_journalctl_is_started_again_when_it_ends(fake: FakeJournal) -> None:
    fake.write(3)
    (fake.folder / "fault").touch()
    caught = fake.read()
    assert len(recipients(caught)) == 3
    assert caught.said == [
        "journalctl ended: Failed to open the journal; it is started again in 2 s"
    ]


def test_an_entry_that_is_too_long_is_passed(
    fake: FakeJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "LONGEST", 5000)
    monkeypatch.setattr(journal, "_AT_ONCE", 1000)
    fake.write(2)
    with fake.entries.open("a") as stream:
        stream.write(json.dumps({"__CURSOR": "x", "MESSAGE": "x" * 20_000}) + "\n")
    fake.write(2)
    caught = fake.read()
    assert len(recipients(caught)) == 4
    assert caught.said == ["journald: an entry of more than 5000 octets was not read"]


def test_once_ends_with_the_last_entry(fake: FakeJournal) -> None:
    fake.write(20)
    (fake.folder / "ends").touch()
    caught = Caught()
    found = Journal((), "", caught.tell, lambda _: True, is_once=True)
    LiveLog("journal", found.chunks(), caught).run()
    assert len(recipients(caught)) == 20
    assert json.loads(caught.positions[-1])[0] == "s=1;i=14"
    assert "--follow" not in fake.calls()[0]


def test_without_journalctl_the_input_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/none")
    with pytest.raises(InputError, match="no such program"):
        Journal((), "", print, lambda _: True)
