"""Why a row of somebody's list is there: to be suppressed, and for which mail, or not at all.

Reads: the columns of a list and a row. Gives: what the row says, and its reply, joined of several
columns. Refuses nothing; a status that is not known is given as such, for it may be that of a valid
address. imports.toml has the words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bouncewise.lists.layouts import STRICTNESS, Layout, Meaning, filled, knowledge, words

_SCOPE_WORDS = ("transactional", "nontransactional")  # SparkPost
_PLAIN = re.compile(r"[\s_-]+")
_NO = frozenset(("", "false", "f", "no", "0", "n", "null", "none", "never", "n/a", "-"))
_NO_DATE = re.compile(r"[0:./TZ+ -]+")  # MySQL's 0000-00-00

# RFC 5321 §4.2.1, RFC 3463 §2; some lists write "smtp; 550 …", as Diagnostic-Code does (RFC 3464).
_REPLY_CODE = r"[245]\d\d(?=[ \t:-]|$)"
_STATUS = r"[245]\.\d{1,3}\.\d{1,3}(?![\d.])"
_REPLY = re.compile(rf"(?:smtp\s*;\s*)?(?:{_REPLY_CODE}|{_STATUS})", re.I | re.ASCII)
_CODE = re.compile(rf"[245]\d\d|{_STATUS}", re.ASCII)


class Reasons(NamedTuple):
    """The columns that say why, in a list of a layout."""

    means: Meaning | None
    own_words: dict[str, Meaning]
    words: tuple[int, ...]
    statuses: tuple[int, ...]
    """Those of ``words`` that alone do not make a list one of suppressions."""
    filled: tuple[tuple[Meaning, int], ...]

    @classmethod
    def of(cls, names: Sequence[str], layout: Layout | None) -> Reasons:
        """Those among *names*, which are casefolded."""
        known = knowledge().columns
        own = layout.status if layout else None
        status = known.status if own is None else own
        plain = [folded_word(name.rpartition(".")[2]) for name in names]
        found = tuple(
            i for i, name in enumerate(names) if name in status or folded_word(name) in status
        )
        return cls(
            means=layout.means if layout else None,
            own_words=layout.words if layout else {},
            words=found,
            statuses=tuple(i for i in found if own or folded_word(names[i]) in known.plain_status),
            filled=tuple(
                (meaning, i)
                for meaning, pattern in filled()
                for i, name in enumerate(plain)
                if pattern.fullmatch(name)
            ),
        )

    @property
    def any(self) -> bool:
        """Whether the list says anything of its rows."""
        return bool(self.means or self.words or self.filled)

    def meaning(self, cells: Sequence[str]) -> Meaning | None:
        """What a row says, else what its list says; None for nothing that is known."""
        found = [self._word(_cell(cells, i)) for i in self.words]
        found += (_filled(meaning, _cell(cells, i)) for meaning, i in self.filled)
        return max(filter(None, found), key=STRICTNESS.__getitem__, default=self.means)

    def _word(self, cell: str) -> Meaning | None:
        return self.own_words.get(cell) or words().get(folded_word(cell))

    def unknown_status(self, cells: Sequence[str], texts: Sequence[int]) -> str | None:
        """The status of a row that says nothing that is known, in words or in the columns of
        *texts*; None if it says something, or has no column for a status.
        """
        values = [_cell(cells, i) for i in self.statuses if i < len(cells)]
        others = [_cell(cells, i) for i in texts if i not in self.statuses]
        if any(others) or any(map(is_reply, values)) or self.meaning(cells) is not None:
            return None
        if any(folded_word(value) in _SCOPE_WORDS for value in values):
            return None
        return next(filter(None, values), "") if values else None


def folded_word(text: str) -> str:
    """*text* as words are written in imports.toml."""
    return _PLAIN.sub("", text.casefold())


def is_reply(text: str) -> bool:
    """Whether *text* begins with a reply code (RFC 5321) or a status code (RFC 3463)."""
    return _REPLY.match(text) is not None


def joined(codes: Iterable[str], text: str) -> str:
    """*text* as a reply, with those of *codes* before it that are codes and that it lacks."""
    if is_reply(text):
        return text
    found = [code for code in codes if _CODE.fullmatch(code)]
    return " ".join([*sorted(dict.fromkeys(found), key=len), text]).rstrip() if found else text


def _filled(meaning: Meaning, value: str) -> Meaning:
    """What a cell says in a column that is filled where something of this *meaning* happened."""
    if value.casefold() in _NO or _NO_DATE.fullmatch(value):
        return Meaning.DELIVERABLE
    return words().get(folded_word(value), meaning)


def _cell(cells: Sequence[str], i: int) -> str:
    return cells[i].strip() if i < len(cells) else ""
