"""What a text says, by the phrases of wording.toml: that mail failed, is late, that the returned message begins here."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources

import ahocorasick

from bouncewise.text.phrase import Piece, find_phrase, phrase_pieces
from bouncewise.text.words import words

MAX_TEXT = 2000
"""Characters at a time; a longer text is looked at in slices, which words() bounds as well."""


# A first word whose form is beyond doubt: ASCII, no elision. Most lines are done with when it opens no phrase.
_FIRST = re.compile(r"[ \t*=_|#~.>+<(\[\"-]*+([A-Za-z]++)(?!['’]|[^\x00-\x7f])")


class _Phrases:
    """One list of phrases: an automaton of their first pieces, so that most texts are done with in one look."""

    def __init__(self, phrases: list[str]) -> None:
        first: dict[str, list[tuple[Piece, ...]]] = {}
        for phrase in phrases:
            pieces = phrase_pieces(phrase)
            first.setdefault(pieces[0].literal, []).append(pieces)
        self.automaton = ahocorasick.Automaton()
        for literal, ways in first.items():
            self.automaton.add_word(literal, (len(literal), ways))
        self.automaton.make_automaton()
        self.openings = frozenset(literal.split()[0] for literal in first)
        # Phrases that leave the end of their first word open ("absen*").
        self.stems = tuple(word for word in self.openings if f" {word}" in first)

    def may_begin(self, text: str) -> bool:
        """False where the first word of *text* opens no phrase, which is quick to see."""
        first = _FIRST.match(text)
        return (
            first is None
            or (word := first[1].lower()) in self.openings
            or word.startswith(self.stems)
        )


@cache
def _phrases() -> dict[str, _Phrases]:
    text = (resources.files("bouncewise.readers.messages") / "wording.toml").read_text("utf-8")
    return {name: _Phrases(phrases) for name, phrases in tomllib.loads(text).items()}


def spoken(text: str) -> str:
    """The bare words of the first 8,000 characters of *text*."""
    return "".join(
        words(text[at : at + MAX_TEXT]) for at in range(0, min(len(text), 4 * MAX_TEXT), MAX_TEXT)
    )


def says(told: str, what: str) -> bool:
    """Whether one of the phrases *what* stands anywhere in *told*, which ``spoken`` gave."""
    return any(
        len(pieces) == 1 or find_phrase(told, pieces)
        for _, (_, ways) in _phrases()[what].automaton.iter(told)
        for pieces in ways
    )


def begins(text: str, what: str) -> bool:
    """Whether *text* begins with one of the phrases *what*."""
    phrases = _phrases()[what]
    return phrases.may_begin(text) and _begins(text, phrases)


def lines_that_may_begin(text: str, what: str, least: int, most: int) -> Iterator[tuple[int, str]]:
    """The lines of *least* to *most* characters whose first word opens one of the phrases *what*, with their places."""
    phrases = _phrases()[what]
    at = 0
    for line in text.split("\n"):
        if least <= len(line) <= most and phrases.may_begin(line):
            yield at, line
        at += len(line) + 1


def _begins(text: str, phrases: _Phrases) -> bool:
    opening = words(text[:200])
    for end, (length, ways) in phrases.automaton.iter(opening):
        if end + 1 == length and any(
            (at := find_phrase(opening, pieces)) is not None and at[0] == 0 for pieces in ways
        ):
            return True
    return False
