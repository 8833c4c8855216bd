"""What can be done from the pages, as data: the role, the fields, and the operation, which is the
one that ``/v1`` and the command call.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import quote

from bouncewise.config.dashboard import Role
from bouncewise.contract import requests
from bouncewise.dashboard import effects
from bouncewise.dashboard.act_forms import Act, Entered, Field
from bouncewise.dashboard.effects import Effect
from bouncewise.errors import InputError
from bouncewise.lists.imports import FORMATS
from bouncewise.model import Cause, Event
from bouncewise.operations.undo_act import undo_act
from bouncewise.policy.decide import REMOVED
from bouncewise.service import poison
from bouncewise.service.api import acting
from bouncewise.service.api.backend import Call

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_SHOWN_BODY = 2000


WHY = Field("why", "Reason", hint="It is kept in the audit, with your name.")
_SCOPES = (("all", "all mail"), ("marketing", "marketing mail only"))


def _suppress(call: Call, given: Entered, dry_run: bool) -> Effect:
    more: dict[str, Any] = {"names": [given.fields["name"]], "dry_run": dry_run}
    if until := given.fields.get("until"):
        more["until"] = _day(until)
    return effects.of_acts(acting.add(call, None, given.of(requests.AddBody, "scope", **more)))


def _day(text: str) -> str:
    try:
        if _DATE.fullmatch(text) and datetime.fromisoformat(text).year >= 1990:
            return f"{text}T00:00:00Z"
    except ValueError:
        pass
    raise InputError(f"Until: {text}: not a date; write it as 2027-01-31")


def _release(call: Call, given: Entered, dry_run: bool) -> Effect:
    query = given.of(requests.RemoveParameters, "name", dry_run=dry_run)
    return effects.of_removal(acting.remove(call, query, None))


def _close(call: Call, given: Entered, dry_run: bool) -> Effect:
    named = requests.NamedIncident(incident=given.fields["incident"])
    body = given.of(requests.CloseBody, dry_run=dry_run)
    return effects.of_ruling(acting.close(call, named, body))


def _ignore(call: Call, given: Entered, dry_run: bool) -> Effect:
    named = requests.NamedIncident(incident=given.fields["incident"])
    body = given.of(requests.IgnoreBody, "opened", dry_run=dry_run)
    return effects.of_ruling(acting.ignore(call, named, body))


def _release_incident(call: Call, given: Entered, dry_run: bool) -> Effect:
    named = requests.NamedIncident(incident=given.fields["incident"])
    body = given.of(requests.ReleaseBody, dry_run=dry_run)
    return effects.of_release(acting.release_incident(call, named, body))


def _import(call: Call, given: Entered, dry_run: bool) -> Effect:
    if not given.octets:
        raise InputError("File: choose the list to import; the file that was sent is empty")
    query = given.of(
        requests.ImportParameters, "format", "column", "scope", "cause", dry_run=dry_run
    )
    done = acting.import_octets(call, query, given.octets, given.fields["file"] or "upload")
    return effects.of_import(done)


def _undo_import(call: Call, given: Entered, dry_run: bool) -> Effect:
    query = given.of(requests.UndoParameters, "id", dry_run=dry_run)
    return effects.of_undone(acting.undo(call, query, None))


def _undo(call: Call, given: Entered, dry_run: bool) -> Effect:
    act = Event(at=call.now, kind=REMOVED, words=given.fields["why"], by=call.by)
    with call.write() as (ledger, policy, *_rest):
        done = undo_act(_number(given.fields["act"]), act, ledger, policy, dry_run=dry_run)
    return effects.of_undone(done)


def _retry(call: Call, given: Entered, dry_run: bool) -> Effect:
    number, folder = _number(given.fields["record"]), call.backend.folder
    row = poison.row(found := poison.load(folder, number))
    text = f"The record {number} from {row.kind} {row.source} is read again, within seconds."
    if not dry_run:
        with call.write() as (ledger, *_rest):
            poison.put_back(folder, number, ledger, given.store, (call.by, given.fields["why"]))
    shown = found.record.body[:_SHOWN_BODY].decode("utf-8", "replace")
    facts = (
        ("Received", row.at or ""),
        ("Octets", f"{row.octets:,}"),
        ("Why it could not be read", row.why),
        ("How it begins", shown),
    )
    return Effect(text, ("", ""), facts)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise InputError(f"{text}: not a number")
    return int(text)


def _address_page(fields: dict[str, str]) -> str:
    return f"/addresses/{quote(fields.get('name', ''), safe='@')}"


def _incident_page(fields: dict[str, str]) -> str:
    return f"/incidents/{quote(fields.get('incident', ''), safe='@')}"


_NAME = Field("name", "Address or @domain", hint="For example jo@example.com, or @example.com.")
_INCIDENT = Field("incident", "Incident", "fixed")

ACTS = {
    "suppress": Act(
        "Suppress an address or domain",
        "Suppress",
        Role.OPERATOR,
        (
            _NAME,
            Field("scope", "For", "select", choices=_SCOPES),
            Field(
                "until", "Until", "date", "Empty: for good. The day begins at 0:00 UTC.", (), True
            ),
            WHY,
        ),
        _suppress,
        _address_page,
    ),
    "release": Act(
        "Release an address or domain",
        "Release",
        Role.OPERATOR,
        (_NAME, WHY),
        _release,
        _address_page,
        "Ends whatever suppresses or holds it: bounces, acts by hand, complaints and unsubscribes.",
    ),
    "close-incident": Act(
        "The incident is over",
        "Close the incident",
        Role.OPERATOR,
        (_INCIDENT, WHY),
        _close,
        _incident_page,
        "Each address that it holds is mailed once more.",
    ),
    "ignore-incident": Act(
        "The incident was a false alarm",
        "Ignore the incident",
        Role.OPERATOR,
        (_INCIDENT, Field("opened", "Opened", "fixed"), WHY),
        _ignore,
        lambda _: "/incidents",  # (the incident has no page any more)
        "Its refusals then count as usual: addresses that it held may become suppressed.",
    ),
    "release-incident": Act(
        "Release what the incident stopped",
        "Release them",
        Role.OPERATOR,
        (_INCIDENT, WHY),
        _release_incident,
        _incident_page,
        "Releases the addresses that were suppressed or held since the incident refused them.",
    ),
    "import": Act(
        "Import a suppression list",
        "Import",
        Role.ADMIN,
        (
            Field("file", "File", "file", "The export of an ESP or a plain CSV, up to 10 MiB."),
            Field(
                "format",
                "Format",
                "select",
                "Only if its columns do not show it.",
                (("", "detect"), *((name, name) for name in FORMATS)),
                True,
            ),
            Field("column", "Column of addresses", "text", "Only if it is not detected.", (), True),
            Field(
                "scope",
                "Suppress every row for",
                "select",
                "",
                (("", "what its columns say"), *_SCOPES),
                True,
            ),
            Field(
                "cause",
                "Cause of every row",
                "select",
                "",
                (("", "what its columns say"), *((c.value, c.value) for c in Cause)),
                True,
            ),
            WHY,
        ),
        _import,
        lambda _: "/audit",
    ),
    "undo-import": Act(
        "Undo an import",
        "Undo the import",
        Role.ADMIN,
        (Field("id", "Import", "fixed"), WHY),
        _undo_import,
        lambda _: "/audit",
        "Takes back what the import added. What was there before, what another list contains as "
        "well, and what bounces or wishes say, stays.",
    ),
    "undo": Act(
        "Undo an act",
        "Undo it",
        Role.OPERATOR,
        (Field("act", "Act", "fixed"), WHY),
        _undo,
        lambda _: "/audit",
        "Takes back what the act suppressed. A name against which something else stands stays.",
    ),
    "retry": Act(
        "Read a record again",
        "Read it again",
        Role.OPERATOR,
        (Field("record", "Record", "fixed"), WHY),
        _retry,
        lambda _: "/unreadable",
    ),
}
