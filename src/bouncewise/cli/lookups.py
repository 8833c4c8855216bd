"""Validation on the command line: the name servers, the cache of answers, and the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bouncewise.cli.common import Moment, load_policy, open_ledger
from bouncewise.cli.places import cache_path
from bouncewise.cli.screen import progress
from bouncewise.lists.table import Table

if TYPE_CHECKING:
    from bouncewise.ledger import Store
    from bouncewise.model import Mail
    from bouncewise.net.answers import Lookup
    from bouncewise.operations.validate import Validator

_STEP = 1000  # domains between two movements of the bar


class Sources(NamedTuple):
    """What the options name. ``offline``: without DNS; ``resolver``: '' for the system's."""

    moment: Moment
    mail: Mail
    db: str | None = None
    policy: Path | None = None
    with_ledger: bool = True
    offline: bool = False
    resolver: str = ""
    disposable: Path | None = None


@contextmanager
def open_validator(sources: Sources, ledger: Store | None = None) -> Iterator[Validator]:
    """A Validator over *sources*; over a *ledger* that is open already, if it is given."""
    from bouncewise.lists.disposable import read_domains
    from bouncewise.operations.validate import Evidence, Validator

    own = read_domains(sources.disposable) if sources.disposable else frozenset()
    with ExitStack() as opened:
        if ledger is None and sources.with_ledger:
            ledger = opened.enter_context(open_ledger(sources.db))
        lookup = None if sources.offline else opened.enter_context(_lookup(sources.resolver))
        policy, (at, past) = load_policy(sources.policy), sources.moment
        yield Validator(Evidence(policy, ledger, lookup, at, past, sources.mail, own))


@contextmanager
def _lookup(resolver: str) -> Iterator[Lookup]:
    from bouncewise.net.bulk import bulk_lookup
    from bouncewise.net.cache import cached
    from bouncewise.net.servers import server, system_servers

    servers = (server(resolver),) if resolver else system_servers()
    name = " ".join(map(str, servers))
    with cached(bulk_lookup(servers), cache_path(), name) as lookup:
        yield lookup


def look_up(validator: Validator, path: Path, column: str | None) -> None:
    """Look up the domains of the list at *path*, with a bar that counts those that are
    answered.
    """
    with Table.open(path, column) as table, progress(None, "DNS", "domains") as advance:

        def answered(number: int, silent: int) -> None:
            if number % _STEP == 0:
                advance(number - silent, number)

        cells = (table.address_in(row.cells) for row in table.readable())
        validator.prepare(cells, answered)
