"""PowerMTA's accounting files (CSV), columns by header: ``record-fields`` sets which there are, and their order.

Reads: records d, b, t, tq, rb, rs and f. Gives: a report per record that names a recipient; rs by its dsnAction; the
bounceCat as a label beside the reply, never instead of it. Refuses: r (received) and tq records that name a queue only.
Source: PowerMTA User's Guide, "Accounting records"; https://hackmd.io/@z3d3m0n/Pmta_records (field list of 5.5)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from bouncewise.model import Kind, Label, Permanence, Report, Source
from bouncewise.readers.base import Finding
from bouncewise.readers.logs.lines import finding, from_epoch, told
from bouncewise.readers.logs.tables import Row, TableLog, columns
from bouncewise.readers.logs.timestamps import Clock
from bouncewise.rfc import address

# bounceCat: whether the address or domain heals by itself, as the category's name promises.
_PERMANENT = {"bad-mailbox", "bad-domain", "inactive-mailbox"}
_KINDS = {
    "d": Kind.DELIVERED,
    "delivery": Kind.DELIVERED,
    "b": Kind.FAILED,
    "bounce": Kind.FAILED,
    "rb": Kind.FAILED,
    "t": Kind.DELAYED,
    "tq": Kind.DELAYED,
    "f": Kind.COMPLAINT,
}
_ACTIONS = {
    "failed": Kind.FAILED,
    "delayed": Kind.DELAYED,
    "delivered": Kind.DELIVERED,
    "relayed": Kind.DELIVERED,
}
_OTHERS = frozenset({"timelogged", "orig", "dsnstatus", "dsndiag", "dsnaction", "bouncecat"})


class PowermtaReader(TableLog):
    """PowerMTA's accounting file."""

    name = "powermta"
    about = "PowerMTA accounting CSV: d, b, t, tq, rb, rs and f records, columns by header"
    needs = frozenset({"type", "rcpt"})

    def sniff(self, head: bytes) -> bool:
        """The first line names a type, a recipient and another of PowerMTA's columns."""
        names = columns(head)
        return self.needs <= names and not names.isdisjoint(_OTHERS)

    def is_header(self, cells: list[str]) -> bool:
        """Each record begins with its type, and each header with that word."""
        return cells[:1] == ["type"] or self.needs <= set(cells)

    def row(self, row: Row, line: str, source: Source, clock: Clock) -> Iterator[Finding]:
        """A finding per row of a kind that tells an outcome."""
        word, action = row["type"].strip().casefold(), row.get("dsnaction", "").strip().casefold()
        kind = _ACTIONS.get(action) if word == "rs" else _KINDS.get(word)
        original = address.parse_field(address.from_xtext(row.get("orcpt", "")))
        recipient = address.parse_field(row["rcpt"]) or original
        if kind is None or recipient is None:
            return
        reply, stage = told(
            row.get("dsndiag", ""), row.get("dsnstatus", "").partition(" ")[0] or None
        )
        refused = kind in (Kind.FAILED, Kind.DELAYED)
        yield finding(
            Report(
                source=source,
                kind=kind,
                recipient=recipient,
                original_recipient=None
                if original is None or _same(original, recipient)
                else original,
                at=_time(row.get("timelogged", "") or row.get("timequeued", ""), clock),
                message_id=row.get("header_message-id", "").strip().strip("<>") or None,
                sender=row.get("orig", "").strip("<>") or None,
                remote_mta=row.get("dsnmta", "").partition(" ")[0].strip() or None,
                reply=reply if refused and (reply.text or reply.status) else None,
                stage=stage if refused else None,
                esp=_label(row.get("bouncecat", "").strip()),
            ),
            line,
        )


def _same(one: str, other: str) -> bool:
    return address.normalise(one) == address.normalise(other)


def _label(category: str) -> Label | None:
    if not category:
        return None
    permanence = Permanence.PERMANENT if category.casefold() in _PERMANENT else Permanence.TRANSIENT
    return Label(
        "powermta", category, Permanence.UNKNOWN if category.casefold() == "other" else permanence
    )


def _time(value: str, clock: Clock) -> datetime | None:
    text = value.strip()
    if text.replace(".", "", 1).isdecimal():
        return from_epoch(text)
    return clock.read(re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", text))
