"""What is asked for: each endpoint of scope ``read`` as a call of the operation that the command
calls.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from bouncewise.contract import answers, requests, time
from bouncewise.contract.addresses import AddressAnswer, EventRow, suppression_row
from bouncewise.contract.incidents import AlertRow, IncidentDetails, IncidentRow
from bouncewise.contract.missed import MissedRow
from bouncewise.contract.runs import (
    ExplanationRecord,
    SourceRow,
    StatusChangeRow,
    StatusCountRow,
    StatusRecord,
)
from bouncewise.contract.validations import ValidationRow
from bouncewise.contract.verdicts import VerdictRow
from bouncewise.errors import InputError, LedgerError
from bouncewise.lists.names import name_in
from bouncewise.lists.validation import Validation
from bouncewise.model import Alert, Decision, Event, Incident, Mail, State
from bouncewise.operations import incidents as incidents_operation
from bouncewise.operations.alerts import alerts, steps
from bouncewise.operations.check import Answer, Checker
from bouncewise.operations.context import Context
from bouncewise.operations.decisions import decision_on
from bouncewise.operations.explain import explain
from bouncewise.operations.explain_address import explain_address, names_address
from bouncewise.operations.missed import Missed, MissedFilter, missed
from bouncewise.operations.rulings import states_at
from bouncewise.operations.status import overview
from bouncewise.operations.suppress import effective_time, suppressions
from bouncewise.operations.validate import Evidence, Validator
from bouncewise.service import poison
from bouncewise.service.api import cursors
from bouncewise.service.api.backend import Call
from bouncewise.times import micros

DNS_BUDGET = 0.25
"""Seconds for DNS, so that a validation is answered after 0.3 seconds."""

MISSED_DAYS = 7
CHANGE_DAYS = (1, 7)


def classify(call: Call, _: Any, body: requests.ClassifyBody) -> answers.Verdicts:
    """What SMTP replies mean."""
    classifier = call.backend.classifier
    _require_receiver(call, body.receiver)
    found = (classifier.classify(reply, receiver=body.receiver) for reply in body.replies)
    return answers.Verdicts(verdicts=tuple(map(VerdictRow.of, found)))


def _require_receiver(call: Call, name: str | None) -> None:
    receivers = call.backend.classifier.ruleset.receivers
    if name is not None and name not in {receiver.id for receiver in receivers}:
        raise InputError(f"receiver: no such receiver: {name}")


def explain_subject(call: Call, query: requests.ExplainParameters, _: Any) -> ExplanationRecord:
    """A page on a reply, a code, a cause or an address."""
    classifier = call.backend.classifier
    if names_address(query.subject):
        with call.read() as (ledger, policy, *_rest):
            page = explain_address(query.subject, ledger, policy, classifier, at=call.now)
    else:
        page = explain(query.subject, classifier)
    return ExplanationRecord.of(query.subject, page)


def address(call: Call, query: requests.AddressParameters, _: Any) -> answers.AddressHistory:
    """May an address or domain be mailed, why, and what happened to it."""
    name, error = name_in(query.address)
    if error:
        raise InputError(f"{query.address}: {error}")
    behind = cursors.decode(query.cursor, tuple[int, int])
    with call.read() as context:
        marketing, transactional = (
            AddressAnswer.of(_answer(query.address, name, context, call.now, mail))
            for mail in (Mail(), Mail(transactional=True))
        )
        keyed = _latest_first(context.ledger.history(name))
    rows = [item for item in keyed if behind is None or item[0] > behind]
    found, following = cursors.page(rows, query.limit, lambda item: item[0])
    return answers.AddressHistory(
        name=name,
        marketing=marketing,
        transactional=transactional,
        events=tuple(EventRow.of(event) for _, event in found),
        next=following,
    )


def _answer(given: str, name: str, context: Context, at: datetime, mail: Mail) -> Answer:
    if not name.startswith("@"):
        return Checker(context.ledger, context.policy, for_few=True).check(given, mail=mail, at=at)
    decision: Decision = decision_on(name, context.ledger, context.policy, at, mail)
    return Answer(given, decision.state is State.OK, name, decision)


def _latest_first(history: list[Event]) -> list[tuple[tuple[int, int], Event]]:
    """Events with their keys: the time, and a number among those of the same time."""
    seen = Counter[int]()
    found = []
    for event in reversed(history):
        at = -micros(event.at)
        found.append(((at, seen[at]), event))
        seen[at] += 1
    return found


def list_suppressions(
    call: Call, query: requests.SuppressionParameters, _: Any
) -> answers.Suppressions:
    """Suppressions or holds, in a fixed order."""
    behind = cursors.decode(query.cursor, tuple[str])
    with call.read() as (ledger, policy, *_rest):
        rows = suppressions(
            ledger,
            policy,
            State(query.state),
            call.now,
            past=False,
            after=behind[0] if behind else "",
        )
        wanted = ((name, d) for name, d in rows if _matches(d, query))
        found, following = cursors.page(wanted, query.limit, lambda row: (row[0],))
    return answers.Suppressions(
        suppressions=tuple(suppression_row(name, d) for name, d in found), next=following
    )


def _matches(d: Decision, query: requests.SuppressionParameters) -> bool:
    return (
        query.cause in (None, d.cause)
        and query.scope in (None, d.scope)
        and query.by in (None, d.by or "bouncewise")
        and (query.since is None or (d.since is not None and d.since >= query.since))
    )


def list_incidents(call: Call, query: requests.IncidentsParameters, _: Any) -> answers.Incidents:
    """Incidents, and alerts: receivers that refuse the sender."""
    behind = cursors.decode(query.cursor, tuple[int, str])
    with call.read() as context:
        since, found = incidents_operation.since_days(context.ledger, query.days)
        raised = [] if behind else alerts(context.ledger, context.policy, since)
    rows = sorted((i for i in found if behind is None or _place(i) > behind), key=_place)
    page, following = cursors.page(rows, query.limit, _place)
    return answers.Incidents(
        incidents=tuple(map(IncidentRow.of, page)),
        alerts=_alerts(raised, context),
        next=following,
    )


def _place(incident: Incident) -> tuple[int, str]:
    return -micros(incident.opened), incident.destination


def _alerts(found: list[Alert], context: Context) -> tuple[AlertRow, ...]:
    return tuple(AlertRow.of(alert, steps(alert, context.classifier.ruleset)) for alert in found)


def incident(call: Call, query: requests.IncidentParameters, _: Any) -> IncidentDetails:
    """An incident in full: addresses, states, replies, rulings."""
    with call.read() as (ledger, *_rest):
        found = incidents_operation.find_incident(ledger, query.incident, query.opened)
        details = incidents_operation.details(ledger, found)
        states = states_at(details.names, ledger, effective_time(ledger, call.now))
    return IncidentDetails.of_details(details, states)


def status(call: Call, _query: Any, _: Any) -> answers.StatusAnswer:
    """What the ledger holds, what changed, and what needs somebody."""
    with call.read() as context:
        found = overview(context.ledger, context.policy, call.now, CHANGE_DAYS)
    return answers.StatusAnswer(
        status=StatusRecord.of(found.status),
        counts=tuple(StatusCountRow.of(row, count) for row, count in found.status.rows),
        changes=tuple(
            StatusChangeRow(days=days, state=state, cause=cause, count=count)
            for days, changes in found.changes.items()
            for (state, cause), count in changes
        ),
        sources=_sources(found.sources),
        incidents=tuple(map(IncidentRow.of, found.incidents)),
        alerts=_alerts(found.alerts, context),
    )


def sources(call: Call, _query: Any, _: Any) -> answers.Sources:
    """When each own log and source of events was heard last."""
    with call.read() as (ledger, *_rest):
        return answers.Sources(sources=_sources(ledger.coverage.sources()))


def _sources(found: dict[str, datetime]) -> tuple[SourceRow, ...]:
    return tuple(SourceRow(source=name, last=time(last)) for name, last in sorted(found.items()))


def list_missed(call: Call, query: requests.MissedParameters, _: Any) -> answers.MissedMails:
    """Who did not get which message although the address is good, to send it again."""
    behind = cursors.decode(query.cursor, tuple[bool, int, str, str])
    _require_receiver(call, query.receiver)
    wanted = MissedFilter(
        query.since or call.now - timedelta(days=MISSED_DAYS),
        query.until or call.now,
        query.receiver,
        query.incident,
        query.cause,
    )
    if wanted.since >= wanted.until:
        raise InputError("since must be before until")
    with call.read() as context:
        found = missed(context, wanted, call.now)
    rows = sorted((r for r in found.rows if query.all or r.may_be_mailed), key=_mail_place)
    rows = [row for row in rows if behind is None or _mail_place(row) > behind]
    page, following = cursors.page(rows, query.limit, _mail_place)
    return answers.MissedMails(
        missed=tuple(map(MissedRow.of, page)),
        delivered_since=found.delivered_since,
        next=following,
    )


def _mail_place(row: Missed) -> tuple[bool, int, str, str]:
    mail = row.mail
    message = "\0".join((mail.message_id or "", mail.stream, mail.campaign))
    return not row.is_transactional, micros(mail.at), mail.name, message


def validate(call: Call, _: Any, body: requests.ValidateBody) -> answers.Validations:
    """Is it worth mailing these addresses? Answers within 0.3 seconds, without
    DNS where that is slower: `looked_up` and `late` say so. A token that has not the scope
    `read` gets nothing of what the ledger knows.
    """
    domains = [_domain(address) for address in body.addresses]
    wanted = {domain for domain in domains if domain}
    in_time = call.backend.lookups.within(wanted, DNS_BUDGET)
    mail = Mail(body.transactional, body.stream)
    found: dict[int, Validation] = {}
    with contextlib.ExitStack() as opened:
        ledger = opened.enter_context(call.read()).ledger if call.may_read else None
        policy = call.backend.policy
        checker = Checker(ledger, policy, for_few=True) if ledger is not None else None
        for lookup in (in_time.lookup, None):
            numbers = [
                n for n, d in enumerate(domains) if (d in in_time.domains) is (lookup is not None)
            ]
            validator = Validator(Evidence(policy, ledger, lookup, call.now, mail=mail))
            chosen = [body.addresses[n] for n in numbers]
            validator.prepare(chosen)
            known = (
                checker.check_all(chosen, mail=mail, at=call.now)
                if checker is not None
                else validator.answers(chosen)
            )
            found |= zip(numbers, validator.validations_of(known), strict=True)
    rows = (ValidationRow.of(found[n], with_ledger=call.may_read) for n in range(len(domains)))
    return answers.Validations(
        validations=tuple(rows), late=tuple(sorted(wanted - in_time.domains))
    )


def _domain(address: str) -> str:
    name, error = name_in(address)
    return "" if error or name.startswith("@") else name.rpartition("@")[2]


def list_poison(call: Call, query: requests.Paged, _: Any) -> answers.PoisonRecords:
    """Records of the spool that could not be read."""
    behind = cursors.decode(query.cursor, tuple[int])
    try:
        rows = (
            item
            for item in poison.poison(call.backend.folder)
            if behind is None or item.number > behind[0]
        )
        page, following = cursors.page(rows, query.limit, lambda item: (item.number,))
    except InputError as bad:
        raise LedgerError(str(bad)) from None
    return answers.PoisonRecords(poison=tuple(map(poison.row, page)), next=following)
