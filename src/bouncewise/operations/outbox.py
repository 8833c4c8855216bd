"""Alerts that wait to be delivered: at least once each, with an id that a second delivery repeats.

Reads: what ``watch`` found, and the targets in the configuration. Gives: a Message for each target,
kept in the ledger in the transaction that notes what was found; it is removed when the target has
taken it. What fails is tried again at the next run, for KEPT. No fault contains a URL or a secret.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from bouncewise.config.outgoing import AlertTarget
from bouncewise.errors import BouncewiseError, ConfigError
from bouncewise.ledger import Store
from bouncewise.sender.watching import Change

KEPT = timedelta(days=7)
"""How long a message is tried."""

MAX_WAITING = 1000
"""Messages that wait; beyond them the oldest ones are dropped."""

_NAME = "outbox"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One change, as ``watch --json`` writes it."""

    turn: str
    part: str
    id: str
    level: str
    words: str
    fix: str
    since: str | None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What one run found, for one target; ``at``: seconds since 1970."""

    id: str
    target: str
    at: int
    changes: list[Found]


def queue(ledger: Store, changes: list[Change], targets: Iterable[str], now: datetime) -> None:
    """Let a message wait for each target; in the transaction of the caller."""
    if not changes:
        return
    found = [_found(change) for change in changes]
    new = [
        Message(
            id=f"msg_{secrets.token_hex(16)}",
            target=target,
            at=int(now.timestamp()),
            changes=found,
        )
        for target in targets
    ]
    _keep(ledger, [*waiting(ledger), *new][-MAX_WAITING:])


def _found(change: Change) -> Found:
    noted = change.problem
    return Found(
        turn=change.turn,
        part=noted.part,
        id=noted.id,
        level=noted.level,
        words=noted.words,
        fix=noted.fix,
        since=f"{datetime.fromtimestamp(noted.since, UTC):%Y-%m-%dT%H:%M:%SZ}",
    )


def waiting(ledger: Store) -> list[Message]:
    """The messages that wait, the oldest first."""
    try:
        return msgspec.json.decode(ledger.remembered(_NAME) or "[]", type=list[Message])
    except msgspec.ValidationError:  # written by another version
        return []


def deliver(
    ledger: Store,
    targets: tuple[AlertTarget, ...],
    send: Callable[[AlertTarget, Message, datetime], None],
    now: datetime,
) -> list[str]:
    """Send what waits; a line for each target that fails, and each message that is given up. After
    the first fault of a target its other messages wait for the next run.
    """
    by_name = {target.name: target for target in targets}
    failed: dict[str, str] = {}
    for message in waiting(ledger):
        target = by_name.get(message.target)
        if target is not None and message.target not in failed:
            try:
                send(target, message, now)
            except (BouncewiseError, OSError) as fault:
                words = fault.strerror if isinstance(fault, OSError) else str(fault)
                failed[message.target] = f"alert {target.name}: not delivered: {words}"
        is_old = now.timestamp() - message.at > KEPT.total_seconds()
        if target is None or message.target not in failed or is_old:
            _remove(ledger, message.id)
        if is_old and message.target in failed:
            failed[message.target] += f"; {message.id} is given up after {KEPT.days} days"
    return [f"{words}; it is tried again at the next run" for words in failed.values()]


def _remove(ledger: Store, number: str) -> None:
    with ledger.change():
        _keep(ledger, [message for message in waiting(ledger) if message.id != number])


def _keep(ledger: Store, messages: list[Message]) -> None:
    ledger.remember(_NAME, msgspec.json.encode(messages).decode())


def require_names(targets: tuple[AlertTarget, ...]) -> None:
    """Raise ConfigError where a target has no name, or the name of another one."""
    names = [target.name for target in targets]
    for name in names:
        if not name or names.count(name) > 1:
            raise ConfigError(f"[[alert]] {name or 'name'}: give each a name of its own")
