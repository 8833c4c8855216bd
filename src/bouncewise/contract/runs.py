"""What the other verbs write: ``ingest``, ``clean``, ``suppressions add``, ``explain``,
``batch``, ``rules``, ``policy``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from bouncewise.contract.base import Record, about, time
from bouncewise.model import Event

if TYPE_CHECKING:
    from bouncewise.ledger.records import AuditEntry
    from bouncewise.operations.explain import Page
    from bouncewise.operations.status import Status, StatusRow


class IngestRecord(Record, frozen=True, kw_only=True):
    """One object at the end."""

    reports: Annotated[int, about("reports read")]
    deliveries: Annotated[int, about("of them, deliveries")]
    new: Annotated[int, about("of the others, those that the ledger did not have")]
    known_files: Annotated[int, about("files that were read before and have not changed")]
    notes: Annotated[int, about("notes written to standard error")]
    changes: Annotated[
        dict[str, int],
        about(
            "state and cause, such as `suppressed mailbox-unknown`, to how many more addresses and "
            "domains are not mailed; negative: fewer"
        ),
    ]
    ledger: Annotated[str, about("the ledger's file")]
    acts: Annotated[int, about("opens, clicks and other acts of recipients that were read")]


class StatusRecord(Record, frozen=True, kw_only=True):
    """``status``: first this object, then a row per kind of decision."""

    names: Annotated[int, about("addresses and domains with any evidence")]
    unmailable: Annotated[int, about("those with a decision in force")]
    on_claims_alone: Annotated[int, about("of them, those for which only claims speak")]
    latest: Annotated[str | None, about("the time of the last evidence")]

    @classmethod
    def of(cls, found: Status) -> StatusRecord:
        """The record of a Status."""
        return cls(
            names=found.names,
            unmailable=found.unmailable,
            on_claims_alone=found.on_claims_alone,
            latest=time(found.latest) if found.latest.year > 1970 else None,
        )


class StatusCountRow(Record, frozen=True, kw_only=True):
    """Addresses and domains with one kind of decision, the most frequent first."""

    count: Annotated[int, about("addresses and domains")]
    state: Annotated[str, about("`suppressed` `held`")]
    basis: Annotated[str, about("`evidence` `act` `wish`")]
    cause: Annotated[str, about("the cause; the rule where there is none")]
    trust: Annotated[str, about("`own` `verified` `matched` `inherited` `claimed`")]

    @classmethod
    def of(cls, row: StatusRow, count: int) -> StatusCountRow:
        """The row of one kind."""
        return cls(count=count, state=row.state, basis=row.basis, cause=row.cause, trust=row.trust)


class StatusChangeRow(Record, frozen=True, kw_only=True):
    """Addresses and domains whose decision began in the last days, the most frequent first."""

    days: Annotated[int, about("the number of days")]
    state: Annotated[str, about("`suppressed` `held`")]
    cause: Annotated[str, about("the cause; the rule where there is none")]
    count: Annotated[int, about("addresses and domains")]


class SourceRow(Record, frozen=True, kw_only=True):
    """An own log or source of events."""

    source: Annotated[str, about("its kind")]
    last: Annotated[str | None, about("the hour of its last entry")]


class LabelAuditRow(Record, frozen=True, kw_only=True):
    """``status --labels``: what a provider calls failures, and what the replies mean."""

    esp: Annotated[str, about("the provider")]
    label: Annotated[str, about("what it calls them")]
    permanence: Annotated[str, about("`permanent` `transient` `unknown`, as the provider states")]
    cause: Annotated[str, about("what the replies mean")]
    contradicts: Annotated[
        bool,
        about("a dead address is called temporary, or one that is not at fault permanent"),
    ]
    addresses: Annotated[int, about("addresses")]


class CleanRecord(Record, frozen=True, kw_only=True):
    """With ``-o`` or ``--dry-run``: one object at the end."""

    kept: Annotated[int, about("rows kept")]
    dropped: Annotated[int, about("rows dropped")]
    output: Annotated[str | None, about("the file of the rows kept; null in a dry run")]
    suppressed: Annotated[int, about("rows dropped: the address is suppressed")]
    held: Annotated[int, about("rows dropped: the address is held")]
    invalid: Annotated[int, about("rows dropped: no address, or not a valid one")]
    segments: Annotated[int, about("rows dropped: `--drop` names their segment")]


class ActRecord(Record, frozen=True, kw_only=True):
    """``suppressions add``, ``remove`` and ``undo``, ``confirm``: one object per name."""

    name: Annotated[str, about("the address or `@domain`, normalised")]
    act: Annotated[str, about("`added`, `removed`, `withdrawn` or `confirmed`")]
    by: Annotated[str, about("who did it")]
    why: Annotated[str, about("the reason")]
    dry_run: Annotated[bool, about("true: nothing was stored")]
    remark: Annotated[str | None, about("why the act changes nothing, or not all")] = None

    @classmethod
    def of(cls, name: str, act: Event, remark: str = "", *, dry_run: bool) -> ActRecord:
        """The record of an act on *name*."""
        return cls(
            name=name,
            act=act.kind,
            by=act.by,
            why=act.words,
            dry_run=dry_run,
            remark=remark or None,
        )


class AuditRow(Record, frozen=True, kw_only=True):
    """``audit list``: an act of a person or program."""

    id: Annotated[int, about("the number for `audit undo`")]
    at: Annotated[str | None, about("when it was done, by the clock")]
    by: Annotated[str, about("who did it")]
    act: Annotated[
        str,
        about(
            "`added` `removed` `released` (suppressions), `closed` `ignored` (incidents), "
            "`imported` `withdrawn` (lists), `retried` (a record of the spool)"
        ),
    ]
    subject: Annotated[
        str, about("the name, the incident, or the file; empty: several names, or a forgotten one")
    ]
    names: Annotated[int, about("how many names it concerned")]
    why: Annotated[str, about("the reason")]
    number: Annotated[int | None, about("the id of the import, or the number of the record")]

    @classmethod
    def of(cls, entry: AuditEntry) -> AuditRow:
        """The row of an AuditEntry."""
        return cls(
            id=entry.id,
            at=time(entry.at),
            by=entry.by,
            act=entry.kind,
            subject=entry.subject,
            names=entry.names,
            why=entry.why,
            number=entry.number or None,
        )


class ExplanationRecord(Record, frozen=True, kw_only=True):
    """One object."""

    subject: Annotated[str, about("as given")]
    title: Annotated[str, about("the title of the page")]
    summary: Annotated[str, about("the answer in one line")]
    sections: Annotated[dict[str, tuple[str, ...]], about("heading to lines")]

    @classmethod
    def of(cls, subject: str, page: Page) -> ExplanationRecord:
        """The record of a Page about *subject*."""
        sections = {section.heading: section.lines for section in page.sections}
        return cls(subject=subject, title=page.title, summary=page.summary, sections=sections)


class BatchRecord(Record, frozen=True, kw_only=True):
    """One object at the end."""

    parts: Annotated[int, about("pieces of the work")]
    rows: Annotated[int, about("rows classified in this run")]
    out: Annotated[str, about("the folder")]


class RuleRow(Record, frozen=True, kw_only=True):
    """``rules list``: one object per rule, in the order in which they are tried."""

    id: Annotated[str, about("the rule's id")]
    cause: Annotated[str, about("its cause")]
    tier: Annotated[str, about("`site`, or the tier of precedence.toml")]
    confidence: Annotated[float, about("what the rule is worth by itself")]
    why: Annotated[str, about("the reason")]
    source: Annotated[str, about("where the rule's knowledge is from")]


class RuleCheckRecord(Record, frozen=True, kw_only=True):
    """``rules check``: one object."""

    rules: Annotated[int, about("rules of your own")]
    version: Annotated[str, about("the version of the rule set")]


class RuleViolationRow(Record, frozen=True, kw_only=True):
    """``rules test``: one object per violation."""

    violation: Annotated[str, about("a sentence")]


class PolicyCheckRow(Record, frozen=True, kw_only=True):
    """``policy check``: one object per example that does not hold."""

    story: Annotated[str, about("the example")]
    of: Annotated[tuple[str, ...], about("the numbers that it is an example of")]
    expected: Annotated[tuple[str, ...], about("what must follow")]
    got: Annotated[tuple[str, ...], about("what follows")]
    own: Annotated[bool, about("whether the example is your own")]


class PolicyNumberRow(Record, frozen=True, kw_only=True):
    """``policy explain``: one object per number."""

    name: Annotated[str, about("the number")]
    value: Annotated[Any, about("its value")]
    shipped: Annotated[Any, about("the value that is shipped")]
    why: Annotated[str, about("the reason")]
    examples: Annotated[tuple[str, ...], about("the stories of its examples")]
