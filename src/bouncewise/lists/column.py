"""Which column of a table holds the addresses.

Reads: the names of the columns, the first rows. Gives: the position. The name proposes, the content
decides: a column "Address" of streets is none, one called "Adresse" or "Kontakt" may be. Refuses,
and lists the columns: where none or several could be meant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

from bouncewise.errors import InputError
from bouncewise.lists.names import name_in

NAMES = (
    "email,e-mail,emailaddress,email address,e-mail address,email_address,mail,address,recipient,"
    "rcpt,subscriber,adresse,e-mail-adresse,adresse e-mail,"
    "adresse email,adresse électronique,correo,correo electrónico,courriel,to".split(",")
)
SAMPLE = 100
"""Rows whose cells are looked at."""


def is_address(cell: str) -> bool:
    """Whether *cell* names an address, however it is written."""
    key, error = name_in(cell)
    return not error and not key.startswith("@")


def folded(header: Sequence[str]) -> list[str]:
    """The names of columns, to be compared."""
    return [normalize("NFC", name.strip().strip("\"'").strip().casefold()) for name in header]


def address_column(
    header: Sequence[str], sample: Sequence[Sequence[str]], column: str | None, path: Path
) -> int:
    """The position of the column of addresses: the one called *column*, if it is given. Raises
    InputError where none is, or several are.
    """
    names = folded(header)
    counts = Counter(
        i for row in sample for i, cell in enumerate(row[: len(names)]) if is_address(cell)
    )
    choose = _Chooser(header, counts, column, path)
    if column is not None:
        return choose.only([i for i, n in enumerate(names) if n == column.strip().casefold()])
    by_name = [i for name in NAMES for i, n in enumerate(names) if n == name]
    similar = [i for i, n in enumerate(names) if "mail" in n and i not in by_name]
    if first := next((names[i] for i in by_name if counts[i]), ""):
        return choose.only([i for i in by_name if names[i] == first])
    if filled := [i for i in similar if counts[i]]:
        return choose.only(filled)
    if others := [i for i in counts if 2 * counts[i] >= len(sample)]:
        return choose.only(others)
    return choose.only(by_name[:1] or similar)


def plain_column(sample: Sequence[Sequence[str]], path: Path) -> int:
    """The position of the column of addresses in a table without a header. Raises InputError where
    no row has an address, or rows have several.
    """
    counts = Counter(i for row in sample for i, cell in enumerate(row) if is_address(cell))
    if not counts:
        raise InputError(
            f"{path}: no address in the first {len(sample)} rows, and no header: is it a list?"
        )
    if len(counts) > 1:
        raise InputError(
            f"{path}: columns {', '.join(str(i + 1) for i in sorted(counts))} have addresses; add "
            "a header, and name one with --column"
        )
    return next(iter(counts))


class _Chooser(NamedTuple):
    """Chooses among positions, or says why it cannot."""

    header: Sequence[str]
    counts: Counter[int]
    column: str | None
    path: Path

    def only(self, positions: list[int]) -> int:
        """The only one of *positions*; of several the only one with addresses."""
        if len(positions) > 1:
            positions = [i for i in positions if self.counts[i]] or positions
        if len(positions) == 1:
            return positions[0]
        if positions:
            named = ", ".join(self.header[i] for i in positions)
            raise InputError(
                f"{self.path}: several columns of addresses: {named[:200]}. "
                + (
                    "Rename one."
                    if len(set(folded(named.split(", ")))) == 1
                    else "Name one with --column."
                )
            )
        raise InputError(
            f"{self.path}: no column {self.column or 'of addresses'} among: "
            f"{', '.join(self.header)[:200]}. Name it with --column."
        )
