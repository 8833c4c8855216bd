"""What policy asks about the surroundings of an event: a protocol, and the answers of one who knows
nothing.

Pure. ``operations.refusal_context`` answers from a ledger, ``policy.examples`` from a story.
"""

from __future__ import annotations

from typing import Protocol

from bouncewise.model import Event, Incident
from bouncewise.policy.trust import ClaimEffect


class RefusalContext(Protocol):
    """What happened around the events of one name: asked for only where it matters."""

    def incident(self, event: Event) -> tuple[Incident | None, bool]:
        """The incident during which a refusal happened; and whether this address is one of its
        probes.
        """

    def neighbours(self, event: Event) -> tuple[int, int]:
        """How many others, at the receiver and in the domain, had mail delivered about that
        time.
        """

    def claim_effect(self, event: Event) -> ClaimEffect:
        """What a claim may do."""

    def is_hand_over(self, delivery: Event) -> bool:
        """Whether mail was accepted by a host that only passes it on."""

    def resolver_failed(self, event: Event) -> bool:
        """Whether so many domains failed at that time that our own resolver was at fault."""


class NoContext:
    """A RefusalContext of which nothing is known."""

    def incident(self, event: Event) -> tuple[Incident | None, bool]:
        """None."""
        return None, False

    def neighbours(self, event: Event) -> tuple[int, int]:
        """None."""
        return 0, 0

    def claim_effect(self, event: Event) -> ClaimEffect:
        """All of it."""
        return ClaimEffect.FULL

    def is_hand_over(self, delivery: Event) -> bool:
        """No."""
        return False

    def resolver_failed(self, event: Event) -> bool:
        """No."""
        return False
