"""Verdicts over a column of replies: the very same as one by one, at the cost of reading it.

Reads: a polars or Arrow column of replies, and columns of receivers and stages where they are known.
Gives: a polars DataFrame, a row per reply, words as Categorical. Needs the extra ``[scale]``.

How: replies differ in addresses, IPs and queue ids that no rule can speak of. Two passes of a linear regex engine put one
word in the place of each (``Templates``); what is left repeats, and only what is new is judged, by ``Classifier.judge``.
That is sound: addresses and IPs are hidden by ``text.mask.mask`` before anything is looked at, so hiding them sooner
changes nothing. An id has a shape (few letters, digits, letters, digits; or ten digits) that no code, no status and no
word of the rules has; the rules at hand are looked through for such words, and a reply in which one could stand is judged
as it stands, as is one that is not plain ASCII or very long. No form of a frame (``text.forms``) tells an id from an IP
address. Gaps in phrases are counted in words, of which there are as many as before. A test compares both ways over everything
that could be thought of.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec

from bouncewise.classifier.classify import Classifier, default
from bouncewise.errors import BouncewiseError
from bouncewise.model import Verdict
from bouncewise.rules.load import RuleSet
from bouncewise.text.mask import IPV4, MAX_REPLY, PLACEHOLDER
from bouncewise.text.phrase import phrase_pieces

try:
    import polars as pl
except ImportError:
    raise BouncewiseError("columns need: pip install 'bouncewise[scale]'") from None

MEMO = 1_000_000
"""Templates remembered; the least recently used are forgotten first."""

FIELDS = (
    "reply_code",
    "status",
    "stage",
    "receiver",
    "cause",
    "party",
    "permanence",
    "advice",
    "confidence",
    "rule",
    "alternates",
)
SCHEMA: dict[str, Any] = {
    "reply_code": pl.Int16,
    "status": pl.Categorical,
    "stage": pl.Categorical,
    "receiver": pl.Categorical,
    "cause": pl.Categorical,
    "party": pl.Categorical,
    "permanence": pl.Categorical,
    "advice": pl.Categorical,
    "confidence": pl.Float32,
    "rule": pl.Categorical,
    "alternates": pl.List(pl.Categorical),
}

_EDGE = r"(?-u:\b)"
# Of an address with letters that are not ASCII only a part is found; ``mask`` takes the rest, as it takes all of a raw one.
_RUN = r"[!#-&*+\-./0-9=?A-Z\\^_a-z~]*"
_ADDRESS = f"(?-u:{_RUN}@{_RUN})"
_ID = r"[A-Za-z]{0,3}[0-9]+[A-Za-z]+[0-9][A-Za-z0-9]*|[0-9]{10,}"
_IP = IPV4.replace(r"\b", _EDGE)
_HIDE = rf"{_IP}|{_EDGE}(?:{_ID}){_EDGE}"
_ALONE = f" (?:{_ID}) "
# The beginnings of words that an id can begin with: a wildcard after these may fit an id.
_BEGINS_ID = re.compile(r"[a-z]{0,3}(?:[0-9]+(?:[a-z]+(?:[0-9][a-z0-9]*)?)?)?")
_TIED = "[A-Za-z]'[A-Za-z]*[0-9]|[0-9][A-Za-z]*'[A-Za-z]"


class Templates:
    """What makes replies alike, for one rule set."""

    def __init__(self, ruleset: RuleSet) -> None:
        self._unsafe = "(?i)" + "|".join([_TIED, *sorted(_could_be_ids(ruleset))])

    def of(self, replies: pl.Series) -> tuple[pl.Series, list[int], list[str]]:
        """The template of each reply; and where that proves nothing, which those are, and what is to be judged in its place."""
        masked = replies.str.replace_all(_ADDRESS, "@")
        long = replies.str.len_bytes() > MAX_REPLY
        unsafe = masked.str.contains(self._unsafe) & ~long
        # Beside a letter that is not ASCII a shape is no proof: there an id has to stand alone.
        foreign = (masked.str.len_chars() != masked.str.len_bytes()) & ~unsafe & ~long
        some = [
            _filled(masked, foreign, _IP, _ALONE),
            _filled(masked, unsafe, _IP),
            _filled(replies, long),
        ]
        apart, own = (list(chain.from_iterable(lists)) for lists in zip(*some, strict=True))
        return masked.str.replace_all(_HIDE, PLACEHOLDER), apart, own


def _filled(texts: pl.Series, which: pl.Series, *hidden: str) -> tuple[list[int], list[str]]:
    """Where *which* is true: the places, and the texts with what is *hidden* put out of sight."""
    found = texts.filter(which)
    for pattern in hidden:
        found = found.str.replace_all(
            pattern, f" {PLACEHOLDER} " if pattern == _ALONE else PLACEHOLDER
        )
    return which.arg_true().to_list(), found.to_list()


def _could_be_ids(ruleset: RuleSet) -> set[str]:
    """Patterns of the words that rules or receivers speak of and that have, or can go on to have, the shape of an id."""
    phrases: Iterable[str] = (
        *(p for r in ruleset.rules for p in (*r.when.phrase, *r.when.also, *r.when.unless)),
        *(w for r in ruleset.receivers for w in r.words),
    )
    found: set[str] = set()
    for piece in {
        p.literal for phrase in phrases for p in phrase_pieces(phrase) if p.literal.isascii()
    }:
        first, last = piece.split(" ")[0], piece.split(" ")[-1]
        if last and _BEGINS_ID.fullmatch(last):  # a word that begins so
            found.add(rf"{_EDGE}{last}[a-z]*[0-9]")
        if first:  # a word that ends so
            found.add(rf"[0-9][a-z0-9]*{first}{_EDGE}")
        found |= {rf"{_EDGE}{word}{_EDGE}" for word in piece.split() if re.fullmatch(_ID, word)}
    return found


class Judge:
    """Judges columns, remembering templates from one to the next."""

    def __init__(self, classifier: Classifier | None = None) -> None:
        self.classifier = classifier or default()
        self.templates = Templates(self.classifier.ruleset)
        # By whether receiver and stage are in the key.
        self._memos: dict[bool, OrderedDict[str, int]] = {False: OrderedDict(), True: OrderedDict()}
        # Verdicts are few, however many the templates: each is a row of a small table, known by its place there.
        self._places: dict[tuple[Any, ...], int] = {}
        self._table = pl.DataFrame(schema=SCHEMA)

    def verdicts(
        self,
        frame: pl.DataFrame,
        reply: str = "reply",
        *,
        receiver: str | None = None,
        stage: str | None = None,
    ) -> pl.DataFrame:
        """*frame* with the columns of SCHEMA beside its own; *receiver* and *stage* name columns where there are any.

        A null reply is judged as ''. Evidence is not among the columns: ask ``classifier.judge(reply).evidence``.
        """
        return frame.hstack(
            self.columns(frame, reply, receiver=receiver, stage=stage).get_columns()
        )

    def columns(
        self,
        frame: pl.DataFrame,
        reply: str = "reply",
        *,
        receiver: str | None = None,
        stage: str | None = None,
    ) -> pl.DataFrame:
        """The columns of SCHEMA alone, a row per row of *frame*."""
        text = frame[reply].cast(pl.String).fill_null("")
        templates, apart, own = self.templates.of(text)
        given = [_given(frame, name) for name in (receiver, stage)]
        joined = any(g is not None for g in given)
        keys = _joined(templates, given) if joined else templates
        encoded = keys.to_arrow().dictionary_encode()
        found = pl.Series(
            self._judged(encoded.dictionary.to_pylist(), joined=joined), dtype=pl.UInt32
        )
        places = found[pl.Series(encoded.indices).cast(pl.UInt32)]
        if apart:
            theirs = pl.Series(own, dtype=pl.String)
            theirs = (
                _joined(theirs, [g if g is None else g.gather(apart) for g in given])
                if joined
                else theirs
            )
            places = places.scatter(
                apart, pl.Series(self._judged(theirs, joined=joined), dtype=pl.UInt32)
            )
        if len(self._places) > self._table.height:
            self._table = pl.DataFrame(
                list(map(_listed, self._places)), schema=SCHEMA, orient="row"
            )
        return self._table[places]

    def _judged(self, keys: Iterable[str], *, joined: bool) -> list[int]:
        """The places of the verdicts in the table, for templates, or for what ``_joined`` made of them."""
        places, memo = [], self._memos[joined]
        for key in keys:
            place = memo.get(key)
            if place is None:
                template, receiver, stage = key.rsplit(_APART, 2) if joined else (key, "", "")
                row = _row(
                    self.classifier.judge(template, receiver=receiver or None, stage=stage or None)
                )
                place = memo[key] = self._places.setdefault(row, len(self._places))
                if len(memo) > MEMO:
                    memo.popitem(last=False)
            else:
                memo.move_to_end(key)
            places.append(place)
        return places


@lru_cache(maxsize=2)
def unpacked(ruleset: bytes) -> Judge:
    """A Judge by rules in msgpack; one and the same for all jobs of a process that bring the same, so it goes on learning."""
    return Judge(Classifier(msgspec.msgpack.decode(ruleset, type=RuleSet)))


_APART = "\0"


def _given(frame: pl.DataFrame, name: str | None) -> pl.Series | None:
    """A column of names, each for itself: none holds what parts them from the template."""
    return (
        frame[name].cast(pl.String).fill_null("").str.replace_all(_APART, "", literal=True)
        if name
        else None
    )


def _joined(templates: pl.Series, given: list[pl.Series | None]) -> pl.Series:
    """The templates, with receiver and stage behind each."""
    parts = [pl.lit(templates), *(pl.lit("") if g is None else pl.lit(g) for g in given)]
    return pl.select(pl.concat_str(parts, separator=_APART)).to_series()


def _row(v: Verdict) -> tuple[Any, ...]:
    return (
        v.reply_code,
        v.status,
        v.stage,
        v.receiver,
        v.cause,
        v.party,
        v.permanence,
        v.advice,
        v.confidence,
        v.rule,
        v.alternates,
    )


def _listed(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row of words that polars takes."""
    return (*(str(v) if isinstance(v, StrEnum) else v for v in row[:-1]), [str(c) for c in row[-1]])


def verdicts(replies: pl.Series, classifier: Classifier | None = None) -> pl.DataFrame:
    """The verdict on each of *replies*, as columns.

    >>> verdicts(pl.Series(["550 5.1.1 <a@b.example>: User unknown"]))["cause"].to_list()
    ['mailbox-unknown']
    """
    return Judge(classifier).columns(replies.alias("reply").to_frame())
