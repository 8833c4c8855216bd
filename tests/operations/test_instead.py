"""What `clean --rejected` says to do instead of mailing an address."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

from support.cli import bouncewise
from support.postfix import ACCEPTED, UNKNOWN, log_lines

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MOVED = "551 5.1.6 User has moved; please try <dora.new@other.example>"
REPLY = """From: {name}
To: news@sender.example
Subject: Automatic reply: your offer
Date: Mon, 16 Nov 2026 09:10:00 +0000
Message-ID: <{name}-1>
Auto-Submitted: auto-replied
Content-Type: text/plain; charset=utf-8

I no longer work here. Please contact Ann <ann@office.example> instead.
"""


def rejected(folder: Path, *names: str) -> dict[str, dict[str, str]]:
    """The added cells of the rows that were dropped, by address."""
    (folder / "in.csv").write_text("\n".join(["email", *names, ""]))
    verb = ("clean", "in.csv", "-o", "out.csv", "--rejected", "rest.csv", "--db", "l")
    done = bouncewise(folder, *verb, "--at", NOW.isoformat())
    assert done.returncode == 0, done.stderr
    rows = csv.DictReader((folder / "rest.csv").read_text().splitlines())
    return {
        row["email"]: {k.removeprefix("bouncewise_"): v for k, v in row.items()} for row in rows
    }


def test_rejected_rows_say_what_to_do_instead(tmp_path: Path) -> None:
    days = {
        "left@office.example": [(40, ACCEPTED), (2, UNKNOWN)],
        "alone@small.example": [(40, ACCEPTED), (2, UNKNOWN)],
        "free@gmail.com": [(2, UNKNOWN)],
        "other@gmail.com": [(5, ACCEPTED)],
        "boss@office.example": [(5, ACCEPTED)],
        "dead@office.example": [(3, UNKNOWN)],
        "moved@moved.example": [(2, MOVED)],
    }
    lines = [
        log_lines(NOW - timedelta(days=day), name, reply, queue=100 * i + day)
        for i, (name, found) in enumerate(days.items())
        for day, reply in found
    ]
    (tmp_path / "mail.log").write_text("".join(lines))
    (tmp_path / "reply.eml").write_text(REPLY.format(name="left@office.example"))
    bouncewise(tmp_path, "ingest", "mail.log", "reply.eml", "--db", "l")
    add = ("suppressions", "add", "--why", "asked by phone", "--db", "l")
    wish = ("--cause", "complaint", "--scope", "marketing")
    bouncewise(tmp_path, *add, *wish, "wish@office.example")
    found = rejected(tmp_path, *days, "wish@office.example", "no address")
    assert set(found) == {*days, "wish@office.example", "no address"} - {
        "other@gmail.com",
        "boss@office.example",
    }
    left = found["left@office.example"]
    assert left["last_delivered"] == f"{NOW - timedelta(days=40):%Y-%m-%d}"
    assert left["other_contact"] == "boss@office.example"
    assert left["named_address"] == "ann@office.example"
    assert left["instead"].startswith("ask ann@office.example, which a notice names")
    assert found["dead@office.example"]["instead"] == "ask boss@office.example at the same domain"
    assert found["moved@moved.example"]["named_address"] == "dora.new@other.example"
    alone = found["alone@small.example"]
    assert (alone["other_contact"], alone["named_address"]) == ("", "")
    assert alone["instead"] == "ask by another channel: somebody was there"
    assert found["free@gmail.com"]["other_contact"] == ""
    assert found["free@gmail.com"]["instead"] == "remove it: nothing was ever delivered"
    wish_row = found["wish@office.example"]
    assert wish_row["instead"] == "nothing: the recipient does not want this mail"
    assert (wish_row["other_contact"], wish_row["named_address"]) == ("", "")
    assert found["no address"]["instead"] == "correct the address, or remove it"


def test_nothing_after_the_time_of_the_answer_is_used(tmp_path: Path) -> None:
    lines = [
        log_lines(NOW - timedelta(days=2), "a@office.example", UNKNOWN, queue=1),
        log_lines(NOW + timedelta(days=2), "b@office.example", ACCEPTED, queue=2),
        log_lines(NOW - timedelta(days=200), "c@office.example", ACCEPTED, queue=3),
    ]
    (tmp_path / "mail.log").write_text("".join(lines))
    bouncewise(tmp_path, "ingest", "mail.log", "--db", "l")
    found = rejected(tmp_path, *(f"{name}@office.example" for name in "abc"))
    assert found["a@office.example"]["other_contact"] == ""
