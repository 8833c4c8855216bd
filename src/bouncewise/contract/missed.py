"""What ``missed`` writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from bouncewise.contract.base import Record, about, time

if TYPE_CHECKING:
    from bouncewise.operations.missed import Missed


class MissedRow(Record, frozen=True, kw_only=True):
    """One object per address and message: transactional mail first, then by time."""

    address: Annotated[str, about("the address that was mailed")]
    message_id: Annotated[str | None, about("the Message-ID; null where no source named it")]
    stream: Annotated[str | None, about("the stream of mail")]
    campaign: Annotated[str | None, about("the campaign or tag")]
    transactional: Annotated[bool, about("whether the configuration calls the stream so")]
    failed_at: Annotated[str | None, about("when the mail failed")]
    receiver: Annotated[str | None, about("the mailbox provider or host")]
    cause: Annotated[str, about("what the reply meant")]
    reason: Annotated[
        str, about("`incident`: refused during one; else the party at fault: `sender`, `system` …")
    ]
    reply: Annotated[str, about("what the receiver answered")]
    send: Annotated[bool, about("whether the address may be mailed now")]
    until: Annotated[str | None, about("where it may not: until when; null: for good")]
    why: Annotated[str | None, about("where it may not: why")]

    @classmethod
    def of(cls, row: Missed) -> MissedRow:
        """The record of a Missed."""
        mail = row.mail
        return cls(
            address=mail.name,
            message_id=mail.message_id or None,
            stream=mail.stream or None,
            campaign=mail.campaign or None,
            transactional=row.is_transactional,
            failed_at=time(mail.at),
            receiver=mail.receiver or None,
            cause=mail.cause,
            reason=row.reason,
            reply=mail.reply,
            send=row.may_be_mailed,
            until=time(row.decision.until),
            why=row.decision.why or None,
        )
