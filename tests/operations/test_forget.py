"""Forgetting: nothing about a person is left, and who must not be mailed still is not."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bouncewise.ledger import open_store
from support.cli import bouncewise
from support.postfix import ACCEPTED, UNKNOWN, log_lines

DEAD, GOOD, COMPLAINED, OTHER = (
    f"{name}@there.example" for name in ("dead.person", "good", "complained", "other")
)


def run(folder: Path, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    done = bouncewise(folder, *arguments, "--db", "l", "--json")
    assert done.returncode == code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def may(folder: Path, name: str, *options: str) -> bool:
    done = bouncewise(folder, "check", name, "--db", "l", "--json", *options)
    return bool(json.loads(done.stdout)["send"])


def notice(name: str, also: str) -> str:
    """A mail about two recipients."""
    parts = "".join(
        f"Final-Recipient: rfc822; {n}\nAction: failed\nStatus: 5.1.1\n"
        f"Diagnostic-Code: smtp; 550 5.1.1 User unknown\n\n"
        for n in (name, also)
    )
    return (
        "From: MAILER-DAEMON@mx.there.example\nTo: news@s.example\nSubject: Undelivered Mail\n"
        "Date: Mon, 23 Nov 2026 10:00:00 +0000\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        f"--b\nContent-Type: text/plain\n\n<{name}>: 550 5.1.1\n<{also}>: 550 5.1.1\n\n"
        f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.there.example\n\n"
        f"{parts}--b\nContent-Type: text/rfc822-headers\n\nFrom: news@s.example\nTo: {name}\n"
        "Message-ID: <m1@s.example>\n\n--b--\n"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = log_lines("2026-11-22T10:00:00+00:00", DEAD, UNKNOWN, queue=1, message_id="d@s.example")
    lines += log_lines("2026-11-22T10:00:00+00:00", GOOD, ACCEPTED, queue=2)
    lines += log_lines("2026-11-23T10:00:00+00:00", COMPLAINED, ACCEPTED, queue=3)
    (tmp_path / "mail.log").write_text(lines)
    (tmp_path / "notice.eml").write_text(notice(DEAD, OTHER))
    complaint = {
        "RecordType": "SpamComplaint",
        "Email": COMPLAINED,
        "ID": 9,
        "BouncedAt": "2026-11-24T10:00:00Z",
    }
    (tmp_path / "complaint.json").write_text(json.dumps(complaint))
    run(tmp_path, "ingest", "mail.log", "notice.eml", "complaint.json")
    run(tmp_path, "suppressions", "add", DEAD, "--why", "phoned")
    assert not may(tmp_path, DEAD)
    assert not may(tmp_path, COMPLAINED)
    return tmp_path


def octets(folder: Path) -> bytes:
    """Everything in the ledger's files, its blocks decompressed."""
    import zstandard

    from support.sql import rows

    found = b"".join(path.read_bytes() for path in sorted(folder.glob("l*")))
    with open_store(folder / "l") as ledger:
        for (data,) in rows(ledger, "SELECT data FROM block"):
            found += zstandard.decompress(data)
    return found.lower()


def test_nothing_is_left_and_the_answer_stays(folder: Path) -> None:
    assert b"dead.person" in octets(folder)
    found = run(folder, "forget", DEAD)
    assert found[0]["kept"] == ["suppressed", "suppressed"]
    assert found[0]["reports"] >= 2
    assert b"dead.person" not in octets(folder)
    assert not may(folder, DEAD)
    assert not may(folder, DEAD, "--transactional")
    assert run(folder, "history", DEAD) == []
    (folder / "list.csv").write_text(f"email\n{DEAD}\n{GOOD}\n")
    done = bouncewise(folder, "clean", "list.csv", "--db", "l")
    assert done.stdout.decode().split() == ["email", GOOD]


def test_others_keep_what_they_have(folder: Path) -> None:
    before = run(folder, "history", COMPLAINED)
    other = run(folder, "history", OTHER)
    run(folder, "forget", DEAD)
    assert run(folder, "history", COMPLAINED) == before
    assert run(folder, "history", OTHER) == other
    assert run(folder, "replay", "--dry-run")[-1]["changed"] == 0


def test_a_complainer_never_becomes_mailable(folder: Path) -> None:
    run(folder, "forget", COMPLAINED)
    assert not may(folder, COMPLAINED)
    assert may(folder, COMPLAINED, "--transactional")
    run(folder, "confirm", COMPLAINED, "--why", "logged in")
    assert not may(folder, COMPLAINED)
    done = bouncewise(folder, "suppressions", "remove", COMPLAINED, "--why", "x", "--db", "l")
    assert b"what was decided before stays" in done.stdout
    assert not may(folder, COMPLAINED)


def test_an_old_log_does_not_bring_it_back(folder: Path) -> None:
    run(folder, "forget", DEAD, GOOD)
    shutil.copy(folder / "mail.log", folder / "again.log")
    run(folder, "ingest", "again.log", "notice.eml")
    assert b"dead.person" not in octets(folder)
    assert run(folder, "history", GOOD) == []


def test_completely_asks_and_removes_the_hash_as_well(folder: Path) -> None:
    refused = bouncewise(folder, "forget", DEAD, "--completely", "--db", "l", stdin=b"n\n")
    assert refused.returncode == 2
    assert b"Nothing was removed" in refused.stderr
    assert not may(folder, DEAD)
    run(folder, "forget", DEAD, "--completely", "--yes")
    assert may(folder, DEAD)
    assert b"dead.person" not in octets(folder)


def test_what_was_forgotten_can_be_forgotten_completely_later(folder: Path) -> None:
    run(folder, "forget", DEAD)
    run(folder, "forget", DEAD)
    assert not may(folder, DEAD)
    run(folder, "forget", DEAD, "--completely", "--yes")
    assert may(folder, DEAD)


def test_a_dry_run_changes_nothing(folder: Path) -> None:
    before = (folder / "l").read_bytes()
    found = run(folder, "forget", DEAD, "--dry-run")
    assert found[0]["dry_run"] is True
    assert (folder / "l").read_bytes() == before
    assert not (folder / "l.key").exists()


def test_without_the_key_nothing_is_answered(folder: Path) -> None:
    run(folder, "forget", DEAD)
    key = folder / "l.key"
    assert key.stat().st_mode & 0o777 == 0o600
    kept = key.read_bytes()
    for damaged in (None, b"", b"x"):
        key.unlink()
        if damaged is not None:
            key.write_bytes(damaged)
        done = bouncewise(folder, "check", GOOD, "--db", "l")
        assert done.returncode == 2
        assert b"Restore it" in done.stderr
        key.write_bytes(kept)
    assert may(folder, GOOD)


def test_names_come_from_standard_input(folder: Path) -> None:
    done = bouncewise(folder, "forget", "-", "--db", "l", stdin=f"{DEAD}\n{GOOD}\n".encode())
    assert done.returncode == 0
    assert done.stdout.decode().count("forgot") == 2
    assert b"stays suppressed (all mail)" in done.stdout
    assert b"good@there.example: 0 reports, 1 days with deliveries, 0 acts; may be" in done.stdout


@pytest.mark.sqlite
def test_a_reader_of_the_ledger_is_waited_for_or_named(folder: Path) -> None:
    with contextlib.closing(sqlite3.connect(folder / "l")) as other:
        reading = other.execute("SELECT name FROM address")
        reading.fetchone()
        done = bouncewise(folder, "forget", DEAD, "--db", "l")
        reading.close()
    assert done.returncode == (1 if done.stderr else 0)
    assert not may(folder, DEAD)
    if done.stderr:
        assert b"Run the command again" in done.stderr
        assert bouncewise(folder, "forget", DEAD, "--db", "l").returncode == 0
    assert b"dead.person" not in octets(folder)


@pytest.mark.sqlite
def test_an_idle_process_does_not_keep_the_name_in_the_file(folder: Path) -> None:
    with contextlib.closing(sqlite3.connect(folder / "l")) as other:
        other.execute("SELECT count(*) FROM address").fetchall()
        run(folder, "forget", DEAD)
        assert b"dead.person" not in (folder / "l").read_bytes()


def test_longer_addresses_that_contain_the_name_are_not_touched(folder: Path) -> None:
    similar = ("bo@there.example", "o@there.example.au", "x.o@there.example", "o@there.example")
    lines = "".join(
        log_lines("2026-11-22T11:00:00+00:00", name, UNKNOWN, queue=90 + n, host="mx.there.example")
        for n, name in enumerate(similar)
    )
    (folder / "more.log").write_text(lines)
    run(folder, "ingest", "more.log")
    before = {name: run(folder, "history", name) for name in similar[:3]}
    run(folder, "forget", "o@there.example")
    assert {name: run(folder, "history", name) for name in similar[:3]} == before
    assert all(name.encode() in octets(folder) for name in similar[:3])
    assert run(folder, "replay", "--dry-run")[-1]["changed"] == 0


@pytest.mark.parametrize(
    "written", ["bounce+dead.person=there.example@s.example", "<dead.person@there.example>"]
)
def test_evidence_about_others_loses_the_name(folder: Path, written: str) -> None:
    mail = notice("third@there.example", "third@there.example").replace("news@s.example", written)
    (folder / "third.eml").write_text(mail)
    run(folder, "ingest", "third.eml")
    before = run(folder, "history", "third@there.example")
    assert before
    run(folder, "forget", DEAD)
    assert b"dead.person" not in octets(folder)
    for event in before:
        event["about"] = None
    assert run(folder, "history", "third@there.example") == before


def test_a_domain_is_nobody(folder: Path) -> None:
    done = bouncewise(folder, "forget", "@there.example", "--db", "l")
    assert done.returncode == 2
    assert b"a domain" in done.stderr


def test_a_name_in_the_reasons_of_others_is_replaced_and_reported(folder: Path) -> None:
    run(folder, "ingest", "mail.log")
    why = f"has moved; was {DEAD.upper()} (Dora Person), not x{DEAD}"
    run(folder, "suppressions", "add", OTHER, "--why", why, "--by", "jo")
    run(folder, "suppressions", "add", DEAD, "--why", f"of {DEAD}", "--by", "jo")
    (planned,) = run(folder, "forget", DEAD, "--dry-run")
    assert planned["mentions"] == [OTHER]
    assert why in json.dumps(run(folder, "suppressions", "list"))
    done = bouncewise(folder, "forget", DEAD, "--db", "l")
    err = done.stderr.decode()
    assert f"{DEAD} stands in the reason of an act on {OTHER}" in err
    assert "Dora Person" in err
    left = json.dumps(
        [
            *run(folder, "suppressions", "list"),
            *run(folder, "history", OTHER),
            *run(folder, "audit", "list"),
        ]
    )
    assert left.count("erased@erased.invalid (Dora Person)") == 3
    assert "erased@erased.invalid (Dora Person), not x" in left
    assert DEAD not in left.lower().replace(f"x{DEAD}", "")
    assert run(folder, "forget", DEAD, "--dry-run")[0]["mentions"] == []
