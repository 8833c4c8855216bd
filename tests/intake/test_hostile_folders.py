"""Hostile files beside fifty good mails: ``read`` reads and ``ingest`` keeps all fifty."""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from support.cli import bouncewise
from support.postfix import UNKNOWN, log_lines

GOOD = 50
LINE = log_lines("2026-03-02T09:00:00+00:00", "{}", UNKNOWN, queue="Q0000001", host="mx.b.example")
HEADER = "Return-Path: <eve@evil.example>\nFrom: Eve <eve@evil.example>\nTo: b@s.example\n"
HUGE = "9" * 5000
VALUES = ["inf", "-inf", "nan", "1e999", HUGE, "-1", "²", "٣", "\\ud800", "0x7fffffff", ""]


def notice(name: str, number: int = 1, **changes: str) -> str:
    text = (
        f"Return-Path: <>\nDate: Mon, 02 Mar 2026 09:00:{number % 60:02} +0000\n"
        f"From: MAILER-DAEMON@mx.example\nMessage-ID: <n{number}@mx.example>\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nSorry.\n\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        f"Final-Recipient: rfc822; {name}\nAction: failed\nStatus: 5.1.1\n"
        "Last-Attempt-Date: Mon, 02 Mar 2026 09:00:00 +0000\n"
        "Diagnostic-Code: smtp; 550 5.1.1 User unknown\n\n"
        "--b\nContent-Type: message/rfc822\n\nDate: Mon, 02 Mar 2026 08:00:00 +0000\n"
        f"Message-ID: <{number}@s.example>\nFrom: a@s.example\nTo: {name}\n\ntext\n\n--b--\n"
    )
    for old, new in changes.items():
        text = text.replace(f"{old}: ", f"{old}: {new} ", 1)
    return text


def archive(method: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for n in range(3):
            file.writestr(f"{n}.log", LINE.format(f"zip{n}@b.example") * 50)
    return buffer.getvalue()


def damaged(data: bytes) -> bytes:
    middle = len(data) // 3
    return data[:middle] + b"\0\xff" * 8 + data[middle + 16 :]


def events() -> dict[str, bytes]:
    """An event or record of each form, with each odd value where a number or time belongs."""
    found: dict[str, bytes] = {}
    for n, value in enumerate(VALUES):
        for number, shown in enumerate((f'"{value}"', value or "null")):
            name = f"{n}-{number}"
            found[f"sendgrid-{name}.json"] = (
                f'[{{"event":"bounce","email":"x@c.example","timestamp":{shown},"status":{shown}}}]'
            ).encode()
            found[f"kumo-{name}.jsonl"] = (
                f'{{"type":"Bounce","queue":"q","recipient":"x@c.example","timestamp":{shown},'
                f'"response":{{"code":{shown},"content":"no"}}}}\n'
            ).encode()
            found[f"zone-{name}.jsonl"] = (
                f'{{"_mail_action":"REJECTED","_to":"x@c.example","timestamp":{shown},'
                '"_response":"550 5.1.1 no"}\n'
            ).encode()
            found[f"mailgun-{name}.json"] = (
                '{"signature":{},"event-data":{"event":"failed","recipient":"x@c.example",'
                f'"timestamp":{shown},"delivery-status":{{"code":{shown}}}}}}}'
            ).encode()
            found[f"ses-{name}.eml"] = (
                f"{HEADER}x-amz-sns-message-id: 1\n\n"
                f'{{"notificationType":"Bounce","bounce":{{"timestamp":{shown},"bouncedRecipients":'
                f'[{{"emailAddress":"x@c.example","status":{shown}}}]}}}}'
            ).encode()
        found[f"pmta-{n}.csv"] = (
            f"type,timeLogged,rcpt,dsnAction,dsnStatus,dsnDiag\nb,{value},x@c.example,failed,"
            f"{value},{value}\n"
        ).encode("utf-8", "surrogatepass")
        for field in ("Date", "Status", "Final-Recipient", "Last-Attempt-Date", "Message-ID"):
            text = notice("x@c.example", 1, **{field: value})
            found[f"{field}-{n}.eml"] = text.encode("utf-8", "surrogatepass")
    return found


def odd_times() -> dict[str, bytes]:
    """Notices with times that cannot be, in each place where there is a time."""
    odd = ["0001-01-01", "1881-01-01", "1969-12-31", "2035-01-01", "9999-12-31"]
    found: dict[str, bytes] = {}
    for n, day in enumerate(odd):
        year = day[:4]
        text = notice("x@c.example", n)
        for at, place in enumerate(("2026 09:00:0", "2026 09:00:00", "2026 08:00:00")):
            changed = text.replace(place, place.replace("2026", year), 1)
            found[f"time-{n}-{at}.eml"] = changed.encode()
        received = f"Received: from a by b; Mon, 02 Mar {year} 09:00:00 +2359\n"
        found[f"time-{n}-received.eml"] = (received + text).encode()
        found[f"time-{n}-all.eml"] = (received + text.replace("2026", year)).encode()
        found[f"time-{n}.log"] = LINE.format("x@c.example").replace("2026-03-02", day).encode()
    return found


def other() -> dict[str, bytes]:
    text = LINE.format("x@c.example").encode()
    return {
        "cut.gz": gzip.compress(text * 99)[:-20],
        "damaged.gz": damaged(gzip.compress(os.urandom(9000))),
        "two.gz": gzip.compress(text) + b"rest",
        "cut.zst": zstandard.compress(os.urandom(9000))[:-20],
        "damaged.zst": damaged(zstandard.compress(os.urandom(9000))),
        "stored.zip": damaged(archive(zipfile.ZIP_STORED)),
        "deflated.zip": damaged(archive(zipfile.ZIP_DEFLATED)),
        "cut.zip": archive(zipfile.ZIP_DEFLATED)[:-30],
        "deep.json": b"[" * 200_000,
        "deep-object.json": b'{"event":' * 100_000,
        "deep.eml": (HEADER + "Content-Type: message/rfc822\n\n").encode() * 3000,
        "entities.eml": f"{HEADER}Content-Type: text/html\n\n&#{HUGE};&#x{HUGE};&#xd800;".encode(),
        "nul.eml": HEADER.encode() + b"Subject: \0\0\n\n\0" + notice("n\0ul@c.example").encode(),
        "nul.log": text.replace(b"User", b"U\0ser") + b"\0" * 9000 + text,
        "long.log": text + b"y" * 10_000_000 + b"\n" + text,
        "long.eml": notice("x@c.example").replace("Sorry.", "z" * 10_000_000).encode(),
        "long-field.eml": ("Subject: " + "z" * 10_000_000 + "\n" + notice("x@c.example")).encode(),
        "log-in-body.eml": (HEADER + "\nlook:\n" + LINE.format("victim@b.example")).encode(),
        "json-in-body.eml": (
            HEADER + '\n{"type":"Bounce","queue":"q","recipient":"victim@b.example",'
            '"timestamp":"inf","response":{"code":550,"content":"no"}}\n'
        ).encode(),
        "surrogates.eml": notice("x@c.example").encode().replace(b"unknown", b"\xed\xa0\x80"),
        "only-from": b"From ",
        "utf-16.csv": "\ufefftype,rcpt\nb,x".encode("utf-16-le")[:-1],
    }


def fill(folder: Path) -> None:
    """The good mails, before, between and after the hostile files."""
    for n in range(GOOD):
        (folder / f"{'amz'[n % 3]}{n:02}.eml").write_text(notice(f"good{n}@b.example", n))
    for name, data in {**events(), **odd_times(), **other()}.items():
        (folder / name).write_bytes(data)
    os.mkfifo(folder / "fifo.log")
    (folder / "dangling").symlink_to(folder / "nothing")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "parent").symlink_to(folder)
    (folder / "zero").symlink_to("/dev/zero")
    (folder / os.fsdecode(b"\xff\xfe.eml")).write_text(notice("x@c.example"))
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(folder / "s"))
    listening.close()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("in")
    fill(folder)
    return folder


def good_of(rows: bytes) -> set[str]:
    found = [json.loads(row).get("recipient", "") for row in rows.splitlines()]
    assert not any("victim" in name for name in found)
    return {name for name in found if name.startswith("good")}


@pytest.mark.parametrize("jobs", [1, 2])
def test_fifty_of_fifty_are_read(hostile: Path, jobs: int, tmp_path: Path) -> None:
    done = bouncewise(tmp_path, "read", "--json", "--jobs", jobs, hostile)
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr and b"a defect of bouncewise" not in done.stderr
    assert len(good_of(done.stdout)) == GOOD


@pytest.mark.parametrize("jobs", [1, 2])
def test_fifty_of_fifty_are_kept(hostile: Path, jobs: int, tmp_path: Path) -> None:
    for new in (True, False):
        done = bouncewise(tmp_path, "ingest", "--json", "--jobs", jobs, "--db", "l", hostile)
        assert done.returncode == 0, done.stderr[-500:]
        assert b"a defect of bouncewise" not in done.stderr
        assert bool(json.loads(done.stdout)["new"]) == new
    alone = tmp_path / "good"
    alone.mkdir()
    for n in range(GOOD):
        (alone / f"{n}.eml").write_text(notice(f"good{n}@b.example", n))
    tally = json.loads(bouncewise(tmp_path, "ingest", "--json", "--db", "l", "good").stdout)
    assert (tally["reports"], tally["new"]) == (GOOD, 0)  # the ledger has them
    assert bouncewise(tmp_path, "status", "--db", "l").returncode == 0


def test_a_folder_that_cannot_be_listed_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "in" / "closed"
    closed.mkdir(parents=True)
    (tmp_path / "in" / "m.eml").write_text(notice("good@b.example"))
    listing = os.scandir

    def scandir(path: str) -> object:
        if str(path) == str(closed):
            raise PermissionError(13, "Permission denied", str(path))
        return listing(path)

    monkeypatch.setattr(os, "scandir", scandir)
    done = bouncewise(tmp_path, "read", "--json", tmp_path / "in")
    assert done.returncode == 0 and b"closed" in done.stderr
    assert good_of(done.stdout) == {"good@b.example"}


@pytest.mark.parametrize("verb", [("read", "--json"), ("ingest", "--json", "--db", "l")])
def test_a_file_that_vanishes_meanwhile_is_noted(
    tmp_path: Path, verb: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for n in range(3):
        (folder / f"{n}.eml").write_text(notice(f"good{n}@b.example", n))
    opened = Path.open

    def open_after_another_deletes_it(path: Path, *args: object, **given: object) -> object:
        if path.name == "1.eml":
            path.unlink(missing_ok=True)
        return opened(path, *args, **given)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", open_after_another_deletes_it)
    done = bouncewise(tmp_path, *verb, folder)
    assert done.returncode == 0 and b"1.eml" in done.stderr
    if verb[0] == "read":
        assert good_of(done.stdout) == {"good0@b.example", "good2@b.example"}
    else:
        assert json.loads(done.stdout)["new"] == 2


BEGINNINGS: dict[str, Callable[[str], bytes]] = {
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "CR": lambda text: text.replace("\n", "\r").encode(),
    "blank lines": lambda text: b"\n\n" + text.encode(),
    "mbox line": lambda text: b"From x Mon Mar  2 09:00:00 2026\n" + text.encode(),
}


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_a_notice_is_mail_however_it_begins(tmp_path: Path, beginning: str) -> None:
    body = "Sorry.\n\n" + LINE.format("victim@b.example")
    text = notice("good@b.example").replace("Sorry.", body)
    (tmp_path / "m").write_bytes(BEGINNINGS[beginning](text))
    assert good_of(bouncewise(tmp_path, "read", "--json", "m").stdout) == {"good@b.example"}


@pytest.mark.parametrize("beginning", ["byte order mark", "CRLF", "blank lines"])
def test_a_log_is_a_log_however_it_begins(tmp_path: Path, beginning: str) -> None:
    text = LINE.format("good1@b.example") + LINE.format("good2@b.example")
    (tmp_path / "l").write_bytes(BEGINNINGS[beginning](text))
    found = good_of(bouncewise(tmp_path, "read", "--json", "l").stdout)
    assert found == {"good1@b.example", "good2@b.example"}


def test_a_kumomta_file_of_one_long_line_is_read(tmp_path: Path) -> None:
    record = {
        "type": "Bounce",
        "id": "1" * 32,
        "queue": "b.example",
        "recipient": "good@b.example",
        "timestamp": 1772442000,
        "response": {"code": 550, "content": "5.1.1 no " + "x" * 200_000},
        "headers": {f"x-{n}": "y" * 1000 for n in range(100)},
    }
    (tmp_path / "k").write_text(json.dumps(record) + "\n")
    assert good_of(bouncewise(tmp_path, "read", "--json", "k").stdout) == {"good@b.example"}


INJECTED = "victim@b.example>, relay=mx.b.example[192.0.2.1]:25, dsn=5.1.1, status=bounced (550 no)"
SENDMAIL = "Mar  2 09:00:00 mx sm-mta[1]: 62290A1b012345: to={}, mailer=esmtp, dsn=5.1.1, stat={}\n"
TRACE = "Received,SenderAddress,RecipientAddress,Subject,Status,MessageId\n"
INJECTIONS = {
    "postfix, internal form": LINE.format(f'{INJECTED} "@evil.example'),
    "postfix, quoted form": LINE.format(f'"{INJECTED} "@evil.example'),
    "postfix, status in the words": LINE.format("x@evil.example").replace(
        "User unknown", f"no (to=<{INJECTED}"
    ),
    "postfix, orig_to": LINE.format(f'x@evil.example>, orig_to=<"{INJECTED}"@evil.example'),
    "sendmail, quoted": SENDMAIL.format('<"victim@b.example>,<x"@evil.example>', "User unknown"),
    "sendmail, escaped": SENDMAIL.format(
        r'<"a\"victim@b.example>,<victim@b.example>,<x"@evil.example>', "User unknown"
    ),
    "sendmail, words": SENDMAIL.format("<x@evil.example>", "no, to=<victim@b.example>, stat=Sent"),
    "bare CR": LINE.format("x@evil.example").replace(
        "User", "\r" + LINE.format("victim@b.example")
    ),
    "NEL, LS and FF": "".join(
        LINE.format("x@evil.example").replace("User", c + LINE.format("victim@b.example").strip())
        for c in "\x85\u2028\x0c\x0b\x1c\x1e"
    ),
    "powermta": "type,timeLogged,rcpt,dsnAction,dsnStatus,dsnDiag\n"
    'b,1,x@evil.example,failed,5.1.1,"550 ""no\n'
    'b,2,victim@b.example,failed,5.1.1,550 5.1.1 unknown\nmore"\n',
    "trace": TRACE + '2026-03-02T09:00:00,a@s.example,x@evil.example,"hi\n'
    '2026-03-02T09:00:00,a@s.example,victim@b.example,hi,Failed,<1@s.example>\n",Failed,<2@s>\n',
}


@pytest.mark.parametrize("name", INJECTIONS)
def test_what_others_write_into_a_log_is_no_entry(tmp_path: Path, name: str) -> None:
    (tmp_path / "log").write_bytes(INJECTIONS[name].encode())
    rows = bouncewise(tmp_path, "read", "--json", "log").stdout.splitlines()
    assert [row for row in rows if json.loads(row)["recipient"] == "victim@b.example"] == []


def large(middle: str) -> bytes:
    lines = [LINE.format(f"u{n}@b.example").replace("Q0", f"Q{n:05}") for n in range(5000)]
    lines[2500] = LINE.format(middle)
    return "".join(lines).encode()


def test_a_large_file_with_another_middle_is_read(tmp_path: Path) -> None:
    first, second = large("middle1@b.example"), large("middle2@b.example")
    assert len(first) == len(second) > 1 << 20
    (tmp_path / "log").write_bytes(first)
    before = (tmp_path / "log").stat()
    done = bouncewise(tmp_path, "ingest", "--json", "--db", "l", "log")
    assert json.loads(done.stdout)["new"] == 5000
    (tmp_path / "log").write_bytes(second)
    os.utime(tmp_path / "log", ns=(before.st_atime_ns, before.st_mtime_ns))
    again = json.loads(bouncewise(tmp_path, "ingest", "--json", "--db", "l", "log").stdout)
    assert (again["new"], again["known_files"]) == (1, 0)


@pytest.mark.parametrize("pack", ["gz", "zst", "zip"])
def test_a_large_damaged_file_is_read_again_when_it_is_repaired_in_place(
    tmp_path: Path, pack: str
) -> None:
    raw = large("middle1@b.example") + os.urandom(1 << 20)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("log", raw)
    checked = zstandard.ZstdCompressor(write_checksum=True)  # as zstd(1) does
    packed = {"gz": gzip.compress(raw), "zst": checked.compress(raw), "zip": buffer.getvalue()}
    whole = packed[pack]
    half = len(whole) // 40  # within the log, which is packed well, before what is random
    (tmp_path / "log").write_bytes(whole[:half] + b"\0" * 64 + whole[half + 64 :])
    for _ in range(2):
        done = bouncewise(tmp_path, "ingest", "--json", "--db", "l", "log")
        assert json.loads(done.stdout)["known_files"] == 0
    (tmp_path / "log").write_bytes(whole)
    done = bouncewise(tmp_path, "ingest", "--json", "--db", "l", "log")
    assert json.loads(done.stdout)["known_files"] == 0
    (tmp_path / "unpacked").write_bytes(large("middle1@b.example"))
    tally = json.loads(bouncewise(tmp_path, "ingest", "--json", "--db", "l", "unpacked").stdout)
    assert (tally["reports"], tally["new"]) == (5000, 0)  # the ledger has them


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
@pytest.mark.parametrize("end", [-1, -40_000])
def test_a_large_file_that_is_cut_is_not_remembered_as_read(
    tmp_path: Path, pack: Callable[[bytes], bytes], end: int
) -> None:
    raw = large("middle@b.example")
    whole = (
        pack(os.urandom(1 << 20) + b"\n" + raw) if end == -1 else pack(raw + os.urandom(1 << 20))
    )
    (tmp_path / "log").write_bytes(whole[:end])
    first = bouncewise(tmp_path, "ingest", "--json", "--db", "l", "log")
    assert b"stopped reading" in first.stderr or b"unknown format" in first.stderr
    again = bouncewise(tmp_path, "ingest", "--json", "--db", "l", "log")
    assert json.loads(again.stdout)["known_files"] == 0


def test_what_comes_before_the_cut_of_a_zst_file_is_read(tmp_path: Path) -> None:
    whole = zstandard.compress(large("middle@b.example")) + zstandard.compress(os.urandom(9000))
    (tmp_path / "log").write_bytes(whole[:-1])
    done = bouncewise(tmp_path, "read", "--json", "log")
    assert b"ends early" in done.stderr
    assert len(done.stdout.splitlines()) == 5000


def test_a_name_that_is_no_utf_8_is_shown_with_its_octets(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / os.fsdecode(b"\xff.eml")).write_text(notice("good@b.example"))
    row = json.loads(bouncewise(tmp_path, "read", "--json", "in").stdout)
    assert row["source"]["path"] == r"in/\xff.eml"
    done = bouncewise(tmp_path, "ingest", "--json", "--db", "l", "in")
    assert json.loads(done.stdout)["new"] == 1
