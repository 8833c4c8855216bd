"""From the spool into the ledger: every record once, a bad one is only its own problem."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bouncewise.errors import LedgerError
from bouncewise.model import Trust
from bouncewise.operations.context import Context
from bouncewise.operations.ingest import Session
from bouncewise.service import drain
from bouncewise.service.drain import LMTP, WEBHOOK, Drain
from bouncewise.service.spool import Record, Writer
from bouncewise.times import day_of, micros

AT = 1_795_600_000_000_000


def bounce(number: int) -> bytes:
    """A webhook event of Postmark."""
    return json.dumps(
        {
            "RecordType": "Bounce",
            "Type": "HardBounce",
            "Email": f"dead{number}@gone.example",
            "ID": number,
            "BouncedAt": "2026-11-23T10:00:00Z",
            "Details": "smtp;550 5.1.1 User unknown",
        }
    ).encode()


def webhook(body: bytes) -> Record:
    return Record(AT, WEBHOOK, "pm", body)


class House:
    """A spool, a ledger, and what the drain says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "spool"
        self.writer = Writer(self.folder, 1 << 30)
        self.context = Context.open(folder / "ledger", create=True)
        self.lines: list[str] = []

    def drain(self) -> Drain:
        return Drain(self.folder, self.context, self.lines.append)

    def names(self) -> set[str]:
        return set(self.context.ledger.names())

    def events(self) -> int:
        return self.context.ledger.counts()["event"]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    with made.context:
        yield made


def test_webhooks_are_verified_evidence(house: House) -> None:
    house.writer.append([webhook(bounce(n)) for n in range(3)])
    moved = house.drain()
    assert moved.step() == 3
    moved.settle()
    (event,) = house.context.ledger.history("dead1@gone.example")
    assert event.trust is Trust.VERIFIED
    assert house.context.ledger.decisions(["dead1@gone.example"])
    assert moved.step() == 0
    assert house.drain().step() == 0


def test_mail_is_read_with_its_envelope(house: House) -> None:
    fixture = Path(__file__).parents[1] / "fixtures" / "messages" / "postfix.eml"
    mail = fixture.read_bytes()
    house.writer.append([Record(AT, LMTP, "", mail, "", "", ("bounces+x@shop.example",))])
    house.drain().step()
    names = [n for n in house.names() if not n.startswith("@")]
    assert names
    events = [event for name in names for event in house.context.ledger.history(name)]
    assert {event.trust for event in events} == {Trust.CLAIMED}


def test_a_record_that_comes_twice_counts_once(house: House) -> None:
    house.writer.append([webhook(bounce(1)), webhook(bounce(1))])
    house.drain().step()
    assert house.events() == 1


def test_a_session_that_ends_among_records_loses_none(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every SESSION seconds another one begins in the ledger; what it was given is in memory."""
    times = iter(range(0, 1_000_000, 7))
    monkeypatch.setattr(drain.time, "monotonic", lambda: float(next(times)))
    house.writer.append([webhook(bounce(n)) for n in range(100)])
    moved = house.drain()
    while moved.step():
        pass
    assert house.events() == 100


def test_a_click_is_an_act_of_the_recipient(house: House) -> None:
    click = {
        "RecordType": "Click",
        "Recipient": "reader@b.example",
        "ReceivedAt": "2026-11-23T10:00:00Z",
        "OriginalLink": "https://x.example/",
    }
    house.writer.append([webhook(json.dumps(click).encode())])
    moved = house.drain()
    assert moved.step() == 1
    moved.settle()
    day = day_of(micros(datetime(2026, 11, 23, tzinfo=UTC)))
    assert house.context.ledger.engagement.span() == (day, day)
    assert not house.lines


def test_what_no_reader_knows_is_noted_and_passed(house: House) -> None:
    house.writer.append([webhook(b"{"), webhook(b'{"a": 1}'), webhook(bounce(1))])
    assert house.drain().step() == 3
    assert house.events() == 1
    assert len(house.lines) == 2


def test_a_record_that_makes_a_reader_raise_is_kept_as_poison(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = drain.items_of

    def items_of(record: Record) -> Any:
        if b"dead1@" in record.body:
            raise ValueError("a defect")
        return read(record)

    monkeypatch.setattr(drain, "items_of", items_of)
    house.writer.append([webhook(bounce(n)) for n in range(3)])
    house.drain().step()
    assert house.names() >= {"dead0@gone.example", "dead2@gone.example"}
    (file,) = (house.folder / "poison").iterdir()
    why, record = msgspec.msgpack.decode(file.read_bytes(), type=tuple[str, Record])
    assert "a defect" in why
    assert record == webhook(bounce(1))


class DiedError(BaseException):
    """In place of the end of the process: nothing catches it."""


def test_a_record_on_which_the_process_dies_is_passed_after_two_tries(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = drain.items_of

    def items_of(record: Record) -> Any:
        if b"dead4@" in record.body:
            raise DiedError
        return read(record)

    monkeypatch.setattr(drain, "items_of", items_of)
    house.writer.append([webhook(bounce(n)) for n in range(10)])
    deaths = 0
    while True:
        moved = house.drain()
        try:
            while moved.step():
                pass
            break
        except DiedError:
            deaths += 1
            assert deaths < 10
    assert deaths <= 4
    addresses = {f"dead{n}@gone.example" for n in range(10) if n != 4}
    assert {n for n in house.names() if not n.startswith("@")} == addresses
    assert len(list((house.folder / "poison").iterdir())) == 1
    house.writer.append([webhook(bounce(11))])
    moved.step()
    assert "dead11@gone.example" in house.names()


def test_a_fault_of_the_ledger_is_no_fault_of_the_record(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.writer.append([webhook(bounce(n)) for n in range(3)])
    flush = Session.flush
    for _ in range(5):
        with monkeypatch.context() as patch:
            patch.setattr(Session, "flush", _locked)
            with pytest.raises(LedgerError):
                house.drain().step()
    assert Session.flush is flush
    assert house.events() == 0
    assert house.drain().step() == 3
    assert house.events() == 3
    assert not (house.folder / "poison").exists()


def _locked(*_: object) -> None:
    raise LedgerError("locked")


def test_the_cursor_belongs_to_the_spool(house: House) -> None:
    house.writer.append([webhook(bounce(1))])
    house.drain().step()
    house.writer.close()
    for file in house.folder.glob("*.spool"):
        file.unlink()
    writer = Writer(house.folder, 1 << 30)
    writer.append([webhook(bounce(2))])
    assert house.drain().step() == 1
    assert "dead2@gone.example" in house.names()


def test_a_damaged_place_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bouncewise.service.spool.SEGMENT", 600)
    for n in range(9):
        house.writer.append([webhook(bounce(n))])
    first = min(house.folder.glob("*.spool"))
    data = bytearray(first.read_bytes())
    data[100] ^= 1
    first.write_bytes(data)
    house.drain().step()
    assert any("damaged at offset 0" in line for line in house.lines)
    assert "dead8@gone.example" in house.names()


def test_decisions_are_derived_by_a_tick(house: House) -> None:
    house.writer.append([webhook(bounce(1))])
    moved = house.drain()
    assert not moved.settle_if_due(10.0**9)
    moved.step()
    assert moved.settle_if_due(10.0**9)
    assert not moved.settle_if_due(10.0**9)
    found = house.context.ledger.history("dead1@gone.example")[0]
    assert micros(found.at) < AT


def test_a_full_disk_of_the_spool_does_not_stop_the_drain(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.writer.append([webhook(bounce(n)) for n in range(3)])

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    assert house.drain().step() == 3
    assert house.events() == 3
