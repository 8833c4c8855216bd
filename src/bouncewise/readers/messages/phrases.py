"""The phrases of absence.toml, and sets of phrases to look for in words."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import resources

import msgspec

from bouncewise.model.absence import AbsenceState
from bouncewise.text.phrase import find_phrase, phrase_pieces


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one language has for one state; absence.toml describes the keys."""

    language: str
    state: AbsenceState
    phrase: tuple[str, ...]
    unless: tuple[str, ...]
    example: tuple[str, ...]
    counter: tuple[str, ...]


class AbsenceWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The content of absence.toml."""

    statement: tuple[Statement, ...]
    return_before: tuple[str, ...]
    return_after: tuple[str, ...]
    range: tuple[str, ...]
    contact: tuple[str, ...]
    closing: tuple[str, ...]
    months: tuple[str, ...]


@cache
def absence_words() -> AbsenceWords:
    """The content of absence.toml."""
    data = (resources.files("bouncewise.readers.messages") / "absence.toml").read_bytes()
    return msgspec.toml.decode(data, type=AbsenceWords)


class PhraseSet:
    """Phrases of which one or none is in a text."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._pieces = [phrase_pieces(phrase) for phrase in phrases]

    def found_in(self, normalised: str) -> bool:
        """Whether *normalised*, of ``text.words``, contains one of the phrases."""
        return any(find_phrase(normalised, pieces) is not None for pieces in self._pieces)

    def begins(self, normalised: str) -> bool:
        """Whether *normalised* begins with one of the phrases, none of which has a gap."""
        return any(normalised.startswith(pieces[0].literal) for pieces in self._pieces)
