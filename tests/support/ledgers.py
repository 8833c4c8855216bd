"""Ledgers of earlier schemas."""

from __future__ import annotations

from pathlib import Path

import zstandard

LEDGERS = Path(__file__).parents[1] / "fixtures" / "ledgers"
"""schema-4.sqlite: made by the version of schema 4 from three days of a shop's log with an outage,
a migrated tenant, a domain that does not exist, notices, acts, an import and a ruling;
schema-4.jsonl: what that version answered to the questions in tests/ledger/test_migrations.py.
"""


def schema_4(folder: Path) -> Path:
    """A ledger of schema 4 in *folder*."""
    path = folder / "ledger.sqlite"
    path.write_bytes(zstandard.decompress((LEDGERS / "schema-4.sqlite.zst").read_bytes()))
    return path
