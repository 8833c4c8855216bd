"""Finds the forms in which one system reports the reply of another (frames.toml).

Reads: a text that ``simplify`` has prepared. Gives: hits, each with the kind of the form and its
position. Whether a hit really begins or ends a reply is decided in ``heads`` and ``frames``.

One automaton finds the literal beginnings of all forms, and each form is tried only there, so the
search is linear. A template of a reply (``bulk.columns``) has PLACEHOLDER for an IP address or an
id; therefore no form counts characters, and no form distinguishes PLACEHOLDER from another word
with digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from itertools import product
from typing import NamedTuple

import ahocorasick
import msgspec

KINDS = ("keep", "head", "coded", "opening", "tail", "ending", "boilerplate", "notice_text")
"""The kinds of forms that a Frame lists; frames.toml describes them."""

STATUS = r"[245]\.\d{1,3}\.\d{1,3}(?![a-z]*\d|\.\d)"
"""An enhanced status code that is not a part of a longer number or of an id."""

FORM_HINT, STAGE_HINT = 1, 2
"""Bits of ``find_hints``: a form may be present; the name of an SMTP stage may be present."""

CLOSING = {"'": "'", '"': '"', "<": ">", "(": ")", "{": "}", "[": "]"}
"""The sign that closes each quote or bracket."""

# A reply code, in quotes or not, behind a sign or word that announces it.
_CUE_WORDS = ("error", "code", "returned", "with", "said", "response", "reply", "failed")
_CUES = (
    *("->", "...", ". ", ") ", "] ", "@:", "@ :"),
    *(f"{word} " for word in _CUE_WORDS),
    *":;,\"'(<>=|[{*",
)
_CODE_AFTER_CUE = re.compile(
    rf"(?P<before>{'|'.join(map(re.escape, _CUES))}) ?b?"
    r"(?P<quote>['\"]?)(?P<code>[45]\d\d)(?=[ \-:])"
)
# A reply code and a status without any sign before them.
_BARE_REPLY = re.compile(rf" (?=[45]\d\d[ -]#?{STATUS})")
# A reply code before the quotes around the text of the reply.
_CODE_BEFORE_QUOTES = re.compile(
    r"(?<=[45]\d\d)(?<!\w[45]\d\d)(?:['\"]?, ?b?|-)(?P<quote>['\"])(?![\w -]*['\"]:)"
)
_BEFORE_QUOTES = [
    f"{end}{gap}{quote}"
    for end in ("", "'", '"')
    for gap in (",", ", ", ",b", ", b")
    for quote in "'\""
] + ["-'", '-"']

# The simple form of each character: lower case, blanks for white space and underscores, straight
# quotes, ASCII brackets.
_SIMPLE_ASCII = bytes(
    ord({"_": " ", "`": "'"}.get(c, " " if c.isspace() else c.lower()))
    for c in map(chr, range(128))
) + bytes(128)
_SIMPLE = {i: chr(_SIMPLE_ASCII[i]) for i in range(128)} | str.maketrans(
    "\xa0‘’“”«»「」『』：；（）［］", " ''" + '"' * 8 + ":;()[]"
)

# What each {variable} of a form matches.
_VARIABLES = {
    "host": r"\S+(?: [\[(][^\])]*[\])])?",
    "ip": r"[\w:.-]*(?:qz|[\d.:])[\w:.-]*",
    "command": r"[^:]*(?:(?<=to|om): ?(?:<[^<>]*>|@)(?: [a-z0-9]+=\S+)*)?",
    "stage": (
        r"(?:rcpt|mail|data|end of|helo|ehlo|lhlo|auth|starttls|initial|rset|quit|vrfy|bdat"
        r"|xforward|message|sending|\.)"
    ),
    "code": r"\"?[245]\d\d\"?",
    "number": r"\w+",
    "address": r"<?@>?",
    "words": r"(?:\S+ ?){0,8}",
    "name": r"[^:()]*",
    "sentence": r"[^.!?]*[.!?]?",
    "token": r"\S*",
    "clause": r"[^:>'\"]*",
    "source": r"(?:(?! after )[^:>'\"])*",
    "statement": r"(?!an? |error|unknown error|['\"])\w",
    "list": r"[^()]*",
    "series": r"[^(),]*,[^()]*",
}


class Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one reporter frames a reply; frames.toml describes the keys."""

    name: str
    source: str
    keep: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    coded: tuple[str, ...] = ()
    opening: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()
    ending: tuple[str, ...] = ()
    boilerplate: tuple[str, ...] = ()
    notice_text: tuple[str, ...] = ()
    example: tuple[str, ...] = ()


class Announcement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The words of a clause that announces the reply of another server; see frames.toml."""

    verb: tuple[str, ...]
    copula: tuple[str, ...]
    noun: frozenset[str]
    server: frozenset[str]
    other_server: frozenset[str]
    label: frozenset[str]
    unit: frozenset[str]


class Forms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The content of frames.toml."""

    announcement: Announcement
    frame: tuple[Frame, ...]


class Hit(NamedTuple):
    """A form found in a text. Hits are ordered by their ends."""

    end: int
    start: int
    kind: str
    """One of KINDS; "verb" or "copula" of an announcement; "code", a reply code behind a cue, with
    *end* at the code; "split", a reply code before the quotes around the text of its reply."""
    closing: str = ""
    """The sign that closes the quote or bracket which the form opens; '' if it opens none."""


@cache
def forms() -> Forms:
    """The forms of frames.toml."""
    return msgspec.toml.decode(
        (resources.files(__package__) / "frames.toml").read_bytes(), type=Forms
    )


def simplify(text: str) -> str:
    """*text* of equal length, in lower case, with blanks, straight quotes and ASCII brackets."""
    if text.isascii():
        return text.encode().translate(_SIMPLE_ASCII).decode()
    return text.translate(_SIMPLE)


def find_hints(lower: str) -> int:
    """What may be present in the simplified text *lower*: FORM_HINT, STAGE_HINT, both or neither.

    This is a fast test that most texts fail.
    """
    hints = 0
    for _, (_, _, hint) in _automaton().iter(lower):
        hints |= hint
    return hints


def first_words() -> set[str]:
    """The words with which literals of forms and hints begin; ``find_hints`` finds them at the end
    of longer words, too.
    """
    words = (re.match("[a-z]+", literal) for literal in list(_automaton().keys()))
    return {word[0] for word in words if word is not None}


def has_bare_reply(lower: str) -> bool:
    """Whether the simplified text *lower* has a reply code with status, without a sign before."""
    return _BARE_REPLY.search(lower) is not None


def find_forms(lower: str) -> list[Hit]:
    """The forms in the simplified text *lower*, ordered by their ends."""
    return sorted(_hits(lower))


def _hits(lower: str) -> Iterator[Hit]:
    if (bare := _BARE_REPLY.search(lower)) is not None:
        yield Hit(bare.end(), bare.start(), "code")
    for last, (length, forms_here, _) in _automaton().iter(lower):
        end = last + 1
        start = end - length
        if lower[start].isalnum() and lower[start - 1 : start].isalnum():  # within a word
            continue
        for kind, rest, closing in forms_here:
            if not rest:
                yield Hit(end, start, kind, closing)
            elif (m := _compiled(rest).match(lower, end)) is not None:
                yield Hit(m.end(), start, kind, closing)
        if forms_here:
            continue
        if (m := _CODE_AFTER_CUE.match(lower, start)) is not None:
            closing = CLOSING.get(m["quote"] or m["before"][-1], "")
            yield Hit(m.start("code"), start, "code", closing)
        if (m := _CODE_BEFORE_QUOTES.match(lower, start)) is not None:
            yield Hit(m.end(), start, "split", m["quote"])


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile at first use: there are many patterns, and most texts need none of them."""
    return re.compile(pattern)


@cache
def _automaton() -> ahocorasick.Automaton:
    """An automaton of the literal beginnings of forms and of the hints.

    Each literal gives its length, the forms that begin with it (kind, pattern of the rest, closing
    sign), and the bits that it contributes to ``find_hints``.
    """
    announcement = forms().announcement
    all_forms = [
        (kind, form) for frame in forms().frame for kind in KINDS for form in getattr(frame, kind)
    ]
    all_forms += [("verb", form) for form in announcement.verb]
    all_forms += [("copula", form) for form in announcement.copula]
    by_literal: dict[str, list[tuple[str, str, str]]] = {}
    for kind, form in all_forms:
        literal, *rest = re.split(r"(\{[a-z]+\})", form)
        pattern = "".join(
            _VARIABLES[part[1:-1]] if i % 2 == 0 else re.escape(part) for i, part in enumerate(rest)
        )
        by_literal.setdefault(literal, []).append((kind, pattern, _closing(form)))
    hints = dict.fromkeys(by_literal, FORM_HINT) | dict.fromkeys(_code_literals(), FORM_HINT)
    for literal in _stage_literals():
        hints[literal] = hints.get(literal, 0) | STAGE_HINT
    automaton = ahocorasick.Automaton()
    for literal, hint in hints.items():
        automaton.add_word(literal, (len(literal), by_literal.get(literal, []), hint))
    automaton.make_automaton()
    return automaton


def _closing(form: str) -> str:
    """The sign that closes a reply behind *form*, if *form* opens a quote or bracket; else ''."""
    if "(" in form and ")" not in form:
        return ")"
    if form[0] == "{":
        return "}"
    return CLOSING.get(form[-1], "") if form[-1] in "'\"" else ""


def _code_literals() -> Iterator[str]:
    """Literals of which one is present wherever a reply code is announced or precedes quotes."""
    yield from (
        f"{cue}{gap}{first_digits}"
        for cue, gap, first_digits in product(_CUES, ("", " "), range(40, 60))
    )
    yield from _BEFORE_QUOTES


def _stage_literals() -> Iterator[str]:
    """Literals of which one is present wherever ``rfc.reply`` can find the name of a stage."""
    yield from ("in re", "after", ">>>", "smtp:", "while ", "connect")
    for gap, letter in product(("", " ", ":", ": "), "icbghelmrdf"):
        yield f"[{gap}{letter}"
