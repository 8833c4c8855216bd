"""Removes everything that the ledger holds about a name: rows, and what stored evidence contains.

Evidence is stored in blocks of many reports. A report about the name loses everything but its kind;
one about somebody else, whose octets contain the name, loses its raw octets and the field. Octets
in base64 or another encoding of a mail about somebody else cannot be searched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import zstandard

from bouncewise.ledger.database import Database
from bouncewise.ledger.rows import id_of
from bouncewise.model import Report, Source

ERASED = "erased@erased.invalid"
"""The recipient of a report that was erased."""

_BLOCK = msgspec.msgpack.Decoder(list[tuple[Report, msgspec.Raw, msgspec.Raw]])
_NOTHING = msgspec.Raw(msgspec.msgpack.encode(b""))
_NO_VERDICT = msgspec.Raw(msgspec.msgpack.encode(None))
_TABLES = (
    "erase_event",
    "erase_delivery",
    "erase_act",
    "erase_state",
    "erase_carried",
    "erase_pending",
    "erase_state_change",
    "erase_message",
    "erase_address_source",
    "erase_engagement",
    "erase_address",
)

_COUNTED = {"reports": "event_of", "deliveries": "delivery_of", "acts": "act_of"}

Progress = Callable[[int, int], None]


class Erasure:
    """Erases names from a ledger, inside a transaction."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def count(self, name: str) -> dict[str, int]:
        """How many reports, days with deliveries and acts of people there are about *name*."""
        return {
            table: int((self._db.one(query, address=id_of(name)) or (0,))[0])
            for table, query in _COUNTED.items()
        }

    def compact(self) -> None:
        """Write the whole ledger anew, outside a transaction: what was deleted before stays in
        unused parts of the file until then. Takes as much room on disk again.
        """
        self._db.run("compact")

    def erase(self, names: set[str], progress: Progress) -> None:
        """Remove everything about *names*. *progress* gets the blocks that were searched, and how
        many there are.
        """
        with_items = {name: self._items(name) for name in names}
        items = {item for found in with_items.values() for item in found}
        octets = [name.encode("utf-8", "surrogatepass").lower() for name in names]
        blocks = [number for (number,) in self._db.all("block_all")]
        for count, number in enumerate(blocks, 1):
            self._erase_in_block(number, {i for b, i in items if b == number}, names, octets)
            progress(count, len(blocks))
        for name in sorted(names):
            for query in _TABLES:
                self._db.run(query, address=id_of(name))

    def _items(self, name: str) -> set[tuple[int, int]]:
        found = self._db.all("event_places", address=id_of(name))
        return {(block, item) for block, item in found}

    def _erase_in_block(
        self, number: int, items: set[int], names: set[str], octets: list[bytes]
    ) -> None:
        (data,) = self._db.one("block_data", id=number) or (None,)
        packed = zstandard.decompress(data) if data else b""
        lowered = packed.lower()
        if not items and not any(name in lowered for name in octets):
            return
        kept: list[tuple[Any, ...]] = []
        for item, (report, raw, verdict) in enumerate(_BLOCK.decode(packed)):
            if item in items:
                kept.append((_erased(report), _NOTHING, _NO_VERDICT))
            elif _contains(report, octets) or _contains(raw, octets):
                kept.append((_without(report, names), _NOTHING, verdict))
            else:
                kept.append((report, raw, verdict))
        new = zstandard.compress(msgspec.msgpack.encode(kept), 3)
        self._db.run("block_put", id=number, data=new)


def _erased(report: Report) -> Report:
    source = Source(report.source.path, report.source.reader, report.source.index)
    return Report(source=source, kind=report.kind, recipient=ERASED)


def _contains(value: object, octets: list[bytes]) -> bool:
    packed = msgspec.msgpack.encode(value).lower()
    return any(name in packed for name in octets)


def _without(report: Report, names: set[str]) -> Report:
    """*report* without fields that contain one of *names*."""
    changes: dict[str, Any] = {}
    for field in ("recipient", "original_recipient", "verp_recipient", "sender", "message_id"):
        text = getattr(report, field)
        if text and any(name in text.lower() for name in names):
            changes[field] = ERASED if field == "recipient" else None
    changes["header_recipients"] = tuple(
        name for name in report.header_recipients if name.lower() not in names
    )
    if report.reply and any(name in report.reply.text.lower() for name in names):
        changes["reply"] = msgspec.structs.replace(report.reply, text="")
    return msgspec.structs.replace(report, **changes)
