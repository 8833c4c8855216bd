"""Whether a list is one of contacts: people who get mail, and not those who must not.

Reads: the names of its columns and the first rows. Gives: the columns that lists of contacts have.
imports.toml has their names and words. Refuses nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

from bouncewise.lists.layouts import knowledge
from bouncewise.lists.reasons import folded_word


def contact_columns(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The columns in *header* that lists of contacts have, by their names or by words in *rows*."""
    words = knowledge().contacts.words
    by_word = {
        i for row in rows for i, cell in enumerate(row) if folded_word(cell.strip()) in words
    }
    return [
        name
        for i, name in enumerate(header)
        if i in by_word or _names().fullmatch(folded_word(name.strip()))
    ]


@cache
def _names() -> re.Pattern[str]:
    return re.compile("|".join(knowledge().contacts.names))
