"""What is new here since lists elsewhere were brought in step: pushed without reading the lists.

Reads: names that were suppressed lately, and of a list manager the entries with these addresses.
Gives: Differences that can be pushed. Adding an entry that is there already changes nothing, so
that nothing need be known of an ESP's list.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bouncewise.model import State
from bouncewise.operations.check import Checker
from bouncewise.operations.context import Context
from bouncewise.operations.sync import Lists, of_members, our_difference
from bouncewise.operations.sync_rows import Difference
from bouncewise.policy.decide import in_force
from bouncewise.providers.list_client import ListClient
from bouncewise.providers.suppression_lists import Account
from bouncewise.rfc import address

MOST = 200
"""Names that are pushed one by one; for more, the lists are read."""


def can_push(account: Account, names: list[str]) -> bool:
    """Whether *names* can be pushed without reading the lists: not many, and, where a list manager
    holds the addresses, no whole domain.
    """
    managers = [listed for listed in account.lists if listed.members]
    if len(names) > MOST or any(not listed.find for listed in managers):
        return False
    return not managers or not any(name.startswith("@") for name in names)


def found_there(client: ListClient, names: Iterable[str]) -> Lists:
    """What is known of the lists without reading them: of a list manager the members among
    *names*. Raises ListError, FetchError.
    """
    lists = Lists(client.account, [], {}, {}, {})
    for listed in client.account.lists:
        for name in names if listed.members else ():
            for entry in client.find(listed, name):
                if entry.id:
                    lists.ids[address.normalise(entry.address)] = entry.id
                if not entry.stops:
                    lists.members[name] = entry.address
    return lists


def new_differences(
    context: Context, lists: Lists, names: Iterable[str], now: datetime
) -> list[Difference]:
    """What can be pushed of *names*."""
    checker = Checker(context.ledger, context.policy, for_few=True)
    if any(listed.members for listed in lists.account.lists):
        return list(of_members(lists, checker, now))
    found: list[Difference] = []
    for name, decisions in context.ledger.decisions(names).items():
        for decision in decisions:
            if in_force(decision, now).state is State.SUPPRESSED:
                difference = our_difference(lists, name, decision)
                found += [difference] if difference is not None else []
    return found
