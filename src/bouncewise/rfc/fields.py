"""Groups of fields: delivery status (RFC 3464, RFC 6533) and feedback reports (RFC 5965).

Reads: ``Name: value`` lines with folding, groups apart by blank lines. Gives: one dict of lower-case names to
values per group, the first value winning. Forgives: text between, missing blank lines, unfolded continuations.
"""

from __future__ import annotations

import re

MAX_GROUPS = 500
MAX_VALUE = 4096

_LINE = re.compile(r"\s{0,4}([A-Za-z][A-Za-z0-9-]{1,60}[A-Za-z])\s?:\s*(.*)")

PER_RECIPIENT = frozenset(
    {
        "final-recipient",
        "original-recipient",
        "action",
        "status",
        "remote-mta",
        "diagnostic-code",
        "last-attempt-date",
        "final-log-id",
        "will-retry-until",
        "localized-diagnostic",
        "x-actual-recipient",
    }
)
PER_MESSAGE = frozenset(
    {"reporting-mta", "original-envelope-id", "dsn-gateway", "received-from-mta", "arrival-date"}
)


def groups(text: str) -> list[dict[str, str]]:
    """The field groups of *text*, in order."""
    found: list[dict[str, str]] = []
    group: dict[str, str] = {}
    name = ""
    for line in text.split("\n"):
        if not line.strip():
            if group:
                found.append(group)
                group = {}
            name = ""
            if len(found) >= MAX_GROUPS:
                break
        elif line[0] in " \t" and name and not _is_known(line):
            group[name] = f"{group[name]} {line.strip()}"[:MAX_VALUE]
        elif (m := _LINE.match(line)) is not None:
            key = m[1].casefold()
            if key == "final-recipient" and "final-recipient" in group:
                # A second recipient without the blank line that should part them (RFC 3464 §2.1).
                found.append(group)
                group = {}
            name = key if key not in group else ""
            if name:
                group[name] = m[2].strip()[:MAX_VALUE]
        elif name:
            # A long diagnostic whose continuation lost its indent.
            group[name] = f"{group[name]} {line.strip()}"[:MAX_VALUE]
    if group:
        found.append(group)
    return found


def _is_known(line: str) -> bool:
    m = _LINE.match(line)
    return m is not None and m[1].casefold() in PER_RECIPIENT | PER_MESSAGE
