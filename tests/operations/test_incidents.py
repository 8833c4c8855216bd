"""Many good addresses turning bad at once: held, asked again when it has passed, and undone by one
command.
"""

from __future__ import annotations

import json
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.world.policies import log_of
from bench.world.world import World

from bouncewise.classifier.classify import default_classifier
from bouncewise.ledger import open_store
from bouncewise.operations.context import Context
from bouncewise.operations.ingest import ingest
from bouncewise.policy.detector import SlotCounts as Slot
from bouncewise.policy.detector import detect
from bouncewise.policy.load import load
from bouncewise.times import SLOTS_A_DAY
from support.cli import bouncewise
from support.postfix import ACCEPTED, log_lines

POLICY = load()
GUARD = POLICY.incident
DAY0 = datetime(2026, 3, 1, tzinfo=UTC)
UNKNOWN = (
    "host gmail-smtp-in.l.google.com[192.0.2.9] said: 550-5.1.1 The email account that "
    "you tried to reach does not exist. - gsmtp (in reply to RCPT TO command)"
)
DENIED = (
    "host t.mail.protection.outlook.com[192.0.2.9] said: 550 5.4.1 Recipient address "
    "rejected: Access denied. AS(201806281) (in reply to RCPT TO command)"
)
BLOCKED = (
    "host gmail-smtp-in.l.google.com[192.0.2.9] said: 550-5.7.26 Unauthenticated email "
    "from s.example is not accepted due to domain's DMARC policy. - gsmtp"
)


class Shop:
    """A sender: mails, ingests, asks."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0

    def run(self, *args: str, code: int = 0) -> str:
        done = bouncewise(self.folder, *args, "--db", "ledger.sqlite")
        assert done.returncode == code, done.stderr
        return done.stdout.decode()

    def mail(self, day: float, fates: dict[str, str], mx: str) -> None:
        lines = []
        for i, (to, said) in enumerate(fates.items()):
            self.count += 1
            when = (DAY0 + timedelta(days=day, hours=8, seconds=i)).isoformat()
            lines.append(log_lines(when, to, said or ACCEPTED, queue=self.count, host=mx))
        file = self.folder / f"{self.count}.log"
        file.write_text("".join(lines))
        self.run("ingest", str(file), "--jobs", "1")

    def may(self, name: str, day: float) -> bool:
        at = (DAY0 + timedelta(days=day, hours=7)).isoformat()
        done = bouncewise(self.folder, "check", name, "--json", "--at", at, "--db", "ledger.sqlite")
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
    assert not shop.may("u3@gmail.com", 3.4) and shop.may("u40@gmail.com", 3.4)
    # It is not known to be over, but outages of receivers last hours: half a day later all may be
    # asked.
    assert shop.may("u3@gmail.com", 4)
    assert [e["kind"] for e in shop.rows("history", "u3@gmail.com")] == ["delivered"] * 3 + [
        "failed"
    ]
    shop.mail(4, {p: UNKNOWN if i < 10 else "" for i, p in enumerate(people)}, mx)
    assert not shop.may("u3@gmail.com", 4.4) and shop.may("u3@gmail.com", 5), (
        "nobody is suppressed while it lasts"
    )
    shop.mail(5, dict.fromkeys(people, ""), mx)
    (incident,) = shop.rows("incidents")
    assert incident["recovered"] is True
    assert all(shop.may(p, 6) for p in people)
    # One of them is really gone: the confirming attempt says so, outside the incident.
    shop.mail(6, {p: UNKNOWN if p == "u3@gmail.com" else "" for p in people}, mx)
    assert not shop.may("u3@gmail.com", 200) and shop.may("u4@gmail.com", 7)


def test_one_departed_among_many_is_suppressed_at_once(shop: Shop) -> None:
    people = [f"u{i}@gmail.com" for i in range(60)]
    shop.mail(0, dict.fromkeys(people, ""), "gmail-smtp-in.l.google.com")
    shop.mail(
        1, {p: UNKNOWN if p == "u7@gmail.com" else "" for p in people}, "gmail-smtp-in.l.google.com"
    )
    assert not shop.rows("incidents")
    assert not shop.may("u7@gmail.com", 300)


def test_a_tenant_whose_directory_lags_is_asked_by_all_for_some_days_and_then_by_few(
    shop: Shop,
) -> None:
    people = [f"u{i}@tenant.example" for i in range(12)]
    mx = "t.mail.protection.outlook.com"
    for day in range(2):
        shop.mail(day, dict.fromkeys(people, ""), mx)
    for day in range(2, 7):
        shop.mail(day, dict.fromkeys(people, DENIED), mx)
        if day < 6:
            assert not any(shop.may(p, day + 0.4) for p in people)
            assert all(shop.may(p, day + 1) for p in people)
    asked = [p for p in people if shop.may(p, 7)]
    assert 1 <= len(asked) <= 3
    shop.mail(7, dict.fromkeys(asked, DENIED), mx)
    again = [p for p in people if shop.may(p, 8)]
    assert 1 <= len(again) <= 3 and set(again) != set(asked)
    shop.mail(8, dict.fromkeys(again, ""), mx)
    assert all(shop.may(p, 9) for p in people)


def test_a_tenant_met_in_the_middle_of_a_migration_is_asked_by_one_and_freed(shop: Shop) -> None:
    people = [f"u{i}@tenant.example" for i in range(5)]
    mx = "t.mail.protection.outlook.com"
    shop.mail(0, {**dict.fromkeys(people, DENIED), "x@elsewhere.example": ""}, mx)
    assert not any(shop.may(p, 0.4) for p in people), (
        "nothing speaks for an address that was never delivered to"
    )
    for day in (1, 2):
        shop.mail(day, {"x@elsewhere.example": ""}, mx)
        assert not any(shop.may(p, day) for p in people)
    (asked,) = [p for p in people if shop.may(p, 3)]
    shop.mail(3, {asked: "", "x@elsewhere.example": ""}, mx)
    (incident,) = shop.rows("incidents")
    assert (incident["incident"], incident["refused"], incident["baseline_rate"]) == (
        "@tenant.example",
        5,
        None,
    )
    assert incident["recovered"] is True and all(shop.may(p, 4) for p in people)


def test_without_deliveries_nothing_is_said_of_strangers(shop: Shop) -> None:
    people = [f"u{i}@tenant.example" for i in range(5)]
    shop.mail(0, dict.fromkeys(people, DENIED), "t.mail.protection.outlook.com")
    assert not shop.rows("incidents")
    assert not any(shop.may(p, day) for p in people for day in (1, 2, 3))


def test_refusals_of_us_are_no_outage(shop: Shop) -> None:
    people = [f"u{i}@gmail.com" for i in range(60)]
    mx = "gmail-smtp-in.l.google.com"
    for day in range(3):
        shop.mail(day, dict.fromkeys(people, ""), mx)
    left = dict.fromkeys(people[:3], UNKNOWN)
    shop.mail(3, {**dict.fromkeys(people, BLOCKED), **left}, mx)
    assert not [row for row in shop.rows("incidents") if "incident" in row]


def test_a_tenant_that_is_gone_is_not_mailed_again(shop: Shop) -> None:
    people = [f"u{i}@tenant.example" for i in range(12)]
    mx = "t.mail.protection.outlook.com"
    shop.mail(0, dict.fromkeys(people, ""), mx)
    for day in (1, 3, 5):
        shop.mail(day, {p: DENIED for p in people if shop.may(p, day)}, mx)
    shop.mail(9, {"x@elsewhere.example": ""}, "mx.elsewhere.example")
    assert not any(shop.may(p, 10) for p in people)
    freed = shop.rows("release", "--incident", "@tenant.example", "--why", "moved", "--dry-run")
    assert len(freed) == 12 and not any(r["released"] for r in freed)
    shop.run("release", "--incident", "@tenant.example", "--why", "they are back")
    assert all(shop.may(p, 400) for p in people)


def test_a_tenant_that_nobody_asked_again_is_asked_once_more(shop: Shop) -> None:
    """A weekly letter: silence of a week proves nothing, a second refusal does."""
    people = [f"u{i}@tenant.example" for i in range(12)]
    mx = "t.mail.protection.outlook.com"
    shop.mail(0, dict.fromkeys(people, ""), mx)
    shop.mail(7, dict.fromkeys(people, DENIED), mx)
    shop.mail(14.1, {"x@elsewhere.example": ""}, "mx.elsewhere.example")
    assert all(shop.may(p, 14.2) for p in people)
    shop.mail(14.2, dict.fromkeys(people, DENIED), mx)
    assert not any(shop.may(p, 15.2) for p in people)
    asked = [sum(shop.may(p, day) for p in people) for day in range(16, 90)]
    assert asked[0] == 0 and asked == sorted(asked) and len(set(asked)) >= 3, "they take turns"
    first = next(p for day in range(16, 90) for p in people if shop.may(p, day))
    shop.mail(90, {first: ""}, mx)
    assert all(shop.may(p, 91) for p in people)


def test_release_by_time_receiver_and_cause(shop: Shop) -> None:
    shop.mail(
        0,
        {"a@gmail.com": UNKNOWN, "b@gmail.com": UNKNOWN, "c@small.example": DENIED},
        "gmail-smtp-in.l.google.com",
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


def test_releasing_an_incident_releases_nobody_who_was_suppressed_before_it(shop: Shop) -> None:
    people, mx = [f"u{i}@gmail.com" for i in range(60)], "gmail-smtp-in.l.google.com"
    shop.mail(0, dict.fromkeys(people, ""), mx)
    for day in (1, 2):
        shop.mail(day, {p: UNKNOWN if i < 3 else "" for i, p in enumerate(people)}, mx)
    left = [row["address"] for row in shop.rows("suppressions", "list")]
    assert left == people[:3]
    shop.mail(9, {p: UNKNOWN if i < 30 else "" for i, p in enumerate(people)}, mx)
    assert [row["incident"] for row in shop.rows("incidents")] == ["google"]
    released = shop.rows("release", "--incident", "google", "--why", "outage")
    assert sorted(row["address"] for row in released) == sorted(people[3:30])
    assert [row["address"] for row in shop.rows("suppressions", "list")] == left


def test_refusals_of_us_raise_an_alert_and_touch_nobody(shop: Shop) -> None:
    people = [f"u{i}@gmail.com" for i in range(20)]
    shop.mail(
        0, {p: BLOCKED if i < 9 else "" for i, p in enumerate(people)}, "gmail-smtp-in.l.google.com"
    )
    (alert,) = shop.rows("incidents")
    assert (alert["alert"], alert["receivers"], alert["refused"], alert["share"]) == (
        "auth-failure",
        ["google"],
        9,
        0.45,
    )
    assert (
        alert["since"] == "2026-03-01T08:00:00Z" and alert["do"] and "5.7.26" in alert["samples"][0]
    )
    assert all(shop.may(p, 1) for p in people)


def test_a_person_may_say_it_was_none(shop: Shop) -> None:
    people = [f"u{i}@tenant.example" for i in range(6)]
    shop.mail(0, dict.fromkeys(people, ""), "mx.tenant.example")
    shop.mail(1, dict.fromkeys(people, DENIED), "mx.tenant.example")
    (incident,) = shop.rows("incidents")
    opened = str(incident["opened"])
    ignore = ("incidents", "ignore", "@tenant.example", "--opened", opened, "--why", "it was none")
    told = shop.rows(*ignore, "--dry-run")
    assert told[0]["dry_run"] and shop.rows("incidents")
    shop.run(*ignore)
    assert not shop.rows("incidents")
    assert not any(shop.may(p, 3) for p in people)
    shop.mail(
        1.01, {"x@tenant.example": DENIED}, "mx.tenant.example"
    )  # what comes in later does not wake it
    assert not shop.rows("incidents")


def test_a_person_may_say_it_is_over(shop: Shop) -> None:
    people = [f"u{i}@tenant.example" for i in range(6)]
    shop.mail(0, dict.fromkeys(people, ""), "mx.tenant.example")
    for day in range(1, 6):  # all ask for four days, then some
        shop.mail(day, {p: DENIED for p in people if shop.may(p, day)}, "mx.tenant.example")
    assert not all(shop.may(p, 6) for p in people)
    (shown,) = shop.rows("incidents", "show", "@tenant.example")
    assert set(shown["addresses"]) == set(people) and "held" in shown["addresses"].values()
    assert "5.4.1" in shown["samples"][0] and not shown["rulings"]
    close = ("incidents", "close", "@tenant.example", "--why", "postmaster wrote", "--by", "jo")
    (tried,) = shop.rows(*close, "--dry-run")
    assert tried["changed"] and not all(shop.may(p, 6) for p in people)
    (done,) = shop.rows(*close)
    assert done["changed"] == tried["changed"] and all(c["to"] == "ok" for c in done["changed"])
    assert all(shop.may(p, 6) for p in people)
    (ruled,) = shop.rows("incidents", "show", "@tenant.example")
    assert ruled["recovered"] and (ruled["rulings"][0]["by"], ruled["rulings"][0]["why"]) == (
        "jo",
        "postmaster wrote",
    )
    shop.run("incidents", "close", "@tenant.example", code=2)
    shop.mail(
        6, dict.fromkeys(people, DENIED), "mx.tenant.example"
    )  # a refusal outside it counts as any other
    assert not any(shop.may(p, 7) for p in people)


def test_quiet_units_stay_quiet_and_a_burst_has_a_beginning_and_an_end() -> None:
    quiet = [Slot(s, 50, 0) for s in range(0, SLOTS_A_DAY * 30, 6)]
    assert detect(quiet, SLOTS_A_DAY * 30, GUARD) == []
    usual = [Slot(s, 50, int(s % 48 == 0)) for s in range(0, SLOTS_A_DAY * 30, 6)]
    assert detect(usual, SLOTS_A_DAY * 30, GUARD) == []
    start = SLOTS_A_DAY * 30
    burst = [
        *quiet,
        *(Slot(start + s, 20, 30) for s in range(6)),
        *(Slot(start + 6 + s, 50, 0) for s in range(5)),
    ]
    (span,) = detect(burst, SLOTS_A_DAY * 31, GUARD)
    assert (span.opened, span.closed, span.recovered, span.newly_refused) == (
        start,
        start + 6,
        True,
        180,
    )
    assert (span.mailed, burst[-1].delivered) == (350, 50)


def test_false_alarms_are_as_rare_as_the_policy_says() -> None:
    draw = random.Random(7)
    alarms = mails = 0
    for _ in range(200):
        slots = [
            Slot(s, 40, sum(draw.random() < 0.0025 for _ in range(40)))
            for s in range(0, SLOTS_A_DAY * 40, 24)
        ]
        mails += 41 * len(slots)
        alarms += len(detect(slots, SLOTS_A_DAY * 40, GUARD))
    assert mails > 1_900_000 and alarms == 0


def test_three_of_three_at_a_domain_are_enough_and_two_are_not() -> None:
    month = [Slot(day * SLOTS_A_DAY, 3, 0) for day in range(10)]
    assert detect([*month, Slot(1440, 0, 2)], 1440, GUARD) == []
    (span,) = detect([*month, Slot(1440, 0, 3)], 1440, GUARD)
    assert (span.opened, span.closed, span.newly_refused) == (1440, None, 3)


def test_what_returns_within_half_a_day_never_ended() -> None:
    slots = [Slot(s, 50, 0) for s in range(0, 1440, 6)]
    for begun in (1440, 1470):
        slots += [Slot(begun, 20, 30), *(Slot(begun + s, 50, 0) for s in range(1, 6))]
    (span,) = detect(slots, 1500, GUARD)
    assert (span.opened, span.closed, span.newly_refused) == (1440, 1471, 60)


def test_who_is_refused_again_does_not_open_it_anew() -> None:
    slots = [*(Slot(s, 50, 0) for s in range(0, 1440, 6)), Slot(1440, 20, 0, repeated=30)]
    assert detect(slots, 1500, GUARD) == []


def test_any_order_of_days_gives_the_same_incidents_and_states(tmp_path: Path) -> None:
    world = World(300, 25, 3)
    world.outages = {"gmail": (6, 9.0, 13.0, 0.9)}
    days = [tmp_path / f"{day}.log" for day in range(12)]
    for day, file in enumerate(days):
        world.night(day)
        file.write_text("".join(log_of(day, {p: world.answer(p, day) for p in world.people})))
    seen = []
    for number, order in enumerate((days, days[::-1], random.Random(2).sample(days, len(days)))):
        with open_store(tmp_path / f"{number}.sqlite", create=True) as ledger:
            for file in order:
                ingest(
                    (str(file),), Context(ledger, POLICY, default_classifier()), note=lambda _: None
                )
            seen.append((ledger.incidents.all(), dict(ledger.states())))
    assert seen[0] == seen[1] == seen[2]
    begun = datetime(2026, 1, 7, 8, 30, tzinfo=UTC), datetime(2026, 1, 7, 9, 30, tzinfo=UTC)
    assert any(i.destination == "google" and begun[0] <= i.opened <= begun[1] for i in seen[0][0])


def test_a_lapsed_domain_is_asked_by_one_for_all(shop: Shop) -> None:
    people = [f"u{i}@lapsed.example" for i in range(5)]
    gone = (
        "Host or domain name not found. Name service error for name=lapsed.example "
        "type=AAAA: Host not found"
    )
    shop.mail(0, dict.fromkeys(people, ""), "mx.lapsed.example")
    shop.mail(1, dict.fromkeys(people, gone), "none")
    assert not any(shop.may(p, 2) for p in people)
    asked = [p for p in people if shop.may(p, 5)]
    assert len(asked) == 1
    shop.mail(5, dict.fromkeys(asked, gone), "none")
    assert not any(shop.may(p, 7) for p in people)
    (asked,) = ([p for p in people if shop.may(p, 20)],)
    shop.mail(20, dict.fromkeys(asked, ""), "mx.lapsed.example")
    assert all(shop.may(p, 21) for p in people)
