"""Many good addresses turning bad at once: held, asked again when it has passed, and undone by one command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bouncewise.policy.incidents import Hour, enough, spans, tail
from bouncewise.policy.load import load

GUARD = load().guard
DAY0 = datetime(2026, 3, 1, tzinfo=UTC)
UNKNOWN = "host gmail-smtp-in.l.google.com[192.0.2.9] said: 550-5.1.1 The email account that you tried to reach does not exist. - gsmtp (in reply to RCPT TO command)"
DENIED = "host t.mail.protection.outlook.com[192.0.2.9] said: 550 5.4.1 Recipient address rejected: Access denied. AS(201806281) (in reply to RCPT TO command)"
BLOCKED = "host gmail-smtp-in.l.google.com[192.0.2.9] said: 550-5.7.26 Unauthenticated email from s.example is not accepted due to domain's DMARC policy. - gsmtp"


class Shop:
    """A sender: mails, ingests, asks."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0

    def run(self, *args: str, code: int = 0) -> str:
        env = {**os.environ, "BOUNCEWISE_DB": str(self.folder / "ledger.sqlite")}
        done = subprocess.run([sys.executable, "-m", "bouncewise", *args], capture_output=True, text=True, env=env)
        assert done.returncode == code, done.stderr
        return done.stdout

    def mail(self, day: float, fates: dict[str, str], mx: str) -> None:
        lines = []
        for i, (to, said) in enumerate(fates.items()):
            self.count += 1
            when = (DAY0 + timedelta(days=day, hours=8, seconds=i)).isoformat()
            fate = f"dsn=5.1.1, status=bounced ({said})" if said else "dsn=2.0.0, status=sent (250 2.0.0 Ok)"
            lines.append(
                f"{when} out postfix/smtp[7]: {self.count:08X}A: to=<{to}>, relay={mx}[192.0.2.9]:25, delay=1, {fate}\n"
            )
        file = self.folder / f"{self.count}.log"
        file.write_text("".join(lines))
        self.run("ingest", str(file))

    def may(self, name: str, day: float) -> bool:
        at = (DAY0 + timedelta(days=day, hours=7)).isoformat()
        env = {**os.environ, "BOUNCEWISE_DB": str(self.folder / "ledger.sqlite")}
        done = subprocess.run(
            [sys.executable, "-m", "bouncewise", "check", name, "--json", "--at", at],
            capture_output=True,
            text=True,
            env=env,
        )
        return bool(json.loads(done.stdout)["send"])

    def rows(self, *args: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run(*args, "--json").splitlines()]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_a_receivers_outage_costs_nobody(shop: Shop) -> None:
    people = [f"u{i}@gmail.com" for i in range(60)]
    mx = "gmail-smtp-in.l.google.com"
    for day in range(3):
        shop.mail(day, dict.fromkeys(people, ""), mx)
    shop.mail(3, {p: UNKNOWN if i < 25 else "" for i, p in enumerate(people)}, mx)
    (incident,) = shop.rows("incidents")
    assert (incident["incident"], incident["refused"], incident["closed"]) == ("google", 25, None)
    assert not shop.may("u3@gmail.com", 4) and shop.may("u40@gmail.com", 4)
    assert [e["kind"] for e in shop.rows("history", "u3@gmail.com")] == ["delivered"] * 3 + ["failed"]
    shop.mail(4, dict.fromkeys(people[25:], ""), mx)
    (incident,) = shop.rows("incidents")
    assert incident["recovered"] is True
    assert all(shop.may(p, 5) for p in people[:25])
    # One of them is really gone: the confirming attempt says so, outside the incident.
    shop.mail(5, {p: UNKNOWN if p == "u3@gmail.com" else "" for p in people}, mx)
    assert not shop.may("u3@gmail.com", 200) and shop.may("u4@gmail.com", 6)


def test_one_departed_among_many_is_suppressed_at_once(shop: Shop) -> None:
    people = [f"u{i}@gmail.com" for i in range(60)]
    shop.mail(0, dict.fromkeys(people, ""), "gmail-smtp-in.l.google.com")
    shop.mail(1, {p: UNKNOWN if p == "u7@gmail.com" else "" for p in people}, "gmail-smtp-in.l.google.com")
    assert not shop.rows("incidents")
    assert not shop.may("u7@gmail.com", 300)


def test_a_tenant_whose_directory_lags_is_asked_by_few(shop: Shop) -> None:
    people = [f"u{i}@tenant.example" for i in range(12)]
    mx = "t.mail.protection.outlook.com"
    for day in range(2):
        shop.mail(day, dict.fromkeys(people, ""), mx)
    shop.mail(2, dict.fromkeys(people, DENIED), mx)
    asked = [p for p in people if shop.may(p, 3)]
    assert 1 <= len(asked) <= 3
    shop.mail(3, dict.fromkeys(asked, DENIED), mx)
    again = [p for p in people if shop.may(p, 4)]
    assert 1 <= len(again) <= 3 and set(again) != set(asked)
    shop.mail(4, dict.fromkeys(again, ""), mx)
    assert all(shop.may(p, 5) for p in people)


def test_a_tenant_that_is_gone_is_not_mailed_again(shop: Shop) -> None:
    people = [f"u{i}@tenant.example" for i in range(12)]
    mx = "t.mail.protection.outlook.com"
    shop.mail(0, dict.fromkeys(people, ""), mx)
    shop.mail(1, dict.fromkeys(people, DENIED), mx)
    shop.mail(9, {"x@elsewhere.example": ""}, "mx.elsewhere.example")
    assert not any(shop.may(p, 10) for p in people)
    freed = shop.rows("release", "--incident", "@tenant.example", "--why", "moved", "--dry-run")
    assert len(freed) == 12 and not any(r["released"] for r in freed)
    shop.run("release", "--incident", "@tenant.example", "--why", "they are back")
    assert all(shop.may(p, 400) for p in people)


def test_release_by_time_receiver_and_cause(shop: Shop) -> None:
    shop.mail(
        0, {"a@gmail.com": UNKNOWN, "b@gmail.com": UNKNOWN, "c@small.example": DENIED}, "gmail-smtp-in.l.google.com"
    )
    assert not shop.may("a@gmail.com", 1)
    shop.run("release", "--why", "x", code=2)
    found = shop.rows(
        "release",
        "--cause",
        "mailbox-unknown",
        "--receiver",
        "google",
        "--since",
        "2026-03-01",
        "--until",
        "2026-03-02",
        "--why",
        "outage",
    )
    assert [r["address"] for r in found] == ["a@gmail.com", "b@gmail.com"]
    assert shop.may("a@gmail.com", 400)
    assert not shop.may("c@small.example", 400)


def test_refusals_of_us_raise_an_alert_and_touch_nobody(shop: Shop) -> None:
    people = [f"u{i}@gmail.com" for i in range(20)]
    shop.mail(0, {p: BLOCKED if i < 9 else "" for i, p in enumerate(people)}, "gmail-smtp-in.l.google.com")
    (alert,) = shop.rows("incidents")
    assert (alert["alert"], alert["cause"], alert["refused"]) == ("google", "auth-failure", 9)
    assert all(shop.may(p, 1) for p in people)


def test_a_person_may_say_it_was_none(shop: Shop) -> None:
    people = [f"u{i}@tenant.example" for i in range(6)]
    shop.mail(0, dict.fromkeys(people, ""), "mx.tenant.example")
    shop.mail(1, dict.fromkeys(people, DENIED), "mx.tenant.example")
    (incident,) = shop.rows("incidents")
    shop.run("incidents", "ignore", "@tenant.example", "--opened", incident["opened"])
    assert not shop.rows("incidents")
    assert not any(shop.may(p, 3) for p in people)


def test_the_law_of_the_test() -> None:
    assert tail(10, 0, 0.1) == 1.0
    assert tail(2, 2, 0.5) == pytest.approx(0.25)
    assert tail(1000, 3, 0.0025) > 0.3
    quiet = [Hour(h, 50, 0) for h in range(24 * 30)]
    assert spans(quiet, 24 * 30, GUARD) == []
    usual = [Hour(h, 50, int(h % 8 == 0)) for h in range(24 * 30)]
    assert spans(usual, 24 * 30, GUARD) == []
    burst = [*quiet, *(Hour(24 * 30 + h, 20, 30) for h in range(3)), *(Hour(24 * 30 + 3 + h, 50, 0) for h in range(5))]
    (span,) = spans(burst, 24 * 31, GUARD)
    assert span.recovered and span.flipped == 90 and span.closed == 24 * 30 + 3
    assert enough(span, GUARD.doubt) == 6
