"""How far what goes out is: for /statusz and the metrics.

Reads: the notes of the outbox and of the runs of [[sync]]. Gives: counts and last faults, by name.
A ledger that cannot be read gives nothing.
"""

from __future__ import annotations

from typing import Any

from bouncewise.config.settings import Settings
from bouncewise.errors import BouncewiseError
from bouncewise.ledger import Store
from bouncewise.operations import outbox
from bouncewise.service.sync_schedule import last_runs

_NOTHING = outbox.Counts(0, 0, "")


def outgoing_state(ledger: Store | None, settings: Settings) -> dict[str, Any]:
    """``alerts``: by target, what waits and the dead letters; ``sync``: by account, the last run
    (times in seconds since 1970).
    """
    try:
        counts = outbox.counts(ledger) if ledger is not None else {}
        runs = last_runs(ledger, settings.sync) if ledger is not None else {}
    except BouncewiseError:
        counts, runs = {}, {}
    names = {target.name for target in settings.alert} | counts.keys()
    return {
        "alerts": {name: counts.get(name, _NOTHING)._asdict() for name in sorted(names)},
        "sync": {name: _run(last) for name, last in sorted(runs.items())},
    }


def _run(last: Any) -> dict[str, Any]:
    return {name: getattr(last, name) for name in last.__struct_fields__}
