"""The pages that the head of every page links to, in order."""

from __future__ import annotations

PAGES = (
    ("/", "Today"),
    ("/incidents", "Incidents"),
    ("/receivers", "Receivers"),
    ("/replies", "Replies"),
    ("/senders", "Senders"),
    ("/suppressions", "Suppressions"),
    ("/sources", "Sources"),
    ("/audit", "Audit"),
)
"""The path and the title of each."""


def current(path: str) -> str:
    """The path of the page in PAGES to which *path* belongs; "" where it belongs to none."""
    first = f"/{path.split('/')[1]}"
    return first if any(target == first for target, _ in PAGES) else ""
