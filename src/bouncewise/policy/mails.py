"""Which events of a name concern the same mail: a failure counts once, however many sources
report it, and takes back the acceptance of its mail.

Reads: a history in the order of time. Gives: the events that count. Pure and independent of the
order in which sources were read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta

from bouncewise.model import Cause, Channel, Event, Kind, Trust

SAME_DAY = timedelta(hours=23)
"""Failures of one cause whose mails cannot be compared are one failure within this time: a day,
less an hour by which a daily mailing may be early."""


def countable(
    history: Iterable[Event], return_days: int, takes_back: Callable[[Event], bool]
) -> list[Event]:
    """The events of *history* that count: of several reports of one failure the most trusted,
    without deliveries that a failure takes back.

    *return_days*: how long after its acceptance a mail may come back; *takes_back*: whether a
    report may take back a delivery.
    """
    events = [event for event in history if event.meant]
    failures = [event for event in events if event.kind == Kind.FAILED]
    if not failures:
        return events
    kept = set(map(id, _once(failures, timedelta(days=return_days))))
    events = [event for event in events if event.kind != Kind.FAILED or id(event) in kept]
    return _without_taken_back(events, timedelta(days=return_days), takes_back)


class _Failure:
    """A failure, by the most trusted of the reports about it."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self.sent = event.sent or event.at

    def add(self, event: Event) -> None:
        if event.trust.rank > self.event.trust.rank:
            self.event = event


def _once(failures: list[Event], return_time: timedelta) -> list[Event]:
    """One event for each mail that failed."""
    found: list[_Failure] = []
    by_message: dict[int, _Failure] = {}
    by_queue: dict[int, _Failure] = {}
    last: dict[Cause | None, dict[tuple[bool, bool], _Failure]] = {}
    for event in failures:
        known = bool(event.message), bool(event.queue)
        same = (
            _near(by_message.get(event.message), event, return_time)
            or _near(by_queue.get(event.queue), event, return_time)
            or _within_a_day(last.setdefault(event.cause, {}), event, known)
        )
        if same is None:
            same = _Failure(event)
            found.append(same)
        else:
            same.add(event)
        if event.message:
            by_message[event.message] = same
        if event.queue:
            by_queue[event.queue] = same
        last.setdefault(event.cause, {})[known] = same
    return [failure.event for failure in found]


def _near(failure: _Failure | None, event: Event, return_time: timedelta) -> _Failure | None:
    """*failure* where its mail was sent about then: some senders use a Message-ID again."""
    sent = event.sent or event.at
    return failure if failure and abs(sent - failure.sent) <= return_time else None


def _within_a_day(
    last: dict[tuple[bool, bool], _Failure], event: Event, known: tuple[bool, bool]
) -> _Failure | None:
    """The last failure of the same cause and day whose mail cannot be compared with that of
    *event*.
    """
    comparable = (
        failure
        for ids, failure in last.items()
        if not (ids[0] and known[0]) and not (ids[1] and known[1])
    )
    near = (f for f in comparable if event.at - f.event.at < SAME_DAY)
    return max(near, key=lambda failure: failure.event.at, default=None)


def _without_taken_back(
    events: list[Event], return_time: timedelta, takes_back: Callable[[Event], bool]
) -> list[Event]:
    """*events* without the deliveries of mails that came back later."""
    days: dict[date, list[Event]] = {}
    removed: set[int] = set()
    for event in events:
        if event.kind == Kind.DELIVERED:
            days.setdefault(event.at.date(), []).append(event)
        elif event.kind == Kind.FAILED and event.channel is not Channel.LOG and takes_back(event):
            day = _day_of_mail(event, days, event.at - return_time)
            removed.update(map(id, days.pop(day, ()) if day else ()))
    return [event for event in events if id(event) not in removed] if removed else events


def _day_of_mail(event: Event, days: dict[date, list[Event]], earliest: datetime) -> date | None:
    """The day on which the mail that *event* returns was accepted; None where that is not known."""
    if event.mailed is not None:
        return event.mailed.date()
    if event.channel is not Channel.MAIL:
        return None
    if event.sent is not None and event.sent.date() in days:
        return event.sent.date()
    return max((day for day in days if day >= earliest.date()), default=None)


def is_trusted(event: Event) -> bool:
    """Whether a report is more than a claim, and was read since provenance is recorded."""
    return event.trust.rank > Trust.INHERITED.rank
