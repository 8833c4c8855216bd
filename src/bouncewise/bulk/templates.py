"""Templates of replies: what differs between replies that have the same verdict becomes one word.

Reads: a polars column of replies. Gives: the fine template of each, and for fine templates coarse
ones. Needs the extra ``[scale]``.

A *fine* template has the verdict of its reply, whatever decides it:

* Addresses and IP addresses are masked by ``text.mask`` before anything else is done with a reply.
* An id has a shape that no code, no status and no word of the rules has: up to three letters,
  digits, letters and a digit; or ten digits. The rules at hand are searched for words that could
  have this shape. A reply that may contain such a word is classified with its ids; so is a reply
  that is longer than MAX_REPLY, and one that is not ASCII keeps ids that have no blanks around.
* Ids and IP addresses become different words, because rules and frames may name an IP address.
* Gaps in phrases are counted in words, and a template has as many words as the reply.

A *coarse* template has the verdict of its fine template. What it replaces, no rule distinguishes,
and the model neither (``classifier.features``).

* A word of letters and digits keeps its letters (``mta4192`` and ``mta7`` become one word), because
  a wildcard of a rule and the name of a stage match the beginning of a word.
* Numbers of four digits, of five to nine, and those behind an id and a dot each become one number:
  shorter numbers may be codes or parts of a status, longer ones are ids.
* A time of ISO 8601 in UTC and a UUID (RFC 9562) become one time and one UUID.
* Words of the rules at hand that have such a shape are left. What may be a part of a phrase or form
  in another way is looked for, as above; such a template has no coarse one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple

import polars as pl

from bouncewise.rules.load import RuleSet
from bouncewise.text.forms import KINDS, first_words, forms
from bouncewise.text.mask import IPV4, IPV6, MAX_REPLY, PLACEHOLDER
from bouncewise.text.phrase import phrase_pieces

_WORD_EDGE = r"(?-u:\b)"
# This finds only the ASCII part of an address that is not ASCII; ``mask`` removes the rest later.
_ADDRESS_CHARACTERS = r"[!#-&*+\-./0-9=?A-Z\\^_a-z~]*"
_ADDRESS = f"(?-u:{_ADDRESS_CHARACTERS}@{_ADDRESS_CHARACTERS})"
_ID = r"[A-Za-z]{0,3}[0-9]+[A-Za-z]+[0-9][A-Za-z0-9]*|[0-9]{10,}"
# Two patterns, because one of both takes twice as long.
_IPS = tuple(pattern.replace(r"\b", _WORD_EDGE) for pattern in (IPV6, IPV4))
_ID_WORD = rf"{_WORD_EDGE}(?:{_ID}){_WORD_EDGE}"
_ANY_ID = "0q0"
"""The word that replaces an id: it has the shape of one, and no rule has it."""

_ID_BETWEEN_BLANKS = f" (?:{_ID}) "
# The beginnings of words with the shape of an id: a wildcard behind one of these may match an id.
_BEGINS_ID = re.compile(r"[a-z]{0,3}(?:[0-9]+(?:[a-z]+(?:[0-9][a-z0-9]*)?)?)?")
# ``text.words`` joins letters around an apostrophe, so an id may be a part of a longer word.
_APOSTROPHE_IN_ID = "[A-Za-z]'[A-Za-z]*[0-9]|[0-9][A-Za-z]*'[A-Za-z]"

MAX_COARSE = MAX_REPLY // 2
"""Octets of a template that gets a coarse one, which may be up to twice as long."""

# In a fine template, parts of a UUID or of a time may already be ids ("01T10" is one).
_UUID = "-".join(f"(?:[0-9A-Fa-f]{{{n}}}|{_ANY_ID})" for n in (8, 4, 4, 4, 12))
# Of letters alone or digits alone, because forms distinguish words with digits; or with a reply
# code at its beginning.
_PLAIN_UUID = (
    f"[0-9]{{8}}-(?:[0-9]{{4}}-){{3}}(?:[0-9]{{12}}|{_ANY_ID})|"
    "[A-Fa-f]{8}-(?:[A-Fa-f]{4}-){3}[A-Fa-f]{12}|[245][0-9][0-9][A-Fa-f]{5}-"
)
_TIME = f"20[0-9]{{2}}-[0-9]{{2}}-(?:{_ANY_ID}|[0-9]{{2}}T[0-9]{{2}}):[0-9]{{2}}:[0-9]{{2}}"
_TIME_WORD = re.compile("[0-9]{2}|20[0-9]{2}")
_NAMES_TIME = re.compile("[0-9]{2}t[0-9]{2}|[0-9]+z")
_LETTERS_AND_DIGITS = re.compile("[a-z]+[0-9][a-z0-9]*")
_ANY_SUFFIX = "9q9"
"""What follows the letters of a word of letters and digits."""

_COARSER = (
    (f"{_UUID}", "-".join([_ANY_ID] * 5)),
    (rf"{_TIME}\.[0-9]+Z", f"2000-00-{_ANY_ID}:00:00.0Z"),
    (f"{_TIME}Z", f"2000-00-{_ANY_ID}:00:00Z"),
    ("[0-9]+[A-Za-z]+[0-9][A-Za-z0-9]*|[0-9]{4,}[A-Za-z]+|[0-9]{10,}", _ANY_ID),
    ("([A-Za-z]+)[0-9][A-Za-z0-9]*", f"${{1}}{_ANY_SUFFIX}"),
    ("[0-9]{4}", "0000"),
    ("[0-9]{5,9}", "00000"),
)
"""Words and what replaces each in a coarse template, in this order."""

_SHIELD = ("_qk", "qk_")

_NUMBER_BEHIND_ID = rf"({_ANY_ID}|{_ANY_SUFFIX})\.[0-9]{{1,4}}([^.0-9A-Z_a-z]|$)"
# rfc.reply reads a code directly behind one of these words.
_NAMED_CODE = rf"(?:error|code|status|smtp)[245][0-9][0-9]{_WORD_EDGE}"


class Untemplated(NamedTuple):
    """Rows whose template may have another verdict, and the texts that are classified instead."""

    rows: list[int]
    texts: list[str]


class Extraction(NamedTuple):
    """The template of each reply, and the rows that have none (there it is '')."""

    templates: pl.Series
    untemplated: Untemplated


class TemplateExtractor:
    """Replaces what differs between replies that mean the same under one rule set."""

    def __init__(self, ruleset: RuleSet) -> None:
        self._like_id = "(?i)" + "|".join(
            [
                _APOSTROPHE_IN_ID,
                _ends_like_form(),
                *_codes_in_forms(),
                *sorted(_words_like_ids(ruleset)),
            ]
        )

    def extract(self, replies: pl.Series) -> Extraction:
        """The template of each of *replies*."""
        masked = replies.str.replace_all(_ADDRESS, "@")
        long = replies.str.len_bytes() > MAX_REPLY
        like_id = masked.str.contains(self._like_id) & ~long
        # Beside a letter that is not ASCII, the shape alone does not prove that a word is an id.
        not_ascii = (masked.str.len_chars() != masked.str.len_bytes()) & ~like_id & ~long
        ids_masked = _mask_ips(masked.filter(not_ascii))
        ids_masked = ids_masked.str.replace_all(_ID_BETWEEN_BLANKS, f" {_ANY_ID} ")
        groups = (
            (not_ascii, ids_masked),
            (like_id, _mask_ips(masked.filter(like_id))),
            (long, replies.filter(long)),
        )
        untemplated = Untemplated(
            list(chain.from_iterable(where.arg_true().to_list() for where, _ in groups)),
            list(chain.from_iterable(texts.to_list() for _, texts in groups)),
        )
        # Two passes: a rule may name an IP address, never an id.
        templates = _mask_ips(masked).str.replace_all(_ID_WORD, _ANY_ID)
        return Extraction(templates.set(not_ascii | like_id | long, ""), untemplated)


def _mask_ips(texts: pl.Series) -> pl.Series:
    for pattern in _IPS:
        texts = texts.str.replace_all(pattern, PLACEHOLDER)
    return texts


class CoarseExtractor:
    """Replaces what differs between fine templates whose verdict one rule decides."""

    def __init__(self, ruleset: RuleSet) -> None:
        literals = _literals(ruleset)
        words = {w for literal in literals for w in literal.split() if _may_replace(w)}
        self._shielded = f"{_WORD_EDGE}((?i:{'|'.join(sorted(words)) or _ANY_SUFFIX})){_WORD_EDGE}"
        shapes = (_SHIELD[0], _NAMED_CODE, _PLAIN_UUID, _APOSTROPHE_IN_ID, _ends_like_form())
        kept = (*shapes, *_ambiguous(literals))
        self._kept = f"(?i){'|'.join(kept)}"

    def extract(self, templates: pl.Series) -> pl.Series:
        """The coarse template of each of *templates*; null where it may have another verdict.

        *templates* are fine ones, or masked replies that have none.
        """
        usable = (
            (templates.str.len_bytes() <= MAX_COARSE)
            & (templates.str.len_chars() == templates.str.len_bytes())
            & ~templates.str.contains(self._kept)
        )
        # Between letters and underscores, a word of a rule has no edge at which it is replaced.
        coarse = templates.str.replace_all(self._shielded, f"{_SHIELD[0]}${{1}}{_SHIELD[1]}")
        for pattern, replacement in _COARSER:
            coarse = coarse.str.replace_all(f"{_WORD_EDGE}(?:{pattern}){_WORD_EDGE}", replacement)
        coarse = coarse.str.replace_all(_NUMBER_BEHIND_ID, "${1}.0000${2}")
        coarse = coarse.str.replace_all(f"{_SHIELD[0]}([A-Za-z0-9]+?){_SHIELD[1]}", "${1}")
        return coarse.set(~usable, None)


def _literals(ruleset: RuleSet) -> set[str]:
    """The literal pieces of all phrases of rules and receivers, in ASCII."""
    phrases: Iterable[str] = (
        *(p for r in ruleset.rules for p in (*r.when.phrase, *r.when.also, *r.when.unless)),
        *(w for r in ruleset.receivers for w in r.words),
    )
    return {p.literal for phrase in phrases for p in phrase_pieces(phrase) if p.literal.isascii()}


def _ambiguous(literals: set[str]) -> Iterable[str]:
    """Patterns of what may continue a phrase of these *literals*, or a form, within a word, and of
    numbers and parts of times that are words of a phrase.
    """
    patterns = set(_forms_to_keep())
    first_numbers: set[str] = set()
    for literal in literals:
        found = literal.split()
        if not found:
            continue
        if found[0].isdigit():
            first_numbers.add(found[0])
        in_time = [_TIME_WORD.fullmatch(word) is not None for word in found]
        if all(in_time) or any(map(_NAMES_TIME.fullmatch, found)):
            patterns.add(_TIME)
        if not literal.endswith(" ") and any(map(str.isdigit, found[-1])):
            patterns.add(_WORD_EDGE + found[-1])
        if not literal.startswith(" "):
            patterns.add(f"[0-9][a-z0-9]*{found[0]}{_WORD_EDGE}")
        # A part of a UUID may be a word of letters.
        patterns |= {f"-{word}-" for word in found if re.fullmatch("[a-f]{4}", word)}
    if first_numbers:
        numbers = "|".join(sorted(first_numbers))
        patterns.add(rf"[a-z][a-z0-9]*\.(?:{numbers}){_WORD_EDGE}")
    return sorted(patterns)


def _may_replace(word: str) -> bool:
    """Whether a coarse template may have another word for *word* of a rule."""
    return any(re.fullmatch(pattern, word) for pattern, _ in _COARSER) or (
        re.fullmatch("[a-f]{8}|[a-f]{12}", word) is not None
    )


def _forms_to_keep() -> Iterable[str]:
    """Patterns of the words with digits in forms, and of longer words where a form has a code."""
    for form in _all_forms():
        for word in _LETTERS_AND_DIGITS.findall(form):
            yield _WORD_EDGE + word
    yield from _codes_in_forms()


def _ends_like_form() -> str:
    """A pattern of words with digits that end as a form or the name of a stage begins."""
    return f"[0-9][a-z0-9]*(?:{'|'.join(sorted(first_words()))}){_WORD_EDGE}"


def _codes_in_forms() -> Iterable[str]:
    """Patterns of words that begin with a code where a form has a code."""
    for form in _all_forms():
        before, code, _ = form.partition("{code}")
        if code:
            words_before = map(re.escape, before.split(" "))
            yield r"\s+".join(words_before) + '"?[245][0-9][0-9][0-9a-z]'


def _all_forms() -> Iterable[str]:
    for frame in forms().frame:
        for form in chain.from_iterable(getattr(frame, kind) for kind in KINDS):
            yield form.lower()


def _words_like_ids(ruleset: RuleSet) -> set[str]:
    """Patterns of the words of rules and receivers that have, or may get, the shape of an id."""
    literals = _literals(ruleset)
    patterns: set[str] = set()
    for literal in literals:
        first, last = literal.split(" ")[0], literal.split(" ")[-1]
        if last and _BEGINS_ID.fullmatch(last):  # the phrase continues within this word
            patterns.add(rf"{_WORD_EDGE}{last}[a-z]*[0-9]")
        if first:  # the phrase begins within this word
            patterns.add(rf"[0-9][a-z0-9]*{first}{_WORD_EDGE}")
        ids = (word for word in literal.split() if re.fullmatch(_ID, word))
        patterns |= {rf"{_WORD_EDGE}{word}{_WORD_EDGE}" for word in ids}
    return patterns
