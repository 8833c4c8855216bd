"""The bare words of a reply: what rules and readers match by.

Matching looks at words only: letters and digits, casefolded, without accents, one space between, one at either end; "@" is any
mail address. So punctuation, line breaks, quotes and the recipient's own name can neither hide a phrase nor imitate one. Han,
kana and hangul have no spaces: each sign is a word. Everything here is linear.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from bouncewise.text.mask import MAX_REPLY, mask

SIGNS = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f"
_FOLDED_WORD = re.compile(rf"@|[{SIGNS}]|[^\W_{SIGNS}]+")
_ASCII = bytes(
    ord(chr(i).lower()) if chr(i).isalnum() or chr(i) == "@" else 32 for i in range(128)
) + bytes(128)
_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_PLAIN = str.maketrans(
    {"’": "", "'": "", "ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i"}
)
# An elision joins two runs of letters: "don't", "l'adresse". Digits beside an apostrophe stay words of their own.
_APOSTROPHE = re.compile(r"(?<=[A-Za-z])'(?=[A-Za-z])")
_CONTINUED = re.compile(r"-(?<=([245]\d\d)-)(?<!\S[245]\d\d-)")


def words(text: str) -> str:
    """*text* as bare words, e.g. ``550 <a@b.c>... User Unknown!`` gives ``" 550 @ user unknown "``."""
    return words_of(mask(text[:MAX_REPLY]))


def words_of(masked: str) -> str:
    """``words`` of a text that is masked already."""
    text = without_repeats(masked)
    if text.isascii():
        if "'" in text:
            text = _APOSTROPHE.sub("", text)
        joined = b" ".join(text.encode().translate(_ASCII).split()).decode()
    else:
        joined = " ".join(_FOLDED_WORD.findall(fold(text)))
    return f" {joined} " if joined else " "


def without_repeats(text: str) -> str:
    """*text*, equally long, each repeated ``550-5.1.1`` of a reply of several lines blanks."""
    if "-" in text and (m := _CONTINUED.search(text)) is not None:
        text = _continuation(m[1]).sub(lambda c: " " * len(c[0]), text)
    return text


@lru_cache(maxsize=400)
def _continuation(code: str) -> re.Pattern[str]:
    return re.compile(rf"(?<=\s){code}(?:[ \-]|$)(?:[245]\.\d{{1,3}}\.\d{{1,3}}(?=\s)\s?)?")


def fold(text: str) -> str:
    """*text* in lower case, without accents and apostrophes."""
    lower = text.lower()
    return (lower if lower.isascii() else _FOREIGN.sub(_fold_foreign, lower)).replace("'", "")


def _fold_foreign(m: re.Match[str]) -> str:
    return _bare(m[0])


@lru_cache(maxsize=8192)
def _bare(letters: str) -> str:
    """RFC 5198 texts may be composed or not; accents are often lost on the way, so they never count."""
    bare = "".join(
        c for c in unicodedata.normalize("NFKD", letters) if not unicodedata.combining(c)
    )
    return unicodedata.normalize("NFC", bare.casefold()).translate(_PLAIN)
