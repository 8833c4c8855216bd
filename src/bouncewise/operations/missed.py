"""Who did not get which message, and was not at fault: after an outage, or a fault of ours.

Reads: the mails that failed in a period, the incidents, and what was delivered later. Gives: each
address with each message that it missed, once, with whether it may be mailed now. A refusal that
says that the address is dead counts only within an incident. Changes nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from bouncewise.config.settings import MailKind
from bouncewise.errors import NotFoundError
from bouncewise.ledger.deliveries import OWN_DNS
from bouncewise.ledger.records import FailedMail
from bouncewise.ledger.rows import domain_of
from bouncewise.model import Cause, Decision, Incident, Mail, Party, State
from bouncewise.model.bearing import Bearing
from bouncewise.operations.check import Checker
from bouncewise.operations.context import Context

INCIDENT = "incident"
"""The reason of mails that were refused during an incident."""

_OTHERS_AT_FAULT = (Party.SENDER, Party.SYSTEM)


class MissedFilter(NamedTuple):
    """Which failures are meant: those that match every condition that is not None.

    ``incident``: the receiver or ``@domain`` of an incident; ``cause``: also one for which the
    recipient or the message is at fault.
    """

    since: datetime
    until: datetime
    receiver: str | None = None
    incident: str | None = None
    cause: Cause | None = None


class Missed(NamedTuple):
    """A message that an address did not get. ``reason``: INCIDENT, or the party at fault;
    ``decision``: that in force now for mail of this kind, OK where the address may be mailed.
    """

    mail: FailedMail
    reason: str
    is_transactional: bool
    decision: Decision

    @property
    def may_be_mailed(self) -> bool:
        """Whether the message may be sent again now."""
        return self.decision.state is State.OK


class MissedMails(NamedTuple):
    """``rows``: transactional mail first, then by time; ``delivered_since``: how many more
    failures there were whose mail, or another of its campaign, was delivered later.
    """

    rows: list[Missed]
    delivered_since: int


def missed(context: Context, wanted: MissedFilter, now: datetime) -> MissedMails:
    """The mails that match *wanted*, and may be mailed or not by the state at *now*."""
    incidents = [
        i for i in context.ledger.incidents.all() if wanted.incident in (None, i.destination)
    ]
    if wanted.incident and not incidents:
        raise NotFoundError(f"no incident at {wanted.incident}; `bouncewise incidents` lists them")
    checker = Checker(context.ledger, context.policy)
    found: dict[tuple[str, str], Missed] = {}
    delivered: set[tuple[str, str]] = set()
    for mail in context.ledger.failed_mails.between(wanted.since, wanted.until, wanted.receiver):
        key = mail.name, _message(mail)
        reason = _reason(mail, incidents, context, wanted)
        if not reason:
            continue
        if mail.is_delivered_since:
            delivered.add(key)
        elif key not in found or (mail.message_id and not found[key].mail.message_id):
            found[key] = _row(mail, reason, context, checker, now)
    rows = [row for key, row in found.items() if key not in delivered]
    rows.sort(key=lambda row: (not row.is_transactional, row.mail.at, row.mail.name))
    return MissedMails(rows, len(delivered))


def _message(mail: FailedMail) -> str:
    """The message of *mail*; where it is not known, the day of the failure."""
    if mail.mail:
        return str(mail.mail)
    return f"{mail.stream}\0{mail.campaign}\0{'' if mail.campaign else mail.at.date()}"


def _reason(
    mail: FailedMail, incidents: list[Incident], context: Context, wanted: MissedFilter
) -> str:
    """Why the recipient is not at fault; '' where *mail* is not among those *wanted*."""
    if wanted.cause not in (None, mail.cause):
        return ""
    if any(_is_part_of(mail, incident) for incident in incidents):
        return INCIDENT
    party = context.classifier.ruleset.causes[mail.cause].party
    if wanted.incident or (wanted.cause is None and party not in _OTHERS_AT_FAULT):
        return ""
    return party.value


def _is_part_of(mail: FailedMail, incident: Incident) -> bool:
    if mail.at < incident.opened or (incident.closed and mail.at >= incident.closed):
        return False
    if incident.destination == OWN_DNS:
        return mail.bearing == Bearing.DOMAIN
    concerned = incident.destination in (mail.receiver, domain_of(mail.name))
    return concerned and mail.bearing == Bearing.ADDRESS


def _row(
    mail: FailedMail, reason: str, context: Context, checker: Checker, now: datetime
) -> Missed:
    stream = context.settings.streams.get(mail.stream)
    is_transactional = stream is not None and stream.kind is MailKind.TRANSACTIONAL
    answer = checker.check(mail.name, mail=Mail(is_transactional, mail.stream), at=now)
    return Missed(mail, reason, is_transactional, answer.decision)
