"""When what does not work is mailed again: as often as expected cost allows.

Pure. A row of ``[[recovery]]`` or ``[[window]]`` assumes that a ``share`` of what fails for a cause
works again one day, half of that within ``half_days``, so t days after it began to fail ::

    F(t) = share * t / (t + half_days)

works again. That it recovers on the next day, given that it has not yet, has the probability
h(t) = F'(t) / (1 - F(t)). A mail every d days costs ``mail`` / d a day while nothing has changed,
and ``missed`` * n * h(t) * d / 2 for the n addresses that wait for its result; the sum of both is
least for d = sqrt(2 * mail / (missed * n * h(t))).
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import NamedTuple

from bouncewise.policy.load import Chance, CostPolicy

_DAY = timedelta(days=1)
_EARLY = timedelta(hours=12)
"""A daily mailing is not sent at the same hour: a hold ends half a day before the mailing that it
waits for."""


class Waiting(NamedTuple):
    """How many ``addresses`` wait for the result of a mail, and what the ``mail`` costs."""

    addresses: int
    mail: float


def next_mail(
    at: datetime, since: datetime, waiting: Waiting, chance: Chance, cost: CostPolicy
) -> datetime:
    """When to mail again what has failed since *since*, the last time *at*."""
    return at + _DAY * days_between_mails((at - since) / _DAY, waiting, chance, cost) - _EARLY


def days_between_mails(failing: float, waiting: Waiting, chance: Chance, cost: CostPolicy) -> int:
    """Whole days from one mail to the next after *failing* days, from 1 to ``longest_days``."""
    half, never = chance.half_days, 1 - chance.share
    hazard = chance.share * half / ((failing + half) * (half + failing * never))
    days = math.sqrt(2 * waiting.mail / (cost.missed * waiting.addresses * hazard))
    return max(1, min(cost.longest_days, round(days)))
