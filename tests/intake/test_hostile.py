"""Bad input: a clear note or nothing, never a traceback, and whatever is good beside it is read."""

from __future__ import annotations

import gzip
import io
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import BinaryIO, cast

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from bouncewise.classifier.classify import default_classifier
from bouncewise.intake.formats import reader_for
from bouncewise.model import Finding
from bouncewise.operations import read as reading
from bouncewise.readers import Note
from bouncewise.readers.messages.interpret import MAX_MESSAGE, read
from bouncewise.readers.messages.mbox import MboxReader

FIXTURES = Path(__file__).parents[1] / "fixtures" / "messages"
BOUNCE = (FIXTURES / "qmail.eml").read_bytes()


def recipients(path: Path) -> tuple[list[str], list[str]]:
    found, notes = [], []
    for item in reading.read((str(path),), default_classifier()):
        if isinstance(item, Note):
            notes.append(item.text)
        else:
            found.append(item.finding.report.recipient)
    return found, notes


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty", b"", "empty"),
        ("blank", b"\n\n \n", "empty"),
        ("binary", bytes(range(256)) * 100, "unknown format"),
        ("prose", b"Dear reader,\nthis is a letter.\n", "unknown format"),
        ("torn.gz", gzip.compress(BOUNCE)[:-20], "stopped reading"),
        ("torn.zst", zstandard.compress(BOUNCE)[:-9], ""),
        ("torn.zip", b"PK\x03\x04" + b"x" * 100, "stopped reading"),
        ("nuls", b"\0" * 5000, "unknown format"),
    ],
)
def test_what_cannot_be_read_is_noted(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "zz-good.eml").write_bytes(BOUNCE)
    found, notes = recipients(tmp_path)
    assert found[-2:] == ["jo@b.example", "ann@c.example"]
    assert not said or any(said in note for note in notes), notes


@pytest.mark.parametrize("pack", ["gz", "zst", "pzst", "zip"])
def test_packed_files(tmp_path: Path, pack: str) -> None:
    file = tmp_path / f"m.{pack}"
    if pack == "gz":
        file.write_bytes(gzip.compress(BOUNCE))
    elif pack == "pzst":  # each frame behind one that holds no data
        skipped = struct.pack("<II", 0x184D2A50, 4) + bytes(4)
        frames = (zstandard.compress(half) for half in (BOUNCE[:100], BOUNCE[100:]))
        file.write_bytes(b"".join(skipped + frame for frame in frames))
    elif pack == "zst":
        file.write_bytes(
            zstandard.compress(BOUNCE[:100]) + zstandard.compress(BOUNCE[100:])
        )  # two frames
    else:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("cur/1", BOUNCE)
            archive.writestr("cur/2", BOUNCE)
    found, notes = recipients(file)
    assert found == ["jo@b.example", "ann@c.example"] * (2 if pack == "zip" else 1)
    assert not notes


def test_maildir(tmp_path: Path) -> None:
    for folder in ("cur", "new", "tmp"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.host:2,S").write_bytes(BOUNCE)
    assert recipients(tmp_path)[0] == ["jo@b.example", "ann@c.example"] * 2


def test_an_mbox_with_cr_newlines_and_one_with_a_broken_message(tmp_path: Path) -> None:
    box = (
        b"From a Mon Mar  2 09:00:00 2026\n"
        + BOUNCE
        + (
            b"\nFrom b Mon Mar  2 09:00:01 2026\nno header at all\n\nFrom c Mon Mar  2 09:00:02 "
            b"2026\n"
        )
        + BOUNCE
    )
    for newline in (b"\n", b"\r\n", b"\r"):
        (tmp_path / "box").write_bytes(box.replace(b"\n", newline))
        assert recipients(tmp_path / "box")[0] == ["jo@b.example", "ann@c.example"] * 2


class Endless(io.RawIOBase):
    """An mbox of any size that is nowhere: *count* bounces, then one message that does not end."""

    def __init__(self, count: int, tail: int) -> None:
        one = b"From x Mon Mar  2 09:00:00 2026\n" + BOUNCE + b"\n"
        self._pieces = iter(
            [one] * count
            + [b"From x Mon Mar  2 09:00:00 2026\nSubject: x\n\n"]
            + [b"y" * (1 << 20)] * tail
        )
        self._left = b""

    def read(self, size: int | None = -1) -> bytes:
        size = size or 0
        while len(self._left) < size and (piece := next(self._pieces, b"")):
            self._left += piece
        taken, self._left = self._left[:size], self._left[size:]
        return taken


def test_a_large_mbox_takes_constant_memory() -> None:
    tracemalloc.start()
    found = [
        item
        for item in MboxReader().read(cast(BinaryIO, Endless(3000, 60)), "big")
        if isinstance(item, Finding | Note)
    ]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(isinstance(item, Finding) for item in found) == 6000
    assert [item.text for item in found if isinstance(item, Note)] == [
        f"message longer than {MAX_MESSAGE >> 20} MiB; only the beginning was read"
    ]
    assert peak < 6 * MAX_MESSAGE


def test_a_ten_megabyte_line(tmp_path: Path) -> None:
    line = (
        "2026-03-02T09:00:00+00:00 mx postfix/smtp[1]: Q1ABCDE: to=<{}@x.example>, "
        "relay=x[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (550 "
        "5.1.1 {})\n"
    )
    (tmp_path / "mail.log").write_text(
        line.format("a", "no")
        + "x" * 10_000_000
        + "\n"
        + line.format("b", "y" * 10_000_000)
        + line.format("c", "no")
    )
    found, notes = recipients(tmp_path / "mail.log")
    assert found == ["a@x.example", "b@x.example", "c@x.example"]
    assert len(notes) == 2


def test_a_mime_bomb() -> None:
    nested = b"Content-Type: text/plain\n\nhello\n"
    for n in range(300):
        nested = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n%s\n--b%d--\n" % (
            n,
            n,
            nested,
            n,
        )
    wide = (
        b"Content-Type: multipart/mixed; boundary=b\n\n"
        + b"--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@b.example\n"
        * 5000
    )
    read(nested, "", 0)
    assert {r.recipient for r in read(wide, "", 0)} <= {"a@b.example"}
    read(b"Content-Type: multipart/mixed; boundary=" + b"x" * 100000 + b"\n\n--x\n", "", 0)
    read(b"From: a@b.example\n" * 50000, "", 0)


@pytest.mark.parametrize(
    "charset", ["no-such-charset", "utf-7", "idna", "zlib_codec", "utf-16", "rot13", "", "x" * 5000]
)
def test_wrong_charsets(charset: str) -> None:
    raw = BOUNCE.replace(b"charset=us-ascii", b"charset=" + charset.encode())
    assert len(read(raw, "", 0)) == (0 if charset == "utf-16" else 2)


def test_an_encoded_word_that_is_no_base64() -> None:
    read(BOUNCE.replace(b"Subject: ", b"Subject: =?utf-8?b?" + b"A" * 41 + b"?= "), "", 0)


SEEDS = [p.read_bytes() for p in sorted(FIXTURES.glob("*.eml"))]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=12), st.integers(0, 30)), max_size=6),
)
def test_damage_never_raises(seed: bytes, wounds: list[tuple[float, bytes, int]]) -> None:
    for where, what, cut in wounds:
        at = int(where * len(seed))
        seed = seed[:at] + what + seed[at + cut :]
    for report in read(seed, "", 0):
        default_classifier().classify_report(report)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_can_be_read(raw: bytes) -> None:
    for reader in reader_for(raw), MboxReader():
        if reader is not None:
            list(reader.read(io.BytesIO(raw), "x"))
