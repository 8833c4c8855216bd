"""What a text says, by the phrases of words.toml: that mail failed, is late, that the returned message begins here."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

from bouncewise.rfc.phrase import Piece, find_phrase, phrase_pieces, words

MAX_TEXT = 2000
"""Characters at a time; a longer text is looked at in slices, which words() bounds as well."""


@cache
def _phrases() -> dict[str, tuple[tuple[Piece, ...], ...]]:
    text = (resources.files("bouncewise.readers") / "words.toml").read_text("utf-8")
    return {name: tuple(map(phrase_pieces, phrases)) for name, phrases in tomllib.loads(text).items()}


def says(text: str, what: str) -> bool:
    """Whether one of the phrases *what* stands anywhere in *text*, of which the first 8,000 characters count."""
    spoken = "".join(words(text[at : at + MAX_TEXT]) for at in range(0, min(len(text), 4 * MAX_TEXT), MAX_TEXT))
    return any(find_phrase(spoken, pieces) for pieces in _phrases()[what])


def begins(text: str, what: str) -> bool:
    """Whether *text* begins with one of the phrases *what*."""
    spoken = words(text[:200])
    return any((at := find_phrase(spoken, pieces)) is not None and at[0] == 0 for pieces in _phrases()[what])
