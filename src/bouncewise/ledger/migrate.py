"""The schema of a ledger: created where there is none, brought up to date where it is older.

A migration is a file ``migrations/NNNN.sql`` that leads to schema NNNN, in the SQL that all
databases share, run in one transaction with the new number; a line ``-- python: NAME`` calls the
function of that name here. Each was written when its schema was new and is never changed
afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources

import msgspec
import zstandard

from bouncewise.errors import LedgerError
from bouncewise.ledger.database import Database
from bouncewise.ledger.entries import EARLIEST
from bouncewise.ledger.queries import MOST_IDS
from bouncewise.model import Report
from bouncewise.model.bearing import bearing, directory
from bouncewise.times import MICROS_A_DAY, Micros, slot_of

_BLOCK = msgspec.msgpack.Decoder(list[tuple[Report, msgspec.Raw, msgspec.Raw]])
_MESSAGE_READERS = ("arf", "dsn", "autoreply", "freeform", "sns-mail")
"""The readers of messages, as they were called up to schema 5."""

SCHEMA = 13
OLDEST = 4
"""The schema of the first ledgers that can be brought up to date."""


def prepare(database: Database, *, create: bool) -> None:
    """Create the tables, or bring them up to date. Raises LedgerError for what is no ledger, or
    of a later bouncewise.
    """
    tables = database.tables()
    if "meta" not in tables:
        _refuse_what_is_no_ledger(database, tables, create=create)
        with database.transaction():
            if "meta" not in database.tables():  # another process may have been faster
                create_tables(database)
                database.run("meta_set", name="schema", value=str(SCHEMA))
    if _schema(database) != SCHEMA:
        with database.transaction():
            bring_up_to_date(database)


def create_tables(database: Database) -> None:
    """Create the tables of the present schema, inside the open transaction."""
    database.script(_statements("schema.sql"))


def is_current(database: Database) -> bool:
    """Whether the ledger has the present schema. Raises LedgerError for what is no ledger."""
    return schema_of(database) == SCHEMA


def schema_of(database: Database) -> int:
    """The schema of the ledger. Raises LedgerError for what is no ledger."""
    tables = database.tables()
    if "meta" not in tables:
        _refuse_what_is_no_ledger(database, tables, create=False)
    return _schema(database)


def _refuse_what_is_no_ledger(database: Database, tables: set[str], *, create: bool) -> None:
    """A database of another program is not turned into a ledger, nor is an empty file by an
    operation that only asks.
    """
    if tables:
        raise LedgerError(
            f"{database.name}: a database, but not a ledger of bouncewise. Give another with --db."
        )
    if not create:
        found = "no ledger there" if database.is_shared else "an empty file, not a ledger"
        raise LedgerError(
            f"{database.name}: {found}. `bouncewise ingest` creates one; --db names another."
        )


def _schema(database: Database) -> int:
    found = database.one("meta_get", name="schema")
    return int(found[0]) if found and str(found[0]).isdigit() else 0


def bring_up_to_date(database: Database) -> None:
    """Run the migrations that are missing, inside the open transaction. Raises LedgerError for a
    ledger that is too old, or of a later bouncewise.
    """
    present = _schema(database)
    if not OLDEST <= present <= SCHEMA:
        raise LedgerError(
            f"{database.name}: written by another version of bouncewise (schema {present}; this "
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


def _inherited_trust(database: Database) -> None:
    """Schema 6: events that were read from messages keep the effect that they had, and are
    counted apart, for what proved them was not kept.
    """
    for (block,) in database.all("block_all"):
        (data,) = database.one("block_data", id=block) or (b"",)
        mails = [
            (item, int(report.at is None))
            for item, (report, _, _) in enumerate(_BLOCK.decode(zstandard.decompress(data)))
            if report.source.reader in _MESSAGE_READERS
        ]
        for undated in (0, 1):
            items = [item for item, is_undated in mails if is_undated == undated]
            for at in range(0, len(items), MOST_IDS):
                page = items[at : at + MOST_IDS]
                database.run("migrate_0006_mail", block=block, items=page, undated=undated)


def _bounded_times(database: Database) -> None:
    """Schema 6: earlier versions believed any time, such as 2035; what was recorded under one is
    recorded under the time of reading, and what follows from it is derived again.
    """
    (started,) = database.one("migrate_0006_last_batch") or (None,)
    if started is None:
        return
    database.run("migrate_0006_undated", earliest=EARLIEST, margin=MICROS_A_DAY)
    latest = Micros(started + MICROS_A_DAY)
    times = {"latest": latest, "earliest": EARLIEST}
    slots = {"latest": slot_of(latest), "earliest": slot_of(EARLIEST)}
    database.run("migrate_0006_deliveries", **times)
    database.run("migrate_0006_incidents", **times)
    database.run("migrate_0006_traffic", **slots)
    # People's acts were recorded behind all evidence; they keep their order.
    (acts,) = database.one("migrate_0006_acts_count") or (0,)
    database.run("migrate_0006_acts", latest=latest, acts=acts)
    _bound_meta(database, latest + acts + 1)


def _bound_meta(database: Database, latest: int) -> None:
    """The spans of observed and unexamined slots, and the latest time, within what can be."""
    last_slot, first_slot = slot_of(Micros(latest)), slot_of(EARLIEST)
    for name in ("observed", "unexamined"):
        if (found := database.one("meta_get", name=name)) is not None:
            first, last = (min(max(int(n), first_slot), last_slot) for n in found[0].split())
            database.run("meta_set", name=name, value=f"{first} {last}")
    if (found := database.one("meta_get", name="latest")) is not None:
        database.run("meta_set", name="latest", value=str(min(int(found[0]), latest)))


_STEPS: dict[str, Callable[[Database], None]] = {
    "event_columns": _event_columns,
    "inherited_trust": _inherited_trust,
    "bounded_times": _bounded_times,
}
