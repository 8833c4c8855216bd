"""What ``classify`` and ``read`` write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from bouncewise.classifier.disagreement import disagreement
from bouncewise.contract.base import Record, about, time
from bouncewise.model import Absence, Provenance, Report, Verdict

if TYPE_CHECKING:
    from bouncewise.intake.reading import ClassifiedFinding


class VerdictRow(Record, frozen=True, kw_only=True):
    """One object per input line, in the same order."""

    reply: Annotated[str, about("the line as given")]
    reply_code: Annotated[
        int | None, about("RFC 5321, of the innermost reply where one quotes another")
    ]
    status: Annotated[str | None, about('RFC 3463, e.g. `"5.4.1"`')]
    stage: Annotated[str | None, about("`connect` `helo` `mail` `rcpt` `data` `end-of-data`")]
    receiver: Annotated[str | None, about("whose server replied, an id of `receivers.toml`")]
    cause: Annotated[str, about("one of the closed list (README)")]
    party: Annotated[str, about("`recipient` `domain` `sender` `message` `system` `none`")]
    permanence: Annotated[
        str,
        about(
            "`permanent`: the address or domain will not recover; `transient`: it is fine or will "
            "be; `unknown`"
        ),
    ]
    advice: Annotated[
        str,
        about(
            "`suppress-address` `suppress-domain` `retry-later` `fix-sender` `fix-message` "
            "`review` `none`"
        ),
    ]
    confidence: Annotated[float, about("0 to 1, see docs/verdicts.md")]
    rule: Annotated[str, about("the rule that decided; `none` if none did")]
    evidence: Annotated[
        str, about("the words of the reply that decided, as they are written there")
    ]
    alternates: Annotated[
        tuple[str, ...], about("other causes that the words may mean, best first, at most 4")
    ]

    @classmethod
    def of(cls, v: Verdict) -> VerdictRow:
        """The row of a Verdict."""
        return cls(
            reply=v.reply,
            reply_code=v.reply_code,
            status=v.status,
            stage=v.stage,
            receiver=v.receiver,
            cause=v.cause,
            party=v.party,
            permanence=v.permanence,
            advice=v.advice,
            confidence=v.confidence,
            rule=v.rule,
            evidence=v.evidence,
            alternates=v.alternates,
        )


class SourceRecord(Record, frozen=True, kw_only=True):
    """Where a report was read."""

    path: str
    reader: str
    index: int


class ReplyRecord(Record, frozen=True, kw_only=True):
    """The reply that a report quotes."""

    reply_code: int | None
    status: str | None
    text: str


class LabelRecord(Record, frozen=True, kw_only=True):
    """An ESP's own label."""

    name: str
    label: str
    permanence: str


class ProvenanceRecord(Record, frozen=True, kw_only=True):
    """Where a report comes from, and what proves it."""

    channel: str
    proof: str | None
    queue_id: str | None
    arrived: str | None
    sent: str | None

    @classmethod
    def of(cls, p: Provenance) -> ProvenanceRecord:
        """The record of a Provenance."""
        return cls(
            channel=p.channel,
            proof=p.proof or None,
            queue_id=p.queue_id,
            arrived=time(p.arrived),
            sent=time(p.sent),
        )


class AbsenceRecord(Record, frozen=True, kw_only=True):
    """What an automatic reply states."""

    state: str
    until: str | None
    contacts: tuple[str, ...]
    words: str

    @classmethod
    def of(cls, a: Absence) -> AbsenceRecord:
        """The record of an Absence."""
        until = a.until.isoformat() if a.until else None
        return cls(state=a.state, until=until, contacts=a.contacts, words=a.words)


class ReportRow(Record, frozen=True, kw_only=True):
    """One object per report: one recipient, one outcome, as one source reported it."""

    source: Annotated[
        SourceRecord, about("`path`, `reader`, `index` (message or line number from 0)")
    ]
    kind: Annotated[
        str,
        about("`failed` `delayed` `delivered` `complaint` `auto-reply` `unsubscribe` `suppressed`"),
    ]
    recipient: Annotated[
        str | None,
        about("RFC 3464 Final-Recipient, or what the text names; null only for bare replies"),
    ]
    original_recipient: Annotated[
        str | None, about("where it differs: the address before aliases were expanded")
    ]
    at: Annotated[str | None, about("when it happened, by the source itself")]
    message_id: Annotated[str | None, about("of the message that bounced, without brackets")]
    sender: Annotated[str | None, about("envelope sender of that message")]
    remote_mta: Annotated[str | None, about("the host that replied")]
    reply: Annotated[ReplyRecord | None, about("`reply_code`, `status`, `text`")]
    esp: Annotated[LabelRecord | None, about("an ESP's own `name`, `label`, `permanence`")]
    disagreement: Annotated[
        str | None,
        about(
            "a sentence, where the ESP's label and the server's words differ on whether the "
            "address recovers"
        ),
    ]
    verdict: Annotated[VerdictRow | None, about("as in `classify`; for `failed` and `delayed`")]
    verp_recipient: Annotated[
        str | None, about("the recipient that our return address names; docs/trust.md")
    ]
    stream: Annotated[str | None, about("the stream that the mail belongs to")]
    absence: Annotated[
        AbsenceRecord | None,
        about(
            "what an automatic reply states: `state` (`away` `left` `moved` `unmonitored`), "
            "`until` (a date), `contacts` (addresses that it names), `words`; decides nothing"
        ),
    ]
    provenance: Annotated[
        ProvenanceRecord,
        about(
            "`channel` (`log` `events` `webhook` `mail`), `proof` (`signature` `verp` `feedback` "
            "`dkim`; `unsigned` and `implausible` speak against it; null: none), `queue_id`, "
            "`arrived` (when our own server received a notice), `sent` (when the returned mail was "
            "written)"
        ),
    ]

    @classmethod
    def of(cls, classified: ClassifiedFinding) -> ReportRow:
        """The row of a classified finding."""
        r: Report = classified.finding.report
        esp = (
            None
            if r.esp is None
            else LabelRecord(name=r.esp.name, label=r.esp.label, permanence=r.esp.permanence)
        )
        reply = (
            None
            if r.reply is None
            else ReplyRecord(
                reply_code=r.reply.reply_code, status=r.reply.status, text=r.reply.text
            )
        )
        return cls(
            source=SourceRecord(path=r.source.path, reader=r.source.reader, index=r.source.index),
            kind=r.kind,
            recipient=r.recipient or None,
            original_recipient=r.original_recipient,
            at=time(r.at),
            message_id=r.message_id,
            sender=r.sender,
            remote_mta=r.remote_mta,
            reply=reply,
            esp=esp,
            disagreement=disagreement(r, classified.verdict),
            verdict=VerdictRow.of(classified.verdict) if classified.verdict else None,
            verp_recipient=r.verp_recipient,
            stream=r.stream,
            absence=AbsenceRecord.of(r.absence) if r.absence else None,
            provenance=ProvenanceRecord.of(r.provenance),
        )
