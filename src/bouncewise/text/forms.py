"""The forms in which systems report the reply of another (frames.toml), and where they stand in a text.

Gives: hits, each the kind of a form with its place. Whether a hit does begin or end a reply is decided in ``frames``.
It is linear: one automaton finds the literal beginnings of all forms, and each form is tried only there. A template of a
reply (``columns``) has PLACEHOLDER for an IP address or an id, so no form counts characters, or tells such a word from
another with digits.
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

KINDS = ("keep", "head", "coded", "opening", "tail", "ending", "standing", "aside")
"""The kinds of forms of a Frame."""

STATUS = r"[245]\.\d{1,3}\.\d{1,3}(?![a-z]*\d|\.\d)"
"""An enhanced status; what follows may be no part of a longer number, nor of an id."""

FORM, STAGE = 1, 2
"""What ``glance`` sees: a form, the name of a stage of the SMTP dialogue."""

CLOSING = {"'": "'", '"': '"', "<": ">", "(": ")", "{": "}", "[": "]"}
"""The sign that ends what another began."""

# A reply code behind a sign or a word that announces it, in quotes or not; and a code before the quotes of its words.
_ANNOUNCING = (
    "->",
    "...",
    ". ",
    ") ",
    "] ",
    "@:",
    "@ :",
    "error ",
    "code ",
    "returned ",
    "with ",
    "said ",
    "response ",
    "reply ",
    "failed ",
    *":;,\"'(<>=|[{*",
)
_CODE = re.compile(
    rf"(?P<before>{'|'.join(map(re.escape, _ANNOUNCING))}) ?b?(?P<quote>['\"]?)(?P<code>[45]\d\d)(?=[ \-:])"
)
_BARE = re.compile(rf" (?=[45]\d\d[ -]#?{STATUS})")
_SPLIT = re.compile(
    r"(?<=[45]\d\d)(?<!\w[45]\d\d)(?:['\"]?, ?b?|-)(?P<quote>['\"])(?![\w -]*['\"]:)"
)
_BEFORE_QUOTES = [
    f"{end}{gap}{quote}"
    for end in ("", "'", '"')
    for gap in (",", ", ", ",b", ", b")
    for quote in "'\""
] + ["-'", '-"']

# Each sign as a plain one of its kind: lower case, blanks for white space and underscores, straight quotes, ASCII brackets.
_TABLE = bytes(
    ord({"_": " ", "`": "'"}.get(c, " " if c.isspace() else c.lower()))
    for c in map(chr, range(128))
) + bytes(128)
_SIGNS = {i: chr(_TABLE[i]) for i in range(128)} | str.maketrans(
    "\xa0‘’“”«»「」『』：；（）［］", " ''" + '"' * 8 + ":;()[]"
)

_PLACES = {
    "host": r"\S+(?: [\[(][^\])]*[\])])?",
    "ip": r"[\w:.-]*(?:qz|[\d.:])[\w:.-]*",
    "command": r"[^:]*(?:(?<=to|om): ?(?:<[^<>]*>|@)(?: [a-z0-9]+=\S+)*)?",
    "stage": r"(?:rcpt|mail|data|end of|helo|ehlo|lhlo|auth|starttls|initial|rset|quit|vrfy|bdat|xforward|message|sending|\.)",
    "code": r"\"?[245]\d\d\"?",
    "number": r"\w+",
    "address": r"<?@>?",
    "words": r"(?:\S+ ?){0,8}",
    "name": r"[^:()]*",
    "sentence": r"[^.!?]*[.!?]?",
    "dotted": r"\S*",
    "clause": r"[^:>'\"]*",
    "source": r"(?:(?! after )[^:>'\"])*",
    "finding": r"(?!an? |error|unknown error|['\"])\w",
    "list": r"[^()]*",
    "several": r"[^(),]*,[^()]*",
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
    standing: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    example: tuple[str, ...] = ()


class Saying(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The words of a clause that announces what somebody else said; frames.toml describes them."""

    verb: tuple[str, ...]
    copula: tuple[str, ...]
    noun: frozenset[str]
    party: frozenset[str]
    peer: frozenset[str]
    label: frozenset[str]
    unit: frozenset[str]


class Forms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of frames.toml."""

    saying: Saying
    frame: tuple[Frame, ...]


class Hit(NamedTuple):
    """A form in a text. ``kind``: one of KINDS, "verb", "copula", "code" or "split". ``closing``: the sign that ends it."""

    end: int
    at: int
    kind: str
    closing: str = ""


@cache
def forms() -> Forms:
    """The forms of frames.toml."""
    return msgspec.toml.decode(
        (resources.files(__package__) / "frames.toml").read_bytes(), type=Forms
    )


def lowered(text: str) -> str:
    """*text*, equally long, in lower ASCII letters and plain signs."""
    return text.encode().translate(_TABLE).decode() if text.isascii() else text.translate(_SIGNS)


def glance(lower: str) -> int:
    """What may stand in a text, ``lowered`` to *lower*: FORM, STAGE, both or, in most texts, nothing; which is quick to see."""
    seen = 0
    for _, (_, _, what) in _automaton().iter(lower):
        seen |= what
    return seen


def quotes_bare(lower: str) -> bool:
    """Whether a reply with code and status stands in *lower* without any sign before it."""
    return _BARE.search(lower) is not None


def hits(lower: str) -> list[Hit]:
    """Every form that stands in a text, ``lowered`` to *lower*, in the order of their ends."""
    return sorted(_hits(lower))


def _hits(lower: str) -> Iterator[Hit]:
    if (bare := _BARE.search(lower)) is not None:
        yield Hit(bare.end(), bare.start(), "code")
    for last, (length, ways, _) in _automaton().iter(lower):
        at = last + 1 - length
        if lower[at].isalnum() and lower[at - 1 : at].isalnum():  # within a word
            continue
        for kind, rest, closing in ways:
            if not rest:
                yield Hit(last + 1, at, kind, closing)
            elif (m := _compiled(rest).match(lower, last + 1)) is not None:
                yield Hit(m.end(), at, kind, closing)
        if ways:
            continue
        if (m := _CODE.match(lower, at)) is not None:
            yield Hit(m.start("code"), at, "code", CLOSING.get(m["quote"] or m["before"][-1], ""))
        if (m := _SPLIT.match(lower, at)) is not None:
            yield Hit(m.end(), at, "split", m["quote"])


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """When it is first needed: there are many, and most texts need none."""
    return re.compile(pattern)


@cache
def _automaton() -> ahocorasick.Automaton:
    """Finds the literal beginnings of forms; each leads to the forms that begin so: kind, pattern of the rest, closing sign."""
    begun: dict[str, list[tuple[str, str, str]]] = {}
    written = [
        (kind, form) for frame in forms().frame for kind in KINDS for form in getattr(frame, kind)
    ]
    written += [("verb", form) for form in forms().saying.verb] + [
        ("copula", form) for form in forms().saying.copula
    ]
    for kind, form in written:
        literal, *rest = re.split(r"(\{[a-z]+\})", form)
        pattern = "".join(
            _PLACES[part[1:-1]] if i % 2 == 0 else re.escape(part) for i, part in enumerate(rest)
        )
        begun.setdefault(literal, []).append((kind, pattern, _closing(form)))
    what = dict.fromkeys(begun, FORM) | dict.fromkeys(_hints(), FORM)
    for literal in _stage_hints():
        what[literal] = what.get(literal, 0) | STAGE
    automaton = ahocorasick.Automaton()
    for literal, seen in what.items():
        automaton.add_word(literal, (len(literal), begun.get(literal, []), seen))
    automaton.make_automaton()
    return automaton


def _closing(form: str) -> str:
    """What ends a reply behind *form*, which opens a quote or bracket with its first or last sign."""
    if "(" in form and ")" not in form:
        return ")"
    return "}" if form[0] == "{" else CLOSING.get(form[-1], "") if form[-1] in "'\"" else ""


def _hints() -> Iterator[str]:
    """One of these stands wherever _CODE or _SPLIT can match."""
    yield from (
        f"{sign}{gap}{ten}" for sign, gap, ten in product(_ANNOUNCING, ("", " "), range(40, 60))
    )
    yield from _BEFORE_QUOTES


def _stage_hints() -> Iterator[str]:
    """One of these stands wherever ``reply`` can find the name of a stage."""
    yield from ("in re", "after", ">>>", "smtp:", "while ", "connect")
    for gap, letter in product(("", " ", ":", ": "), "icbghelmrdf"):
        yield f"[{gap}{letter}"
