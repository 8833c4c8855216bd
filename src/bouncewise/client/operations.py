"""The requests of the API, one function each, with the types of what they take and give.

Written by ``python -m bouncewise.service.api.client_code``; do not edit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from bouncewise.client.wire import ApiRequest, in_path, stated
from bouncewise.contract.addresses import AddressAnswer
from bouncewise.contract.answers import (
    Acts,
    AddressHistory,
    CheckedAddresses,
    ImportAnswer,
    Incidents,
    MissedMails,
    PoisonRecords,
    Released,
    Sources,
    StatusAnswer,
    Suppressions,
    Undone,
    Validations,
    Verdicts,
)
from bouncewise.contract.incidents import IncidentDetails, RulingRecord
from bouncewise.contract.runs import ActRecord, ExplanationRecord
from bouncewise.model import Cause, Scope, Trust


def check(
    address: str, *, transactional: bool = False, stream: str = ""
) -> ApiRequest[AddressAnswer]:
    """May this address be mailed?"""
    return ApiRequest(
        "GET",
        f"/v1/check/{in_path(address)}",
        AddressAnswer,
        query=stated(transactional=transactional, stream=stream),
    )


def check_many(
    addresses: Sequence[str], *, transactional: bool = False, stream: str = ""
) -> ApiRequest[CheckedAddresses]:
    """May these addresses be mailed? With Content-Type application/x-ndjson an address per line,
    without limit; the answers are lines too.
    """
    return ApiRequest(
        "POST",
        "/v1/check",
        CheckedAddresses,
        body=stated(addresses=addresses, transactional=transactional, stream=stream),
    )


def classify(replies: Sequence[str], *, receiver: str | None = None) -> ApiRequest[Verdicts]:
    """What SMTP replies mean."""
    return ApiRequest(
        "POST", "/v1/classify", Verdicts, body=stated(replies=replies, receiver=receiver)
    )


def explain(subject: str) -> ApiRequest[ExplanationRecord]:
    """A page on a reply, a code, a cause or an address."""
    return ApiRequest("GET", "/v1/explain", ExplanationRecord, query=stated(subject=subject))


def history(address: str, *, limit: int = 100, cursor: str = "") -> ApiRequest[AddressHistory]:
    """May an address or domain be mailed, why, and what happened to it."""
    return ApiRequest(
        "GET",
        f"/v1/addresses/{in_path(address)}",
        AddressHistory,
        query=stated(limit=limit, cursor=cursor),
    )


def validate(
    addresses: Sequence[str], *, transactional: bool = False, stream: str = ""
) -> ApiRequest[Validations]:
    """Is it worth mailing these addresses? Answers within 0.3 seconds, without DNS where that is
    slower: `looked_up` and `late` say so. A token that has not the scope `read` gets nothing of
    what the ledger knows.
    """
    return ApiRequest(
        "POST",
        "/v1/validate",
        Validations,
        body=stated(addresses=addresses, transactional=transactional, stream=stream),
    )


def suppressions(
    *,
    limit: int = 100,
    cursor: str = "",
    state: Literal["suppressed", "held"] = "suppressed",
    cause: Cause | None = None,
    scope: Scope | None = None,
    by: str | None = None,
    since: datetime | None = None,
) -> ApiRequest[Suppressions]:
    """Suppressions or holds, in a fixed order."""
    return ApiRequest(
        "GET",
        "/v1/suppressions",
        Suppressions,
        query=stated(
            limit=limit, cursor=cursor, state=state, cause=cause, scope=scope, by=by, since=since
        ),
    )


def incidents(*, limit: int = 100, cursor: str = "", days: int = 30) -> ApiRequest[Incidents]:
    """Incidents, and alerts: receivers that refuse the sender."""
    return ApiRequest(
        "GET", "/v1/incidents", Incidents, query=stated(limit=limit, cursor=cursor, days=days)
    )


def incident(incident: str, *, opened: datetime | None = None) -> ApiRequest[IncidentDetails]:
    """An incident in full: addresses, states, replies, rulings."""
    return ApiRequest(
        "GET", f"/v1/incidents/{in_path(incident)}", IncidentDetails, query=stated(opened=opened)
    )


def status() -> ApiRequest[StatusAnswer]:
    """What the ledger holds, what changed, and what needs somebody."""
    return ApiRequest("GET", "/v1/status", StatusAnswer)


def missed(
    *,
    limit: int = 100,
    cursor: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    receiver: str | None = None,
    incident: str | None = None,
    cause: Cause | None = None,
    all: bool = False,
) -> ApiRequest[MissedMails]:
    """Who did not get which message although the address is good, to send it again."""
    return ApiRequest(
        "GET",
        "/v1/missed",
        MissedMails,
        query=stated(
            limit=limit,
            cursor=cursor,
            since=since,
            until=until,
            receiver=receiver,
            incident=incident,
            cause=cause,
            all=all,
        ),
    )


def sources() -> ApiRequest[Sources]:
    """When each own log and source of events was heard last."""
    return ApiRequest("GET", "/v1/sources", Sources)


def poison(*, limit: int = 100, cursor: str = "") -> ApiRequest[PoisonRecords]:
    """Records of the spool that could not be read."""
    return ApiRequest("GET", "/v1/poison", PoisonRecords, query=stated(limit=limit, cursor=cursor))


def suppress(
    names: Sequence[str],
    *,
    why: str,
    dry_run: bool = False,
    cause: Cause | None = None,
    scope: Scope = Scope.ALL,
    until: datetime | None = None,
) -> ApiRequest[Acts]:
    """Suppress addresses or domains by hand."""
    return ApiRequest(
        "POST",
        "/v1/suppressions",
        Acts,
        body=stated(why=why, dry_run=dry_run, names=names, cause=cause, scope=scope, until=until),
        acts=True,
    )


def release(name: str, *, why: str, dry_run: bool = False) -> ApiRequest[ActRecord]:
    """Release an address or domain by hand: earlier evidence is kept, and no longer counts."""
    return ApiRequest(
        "DELETE",
        f"/v1/suppressions/{in_path(name)}",
        ActRecord,
        query=stated(why=why, dry_run=dry_run),
        acts=True,
    )


def confirm(addresses: Sequence[str], *, why: str, dry_run: bool = False) -> ApiRequest[Acts]:
    """Record signs of life: they end what bounces decided, as a delivery does."""
    return ApiRequest(
        "POST",
        "/v1/confirmed",
        Acts,
        body=stated(why=why, dry_run=dry_run, addresses=addresses),
        acts=True,
    )


def import_list(
    content: bytes,
    *,
    why: str,
    dry_run: bool = False,
    format: str | None = None,
    column: str | None = None,
    scope: Literal["all", "marketing"] | None = None,
    cause: Cause | None = None,
) -> ApiRequest[ImportAnswer]:
    """Import the list in the body: the export of an ESP, or a plain CSV."""
    return ApiRequest(
        "POST",
        "/v1/imports",
        ImportAnswer,
        query=stated(
            why=why, dry_run=dry_run, format=format, column=column, scope=scope, cause=cause
        ),
        content=content,
        acts=True,
    )


def undo_import(id: int, *, why: str, dry_run: bool = False) -> ApiRequest[Undone]:
    """Take back what an import added, and nothing else."""
    return ApiRequest(
        "DELETE",
        f"/v1/imports/{in_path(id)}",
        Undone,
        query=stated(why=why, dry_run=dry_run),
        acts=True,
    )


def release_incident(
    incident: str,
    *,
    why: str,
    dry_run: bool = True,
    since: datetime | None = None,
    until: datetime | None = None,
    cause: Cause | None = None,
    rule: str | None = None,
    trust: Trust | None = None,
) -> ApiRequest[Released]:
    """Release what an incident suppressed or holds; without `dry_run: false` only list it."""
    return ApiRequest(
        "POST",
        f"/v1/incidents/{in_path(incident)}/release",
        Released,
        body=stated(
            why=why, dry_run=dry_run, since=since, until=until, cause=cause, rule=rule, trust=trust
        ),
        acts=True,
    )


def close_incident(
    incident: str, *, why: str, dry_run: bool = False, at: datetime | None = None
) -> ApiRequest[RulingRecord]:
    """Mark the latest incident as over: each address that it holds is mailed once more."""
    return ApiRequest(
        "POST",
        f"/v1/incidents/{in_path(incident)}/close",
        RulingRecord,
        body=stated(why=why, dry_run=dry_run, at=at),
        acts=True,
    )


def ignore_incident(
    incident: str, *, opened: datetime, why: str, dry_run: bool = False
) -> ApiRequest[RulingRecord]:
    """Mark an incident as a false alarm: its refusals then count as usual."""
    return ApiRequest(
        "POST",
        f"/v1/incidents/{in_path(incident)}/ignore",
        RulingRecord,
        body=stated(why=why, dry_run=dry_run, opened=opened),
        acts=True,
    )
