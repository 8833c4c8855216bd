"""What a claim may do: a report that anybody could have sent, and that nothing confirms.

Pure: what else the ledger knows of the time is an argument. docs/trust.md explains the rules;
their numbers stand in policy.toml under [trust].
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

from bouncewise.model import Event, Proof
from bouncewise.policy.load import TrustPolicy


class ClaimEffect(Enum):
    """What a claim may do."""

    NONE = "none"
    HOLD = "hold"
    """Hold the address for some hours; suppress it only where claims recur after several mails."""
    FULL = "full"
    """What any evidence may do to one address: nothing else is known of that time."""


def claim_effect(
    event: Event, *, covered: bool, on_that_day: int, policy: TrustPolicy
) -> ClaimEffect:
    """What *event* may do. *covered*: own logs or events cover its time; *on_that_day*: the
    claims of that day, this one included.
    """
    if event.proof in (Proof.UNSIGNED, Proof.IMPLAUSIBLE):
        return ClaimEffect.NONE
    if not covered:
        return ClaimEffect.FULL
    return ClaimEffect.NONE if on_that_day > policy.claims_a_day else ClaimEffect.HOLD


class ClaimCount:
    """Claims about one name that recur after separate mails of ours."""

    def __init__(self, policy: TrustPolicy) -> None:
        self._policy = policy
        self._mailed: datetime | None = None
        self._answered: list[datetime] = []
        self._held: datetime | None = None

    def mail(self, at: datetime) -> None:
        """A mail of ours was accepted at *at*. The count starts again where the mail before it
        was followed by no claim in time.
        """
        before = self._mailed
        if before is not None and before not in self._answered[-1:] and self._is_late(before, at):
            self._answered.clear()
        self._mailed = at

    def reset(self) -> None:
        """The recipient gave a sign of life."""
        self._answered.clear()

    def is_repeated(self, claim: Event) -> bool:
        """Count *claim*; whether enough separate mails were followed by one."""
        mailed = self._mailed
        if mailed is not None and not self._is_late(mailed, claim.at):
            if mailed not in self._answered[-1:]:
                self._answered.append(mailed)
        elif mailed is not None and mailed not in self._answered[-1:]:
            self._answered.clear()
        return len(self._answered) >= self._policy.claim_mails

    def hold_until(self, claim: Event) -> datetime | None:
        """Until when *claim* holds the address; None where a claim held it lately."""
        again = timedelta(days=self._policy.claim_again_days)
        if self._held is not None and claim.at - self._held < again:
            return None
        self._held = claim.at
        return claim.at + timedelta(hours=self._policy.claim_hold_hours)

    def _is_late(self, mailed: datetime, at: datetime) -> bool:
        return at - mailed > timedelta(days=self._policy.claim_days)
