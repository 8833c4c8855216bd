"""Enhanced mail system status codes: RFC 3463 §2, RFC 2034.

Reads: three numbers separated by dots, as in replies and DSN fields. Gives: ``"5.1.1"``, without
leading zeros. Refuses: addresses, versions, and numbers whose class is not 2, 4 or 5.
"""

from __future__ import annotations

import re
from functools import lru_cache

# RFC 3463 §2: class "." subject "." detail, up to three digits each; leading zeros occur in mail.
# The lookarounds exclude IP addresses (four numbers) and versions such as 8.13.1.
# The pattern begins with the first dot, which is found fast, and looks back for the class.
_STATUS = re.compile(
    r"\.(?<=([245])\.)(?<![\w.][245]\.)(\d{1,3})\.(\d{1,3})(?![0-9]|\.[0-9]|[A-Za-z]*[0-9])"
)


def parse(field: str) -> str | None:
    """The first status in a DSN Status field (RFC 3464 §2.3.4) or other text, or None."""
    m = _STATUS.search(field)
    return None if m is None else _format(m.groups())


def is_generic(status: str) -> bool:
    """Whether *status* is x.0.0, which RFC 3463 §3.1 defines as "other undefined status"."""
    return status.endswith(".0.0")


def choose(
    text: str, start: int, reply_code: int | None, *, same_class: bool = False
) -> str | None:
    """The status that belongs to the reply at *start*, or None.

    A status of the same class as *reply_code* is preferred, and one that is not x.0.0. With
    *same_class*, a status of another class is not returned at all.
    """
    statuses = _STATUS.findall(text, start) or (_STATUS.findall(text) if start else [])
    if same_class and reply_code is not None:
        statuses = [s for s in statuses if s[0] == str(reply_code)[0]]
    if not statuses:
        return None
    if len(statuses) == 1:
        return _format(statuses[0])
    if reply_code is not None:
        statuses = [s for s in statuses if s[0] == str(reply_code)[0]] or statuses
    formatted = [_format(numbers) for numbers in statuses]
    return next((s for s in formatted if not is_generic(s)), formatted[0])


@lru_cache(maxsize=4096)
def _format(numbers: tuple[str, ...]) -> str:
    return f"{numbers[0]}.{int(numbers[1])}.{int(numbers[2])}"
