"""The tables of the pages as CSV and JSON, at the path of the page with another ending.

``/receivers.csv?table=domains`` is one table of a page, its first without ``table``; the same
parameters filter both. Cells that a spreadsheet would run as formulas are marked (OWASP).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from bouncewise.encode import for_csv

TABLES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "today": {
        "days": ("day", "delivered", "address", "domain", "sender", "other", "delayed"),
        "bounces": ("cause", "party", "reports", "usual"),
        "causes": ("state", "cause", "count"),
        "sources": ("source", "last", "state"),
    },
    "incidents": {
        "incidents": (
            *("incident", "opened", "closed", "recovered", "refused", "mailed"),
            "baseline_rate",
        ),
        "alerts": ("alert", "receivers", "refused", "share", "since", "until"),
    },
    "incident": {"addresses": ("incident", "opened", "name", "state")},
    "receivers": {
        "receivers": (
            *("receiver", "title", "delivered", "address", "domain", "sender", "other"),
            *("delayed", "refused_share"),
        )
    },
    "receiver": {
        "days": ("day", "delivered", "address", "domain", "sender", "other", "delayed"),
        "causes": ("cause", "party", "failed", "delayed"),
        "domains": ("domain", "delivered", "address", "about_domain", "sender", "other", "delayed"),
        "replies": ("reply", "words", "cause", "rule", "kind", "reports"),
        "contacts": ("address", "use", "source"),
    },
    "replies": {
        "replies": ("reply", "words", "cause", "rule", "read_by", "kind", "receivers", "reports")
    },
    "reply": {"weeks": ("week", "receiver", "kind", "cause", "rule", "reports")},
    "senders": {
        "problems": ("subject", "level", "id", "words", "fix", "since"),
        "dmarc": ("domain", "mails", "passed", "dkim", "spf", "reports", "last"),
        "tls": ("domain", "policy", "reporters", "sessions", "failed", "last"),
        "requirements": ("provider", "requirement", "words", "explained", "refused", "source"),
        "signals": ("origin", "subject", "name", "day", "value", "words"),
    },
    "suppressions": {
        "rows": ("name", "state", "cause", "scope", "since", "until", "why", "by", "trust")
    },
    "audit": {"rows": ("id", "at", "by", "kind", "subject", "names", "why", "number", "undo")},
    "unreadable": {"rows": ("number", "at", "kind", "source", "octets", "why")},
    "address": {"events": ("at", "kind", "cause", "words", "by", "channel", "trust")},
    "sources": {
        "sources": ("source", "last", "silent_hours", "usual_hours", "state"),
        "imports": ("number", "file", "at"),
        "runs": ("began", "source", "rules"),
    },
}
"""The tables of each page: what the view calls them, and their columns."""


def rows_of(page: str, table: str, context: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The rows of a table (of the first one for ""), by column; None: there is no such table."""
    tables = TABLES.get(page, {})
    name = table or next(iter(tables), "")
    if name not in tables or name not in context:
        return None
    plain: Iterable[Any] = msgspec.to_builtins(context[name], enc_hook=str)
    return [{column: row.get(column) for column in tables[name]} for row in plain]


def csv_of(page: str, table: str, context: Mapping[str, Any]) -> str | None:
    """The same as CSV (RFC 4180) with a heading; None: there is no such table."""
    rows = rows_of(page, table, context)
    if rows is None:
        return None
    columns = TABLES[page][table or next(iter(TABLES[page]))]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return for_csv(" ".join(map(str, value)))
    return for_csv(str(value))
