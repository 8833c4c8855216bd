"""What people, or machines in their place, do with a mail: opens, clicks, replies and other acts.

Activity files and events of ESPs report them.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from bouncewise.model.report import Source


class ActKind(StrEnum):
    """What was done. The names with ``-machine`` are those of acts that count as a machine's."""

    OPEN = "open"
    CLICK = "click"
    REPLY = "reply"
    OTHER = "other"
    """An order, a login, or another act outside the mail."""
    OPEN_MACHINE = "open-machine"
    CLICK_MACHINE = "click-machine"


PERSONS = (ActKind.OPEN, ActKind.CLICK, ActKind.REPLY, ActKind.OTHER)
"""The kinds that count as acts of a person."""


class Engagement(msgspec.Struct, frozen=True, kw_only=True):
    """One act. ``link`` and ``agent`` (of the browser) are used to recognise machines and are not
    kept; ``flagged``: the source calls it a machine's.
    """

    source: Source
    recipient: str
    at: datetime
    kind: ActKind
    link: str = ""
    agent: str = ""
    flagged: bool = False
