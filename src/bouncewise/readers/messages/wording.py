"""The wording of notices: whether a text contains, or a line begins with, a phrase of wording.toml.

Reads: wording.toml, once, and text of notices. Gives: answers for its lists of phrases, and its
lists of alternatives as parts of regular expressions. Linear in the length of the text, of which
8,000 characters are read.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

import ahocorasick

from bouncewise.text.phrase import Piece, find_phrase, phrase_pieces
from bouncewise.text.words import words

_SLICE = 2000  # characters; words() reads no more at a time
_SLICES = 4

# The first word of a line where its normalised form is certain: ASCII, no elision. If no phrase
# begins with this word, nothing else about the line has to be examined.
_FIRST_WORD = re.compile(r"[ \t*=_|#~.>+<(\[\"-]*+([A-Za-z]++)(?!['’]|[^\x00-\x7f])")


class _PhraseList:
    """One list of phrases. An automaton finds their first pieces; most texts contain none."""

    def __init__(self, phrases: list[str]) -> None:
        by_first_piece: dict[str, list[tuple[Piece, ...]]] = {}
        for phrase in phrases:
            pieces = phrase_pieces(phrase)
            by_first_piece.setdefault(pieces[0].literal, []).append(pieces)
        self.automaton = ahocorasick.Automaton()
        for literal, candidates in by_first_piece.items():
            self.automaton.add_word(literal, (len(literal), candidates))
        self.automaton.make_automaton()
        self.first_words = frozenset(literal.split()[0] for literal in by_first_piece)
        # First words with an open ending ("absen*").
        self.stems = tuple(word for word in self.first_words if f" {word}" in by_first_piece)

    def may_begin(self, text: str) -> bool:
        """False if no phrase begins with the first word of *text*; quick."""
        first = _FIRST_WORD.match(text)
        return (
            first is None
            or (word := first[1].lower()) in self.first_words
            or word.startswith(self.stems)
        )

    def begins(self, text: str) -> bool:
        opening = words(text[:200])
        for end, (length, candidates) in self.automaton.iter(opening):
            if end + 1 == length and any(
                (place := find_phrase(opening, pieces)) is not None and place[0] == 0
                for pieces in candidates
            ):
                return True
        return False


@cache
def _wording() -> dict[str, Any]:
    file = resources.files("bouncewise.readers.messages") / "wording.toml"
    return tomllib.loads(file.read_text("utf-8"))


@cache
def _phrase_list(name: str) -> _PhraseList:
    return _PhraseList(_wording()[name])


def alternatives(name: str) -> str:
    """The list *name* of [alternatives] as a group of a regular expression."""
    entries = (
        re.escape(entry).replace(r"\*", r"\w*") for entry in _wording()["alternatives"][name]
    )
    return f"(?:{'|'.join(entries)})"


def normalised_text(text: str) -> str:
    """The normalised words of the first 8,000 characters of *text*, for ``contains``."""
    end = min(len(text), _SLICES * _SLICE)
    return "".join(words(text[start : start + _SLICE]) for start in range(0, end, _SLICE))


def contains(normalised: str, name: str) -> bool:
    """Whether *normalised*, from ``normalised_text``, contains a phrase of the list *name*."""
    return any(
        len(pieces) == 1 or find_phrase(normalised, pieces)
        for _, (_, candidates) in _phrase_list(name).automaton.iter(normalised)
        for pieces in candidates
    )


def begins_with(text: str, name: str) -> bool:
    """Whether *text* begins with a phrase of the list *name*."""
    phrases = _phrase_list(name)
    return phrases.may_begin(text) and phrases.begins(text)


def candidate_lines(
    text: str, name: str, min_length: int, max_length: int
) -> Iterator[tuple[int, str]]:
    """Lines that may begin with a phrase of the list *name*, with their positions in *text*.

    They have *min_length* to *max_length* characters; whether they do begin so, ``begins_with``
    answers.
    """
    phrases = _phrase_list(name)
    position = 0
    for line in text.split("\n"):
        if min_length <= len(line) <= max_length and phrases.may_begin(line):
            yield position, line
        position += len(line) + 1
