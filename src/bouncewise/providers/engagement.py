"""From one event of an ESP's webhook to the act that it reports: an open or a click.

Reads: any JSON value, and the paths in the ESP's row of esps.toml. Gives: one Engagement. Refuses
with a Note: an event that names several recipients; one without a time, which confirms nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from bouncewise.model import ActKind, Engagement, Source
from bouncewise.providers.paths import parse_time, text_at
from bouncewise.readers.base import Note

_MAX_TEXT = 1000  # characters of a link or of the name of a browser that are compared
_FALSE = ("", "false", "0")


class Paths(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Paths of values in an ESP's events; ``machine``: true where the ESP takes the act for a
    machine's.
    """

    time: str = ""
    link: str = ""
    agent: str = ""
    machine: str = ""


def read(
    event: dict[str, Any], recipients: list[str], paths: Paths, kind: ActKind, source: Source
) -> Iterator[Engagement | Note]:
    """The act in *event*, by one of *recipients*."""
    at = parse_time(text_at(event, paths.time))
    if len(recipients) != 1 or at is None:
        why = "without a time" if recipients else "without the address of a recipient"
        if len(recipients) > 1:
            why = f"of a mail to {len(recipients)} recipients, and not which of them"
        yield Note(source.path, source.index, f"an act ({kind}) {why}; nothing was read from it")
        return
    yield Engagement(
        source=source,
        recipient=recipients[0],
        at=at,
        kind=kind,
        link=text_at(event, paths.link)[:_MAX_TEXT],
        agent=text_at(event, paths.agent)[:_MAX_TEXT],
        flagged=text_at(event, paths.machine).casefold() not in _FALSE,
    )
