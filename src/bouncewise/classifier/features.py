"""What the model sees of a reply: words, pairs of words, parts of words, and codes.

Reads: the words of a reply (``text.words``) and its codes. Gives: a set of strings. Pure, and the
same for a reply and for its template in a column: a word with the shape of an id counts as the
word that replaces an id there.
"""

from __future__ import annotations

import re
from itertools import pairwise

from bouncewise.text.mask import PLACEHOLDER

MAX_WORDS = 80
"""Words of a reply that are looked at. The limit keeps hostile texts cheap."""

_ID = re.compile(r"[a-z]{0,3}[0-9]+[a-z]+[0-9][a-z0-9]*|[0-9]{4,}")
_PART = 4  # characters of a part of a word


def features(
    words: str, reply_code: int | None, status: str | None, stage: str | None
) -> frozenset[str]:
    """The features of a reply with these *words*.

    A word is itself; ``a b`` are two words in a row; ``~abcd`` are four characters of a word with
    blanks at its ends; ``#550``, ``#5xx``, ``#5.1.1``, ``#5.1``, ``#.1.1`` and ``#rcpt`` are codes
    and the stage of the dialogue.
    """
    found = [PLACEHOLDER if _ID.fullmatch(word) else word for word in words.split()[:MAX_WORDS]]
    result = set(found)
    result.update(map(" ".join, pairwise(found)))
    for word in set(found):
        if len(word) > _PART:
            padded = f" {word} "
            result.update(f"~{padded[i : i + _PART]}" for i in range(len(padded) - _PART + 1))
    if reply_code:
        result.update((f"#{reply_code}", f"#{reply_code // 100}xx"))
    if status:
        result.update((f"#{status}", f"#{status.rpartition('.')[0]}", f"#{status[1:]}"))
    if stage:
        result.add(f"#{stage}")
    return frozenset(result)
