"""Judging again: a trial changes nothing, what is applied is what the trial said, and what people
did stands.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard

from bouncewise.classifier.classify import Classifier, default_classifier
from bouncewise.cli.common import load_classifier
from bouncewise.errors import LedgerError
from bouncewise.ledger import Store, open_store
from bouncewise.model import Basis, Decisions, Event, State
from bouncewise.operations import ingest as ingesting
from bouncewise.operations.context import Context
from bouncewise.operations.replay import Change, Outcome, replayed
from bouncewise.operations.suppress import record
from bouncewise.policy.decide import ADDED
from bouncewise.policy.load import Policy, load
from support.postfix import UNKNOWN, log_lines
from support.sql import dump, rows
from support.stores import Databases

POLICY = load()
AT = datetime(2026, 3, 20, tzinfo=UTC)
FULL = "552 5.2.2 mailbox full"
NO_DOMAIN = "550 5.1.2 Domain does not exist"
SITE = """
title = "Our own"

[[rule]]
id      = "acme.{id}"
cause   = "{cause}"
advice  = "{advice}"
when    = {{ phrase = ["{phrase}"] }}
source  = "internal wiki"
why     = "our partner says so of the living"
example = ["550 {phrase}"]
"""


def log(path: Path, told: list[tuple[int, str, str]]) -> Path:
    lines = [
        log_lines(f"2026-03-{day:02}T09:00:{n % 60:02}+00:00", who, text, queue=n, host="mx.x")
        for n, (day, who, text) in enumerate(told)
    ]
    path.write_text("".join(lines))
    return path


def site(folder: Path, phrase: str, cause: str, advice: str = "review") -> Path:
    file = folder / f"site-{cause}.toml"
    file.write_text(SITE.format(id=cause, phrase=phrase, cause=cause, advice=advice))
    return file


def ingest(ledger: Store, *paths: Path, rules: Classifier | None = None) -> None:
    ingesting.ingest(
        tuple(map(str, paths)),
        Context(ledger, POLICY, rules or default_classifier()),
        note=lambda note: None,
    )


def again(
    ledger: Store, rules: Classifier, policy: Policy = POLICY, apply: bool = False, **more: Any
) -> tuple[list[Change], Outcome]:
    keep_by = "jo" if apply else None
    with replayed(Context(ledger, policy, rules), at=AT, apply_by=keep_by, **more) as outcome:
        return list(outcome.changes), outcome


def states(ledger: Store) -> dict[str, Decisions]:
    return dict(ledger.states())


@pytest.fixture
def ledger(tmp_path: Path):
    told = [
        (1, "jo@x.example", UNKNOWN),
        (2, "ann@y.example", "550 5.4.1 Recipient address rejected: Access denied"),
    ]
    told += [(day, "full@x.example", FULL) for day in (4, 12, 19)]
    with open_store(tmp_path / "ledger.sqlite", create=True) as opened:
        ingest(opened, log(tmp_path / "a.log", told))
        yield opened


def test_a_rule_of_ours_frees_the_address(ledger: Store, tmp_path: Path) -> None:
    ours = load_classifier((site(tmp_path, "user unknown", "mailbox-unknown"),))
    before = dump(ledger)
    (change,), outcome = again(ledger, ours)
    assert dump(ledger) == before
    assert (outcome.reports, outcome.reclassified) == (5, 1)
    assert (change.name, change.before.state, change.before.rule) == (
        "jo@x.example",
        State.SUPPRESSED,
        "recipient.unknown",
    )
    assert (change.after.state, change.after.rule) == (State.OK, "acme.mailbox-unknown")

    applied, _ = again(ledger, ours, apply=True)
    assert applied == [change]
    assert set(states(ledger)) == {"ann@y.example", "full@x.example"}
    (event,) = ledger.history("jo@x.example")
    assert (event.rule, event.advice) == ("acme.mailbox-unknown", "review")
    assert again(ledger, ours)[0] == []

    (back,), _ = again(ledger, default_classifier())
    assert (back.before.state, back.before.rule) == (State.OK, "acme.mailbox-unknown")
    assert (back.after.state, back.after.rule) == (State.SUPPRESSED, "recipient.unknown")


def test_the_log_says_who_and_from_which_rules_and_blocks_keep_their_verdict(
    ledger: Store, tmp_path: Path
) -> None:
    ours = load_classifier((site(tmp_path, "user unknown", "mailbox-unknown"),))
    blocks = rows(ledger, "SELECT * FROM block")
    again(ledger, ours, apply=True)
    old, new = default_classifier().ruleset.version, ours.ruleset.version
    sources = rows(ledger, "SELECT source, rules FROM batch ORDER BY id")
    assert sources[-1] == (f"replay by jo: rules {old} -> {new}", new)
    assert rows(ledger, "SELECT * FROM block") == blocks
    first = msgspec.msgpack.decode(zstandard.decompress(blocks[0][2]))
    assert first[0][2]["rule"] == "recipient.unknown"


def test_replayed_is_as_if_it_had_been_judged_so_from_the_first(
    ledger: Store, tmp_path: Path
) -> None:
    ours = load_classifier((site(tmp_path, "user unknown", "domain-unknown", "suppress-domain"),))
    more = log(
        tmp_path / "b.log", [(18, "lea@z.example", NO_DOMAIN), (19, "jo@x.example", UNKNOWN)]
    )
    ingest(ledger, more)
    with open_store(tmp_path / "fresh.sqlite", create=True) as fresh:
        ingest(fresh, tmp_path / "a.log", more, rules=ours)
        said = "SELECT address, at, digest, cause, advice, rule, words, receiver FROM event"
        said += " ORDER BY 1, 2, 3"
        assert "@x.example" in states(fresh)
        changes, _ = again(ledger, ours, apply=True)
        assert "@x.example" in {change.name for change in changes}
        assert states(ledger) == states(fresh)
        assert rows(ledger, said) == rows(fresh, said)
    again(ledger, default_classifier(), apply=True)
    with open_store(tmp_path / "other.sqlite", create=True) as other:
        ingest(other, tmp_path / "a.log", more)
        assert states(ledger) == states(other)
        assert rows(ledger, said) == rows(other, said)


def test_another_policy_alone(ledger: Store, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(
        '[[window]]\ncause = "mailbox-full"\nfailures = 4\ndelays = 4\nwithin_days = 30\n'
        'share = 0.5\nhalf_days = 9\nwhy = "patience"\n'
    )
    patient = load(tmp_path / "policy.toml")
    before = dump(ledger)
    (change,), outcome = again(ledger, default_classifier(), patient)
    assert (change.name, change.before.state, change.after.state) == (
        "full@x.example",
        State.HELD,
        State.OK,
    )
    assert outcome.reclassified == 0
    assert dump(ledger) == before
    again(ledger, default_classifier(), patient, apply=True)
    assert again(ledger, default_classifier(), patient)[0] == []
    assert "full@x.example" not in states(ledger)


def test_what_ran_out_long_ago_is_no_difference(ledger: Store, tmp_path: Path) -> None:
    ours = load_classifier((site(tmp_path, "mailbox full", "server-error", "retry-later"),))
    assert [c.name for c in again(ledger, ours)[0]] == ["full@x.example"]
    late = datetime(2036, 1, 1, tzinfo=UTC)
    with replayed(Context(ledger, POLICY, ours), at=late, apply_by=None) as outcome:
        assert list(outcome.changes) == []


def test_only_from_a_time_on(ledger: Store, tmp_path: Path) -> None:
    ours = load_classifier((site(tmp_path, "user unknown", "mailbox-unknown"),))
    later, _ = again(ledger, ours, since=datetime(2026, 3, 2, tzinfo=UTC), apply=True)
    assert later == []
    assert ledger.other_rules(ours.ruleset.version) == default_classifier().ruleset.version
    earlier, _ = again(ledger, ours, since=datetime(2026, 3, 1, tzinfo=UTC))
    assert [c.name for c in earlier] == ["jo@x.example"]


def test_what_people_did_stands(ledger: Store, tmp_path: Path) -> None:
    act = Event(at=datetime(2026, 3, 5, tzinfo=UTC), kind=ADDED, by="jo", words="phone")
    record(("jo@x.example",), act, ledger, POLICY)
    ours = load_classifier((site(tmp_path, "user unknown", "mailbox-unknown"),))
    (change,), _ = again(ledger, ours, apply=True)
    assert (change.before.rule, change.after.rule) == ("recipient.unknown", "manual")
    assert change.before.state is change.after.state is State.SUPPRESSED
    (decision,) = states(ledger)["jo@x.example"]
    assert (decision.basis, decision.by) == (Basis.ACT, "jo")


def test_an_incident_is_found_anew(tmp_path: Path) -> None:
    people = [f"u{i}@corp.example" for i in range(60)]
    odd = "550 5.7.0 the heron is asleep"
    told = [(day, who, "250 2.0.0 Ok") for day in (1, 2, 3) for who in people]
    told += [(4, who, odd if i < 25 else "250 2.0.0 Ok") for i, who in enumerate(people)]
    ours = load_classifier(
        (site(tmp_path, "the heron is asleep", "mailbox-unknown", "suppress-address"),)
    )
    with open_store(tmp_path / "l.sqlite", create=True) as ledger:
        ingest(ledger, log(tmp_path / "mail.log", told))
        assert ledger.incidents.all() == [] and states(ledger) == {}
        before = dump(ledger)
        with replayed(
            Context(ledger, POLICY, ours), at=datetime(2026, 3, 4, 12, tzinfo=UTC), apply_by=None
        ) as tried:
            assert {c.after.state for c in tried.changes} == {State.HELD}
        assert dump(ledger) == before
        again(ledger, ours, apply=True)
        assert [i.destination for i in ledger.incidents.all()] == ["@corp.example"]
        assert len(states(ledger)) == 25


def test_what_fails_in_the_middle_changes_nothing(ledger: Store, tmp_path: Path) -> None:
    ours = load_classifier((site(tmp_path, "user unknown", "mailbox-unknown"),))
    before = dump(ledger)

    def stop(_done: int, share: int) -> None:
        if share == 1000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        again(ledger, ours, apply=True, progress=stop)
    assert dump(ledger) == before
    assert len(again(ledger, ours)[0]) == 1


def test_a_trial_leaves_the_ledger_to_others(ledger: Store, tmp_path: Path) -> None:
    with (
        replayed(Context(ledger, POLICY, default_classifier()), at=AT, apply_by=None) as outcome,
        open_store(ledger.path, create=True) as other,
    ):
        ingest(other, log(tmp_path / "c.log", [(9, "new@x.example", UNKNOWN)]))
        assert list(outcome.changes) == []
    assert "new@x.example" in states(ledger)


def test_a_writer_that_never_ends_is_reported(
    ledger: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("sqlite_connection", "postgres"):
        monkeypatch.setattr(f"bouncewise.ledger.{module}.BUSY_SECONDS", 0.01)
    with open_store(ledger.path) as ledger, open_store(ledger.path) as other:
        with other.change(), pytest.raises(LedgerError, match="another bouncewise"):
            again(ledger, default_classifier(), apply=True)
        with (
            other.change(),
            pytest.raises(LedgerError, match="another bouncewise"),
            ledger.change(),
        ):
            pass


def test_a_replay_takes_no_longer_than_a_few_ingests(tmp_path: Path) -> None:
    told = [
        (1 + n % 28, f"u{n}@x{n % 50}.example", UNKNOWN if n % 2 else FULL) for n in range(20_000)
    ]
    ours = load_classifier((site(tmp_path, "user unknown", "mailbox-unknown"),))
    with open_store(tmp_path / "l.sqlite", create=True) as ledger:
        began = time.process_time()
        ingest(ledger, log(tmp_path / "mail.log", told))
        read = time.process_time()
        changes, outcome = again(ledger, ours)
        assert time.process_time() - read < 3 * (read - began)
        assert (len(changes), outcome.reports, outcome.reclassified) == (10_000, 20_000, 10_000)


# ── the command ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def run(tmp_path: Path, databases: Databases):
    def call(*args: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "BOUNCEWISE_DB": databases.db(tmp_path / "l.sqlite")}
        command = [sys.executable, "-m", "bouncewise", *map(str, args)]
        done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
        assert done.returncode == code, done.stderr
        return done

    return call


def test_the_verb(run, tmp_path: Path) -> None:
    run("ingest", log(tmp_path / "a.log", [(1, "jo@x.example", UNKNOWN)]))
    ours = ("--rules", site(tmp_path, "user unknown", "mailbox-unknown"))
    for wrong in ((), ("--dry-run", "--apply")):
        assert "either --dry-run" in run("replay", *wrong, code=2).stderr
    assert "--since soon" in run("replay", "--dry-run", "--since", "soon", code=2).stderr
    change, total = (
        json.loads(line) for line in run("replay", "--dry-run", "--json", *ours).stdout.splitlines()
    )
    assert change == {
        "address": "jo@x.example",
        "from": {
            "state": "suppressed",
            "cause": "mailbox-unknown",
            "rule": "recipient.unknown",
            "until": None,
        },
        "to": {"state": "ok", "cause": None, "rule": "acme.mailbox-unknown", "until": None},
    }
    kind = {
        "from_state": "suppressed",
        "to_state": "ok",
        "from_rule": "recipient.unknown",
        "to_rule": "acme.mailbox-unknown",
        "count": 1,
    }
    version = total.pop("rules")
    assert total == {
        "applied": False,
        "reports": 1,
        "reclassified": 1,
        "changed": 1,
        "released": 1,
        "suppressed": 0,
        "held": 0,
        "summary": [kind],
    }
    said = run("replay", "--apply", "--by", "ann", *ours).stdout.splitlines()
    assert (
        said[0]
        == "jo@x.example  suppressed mailbox-unknown recipient.unknown -> ok acme.mailbox-unknown"
    )
    assert said[-1] == "1 decisions changed: 1 released, 0 newly suppressed, 0 newly held"
    assert run("check", "jo@x.example").returncode == 0
    assert len(version) == 12


def test_an_upgrade_of_the_rules_says_where_to_look_until_it_is_applied(
    run, tmp_path: Path
) -> None:
    mail = log(tmp_path / "a.log", [(1, "jo@x.example", UNKNOWN)])
    ours = ("--rules", site(tmp_path, "user unknown", "mailbox-unknown"))
    assert run("ingest", mail).stderr == run("ingest", mail).stderr == ""
    old, new = default_classifier().ruleset.version, load_classifier((ours[1],)).ruleset.version
    note = (
        f"note: the rules have changed since the evidence was evaluated ({old} -> {new}); "
        f"`bouncewise replay --dry-run` shows which decisions would change\n"
    )
    assert run("ingest", mail, *ours).stderr == note
    run("replay", "--dry-run", *ours)
    assert run("ingest", mail, *ours).stderr == note
    run("replay", "--apply", *ours)
    assert run("ingest", mail, *ours).stderr == ""


def test_json_doc_names_every_key(run, tmp_path: Path) -> None:
    run("ingest", log(tmp_path / "a.log", [(1, "jo@x.example", UNKNOWN)]))
    told = run(
        "replay",
        "--dry-run",
        "--json",
        "--rules",
        site(tmp_path, "user unknown", "mailbox-unknown"),
    ).stdout
    change, total = (json.loads(line) for line in told.splitlines())
    text = (
        (Path(__file__).parents[2] / "docs" / "json.md")
        .read_text("utf-8")
        .partition("## replay")[2]
    )
    for key in {*change, *change["to"], *total, *total["summary"][0]}:
        assert f"`{key}`" in text, key
