"""What the model sees of a reply: words, pairs of words, parts of words, and codes.

Reads: the words of a reply (``text.words``) and its codes. Gives: a set of strings. Pure, and the
same for a reply and for its templates in a column (``bulk.templates``), which replace ids, numbers,
times, and the digits of names: here these count as one word.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from bouncewise.text.mask import PLACEHOLDER

MAX_WORDS = 80
"""Words of a reply that are looked at. The limit keeps hostile texts cheap."""

_UUID = re.compile(
    r"(?<![^ ])(?:[0-9a-f]{8}|0q0) (?:(?:[0-9a-f]{4}|0q0) ){3}(?:[0-9a-f]{12}|0q0)(?= |$)"
)
_DIGIT = re.compile("[0-9]")
_LETTERS = re.compile("([a-z]{4,})[0-9]")
_MASKED_UUID = " ".join([PLACEHOLDER] * 5)
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
    found = [_reduced(word) for word in _UUID.sub(_MASKED_UUID, words).split()[:MAX_WORDS]]
    result = set(found)
    result.update(map(" ".join, pairwise(found)))
    result.update(map(" _ ".join, zip(found, found[2:], strict=False)))
    for word in set(found):
        result.update(_parts(word))
    if reply_code:
        result.update((f"#{reply_code}", f"#{reply_code // 100}xx"))
    if status and not is_empty_status(status):
        result.update((f"#{status}", f"#{status.rpartition('.')[0]}", f"#{status[1:]}"))
    spelled = frozenset(found) - {"@", PLACEHOLDER}
    return Features(spelled, frozenset(result))


def _reduced(word: str) -> str:
    """*word*; one with digits counts as its first letters, if they are many, else as an id."""
    if not _DIGIT.search(word):
        return word
    letters = _LETTERS.match(word)
    return f"{letters[1]}9" if letters else PLACEHOLDER


@lru_cache(maxsize=16384)
def _parts(word: str) -> tuple[str, ...]:
    if len(word) <= _PART:
        return ()
    padded = f" {word} "
    return tuple(f"~{padded[i : i + _PART]}" for i in range(len(padded) - _PART + 1))


def is_empty_status(status: str | None) -> bool:
    """Whether there is no status, or one that says nothing (RFC 3463: X.0.0, "other")."""
    return status is None or status.endswith(".0.0")
