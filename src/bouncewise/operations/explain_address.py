"""Why an address may or may not be mailed, as a page; and whether a text asks for that."""

from __future__ import annotations

import re
from datetime import datetime

from bouncewise.classifier.classify import Classifier
from bouncewise.errors import InputError
from bouncewise.ledger import Store
from bouncewise.lists.names import name_in
from bouncewise.operations.check import Checker, check
from bouncewise.operations.explain import Page, address_page
from bouncewise.policy.load import Policy
from bouncewise.times import Clock, in_utc

_ADDRESS = re.compile(r"\s*[^\s@]*@[^\s@]*\s*")


def names_address(text: str) -> bool:
    """Whether *text* is an address or ``@domain``, or was meant to be one."""
    return not name_in(text).error or bool(_ADDRESS.fullmatch(text))


def explain_address(  # noqa: PLR0913 - what is known, and how times are shown
    text: str,
    ledger: Store,
    policy: Policy,
    classifier: Classifier,
    *,
    at: datetime,
    past: bool = False,
    clock: Clock = in_utc,
) -> Page:
    """The page about the address or ``@domain`` that *text* names. *past*: by the evidence up to
    *at* alone; *clock*: how times are shown. Raises InputError where it names none.
    """
    name, error = name_in(text)
    if error:
        raise InputError(f"{text}: {error}")
    if past:
        answer = next(check([name], ledger, policy, at=at, past=past))
    else:
        answer = Checker(ledger, policy, for_few=True).check(name, at=at)
    history = ledger.history(name, at if past else None)
    return address_page(name, answer.decision, history, at, classifier, clock)
