"""Domains that stand as dead: DNS confirms it on another day, nobody is mailed for that, and what
came back is asked by one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from bouncewise.classifier.classify import default_classifier
from bouncewise.ledger import Store, open_store
from bouncewise.model import Event, State
from bouncewise.net import dns
from bouncewise.operations import domains
from bouncewise.operations.check import check
from bouncewise.operations.context import Context
from bouncewise.operations.ingest import ingest
from bouncewise.operations.status import status
from bouncewise.operations.suppress import record, suppressions
from bouncewise.policy.decide import domain_state, in_force
from bouncewise.policy.load import load
from support.postfix import NO_DOMAIN, log_lines
from support.stores import Databases

POLICY = load()
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
NAMES = ("gmial.com", "gone.example", "back.example", "null.example", "silent.example")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Store]:
    log = tmp_path / "log"
    log.write_text(
        "".join(
            log_lines(NOW, f"jo{n}@{domain}", NO_DOMAIN.format(domain), queue=n)
            for n, domain in enumerate(NAMES)
        )
    )
    with open_store(tmp_path / "l.sqlite", create=True) as opened:
        ingest((str(log),), Context(opened, POLICY, default_classifier()), note=print)
        yield opened


def resolve(name: str, kind: str) -> list[str]:
    """The name servers of these tests."""
    if name == "null.example":
        return ["0 ."]
    if name == "silent.example":
        raise dns.UnansweredError("no answer within 3 seconds")
    if name == "back.example":
        return ["10 mx.back.example."]
    raise dns.NoSuchNameError(name)


def look(ledger: Store, days: float, *, trial: bool = False) -> dict[str, State]:
    at = NOW + timedelta(days=days)
    lookup = dns.one_by_one(resolve)
    rows = domains.verify(
        list(domains.dead_domains(ledger)), ledger, POLICY, lookup, at=at, dry_run=trial
    )
    return {row.domain: in_force(row.after, at + timedelta(minutes=1)).state for row in rows}


def may(ledger: Store, days: float, *names: str) -> list[bool]:
    at = NOW + timedelta(days=days)
    return [a.send for a in check(names, ledger, POLICY, at=at, past=False)]


def test_all_stand_as_dead(ledger: Store) -> None:
    assert {name for name, _ in domains.dead_domains(ledger)} == set(NAMES)
    assert {d.state for _, d in domains.dead_domains(ledger)} == {State.HELD}


def test_dns_confirms_on_another_day_and_frees_to_be_asked(ledger: Store) -> None:
    held, dead, free = State.HELD, State.SUPPRESSED, State.OK
    today = {
        "gone.example": held,
        "gmial.com": held,
        "back.example": free,
        "null.example": held,
        "silent.example": held,
    }
    assert look(ledger, 0.3, trial=True) == today
    assert all(d.until == NOW + timedelta(days=3) for _, d in domains.dead_domains(ledger)), (
        "a trial enters nothing"
    )
    assert look(ledger, 0.3) == today
    tomorrow = look(ledger, 1.3)
    assert [tomorrow[n] for n in ("gone.example", "null.example", "silent.example")] == [
        dead,
        dead,
        held,
    ]
    assert may(ledger, 2, "x@gone.example", "x@null.example") == [False, False]


def test_a_mail_server_in_dns_frees_a_domain_without_mail(ledger: Store) -> None:
    names = ("jo2@back.example", "other@back.example")
    assert may(ledger, 1, *names) == [False, False]
    assert look(ledger, 1)["back.example"] is State.OK
    assert may(ledger, 1.1, *names) == [True, True]


def test_one_asks_where_a_new_owner_may_have_the_domain(ledger: Store) -> None:
    late = POLICY.dead.domain_owner_days + 1
    for day in range(1, late):
        look(ledger, day)
    found = Event(at=NOW + timedelta(days=late), kind="routed", by="dns")
    record(("@gone.example",), found, ledger, POLICY)
    assert may(ledger, late + 0.1, "jo1@gone.example", "other@gone.example").count(True) == 1


def test_looked_up_daily_it_is_never_mailed_again(ledger: Store) -> None:
    for day in range(1, 400):
        look(ledger, day)
        assert may(ledger, day + 0.5, "x@gone.example") == [False], day
    assert sum(e.kind == "looked-up" for e in ledger.history("@gone.example")) < 40, (
        "what changes nothing is not kept"
    )


def test_the_verb_lists_them_and_points_out_slips(ledger: Store, databases: Databases) -> None:
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "bouncewise",
            "domains",
            "--json",
            "--db",
            databases.db(ledger.path),
        ],
        capture_output=True,
        check=True,
    )
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    assert [(row["domain"], row["meant"]) for row in rows if row["meant"]] == [
        ("gmial.com", "gmail.com")
    ]
    assert {tuple(row) for row in rows} == {("domain", "from", "to", "route", "mx", "meant")}


def test_every_verb_holds_a_domain_while_its_probe_is_awaited(ledger: Store) -> None:
    look(ledger, 1)
    (found,) = (d for name, d in domains.dead_domains(ledger) if name == "gone.example")
    assert found.until is not None
    after = found.until + timedelta(days=1)
    assert in_force(found, after).state is State.OK
    assert domain_state(found, POLICY, after).state is State.HELD
    (answer,) = check(("other@gone.example",), ledger, POLICY, at=after, past=False)
    assert answer.decision == domain_state(found, POLICY, after)
    held = dict(suppressions(ledger, POLICY, State.HELD, after, past=False))
    assert held["@gone.example"] == answer.decision
    rows = {row.cause: row.state for row, _ in status(ledger, POLICY, after).rows}
    assert rows["domain-unknown"] is State.HELD


def test_domains_as_of_an_earlier_time_count_the_evidence_up_to_then(ledger: Store) -> None:
    look(ledger, 1)
    earlier = dict(domains.dead_domains_as_of(ledger, POLICY, NOW + timedelta(hours=1)))
    assert set(earlier) == set(NAMES)
    assert {d.state for d in earlier.values()} == {State.HELD}
    assert not dict(domains.dead_domains_as_of(ledger, POLICY, NOW - timedelta(hours=1)))


OFF = (
    "postfix/smtp[7]: {queue}: to=<{to}>, relay=none, delay=1, dsn=4.4.1, status=deferred "
    "(connect to mx.off.example[192.0.2.7]:25: Connection refused)"
)
SENT = (
    "postfix/smtp[7]: {queue}: to=<{to}>, relay=mx.off.example[192.0.2.7]:25, delay=1, dsn=2.0.0, "
    "status=sent (250 2.0.0 Ok)"
)


def test_all_addresses_of_a_host_that_is_off_wait_for_one(tmp_path: Path) -> None:
    people = [f"p{n}@off.example" for n in range(8)]
    with open_store(tmp_path / "off.sqlite", create=True) as ledger:

        def mail(day: float, fates: dict[str, str]) -> None:
            file = tmp_path / f"{day}.log"
            at = NOW + timedelta(days=day)
            queues = (f"{day:05.1f}{n}".replace(".", "A") for n in count())
            said = (
                text.format(to=to, queue=q)
                for (to, text), q in zip(fates.items(), queues, strict=False)
            )
            lines = (f"{at.isoformat()} out {line}" for line in said)
            file.write_text("\n".join(lines) + "\n")
            ingest((str(file),), Context(ledger, POLICY, default_classifier()), note=print)

        mail(0, dict.fromkeys(people, SENT))
        mail(1, dict.fromkeys(people, OFF))
        assert all(may(ledger, 1.9, *people)), "one day is no reason"
        mail(2, dict.fromkeys(people, OFF))
        assert not any(may(ledger, 2.2, *people))
        (one,) = [p for p in people if may(ledger, 3.9, p) == [True]]
        mail(3.9, {one: OFF})
        assert not any(may(ledger, 4.2, *people))
        (one,) = [p for p in people if may(ledger, 8, p) == [True]]
        mail(8, {one: SENT})
        assert all(may(ledger, 8.1, *people))
