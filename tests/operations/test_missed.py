"""Who did not get which message: after a block of ours, and after an incident of a receiver."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from support.cli import bouncewise
from support.postfix import ACCEPTED, log_lines

DAY0 = datetime(2026, 3, 1, 8, tzinfo=UTC)
NOW = (DAY0 + timedelta(days=42)).isoformat()
BLOCKED = (
    "550 5.7.1 Unfortunately, messages from [192.0.2.7] weren't sent. part of their network is on"
    " our block list (S3140)."
)
GONE = "550-5.1.1 The email account that you tried to reach does not exist. - gsmtp"
GOOGLE, MICROSOFT = "gmail-smtp-in.l.google.com", "outlook-com.olc.protection.outlook.com"


class Mailer:
    """Mails with Message-IDs, in one log."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count, self.lines = folder, 0, ""

    def send(self, day: float, to: str, reply: str, host: str, message: str = "") -> None:
        self.count += 1
        at = DAY0 + timedelta(days=day, seconds=self.count)
        message_id = message or f"m{self.count}@s.example"
        self.lines += log_lines(at, to, reply, queue=self.count, host=host, message_id=message_id)

    def ingest(self) -> None:
        (self.folder / "mail.log").write_text(self.lines)
        done = bouncewise(self.folder, "ingest", "mail.log", "--db", "l", "--jobs", "1")
        assert done.returncode == 0, done.stderr

    def missed(self, *options: str) -> list[dict[str, Any]]:
        done = bouncewise(
            self.folder,
            "missed",
            "--db",
            "l",
            "--at",
            NOW,
            "--since",
            "2026-04-01",
            "--json",
            *options,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


def test_after_a_block_of_ours(tmp_path: Path) -> None:
    mailer = Mailer(tmp_path)
    mailer.send(40, "ann@outlook.com", BLOCKED, MICROSOFT, "one@s.example")
    mailer.send(40, "bob@outlook.com", BLOCKED, MICROSOFT, "two@s.example")
    mailer.send(
        40,
        "dead@outlook.com",
        "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).",
        MICROSOFT,
    )
    mailer.send(40, "eve@outlook.com", BLOCKED, MICROSOFT, "three@s.example")
    mailer.send(40.5, "bob@outlook.com", ACCEPTED, MICROSOFT, "two@s.example")
    mailer.send(40.5, "ann@outlook.com", ACCEPTED, MICROSOFT, "another@s.example")
    mailer.ingest()
    done = bouncewise(
        tmp_path, "suppressions", "add", "eve@outlook.com", "--why", "asked", "--db", "l"
    )
    assert done.returncode == 0

    rows = mailer.missed("--all")
    assert [(r["address"], r["message_id"], r["send"]) for r in rows] == [
        ("ann@outlook.com", "one@s.example", True),
        ("eve@outlook.com", "three@s.example", False),
    ]
    assert rows[0]["cause"] == "reputation"
    assert rows[0]["reason"] == "sender"
    assert [r["address"] for r in mailer.missed()] == ["ann@outlook.com"]
    assert mailer.missed("--cause", "mailbox-unknown", "--all")[0]["address"] == "dead@outlook.com"
    assert mailer.missed("--receiver", "google") == []
    assert mailer.missed("--until", "2026-04-02") == []


def test_after_an_incident(tmp_path: Path) -> None:
    """Good addresses that a receiver calls unknown for a day are listed; one that stays dead
    since before is not.
    """
    mailer = Mailer(tmp_path)
    people = [f"p{n}@gmail.com" for n in range(40)]
    for day in range(0, 40, 4):
        for name in people:
            mailer.send(day, name, ACCEPTED, GOOGLE)
        mailer.send(day, "gone@gmail.com", GONE, GOOGLE)
    for name in people[:30]:
        mailer.send(40, name, GONE, GOOGLE)
    for name in people[5:]:
        mailer.send(41, name, ACCEPTED, GOOGLE)
    mailer.ingest()
    rows = mailer.missed("--all")
    assert {r["address"] for r in rows} == set(people[:30])
    assert {r["reason"] for r in rows} == {"incident"}
    assert all(r["message_id"] for r in rows)
    assert {r["address"] for r in rows if r["send"]} >= set(people[5:30])
    assert len(mailer.missed("--all", "--incident", "google")) == 30
    other = bouncewise(tmp_path, "missed", "--db", "l", "--incident", "yahoo")
    assert other.returncode == 2
    assert b"no incident at yahoo" in other.stderr

    done = bouncewise(
        tmp_path, "missed", "--db", "l", "--at", NOW, "--since", "2026-04-01", "-o", "resend.csv"
    )
    assert done.returncode == 0
    with (tmp_path / "resend.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    assert {r["address"] for r in written} >= set(people[5:30])
    assert b"messages to" in done.stdout


def test_transactional_mail_comes_first_and_a_campaign_counts_once(tmp_path: Path) -> None:
    (tmp_path / "bouncewise.toml").write_text('[streams.receipts]\nkind = "transactional"\n')
    events = [
        event("ann@outlook.com", 1, "broadcast", "spring"),
        event("bob@outlook.com", 2, "broadcast", "spring"),
        event("ann@outlook.com", 3, "receipts", ""),
        event("bob@outlook.com", 4, "broadcast", "spring", "Delivery"),
        event("ann@outlook.com", 5, "broadcast", "summer", "Delivery"),
    ]
    (tmp_path / "events.jsonl").write_text("\n".join(map(json.dumps, events)))
    mailer = Mailer(tmp_path)
    done = bouncewise(
        tmp_path, "ingest", "events.jsonl", "--db", "l", "--config", "bouncewise.toml"
    )
    assert done.returncode == 0, done.stderr
    rows = mailer.missed("--config", "bouncewise.toml")
    assert [(r["address"], r["stream"], r["campaign"], r["transactional"]) for r in rows] == [
        ("ann@outlook.com", "receipts", None, True),
        ("ann@outlook.com", "broadcast", "spring", False),
    ]


def event(to: str, hour: int, stream: str, tag: str, kind: str = "Bounce") -> dict[str, Any]:
    """A webhook event of Postmark (postmarkapp.com/developer/webhooks)."""
    at = (DAY0 + timedelta(days=40, hours=hour)).strftime("%Y-%m-%dT%H:%M:%SZ")
    common = {"RecordType": kind, "MessageStream": stream, "Tag": tag, "MessageID": f"id-{hour}"}
    if kind == "Delivery":
        return common | {"Recipient": to, "DeliveredAt": at, "Details": "250 ok"}
    return common | {
        "ID": hour,
        "Type": "Blocked",
        "TypeCode": 100006,
        "Email": to,
        "BouncedAt": at,
        "Details": f"smtp;{BLOCKED}",
    }


def test_a_period_without_length_is_a_usage_error(tmp_path: Path) -> None:
    done = bouncewise(
        tmp_path, "missed", "--db", "l", "--since", "2026-04-02", "--until", "2026-04-01"
    )
    assert done.returncode == 2
    assert b"--since must be before --until" in done.stderr
