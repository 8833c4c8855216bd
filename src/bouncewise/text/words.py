"""The bare words of a reply, which rules and readers match.

Reads: a text. Gives: its letters and digits as words in lower case without accents, with one blank
before, between and after them; ``@`` is any mail address. Punctuation, line breaks, quotes and the
recipient's own name can therefore neither hide a phrase nor imitate one. Han, kana and hangul are
written without blanks, so each of their characters is a word. All functions are linear in the
length of the text.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from bouncewise.text.mask import MAX_REPLY, mask

UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f"
"""Kana, Han and hangul, as the ranges of a regular expression: each character is a word."""

_FOLDED_WORD = re.compile(rf"@|[{UNSPACED}]|[^\W_{UNSPACED}]+")
_ASCII = bytes(
    ord(chr(i).lower()) if chr(i).isalnum() or chr(i) == "@" else 32 for i in range(128)
) + bytes(128)
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_WITHOUT_DECOMPOSITION = str.maketrans(
    {"’": "", "'": "", "ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i"}
)
# An elision joins two runs of letters ("don't", "l'adresse"). Digits beside an apostrophe remain
# separate words.
_APOSTROPHE = re.compile(r"(?<=[A-Za-z])'(?=[A-Za-z])")
_FIRST_LINE = re.compile(r"-(?<=([245]\d\d)-)(?<!\S[245]\d\d-)")


def words(text: str) -> str:
    """The words of *text*: ``550 <a@b.c>... User Unknown!`` gives ``" 550 @ user unknown "``."""
    return words_of(mask(text[:MAX_REPLY]))


def words_of(masked: str) -> str:
    """The words of a text that ``mask`` has already masked."""
    text = without_repeats(masked)
    if text.isascii():
        if "'" in text:
            text = _APOSTROPHE.sub("", text)
        joined = b" ".join(text.encode().translate(_ASCII).split()).decode()
    else:
        joined = " ".join(_FOLDED_WORD.findall(fold(text)))
    return f" {joined} " if joined else " "


def without_repeats(text: str) -> str:
    """*text* with blanks for the code and status that each further line of a reply repeats.

    The length does not change (RFC 5321 §4.2.1: ``550-5.1.1 …`` on every line).
    """
    if "-" in text and (m := _FIRST_LINE.search(text)) is not None:
        text = _further_line(m[1]).sub(lambda repeat: " " * len(repeat[0]), text)
    return text


@lru_cache(maxsize=400)
def _further_line(code: str) -> re.Pattern[str]:
    return re.compile(rf"(?<=\s){code}(?:[ \-]|$)(?:[245]\.\d{{1,3}}\.\d{{1,3}}(?=\s)\s?)?")


def fold(text: str) -> str:
    """*text* in lower case, without accents and apostrophes."""
    lower = text.lower()
    if not lower.isascii():
        lower = _NOT_ASCII.sub(lambda m: _fold_letters(m[0]), lower)
    return lower.replace("'", "")


@lru_cache(maxsize=8192)
def _fold_letters(letters: str) -> str:
    """Remove the accents: a text may be composed or not (RFC 5198 §3), and accents get lost."""
    bare = "".join(
        c for c in unicodedata.normalize("NFKD", letters) if not unicodedata.combining(c)
    )
    return unicodedata.normalize("NFC", bare.casefold()).translate(_WITHOUT_DECOMPOSITION)
