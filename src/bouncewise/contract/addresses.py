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


_BASIS = "`evidence` (bounces), `act` (an operator or an import) or `wish` (of the recipient)"
_STREAM = "the stream of mail that it concerns, where the scope is `stream`"
_TRUST = "`own` `verified` `matched` `inherited` `claimed`: how far what decided is believed"


class AddressAnswer(Record, frozen=True, kw_only=True):
    """One object per address."""

    address: Annotated[str, about("as given")]
    send: Annotated[bool, about("whether it may be mailed")]
    state: Annotated[str, about("`ok` `suppressed` `held`")]
    cause: Annotated[str | None, about("why, if it is a cause of the list")]
    scope: Annotated[
        str | None, about("`all`, `marketing` or `stream`, where it may not be mailed")
    ]
    since: Annotated[str | None, about("since when it may not be mailed")]
    until: Annotated[str | None, about("until when; null: for good")]
    why: Annotated[str | None, about("the code and words that decided, or what a person wrote")]
    rule: Annotated[str | None, about("the rule, `complaint`, `unsubscribe`, or `manual`")]
    basis: Annotated[str | None, about(_BASIS)]
    stream: Annotated[str | None, about(_STREAM)]
    trust: Annotated[str | None, about(_TRUST)]

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
            basis=None if a.send else d.basis,
            stream=d.stream or None,
            trust=None if a.send else d.trust,
        )


class SuppressionRow(Record, frozen=True, kw_only=True):
    """One object per suppression: ``address`` *or* ``domain``, then the rest."""

    address: Annotated[
        str | UnsetType, about("the address; not there where a whole domain is suppressed")
    ] = UNSET
    domain: Annotated[str | UnsetType, about("the domain, without `@`")] = UNSET
    scope: Annotated[str, about("`all`, `marketing` or `stream`")]
    cause: Annotated[str | None, about("why, if it is a cause of the list")]
    since: Annotated[str | None, about("since when")]
    until: Annotated[str | None, about("until when; null: for good")]
    why: Annotated[str | None, about("the code and words that decided, or what a person wrote")]
    rule: Annotated[str | None, about("the rule, `complaint`, `unsubscribe`, or `manual`")]
    by: Annotated[str, about("`bouncewise`, a login name, or `import:…`")]
    released: Annotated[bool | UnsetType, about("only in `release`: false in a dry run")] = UNSET
    basis: Annotated[str, about(_BASIS)] = "evidence"
    stream: Annotated[str | None, about(_STREAM)] = None
    trust: Annotated[str, about(_TRUST)] = "own"
    lost: Annotated[
        tuple[str, ...] | UnsetType,
        about(
            "only in `suppressions export`: why the format has no entry for it (`domain` `address` "
            "`bounce` `complaint` `unsubscribe` `marketing`), or what the entry lacks (`until`)"
        ),
    ] = UNSET


def suppression_row(
    name: str,
    d: Decision,
    *,
    released: bool | UnsetType = UNSET,
    lost: tuple[str, ...] | UnsetType = UNSET,
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
        basis=d.basis,
        stream=d.stream or None,
        trust=d.trust,
        lost=lost,
    )


class EventRow(Record, frozen=True, kw_only=True):
    """One object per event, in the order of time."""

    at: Annotated[str | None, about("when")]
    kind: Annotated[
        str,
        about(
            "as in `read`, or `added` `removed` `withdrawn` `released` `confirmed` `looked-up` "
            "`routed` `carried`"
        ),
    ]
    cause: Annotated[str | None, about("by the rules that were applied last")]
    advice: Annotated[str | None, about("by the rules that were applied last")]
    rule: Annotated[str | None, about("the rule that decided")]
    words: Annotated[str | None, about("the code and words that decided, or what a person wrote")]
    receiver: Annotated[str | None, about("whose server replied")]
    by: Annotated[str | None, about("who acted; null for evidence")]
    until: Annotated[str | None, about("until when an act holds")]
    trust: Annotated[str, about(_TRUST)]
    channel: Annotated[str, about("`log` `events` `webhook` `mail`: how it was read")]
    proof: Annotated[
        str | None,
        about("`signature` `verp` `feedback` `dkim` `unsigned` `implausible`; null: nothing found"),
    ]
    meant: Annotated[bool, about("whether we mailed this address; false: `about` was mailed")]
    about_: Annotated[str | None, about("the other address of the report")] = msgspec.field(
        name="about"
    )
    undated: Annotated[bool, about("whether `at` is the time of reading")]
    stream: Annotated[str | None, about("the stream of the mail")]
    campaign: Annotated[str | None, about("the campaign or tag of the mail")]

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
            trust=e.trust,
            channel=e.channel,
            proof=e.proof or None,
            meant=e.meant,
            about_=e.about or None,
            undated=e.undated,
            stream=e.stream or None,
            campaign=e.campaign or None,
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


class ForgottenRow(Record, frozen=True, kw_only=True):
    """``forget``: one object per name."""

    name: Annotated[str, about("the address or `@domain`, normalised")]
    reports: Annotated[int, about("reports removed")]
    deliveries: Annotated[int, about("days with deliveries removed")]
    acts: Annotated[int, about("acts of people removed")]
    kept: Annotated[tuple[str, ...], about("the decisions that a keyed hash keeps")]
    mentions: Annotated[
        tuple[str, ...],
        about(
            "names and incidents on which there is an act whose reason contains the address; it is "
            "replaced there"
        ),
    ]
    dry_run: Annotated[bool, about("true: nothing was removed")]
