"""One bad item is its own problem: it gives a note, and everything else is read and kept."""

from __future__ import annotations

import gzip
import json
import os
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from bouncewise.classifier.classify import default_classifier
from bouncewise.cli import bouncewise
from bouncewise.model import Finding, Kind
from bouncewise.operations.read import read
from bouncewise.readers import Note
from support.postfix import UNKNOWN, log_lines

HEADER = "Return-Path: <eve@evil.example>\nFrom: Eve <eve@evil.example>\nTo: b@s.example\n"


def line(name: str, number: int = 1) -> str:
    at = f"2026-03-02T09:00:{number % 60:02}+00:00"
    return log_lines(at, name, UNKNOWN, queue=number, host="mx.b.example").rstrip("\n")


def notice(name: str, number: int = 1) -> str:
    return (
        f"Return-Path: <>\nDate: Mon, 02 Mar 2026 09:00:{number % 60:02} +0000\n"
        f"From: MAILER-DAEMON@mx.example\nMessage-ID: <n{number}@mx.example>\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nSorry.\n\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        f"Final-Recipient: rfc822; {name}\nAction: failed\nStatus: 5.1.1\n"
        "Diagnostic-Code: smtp; 550 5.1.1 User unknown\n\n--b--\n"
    )


def recipients(path: Path) -> list[str]:
    items = list(read((str(path),), default_classifier()))
    return [i.finding.report.recipient for i in items if not isinstance(i, Note)]


def notes(path: Path) -> list[Note]:
    return [i for i in read((str(path),), default_classifier()) if isinstance(i, Note)]


def ingest(path: Path, db: Path) -> dict:
    done = CliRunner().invoke(bouncewise, ["ingest", str(path), "--json", "--db", str(db)])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout.splitlines()[-1])


HOSTILE = {
    "entities.eml": HEADER + "Content-Type: text/html\n\n&#" + "9" * 5000 + ";",
    "sns.eml": HEADER
    + "x-amz-sns-message-id: 1\n\n"
    + json.dumps({"notificationType": "Bounce", "bounce": {"timestamp": "9" * 400}}),
    "body.eml": HEADER + "\n" + json.dumps({"type": "Bounce", "queue": "q", "timestamp": "inf"}),
    "sendgrid.json": '[{"event":"bounce","email":"x@b.example","timestamp":' + "9" * 400 + "}]",
    "mailgun.json": json.dumps(
        {"event-data": {"event": "failed", "delivery-status": {"code": "²"}, "recipient": "a@b.c"}}
    ),
    "deep.json": "[" * 100_000,
    "kumo.jsonl": json.dumps({"type": "Bounce", "recipient": "x@b.example", "timestamp": "nan"}),
    "dates.eml": notice("z@b.example").replace("2026", "0001"),
    "nul.eml": "\0" * 5000,
    "cut.gz": "",
}


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_fifty_good_mails_are_kept_beside_every_hostile_file(tmp_path: Path, jobs: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(50):
        (folder / f"m{number:02}.eml").write_text(notice(f"good{number}@b.example", number))
    for name, text in HOSTILE.items():
        (folder / name).write_text(text)
    (folder / "cut.gz").write_bytes(gzip.compress(line("c@b.example").encode() * 99)[:-20])
    os.mkfifo(folder / "pipe")
    (folder / "dangling").symlink_to(tmp_path / "nothing")
    done = CliRunner().invoke(
        bouncewise, ["ingest", str(folder), "--jobs", jobs, "--db", str(tmp_path / "l")]
    )
    assert done.exit_code == 0, done.output
    listed = CliRunner().invoke(bouncewise, ["status", "--json", "--db", str(tmp_path / "l")])
    assert json.loads(listed.stdout.splitlines()[0])["names"] >= 50
    assert sum(name.startswith("good") for name in recipients(folder)) == 50


def test_a_message_is_a_message_whatever_it_quotes(tmp_path: Path) -> None:
    (tmp_path / "m.eml").write_text(HEADER + "Subject: hi\n\nlook:\n\n" + line("v@b.example"))
    assert recipients(tmp_path) == []


def test_an_mbox_that_begins_with_a_quoted_log_is_read_whole(tmp_path: Path) -> None:
    first = HEADER + "Subject: logwatch\n\n" + line("v@b.example") + "\n\n"
    mails = [first, *(notice(f"u{n}@b.example", n) + "\n" for n in range(5))]
    text = "".join(f"From x@y.example Mon Mar  2 09:00:00 2026\n{mail}" for mail in mails)
    (tmp_path / "box").write_text(text)
    assert recipients(tmp_path) == [f"u{n}@b.example" for n in range(5)]


def test_a_file_of_a_maildir_is_mail_though_it_looks_like_a_log(tmp_path: Path) -> None:
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "new" / "1.x").write_text(line("v@b.example") + "\n")
    assert recipients(tmp_path) == []


def test_a_message_that_is_moved_meanwhile_is_read(tmp_path: Path) -> None:
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "cur" / "1.x:2,S").write_text(notice("u@b.example"))
    found = list(read((str(tmp_path / "cur" / "1.x:2,S"),), default_classifier()))
    assert len(found) == 1
    from bouncewise.intake import files

    items = list(files.read(str(tmp_path / "new" / "1.x")))
    assert [type(item) for item in items] == [Finding]


def test_a_log_with_a_cut_first_line_is_a_log(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("5, delays=0/0\n" + line("a@b.example") + "\n")
    assert recipients(tmp_path) == ["a@b.example"]


def test_a_damaged_member_leaves_the_others_of_its_archive(tmp_path: Path) -> None:
    path = tmp_path / "logs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in "abc":
            archive.writestr(f"{name}.log", line(f"{name}@b.example") + "\n")
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"to=<b@b.example>", b"to=<B@B.example>", 1))
    assert {"a@b.example", "c@b.example"} <= set(recipients(path))
    assert [note.ends_early for note in notes(path)] == [True]


def test_a_damaged_large_file_is_read_again_when_it_is_repaired(tmp_path: Path) -> None:
    text = "".join(line(f"u{n}@b.example", n) + "\n" for n in range(5_000)).encode()
    whole = gzip.compress(text + os.urandom(1 << 20))
    path, db = tmp_path / "log.gz", tmp_path / "l"
    path.write_bytes(whole[: len(whole) // 2] + b"\0" * 64 + whole[len(whole) // 2 + 64 :])
    first = ingest(path, db)["new"]
    path.write_bytes(whole)
    second = ingest(path, db)
    assert (first + second["new"], second["known_files"]) == (5_000, 0)
    assert ingest(path, db)["known_files"] == 1


def test_a_line_of_json_may_have_any_length(tmp_path: Path) -> None:
    events = [
        {"event": "bounce", "email": f"u{n}@b.example", "timestamp": 1772442000, "pad": "x" * 200}
        for n in range(600)
    ]
    (tmp_path / "e.json").write_text(json.dumps(events))
    assert len(recipients(tmp_path)) == 600


def test_a_message_longer_than_the_head_is_read_whole(tmp_path: Path) -> None:
    groups = "".join(
        f"Final-Recipient: rfc822; u{n}@b.example\nAction: failed\nStatus: 5.1.1\n\n"
        for n in range(2000)
    )
    text = notice("u0@b.example").replace("\n\n--b--\n", "\n\n" + groups + "--b--\n")
    (tmp_path / "m.eml").write_text(text)
    assert len(set(recipients(tmp_path))) == 2000


@pytest.mark.parametrize("end", ["syntax", "syntax (", "mailbox (x) sy"])
def test_half_a_line_is_not_judged(tmp_path: Path, end: str) -> None:
    whole = line("u@b.example").replace("User unknown", f"{end} incorrect: sender")
    cut = whole[: whole.index(" incorrect")]
    (tmp_path / "log").write_text(line("a@b.example") + "\n" + cut)
    assert recipients(tmp_path) == ["a@b.example"]
    (tmp_path / "log").write_text(line("a@b.example") + "\n" + whole + "\n")
    assert recipients(tmp_path) == ["a@b.example", "u@b.example"]


def test_an_address_that_holds_a_log_line_concerns_nobody(tmp_path: Path) -> None:
    inner = line("victim@b.example").partition("to=<")[2]
    outer = line("X").replace("<X>", f'<{inner} "@evil.example>')
    quoted = line("X").replace("<X>", f'<"{inner} "@evil.example>')
    (tmp_path / "log").write_text(outer + "\n" + quoted + "\n" + line("ok@b.example") + "\n")
    assert "victim@b.example" not in recipients(tmp_path)
    assert "ok@b.example" in recipients(tmp_path)


def test_a_carriage_return_begins_no_line(tmp_path: Path) -> None:
    text = line("a@b.example").replace("User unknown", "no\r" + line("victim@b.example"))
    (tmp_path / "log").write_bytes((text + "\r\n" + line("c@b.example") + "\r\n").encode())
    assert "victim@b.example" not in recipients(tmp_path)
    assert recipients(tmp_path)[-1] == "c@b.example"


def test_a_line_break_in_a_quoted_field_begins_no_row(tmp_path: Path) -> None:
    rows = [
        "type,timeLogged,rcpt,dsnAction,dsnStatus,dsnDiag",
        'b,1,a@x.example,failed,5.1.1,"550 no',
        "b,2,victim@x.example,failed,5.1.1,550 5.1.1 user unknown",
        'more"',
        "b,3,c@x.example,failed,5.1.1,550 5.1.1 no",
    ]
    (tmp_path / "acct.csv").write_text("\n".join(rows) + "\n")
    assert recipients(tmp_path) == ["a@x.example", "c@x.example"]


def test_sendmail_recipients_in_quotes_are_one(tmp_path: Path) -> None:
    text = (
        "Mar  2 09:00:00 mx sm-mta[1]: 62290A1b012345: "
        'to=<"victim@b.example>,<x"@evil.example>, delay=00:00:01, mailer=esmtp, '
        "relay=mx.evil.example, dsn=5.1.1, stat=User unknown\n"
    )
    (tmp_path / "log").write_text(text)
    assert "victim@b.example" not in recipients(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "Your message was read.\n\nFinal-Recipient: rfc822; jo@b.example\n"
        "Disposition: manual-action/MDN-sent-manually; displayed\n",
        "b@s.example, your message to jo@b.example has not been delivered. Click to verify.\n",
    ],
    ids=["read receipt", "challenge"],
)
def test_what_reports_no_failure_is_none(tmp_path: Path, text: str) -> None:
    header = "Return-Path: <>\nFrom: jo@b.example\nTo: b@s.example\nSubject: Read: March\n\n"
    (tmp_path / "m.eml").write_text(header + text)
    items = list(read((str(tmp_path),), default_classifier()))
    failed = [i for i in items if not isinstance(i, Note) and i.finding.report.kind is Kind.FAILED]
    assert failed == []
