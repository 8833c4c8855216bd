"""Alerts that wait to be delivered: at least once each, with an id that a second delivery repeats.

Reads: what ``watch`` found, and the targets in the configuration. Gives: a Message for each target,
kept in the ledger in the transaction that notes what was found; it is removed when the target has
taken it. What fails is tried again after each of WAITS, and then kept as a dead letter. No fault
contains a URL or a secret.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from bouncewise.config.outgoing import AlertTarget, AlertTopic
from bouncewise.errors import BouncewiseError, ConfigError, NotFoundError
from bouncewise.ledger import Store
from bouncewise.sender.watching import Change

WAITS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
"""How long is waited before each further try (Standard Webhooks, "Retry schedule"); three days and
some hours in all.
"""

KEPT = timedelta(days=7)
"""How long a message is tried that is only tried by ``watch``, as often as that runs."""

MAX_WAITING, MAX_DEAD = 1000, 100
"""Messages that wait, and dead letters; beyond them the oldest ones are dropped."""

_WAITING, _DEAD = "outbox", "outbox-dead"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One change, as ``watch --json`` writes it."""

    turn: str
    part: str
    id: str
    level: str
    words: str
    fix: str
    since: str | None
    details: dict[str, Any] = {}


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What one run found, for one target; ``at``: seconds since 1970; ``tries``: those that
    failed, the last with ``fault``; ``due``: when the next is, in seconds since 1970.
    """

    id: str
    target: str
    at: int
    changes: list[Found]
    tries: int = 0
    due: int = 0
    fault: str = ""


Send = Callable[[AlertTarget, Message, datetime], None]
"""Sends a message to its target. Raises BouncewiseError, OSError."""


class Counts(NamedTuple):
    """What is in the outbox of one target."""

    waiting: int
    dead: int
    fault: str


def queue(
    ledger: Store, changes: list[Change], targets: Iterable[AlertTarget], now: datetime
) -> None:
    """Let a message wait for each target that wants to know; in the transaction of the caller."""
    new: list[Message] = []
    for target in targets:
        wanted = [_found(c) for c in changes if not target.on or topic(c.problem.part) in target.on]
        if wanted:
            new.append(_message(target.name, wanted, now))
    if new:
        _keep(ledger, _WAITING, [*waiting(ledger), *new][-MAX_WAITING:])


def test_message(target: AlertTarget, now: datetime) -> Message:
    """A message that says that it is a test."""
    words = "a test: alerts of bouncewise arrive here"
    row = Found(
        turn="began", part="test", id="test", level="warning", words=words, fix="", since=_time(now)
    )
    return _message(target.name, [row], now)


def topic(part: str) -> AlertTopic | None:
    """What a change is about, by the first word of its part."""
    word = part.partition(" ")[0]
    return _TOPICS.get(word) or (AlertTopic(word) if word in list(AlertTopic) else None)


_TOPICS = {"new-source": AlertTopic.REPORTS}


def _message(target: str, changes: list[Found], now: datetime) -> Message:
    number = f"msg_{secrets.token_hex(16)}"
    return Message(id=number, target=target, at=int(now.timestamp()), changes=changes)


def _found(change: Change) -> Found:
    noted = change.problem
    return Found(
        turn=change.turn,
        part=noted.part,
        id=noted.id,
        level=noted.level,
        words=noted.words,
        fix=noted.fix,
        since=_time(datetime.fromtimestamp(noted.since, UTC)),
        details=noted.details,
    )


def _time(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"


def waiting(ledger: Store) -> list[Message]:
    """The messages that wait, the oldest first."""
    return _kept(ledger, _WAITING)


def dead(ledger: Store) -> list[Message]:
    """The messages that were given up, the oldest first."""
    return _kept(ledger, _DEAD)


def counts(ledger: Store) -> dict[str, Counts]:
    """What is in the outbox, by target."""
    left, given_up = waiting(ledger), dead(ledger)
    found: dict[str, Counts] = {}
    for name in sorted({message.target for message in (*left, *given_up)}):
        faults = [m.fault for m in (*given_up, *left) if m.target == name and m.fault]
        found[name] = Counts(
            sum(m.target == name for m in left),
            sum(m.target == name for m in given_up),
            faults[-1] if faults else "",
        )
    return found


def deliver(
    ledger: Store,
    targets: tuple[AlertTarget, ...],
    send: Send,
    now: datetime,
    *,
    is_patient: bool = False,
) -> list[str]:
    """Send what waits; a line for each target that fails, and each message that is given up. After
    the first fault of a target its other messages wait. *is_patient*: only what is due, with WAITS
    between the tries; else whatever waits, for KEPT.
    """
    by_name = {target.name: target for target in targets}
    failed: dict[str, str] = {}
    seconds = now.timestamp()
    held: set[str] = set()
    for message in waiting(ledger):
        target = by_name.get(message.target)
        if target is None:
            _remove(ledger, message.id)
            continue
        if message.target in failed or message.target in held:
            continue
        if is_patient and message.due > seconds:
            held.add(message.target)  # (its messages keep their order)
            continue
        try:
            send(target, message, now)
        except (BouncewiseError, OSError) as fault:
            words = (fault.strerror or "failed") if isinstance(fault, OSError) else str(fault)
            failed[message.target] = _failed(ledger, message, words, now, is_patient)
        else:
            _remove(ledger, message.id)
    return list(failed.values())


def _failed(ledger: Store, message: Message, fault: str, now: datetime, is_patient: bool) -> str:
    """Note that a try failed; a line about it."""
    tries = message.tries + 1
    seconds = int(now.timestamp())
    is_over = tries > len(WAITS) if is_patient else seconds - message.at > KEPT.total_seconds()
    wait = WAITS[min(tries, len(WAITS)) - 1]
    due = seconds + int(wait.total_seconds())
    later = msgspec.structs.replace(message, tries=tries, due=due, fault=fault)
    with ledger.change():
        others = [m for m in waiting(ledger) if m.id != message.id]
        if is_over:
            _keep(ledger, _WAITING, others)
            _keep(ledger, _DEAD, [*dead(ledger), later][-MAX_DEAD:])
        else:
            rows = [later if m.id == message.id else m for m in waiting(ledger)]
            _keep(ledger, _WAITING, rows)
    line = f"alert {message.target}: not delivered: {fault}"
    if is_over:
        return f"{line}; {message.id} is given up: `bouncewise alerts retry` sends it again"
    return f"{line}; it is tried again {f'in {wait}' if is_patient else 'at the next run'}"


def revive(ledger: Store, numbers: Iterable[str], now: datetime) -> list[Message]:
    """Let dead letters wait again: those with these ids, or all. Raises NotFoundError."""
    wanted = set(numbers)
    with ledger.change():
        found = [m for m in dead(ledger) if not wanted or m.id in wanted]
        if unknown := wanted - {m.id for m in found}:
            raise NotFoundError(f"{min(unknown)}: no such dead letter; `bouncewise alerts list`")
        again = [msgspec.structs.replace(m, at=int(now.timestamp()), tries=0, due=0) for m in found]
        _keep(ledger, _DEAD, [m for m in dead(ledger) if m not in found])
        _keep(ledger, _WAITING, [*waiting(ledger), *again][-MAX_WAITING:])
    return again


def _remove(ledger: Store, number: str) -> None:
    with ledger.change():
        _keep(ledger, _WAITING, [message for message in waiting(ledger) if message.id != number])


def _kept(ledger: Store, name: str) -> list[Message]:
    try:
        return msgspec.json.decode(ledger.remembered(name) or "[]", type=list[Message])
    except msgspec.ValidationError:  # written by another version
        return []


def _keep(ledger: Store, name: str, messages: list[Message]) -> None:
    ledger.remember(name, msgspec.json.encode(messages).decode())


def require_names(targets: tuple[AlertTarget, ...]) -> None:
    """Raise ConfigError where a target has no name, or the name of another one."""
    names = [target.name for target in targets]
    for name in names:
        if not name or names.count(name) > 1:
            raise ConfigError(f"[[alert]] {name or 'name'}: give each a name of its own")
