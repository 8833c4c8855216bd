"""What the rows of a suppression list say, in the layout that its columns show.

Reads: the cells of a table. Gives: a ListRow for each. Refuses: a list that does not say why its
rows are there, or lacks the columns of the layout that it is said to have.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from bouncewise.encode import for_csv
from bouncewise.errors import InputError
from bouncewise.lists import layouts
from bouncewise.lists.column import folded
from bouncewise.lists.contacts import contact_columns
from bouncewise.lists.dates import Order, order_of, parse_time
from bouncewise.lists.layouts import Layout, Meaning, knowledge
from bouncewise.lists.names import name_error, unwrapped
from bouncewise.lists.opt_outs import OptOuts
from bouncewise.lists.reasons import Reasons, is_flag, is_reply, joined
from bouncewise.lists.records import ADDRESSES_ALONE
from bouncewise.lists.table import Table
from bouncewise.lists.unnamed import Unnamed, unnamed_columns
from bouncewise.model import Cause, Scope

PLAIN = "csv"
"""The name of a list whose columns decide."""

_EMPTY_DATES = frozenset("0-:/. TZ")
_NO_REASON = (
    "its status does not say that it is to be suppressed: {!r:.40}; if it is, write bounced, "
    "complained or unsubscribed there"
)


class ListRow(NamedTuple):
    """One row of a suppression list; ``reason`` is the text it gives, at best an SMTP reply.
    ``error`` says what is wrong with a row that cannot be used; ``line`` where it begins, counted
    in ``unit``s.
    """

    format: str
    address: str
    at: datetime | None = None
    reason: str = ""
    cause: Cause | None = None
    scope: Scope = Scope.ALL
    until: datetime | None = None
    line: int = 0
    error: str = ""
    meaning: Meaning | None = None
    wish: Meaning | None = None
    """What the recipient wishes, whatever else the row says."""
    is_remark: bool = False
    """Whether the reason is what a person noted, and no report of a bounce."""
    is_decided: bool = False
    """Whether bouncewise decided about the row, or somebody wrote its end."""
    unit: str = "line"
    lost_date: str = ""
    """A date that cannot be read, or could be read in two ways."""


class ListReader:
    """What is known of a list: its layout, and where its columns are."""

    def __init__(self, table: Table, name: str | None) -> None:
        self._table = table
        self._order: Order | None = None
        self._is_empty, self._says = True, False
        self._contact_columns: list[str] = []
        self._names = names = folded(table.header)
        self._at: dict[str, int] = {}
        self._texts: tuple[int, ...] = ()
        self._dates: tuple[int, ...] = ()
        self._codes: tuple[int, ...] = ()
        shown = layouts.shown_by(names)
        layout = layouts.named(name, names) if name else next(iter(shown), None)
        self.format = name or (layout.name if layout else PLAIN)
        self._is_own = self.format == PLAIN and layout is not None and layout.columns <= set(names)
        self._layout, self._is_named = layout, name is not None
        known = knowledge().columns
        self._unnamed = Unnamed()
        if not names:  # (what its columns are is found out when its rows are looked at)
            self._reasons = Reasons(layout.means if layout else None, {}, (), (), ())
            return
        at = self._at = {column: i for i, column in enumerate(names)}
        for column in ("scope", "until", "cause", "code"):
            if names.count(column) > 1:
                raise InputError(f"{table.path}: several columns {column}; rename all but one")
        self._reasons = Reasons.of(names, layout)

        def places(own: tuple[str, ...] | None, usual: tuple[str, ...]) -> tuple[int, ...]:
            return tuple(at[c] for c in (usual if own is None else own) if c in at)

        own = layout or Layout(name="csv", about="", columns=frozenset())
        self._texts = places(own.reason, known.reason)
        self._dates = places(own.at, known.at)
        self._codes = places(None, known.code)

    def require_reason(self) -> None:
        """Raise InputError where nothing says why the rows are there, and which layouts may."""
        names, known = set(self._names), knowledge().columns
        if not names:
            self._require_words()
            return
        if names == {self._names[self._table.address]} != {ADDRESSES_ALONE}:
            return
        if self._reasons.any or names & {*known.reason, "scope", "until", "cause", "code"}:
            return
        if contacts := self._contacts():
            raise InputError(f"{self._table.path}: no column says why a row is there; {contacts}")
        if types := self.opt_outs.columns:
            raise InputError(
                f"{self._table.path}: no column says why a row is there; "
                f"{', '.join(self._table.header[i] for i in types)[:200]}: opt-outs from types of "
                "mail, not of all. To stop all marketing mail to them, import these rows alone "
                "with --scope marketing"
            )
        asked = [f"{x.about} (--format {x.name})" for x in layouts.shown_by(self._names, ask=True)]
        may_be = f" They may be {', '.join(asked[:3])}." if asked else ""
        raise InputError(
            f"{self._table.path}: no column says why a row is there: "
            f"{', '.join(self._table.header)[:200]}.{may_be} "
            "To suppress every row: --scope all, or --scope marketing"
        )

    def _require_words(self) -> None:
        found = self._unnamed
        if found.others and not (found.words or found.replies or found.text is not None):
            raise InputError(
                f"{self._table.path}: no header, and no column says why a row is there. Add a "
                "header with the column status, or one with the column of addresses alone. "
                "To suppress every row: --scope all, or --scope marketing"
            )

    def require_layout(self) -> None:
        """Raise InputError where the list lacks columns of the layout that it is said to have."""
        if self._is_empty or (not self._names and self.format == "ses" and self._says):
            return
        if not (lost := layouts.lacks(self.format, self._names)):
            return
        what = "these columns are not there" if self._names else "it has no header"
        otherwise = (
            "Without --format the columns decide"
            if self._names
            else "Without --format a list of addresses alone is suppressed for all mail"
        )
        raise InputError(
            f"{self._table.path}: not a list for --format {self.format}, for {what}: "
            f"{'; '.join(lost)[:300]}. {_sentence(self._contacts()) or otherwise}"
        )

    def _contacts(self) -> str:
        """What to do with a list that looks like one of contacts; '' for any other."""
        if not self._contact_columns:
            return ""
        return (
            f"it looks like a list of contacts ({', '.join(self._contact_columns)[:100]}): "
            "export those that bounced, complained or unsubscribed, or add a column status that "
            "says so of each"
        )

    def notes(self) -> Iterator[str]:
        """What operators should know of the list."""
        if self._layout and self._layout.note and not self._is_named:
            yield self._layout.note
        if self._table.has_more:
            yield "the answer of the API says that there is another page: import it, too"

    def look_at(self, top: list[list[str]]) -> None:
        """Find out from the first rows how dates are written, and whether the list is of SES."""
        if not self._names:
            self._look_at_unnamed(top)
        self._order = order_of(_cell(row, i) for row in top for i in self._dates)
        self._is_empty = not top
        self.opt_outs = self._types(top)
        self._contact_columns = contact_columns(self._table.header, top)
        self._says = any(self._reasons.meaning(row) for row in top)
        if not (self._names or self._is_named):
            self.format = "ses" if self._says else PLAIN

    def _look_at_unnamed(self, top: list[list[str]]) -> None:
        """Find out from their content what the columns of a list without a header are."""
        found = self._unnamed = unnamed_columns(top, self._table.address)
        words = found.words or ((found.text,) if found.text is not None else ())
        self._reasons = Reasons(self._reasons.means, {}, words, words, ())
        self._texts = (*found.replies, *(i for i in words if i not in found.replies))
        self._dates = found.dates

    def _types(self, top: list[list[str]]) -> OptOuts:
        known = {self._table.address, *self._texts, *self._dates, *self._codes, *self._reasons.at}
        types = self._layout.types if self._layout else ""
        return OptOuts(self._table.header, types, known, top)

    def row(self, listed: str, cells: list[str], *, every: bool) -> ListRow:
        """What a row says; *every*: whatever its status."""
        listed = unwrapped(listed)
        meaning = self._reasons.meaning(cells)
        written = self._written(cells, "scope") or self._written(cells, "type")
        date = next(filter(None, (_cell(cells, i) for i in self._dates)), "")
        times = (parse_time(_cell(cells, i), self._order) for i in self._dates)
        at = next(filter(None, times), None)
        until = self._written(cells, "until")
        row = ListRow(
            format=self.format,
            address=listed,
            at=at,
            reason=self._reason(cells),
            cause=_cause(self._written(cells, "cause")) or (meaning.cause if meaning else None),
            scope=_scope(written.casefold(), meaning),
            until=parse_time(until),
            meaning=meaning,
            wish=self._reasons.wish(cells),
            is_decided=bool(until) or self._is_own,
            is_remark=bool(self._written(cells, "why")),
            lost_date="" if at or _EMPTY_DATES.issuperset(date) else date,
        )
        if until and row.until is None:
            return row._replace(error=f"until is no time: {until[:40]}")
        error = name_error(listed) or ""
        if not error and not every and not row.cause and row.scope is Scope.ALL:
            status = self._reasons.unknown_status(cells, self._texts)
            if status is None and meaning is None and self._is_named and not self._names:
                status = row.reason if self.format == "ses" and not is_reply(row.reason) else None
            error = "" if status is None else _NO_REASON.format(status)
        return row._replace(error=error)

    def _reason(self, cells: list[str]) -> str:
        texts = (_cell(cells, i) for i in self._texts)
        text = next((text for text in texts if not is_flag(text)), "")
        text = without_mark(text) if self.format == PLAIN else text
        return joined((_cell(cells, i) for i in self._codes), text)

    def _written(self, cells: list[str], column: str) -> str:
        return _cell(cells, self._at[column]) if column in self._at else ""


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _scope(written: str, meaning: Meaning | None) -> Scope:
    if written in (Scope.ALL, Scope.MARKETING):
        return Scope(written)
    if written == Scope.STREAM:  # which one is not written
        return Scope.MARKETING
    if written in ("non_transactional", "non-transactional"):  # (SparkPost has a row for each)
        return Scope.ALL if meaning is Meaning.BOUNCED else Scope.MARKETING
    return meaning.scope if meaning else Scope.ALL


def _cause(text: str) -> Cause | None:
    return Cause(text) if text in Cause.__members__.values() else None


def without_mark(cell: str) -> str:
    """*cell* without the mark that ``for_csv`` puts before a formula."""
    return cell[1:] if cell.startswith("'") and for_csv(cell[1:]) == cell else cell


def _cell(row: list[str], column: int) -> str:
    return row[column].strip() if column < len(row) else ""
