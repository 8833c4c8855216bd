"""Verdicts on a column of replies, the same as one by one, at the cost of reading the column.

Reads: a polars or Arrow column of replies, and columns of receivers and stages if there are any.
Gives: a polars DataFrame with a row per reply, words as Categorical. Needs the extra ``[scale]``.

Replies differ in addresses, IP addresses and queue ids, which no rule can match. A linear regex
engine replaces each of these by one word (``TemplateExtractor``). The remaining templates repeat,
and only new templates are classified, by ``Classifier.classify``. The verdicts do not change:

* Addresses and IP addresses are masked by ``text.mask`` before anything else is done with a reply.
* An id has a shape that no code, no status and no word of the rules has: up to three letters,
  digits, letters and a digit; or ten digits. The rules at hand are searched for words that could
  have this shape. A reply that may contain such a word is classified with its ids; so is a reply
  that is longer than MAX_REPLY, and one that is not ASCII keeps ids that have no blanks around.
* Ids and IP addresses become different words, because rules and frames may name an IP address.
* Gaps in phrases are counted in words, and a template has as many words as the reply.

tests/bulk/test_columns.py compares both ways for generated and hostile replies.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from bouncewise.classifier.classify import Classifier, default_classifier
from bouncewise.errors import BouncewiseError
from bouncewise.rules.load import RuleSet
from bouncewise.text.mask import IPV4, MAX_REPLY, PLACEHOLDER
from bouncewise.text.phrase import phrase_pieces

try:
    import polars as pl
except ImportError:
    raise BouncewiseError("columns need: pip install 'bouncewise[scale]'") from None

MAX_TEMPLATES = 1_000_000
"""Templates that are remembered; the least recently used are forgotten first."""

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
"""The columns of a verdict, fields of ``Verdict``."""

_WORD_EDGE = r"(?-u:\b)"
# This finds only the ASCII part of an address that is not ASCII; ``mask`` removes the rest later.
_ADDRESS_CHARACTERS = r"[!#-&*+\-./0-9=?A-Z\\^_a-z~]*"
_ADDRESS = f"(?-u:{_ADDRESS_CHARACTERS}@{_ADDRESS_CHARACTERS})"
_ID = r"[A-Za-z]{0,3}[0-9]+[A-Za-z]+[0-9][A-Za-z0-9]*|[0-9]{10,}"
_IP = IPV4.replace(r"\b", _WORD_EDGE)
_ID_WORD = rf"{_WORD_EDGE}(?:{_ID}){_WORD_EDGE}"
_ANY_ID = "0q0"
"""The word that replaces an id: it has the shape of one, and no rule has it."""

_ID_BETWEEN_BLANKS = f" (?:{_ID}) "
# The beginnings of words with the shape of an id: a wildcard behind one of these may match an id.
_BEGINS_ID = re.compile(r"[a-z]{0,3}(?:[0-9]+(?:[a-z]+(?:[0-9][a-z0-9]*)?)?)?")
# ``text.words`` joins letters around an apostrophe, so an id may be a part of a longer word.
_APOSTROPHE_IN_ID = "[A-Za-z]'[A-Za-z]*[0-9]|[0-9][A-Za-z]*'[A-Za-z]"

_SEPARATOR = "\0"
_row = attrgetter(*SCHEMA)  # the row of a verdict


class Untemplated(NamedTuple):
    """Rows whose template may have another verdict, and the texts that are classified instead."""

    rows: list[int]
    texts: list[str]


class Extraction(NamedTuple):
    """The template of each reply, and the rows for which it is not used."""

    templates: pl.Series
    untemplated: Untemplated


class TemplateExtractor:
    """Replaces what differs between replies that mean the same under one rule set."""

    def __init__(self, ruleset: RuleSet) -> None:
        self._like_id = "(?i)" + "|".join([_APOSTROPHE_IN_ID, *sorted(_words_like_ids(ruleset))])

    def extract(self, replies: pl.Series) -> Extraction:
        """The template of each of *replies*."""
        masked = replies.str.replace_all(_ADDRESS, "@")
        long = replies.str.len_bytes() > MAX_REPLY
        like_id = masked.str.contains(self._like_id) & ~long
        # Beside a letter that is not ASCII, the shape alone does not prove that a word is an id.
        not_ascii = (masked.str.len_chars() != masked.str.len_bytes()) & ~like_id & ~long
        ids_masked = masked.filter(not_ascii).str.replace_all(_IP, PLACEHOLDER)
        ids_masked = ids_masked.str.replace_all(_ID_BETWEEN_BLANKS, f" {_ANY_ID} ")
        groups = (
            (not_ascii, ids_masked),
            (like_id, masked.filter(like_id).str.replace_all(_IP, PLACEHOLDER)),
            (long, replies.filter(long)),
        )
        untemplated = Untemplated(
            list(chain.from_iterable(where.arg_true().to_list() for where, _ in groups)),
            list(chain.from_iterable(texts.to_list() for _, texts in groups)),
        )
        # Two passes: a rule may name an IP address, never an id.
        ips_masked = masked.str.replace_all(_IP, PLACEHOLDER)
        return Extraction(ips_masked.str.replace_all(_ID_WORD, _ANY_ID), untemplated)


def _words_like_ids(ruleset: RuleSet) -> set[str]:
    """Patterns of the words of rules and receivers that have, or may get, the shape of an id."""
    phrases: Iterable[str] = (
        *(p for r in ruleset.rules for p in (*r.when.phrase, *r.when.also, *r.when.unless)),
        *(w for r in ruleset.receivers for w in r.words),
    )
    literals = {
        p.literal for phrase in phrases for p in phrase_pieces(phrase) if p.literal.isascii()
    }
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


class _Context(NamedTuple):
    """The columns of receivers and of stages, each None if there is none."""

    receiver: pl.Series | None
    stage: pl.Series | None

    def is_empty(self) -> bool:
        """Whether there is neither column."""
        return self.receiver is None and self.stage is None

    def gather(self, rows: list[int]) -> _Context:
        """The context of some rows."""
        return _Context(*(column if column is None else column.gather(rows) for column in self))

    def keys(self, texts: pl.Series) -> pl.Series:
        """*texts*, each with its receiver and its stage behind it, if there is any context."""
        if self.is_empty():
            return texts
        columns = [pl.lit("") if column is None else pl.lit(column) for column in self]
        return pl.select(pl.concat_str([pl.lit(texts), *columns], separator=_SEPARATOR)).to_series()


class ColumnClassifier:
    """Classifies columns, and remembers the templates from one column to the next."""

    def __init__(self, classifier: Classifier | None = None) -> None:
        self.classifier = classifier or default_classifier()
        self.extractor = TemplateExtractor(self.classifier.ruleset)
        # The verdict of each key, by its index; keys with a context and keys without are separate.
        self._without_context: OrderedDict[str, int] = OrderedDict()
        self._with_context: OrderedDict[str, int] = OrderedDict()
        # Different verdicts are few, however many templates there are: each is a row of a table.
        self._index_of: dict[tuple[Any, ...], int] = {}
        self._table = pl.DataFrame(schema=SCHEMA)

    def with_verdict(
        self,
        frame: pl.DataFrame,
        reply: str = "reply",
        *,
        receiver: str | None = None,
        stage: str | None = None,
    ) -> pl.DataFrame:
        """*frame* with the columns of SCHEMA behind its own.

        *reply*, *receiver* and *stage* are names of columns. A null reply is classified as ''. The
        evidence is not a column; ``classifier.classify(reply).evidence`` gives it.
        """
        columns = self.verdict_columns(frame, reply, receiver=receiver, stage=stage)
        return frame.hstack(columns.get_columns())

    def verdict_columns(
        self,
        frame: pl.DataFrame,
        reply: str = "reply",
        *,
        receiver: str | None = None,
        stage: str | None = None,
    ) -> pl.DataFrame:
        """The columns of SCHEMA alone, a row for each row of *frame*; see ``with_verdict``."""
        replies = frame[reply].cast(pl.String).fill_null("")
        context = _Context(_context_column(frame, receiver), _context_column(frame, stage))
        memo = self._without_context if context.is_empty() else self._with_context
        templates, untemplated = self.extractor.extract(replies)
        distinct = context.keys(templates).to_arrow().dictionary_encode()
        of_distinct = self._indexes(distinct.dictionary.to_pylist(), memo)
        indexes = of_distinct[pl.Series(distinct.indices).cast(pl.UInt32)]
        if untemplated.rows:
            texts = pl.Series(untemplated.texts, dtype=pl.String)
            keys = context.gather(untemplated.rows).keys(texts)
            indexes = indexes.scatter(untemplated.rows, self._indexes(keys, memo))
        if len(self._index_of) > self._table.height:
            rows = list(map(_polars_row, self._index_of))
            self._table = pl.DataFrame(rows, schema=SCHEMA, orient="row")
        return self._table[indexes]

    def _indexes(self, keys: Iterable[str], memo: OrderedDict[str, int]) -> pl.Series:
        """The index of the verdict on each of *keys*, which ``_Context.keys`` made."""
        indexes = []
        for key in keys:
            index = memo.get(key)
            if index is None:
                index = memo[key] = self._classify(key, memo is self._with_context)
                if len(memo) > MAX_TEMPLATES:
                    memo.popitem(last=False)
            else:
                memo.move_to_end(key)
            indexes.append(index)
        return pl.Series(indexes, dtype=pl.UInt32)

    def _classify(self, key: str, has_context: bool) -> int:
        text, receiver, stage = key.rsplit(_SEPARATOR, 2) if has_context else (key, "", "")
        verdict = self.classifier.classify(text, receiver=receiver or None, stage=stage or None)
        return self._index_of.setdefault(_row(verdict), len(self._index_of))


@lru_cache(maxsize=2)
def classifier_of(ruleset: bytes) -> ColumnClassifier:
    """A ColumnClassifier by a RuleSet in MessagePack.

    All tasks of a process that have the same rules share it, with the templates it remembers.
    """
    return ColumnClassifier(Classifier(msgspec.msgpack.decode(ruleset, type=RuleSet)))


def _context_column(frame: pl.DataFrame, name: str | None) -> pl.Series | None:
    """A column of receivers or stages, without the separator of keys; None if it has no name."""
    if not name:
        return None
    return frame[name].cast(pl.String).fill_null("").str.replace_all(_SEPARATOR, "", literal=True)


def _polars_row(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """*row* with strings instead of enums, as polars takes it."""
    *values, alternates = row
    strings = (str(v) if isinstance(v, StrEnum) else v for v in values)
    return (*strings, [str(cause) for cause in alternates])


def verdicts(replies: pl.Series, classifier: Classifier | None = None) -> pl.DataFrame:
    """The verdict on each of *replies*, as the columns of SCHEMA.

    >>> verdicts(pl.Series(["550 5.1.1 <a@b.example>: User unknown"]))["cause"].to_list()
    ['mailbox-unknown']
    """
    return ColumnClassifier(classifier).verdict_columns(replies.alias("reply").to_frame())
