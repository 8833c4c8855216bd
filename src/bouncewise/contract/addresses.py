"""What ``check``, ``suppressions``, ``history``, ``release`` and ``domains`` write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import UNSET, UnsetType

from bouncewise.contract.base import DecisionRecord, Record, about, time
from bouncewise.model import Decision, Event

if TYPE_CHECKING:
    from bouncewise.operations.check import Answer
    from bouncewise.operations.domains import DnsCheck


class AddressAnswer(Record, frozen=True, kw_only=True):
    """One object per address."""

    address: Annotated[str, about("as given")]
    send: Annotated[bool, about("whether it may be mailed")]
    state: Annotated[str, about("`ok` `suppressed` `held`")]
    cause: Annotated[str | None, about("why, if it is a cause of the list")]
    scope: Annotated[str | None, about("`all` or `marketing`, where it may not be mailed")]
    since: Annotated[str | None, about("since when it may not be mailed")]
    until: Annotated[str | None, about("until when; null: for good")]
    why: Annotated[str | None, about("the code and words that decided, or what a person wrote")]
    rule: Annotated[str | None, about("the rule, `complaint`, `unsubscribe`, or `manual`")]

    @classmethod
    def of(cls, a: Answer) -> AddressAnswer:
        """The record of an Answer."""
        d = a.decision
        return cls(
            address=a.address,
            send=a.send,
            state=d.state,
            cause=d.cause,
            scope=None if a.send else d.scope,
            since=time(d.since),
            until=time(d.until),
            why=d.why or None,
            rule=d.rule or None,
        )


class SuppressionRow(Record, frozen=True, kw_only=True):
    """One object per suppression: ``address`` *or* ``domain``, then the rest."""

    address: Annotated[
        str | UnsetType, about("the address; not there where a whole domain is suppressed")
    ] = UNSET
    domain: Annotated[str | UnsetType, about("the domain, without `@`")] = UNSET
    scope: Annotated[str, about("`all` or `marketing`")]
    cause: Annotated[str | None, about("why, if it is a cause of the list")]
    since: Annotated[str | None, about("since when")]
    until: Annotated[str | None, about("until when; null: for good")]
    why: Annotated[str | None, about("the code and words that decided, or what a person wrote")]
    rule: Annotated[str | None, about("the rule, `complaint`, `unsubscribe`, or `manual`")]
    by: Annotated[str, about("`bouncewise`, a login name, or `import:…`")]
    released: Annotated[bool | UnsetType, about("only in `release`: false in a dry run")] = UNSET


def suppression_row(
    name: str, d: Decision, *, released: bool | UnsetType = UNSET
) -> SuppressionRow:
    """The row of a suppression or hold."""
    domain = name.startswith("@")
    return SuppressionRow(
        address=UNSET if domain else name,
        domain=name[1:] if domain else UNSET,
        scope=d.scope,
        cause=d.cause,
        since=time(d.since),
        until=time(d.until),
        why=d.why or None,
        rule=d.rule or None,
        by=d.by or "bouncewise",
        released=released,
    )


class EventRow(Record, frozen=True, kw_only=True):
    """One object per event, in the order of time."""

    at: Annotated[str | None, about("when")]
    kind: Annotated[str, about("as in `read`, or `added`, `removed`, `looked-up`")]
    cause: Annotated[str | None, about("by the rules that judged last")]
    advice: Annotated[str | None, about("by the rules that judged last")]
    rule: Annotated[str | None, about("the rule that decided")]
    words: Annotated[str | None, about("the code and words that decided, or what a person wrote")]
    receiver: Annotated[str | None, about("whose server replied")]
    by: Annotated[str | None, about("who acted; null for evidence")]
    until: Annotated[str | None, about("until when an act holds")]

    @classmethod
    def of(cls, e: Event) -> EventRow:
        """The row of an Event."""
        return cls(
            at=time(e.at),
            kind=e.kind,
            cause=e.cause,
            advice=e.advice,
            rule=e.rule or None,
            words=e.words or None,
            receiver=e.receiver or None,
            by=e.by or None,
            until=time(e.until),
        )


class DnsCheckRow(Record, frozen=True, kw_only=True):
    """One object per dead domain, by name."""

    domain: Annotated[str, about("the domain, without `@`")]
    before: Annotated[DecisionRecord, about("`state`, `cause`, `rule`, `until`")] = msgspec.field(
        name="from"
    )
    after: Annotated[DecisionRecord, about("the same; without `--dns` as `from`")] = msgspec.field(
        name="to"
    )
    route: Annotated[
        str | None,
        about("`mx` `implicit` `null-mx` `nothing` `nxdomain` `unanswered`; null without `--dns`"),
    ]
    mx: Annotated[tuple[str, ...] | None, about("host names by preference; null without `--dns`")]
    meant: Annotated[
        str | None,
        about("a large provider's domain that is one slip away, or null; nothing is rewritten"),
    ]

    @classmethod
    def of(cls, row: DnsCheck, meant: str | None) -> DnsCheckRow:
        """The row of a checked domain; *meant*: the domain that it may be a typing error of."""
        return cls(
            domain=row.domain,
            before=DecisionRecord.of(row.before),
            after=DecisionRecord.of(row.after),
            route=row.mail and row.mail.route,
            mx=row.mail and row.mail.hosts,
            meant=meant,
        )
