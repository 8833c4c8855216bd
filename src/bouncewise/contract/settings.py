"""What ``config``, ``verp`` and ``help`` write."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from bouncewise.contract.base import Record, about
from bouncewise.verp import VerpCheck


class SettingRow(Record, frozen=True, kw_only=True):
    """``config show``: one object per setting."""

    name: Annotated[str, about("table and key")]
    value: Annotated[Any, about("its value; null: none")]
    origin: Annotated[
        str, about("where it comes from: `option` `environment` `file` `default`, in this order")
    ]


class ConfigPlaceRow(Record, frozen=True, kw_only=True):
    """``config path``: one object per place, in the order of the search."""

    path: Annotated[str, about("where the file is looked for")]
    exists: Annotated[bool, about("whether something is there")]
    is_read: Annotated[bool, about("whether this file is read")]


class ConfigCheckRecord(Record, frozen=True, kw_only=True):
    """``config check``: one object; a file that is not well formed is an error instead."""

    path: Annotated[str | None, about("the file; null: there is none")]
    keys: Annotated[tuple[str, ...], about("ids of the keys of return addresses, the newest last")]
    advice: Annotated[tuple[str, ...], about("what is not set and makes other settings useless")]


class ReturnAddressRow(Record, frozen=True, kw_only=True):
    """``verp address``: one object per recipient."""

    recipient: Annotated[str, about("as given")]
    address: Annotated[str, about("the envelope sender for mail to the recipient")]


class VerpCheckRow(Record, frozen=True, kw_only=True):
    """``verp check``: one object per address."""

    address: Annotated[str, about("as given")]
    outcome: Annotated[str, about("`valid` `expired` `forged` `unknown_key` `not_verp`")]
    recipient: Annotated[
        str | None, about("the recipient that we mailed, normalised, if the address names it")
    ]
    recipient_id: Annotated[
        str | None, about("what stands for a recipient that does not fit into an address")
    ]
    issued: Annotated[str | None, about("the day of issue")]
    key_id: Annotated[str | None, about("the id of its key")]

    @classmethod
    def of(cls, address: str, found: VerpCheck) -> VerpCheckRow:
        """The row of a checked address."""
        return cls(
            address=address,
            outcome=found.outcome,
            recipient=found.recipient,
            recipient_id=found.recipient_id,
            issued=_day(found.issued),
            key_id=found.key_id,
        )


class VerpKeyRecord(Record, frozen=True, kw_only=True):
    """``verp key``: one object."""

    path: Annotated[str, about("the file of keys")]
    key_id: Annotated[str, about("the id of the new key, which signs from now on")]
    keys: Annotated[tuple[str, ...], about("the ids of all keys in the file")]


class HelpPageRow(Record, frozen=True, kw_only=True):
    """``help``: one object per topic; with TOPIC that one."""

    topic: Annotated[str, about("the name of the page")]
    title: Annotated[str, about("its first heading")]
    text: Annotated[str | None, about("with TOPIC: the page in Markdown")]


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
