"""What ``compare`` writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from bouncewise.contract.base import Record, about

if TYPE_CHECKING:
    from bouncewise.operations.compare import Compared


class ComparedRow(Record, frozen=True, kw_only=True):
    """One object per policy."""

    policy: Annotated[str, about("`bouncewise`, or another policy (docs/policy.md)")]
    suppressed: Annotated[int, about("addresses that it would have suppressed or held")]
    delivered_later: Annotated[int, about("of them, those to which mail was delivered meanwhile")]
    refused_again: Annotated[int, about("of them, those that only refused again")]
    unknown: Annotated[int, about("of them, those that were not mailed since")]
    withheld: Annotated[int, about("mails that were delivered, and that it would not have sent")]
    sent_to_dead: Annotated[int, about("further mails to dead addresses that it would have sent")]

    @classmethod
    def of(cls, row: Compared) -> ComparedRow:
        """The record of one policy."""
        return cls(**row._asdict())
