"""The schema of a ledger: created where there is none, brought up to date where it is older.

A migration is a file ``migrations/NNNN.sql`` that leads to schema NNNN, in the SQL that all
databases share, run in one transaction with the new number; a line ``-- python: NAME`` calls the
function of that name here. Each was written when its schema was new and is never changed
afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources

from bouncewise.errors import LedgerError
from bouncewise.ledger.database import Database
from bouncewise.model.bearing import bearing, directory

SCHEMA = 5
OLDEST = 4
"""The schema of the first ledgers that can be brought up to date."""


def prepare(database: Database, *, create: bool) -> None:
    """Create the tables, or bring them up to date. Raises LedgerError for what is no ledger, or
    of a later bouncewise.
    """
    tables = database.tables()
    if "meta" not in tables:
        _refuse_what_is_no_ledger(database, tables, create)
        with database.transaction():
            if "meta" not in database.tables():  # another process may have been faster
                database.script(_statements("schema.sql"))
                database.run("meta_set", name="schema", value=str(SCHEMA))
    if _schema(database) != SCHEMA:
        with database.transaction():
            _migrate(database, _schema(database))


def _refuse_what_is_no_ledger(database: Database, tables: set[str], create: bool) -> None:
    """A database of another program is not turned into a ledger, nor is an empty file by an
    operation that only asks.
    """
    if tables:
        raise LedgerError(
            f"{database.path}: a database, but not a ledger of bouncewise. Give another with --db."
        )
    if not create:
        raise LedgerError(
            f"{database.path}: an empty file, not a ledger. `bouncewise ingest` creates one; --db "
            f"names another."
        )


def _schema(database: Database) -> int:
    found = database.one("meta_get", name="schema")
    return int(found[0]) if found and str(found[0]).isdigit() else 0


def _migrate(database: Database, present: int) -> None:
    if not OLDEST <= present <= SCHEMA:
        raise LedgerError(
            f"{database.path}: written by another version of bouncewise (schema {present}; this "
            f"version reads {OLDEST} to"
            f" {SCHEMA}). Use that version, or give another ledger with --db."
        )
    for number in range(present + 1, SCHEMA + 1):
        for statement in _statements(f"migrations/{number:04}.sql"):
            if statement.startswith("-- python: "):
                _STEPS[statement.removeprefix("-- python: ")](database)
            else:
                database.script([statement])
        database.run("meta_set", name="schema", value=str(number))


def _statements(name: str) -> list[str]:
    """The statements of an SQL file of this package, and its calls, in order."""
    text = (resources.files("bouncewise.ledger") / name).read_text("utf-8")
    lines = [
        line
        for line in text.split("\n")
        if not line.startswith("--") or line.startswith("-- python: ")
    ]
    marked = "\n".join(f"{line};" if line.startswith("-- python: ") else line for line in lines)
    return [statement.strip() for statement in marked.split(";\n") if statement.strip()]


def _event_columns(database: Database) -> None:
    """Schema 5: the bearing and the directory of every event, one statement for all events
    alike.
    """
    for kind, cause, advice, receiver in database.all("migrate_0005_kinds"):
        values = {"bearing": bearing(kind, advice).value, "directory": directory(cause, receiver)}
        if any(values.values()):
            database.run(
                "migrate_0005_columns",
                kind=kind,
                cause=cause or "",
                advice=advice or "",
                receiver=receiver,
                **values,
            )


_STEPS: dict[str, Callable[[Database], None]] = {"event_columns": _event_columns}
