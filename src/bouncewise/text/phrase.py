"""Phrases in the words of a reply: literal pieces with gaps that are counted in words.

Reads: a phrase of a rule or of ``wording.toml``, and words as ``text.words`` gives them. Gives: the
pieces of the phrase, and where they are found. Matching is linear in the number of words.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from bouncewise.text.words import words

GAP = 12
"""The largest number of words that a ``*`` in a phrase stands for."""

Span = tuple[int, int]
"""Start and end of a part of a text."""


class Piece(NamedTuple):
    """A literal part of a phrase."""

    literal: str
    same_word: bool
    """The piece follows in the word that the piece before it began, not after a gap of words."""


@lru_cache(maxsize=32768)
def phrase_pieces(phrase: str) -> tuple[Piece, ...]:
    """The literal pieces between the gaps of *phrase*, folded as the words of replies are.

    ``user * unknown`` has a gap of at most GAP words. ``suspend*`` is any word that begins with
    these letters, ``*sperrt`` any word that ends with them. ``@`` is any mail address.
    """
    if phrase.isascii() and phrase.islower() and phrase.replace(" ", "").isalpha():
        return (Piece(f" {' '.join(phrase.split())} ", False),)  # nothing to fold, and no gap
    pieces: list[Piece] = []
    literal, same_word = " ", False
    for part in phrase.split():
        if part == "*":
            if literal.strip():
                pieces.append(Piece(literal, same_word))
            literal, same_word = " ", False
            continue
        if part.startswith("*"):
            if literal.strip():
                pieces.append(Piece(literal, same_word))
            literal, same_word = "", False
        literal += words(part.strip("*")).lstrip(" ")
        if part.endswith("*"):
            pieces.append(Piece(literal[:-1], same_word))
            literal, same_word = " ", True
    if literal.strip():
        pieces.append(Piece(literal, same_word))
    return tuple(pieces)


def find_phrase(bare_words: str, pieces: tuple[Piece, ...]) -> Span | None:
    """Where *pieces* follow each other in *bare_words*; None where they do not."""
    first = pieces[0].literal
    if len(pieces) == 1:
        at = bare_words.find(first)
        return None if at < 0 else (at, at + len(first))
    start, last = bare_words.find(first), pieces[-1].literal
    last_start = bare_words.find(last, start + len(first) - 1)
    if start < 0 or last_start < 0:
        return None
    if len(pieces) == 2 and not pieces[1].same_word:
        gap = bare_words.count(" ", start + len(first), last_start)
        if gap < GAP:
            return start, last_start + len(last)
    # Extend piece by piece, and keep for each position reached the earliest start that led to it.
    reached = [(at, at + len(first)) for at in _occurrences(bare_words, first)]
    for piece in pieces[1:]:
        extend = _within_word if piece.same_word else _after_gap
        reached = extend(bare_words, piece, reached)
    return reached[0] if reached else None


def _within_word(bare_words: str, piece: Piece, reached: list[Span]) -> list[Span]:
    word_ends = ((start, bare_words.find(" ", end)) for start, end in reached)
    return [
        (start, at + len(piece.literal))
        for start, at in word_ends
        if bare_words.startswith(piece.literal, at)
    ]


def _after_gap(bare_words: str, piece: Piece, reached: list[Span]) -> list[Span]:
    extended: list[Span] = []
    i = 0
    for at in _occurrences(bare_words, piece.literal):
        # Adjacent words share one blank: a piece may begin one character before the last one ended.
        while i < len(reached) and bare_words.count(" ", reached[i][1], at) >= GAP:
            i += 1
        if i < len(reached) and reached[i][1] - 1 <= at:
            extended.append((reached[i][0], at + len(piece.literal)))
    return extended


def _occurrences(text: str, piece: str) -> Iterator[int]:
    at = text.find(piece)
    while at >= 0:
        yield at
        at = text.find(piece, at + 1)
