"""A list in, the same list out without the addresses that must not be mailed.

Reads: a table of any dialect. Gives: the rows that may be mailed as they are, in their order;
the others with the reason. A cell that is no address is dropped too.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import tee
from typing import NamedTuple

from bouncewise.lists.table import Table
from bouncewise.lists.worth import Worth
from bouncewise.model import Decision, Mail, State
from bouncewise.operations.check import Answer, check
from bouncewise.operations.context import Context
from bouncewise.operations.validate import Validator


class Row(NamedTuple):
    """A row of the list with the answer for its address."""

    cells: list[str]
    text: str
    """The row as it was written, its line end included."""
    answer: Answer


def clean(
    table: Table,
    context: Context,
    *,
    at: datetime,
    past: bool,
    mail: Mail,
    validator: Validator | None = None,
) -> Iterator[Row]:
    """Every row of *table* that is not blank, with its answer; with a *validator*, which has
    looked up the domains, what it calls bad may not be mailed either.
    """
    rows, again = tee(table.readable())
    addresses = (table.address_in(row.cells) for row in again)
    answers = check(addresses, context.ledger, context.policy, at=at, past=past, mail=mail)
    if validator is not None:
        answers = _validated(answers, validator)
    for answer, row in zip(answers, rows, strict=True):
        yield Row(row.cells, row.text, answer)


def _validated(answers: Iterator[Answer], validator: Validator) -> Iterator[Answer]:
    answers, again = tee(answers)
    for answer, found in zip(answers, validator.validations_of(again), strict=True):
        if answer.send and found.verdict is Worth.BAD:
            why = f"{found.reasons[0]}: {found.words}"
            yield answer._replace(send=False, decision=Decision(state=State.INVALID, why=why))
        else:
            yield answer
