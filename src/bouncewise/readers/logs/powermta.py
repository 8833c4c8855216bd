"""PowerMTA's accounting files (CSV). Columns are found by the header: ``record-fields`` sets which
there are.

Reads: records d, b, t, tq, rb, rs and f. Gives: a report per record that names a recipient; the
kind of an rs record is its dsnAction; the bounceCat is a label beside the reply. Refuses: r records
(received), and tq records that name only a queue. Source: PowerMTA User's Guide, "Accounting
records"; https://hackmd.io/@z3d3m0n/Pmta_records (field list of 5.5)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from bouncewise.model import Finding, Kind, Label, Permanence, Report, Source
from bouncewise.readers.base import reply_with_stage
from bouncewise.readers.logs.lines import finding
from bouncewise.readers.logs.tables import Row, TableLog, column_names
from bouncewise.readers.logs.timestamps import TimestampParser
from bouncewise.rfc import address
from bouncewise.rfc.date import from_epoch

# Values of bounceCat by whose name the address or domain does not recover by itself.
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
_POWERMTA_COLUMNS = frozenset(
    {"timelogged", "orig", "dsnstatus", "dsndiag", "dsnaction", "bouncecat"}
)

_MAX_NAME = 100  # characters kept of a job's name


class PowermtaReader(TableLog):
    """PowerMTA's accounting file."""

    name = "powermta"
    about = "PowerMTA accounting CSV: d, b, t, tq, rb, rs and f records, columns by header"
    is_written_live = True
    required_columns = frozenset({"type", "rcpt"})

    def sniff(self, head: bytes) -> bool:
        """Whether the first line names a type, a recipient and another column of PowerMTA."""
        names = column_names(head)
        return self.required_columns <= names and not names.isdisjoint(_POWERMTA_COLUMNS)

    def is_header(self, cells: list[str]) -> bool:
        """Whether *cells* are a header: a record begins with its type, a header with "type"."""
        return cells[:1] == ["type"] or self.required_columns <= set(cells)

    def read_row(
        self, row: Row, line: str, source: Source, timestamps: TimestampParser
    ) -> Iterator[Finding]:
        """A finding for each record of a kind that has an outcome."""
        type_ = row["type"].strip().casefold()
        action = row.get("dsnaction", "").strip().casefold()
        kind = _ACTIONS.get(action) if type_ == "rs" else _KINDS.get(type_)
        original = address.parse_field(address.from_xtext(row.get("orcpt", "")))
        recipient = address.parse_field(row["rcpt"]) or original
        if kind is None or recipient is None:
            return
        status = row.get("dsnstatus", "").partition(" ")[0] or None
        reply, stage = reply_with_stage(row.get("dsndiag", ""), status)
        is_refused = kind in (Kind.FAILED, Kind.DELAYED)
        is_same = original is not None and address.normalise(original) == address.normalise(
            recipient
        )
        yield finding(
            Report(
                source=source,
                kind=kind,
                recipient=recipient,
                original_recipient=None if is_same else original,
                at=_time(row.get("timelogged", "") or row.get("timequeued", ""), timestamps),
                message_id=row.get("header_message-id", "").strip().strip("<>") or None,
                sender=row.get("orig", "").strip("<>") or None,
                remote_mta=row.get("dsnmta", "").partition(" ")[0].strip() or None,
                reply=reply if is_refused and (reply.text or reply.status) else None,
                stage=stage if is_refused else None,
                campaign=row.get("jobid", "").strip()[:_MAX_NAME] or None,
                esp=_label(row.get("bouncecat", "").strip()),
            ),
            line,
        )


def _label(category: str) -> Label | None:
    if not category:
        return None
    if category.casefold() == "other":
        return Label("powermta", category, Permanence.UNKNOWN)
    is_permanent = category.casefold() in _PERMANENT
    return Label(
        "powermta", category, Permanence.PERMANENT if is_permanent else Permanence.TRANSIENT
    )


def _time(value: str, timestamps: TimestampParser) -> datetime | None:
    text = value.strip()
    if text.replace(".", "", 1).isdecimal():
        return from_epoch(text)
    return timestamps.parse(re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", text))
