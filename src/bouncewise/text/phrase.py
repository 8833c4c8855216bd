"""The bare words of a reply, and phrases that fit them: what rules and readers match by.

Matching looks at words only: letters and digits, casefolded, without accents, one space between, one at either end;
"@" stands for any mail address. So punctuation, line breaks, quotes and the recipient's own name can neither hide a
phrase nor forge one. Han, kana and hangul have no spaces: each sign is a word. Everything here is linear.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import ahocorasick

from bouncewise.rfc.frames import blanked
from bouncewise.rfc.reply import HIDDEN, MAX_REPLY, shield, shield_in_place

GAP = 12
"""Words that a ``*`` in a phrase may stand for."""

_SIGNS = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f"
_WORD = re.compile(rf"@|[{_SIGNS}]|(?:[^\W_{_SIGNS}]|(?<=[^\W\d_])['’](?=[^\W\d_]))+")
_FOLDED_WORD = re.compile(rf"@|[{_SIGNS}]|[^\W_{_SIGNS}]+")
_ASCII = bytes(ord(chr(i).lower()) if chr(i).isalnum() or chr(i) == "@" else 32 for i in range(128)) + bytes(128)
_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_PLAIN = str.maketrans({"’": "", "'": "", "ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i"})
# An elision joins two runs of letters: "don't", "l'adresse". Digits beside an apostrophe stay words of their own.
_APOSTROPHE = re.compile(r"(?<=[A-Za-z])'(?=[A-Za-z])")
_CONTINUED = re.compile(r"-(?<=([245]\d\d)-)(?<!\S[245]\d\d-)")


def words(text: str) -> str:
    """*text* as bare words, e.g. ``550 <a@b.c>... User Unknown!`` gives ``" 550 @ user unknown "``."""
    return words_of(shield(text[:MAX_REPLY]))


def words_of(shielded: str) -> str:
    """``words`` of a text that is shielded already."""
    text = _without_repeats(shielded)
    if text.isascii():
        if "'" in text:
            text = _APOSTROPHE.sub("", text)
        joined = b" ".join(text.encode().translate(_ASCII).split()).decode()
    else:
        joined = " ".join(_FOLDED_WORD.findall(_fold(text)))
    return f" {joined} " if joined else " "


def quote(text: str, phrase: str) -> str:
    """The part of *text* that fits *phrase* (see ``phrase_pieces``), as it stands there; '' where none does."""
    return _quoted(*_masked(text), phrase)


def _masked(text: str) -> tuple[str, str]:
    """*text* as it is quoted from, and, equally long, as it is looked through."""
    text = text[:MAX_REPLY]
    text = text if text.isascii() else unicodedata.normalize("NFC", text)
    return text, _without_repeats(blanked(shield_in_place(text), shield(text)))


def _quoted(text: str, masked: str, phrase: str) -> str:
    if masked.isascii() and (m := _as_written(phrase).search(masked.lower())) is not None:
        return text[m.start() :].split()[0] if m[0] in ("@", HIDDEN) else text[m.start() : m.end()]
    spans: list[tuple[int, int, int]] = []  # position in the joined words, start and end in the text
    joined = " "
    for w in _WORD.finditer(masked):
        spans.append((len(joined), w.start(), w.end()))
        joined += _fold(w[0]) + " "
    found = find_phrase(joined, phrase_pieces(phrase))
    if found is None:
        return ""
    inside = [s for s in spans if found[0] <= s[0] < found[1]] or spans[:1]
    start, end = inside[0][1], inside[-1][2]
    return text[start:].split()[0] if masked[start:end] in ("@", HIDDEN) else text[start:end]


@lru_cache(maxsize=8192)
def _as_written(phrase: str) -> re.Pattern[str]:
    """A pattern for *phrase* in lower ASCII text: what ``quote`` finds word by word, in one go where no elision is in the way.

    It begins with the phrase's first letters where it can, which ``re`` looks for fast, and only then looks back.
    """
    between, word = "[^a-z0-9@]+", "[a-z0-9@]+"
    written = ""
    for piece in phrase_pieces(phrase):
        literal = between.join(map(re.escape, piece.literal.split()))
        if not written:
            first = re.escape((piece.literal.split() or [""])[0])
            begun = piece.literal.startswith(" ")
            literal = f"{first}(?<![a-z0-9@]{first}){literal.removeprefix(first)}" if begun else f"[a-z0-9]*{literal}"
            written = literal if begun else f"(?<![a-z0-9@]){literal}"
        else:
            written += ("" if piece.joined else f"(?:{between}{word}){{0,{GAP}}}?{between}") + literal
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
def _automaton(phrases: tuple[str, ...]) -> tuple[list[tuple[str, tuple[Piece, ...]]], ahocorasick.Automaton]:
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
    if len(pieces) == 2 and not pieces[1].joined and joined.count(" ", start + len(first), after) < GAP:
        return start, after + len(last)
    # Sweep piece by piece, keeping for every place reached the earliest start that led there.
    reached = [(m, m + len(first)) for m in _occurrences(joined, first)]
    for piece in pieces[1:]:
        reached = _within_word(joined, piece, reached) if piece.joined else _after_gap(joined, piece, reached)
    return reached[0] if reached else None


def _within_word(joined: str, piece: Piece, reached: list[tuple[int, int]]) -> list[tuple[int, int]]:
    ends = ((start, joined.find(" ", end)) for start, end in reached)
    return [(start, at + len(piece.literal)) for start, at in ends if joined.startswith(piece.literal, at)]


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


def _without_repeats(text: str) -> str:
    """*text*, equally long, each repeated ``550-5.1.1`` of a reply of several lines blanks."""
    if "-" in text and (m := _CONTINUED.search(text)) is not None:
        text = _continuation(m[1]).sub(lambda c: " " * len(c[0]), text)
    return text


@lru_cache(maxsize=400)
def _continuation(code: str) -> re.Pattern[str]:
    return re.compile(rf"(?<=\s){code}(?:[ \-]|$)(?:[245]\.\d{{1,3}}\.\d{{1,3}}(?=\s)\s?)?")


def _fold(text: str) -> str:
    lower = text.lower()
    return (lower if lower.isascii() else _FOREIGN.sub(_fold_foreign, lower)).replace("'", "")


def _fold_foreign(m: re.Match[str]) -> str:
    return _bare(m[0])


@lru_cache(maxsize=8192)
def _bare(letters: str) -> str:
    """RFC 5198 texts may be composed or not; accents are often lost on the way, so they never count."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", letters) if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", bare.casefold()).translate(_PLAIN)
