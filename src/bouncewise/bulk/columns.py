"""Verdicts on a column of replies, the same as one by one, at the cost of reading the column.

Reads: a polars or Arrow column of replies, and columns of receivers and stages if there are any.
Gives: a polars DataFrame with a row per reply, words as Categorical. Needs the extra ``[scale]``.

Replies differ in addresses, IP addresses, ids and host names, which no rule can match. A linear
regex engine replaces each of these by one word (``templates``). The remaining templates repeat, and
only new ones are classified, by ``Classifier.classify``. The verdicts do not change: a new fine
template gets the verdict of its coarse one.

tests/bulk/test_columns.py compares both ways for generated and hostile replies.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from bouncewise.classifier.classify import Classifier, default_classifier
from bouncewise.errors import missing_extra
from bouncewise.rules.load import RuleSet

try:
    import polars as pl
except ImportError:
    raise missing_extra("scale", "bouncewise.bulk", "polars and pyarrow") from None

from bouncewise.bulk.templates import CoarseExtractor, TemplateExtractor

MAX_TEMPLATES = 1_000_000
"""Templates that are remembered between columns; the least recently used are forgotten first."""

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

_SEPARATOR = "\0"
_row = attrgetter(*SCHEMA)  # the row of a verdict


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
        self.coarse_extractor = CoarseExtractor(self.classifier.ruleset)
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
            indexes = indexes.scatter(untemplated.rows, self._indexes(keys.to_list(), memo))
        if len(self._index_of) > self._table.height:
            rows = list(map(_polars_row, self._index_of))
            self._table = pl.DataFrame(rows, schema=SCHEMA, orient="row")
        return self._table[indexes]

    def _indexes(self, keys: list[str], memo: OrderedDict[str, int]) -> pl.Series:
        """The index of the verdict on each of *keys*, which ``_Context.keys`` made."""
        found = list(map(memo.get, keys))
        if None in found:
            new = (key for key, index in zip(keys, found, strict=True) if index is None)
            self._remember(list(dict.fromkeys(new)), memo)
            found = list(map(memo.get, keys))
        if len(memo) > MAX_TEMPLATES // 2:
            for key in keys:
                memo.move_to_end(key)
            while len(memo) > MAX_TEMPLATES:
                memo.popitem(last=False)
        return pl.Series(found, dtype=pl.UInt32)

    def _remember(self, new: list[str], memo: OrderedDict[str, int]) -> None:
        """Put the index of the verdict on each of the *new* keys into *memo*: that of its coarse
        template, or its own where it has none.
        """
        parted = [(key, "") for key in new]
        if memo is self._with_context:
            parted = [_without_context(key) for key in new]
        texts = pl.Series([text for text, _ in parted], dtype=pl.String)
        coarse = self.coarse_extractor.extract(texts).to_list()
        for key, (_, context), template in zip(new, parted, coarse, strict=True):
            memo[key] = self._classify(key if template is None else f"{template}{context}", memo)

    def _classify(self, key: str, memo: OrderedDict[str, int]) -> int:
        """The index of the verdict on *key*, which *memo* has afterwards."""
        index = memo.get(key)
        if index is not None:
            return index
        has_context = memo is self._with_context
        text, receiver, stage = key.rsplit(_SEPARATOR, 2) if has_context else (key, "", "")
        verdict = self.classifier.classify(text, receiver=receiver or None, stage=stage or None)
        index = memo[key] = self._index_of.setdefault(_row(verdict), len(self._index_of))
        return index


def _without_context(key: str) -> tuple[str, str]:
    """The text of a key with a context, and the rest of the key."""
    text, receiver, stage = key.rsplit(_SEPARATOR, 2)
    return text, _SEPARATOR.join(("", receiver, stage))


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
