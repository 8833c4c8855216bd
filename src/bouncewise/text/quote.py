"""The evidence of a verdict: the words of a reply that match a phrase, exactly as they are written.

Reads: the text of a reply, and phrases of the rule that decided. Gives: a part of the text, or ''
where no phrase matches. The words are looked for where ``words`` looks: in the innermost reply that
the text quotes, with addresses and IPv4 addresses masked.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

import ahocorasick

from bouncewise.text.frames import blank_frame
from bouncewise.text.mask import MAX_REPLY, PLACEHOLDER, mask, mask_same_length
from bouncewise.text.phrase import Piece, find_phrase, phrase_pieces
from bouncewise.text.words import UNSPACED, fold, without_repeats, words_of

_WORD = re.compile(rf"@|[{UNSPACED}]|(?:[^\W_{UNSPACED}]|(?<=[^\W\d_])['’](?=[^\W\d_]))+")


class _WordPlace(NamedTuple):
    """Where a word starts in the joined words, and where it starts and ends in the text."""

    in_words: int
    start: int
    end: int


def quote(text: str, phrase: str) -> str:
    """The part of *text* that matches *phrase* (see ``phrase_pieces``), as written; '' if none."""
    return _quote(*_prepare(text), phrase)


def quote_longest(text: str, phrases: tuple[str, ...]) -> str:
    """The part of *text* that matches the longest of the *phrases* in it; '' if none matches.

    The longest phrase is the clearest evidence.
    """
    if not phrases:
        return ""
    text, masked = _prepare(text)
    bare_words = words_of(masked)
    longest_first, automaton = _automaton(phrases)
    candidates = {i for _, indexes in automaton.iter(bare_words) for i in indexes}
    for i in sorted(candidates):
        phrase, pieces = longest_first[i]
        if find_phrase(bare_words, pieces):
            return _quote(text, masked, phrase)
    return ""


def _prepare(text: str) -> tuple[str, str]:
    """*text* as it is quoted, and the masked text of equal length in which phrases are found."""
    text = text[:MAX_REPLY]
    text = text if text.isascii() else unicodedata.normalize("NFC", text)
    return text, without_repeats(blank_frame(mask_same_length(text), mask(text)))


def _quote(text: str, masked: str, phrase: str) -> str:
    pieces = phrase_pieces(phrase)
    # A regular expression with gaps would backtrack, so only phrases without gaps become one.
    if masked.isascii() and all(p.same_word for p in pieces[1:]):
        m = _pattern(phrase).search(masked.lower())
        if m is not None:
            return _original(text, masked, m.start(), m.end())
    places: list[_WordPlace] = []
    joined = " "
    for word in _WORD.finditer(masked):
        places.append(_WordPlace(len(joined), word.start(), word.end()))
        joined += fold(word[0]) + " "
    span = find_phrase(joined, pieces)
    if span is None:
        return ""
    inside = [place for place in places if span[0] <= place.in_words < span[1]] or places[:1]
    return _original(text, masked, inside[0].start, inside[-1].end)


def _original(text: str, masked: str, start: int, end: int) -> str:
    """*text* from *start* to *end*; the whole address where only its mask is there."""
    if masked[start:end] in ("@", PLACEHOLDER):
        return text[start:].split()[0]
    return text[start:end]


@lru_cache(maxsize=8192)
def _pattern(phrase: str) -> re.Pattern[str]:
    """A pattern that finds *phrase*, which has no gaps, in ASCII text in lower case.

    It begins with the first letters of the phrase where it can, because ``re`` finds literal text
    fast, and then looks back for the boundary of the word.
    """
    between = "[^a-z0-9@]+"
    pattern = ""
    for piece in phrase_pieces(phrase):
        literal = between.join(map(re.escape, piece.literal.split()))
        if not pattern:
            first = re.escape((piece.literal.split() or [""])[0])
            if piece.literal.startswith(" "):
                pattern = f"{first}(?<![a-z0-9@]{first}){literal.removeprefix(first)}"
            else:
                pattern = f"(?<![a-z0-9@])[a-z0-9]*{literal}"
        else:
            pattern += literal
        pattern += "[a-z0-9]*" if not piece.literal.endswith(" ") else ""
    return re.compile(rf"{pattern}(?![a-z0-9@])")


@lru_cache(maxsize=1024)
def _automaton(
    phrases: tuple[str, ...],
) -> tuple[list[tuple[str, tuple[Piece, ...]]], ahocorasick.Automaton]:
    """The phrases, longest first, and an automaton that gives the indexes of those to be tried.

    A phrase is tried where its first piece is found.
    """
    longest_first = [(p, phrase_pieces(p)) for p in sorted(phrases, key=len, reverse=True)]
    by_first_piece: dict[str, list[int]] = {}
    for i, (_, pieces) in enumerate(longest_first):
        by_first_piece.setdefault(pieces[0].literal, []).append(i)
    automaton = ahocorasick.Automaton()
    for literal, indexes in by_first_piece.items():
        automaton.add_word(literal, indexes)
    automaton.make_automaton()
    return longest_first, automaton
