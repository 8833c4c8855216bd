"""What the columns of a list without a header are, by their content.

Reads: the first rows. Gives: the columns with words of a status, with SMTP replies, and with dates.
Refuses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from bouncewise.lists.dates import Order, parse_time
from bouncewise.lists.layouts import words
from bouncewise.lists.reasons import folded_word, is_reply

_SAMPLE = 100
"""Rows that are looked at."""


class Unnamed(NamedTuple):
    """The positions of columns: with words of a status, with replies, with dates; ``text``: the one
    behind the address, if it is none of them; whether there are ``others`` than the addresses.
    """

    words: tuple[int, ...] = ()
    replies: tuple[int, ...] = ()
    dates: tuple[int, ...] = ()
    text: int | None = None
    others: bool = False


def unnamed_columns(top: Sequence[Sequence[str]], address: int) -> Unnamed:
    """What the columns of the rows of *top* are, whose addresses are in the column *address*."""
    top = top[:_SAMPLE]
    width = max(map(len, top), default=0)
    filled = {
        i: cells
        for i in range(width)
        if i != address and (cells := [c for row in top if (c := "".join(row[i : i + 1]).strip())])
    }

    def mostly(is_one: Callable[[str], object]) -> tuple[int, ...]:
        return tuple(
            i for i, cells in filled.items() if 2 * sum(map(bool, map(is_one, cells))) >= len(cells)
        )

    status = mostly(lambda cell: folded_word(cell) in words())
    replies, dates = mostly(is_reply), mostly(_is_date)
    behind = address + 1
    is_text = behind in filled and behind not in (*replies, *dates)
    return Unnamed(status, replies, dates, behind if is_text else None, bool(filled))


def _is_date(cell: str) -> bool:
    return parse_time(cell, Order.DAY) is not None or parse_time(cell, Order.MONTH) is not None
