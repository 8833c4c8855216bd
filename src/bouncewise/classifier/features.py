"""What the model sees of a reply: words, pairs of words, parts of words, and codes.

Reads: the words of a reply (``text.words``) and its codes. Gives: a set of strings. Pure, and the
same for a reply and for its template in a column: a word with the shape of an id counts as the
word that replaces an id there.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from bouncewise.text.mask import PLACEHOLDER

MAX_WORDS = 80
"""Words of a reply that are looked at. The limit keeps hostile texts cheap."""

_ID = re.compile(r"[a-z]{0,3}[0-9]+[a-z]+[0-9][a-z0-9]*|[0-9]{4,}")
_PART = 4  # characters of a part of a word


class Features(NamedTuple):
    """What the model sees of a reply."""

    words: frozenset[str]
    """Its words; without numbers, ids and addresses."""
    every: frozenset[str]


def features(words: str, reply_code: int | None, status: str | None) -> Features:
    """The features of a reply with these *words*.

    A word is itself; ``a b`` are two words in a row, and ``a _ b`` two words with one between them;
    ``~abcd`` are four characters of a word with blanks at its ends; ``#550``, ``#5xx``, ``#5.1.1``,
    ``#5.1`` and ``#.1.1`` are codes. The stage of the dialogue is left out, because the frame
    around a reply names it or not; so is a status that says nothing, which reports add.
    """
    found = [PLACEHOLDER if _ID.fullmatch(word) else word for word in words.split()[:MAX_WORDS]]
    result = set(found)
    result.update(map(" ".join, pairwise(found)))
    result.update(map(" _ ".join, zip(found, found[2:], strict=False)))
    for word in set(found):
        result.update(_parts(word))
    if reply_code:
        result.update((f"#{reply_code}", f"#{reply_code // 100}xx"))
    if status and not is_empty_status(status):
        result.update((f"#{status}", f"#{status.rpartition('.')[0]}", f"#{status[1:]}"))
    spelled = frozenset(w for w in found if w not in ("@", PLACEHOLDER) and not w.isdigit())
    return Features(spelled, frozenset(result))


@lru_cache(maxsize=16384)
def _parts(word: str) -> tuple[str, ...]:
    if len(word) <= _PART:
        return ()
    padded = f" {word} "
    return tuple(f"~{padded[i : i + _PART]}" for i in range(len(padded) - _PART + 1))


def is_empty_status(status: str | None) -> bool:
    """Whether there is no status, or one that says nothing (RFC 3463: X.0.0, "other")."""
    return status is None or status.endswith(".0.0")
