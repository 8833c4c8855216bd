"""The histories of names: all events, acts and deliveries of each, in the order of time."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter

from bouncewise.ledger import rows
from bouncewise.ledger.database import Database
from bouncewise.model import Event
from bouncewise.model.trust import OWN_CHANNELS
from bouncewise.times import Micros, micros


def of(
    database: Database, page: dict[int, str], last: Micros, brief: bool
) -> Iterator[tuple[str, list[Event]]]:
    """The history of each name of *page*, by their ids, up to *last*; *brief*: of deliveries in a
    row only the last.
    """
    ids = list(page)
    events: dict[int, list[Event]] = {number: [] for number in ids}
    for query, made in (
        ("event_history", rows.event),
        ("act_history", rows.act),
        ("carried_history", rows.carried),
    ):
        for number, *row in database.all(query, until=last, ids=ids):
            events[number].append(made(row))
    deliveries: dict[int, dict[Micros, int]] = {number: {} for number in ids}
    for number, first, latest, relay in database.all("delivery_history", until=last, ids=ids):
        for at in (first, latest):
            of_name = deliveries[number]
            of_name[at] = relay if of_name.get(at, relay) == relay else 0
    for number, name in page.items():
        others, times = events[number], deliveries[number]
        kept = rows.last_in_row(times, [micros(e.at) for e in others])
        # What may come back, or only be handed over, needs the deliveries before it.
        if not brief or any(times.values()) or any(e.channel not in OWN_CHANNELS for e in others):
            kept = set(times)
        history = [*others, *(rows.delivery(at, times[at]) for at in kept)]
        ordered = sorted(history, key=attrgetter("order")) if len(history) > 1 else history
        yield name, ordered
