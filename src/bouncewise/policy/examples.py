"""The examples of policy.toml, tried: each is a short history, or a destination's days, and what
must follow.

Reads: an Example and a Policy. Gives: what follows, in the example's own words. A line of a history
is ``DAY WHAT``: a cause (a final failure of it, with its usual advice, or with ``CAUSE: ADVICE``),
or ``CAUSE: delayed`` (the mail server keeps trying), ``delivered``, ``handed-over`` (accepted by a
smart host), ``complaint``, ``unsubscribe``, ``added``, ``removed``, ``released`` or ``confirmed``,
or ``looked-up: CAUSE`` for what DNS says of the domain (``looked-up``: an address record, but no
MX; ``routed``: an MX); behind it ``beside 25/4`` (so many others at the receiver/in the domain had
mail delivered about then) or ``in open incident``, ``in passed incident``, ``in final incident`` of
the receiver, or ``in open domain incident`` and so on; or how it is known: ``matched`` (a notice
that returns a mail of that day), ``claimed`` (a notice that proves nothing, in a time that own logs
cover), ``claimed among 60`` (one of so many claims of that day), ``claimed uncovered``; or ``via
25`` (delivered by a host that accepted mail for so many domains). Each line is about another mail.
What must follow: ``DAY STATE``, and the scope where it is not all. ``days`` of a destination are
``[TIMES x ]DELIVERED/REFUSED[/REPEATED]``, ``hours`` apart; what must follow is ``open``,
``passed`` or ``final`` for each incident. A ``domain`` with such days is one where nobody was ever
delivered to. Where ``sender`` is set, a receiver refuses the sender on these days; what must follow
is ``alert`` or ``quiet`` for each day. Where ``gate`` is ``mailing``, the days are parts of a
mailing, ``ACCEPTED/BOUNCED``, and what must follow is the advice after each; where it is ``list``,
they are ``ROWS/MAILED/BOUNCED``: rows of a list, and what so many mails to like addresses did in
each of ten weeks; what must follow is how each lies beside the rate of a review. A line of
``segment`` is an address, ``first DAYS, mails NUMBER[, act DAYS, since MAILS]`` (``uncovered``: of
a time without activity data; ``every DAYS``: mailed so often), and what must follow its segment; or
it is an act, ``open`` or ``click`` with ``SECONDS after``, ``NUMBER links``, ``plain`` or
``flagged``, and what must follow ``person`` or ``machine``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from bouncewise.model import ActKind, Advice, Cause, Channel, Event, Incident, Kind, Scope, Trust
from bouncewise.model.bearing import directory
from bouncewise.policy.decide import (
    ADDED,
    CONFIRMED,
    DNS_LOOKUP,
    DNS_ROUTE,
    RELEASED,
    REMOVED,
    decide,
    strictest,
)
from bouncewise.policy.detector import SlotCounts, Span, detect, detect_new_domain
from bouncewise.policy.gate import BounceTest, Group, Week, forecast
from bouncewise.policy.load import Example, Policy
from bouncewise.policy.segment import Known, Seen, SegmentPolicy, kinds, segment_of
from bouncewise.policy.trust import ClaimEffect, claim_effect
from bouncewise.times import SLOTS_AN_HOUR, Slot

_DAY0 = datetime(2026, 1, 1, 9, tzinfo=UTC)
_LINE = re.compile(
    r"(-?[\d.]+) ([a-z-]+)(?:: ([a-z-]+))?"
    r"(?: beside (\d+)/(\d+)| in ((?:open|passed|final)(?: domain)?) incident"
    r"| (matched|claimed(?: uncovered| among \d+)?)| via (\d+))?"
)
_DAY = re.compile(r"(?:(\d+) x )?(\d+)/(\d+)(?:/(\d+))?")
_NAMED = re.compile(r"(first|mails|act|since|every) (\d+)")
_NUMBERED = re.compile(r"(\d+(?:\.\d+)?) (?:s )?(after|links)")
_HANDED_OVER = "handed-over"
_SMART_HOST = -1
_KINDS = {str(k) for k in (Kind.DELIVERED, Kind.COMPLAINT, Kind.UNSUBSCRIBE)}
_ACTS = (ADDED, REMOVED, RELEASED, CONFIRMED)
_RECEIVER = "example"
_WEEKS = 10
_REFUSED = 9  # addresses of an incident that an example names: any number will do


def outcome(example: Example, policy: Policy, advice: Mapping[Cause, Advice]) -> tuple[str, ...]:
    """What follows under *policy*, to be compared with ``then``; *advice*: each cause's usual
    one.

    Raises ValueError where the example is not written as it must be.
    """
    if example.segment:
        return tuple(_segment(line, policy.segment) for line in example.segment)
    if example.gate:
        return tuple(_gate(example, policy))
    if example.sender:
        return tuple(
            "alert" if policy.alert.is_reached(s.new, s.delivered) else "quiet"
            for s in _slots(example)
        )
    if example.days:
        return tuple(_fate(span.closed, span.recovered) for span in _incidents(example, policy))
    history = [_history_line(n, line, advice) for n, line in enumerate(example.history, 1)]
    return tuple(
        _state(line.partition(" ")[0], history, example.domain, policy) for line in example.then
    )


def _gate(example: Example, policy: Policy) -> Iterator[str]:
    numbers, test = policy.gate, BounceTest(policy.gate)
    for s in _slots(example):
        if example.gate == "mailing":
            test.add(s.delivered, s.new)
            yield test.advice
        else:
            weeks = [Week(s.new // _WEEKS, s.repeated // _WEEKS)] * _WEEKS
            found = forecast([Group(s.delivered, weeks)], numbers)
            yield found.level(numbers.bounce_review)


def _segment(line: str, numbers: SegmentPolicy) -> str:
    words = {word: number for number, word in _NUMBERED.findall(line)}
    words |= dict(_NAMED.findall(line))
    if line.startswith(("open", "click")):
        links = int(words.get("links", 1))
        agent, flagged = "Mozilla/5.0" if "plain" in line else "", "flagged" in line
        mailed = -float(words["after"]) if "after" in words else None
        kind = ActKind(line.partition(",")[0])
        acts = [Seen(kind, 0, f"/{n}", agent, flagged, mailed) for n in range(links)]
        is_machine = set(kinds(acts, numbers)) <= {ActKind.OPEN_MACHINE, ActKind.CLICK_MACHINE}
        return "machine" if is_machine else "person"
    values = {word: int(number) for word, number in words.items() if number.isdecimal()}
    first, mails = values.get("first", 0), values.get("mails", 0)
    covered = (0, 0) if "uncovered" in line else (mails, first)
    known = Known(first, mails, *covered, values.get("act"), values.get("since", 0))
    factor = numbers.factor(values["every"]) if "every" in values else 1.0
    return segment_of(known, numbers, factor)


def _incidents(example: Example, policy: Policy) -> list[Span]:
    slots = list(_slots(example))
    if not example.domain:
        return detect(slots, slots[-1].slot, policy.incident)
    refused = {s.slot: s.new for s in slots if s.new or s.repeated}
    delivered = next((s.slot for s in slots if s.delivered), None)
    return detect_new_domain(refused, delivered, slots[-1].slot, policy.incident)


def _state(day: str, history: list[_HistoryLine], domain: bool, policy: Policy) -> str:
    at = _DAY0 + timedelta(days=float(day))
    known = [line for line in history if line.event.at <= at]
    events = (line.event for line in known)
    context = _Context(known, policy)
    decision = strictest(decide(events, policy, whole_domain=domain, context=context), at)
    scope = "" if decision.scope is Scope.ALL else f" {decision.scope}"
    return f"{day} {decision.state}{scope}"


class _HistoryLine(NamedTuple):
    """A line of a history."""

    event: Event
    neighbours: tuple[int, int]
    incident: str | None
    known_by: str


class _Context(NamedTuple):
    """What the lines say happened around an event."""

    history: list[_HistoryLine]
    policy: Policy

    def _line(self, event: Event) -> _HistoryLine:
        return next(line for line in self.history if line.event is event)

    def claim_effect(self, event: Event) -> ClaimEffect:
        known_by = self._line(event).known_by
        number = int(known_by.rpartition(" ")[2]) if known_by[-1:].isdigit() else 1
        covered = not known_by.endswith("uncovered")
        return claim_effect(event, covered=covered, on_that_day=number, policy=self.policy.trust)

    def is_hand_over(self, delivery: Event) -> bool:
        relay = delivery.relay  # or the number of domains that its host accepted mail for
        return relay == _SMART_HOST or relay >= self.policy.trust.relay_domains

    def resolver_failed(self, event: Event) -> bool:
        return False

    def incident(self, event: Event) -> tuple[Incident | None, bool]:
        fate = self._line(event).incident
        if fate is None:
            return None, False
        opened = min(line.event.at for line in self.history if line.incident) - timedelta(hours=1)
        fate, _, domain = fate.partition(" ")
        closed = None if fate == "open" else event.at + timedelta(hours=2)
        found = Incident(
            destination=f"@{domain}" if domain else _RECEIVER,
            opened=opened,
            closed=closed,
            recovered=fate == "passed",
            newly_refused=_REFUSED,
            mailed=_REFUSED,
            baseline_rate=0.001,
        )
        return found, False

    def neighbours(self, event: Event) -> tuple[int, int]:
        at_receiver, in_domain = self._line(event).neighbours
        return (at_receiver if directory(event.cause, _RECEIVER) else 0), in_domain


def _history_line(number: int, line: str, advice: Mapping[Cause, Advice]) -> _HistoryLine:
    found = _LINE.fullmatch(line)
    if not found:
        raise ValueError(
            f"{line!r}: write DAY WHAT, e.g. '3 mailbox-full' or '0 mailbox-unknown beside 25/0'"
        )
    day, what, detail, receiver, domain, incident, known_by, via = found.groups()
    event = _event(_DAY0 + timedelta(days=float(day)), what, detail, advice)
    if event is None:
        kinds = ", ".join(sorted({*_KINDS, *_ACTS, _HANDED_OVER, DNS_LOOKUP, DNS_ROUTE}))
        raise ValueError(f"{line!r}: {what} is no cause, and none of {kinds}")
    event = msgspec.structs.replace(event, message=number, **_origin(event, known_by))
    if via:
        event = msgspec.structs.replace(event, relay=int(via))
    return _HistoryLine(event, (int(receiver or 0), int(domain or 0)), incident, known_by or "")


def _origin(event: Event, known_by: str | None) -> dict[str, Any]:
    if not known_by:
        return {}
    if known_by == "matched":
        return {"channel": Channel.MAIL, "trust": Trust.MATCHED, "mailed": event.at}
    return {"channel": Channel.MAIL, "trust": Trust.CLAIMED}


def _event(
    at: datetime, what: str, detail: str | None, advice: Mapping[Cause, Advice]
) -> Event | None:
    if what in _KINDS:
        return Event(at=at, kind=what)
    if what == _HANDED_OVER:
        return Event(at=at, kind=Kind.DELIVERED, relay=_SMART_HOST)
    if what in _ACTS:
        return Event(at=at, kind=what, by="somebody")
    if what in (DNS_LOOKUP, DNS_ROUTE):
        return Event(at=at, kind=what, cause=Cause(detail) if detail else None, by="dns")
    if what not in set(Cause):
        return None
    delayed = detail == Kind.DELAYED
    advised = Advice.RETRY_LATER if delayed else Advice(detail or advice[Cause(what)])
    return Event(
        at=at,
        kind=Kind.DELAYED if delayed else Kind.FAILED,
        cause=Cause(what),
        advice=advised,
        rule="example",
        receiver=_RECEIVER,
    )


def _slots(example: Example) -> Iterator[SlotCounts]:
    at = 0
    for part in example.days:
        found = _DAY.fullmatch(part)
        if not found:
            raise ValueError(
                f"{part!r}: write [TIMES x ]DELIVERED/REFUSED, e.g. '10 x 3/0' or '0/3'"
            )
        times, *counts = (int(number or 0) for number in found.groups())
        for _ in range(times or 1):
            yield SlotCounts(Slot(at), *counts)
            at += max(1, int(example.hours * SLOTS_AN_HOUR))


def _fate(closed: int | None, recovered: bool) -> str:
    return "open" if closed is None else "passed" if recovered else "final"
