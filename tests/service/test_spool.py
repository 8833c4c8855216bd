"""The spool: what was acknowledged is there after a crash, and what was not is cut off."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from bouncewise.errors import BouncewiseError
from bouncewise.service import spool
from bouncewise.service.spool import Record, SpoolFullError, Writer

LIMIT = 1 << 30


def record(number: int, size: int = 10) -> Record:
    return Record(number, "webhook", "pm", bytes([number % 256]) * size)


def all_of(folder: Path, start: int = 0) -> list[Record]:
    return [found for _, _, found in spool.read(folder, start)]


def test_records_are_read_in_order_from_any_of_them(tmp_path: Path) -> None:
    writer = Writer(tmp_path, LIMIT)
    records = [record(n) for n in range(30)]
    ends = [writer.append([r]) for r in records]
    assert all_of(tmp_path) == records
    assert all_of(tmp_path, ends[9]) == records[10:]
    assert all_of(tmp_path, ends[-1]) == []


def test_files_are_begun_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SEGMENT", 1000)
    writer = Writer(tmp_path, LIMIT)
    ends = [writer.append([record(n, 300)]) for n in range(20)]
    assert len(spool.segments(tmp_path)) > 4
    assert spool.remove_before(tmp_path, ends[9], 3600, tmp_path.stat().st_mtime) == 0
    assert spool.remove_before(tmp_path, ends[9], 0, tmp_path.stat().st_mtime + 1) >= 2
    assert [r.at for r in all_of(tmp_path, ends[9])] == list(range(10, 20))
    writer.close()
    assert Writer(tmp_path, LIMIT).append([record(20)]) > ends[-1]
    assert [r.at for r in all_of(tmp_path, ends[9])] == list(range(10, 21))


def test_a_file_is_not_used_for_more_than_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(tmp_path, LIMIT)
    end = writer.append([record(0)])
    assert len(spool.segments(tmp_path)) == 1
    monkeypatch.setattr(spool, "SEGMENT_SECONDS", 0.0)
    writer.append([record(1)])
    assert len(spool.segments(tmp_path)) == 2
    assert spool.remove_before(tmp_path, end, 0, tmp_path.stat().st_mtime + 1) == 1


@pytest.mark.parametrize("seed", range(20))
def test_a_torn_end_is_cut_off_and_kept_beside(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    writer = Writer(tmp_path, LIMIT)
    safe = [record(n, rng.randrange(200)) for n in range(10)]
    end = writer.append(safe)
    last = writer.append([record(10, 500)])
    writer.close()
    (file,) = tmp_path.glob("*.spool")
    os.truncate(file, rng.randrange(end, last))
    after = Writer(tmp_path, LIMIT)
    assert after.end == end
    after.append([record(11)])
    assert all_of(tmp_path) == [*safe, record(11)]


def test_a_damaged_record_hides_only_the_rest_of_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "SEGMENT", 1000)
    writer = Writer(tmp_path, LIMIT)
    for n in range(20):
        writer.append([record(n, 300)])
    first = min(tmp_path.glob("*.spool"))
    damaged = bytearray(first.read_bytes())
    damaged[400] ^= 1
    first.write_bytes(damaged)
    found = [r.at for r in all_of(tmp_path)]
    assert found[0] == 0
    assert found[1] > 1
    assert found[-1] == 19


def test_a_full_spool_stores_nothing_and_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "SEGMENT", 1000)
    writer = Writer(tmp_path, 4000)
    stored = 0
    with pytest.raises(SpoolFullError):
        while True:
            end = writer.append([record(stored, 300)])
            stored += 1
    assert [r.at for r in all_of(tmp_path)] == list(range(stored))
    spool.remove_before(tmp_path, end, 0, tmp_path.stat().st_mtime + 1)
    writer.append([record(99, 300)])
    assert all_of(tmp_path)[-1].at == 99


def test_a_disk_that_fails_leaves_no_half_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(tmp_path, LIMIT)
    writer.append([record(0)])
    write = os.write

    def half(file: int, data: bytes | memoryview) -> int:
        write(file, bytes(data[: len(data) // 2]))
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(SpoolFullError, match="No space left"):
            writer.append([record(1)])
    writer.append([record(2)])
    assert [r.at for r in all_of(tmp_path)] == [0, 2]


def test_only_one_process_writes(tmp_path: Path) -> None:
    first = Writer(tmp_path, LIMIT)
    with pytest.raises(BouncewiseError, match="another process writes"):
        Writer(tmp_path, LIMIT)
    first.close()
    Writer(tmp_path, LIMIT).close()


def test_an_emptied_folder_is_another_spool(tmp_path: Path) -> None:
    Writer(tmp_path, LIMIT).close()
    before = spool.spool_id(tmp_path)
    for file in tmp_path.glob("*.spool"):
        file.unlink()
    Writer(tmp_path, LIMIT).close()
    assert before
    assert spool.spool_id(tmp_path) not in ("", before)


@pytest.mark.parametrize("data", [b"", b"bws1", b"bws1" + b"\xff" * 8, b"x" * 100])
def test_files_of_anything_are_read_as_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / f"{0:020d}.spool").write_bytes(data)
    (tmp_path / "notes.spool").write_bytes(data)
    assert all_of(tmp_path) == []


def test_a_full_spool_of_one_file_has_room_when_it_was_read(tmp_path: Path) -> None:
    writer = Writer(tmp_path, 4000)
    with pytest.raises(SpoolFullError):
        while True:
            end = writer.append([record(1, 300)])
    assert spool.remove_before(tmp_path, end, 0, tmp_path.stat().st_mtime + 1) == 1
    writer.append([record(99, 300)])
    assert [r.at for r in all_of(tmp_path)] == [99]


def test_a_full_disk_of_one_file_has_room_when_it_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(tmp_path, LIMIT)
    end = writer.append([record(1)])

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(SpoolFullError):
            writer.append([record(2)])
    assert spool.remove_before(tmp_path, end, 0, tmp_path.stat().st_mtime + 1) == 1
    writer.append([record(3)])
    assert [r.at for r in all_of(tmp_path)] == [3]


def test_files_that_are_kept_give_way_to_what_is_received(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "SEGMENT", 1000)
    monkeypatch.setattr(spool, "DISK_ROOM", 0)
    writer = Writer(tmp_path, 10_000)
    keep = spool.Keep(days=7, octets=10_000)
    lost = 0
    for n in range(100):  # ten times the limit, all of it read at once
        end = writer.append([record(n, 300)])
        lost += spool.clean_up(tmp_path, end, keep, tmp_path.stat().st_mtime)
    assert lost > 10, "the oldest were removed, and nothing was refused"
    assert 3000 < writer.size() <= 5000, "what has room is kept"
    first = spool.segments(tmp_path)[0]
    writer.append([record(n) for n in range(100)])
    spool.clean_up(tmp_path, end, keep, tmp_path.stat().st_mtime)
    assert [r.at for r in all_of(tmp_path, end)] == list(range(100)), "what waits is never removed"
    assert spool.segments(tmp_path)[0] >= first


def test_files_that_are_kept_give_way_to_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "SEGMENT", 1000)
    writer = Writer(tmp_path, LIMIT)
    end = [writer.append([record(n, 600)]) for n in range(6)][3]
    keep, now = spool.Keep(days=7, octets=LIMIT), tmp_path.stat().st_mtime
    assert spool.clean_up(tmp_path, end, keep, now) == 0
    monkeypatch.setattr(spool, "DISK_ROOM", 1 << 60)
    assert spool.clean_up(tmp_path, end, keep, now) > 0
    assert [r.at for r in all_of(tmp_path, end)] == [4, 5]
