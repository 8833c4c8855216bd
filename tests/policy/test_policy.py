"""What follows from a history: each line of docs/policy.md as a story."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from bouncewise.classifier.classify import default_classifier
from bouncewise.cli import bouncewise
from bouncewise.errors import RuleError
from bouncewise.model import Advice, Cause, Event, Kind, Scope, State
from bouncewise.policy.decide import ADDED, REMOVED, decide, strictest
from bouncewise.policy.examples import outcome
from bouncewise.policy.load import Example, load

POLICY = load()
ADVICE = {cause: facts.advice for cause, facts in default_classifier().ruleset.causes.items()}
DAY0 = datetime(2026, 3, 2, 9, tzinfo=UTC)


def on(day: float) -> datetime:
    return DAY0 + timedelta(days=day)


def dead(day: float) -> Event:
    return Event(
        at=on(day),
        kind=Kind.FAILED,
        cause=Cause.MAILBOX_UNKNOWN,
        advice=Advice.SUPPRESS_ADDRESS,
        rule="r",
        words="no such user",
    )


def gone(day: float) -> Event:
    return Event(
        at=on(day),
        kind=Kind.FAILED,
        cause=Cause.DOMAIN_UNKNOWN,
        advice=Advice.SUPPRESS_DOMAIN,
        rule="d",
    )


def full(day: float, kind: Kind = Kind.FAILED) -> Event:
    return Event(
        at=on(day), kind=kind, cause=Cause.MAILBOX_FULL, advice=Advice.RETRY_LATER, rule="f"
    )


def blocked(day: float) -> Event:
    return Event(
        at=on(day), kind=Kind.FAILED, cause=Cause.BLOCKLISTED, advice=Advice.FIX_SENDER, rule="b"
    )


def delivered(day: float) -> Event:
    return Event(at=on(day), kind=Kind.DELIVERED)


def state(*history: Event, day: float = 0.5) -> State:
    return strictest(decide(history, POLICY), on(day)).state


STORIES = [
    ("nothing known", [], 0, State.OK),
    ("a dead address is suppressed at once, for good", [dead(0)], 4000, State.SUPPRESSED),
    ("delivered lately: held, not suppressed", [delivered(-3), dead(0)], 1, State.HELD),
    ("the hold ends", [delivered(-3), dead(0)], 8, State.OK),
    (
        "a second refusal on another day confirms",
        [delivered(-3), dead(0), dead(1)],
        2,
        State.SUPPRESSED,
    ),
    ("a second refusal the same day does not", [delivered(-3), dead(0), dead(0.3)], 2, State.HELD),
    ("a delivery releases the hold", [delivered(-3), dead(0), delivered(2)], 3, State.OK),
    (
        "after a delivery the next refusal is a first one",
        [delivered(-3), dead(0), delivered(2), dead(3)],
        4,
        State.HELD,
    ),
    (
        "a delivery long ago does not speak against it",
        [delivered(-60), dead(0)],
        1,
        State.SUPPRESSED,
    ),
    (
        "a first refusal is forgotten after its time",
        [delivered(-3), dead(0), delivered(10), delivered(100), dead(110)],
        111,
        State.HELD,
    ),
    (
        "a block of our IP costs nobody",
        [blocked(0), blocked(1), blocked(2), blocked(3)],
        4,
        State.OK,
    ),
    ("a full mailbox once", [full(0)], 1, State.OK),
    ("a mailbox full over three campaigns is held", [full(0), full(7), full(14)], 15, State.HELD),
    ("and asked again later", [full(0), full(7), full(14)], 60, State.OK),
    ("three failures of one day are one", [full(0), full(0.1), full(0.2)], 1, State.OK),
    ("one delay is the mail server's business", [full(0, Kind.DELAYED)], 1, State.OK),
    (
        "delays on as many days as mailings that fail are as bad",
        [full(0, Kind.DELAYED), full(7, Kind.DELAYED), full(14, Kind.DELAYED)],
        15,
        State.HELD,
    ),
    ("a delivery forgets the full days", [full(0), full(7), delivered(8), full(14)], 15, State.OK),
    ("a domain that is gone is held first", [gone(0)], 1, State.HELD),
    ("and suppressed when it stays gone", [gone(0), gone(4)], 5, State.SUPPRESSED),
    ("but not for ever", [gone(0), gone(4)], 400, State.OK),
    (
        "added by hand",
        [Event(at=on(0), kind=ADDED, by="jo", words="phone")],
        4000,
        State.SUPPRESSED,
    ),
    (
        "a delivery does not undo what a person did",
        [Event(at=on(0), kind=ADDED, by="jo"), delivered(1)],
        2,
        State.SUPPRESSED,
    ),
    (
        "removed by hand: earlier evidence counts no more",
        [dead(0), Event(at=on(1), kind=REMOVED, by="jo")],
        2,
        State.OK,
    ),
    (
        "and new evidence does",
        [dead(0), Event(at=on(1), kind=REMOVED, by="jo"), dead(2)],
        3,
        State.SUPPRESSED,
    ),
]


@pytest.mark.parametrize(
    ("story", "history", "day", "expected"), STORIES, ids=[s[0] for s in STORIES]
)
def test_story(story: str, history: list[Event], day: float, expected: State) -> None:
    assert state(*history, day=day) is expected


def test_a_complaint_reaches_marketing_only_and_outlives_deliveries() -> None:
    (decision,) = decide([Event(at=on(0), kind=Kind.COMPLAINT), delivered(1)], POLICY)
    assert (decision.state, decision.scope) == (State.SUPPRESSED, Scope.MARKETING)
    both = decide([Event(at=on(0), kind=Kind.COMPLAINT), dead(1)], POLICY)
    assert {decision.scope for decision in both} == {Scope.MARKETING, Scope.ALL}
    assert strictest(both, on(2)).scope is Scope.ALL
    after = decide([Event(at=on(0), kind=Kind.COMPLAINT), dead(1), delivered(2)], POLICY)
    assert [decision.scope for decision in after] == [Scope.MARKETING]


def test_a_whole_domain_with_recent_mail_is_not_held_for_one_lookup() -> None:
    assert not decide([delivered(-1), gone(0)], POLICY, whole_domain=True)


EVENTS = st.builds(
    lambda make, day: make(day),
    st.sampled_from([dead, gone, full, blocked, delivered]),
    st.integers(0, 60).map(lambda n: n / 3),
)


@given(st.lists(EVENTS, max_size=12))
def test_a_sender_fault_never_changes_a_decision(history: list[Event]) -> None:
    history.sort(key=lambda e: e.order)
    without = [e for e in history if e.cause is not Cause.BLOCKLISTED]
    assert decide(history, POLICY) == decide(without, POLICY)


@given(st.lists(EVENTS, max_size=12))
def test_whatever_happened_a_last_delivery_frees(history: list[Event]) -> None:
    assert not decide([*sorted(history, key=lambda e: e.order), delivered(100)], POLICY)


def test_a_site_policy_changes_single_values(tmp_path: Path) -> None:
    site = tmp_path / "policy.toml"
    site.write_text(
        '[dead]\nhold_days = 2\n[[window]]\ncause = "mailbox-full"\nfailures = 1\ndelays = 2\n'
        'within_days = 9\nshare = 0.5\nhalf_days = 5\nwhy = "x"\n'
        '[[recovery]]\ncause = "mailbox-moved"\nshare = 0.1\nhalf_days = 9\nwhy = "x"\n'
    )
    changed = load(site)
    assert (changed.dead.hold_days, changed.dead.alive_days) == (2, POLICY.dead.alive_days)
    assert [w.failures for w in changed.window if w.cause is Cause.MAILBOX_FULL] == [1]
    assert len(changed.window) == len(POLICY.window)
    assert len(changed.recovery) == len(POLICY.recovery) + 1
    site.write_text("[dead]\nhold_dayz = 2\n")
    with pytest.raises(RuleError, match="hold_dayz"):
        load(site)


@pytest.mark.parametrize("example", POLICY.example, ids=lambda e: e.story)
def test_examples_of_the_policy_come_true(example: Example) -> None:
    assert outcome(example, POLICY, ADVICE) == example.then


def test_every_number_of_the_policy_has_an_example() -> None:
    named = {name for example in POLICY.example for name in example.of}
    explained = invoke("policy", "explain", "--json").stdout.splitlines()
    assert {json.loads(line)["name"] for line in explained} == named
    assert all(json.loads(line)["why"] for line in explained)


def test_a_site_sees_what_its_policy_changes(tmp_path: Path) -> None:
    site = tmp_path / "policy.toml"
    own = (
        '[[example]]\nof = ["dead.hold_days"]\nstory = "ours"\nhistory = ["-1 delivered", '
        '"0 mailbox-unknown"]\nthen = ["{}"]\n'
    )
    site.write_text("[dead]\nhold_days = 3\n" + own.format("2 held"))
    assert invoke("policy", "check", str(site)).exit_code == 0
    assert "≠ shipped: delivered three weeks ago" in invoke("policy", "check", str(site)).stdout
    assert (
        "dead.hold_days = 3  (shipped: 7)"
        in invoke("policy", "explain", "dead.hold_days", "--policy", str(site)).stdout
    )
    site.write_text("[dead]\nhold_days = 3\n" + own.format("5 held"))
    wrong = invoke("policy", "check", str(site), "--json")
    rows = [json.loads(line) for line in wrong.stdout.splitlines()]
    assert wrong.exit_code == 1 and [r["got"] for r in rows if r["own"]] == [["5 ok"]]
    with pytest.raises(ValueError, match="write DAY WHAT"):
        outcome(msgspec.structs.replace(POLICY.example[0], history=("today full",)), POLICY, ADVICE)


def invoke(*args: str) -> Result:
    return CliRunner().invoke(bouncewise, args)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"history": ("0 mailbox-unknwon",)}, "mailbox-unknwon is no cause"),
        ({"history": ("soon delivered",)}, "write DAY WHAT"),
        ({"days": ("3 of 4",)}, "write \\[TIMES x \\]DELIVERED/REFUSED"),
    ],
)
def test_a_line_of_an_example_that_cannot_be_meant_is_named(
    part: dict[str, tuple[str, ...]], message: str
) -> None:
    given = next(e for e in POLICY.example if bool(e.days) == ("days" in part))
    example = msgspec.structs.replace(given, **part)
    with pytest.raises(ValueError, match=message):
        outcome(example, POLICY, ADVICE)
