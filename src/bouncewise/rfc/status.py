"""Enhanced mail system status codes, RFC 3463 §2 and RFC 2034.

Reads: the three dotted numbers as they stand in replies and DSN fields. Gives: ``"5.1.1"``.
Refuses: addresses, versions and anything whose class is not 2, 4 or 5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

# RFC 3463 §2: class "." subject "." detail, no leading zeros wanted but seen; up to three digits each.
# The guards keep IP addresses (four parts) and "8.13.1"-like versions out.
# It begins with the first dot, which is found fast, and looks back from there for the class and what stands before that.
_STATUS = re.compile(
    r"\.(?<=([245])\.)(?<![\w.][245]\.)(\d{1,3})\.(\d{1,3})(?![0-9]|\.[0-9]|[A-Za-z]*[0-9])"
)


def find(text: str, start: int = 0) -> Iterator[tuple[int, str]]:
    """Every status in *text* from *start* on, as (position, "5.1.1")."""
    for m in _STATUS.finditer(text, start):
        yield m.start() - 1, f"{m[1]}.{int(m[2])}.{int(m[3])}"


def parse(field: str) -> str | None:
    """The status of a DSN Status field (RFC 3464 §2.3.4), which may carry a comment; None where none stands."""
    return next((s for _, s in find(field)), None)


def is_generic(status: str) -> bool:
    """True for x.0.0, which RFC 3463 §3.1 defines as "other undefined status"."""
    return status.endswith(".0.0")


def choose(text: str, start: int, reply_code: int | None, *, only: bool = False) -> str | None:
    """The status that belongs to the reply at *start*: same class as its code, and not x.0.0 if there is better.

    With *only*, a status of another class is none.
    """
    found = _STATUS.findall(text, start) or (_STATUS.findall(text) if start else [])
    if only and reply_code is not None:
        found = [s for s in found if s[0] == str(reply_code)[0]]
    if not found:
        return None
    if len(found) == 1:
        return _written(found[0])
    if reply_code is not None:
        found = [s for s in found if s[0] == str(reply_code)[0]] or found
    each = [_written(parts) for parts in found]
    return next((s for s in each if not is_generic(s)), each[0])


@lru_cache(maxsize=4096)
def _written(parts: tuple[str, str, str]) -> str:
    return f"{parts[0]}.{int(parts[1])}.{int(parts[2])}"
