"""Why a row of somebody's list is there: to be suppressed, and for which mail, or not at all.

Reads: the columns of a list and a row. Gives: what the row says, and its reply, joined of several
columns. Refuses nothing; a status that is not known is given as such, for it may be that of a valid
address. imports.toml has the words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from unicodedata import normalize

from bouncewise.lists.layouts import (
    STRICTNESS,
    Layout,
    Meaning,
    bounce_columns,
    filled,
    knowledge,
    type_columns,
    words,
)
from bouncewise.model import Scope

_SCOPE_WORDS = ("transactional", "nontransactional")  # SparkPost
_TIME_NAME = re.compile(r"(?:at|on|am|le|date|time|datum|fecha|timestamp)$")
_SOFT_NAME = re.compile(r"(?:is|has)?(?:bouncedsoft|softbounce[ds]?)(?:count)?")
_MAX_LIST = 2000
_PLAIN = re.compile(r"[\s_-]+")
_NO = frozenset(
    """false f no n null none never n/a - -- — 0 nan nil undefined off [] {}
    nein non нет nie ne nej nee não nao falso faux falsch""".split()
) | {"", "not bounced"}
_YES = frozenset("true t yes y 1 ja j oui o sí si s vrai wahr verdadero".split())
_LISTED = re.compile(r"[^\W\d_][^\W\d]*(?: [^\W\d]+)*")
_KIND = re.compile(r"([\w -]+)\([^()]*\)")
# MySQL's 0000-00-00, and the first days of Unix, of .NET and of spreadsheets.
_NO_DATE = re.compile(
    r"[0:.,/TZ+ -]+|(?:1970-0?1-0?1|0001-01-01|1900-0?1-0?1|0?1/0?1/(?:1900|1970|0001))(?:[T ].*)?"
)

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
    kinds: tuple[int, ...] = ()
    """Those that give the reason of a bounce in words."""
    times: frozenset[int] = frozenset()
    """Those of ``filled`` that say when: another column may say that it did not happen."""
    soft: tuple[int, ...] = ()
    """Those that count or flag soft bounces."""

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
                if pattern.fullmatch(name) and not is_type(names[i])
            ),
            kinds=tuple(i for i, name in enumerate(plain) if bounce_columns().fullmatch(name)),
            times=frozenset(i for i, name in enumerate(plain) if _TIME_NAME.search(name)),
            soft=tuple(i for i, name in enumerate(plain) if _SOFT_NAME.fullmatch(name)),
        )

    @property
    def any(self) -> bool:
        """Whether the list says anything of its rows."""
        return bool(self.means or self.words or self.filled or self.kinds)

    @property
    def at(self) -> set[int]:
        """The positions of all of them."""
        return {*self.words, *self.kinds, *(i for _, i in self.filled)}

    def meaning(self, cells: Sequence[str]) -> Meaning | None:
        """What a row says, else what its list says; None for nothing that is known."""
        return max(self._all(cells), key=STRICTNESS.__getitem__, default=self.means)

    def wish(self, cells: Sequence[str]) -> Meaning | None:
        """The wish of the recipient that a row has, whatever else it says; None for none."""
        wishes = (meaning for meaning in self._all(cells) if meaning.scope is Scope.MARKETING)
        return max(wishes, key=STRICTNESS.__getitem__, default=None)

    def _all(self, cells: Sequence[str]) -> list[Meaning]:
        """What the columns of a row say. Spam is no complaint beside a bounce, but its reason."""
        texts = [_cell(cells, i) for i in self.words if i not in self.kinds]
        flags = {
            (meaning, i): _filled(meaning, _cell(cells, i))
            for meaning, i in self.filled
            if i not in self.times
        }
        found = [*flags.values()]
        denied = {
            meaning
            for (meaning, i), said in flags.items()
            if said is Meaning.DELIVERABLE and _cell(cells, i)
        }
        if any(not is_no(_cell(cells, i)) for i in self.soft):
            denied.add(Meaning.BOUNCED)
            found.append(Meaning.DELIVERABLE)
        found += (
            _filled(meaning, _cell(cells, i))
            for meaning, i in self.filled
            if i in self.times and meaning not in denied
        )
        found += [_kind(_cell(cells, i)) for i in self.kinds]
        found += (meaning for text in texts for meaning in self._meanings(text) if not _spam(text))
        is_bounce = not {self.means, *found}.isdisjoint((Meaning.BOUNCED, Meaning.BLOCKED))
        if not is_bounce and any(map(_spam, texts)):
            found.append(Meaning.COMPLAINED)
        return found

    def _meanings(self, cell: str) -> list[Meaning]:
        """What a cell says, or each word in a list such as ["HARD_BOUNCE", "UNSUBSCRIBE"]."""
        if (listed := _listed(cell)) is not None:
            return [*filter(None, map(self._word, listed))] if listed else [Meaning.DELIVERABLE]
        kind = _KIND.fullmatch(cell)
        word = self._word(kind[1] if kind else cell)
        return [word] if word else []

    def _word(self, cell: str) -> Meaning | None:
        return self.own_words.get(cell) or words().get(folded_word(cell))

    def unknown_status(self, cells: Sequence[str], texts: Sequence[int]) -> str | None:
        """The status of a row that says nothing that is known, in words or in the columns of
        *texts*; None if it says something, or has no column for a status.
        """
        lists = [_cell(cells, i) for i in self.words]
        unread = (x for x in lists if _listed(x) and not self._meanings(x))
        if self.meaning(cells) in (None, Meaning.DELIVERABLE) and (text := next(unread, "")):
            return text
        values = [_cell(cells, i) for i in self.statuses if i < len(cells)]
        others = [_cell(cells, i) for i in texts if i not in self.statuses]
        if any(others) or any(map(is_reply, values)) or self.meaning(cells) is not None:
            return None
        if any(folded_word(value) in _SCOPE_WORDS for value in values):
            return None
        return next(filter(None, values), "") if values else None


def is_type(column: str) -> bool:
    """Whether a column says whether somebody opted out of one type of mail."""
    name = folded_word(column)
    return bool(type_columns().fullmatch(name) or type_columns().fullmatch(name.rpartition(".")[2]))


def is_no(cell: str) -> bool:
    """Whether a cell says no, nothing, or never."""
    return cell.casefold() in _NO or _NO_DATE.fullmatch(cell) is not None


def folded_word(text: str) -> str:
    """*text* as words are written in imports.toml."""
    return _PLAIN.sub("", normalize("NFC", text.casefold()))


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
    if is_no(value):
        return Meaning.DELIVERABLE
    return words().get(folded_word(value), meaning)


def _kind(value: str) -> Meaning:
    """What a cell says in a column that gives the reason of a bounce in words."""
    word = folded_word(value)
    if value.casefold() in _NO:
        return Meaning.DELIVERABLE
    is_hard = word in _YES or word in knowledge().bounce_reasons.hard or is_reply(value)
    return Meaning.BOUNCED if is_hard else Meaning.BLOCKED


def _spam(text: str) -> bool:
    return folded_word(text) == "spam"


def _listed(cell: str) -> list[str] | None:
    """The words of a list in JSON, or nearly so; None for what is no list."""
    if not cell.startswith(("[", "{")):
        return None
    return [word for word in _LISTED.findall(cell[:_MAX_LIST]) if word.casefold() not in _NO]


def is_flag(text: str) -> bool:
    """Whether *text* says yes or no, and nothing else."""
    return text.casefold() in _NO or text.casefold() in _YES


def _cell(cells: Sequence[str], i: int) -> str:
    return cells[i].strip() if i < len(cells) else ""
