"""Alerts about what the ledger holds: the life of an incident, refusals of us, and failures that
are not understood.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bouncewise.config.outgoing import AlertTarget, AlertTopic
from bouncewise.operations import outbox
from bouncewise.operations.context import Context
from bouncewise.operations.ingest import ingest
from bouncewise.operations.rulings import Author, apply_ruling, ignore_incident
from bouncewise.operations.watch import watch
from bouncewise.operations.watch_ledger import LedgerLooks
from bouncewise.sender.checks import Level
from bouncewise.sender.watching import Change, Noted
from support.postfix import ACCEPTED, log_lines

NOW = datetime.now(UTC).replace(minute=5, second=0, microsecond=0)
GOOGLE = "gmail-smtp-in.l.google.com"
UNKNOWN = "550-5.1.1 The email account that you tried to reach does not exist. - gsmtp"
BLOCKED = "550 5.7.1 Client host [192.0.2.9] blocked using zen.spamhaus.org"
PEOPLE = [f"u{number}@gmail.com" for number in range(60)]


class Sender:
    """A ledger that reads what is mailed, and is watched."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        self.context = Context.open(folder / "ledger", create=True)
        self.target = AlertTarget(name="ops")

    def mail(self, hours: float, replies: dict[str, str], host: str = GOOGLE) -> None:
        lines = []
        for name, reply in replies.items():
            self.count += 1
            at = NOW + timedelta(hours=hours, seconds=len(lines))
            message = f"m{self.count}@s.example"
            lines.append(
                log_lines(at, name, reply, queue=self.count, host=host, message_id=message)
            )
        file = self.folder / f"{self.count}.log"
        file.write_text("".join(lines))
        ingest((str(file),), self.context, note=print)

    def look(self, hours: float = 0) -> list[Change]:
        looks = LedgerLooks(self.context)
        return watch(
            self.context.ledger,
            None,
            NOW + timedelta(hours=hours),
            targets=(self.target,),
            more=(looks.refusals, looks.unclassified, looks.incidents),
        ).changes

    def one(self, hours: float = 0) -> tuple[str, Noted]:
        (change,) = self.look(hours)
        return change.turn.value, change.problem


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Sender]:
    made = Sender(tmp_path)
    with made.context:
        for day in (4, 3, 2):
            made.mail(-24 * day, dict.fromkeys(PEOPLE, ACCEPTED))
        yield made


def test_an_incident_is_told_when_it_opens_grows_and_closes(shop: Sender) -> None:
    assert shop.look() == []
    shop.mail(-5, dict.fromkeys(PEOPLE[:20], UNKNOWN))
    turn, problem = shop.one()
    assert (turn, problem.part, problem.level) == ("began", "incident google", Level.ERROR)
    assert "20 of" in problem.words and "incidents show google" in problem.fix
    assert problem.details["refused"] == 20
    assert shop.look() == []
    shop.mail(-4.5, dict.fromkeys(PEOPLE[20:22], UNKNOWN))
    assert shop.look() == []  # it has not doubled
    shop.mail(-4, dict.fromkeys(PEOPLE[22:45], UNKNOWN))
    turn, problem = shop.one()
    assert turn == "changed"
    assert problem.details["refused_since_last_alert"] == problem.details["refused"] - 20 > 20
    shop.mail(-2, dict.fromkeys(PEOPLE, ACCEPTED))
    shop.mail(-1, dict.fromkeys(PEOPLE, ACCEPTED))
    turn, problem = shop.one()
    assert turn == "ended"
    assert "mail is delivered again" in problem.words
    assert problem.details["closed"]
    # (what was mailed later is another message: 45 are missing)
    assert problem.details["missed"]["messages"] == problem.details["missed"]["addresses"] == 45
    assert "missed --incident google" in problem.fix
    assert shop.look() == []
    waiting = outbox.waiting(shop.context.ledger)
    assert [m.changes[0].turn for m in waiting] == ["began", "changed", "ended"]
    assert len({m.id for m in waiting}) == 3
    assert not any(name in str(waiting) for name in PEOPLE)


def test_a_false_alarm_ends_by_a_decision(shop: Sender) -> None:
    shop.mail(-5, dict.fromkeys(PEOPLE[:20], UNKNOWN))
    assert shop.one()[0] == "began"
    ledger, policy, *_ = shop.context
    (incident,) = ledger.incidents.all()
    ruling = ignore_incident(ledger, "google", incident.opened, Author("jo", "a test", NOW))
    apply_ruling(ruling, ledger, policy, dry_run=False)
    turn, problem = shop.one()
    assert turn == "ended" and problem.words.startswith("no incident at google")


def test_a_finding_explains_an_incident_and_is_told(shop: Sender) -> None:
    shop.mail(-5, dict.fromkeys(PEOPLE[:20], UNKNOWN))
    assert shop.one()[0] == "began"
    note(shop, "listing 192.0.2.9 zen.spamhaus.org", "listed")
    assert shop.look() == []  # no refusal names the list
    shop.mail(-4.9, dict.fromkeys(PEOPLE[20:28], UNKNOWN) | dict.fromkeys(PEOPLE[57:], BLOCKED))
    changes = {change.problem.part: change for change in shop.look()}
    incident = changes["incident google"]
    assert incident.turn == "changed"
    parts = [row["part"] for row in incident.problem.details["explained_by"]]
    assert "listing 192.0.2.9 zen.spamhaus.org" in parts
    assert "which refusals name" in incident.problem.words
    note(shop, "records s.example", "dmarc-broken")
    (change,) = shop.look()
    assert "records s.example dmarc-broken" in str(change.problem.details["explained_by"])


def note(shop: Sender, part: str, name: str) -> None:
    """Something that ``watch`` found before."""
    ledger = shop.context.ledger
    memory: dict[str, Any] = msgspec.json.decode(ledger.remembered("watch"))
    row = Noted(part, name, Level.ERROR, "words", "", int(NOW.timestamp()), is_told=True)
    memory["problems"].append(msgspec.to_builtins(row))
    with ledger.change():
        ledger.remember("watch", msgspec.json.encode(memory).decode())


def test_refusals_of_us_are_told_and_end(shop: Sender) -> None:
    shop.mail(-3, dict.fromkeys(PEOPLE[:30], BLOCKED))
    turn, problem = shop.one()
    assert (turn, problem.part) == ("began", "refusals blocklisted")
    assert "google refused mail of yours for 30 addresses" in problem.words and problem.fix
    assert shop.look(30)[0].turn == "ended"


def test_failures_that_are_not_understood_are_told_without_addresses(shop: Sender) -> None:
    replies = {name: f"550 Zorglub {name} florp" for name in PEOPLE[:30]}
    shop.mail(-3, replies, "mx.gmail.com.example")
    found = [c.problem for c in shop.look() if c.problem.part == "unclassified"]
    assert found and "30 of 30 failures" in found[0].words
    assert found[0].details["samples"] and "@gmail.com" not in str(found[0].details)


def test_a_target_gets_what_it_wants_to_know(shop: Sender) -> None:
    shop.target = AlertTarget(name="ops", on=(AlertTopic.REFUSALS,))
    shop.mail(-5, dict.fromkeys(PEOPLE[:20], UNKNOWN))
    assert shop.one()[0] == "began"
    assert outbox.waiting(shop.context.ledger) == []
    shop.mail(-3, dict.fromkeys(PEOPLE[20:], BLOCKED))
    shop.look()
    (message,) = outbox.waiting(shop.context.ledger)
    assert {row.part for row in message.changes} == {"refusals blocklisted"}
