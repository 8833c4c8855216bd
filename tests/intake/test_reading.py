"""Many processes read what one reads: the same words in the same order, bounded, and honest about a
death.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bouncewise import workers
from bouncewise.classifier.classify import default_classifier
from bouncewise.cli.read import _json as as_json
from bouncewise.errors import InputError
from bouncewise.intake import files, reading
from bouncewise.readers import Note

FIXTURES = Path(__file__).parents[1] / "fixtures"
MESSAGES = sorted((FIXTURES / "messages").glob("*.eml"))
LOG = next((FIXTURES / "logs").glob("postfix*"))


@pytest.fixture
def post(tmp_path: Path) -> Path:
    """A folder with all that there is: messages, mboxes plain, packed and damaged, a log, a file
    that is nothing.
    """
    box = b"".join(
        b"From x Mon Mar  2 09:00:00 2026\n" + file.read_bytes().replace(b"\r\n", b"\n") + b"\n"
        for file in MESSAGES
    )
    for n, file in enumerate(MESSAGES):
        (tmp_path / f"b{n:04}.eml").write_bytes(file.read_bytes())
    (tmp_path / "b0003.eml.gz").write_bytes(gzip.compress(MESSAGES[0].read_bytes()))
    (tmp_path / "a.mbox").write_bytes(box)
    (tmp_path / "c.mbox.gz").write_bytes(gzip.compress(box))
    (tmp_path / "d.mbox.gz").write_bytes(gzip.compress(box)[:-2000])
    (tmp_path / "e.log").write_bytes(LOG.read_bytes())
    (tmp_path / "f").write_bytes(b"\x00\x01 nothing that is known")
    return tmp_path


def told(paths: tuple[str, ...], jobs: int) -> list[tuple[str, list[str]]]:
    """Each path with its JSON lines and notes."""
    return [
        (path, [repr(item) if isinstance(item, Note) else item for item in items])
        for path, items in reading.read_paths(
            files.expand(paths), default_classifier(), as_json, jobs
        )
    ]


@pytest.mark.parametrize("large", [1, 1 << 20])
def test_what_many_read_is_what_one_reads(
    post: Path, monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    for name, octets in (("INLINE_BYTES", 20_000), ("TASK_BYTES", 10_000), ("LARGE_BYTES", large)):
        monkeypatch.setattr(reading, name, octets)
    one = told((str(post),), 1)
    assert told((str(post),), 2) == one
    assert sum(len(lines) for _, lines in one) > 3 * len(MESSAGES)
    assert any("stopped reading" in line for line in dict(one)[str(post / "d.mbox.gz")])


def test_little_mail_starts_no_process(post: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(workers, "ProcessPoolExecutor", none)
    assert told((str(post / "a.mbox"),), 2)


def test_a_reader_that_stops_early_leaves_no_process(
    post: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "INLINE_BYTES", 0)
    walk = reading.read_paths(files.expand((str(post),)), default_classifier(), as_json, 2)
    next(walk)
    walk.close()
    assert not Path("/proc").exists() or not list(children())


def children() -> Iterator[int]:
    """Processes that this one started to share work and that still run."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, _, rest = entry.read_text().partition(" (")
        except OSError:
            continue
        state, parent = rest.rpartition(") ")[2].split()[:2]
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if int(parent) == os.getpid() and state != "Z" and b"spawn_main" in command:
            yield int(pid)


def test_a_dead_process_is_named_by_what_it_read() -> None:
    some = workers.WorkerPool(2, sorted, ((),))
    try:
        with pytest.raises(InputError, match=r"box #7.*--jobs 1"):
            list(some.map_ordered(iter([workers.Task(os._exit, (3,), "box #7")])))
    finally:
        some.close()
