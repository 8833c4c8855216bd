"""The verbs read and ingest on damaged files: python fuzz/soak.py SECONDS [FOLDER] [SEED].

Each execution damages a fixture, stands it beside a good message in a folder, and calls ``read``,
``ingest``, and ``ingest`` again, in this process, as the command line does. A failure is: an
exception, an exit code other than 0, more than LIMIT seconds, a note about a defect, output that is
no JSON, the good message not read, or an event that is new the second time. The input of a failure
is kept in FOLDER (build/soak unless stated) and is tried first by later runs. Exit code: 0 if
nothing failed.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import random
import signal
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import zstandard
from click.testing import CliRunner

from bouncewise.cli import bouncewise

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "tests" / "fixtures"
LIMIT = 10
"""Seconds that the three calls of one execution may take together."""

GOOD = (FIXTURES / "messages" / "qmail.eml").read_bytes()
GOOD_RECIPIENTS = {"jo@b.example", "ann@c.example"}
FRESH_LEDGER = 100  # executions after which another ledger is begun
MAX_INPUT = 1 << 20

TOKENS: list[bytes | str] = [
    *(b"9" * n for n in (10, 19, 400, 5000)),
    *(b"inf", b"-inf", b"nan", b"1e999", b"-1", b"0", b"null", b"true", b"[]", b"{}", b'""'),
    *("²", "٣", "İ", "ß", "\u2028", "\u202e", "\ufeff", "𝟓"),
    *(b"\\ud800", b"\xed\xa0\x80", b"\xff\xfe", b"\0", b"\r", b"\x1b]0;x\x07", b"\x0c", b"\x85"),
    *(b"[" * 3000, b'{"a":' * 3000, b"<style>" * 500, b"&#" * 500, b"(" * 2000, b"<" * 2000),
    *(b"9999-12-31T23:59:59Z", b"0001-01-01T00:00:00Z", b"Feb 29 23:59:60", b"2026-02-30"),
    *(b"Fri, 31 Dec 9999 23:59:59 -2359", b"Mon, 01 Jan 0001 00:00:00 +2359"),
    *(b"=?utf-8?b?", b"=?idna?q?=?=", b"charset=zlib_codec", b"Content-Type: message/rfc822\n\n"),
    *(b"Content-Transfer-Encoding: base64\n", b"From x Mon Mar  2 09:00:00 2026\n", b"\n\n"),
    *(b'"', b"'", b",", b"<", b">", b"@", b"\\", b"xn--", b"@[IPv6:::1]", b"a@" + b"b." * 200),
]
TOKENS_AS_OCTETS = [t.encode() if isinstance(t, str) else t for t in TOKENS]


class TooSlowError(BaseException):
    """An execution took longer than LIMIT. No handler of Exception may catch it."""


def seeds() -> list[tuple[str, bytes]]:
    """The name and octets of each fixture that is not a description of another."""
    files = (*FIXTURES.glob("messages/*.eml"), *FIXTURES.glob("logs/*"))
    payloads = sorted((ROOT / "tests").glob("**/*.json"))
    return [
        (path.name, path.read_bytes())
        for path in (*sorted(files), *payloads)
        if path.suffix != ".toml" and path.stat().st_size < MAX_INPUT
    ]


# ── damage ─────────────────────────────────────────────────────────────────────────────────────


def _place(rng: random.Random, data: bytes) -> int:
    return rng.randrange(len(data) + 1)


def _insert(rng: random.Random, data: bytes) -> bytes:
    at = _place(rng, data)
    return data[:at] + rng.choice(TOKENS_AS_OCTETS) * rng.choice((1, 1, 1, 20)) + data[at:]


def _overwrite(rng: random.Random, data: bytes) -> bytes:
    at = _place(rng, data)
    return data[:at] + rng.randbytes(rng.randrange(1, 9)) + data[at + rng.randrange(9) :]


def _delete(rng: random.Random, data: bytes) -> bytes:
    at = _place(rng, data)
    return data[:at] + data[at + rng.choice((1, 3, 30, 300)) :]


def _cut(rng: random.Random, data: bytes) -> bytes:
    return data[: _place(rng, data)] if rng.random() < 0.7 else data[_place(rng, data) :]


def _repeat(rng: random.Random, data: bytes) -> bytes:
    start = _place(rng, data)
    piece = data[start : start + rng.choice((1, 8, 80, 800))]
    times = min(rng.choice((2, 50, 2000)), MAX_INPUT // max(len(piece), 1))
    return data[:start] + piece * times + data[start:]


def _number(rng: random.Random, data: bytes) -> bytes:
    """Another value in place of a run of digits."""
    digits = [i for i in range(len(data)) if data[i : i + 1].isdigit()]
    if not digits:
        return data
    start = end = rng.choice(digits)
    while data[end : end + 1].isdigit():
        end += 1
    return data[:start] + rng.choice(TOKENS_AS_OCTETS[:24]) + data[end:]


def _shuffle(rng: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    rng.shuffle(lines)
    return b"\n".join(lines)


def _newlines(rng: random.Random, data: bytes) -> bytes:
    return data.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b"\r\r\n")))


DAMAGE: list[Callable[[random.Random, bytes], bytes]] = [
    *(_insert, _insert, _insert, _overwrite, _overwrite, _delete, _cut, _repeat),
    *(_number, _number, _number, _shuffle, _newlines),
]


def _packed(rng: random.Random, data: bytes) -> bytes:
    """*data* as it is, or within an mbox, behind a byte order mark, or compressed."""
    how = rng.randrange(16)
    if how == 0:
        return b"".join(b"From x Mon Mar  2 09:00:00 2026\n" + d + b"\n" for d in (data, GOOD))
    if how == 1:
        return b"\xef\xbb\xbf" + data
    if how == 2:
        return gzip.compress(data, 1)
    if how == 3:
        return zstandard.compress(data)
    if how == 4:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", rng.choice((0, 8))) as archive:
            archive.writestr("a", data)
            archive.writestr("b", GOOD)
        return buffer.getvalue()
    return data


def damaged(rng: random.Random, corpus: list[tuple[str, bytes]]) -> tuple[str, bytes]:
    """A name, and a fixture with up to five pieces of damage, before or after it is packed."""
    name, data = rng.choice(corpus)
    if rng.random() < 0.15:
        other = rng.choice(corpus)[1]
        data = data[: _place(rng, data)] + other[_place(rng, other) :]
    for _ in range(rng.randrange(1, 6)):
        data = rng.choice(DAMAGE)(rng, data)[:MAX_INPUT]
    data = _packed(rng, data)
    if rng.random() < 0.1:
        data = rng.choice((_overwrite, _cut, _delete))(rng, data)
    return name, data


# ── execution ──────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TooSlowError(f"more than {LIMIT} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _call(*args: str) -> list[dict[str, object]]:
    done = CliRunner(catch_exceptions=False).invoke(bouncewise, list(args))
    assert done.exit_code == 0, f"{args[0]}: exit {done.exit_code}: {done.output[-500:]}"
    assert "a defect of bouncewise" not in done.stderr, done.stderr[-500:]
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def execute(name: str, data: bytes, ledger: Path) -> None:
    """Read and ingest *data*. Raises AssertionError, TooSlowError, or what the verb raises."""
    with tempfile.TemporaryDirectory() as folder, _limited():
        (Path(folder) / name).write_bytes(data)
        (Path(folder) / "zz-good.eml").write_bytes(GOOD)
        rows = _call("read", "--json", folder)
        recipients = {str(r.get("recipient", r.get("report"))) for r in rows[-2:]}
        assert all(any(g in r for r in recipients) for g in GOOD_RECIPIENTS), recipients
        first = _call("ingest", "--json", folder, "--db", str(ledger))[-1]
        assert first["reports"] == len(rows), (first, len(rows))
        (Path(folder) / name).rename(Path(folder) / f"a-{name}")
        second = _call("ingest", "--json", folder, "--db", str(ledger))[-1]
        assert second["new"] == 0, f"the second time: {second}"


def _failure(name: str, data: bytes, ledger: Path) -> str:
    """How *data* fails; '' if it does not."""
    try:
        execute(name, data, ledger)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return traceback.format_exc()
    return ""


def soak(seconds: float, kept: Path, seed: int) -> int:
    """The number of failures in *seconds*; prints each, and the number of executions."""
    rng = random.Random(seed)  # noqa: S311 - damage, no secrets
    corpus, end = seeds(), time.monotonic() + seconds
    kept.mkdir(parents=True, exist_ok=True)
    inputs = ((path.name, path.read_bytes()) for path in sorted(kept.glob("*.input")))
    executions, failures = 0, set[str]()
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end:
            name, data = next(inputs, None) or damaged(rng, corpus)
            ledger = Path(folder) / f"ledger-{executions // FRESH_LEDGER}"
            how = _failure(name, data, ledger)
            executions += 1
            last = how.strip().split("\n")[-1][:60]
            if how and last not in failures:
                failures.add(last)
                digest = hashlib.blake2b(data, digest_size=6).hexdigest()
                file = kept / f"{name.removesuffix('.input').partition('@')[0]}@{digest}.input"
                file.write_bytes(data)
                print(f"{file}\n{how}", flush=True)
    print(f"soak: {executions:,} executions, {len(failures)} kinds of failure, seed {seed}")
    return len(failures)


if __name__ == "__main__":
    arguments: dict[int, str] = dict(enumerate(sys.argv))
    number = int(arguments.get(3) or time.time())
    folder = Path(arguments.get(2) or ROOT / "build" / "soak")
    sys.exit(bool(soak(float(arguments[1]), folder, number)))
