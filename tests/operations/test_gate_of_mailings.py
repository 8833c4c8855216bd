"""The gate over a ledger: whose refusals count, which history is whose, and what people see."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bouncewise.classifier.classify import default_classifier
from bouncewise.ledger import open_store
from bouncewise.model import Finding, Kind, Reply, Report, Source
from bouncewise.operations.context import Context
from bouncewise.operations.ingest import Session
from bouncewise.policy.load import load
from bouncewise.readers.base import key_of
from bouncewise.rfc.reply import parse
from support.cli import bouncewise

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
UNKNOWN = "550 5.1.1 The email account that you tried to reach does not exist"
BLOCKED = "554 5.7.1 Service unavailable; client host [192.0.2.1] blocked using zen.spamhaus.org"
NO_DOMAIN = "Host or domain name not found. Name service error for name=x type=A: Host not found"
GOOGLE = "gmail-smtp-in.l.google.com"


class Desk:
    """A ledger to which mails are added, and the verb."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.db = folder, folder / "ledger.sqlite"
        self._waiting: list[Finding] = []

    def mail(  # noqa: PLR0913 - what a mail may have
        self,
        days: float,
        address: str,
        reply: str = "",
        *,
        kind: Kind | None = None,
        campaign: str | None = None,
        host: str = "",
        message_id: str | None = None,
    ) -> None:
        """A mail *days* before NOW; without a *reply* it was delivered."""
        kind = kind or (Kind.FAILED if reply else Kind.DELIVERED)
        report = Report(
            source=Source("desk", "test", 0),
            kind=kind,
            recipient=address,
            at=NOW - timedelta(days=days),
            remote_mta=None if reply == NO_DOMAIN else host or f"mx.{address.split('@')[1]}",
            reply=Reply(*parse(reply)[:2], reply) if reply else None,
            campaign=campaign,
            message_id=message_id,
        )
        key = key_of(address, str(days), reply, kind)
        self._waiting.append(Finding(report, b"" if kind is Kind.DELIVERED else b"x", key))

    def settle(self) -> None:
        with Context(open_store(self.db, create=True), load(), default_classifier()) as context:
            session = Session(context, "desk")
            for finding in self._waiting:
                session.add(finding)
            session.settle()
        self._waiting.clear()

    def run(self, *args: object, at: datetime = NOW) -> subprocess.CompletedProcess[bytes]:
        return bouncewise(self.folder, "gate", *args, "--db", self.db, "--at", at.isoformat())

    def json(self, *args: object, code: int, at: datetime = NOW) -> list[dict[str, Any]]:
        done = self.run(*args, "--json", at=at)
        assert done.returncode == code, (done.stdout, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def list(self, rows: list[str], header: str = "email") -> Path:
        path = self.folder / "list.csv"
        path.write_text("\n".join([header, *rows, ""]))
        return path


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def spread(count: int, start: float = 0.02) -> Iterator[float]:
    """Days before NOW over the last hours, in order."""
    return (start + 0.2 * (count - n) / count for n in range(count))


def test_a_mailing_with_many_unknown_mailboxes_is_stopped(desk: Desk) -> None:
    for number, days in enumerate(spread(200)):
        dead = number % 4 == 0
        desk.mail(days, f"u{number}@d{number}.example", UNKNOWN if dead else "", campaign="spring")
    desk.settle()
    (found,) = desk.json("--campaign", "spring", code=1)
    assert (found["advice"], found["mails"], found["bounces"]) == ("stop", 200, 50)
    assert found["stopped_after"] < 120
    (all_mail,) = desk.json("--since", (NOW - timedelta(days=1)).isoformat(), code=1)
    assert (all_mail["mails"], all_mail["bounces"]) == (200, 50)
    assert (
        "stop: 50 hard bounces of 200 mails (25.00%)"
        in desk.run("--campaign", "spring").stdout.decode()
    )


def test_a_block_of_the_sender_does_not_stop_a_mailing(desk: Desk) -> None:
    for number, days in enumerate(spread(200)):
        reply = BLOCKED if number % 2 == 0 else ""
        desk.mail(days, f"u{number}@d{number}.example", reply, campaign="spring")
    desk.settle()
    (found,) = desk.json("--campaign", "spring", code=0)
    assert (found["mails"], found["bounces"], found["blocked"]) == (100, 0, 100)


def test_an_outage_of_a_receiver_does_not_stop_a_mailing(desk: Desk) -> None:
    """Addresses that took mail for weeks are refused all at once: an incident."""
    for number in range(100):
        for week in range(1, 9):
            desk.mail(7 * week + 0.001 * number, f"u{number}@gmail.com", host=GOOGLE)
    for number, days in enumerate(spread(100)):
        reply = UNKNOWN if number >= 20 else ""
        desk.mail(days, f"u{number}@gmail.com", reply, campaign="spring", host=GOOGLE)
    desk.settle()
    (found,) = desk.json("--campaign", "spring", code=0)
    assert found["exempt"] >= 75
    assert found["advice"] != "stop"
    (rate,) = [r for r in desk.json("--by", "campaign", code=0) if r["name"] == "spring"]
    assert (rate["mails"], rate["exempt"]) == (100, found["exempt"])


def test_a_domain_that_fails_counts_once(desk: Desk) -> None:
    for number, days in enumerate(spread(300)):
        dead = number % 6 == 0
        address = f"u{number}@gone.example" if dead else f"u{number}@d{number}.example"
        desk.mail(days, address, NO_DOMAIN if dead else "", campaign="spring")
    desk.settle()
    (found,) = desk.json("--campaign", "spring", code=0)
    assert (found["mails"], found["bounces"]) == (251, 1)


def test_mail_that_was_accepted_and_returned_is_one_mail(desk: Desk) -> None:
    for number, days in enumerate(spread(20)):
        mail = f"{number}@shop.example"
        desk.mail(days, f"u{number}@d{number}.example", campaign="spring", message_id=mail)
    desk.mail(0.01, "u3@d3.example", UNKNOWN, campaign="spring", message_id="3@shop.example")
    desk.settle()
    (found,) = desk.json("--campaign", "spring", code=0)
    assert (found["bounces"], found["mails"]) == (1, 20)


def test_a_campaign_that_the_ledger_does_not_know_is_an_error(desk: Desk) -> None:
    desk.mail(1, "a@b.example", campaign="spring")
    desk.settle()
    done = desk.run("--campaign", "sprnig")
    assert done.returncode == 2
    assert b"no mail of campaign 'sprnig'" in done.stderr
    later = NOW + timedelta(days=30)
    for args, named in (
        (("--campaign", "spring"), "mail of campaign 'spring'"),
        (("--since", NOW.isoformat()), "mail"),
    ):
        done = desk.run(*args, at=later)
        assert (done.returncode, done.stdout) == (2, b"")
        assert f"no {named} in the ledger from 202" in done.stderr.decode()
    for wrong in ((), ("list.csv", "--by", "source"), ("--since", "2027-01-01"), ("--source", "x")):
        assert desk.run(*wrong).returncode == 2, wrong


def history(desk: Desk, weeks: int = 30) -> None:
    """Each week, 100 addresses in use get mail; 20 new ones of two sources are added, of which
    those of the fair are mostly dead, and old ones of a year ago are tried.
    """
    random_ = random.Random(5)
    active = [f"a{n}@d{n % 50}.example" for n in range(100)]
    for week in range(weeks, 0, -1):
        for number, address in enumerate(active):
            desk.mail(7 * week + number / 500, address)
        for number in range(40):
            source = "fair" if number % 2 else "web"
            dead = random_.random() < (0.3 if source == "fair" else 0.01)
            address = f"{source}{week}-{number}@new{number}.example"
            desk.mail(7 * week + 0.3 + number / 500, address, UNKNOWN if dead else "")
    desk.settle()
    rows = [
        f"{source}{week}-{n}@new{n}.example,{source}"
        for week in range(1, weeks + 1)
        for n in range(40)
        for source in (("fair",) if n % 2 else ("web",))
    ]
    done = desk.run(desk.list(rows, "email,source"), "--source", "source")
    assert done.returncode in (0, 1), done.stderr


def test_what_to_expect_follows_source_and_age(desk: Desk) -> None:
    history(desk)
    rows = [f"x{n}@y{n}.example,web" for n in range(500)]
    found = desk.json(desk.list(rows, "email,source"), "--source", "source", "--dry-run", code=0)
    assert [(g["source"], g["age"], g["known"], g["history_of"]) for g in found[:-1]] == [
        ("web", "never", True, "source")
    ]
    assert found[-1]["bounces"]["review"] == "below"
    assert found[-1]["complaints"]["review"] == "unknown"
    rows = [f"x{n}@y{n}.example,fair" for n in range(500)]
    found = desk.json(desk.list(rows, "email,source"), "--source", "source", "--dry-run", code=1)
    assert found[-1]["bounces"]["limit"] == "above"
    assert 100 < found[-1]["bounces"]["low"] < 150 < found[-1]["bounces"]["high"] < 220
    rows = [f"x{n}@y{n}.example,bought" for n in range(500)]
    found = desk.json(desk.list(rows, "email,source"), "--source", "source", "--dry-run", code=1)
    assert (found[-1]["bounces"]["unknown"], found[-1]["bounces"]["review"]) == (500, "unknown")
    active = [f"a{n}@d{n % 50}.example,bought" for n in range(100)]
    found = desk.json(desk.list(active, "email,source"), "--source", "source", "--dry-run", code=0)
    assert [(g["age"], g["history_of"]) for g in found[:-1]] == [("0-30", "age")]
    assert found[-1]["fine"]
    text = desk.run(desk.list(active, "email,source"), "--source", "source", "--dry-run").stdout
    assert "✓ hard bounces: 0 expected".encode() in text
    sources = {r["name"]: r for r in desk.json("--by", "source", code=1)}
    assert sources["fair"]["bounce_level"] == "above"
    assert sources["web"]["bounce_level"] == "below"
    # --dry-run recorded nothing
    assert "bought" not in sources


def test_a_list_that_was_not_cleaned_is_above(desk: Desk) -> None:
    history(desk)
    for number in range(20):
        desk.mail(3, f"gone{number}@g{number}.example", UNKNOWN)
    desk.mail(2, "a0@d0.example", "", kind=Kind.COMPLAINT)
    desk.settle()
    rows = [f"a{n}@d{n % 50}.example" for n in range(100)]
    rows += [f"gone{n}@g{n}.example" for n in range(20)]
    found = desk.json(desk.list(rows), code=1)[-1]
    assert (found["rows"], found["unmailable"], found["opted_out"]) == (120, 21, 1)
    assert found["bounces"]["limit"] == "above"
    assert found["complaints"]["limit"] == "above"
    assert b"21 rows must not be mailed" in desk.run(desk.list(rows)).stdout


def test_a_small_ledger_knows_nothing(desk: Desk) -> None:
    desk.mail(1, "a@b.example")
    desk.settle()
    found = desk.json(desk.list(["a@b.example"]), code=1)[-1]
    assert found["bounces"] == {
        "expected": 0.0,
        "low": 0.0,
        "high": 0.0,
        "unknown": 1,
        "review": "unknown",
        "limit": "unknown",
    }
    assert b"the history is too small to know" in desk.run(desk.list(["a@b.example"])).stdout


def test_names_of_domains_are_not_counted_as_addresses(desk: Desk) -> None:
    """Table delivery has rows for whole domains."""
    for week in range(10):
        for number in range(40):
            desk.mail(7 * week + 1, f"a{number}@one.example")
    desk.settle()
    (group, _) = desk.json(desk.list(["a1@one.example"]), code=0)
    assert (group["age"], group["mails"]) == ("0-30", 9 * 40)
