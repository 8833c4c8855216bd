"""An alert in words, for people: a line for each change, and one for what to do.

Reads: a message. Gives: text without characters that act, or hide.
"""

from __future__ import annotations

from bouncewise.encode import for_terminal
from bouncewise.operations.outbox import Message

MAX_TEXT = 3000
"""Characters of a message in a chat."""

_MAX_SUBJECT = 150


def lines(message: Message) -> list[str]:
    """A line for each change, and one for what to do."""
    found: list[str] = []
    for change in message.changes:
        found.append(for_terminal(f"{change.turn}: {change.level}: {change.words}"))
        if change.fix:
            found.append(for_terminal(f"  {change.fix}"))
    return found


def subject(message: Message) -> str:
    """One line for all of it."""
    first = message.changes[0]
    more = f" and {len(message.changes) - 1} more" if len(message.changes) > 1 else ""
    return for_terminal(f"bouncewise: {first.turn}: {first.words}")[:_MAX_SUBJECT] + more
