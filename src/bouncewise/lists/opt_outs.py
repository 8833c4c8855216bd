"""Opt-outs from types of mail, as HubSpot writes them: a column for each type, TRUE where the
address is unsubscribed from it.

Reads: the columns of a list, its rows. Gives: what operators should know of opt-outs that are not
imported. Refuses nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from bouncewise.lists.reasons import folded_word, is_no, is_type

_SHOWN = 5


class OptOuts:
    """The columns of types: those whose names say so, and those that match *pattern*, without the
    *known* ones, if they have TRUE, FALSE or nothing in the rows of *top*.
    """

    def __init__(
        self, header: Sequence[str], pattern: str, known: set[int], top: Sequence[Sequence[str]]
    ) -> None:
        self._header = header
        may_be = re.compile(pattern or r"(?!)").fullmatch
        self.columns = [
            i
            for i, name in enumerate(header)
            if is_type(name.strip())
            or (
                i not in known
                and may_be(folded_word(name.strip().rpartition(".")[2]))
                and all(_flag(row, i) in ("", "true", "false") for row in top)
            )
        ]
        self._rows = 0
        self._counts: Counter[int] = Counter()

    def add(self, cells: Sequence[str]) -> None:
        """Count the opt-outs of a row."""
        found = [i for i in self.columns if not is_no(_flag(cells, i))]
        self._counts.update(found)
        self._rows += bool(found)

    def note(self) -> str:
        """How many rows opt out of which types; '' where none does."""
        if not self._rows:
            return ""
        counts = self._counts.most_common(_SHOWN)
        types = ", ".join(f"{self._header[i][:40]}: {n:,}" for i, n in counts)
        rows = "1 row opts" if self._rows == 1 else f"{self._rows:,} rows opt"
        return (
            f"{rows} out of types of mail, not of all ({types}); this is not "
            "imported. To stop all marketing mail to them, import these rows alone with --scope "
            "marketing"
        )


def _flag(row: Sequence[str], column: int) -> str:
    return row[column].strip().casefold() if column < len(row) else ""
