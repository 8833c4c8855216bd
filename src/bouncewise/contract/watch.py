"""What ``watch`` writes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from bouncewise.contract.base import Record, about, time
from bouncewise.operations.outbox import Message


class WatchRow(Record, frozen=True, kw_only=True):
    """One object per change."""

    turn: Annotated[
        str, about("`began` `worse` `changed` `better` `ended`; with `--standing` always `stands`")
    ]
    part: Annotated[
        str,
        about(
            "what was looked at: `records DOMAIN`, `listing IP ZONE`, `new-source DOMAIN IP`, "
            "`incident RECEIVER` …"
        ),
    ]
    id: Annotated[str, about("the check")]
    level: Annotated[str, about("`error` `warning`")]
    words: Annotated[str, about("what was found")]
    fix: Annotated[str, about("what to do")]
    since: Annotated[str | None, about("when it was found first")]
    details: Annotated[
        dict[str, Any],
        about(
            "of an incident, refusals of you, or failures that are not understood: docs/alerts.md"
        ),
    ]


class MessageRow(Record, frozen=True, kw_only=True):
    """``alerts``: a message that waits for a target, or was given up."""

    id: Annotated[str, about("the `webhook-id` of every try")]
    target: Annotated[str, about("the name of the [[alert]]")]
    at: Annotated[str | None, about("when it was found")]
    words: Annotated[str, about("the first of its changes")]
    changes: Annotated[int, about("how many there are")]
    tries: Annotated[int, about("deliveries that failed")]
    fault: Annotated[str, about("why the last one failed")]
    dead: Annotated[bool, about("whether it was given up")]

    @classmethod
    def of(cls, message: Message, *, is_dead: bool) -> MessageRow:
        """The row of a Message."""
        return cls(
            id=message.id,
            target=message.target,
            at=time(datetime.fromtimestamp(message.at, UTC)),
            words=message.changes[0].words if message.changes else "",
            changes=len(message.changes),
            tries=message.tries,
            fault=message.fault,
            dead=is_dead,
        )
