"""Verdicts over a column of replies: the very same as one by one, at the cost of reading it.

Reads: a polars or Arrow column of replies, and columns of receivers and stages where they are known.
Gives: a polars DataFrame, a row per reply, words as Categorical. Needs the extra ``[scale]``.

How: replies differ in addresses, IPs and queue ids that no rule can speak of. Two passes of a linear regex engine put one
word in the place of each (``Templates``); what is left repeats, and only what is new is judged, by ``Classifier.judge``.
That is sound: addresses and IPs are hidden by ``rfc.reply.shield`` before anything is looked at, so hiding them sooner
changes nothing. An id has a shape (few letters, digits, letters, digits; or ten digits) that no code, no status and no
word of the rules has; the rules at hand are looked through for such words, and a reply in which one could stand is judged
as it stands, as is one that is not plain ASCII or very long. Gaps in phrases are counted in words, of which there are as
many as before. A test compares both ways over everything that could be thought of.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from bouncewise.errors import BouncewiseError
from bouncewise.judge import Classifier, default
from bouncewise.model import Verdict
from bouncewise.rfc.phrase import phrase_pieces
from bouncewise.rfc.reply import HIDDEN, IPV4, MAX_REPLY
from bouncewise.rules.load import RuleSet

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
    "reply_code": pl.Int16, "status": pl.Categorical, "stage": pl.Categorical, "receiver": pl.Categorical,
    "cause": pl.Categorical, "party": pl.Categorical, "permanence": pl.Categorical, "advice": pl.Categorical,
    "confidence": pl.Float32, "rule": pl.Categorical, "alternates": pl.List(pl.Categorical),
}  # fmt: skip

_EDGE = r"(?-u:\b)"
# Of an address with letters that are not ASCII only a part is found; ``shield`` takes the rest, as it takes all of a raw one.
_RUN = r"[!#-&*+\-./0-9=?A-Z\\^_a-z~]*"
_ADDRESS = f"(?-u:{_RUN}@{_RUN})"
_ID = r"[A-Za-z]{0,3}[0-9]+[A-Za-z]+[0-9][A-Za-z0-9]*|[0-9]{10,}"
_IP = IPV4.replace(r"\b", _EDGE)
_HIDE = rf"{_IP}|{_EDGE}(?:{_ID}){_EDGE}"
_ALONE = f" (?:{_ID}) "
# The beginnings of words that an id can begin with: a wildcard after these may fit an id.
_BEGINS_ID = re.compile(r"[a-z]{0,3}(?:[0-9]+(?:[a-z]+(?:[0-9][a-z0-9]*)?)?)?")
_TIED = "[A-Za-z]'[A-Za-z]+[0-9]|[0-9][A-Za-z]+'[A-Za-z]"


class Templates:
    """What makes replies alike, for one rule set."""

    def __init__(self, ruleset: RuleSet) -> None:
        self._unsafe = "(?i)" + "|".join([_TIED, *sorted(_could_be_ids(ruleset))])

    def of(self, replies: pl.Series) -> pl.Series:
        """The template of each reply."""
        shielded = replies.str.replace_all(_ADDRESS, "@")
        alike = shielded.str.replace_all(_HIDE, HIDDEN)
        length = replies.str.len_chars()
        # Beside a letter that is not ASCII a shape is no proof: there an id has to stand alone.
        foreign = (length != replies.str.len_bytes()).arg_true()
        if len(foreign):
            words = shielded.gather(foreign).str.replace_all(_IP, HIDDEN).str.replace_all(_ALONE, f" {HIDDEN} ")
            alike = alike.scatter(foreign, words)
        unsafe = replies.str.contains(self._unsafe).arg_true()
        if len(unsafe):
            alike = alike.scatter(unsafe, shielded.gather(unsafe).str.replace_all(_IP, HIDDEN))
        long = (length > MAX_REPLY).arg_true()
        return alike.scatter(long, replies.gather(long)) if len(long) else alike


def _could_be_ids(ruleset: RuleSet) -> set[str]:
    """Patterns of the words that rules or receivers speak of and that have, or can go on to have, the shape of an id."""
    phrases: Iterable[str] = (
        *(p for r in ruleset.rules for p in (*r.when.phrase, *r.when.also, *r.when.unless)),
        *(w for r in ruleset.receivers for w in r.words),
    )
    found: set[str] = set()
    for piece in {p.literal for phrase in phrases for p in phrase_pieces(phrase) if p.literal.isascii()}:
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
        self._memo: OrderedDict[tuple[str, str | None, str | None], int] = OrderedDict()
        # Verdicts are few, however many the templates: each is a row of a small table, known by its place there.
        self._places: dict[tuple[Any, ...], int] = {}
        self._table = pl.DataFrame(schema=SCHEMA)

    def verdicts(
        self, frame: pl.DataFrame, reply: str = "reply", *, receiver: str | None = None, stage: str | None = None
    ) -> pl.DataFrame:
        """*frame* with the columns of SCHEMA beside its own; *receiver* and *stage* name columns where there are any.

        A null reply is judged as ''. Evidence is not among the columns: ask ``classifier.judge(reply).evidence``.
        """
        return frame.hstack(self.columns(frame, reply, receiver=receiver, stage=stage).get_columns())

    def columns(
        self, frame: pl.DataFrame, reply: str = "reply", *, receiver: str | None = None, stage: str | None = None
    ) -> pl.DataFrame:
        """The columns of SCHEMA alone, a row per row of *frame*."""
        height = frame.height
        text = frame[reply].cast(pl.String).fill_null("")
        known = [frame[name].cast(pl.String).to_list() if name else [None] * height for name in (receiver, stage)]
        keys = self.templates.of(text)
        if receiver or stage:
            given = [pl.col(name).cast(pl.String).fill_null("") for name in (receiver, stage) if name]
            keys = frame.select(pl.concat_str([pl.lit(keys), *given], separator="\0")).to_series()
        encoded = keys.to_arrow().dictionary_encode()
        places = pl.Series(encoded.indices).cast(pl.UInt32)
        first = (
            pl.DataFrame({"key": places}).with_row_index().unique("key", keep="first").sort("key")["index"].to_list()
        )
        templates = self.templates.of(text.gather(first)).to_list()
        found = [self._judge(t, known[0][i], known[1][i]) for t, i in zip(templates, first, strict=True)]
        if len(self._places) > self._table.height:
            self._table = pl.DataFrame(list(map(_listed, self._places)), schema=SCHEMA, orient="row")
        return self._table[pl.Series(found, dtype=pl.UInt32)[places]]

    def _judge(self, template: str, receiver: str | None, stage: str | None) -> int:
        """The place of a template's verdict in the table."""
        key = (template, receiver, stage)
        place = self._memo.get(key)
        if place is None:
            row = _row(self.classifier.judge(template, receiver=receiver, stage=stage))
            place = self._memo[key] = self._places.setdefault(row, len(self._places))
            if len(self._memo) > MEMO:
                self._memo.popitem(last=False)
        else:
            self._memo.move_to_end(key)
        return place


def _row(v: Verdict) -> tuple[Any, ...]:
    return (v.reply_code, v.status, v.stage and v.stage.value, v.receiver, v.cause.value, v.party.value, v.permanence.value,
            v.advice.value, v.confidence, v.rule, tuple(c.value for c in v.alternates))  # fmt: skip


def _listed(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*row[:-1], list(row[-1]))


def verdicts(replies: pl.Series, classifier: Classifier | None = None) -> pl.DataFrame:
    """The verdict on each of *replies*, as columns.

    >>> verdicts(pl.Series(["550 5.1.1 <a@b.example>: User unknown"]))["cause"].to_list()
    ['mailbox-unknown']
    """
    return Judge(classifier).columns(replies.alias("reply").to_frame())
