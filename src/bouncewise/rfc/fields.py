"""Groups of fields: delivery status (RFC 3464, RFC 6533) and feedback reports (RFC 5965).

Reads: ``Name: value`` lines, which may be folded, in groups separated by blank lines. Gives: a dict
of values by lower-case name for each group; the first of several values counts. Tolerates: other
text between the fields, missing blank lines, and continuation lines that are not indented.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

MAX_GROUPS = 10_000
"""Reading ends at the first blank line behind so many groups."""

MAX_VALUE = 4096
"""Characters of one value that are kept."""

_LINE = re.compile(r"\s{0,4}([A-Za-z][A-Za-z0-9-]{1,60}[A-Za-z])\s?:\s*(.*)")

# RFC 3464 §2.2 and §2.3, RFC 6533 §4 (localized-diagnostic), sendmail (x-actual-recipient).
_NAMES = (
    "final-recipient original-recipient action status remote-mta diagnostic-code"
    " last-attempt-date final-log-id will-retry-until localized-diagnostic x-actual-recipient"
    " reporting-mta original-envelope-id dsn-gateway received-from-mta arrival-date"
)
_KNOWN = frozenset(_NAMES.split())


def groups(text: str) -> list[dict[str, str]]:
    """The groups of fields in *text*, in order."""
    complete: list[dict[str, str]] = []
    for blank, lines in groupby(text.split("\n"), lambda line: not line.strip()):
        if not blank:
            complete += _groups_of_block(lines)
        elif len(complete) >= MAX_GROUPS:
            break
    return complete


def _groups_of_block(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    """The groups in *lines*, none of which is blank."""
    group: dict[str, str] = {}
    name = ""
    for line in lines:
        folded = line[0] in " \t" and name and not _is_known(line)
        m = None if folded else _LINE.match(line)
        if m is None:
            # Also a continuation line of a long diagnostic that is not indented.
            if name:
                group[name] = f"{group[name]} {line.strip()}"[:MAX_VALUE]
            continue
        name = m[1].casefold()
        if name == "final-recipient" and name in group:
            # A second recipient without the blank line that should be between (RFC 3464 §2.1).
            yield group
            group = {}
        if name in group:
            name = ""
        else:
            group[name] = m[2].strip()[:MAX_VALUE]
    if group:
        yield group


def _is_known(line: str) -> bool:
    m = _LINE.match(line)
    return m is not None and m[1].casefold() in _KNOWN
