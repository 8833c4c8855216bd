"""What ``replay`` writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import UNSET, UnsetType

from bouncewise.contract.base import DecisionRecord, Record, about

if TYPE_CHECKING:
    from bouncewise.operations.replay import Change, Outcome, Summary


class ReplayedRow(Record, frozen=True, kw_only=True):
    """One object per name whose decision differs, by name: ``address`` *or* ``domain``, then the
    rest.
    """

    address: Annotated[str | UnsetType, about("the address")] = UNSET
    domain: Annotated[str | UnsetType, about("the domain, without `@`")] = UNSET
    before: Annotated[
        DecisionRecord,
        about(
            "`state` (as in `check`), `cause`, `rule`, `until`; beside `ok`, `cause` and `until` "
            "are null, and `rule` is what"
            " judges the words that decide on the other side (null where nothing does)"
        ),
    ] = msgspec.field(name="from")
    after: Annotated[DecisionRecord, about("the same")] = msgspec.field(name="to")

    @classmethod
    def of(cls, c: Change) -> ReplayedRow:
        """The row of a Change."""
        domain = c.name.startswith("@")
        return cls(
            address=UNSET if domain else c.name,
            domain=c.name[1:] if domain else UNSET,
            before=DecisionRecord.of(c.before),
            after=DecisionRecord.of(c.after),
        )


class ChangeKindRow(Record, frozen=True, kw_only=True):
    """Changes that are alike."""

    from_state: str
    to_state: str
    from_rule: str | None
    to_rule: str | None
    count: int


class ReplaySummary(Record, frozen=True, kw_only=True):
    """One object for all, at the end."""

    rules: Annotated[str, about("version of the rules that were applied")]
    applied: Annotated[bool, about("whether the ledger was changed")]
    reports: Annotated[int, about("reports re-evaluated")]
    reclassified: Annotated[int, about("of them, with a different verdict")]
    changed: Annotated[int, about("names whose decision differs")]
    released: Annotated[int, about("of them, to `ok`")]
    suppressed: Annotated[int, about("of them, newly suppressed")]
    held: Annotated[int, about("of them, from `ok` to `held`")]
    summary: Annotated[
        tuple[ChangeKindRow, ...],
        about("`from_state`, `to_state`, `from_rule`, `to_rule`, `count`; the most frequent first"),
    ]

    @classmethod
    def of(cls, outcome: Outcome, summary: Summary, rules: str, *, applied: bool) -> ReplaySummary:
        """The summary of a replay."""
        kinds = tuple(
            ChangeKindRow(
                from_state=kind.state_before,
                to_state=kind.state_after,
                from_rule=kind.rule_before or None,
                to_rule=kind.rule_after or None,
                count=n,
            )
            for kind, n in summary.kinds.most_common()
        )
        return cls(
            rules=rules,
            applied=applied,
            reports=outcome.reports,
            reclassified=outcome.reclassified,
            changed=summary.changed,
            released=summary.released,
            suppressed=summary.suppressed,
            held=summary.held,
            summary=kinds,
        )
