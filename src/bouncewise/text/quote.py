"""The evidence of a verdict: the words of a reply that match a phrase, exactly as they are written.

Reads: the text of a reply, and phrases of the rule that decided. Gives: a part of the text, or ''
where no phrase matches. The words are looked for where ``words`` looks: in the innermost reply that
the text quotes, with mail addresses and IP addresses masked.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import ahocorasick

from bouncewise.text.frames import blank_frame
from bouncewise.text.mask import MAX_REPLY, PLACEHOLDER, mask, mask_same_length
from bouncewise.text.phrase import Piece, find_phrase, phrase_pieces
from bouncewise.text.words import UNSPACED, fold, without_repeats, words_of

_WORD = re.compile(rf"@|[{UNSPACED}]|(?:[^\W_{UNSPACED}]|(?<=[^\W\d_])['’](?=[^\W\d_]))+")


def quote(text: str, phrase: str) -> str:
    """The part of *text* that matches *phrase* (see ``phrase_pieces``), as written; '' if none."""
    text, masked = _prepare(text)
    return _quote(text, masked, words_of(masked), phrase_pieces(phrase))


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
        if evidence := _quote(text, masked, bare_words, longest_first[i]):
            return evidence
    return ""


def _prepare(text: str) -> tuple[str, str]:
    """*text* as it is quoted, and the masked text of equal length in which phrases are found."""
    text = text[:MAX_REPLY]
    text = text if text.isascii() else unicodedata.normalize("NFC", text)
    return text, without_repeats(blank_frame(mask_same_length(text), mask(text)))


def _quote(text: str, masked: str, bare_words: str, pieces: tuple[Piece, ...]) -> str:
    """The part of *text* that matches *pieces*; *bare_words* are the words of *masked*."""
    span = find_phrase(bare_words, pieces)
    if span is None:
        return ""
    places = [word.span() for word in _WORD.finditer(masked)]
    if bare_words.count(" ") != len(places) + 1:  # folding has joined or divided words
        bare_words = f" {' '.join(fold(masked[start:end]) for start, end in places)} "
        span = find_phrase(bare_words, pieces)
        if span is None or bare_words.count(" ") != len(places) + 1:
            return ""
    first = bare_words.count(" ", 0, span[0]) - (bare_words[span[0]] != " ")
    last = bare_words.count(" ", 0, span[1] - 1) - 1
    return _original(text, masked, places[first][0], places[last][1])


def _original(text: str, masked: str, start: int, end: int) -> str:
    """*text* from *start* to *end*; the whole address where only its mask is there."""
    if masked[start:end] in ("@", PLACEHOLDER):
        return text[start:].split()[0]
    return text[start:end]


@lru_cache(maxsize=1024)
def _automaton(
    phrases: tuple[str, ...],
) -> tuple[list[tuple[Piece, ...]], ahocorasick.Automaton]:
    """The pieces of phrases, longest first, and an automaton that gives the indexes of those that
    are tried.

    A phrase is tried where its first piece is found.
    """
    longest_first = [phrase_pieces(p) for p in sorted(phrases, key=len, reverse=True)]
    by_first_piece: dict[str, list[int]] = {}
    for i, pieces in enumerate(longest_first):
        by_first_piece.setdefault(pieces[0].literal, []).append(i)
    automaton = ahocorasick.Automaton()
    for literal, indexes in by_first_piece.items():
        automaton.add_word(literal, indexes)
    automaton.make_automaton()
    return longest_first, automaton
