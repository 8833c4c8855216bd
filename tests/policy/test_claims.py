"""What claims and trusted reports do to one name, where own logs cover the time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bouncewise.model import Advice, Cause, Event, Kind, Proof, Scope, State, Trust
from bouncewise.policy.decide import CONFIRMED, REMOVED, decide, strictest
from bouncewise.policy.load import load
from bouncewise.policy.refusal_context import NoContext
from bouncewise.policy.trust import ClaimEffect, claim_effect

POLICY = load()
DAY0 = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Around(NoContext):
    """Claims have one effect; the resolver fails or not; who accepts mail passes it on or not."""

    def __init__(
        self,
        effect: ClaimEffect = ClaimEffect.HOLD,
        *,
        resolver: bool = False,
        passed_on: bool = False,
    ) -> None:
        self.effect, self.resolver, self.passed_on = effect, resolver, passed_on

    def claim_effect(self, event: Event) -> ClaimEffect:
        return self.effect

    def resolver_failed(self, event: Event) -> bool:
        return self.resolver

    def is_hand_over(self, delivery: Event) -> bool:
        return self.passed_on


def on(day: float) -> datetime:
    return DAY0 + timedelta(days=day)


def complaint(day: float, trust: Trust = Trust.CLAIMED, stream: str = "") -> Event:
    return Event(at=on(day), kind=Kind.COMPLAINT, trust=trust, stream=stream)


def dead(day: float, trust: Trust = Trust.CLAIMED) -> Event:
    return Event(
        at=on(day),
        kind=Kind.FAILED,
        cause=Cause.MAILBOX_UNKNOWN,
        advice=Advice.SUPPRESS_ADDRESS,
        trust=trust,
    )


def gone(day: float, trust: Trust = Trust.OWN) -> Event:
    return Event(
        at=on(day),
        kind=Kind.FAILED,
        cause=Cause.DOMAIN_UNKNOWN,
        advice=Advice.SUPPRESS_DOMAIN,
        trust=trust,
    )


def delivered(day: float) -> Event:
    return Event(at=on(day), kind=Kind.DELIVERED)


def state(
    *history: Event, day: float, around: NoContext | None = None, domain: bool = False
) -> State:
    found = decide(history, POLICY, context=around or Around(), whole_domain=domain)
    return strictest(found, on(day)).state


@pytest.mark.parametrize("claim", [complaint, dead])
def test_a_claim_without_effect_changes_nothing(claim) -> None:
    assert state(claim(0), day=0.1, around=Around(ClaimEffect.NONE)) is State.OK


@pytest.mark.parametrize("claim", [complaint, dead])
def test_a_claim_holds_for_a_day_and_not_again_within_the_month(claim) -> None:
    assert state(claim(0), day=0.9) is State.HELD
    assert state(claim(0), day=1.1) is State.OK
    assert state(claim(0), claim(5), day=5.1) is State.OK
    assert state(claim(0), claim(40), day=40.1) is State.HELD


@pytest.mark.parametrize("claim", [complaint, dead])
def test_claims_that_follow_three_separate_mails_suppress(claim) -> None:
    history = [event for day in (0, 10, 20) for event in (delivered(day), claim(day + 0.1))]
    assert state(*history, day=300) is State.SUPPRESSED
    assert state(*history[:4], day=300) is State.OK


def test_a_sign_of_life_resets_the_count_of_claims() -> None:
    alive = Event(at=on(15), kind=CONFIRMED)
    history = [event for day in (0, 10, 20) for event in (delivered(day), dead(day + 0.1))]
    assert state(*history[:4], alive, *history[4:], day=300) is State.OK


def test_a_claim_weakens_no_complaint_that_is_proven() -> None:
    assert state(complaint(0, Trust.OWN), complaint(1), day=300) is State.SUPPRESSED


def test_a_removal_by_an_operator_ends_a_complaint() -> None:
    removed = Event(at=on(2), kind=REMOVED)
    assert state(complaint(0, Trust.OWN), removed, day=3) is State.OK


def test_the_most_trusted_of_the_reports_of_one_failure_counts() -> None:
    assert state(dead(0), dead(0.01, Trust.OWN), day=300) is State.SUPPRESSED


@pytest.mark.parametrize("trust", [Trust.CLAIMED, Trust.MATCHED])
def test_mail_about_a_domain_does_not_concern_the_domain(trust: Trust) -> None:
    history = gone(0, trust), gone(3, trust)
    assert state(*history, day=3.1, domain=True) is State.OK
    assert state(gone(0), gone(3), day=3.1, domain=True) is not State.OK


def test_nobody_is_held_while_the_own_resolver_fails() -> None:
    assert state(gone(0), day=0.1, around=Around(resolver=True)) is State.OK


def test_a_hand_over_is_a_delivery_only_if_nothing_comes_back() -> None:
    passed_on = Around(passed_on=True)
    back = [delivered(0), dead(0.2, Trust.MATCHED), delivered(10), dead(10.2, Trust.MATCHED)]
    assert state(*back, day=300, around=passed_on) is State.SUPPRESSED
    silent = [dead(-20, Trust.OWN), delivered(0), delivered(9)]
    assert state(*silent, day=20, around=passed_on) is State.OK


@pytest.mark.parametrize(
    ("proof", "covered", "number", "effect"),
    [
        (Proof.UNSIGNED, False, 1, ClaimEffect.NONE),
        (Proof.IMPLAUSIBLE, False, 1, ClaimEffect.NONE),
        (Proof.NONE, False, 1, ClaimEffect.FULL),
        (Proof.NONE, True, 1, ClaimEffect.HOLD),
        (Proof.NONE, True, 10_000, ClaimEffect.NONE),
    ],
)
def test_the_effect_of_a_claim_follows_from_what_else_is_known(
    proof: Proof, covered: bool, number: int, effect: ClaimEffect
) -> None:
    event = Event(at=on(0), kind=Kind.FAILED, proof=proof)
    found = claim_effect(event, covered=covered, on_that_day=number, policy=POLICY.trust)
    assert found is effect


def test_a_complaint_about_a_stream_concerns_the_stream_if_it_is_named() -> None:
    own = {"trust": Trust.OWN}
    named, unnamed = (decide([complaint(0, stream=s, **own)], POLICY) for s in ("offers", ""))
    assert {d.scope for d in (*named, *unnamed)} <= {Scope.STREAM, Scope.MARKETING, Scope.ALL}
    assert unnamed[0].scope is not Scope.STREAM
