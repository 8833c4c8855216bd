"""The words of a reply that fit a phrase, as they are written there: the evidence of a verdict."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import ahocorasick

from bouncewise.text.frames import blanked
from bouncewise.text.mask import MAX_REPLY, PLACEHOLDER, mask, mask_same_length
from bouncewise.text.phrase import Piece, find_phrase, phrase_pieces
from bouncewise.text.words import SIGNS, fold, without_repeats, words_of

_WORD = re.compile(rf"@|[{SIGNS}]|(?:[^\W_{SIGNS}]|(?<=[^\W\d_])['’](?=[^\W\d_]))+")


def quote(text: str, phrase: str) -> str:
    """The part of *text* that fits *phrase* (see ``phrase_pieces``), as it stands there; '' where none does."""
    return _quoted(*_masked(text), phrase)


def _masked(text: str) -> tuple[str, str]:
    """*text* as it is quoted from, and, equally long, as it is looked through."""
    text = text[:MAX_REPLY]
    text = text if text.isascii() else unicodedata.normalize("NFC", text)
    return text, without_repeats(blanked(mask_same_length(text), mask(text)))


def _quoted(text: str, masked: str, phrase: str) -> str:
    pieces = phrase_pieces(phrase)
    plain = masked.isascii() and all(
        p.joined for p in pieces[1:]
    )  # with gaps a pattern would backtrack
    if plain and (m := _as_written(phrase).search(masked.lower())) is not None:
        return (
            text[m.start() :].split()[0]
            if m[0] in ("@", PLACEHOLDER)
            else text[m.start() : m.end()]
        )
    spans: list[
        tuple[int, int, int]
    ] = []  # position in the joined words, start and end in the text
    joined = " "
    for w in _WORD.finditer(masked):
        spans.append((len(joined), w.start(), w.end()))
        joined += fold(w[0]) + " "
    found = find_phrase(joined, pieces)
    if found is None:
        return ""
    inside = [s for s in spans if found[0] <= s[0] < found[1]] or spans[:1]
    start, end = inside[0][1], inside[-1][2]
    return text[start:].split()[0] if masked[start:end] in ("@", PLACEHOLDER) else text[start:end]


@lru_cache(maxsize=8192)
def _as_written(phrase: str) -> re.Pattern[str]:
    """A pattern for a *phrase* without gaps in lower ASCII text: what ``quote`` finds word by word.

    It begins with the phrase's first letters where it can, which ``re`` looks for fast, and only then looks back.
    """
    between = "[^a-z0-9@]+"
    written = ""
    for piece in phrase_pieces(phrase):
        literal = between.join(map(re.escape, piece.literal.split()))
        if not written:
            first = re.escape((piece.literal.split() or [""])[0])
            begun = piece.literal.startswith(" ")
            literal = (
                f"{first}(?<![a-z0-9@]{first}){literal.removeprefix(first)}"
                if begun
                else f"[a-z0-9]*{literal}"
            )
            written = literal if begun else f"(?<![a-z0-9@]){literal}"
        else:
            written += literal
        written += "[a-z0-9]*" if not piece.literal.endswith(" ") else ""
    return re.compile(rf"{written}(?![a-z0-9@])")


def quote_longest(text: str, phrases: tuple[str, ...]) -> str:
    """What ``quote`` gives for the longest of the *phrases* that *text* holds, being the plainest evidence."""
    if not phrases:
        return ""
    text, masked = _masked(text)
    spoken = words_of(masked)
    longest_first, automaton = _automaton(phrases)
    for at in sorted({at for _, places in automaton.iter(spoken) for at in places}):
        phrase, pieces = longest_first[at]
        if find_phrase(spoken, pieces):
            return _quoted(text, masked, phrase)
    return ""


@lru_cache(maxsize=1024)
def _automaton(
    phrases: tuple[str, ...],
) -> tuple[list[tuple[str, tuple[Piece, ...]]], ahocorasick.Automaton]:
    """The phrases, and what finds the places among them of those whose first piece stands in some words."""
    longest_first = [(p, phrase_pieces(p)) for p in sorted(phrases, key=len, reverse=True)]
    places: dict[str, list[int]] = {}
    for at, (_, pieces) in enumerate(longest_first):
        places.setdefault(pieces[0].literal, []).append(at)
    automaton = ahocorasick.Automaton()
    for literal, some in places.items():
        automaton.add_word(literal, some)
    automaton.make_automaton()
    return longest_first, automaton
