"""A log that is followed: every line once, over rotations of any kind, restarts and faults."""

from __future__ import annotations

import gzip
import itertools
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from bouncewise.intake import follow, logfile
from bouncewise.intake.follow import Chunk, Follower
from bouncewise.intake.logfile import predecessors


class Log:
    """A log that a server writes, and what a follower reads of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "mail.log"
        self.said: list[str] = []
        self.now = 0.0
        self.number = 0
        self.position = ""
        self.read_lines: list[bytes] = []
        self.chunks = Follower(str(self.path), "", self.said.append).chunks()
        self.start()
        self.server = self.path.open("ab", 0)

    def start(self) -> None:
        """Begin to follow, from the last position that was stored."""
        self.chunks.close()
        self.follower = Follower(str(self.path), self.position, self.said.append, lambda: self.now)
        self.chunks = self.follower.chunks()

    def write(self, count: int = 1) -> None:
        for _ in range(count):
            self.number += 1
            self.server.write(b"line %d of the log\n" % self.number)

    def read(self, chunks: int | None = None) -> list[int]:
        """The numbers of the lines that are new, up to the first chunk without data."""
        found: list[int] = []
        for chunk in itertools.islice(self.chunks, chunks):
            if not chunk.data:
                break
            if chunk.is_new:
                self.position = chunk.position
                found += [int(line.split()[1]) for line in chunk.data.splitlines()]
        return found

    # ── rotations ───────────────────────────────────────────────────────────────────────────────

    def shift(self) -> None:
        """``mail.log.1`` becomes ``.2`` and so on, compressed ones too."""
        numbered = [p for p in self.folder.glob("mail.log.*") if p.name.split(".")[2].isdigit()]
        for path in sorted(numbered, key=lambda p: -int(p.name.split(".")[2])):
            parts = path.name.split(".")
            parts[2] = str(int(parts[2]) + 1)
            path.rename(self.folder / ".".join(parts))

    def rename(self) -> None:
        self.shift()
        self.path.rename(self.folder / "mail.log.1")
        self.path.touch()

    def reopen(self) -> None:
        self.server.close()
        self.server = self.path.open("ab", 0)

    def copy_and_truncate(self) -> None:
        self.shift()
        shutil.copy2(self.path, self.folder / "mail.log.1")
        os.truncate(self.path, 0)

    def compress(self, ending: str = "gz") -> None:
        """Compress what was rotated, as gzip(1) and zstd(1) do: with its time."""
        for path in [p for p in self.folder.glob("mail.log*") if p.suffix[1:].isdigit()]:
            data = path.read_bytes()
            smaller = self.folder / f"{path.name}.{ending}"
            packed = gzip.compress(data) if ending == "gz" else zstandard.compress(data)
            smaller.write_bytes(packed)
            shutil.copystat(path, smaller)
            path.unlink()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = Log(tmp_path)
    yield made
    made.chunks.close()
    made.server.close()


def test_lines_are_read_as_they_are_written(log: Log) -> None:
    log.write(3)
    assert log.read() == [1, 2, 3]
    assert log.read() == []
    log.write(2)
    assert log.read() == [4, 5]


def test_half_a_line_waits_for_its_rest(log: Log) -> None:
    log.write()
    log.server.write(b"line 2 of")
    assert log.read() == [1]
    log.start()
    assert log.read() == []
    log.server.write(b" the log\n")
    assert log.read() == [2]


def test_a_long_line_is_given_in_parts(log: Log) -> None:
    log.server.write(b"x" * (3 * logfile.LONG))
    data = b"".join(chunk.data for chunk in until_idle(log.chunks))
    log.server.write(b"\n")
    data += b"".join(chunk.data for chunk in until_idle(log.chunks))
    assert data == b"x" * (3 * logfile.LONG) + b"\n"


def test_lines_behind_nulls_are_read(log: Log) -> None:
    """A server that does not append goes on at its offset in a truncated file."""
    log.write()
    log.server.write(b"\0" * 600_000)
    log.write(2)
    assert log.read() == [1, 2, 3]
    log.start()
    log.server.write(b"\0" * 600_000)
    log.write()
    log.start()
    assert log.read() == [4]


def test_a_renamed_file_is_read_until_the_server_opens_the_new_one(log: Log) -> None:
    log.write(2)
    assert log.read() == [1, 2]
    log.rename()
    log.write(2)
    assert log.read() == [3, 4]
    log.write()
    log.reopen()
    log.write(2)
    assert log.read() == [5, 6, 7]


def test_late_lines_in_a_renamed_file_are_read_for_a_while(log: Log) -> None:
    log.write()
    assert log.read() == [1]
    log.rename()
    late = log.server
    log.server = log.path.open("ab", 0)
    log.write()
    assert log.read() == [2]
    late.write(b"line 77 of the log\n")
    assert log.read() == [77]
    position = log.position
    late.write(b"line 78 of the log\n")
    log.position = position
    log.start()
    assert log.read() == [78]
    log.now += follow.LINGER + 1
    late.close()
    log.write()
    assert log.read() == [3]
    assert log.follower._old == []


def test_a_truncated_file_is_read_to_its_end_in_the_copy(log: Log) -> None:
    log.write(2)
    assert log.read() == [1, 2]
    log.write(3)
    log.copy_and_truncate()
    log.write(2)
    assert log.read() == [3, 4, 5, 6, 7]
    log.copy_and_truncate()
    log.write(200)
    assert log.read() == list(range(8, 208))
    assert not log.said


def test_a_truncated_file_that_grew_beyond_its_old_size_begins_anew(log: Log) -> None:
    log.write(2)
    assert log.read() == [1, 2]
    log.copy_and_truncate()
    log.write(50)
    assert log.read() == list(range(3, 53))


@pytest.mark.parametrize("ending", ["gz", "zst"])
@pytest.mark.parametrize("rotations", [1, 2, 3])
def test_rotations_while_nobody_reads_are_caught_up(log: Log, rotations: int, ending: str) -> None:
    log.write(5)
    assert log.read() == [1, 2, 3, 4, 5]
    log.write(5)
    for _ in range(rotations):
        log.rename()
        log.reopen()
        log.compress(ending)
        log.write(5)
    log.start()
    assert log.read() == list(range(6, 11 + 5 * rotations))
    assert not log.said


def test_files_with_dates_in_their_names_are_predecessors(tmp_path: Path) -> None:
    names = ["mail.log-20261125.gz", "mail-20261126.log", "mail.log.2026-11-27", "mail.log.old"]
    for age, name in enumerate(names):
        (tmp_path / name).write_bytes(b"x\n")
        os.utime(tmp_path / name, (1_000_000 + age, 1_000_000 + age))
    for name in ("mail.err", "mail.err.1", "mail.log.offset", "other.log.1", "mail.log.d"):
        (tmp_path / name).write_bytes(b"x\n")
    assert [path.name for path in predecessors(tmp_path / "mail.log")] == names


def test_two_rotations_between_two_looks_are_caught_up(log: Log) -> None:
    log.write()
    assert log.read() == [1]
    for _ in range(3):
        log.write()
        log.rename()
        log.reopen()
        log.write()
    assert log.read() == [2, 3, 4, 5, 6, 7]


def test_equal_beginnings_do_not_make_files_equal(log: Log) -> None:
    """Tables of PowerMTA and others begin with the same header."""
    header = b"line 0 " + b"h" * 300 + b"\n"
    log.server.write(header)
    log.write(3)
    assert log.read() == [0, 1, 2, 3]
    log.write(2)
    log.rename()
    log.reopen()
    log.server.write(header)
    log.write(30)
    log.compress()
    log.start()
    assert log.read() == [4, 5, 0, *range(6, 36)]


@pytest.mark.parametrize("rows", [1, 2, 300])
def test_a_shorter_file_with_the_same_beginning_is_no_copy(log: Log, rows: int) -> None:
    header = b"line 0 " + b"h" * 300 + b"\n"
    log.server.write(header)
    log.write(1000)
    assert log.read()[-1] == 1000
    log.path.unlink()
    log.reopen()
    log.server.write(header)
    log.write(rows)
    log.rename()
    log.reopen()
    log.server.write(header)
    log.write(3)
    log.start()
    assert log.read() == [0, *range(1001, 1001 + rows), 0, *range(1001 + rows, 1004 + rows)]
    (line,) = log.said
    assert "lines may be missing" in line


@pytest.mark.parametrize("ending", ["", "gz"])
@pytest.mark.parametrize("warm_up", [300, 16 << 20])
def test_a_copy_that_is_shorter_than_what_was_read_is_not_read_again(
    log: Log, ending: str, warm_up: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logfile, "WARM_UP", warm_up)
    log.write(1000)
    log.read()
    log.start()
    shutil.copy2(log.path, log.folder / "mail.log.1")
    log.write(10)
    assert log.read() == list(range(1001, 1011))
    os.truncate(log.path, 0)
    if ending:
        log.compress(ending)
    log.write(5)
    assert log.read() == list(range(1011, 1016))
    assert not log.said


def test_an_inode_that_is_used_again_is_another_file(log: Log, tmp_path: Path) -> None:
    log.write(3)
    assert log.read() == [1, 2, 3]
    (mark,) = follow._marks(log.position)
    log.server.close()
    log.path.write_bytes(b"line 90 of the log\n" * 3)
    log.position = follow.msgspec.json.encode(
        [follow.msgspec.structs.replace(mark, inode=log.path.stat().st_ino)]
    ).decode()
    log.start()
    assert log.read() == [90, 90, 90]
    (line,) = log.said
    assert "lines may be missing" in line


def test_files_that_were_written_since_are_read_where_the_last_one_is_lost(log: Log) -> None:
    log.write(3)
    assert log.read() == [1, 2, 3]
    for _ in range(3):
        log.write(3)
        log.rename()
        log.reopen()
    log.write()
    (log.folder / "mail.log.3").unlink()
    os.utime(log.folder / "mail.log.2", (1_000_000, 1_000_000))
    log.start()
    assert log.read() == [10, 11, 12, 13]
    (line,) = log.said
    assert "lines may be missing" in line


def test_a_file_that_vanishes_is_waited_for(log: Log) -> None:
    log.write()
    assert log.read() == [1]
    log.path.rename(log.folder / "elsewhere")
    assert log.read() == []
    log.start()
    assert log.read() == []
    log.now = 20
    assert log.read() == []
    assert log.said == [
        f"{log.path}: begins anew, and no file beside it holds what was read last;"
        " lines may be missing",
        f"{log.path}: No such file or directory; it is waited for",
    ]
    (log.folder / "elsewhere").rename(log.path)
    log.write()
    assert log.read() == [1, 2]
    assert log.said[2:] == [f"{log.path}: is read again"]


def test_a_file_that_may_not_be_read_is_waited_for(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.write()
    assert log.read() == [1]
    log.write()

    def refuse(path: Path) -> logfile.Part:
        raise PermissionError(13, "Permission denied", str(path))

    log.start()
    with monkeypatch.context() as patched:
        patched.setattr(follow, "open_part", refuse)
        assert log.read() == []
        assert log.read() == []
    assert log.said == [f"{log.path}: Permission denied; it is waited for"]
    assert log.read() == [2]


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "mail.log")
    said: list[str] = []
    chunks = Follower(str(tmp_path / "mail.log"), "", said.append).chunks()
    assert next(chunks).data == b""
    assert said == [f"{tmp_path}/mail.log: not a regular file; it is waited for"]


def test_a_damaged_predecessor_is_a_line_and_the_rest_is_read(log: Log) -> None:
    log.write(2000)
    assert log.read()[-1] == 2000
    log.write(20000)
    log.rename()
    log.reopen()
    log.write()
    log.compress()
    packed = log.folder / "mail.log.1.gz"
    packed.write_bytes(packed.read_bytes()[:-5000])
    log.start()
    assert log.read()[-1] == 22001
    (line,) = log.said
    assert "mail.log.1.gz: stopped reading" in line


def test_readers_get_the_lines_before_the_position_again(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logfile, "WARM_UP", 300)
    log.write(50)
    assert log.read() == list(range(1, 51))
    log.write()
    log.start()
    before, after = b"", b""
    for chunk in until_idle(log.chunks):
        before += b"" if chunk.is_new else chunk.data
        after += chunk.data if chunk.is_new else b""
    assert before.splitlines()[0] == b"line 1 of the log"  # it may be the header of a table
    assert [int(line.split()[1]) for line in before.splitlines()[1:]] == list(range(36, 51))
    assert after == b"line 51 of the log\n"


@pytest.mark.parametrize("seed", range(60))
def test_every_line_is_read_in_any_history(
    log: Log, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rotations of every kind, restarts from any position, in any order: none is lost. (A few
    come twice, and the ledger counts them once.)
    """
    monkeypatch.setattr(logfile, "CHUNK", 64)
    monkeypatch.setattr(logfile, "WARM_UP", 300)
    monkeypatch.setattr(logfile, "LONG", 256)
    chance = random.Random(seed)
    found: list[int] = []

    def rotate() -> None:
        log.rename()
        log.write(chance.randrange(3))
        log.reopen()

    acts = [
        lambda: log.write(chance.randrange(12)),
        lambda: found.extend(log.read(chance.randrange(5))),
        lambda: found.extend(log.read()),
        rotate,
        log.copy_and_truncate,
        log.compress,
        log.start,
    ]
    log.write()
    found += log.read()
    for _ in range(40):
        chance.choice(acts)()
        log.now += 1
    log.write()
    found += log.read()
    found += log.read()
    assert set(found) == set(range(1, log.number + 1))
    assert not log.said


def until_idle(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    for chunk in chunks:
        if not chunk.data:
            return
        yield chunk


HEADER = b"type,timeLogged,rcpt,dsnStatus,dsnDiag\n"


@pytest.mark.parametrize("rows_before", [0, 2])
@pytest.mark.parametrize("way", ["rename", "copy", "gzip"])
def test_a_position_behind_a_header_that_files_share_fits_no_other_file(
    tmp_path: Path, way: str, rows_before: int
) -> None:
    path, rotated = tmp_path / "acct.csv", tmp_path / "acct.csv.1"
    rows = [b"b,2026-11-27 10:00:00,dead%d@gone.example,5.1.1,gone\n" % n for n in range(20)]
    path.write_bytes(HEADER + b"".join(rows[:rows_before]))
    first = Follower(str(path), "", pytest.fail).chunks()
    position = next(first).position
    first.close()
    with path.open("ab") as stream:
        stream.writelines(rows[rows_before:10])
    if way == "copy":
        shutil.copy2(path, rotated)
    else:
        path.rename(rotated)
    if way == "gzip":
        (tmp_path / "acct.csv.1.gz").write_bytes(gzip.compress(rotated.read_bytes()))
        rotated.unlink()
    path.write_bytes(HEADER + b"".join(rows[10:]))
    read = b""
    for chunk in Follower(str(path), position, pytest.fail).chunks():
        if not chunk.data:
            break
        read += chunk.data if chunk.is_new else b""
    assert set(rows[rows_before:]) <= set(read.splitlines(keepends=True))


def test_a_short_position_in_a_file_without_predecessors_reads_nothing_twice(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mail.log"
    old = tmp_path / "mail.log.1"
    old.write_bytes(HEADER + b"old\n")
    os.utime(old, (1_000_000, 1_000_000))
    path.write_bytes(HEADER)
    first = Follower(str(path), "", pytest.fail).chunks()
    position = next(first).position
    first.close()
    with path.open("ab") as stream:
        stream.write(b"new\n")
    again = Follower(str(path), position, pytest.fail).chunks()
    found = [next(again), next(again), next(again)]
    assert [(c.data, c.is_new) for c in found if c.data] == [(HEADER, False), (b"new\n", True)]
