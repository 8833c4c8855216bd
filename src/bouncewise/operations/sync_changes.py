"""Who of a list manager was suppressed here lately: pushed without reading the whole list.

Reads: names that were suppressed lately, and the entries there with these addresses. Gives:
Differences that can be pushed. The lists of ESPs are read before anything is added to them: what
stands in one of their lists already needs no entry in another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from bouncewise.operations.check import Checker
from bouncewise.operations.context import Context
from bouncewise.operations.sync import Lists, of_members
from bouncewise.operations.sync_rows import Difference
from bouncewise.providers.list_client import ListClient
from bouncewise.providers.suppression_lists import Account, SuppressionList
from bouncewise.rfc import address

MOST = 200
"""Names that are looked for one by one; for more, the list is read."""


def managed(account: Account) -> SuppressionList | None:
    """The list of the addresses that a list manager mails; None for an ESP."""
    return next((listed for listed in account.lists if listed.members), None)


def can_find(listed: SuppressionList, names: Sequence[str]) -> bool:
    """Whether *names* can be looked for one by one: not many, and no whole domain."""
    is_few = len(names) <= MOST and not any(name.startswith("@") for name in names)
    return bool(listed.find) and is_few


def found_there(client: ListClient, listed: SuppressionList, names: Iterable[str]) -> Lists:
    """The members among *names*. Raises ListError, FetchError."""
    lists = Lists(client.account, [], {}, {}, {})
    for name in names:
        for entry in client.find(listed, name):
            lists.ids[address.normalise(entry.address)] = entry.id
            if not entry.stops:
                lists.members[name] = entry.address
    return lists


def new_differences(context: Context, lists: Lists, now: datetime) -> list[Difference]:
    """What can be pushed of the members that were found."""
    checker = Checker(context.ledger, context.policy, for_few=True)
    return list(of_members(lists, checker, now))
