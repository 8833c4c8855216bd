"""Phrases that fit words: literal pieces with gaps that are counted in words. Everything here is linear."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from bouncewise.text.words import words

GAP = 12
"""Words that a ``*`` in a phrase may stand for."""


class Piece(NamedTuple):
    """A literal part of a phrase. ``joined``: it follows within the word begun before, not after a free gap."""

    literal: str
    joined: bool


@lru_cache(maxsize=8192)
def phrase_pieces(phrase: str) -> tuple[Piece, ...]:
    """A phrase as the literal pieces between its gaps.

    ``user * unknown``: a gap of at most GAP words. ``suspend*``: any word that begins so; ``*sperrt``: that
    ends so. ``@``: any address. The words are folded just as replies are.
    """
    pieces: list[Piece] = []
    text, joined = " ", False
    for part in phrase.split():
        if part == "*":
            if text.strip():
                pieces.append(Piece(text, joined))
            text, joined = " ", False
            continue
        if part.startswith("*"):
            if text.strip():
                pieces.append(Piece(text, joined))
            text, joined = "", False
        text += words(part.strip("*")).lstrip(" ")
        if part.endswith("*"):
            pieces.append(Piece(text[:-1], joined))
            text, joined = " ", True
    if text.strip():
        pieces.append(Piece(text, joined))
    return tuple(pieces)


def find_phrase(joined: str, pieces: tuple[Piece, ...]) -> tuple[int, int] | None:
    """Where *pieces* stand in order in *joined* words, as (start, end); None where they do not. Linear."""
    first = pieces[0].literal
    if len(pieces) == 1:
        at = joined.find(first)
        return None if at < 0 else (at, at + len(first))
    start, last = joined.find(first), pieces[-1].literal
    after = joined.find(last, start + len(first) - 1)
    if start < 0 or after < 0:
        return None
    if (
        len(pieces) == 2
        and not pieces[1].joined
        and joined.count(" ", start + len(first), after) < GAP
    ):
        return start, after + len(last)
    # Sweep piece by piece, keeping for every place reached the earliest start that led there.
    reached = [(m, m + len(first)) for m in _occurrences(joined, first)]
    for piece in pieces[1:]:
        reached = (
            _within_word(joined, piece, reached)
            if piece.joined
            else _after_gap(joined, piece, reached)
        )
    return reached[0] if reached else None


def _within_word(
    joined: str, piece: Piece, reached: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    ends = ((start, joined.find(" ", end)) for start, end in reached)
    return [
        (start, at + len(piece.literal))
        for start, at in ends
        if joined.startswith(piece.literal, at)
    ]


def _after_gap(joined: str, piece: Piece, reached: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    back = 0
    for at in _occurrences(joined, piece.literal):
        # Neighbouring words share their space, so a piece may begin one character before the last ended.
        while back < len(reached) and joined.count(" ", reached[back][1], at) >= GAP:
            back += 1
        if back < len(reached) and reached[back][1] - 1 <= at:
            found.append((reached[back][0], at + len(piece.literal)))
    return found


def _occurrences(text: str, piece: str) -> Iterator[int]:
    at = text.find(piece)
    while at >= 0:
        yield at
        at = text.find(piece, at + 1)
