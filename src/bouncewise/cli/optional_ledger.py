"""The ledger of a verb to which it only adds: ``sender``, ``diagnose`` of a reply.

Reads: ``--db`` and where its value is from. Gives: the ledger, or None with a note. Refuses: a file
that ``--db`` on the command line names and that is not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from bouncewise.cli.common import echo_error, open_ledger
from bouncewise.cli.from_file import FromFile
from bouncewise.cli.places import ledger_location
from bouncewise.ledger import Store, exists

_ORIGINS = {"environment": "BOUNCEWISE_DB", "file": "the configuration"}
_NOTED = f"{__name__}.noted"


@contextmanager
def optional_ledger(db: str | None) -> Iterator[Store | None]:
    """The ledger, to ask questions of; None where there is none. A note says so, once, where the
    environment or the configuration names it. Raises LedgerError where the option does.
    """
    ctx = click.get_current_context()
    option = next(p for p in ctx.command.params if isinstance(p, FromFile) and p.name == "db")
    origin = option.origin(ctx)
    where = ledger_location(db)
    if origin != "option" and not exists(where):
        if origin in _ORIGINS and not ctx.meta.setdefault(_NOTED, False):
            ctx.meta[_NOTED] = True
            echo_error(
                f"note: {where.name}, which {_ORIGINS[origin]} names: no ledger there; the answer "
                "is without it. `bouncewise ingest` creates one"
            )
        yield None
        return
    with open_ledger(db) as ledger:
        yield ledger
