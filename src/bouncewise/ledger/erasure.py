"""Removes all that the ledger holds about an address: rows, and what stored evidence contains.

Evidence is stored in blocks of many reports. A report about the address loses everything but its
kind; one about somebody else, whose octets contain it, also in a return address (VERP) or with its
domain in Unicode, loses its raw octets, the field, and a verdict that quotes it. Octets in base64
or another encoding of a mail about somebody else cannot be searched.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import zstandard

from bouncewise.ledger.database import Database
from bouncewise.ledger.records import Mention
from bouncewise.ledger.rows import id_of
from bouncewise.ledger.state_tallies import uncount
from bouncewise.ledger.tallies import mark_due
from bouncewise.model import Report, Source
from bouncewise.times import Micros, datetime_of

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

_REASONS = {"act": "erase_act_why", "ruling": "erase_ruling_why"}
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

    def mentions(self, names: set[str]) -> list[Mention]:
        """The acts and rulings about others in whose reasons one of *names* stands."""
        pattern, key = _pattern(names), {id_of(name) for name in names}
        found = [
            Mention("act", number, about, datetime_of(Micros(at)), by, why)
            for number, address, about, at, by, why in self._db.all("act_reasons")
            if address not in key and _found(why, pattern)
        ]
        return found + [
            Mention("ruling", number, about, datetime_of(Micros(at)), by, why)
            for number, about, at, by, why in self._db.all("ruling_reasons")
            if _found(why, pattern)
        ]

    def compact(self) -> bool:
        """Write the whole ledger anew, outside a transaction: what was deleted before stays in
        unused parts of its files until then. Takes as much room on disk again. Whether it is gone
        everywhere.
        """
        return self._db.compact()

    def erase(self, names: set[str], progress: Progress) -> None:
        """Remove everything about *names*. *progress* gets the blocks that were searched, and how
        many there are.
        """
        with_items = {name: self._items(name) for name in names}
        items = {item for found in with_items.values() for item in found}
        pattern = _pattern(names)
        blocks = [number for (number,) in self._db.all("block_all")]
        for count, number in enumerate(blocks, 1):
            self._erase_in_block(number, {i for b, i in items if b == number}, pattern)
            progress(count, len(blocks))
        for mention in self.mentions(names):
            why = _replaced(mention.why, pattern)
            self._db.run(_REASONS[mention.table], id=mention.number, why=why)
        for entry, why in list(self._db.all("audit_reasons")):
            if _found(why, pattern):
                self._db.run("erase_audit_why", id=entry, why=_replaced(why, pattern))
        for name in sorted(names):
            mark_due(
                self._db, [at for (at,) in self._db.all("tally_due_events", address=id_of(name))]
            )
            uncount(self._db, [id_of(name)])
            self._db.run("erase_about", name=name)
            self._db.run("erase_audit", name=name)
            for query in _TABLES:
                self._db.run(query, address=id_of(name))

    def _items(self, name: str) -> set[tuple[int, int]]:
        found = self._db.all("event_places", address=id_of(name))
        return {(block, item) for block, item in found}

    def _erase_in_block(self, number: int, items: set[int], pattern: re.Pattern[bytes]) -> None:
        (data,) = self._db.one("block_data", id=number) or (None,)
        packed = zstandard.decompress(data) if data else b""
        if not items and not pattern.search(packed):
            return
        kept: list[tuple[Any, ...]] = []
        for item, (report, raw, verdict) in enumerate(_BLOCK.decode(packed)):
            if item in items:
                kept.append((_erased(report), _NOTHING, _NO_VERDICT))
            elif _contains(report, pattern) or _contains(raw, pattern):
                shown = _NO_VERDICT if _contains(verdict, pattern) else verdict
                kept.append((_without(report, pattern), _NOTHING, shown))
            else:
                kept.append((report, raw, verdict))
        new = zstandard.compress(msgspec.msgpack.encode(kept), 3)
        self._db.run("block_put", id=number, data=new)


def _erased(report: Report) -> Report:
    source = Source(report.source.path, report.source.reader, report.source.index)
    return Report(source=source, kind=report.kind, recipient=ERASED)


def _pattern(names: set[str]) -> re.Pattern[bytes]:
    """What finds one of *names* in octets: the whole address, not a part of a longer one."""
    forms = {form for name in names for form in _forms(name)}
    either = b"|".join(re.escape(form.encode("utf-8", "surrogatepass")) for form in sorted(forms))
    return re.compile(rb"(?<![" + _LOCAL + rb"])(?:" + either + rb")(?![\w-]|\.[a-z0-9])", re.I)


_LOCAL = rb"a-z0-9!#$%&'*/?^_`{|}~.-"  # before it, + and = may be of a return address


def _forms(name: str) -> Iterator[str]:
    """*name* as it may be written: its domain in Unicode, and in a return address."""
    local, _, domain = name.rpartition("@")
    domains = [domain]
    if "xn--" in domain:
        with contextlib.suppress(UnicodeError):
            domains.append(domain.encode().decode("idna"))
    for written in domains:
        yield f"{local}@{written}"
        yield f"{local}={written}"


def _replaced(text: str, pattern: re.Pattern[bytes]) -> str:
    return pattern.sub(ERASED.encode(), text.encode("utf-8", "replace")).decode()


def _found(text: str, pattern: re.Pattern[bytes]) -> bool:
    return pattern.search(text.encode("utf-8", "replace")) is not None


def _contains(value: object, pattern: re.Pattern[bytes]) -> bool:
    return pattern.search(msgspec.msgpack.encode(value)) is not None


def _without(report: Report, pattern: re.Pattern[bytes]) -> Report:
    """*report* without fields in which *pattern* is found."""
    changes: dict[str, Any] = {}
    for field in ("recipient", "original_recipient", "verp_recipient", "sender", "message_id"):
        if _contains(getattr(report, field), pattern):
            changes[field] = ERASED if field == "recipient" else None
    changes["header_recipients"] = tuple(
        name for name in report.header_recipients if not _contains(name, pattern)
    )
    if report.reply and _contains(report.reply.text, pattern):
        changes["reply"] = msgspec.structs.replace(report.reply, text="")
    return msgspec.structs.replace(report, **changes)
