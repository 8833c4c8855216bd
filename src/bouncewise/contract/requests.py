"""What the HTTP API takes: the parameters and bodies of its requests, with their limits.

An unknown key, a value out of its limits or of another type is refused.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from bouncewise.model import Cause, Scope, Trust

MOST_ROWS = 1000
"""Rows of one page."""

MOST_NAMES = 1000
"""Addresses, names or replies of one request."""

_WORDS = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"  # (PostgreSQL keeps no NUL)

Text = Annotated[str, Meta(max_length=1000)]
Why = Annotated[
    str, Meta(description="the reason, recorded with the act", pattern=_WORDS, max_length=1000)
]
Address = Annotated[str, Meta(description="an address", min_length=1, max_length=1000)]
Name = Annotated[str, Meta(description="an address, or `@domain`", min_length=1, max_length=1000)]
Moment = Annotated[datetime, Meta(tz=True)]
_DRY = "true: nothing is stored, and the answer is what would be"


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of a request: those named in its path, and those of its query."""


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The JSON body of a request."""


class Paged(Parameters, frozen=True, kw_only=True):
    """The parameters of a list."""

    limit: Annotated[int, Meta(description="rows of a page", ge=1, le=MOST_ROWS)] = 100
    cursor: Annotated[
        str, Meta(description="`next` of the page before; without it the first", max_length=4000)
    ] = ""


# ── reading ─────────────────────────────────────────────────────────────────────────────────────


class CheckParameters(Parameters, frozen=True, kw_only=True):
    """For which mail is asked."""

    transactional: Annotated[
        bool, Meta(description="for transactional mail: complaints and unsubscribes do not matter")
    ] = False
    stream: Annotated[str, Meta(description="the stream of the mail", max_length=200)] = ""


class CheckAddressParameters(CheckParameters, frozen=True, kw_only=True):
    """An address, and for which mail is asked."""

    address: Address


class CheckBody(Body, frozen=True, kw_only=True):
    """Addresses, and for which mail is asked."""

    addresses: Annotated[
        list[str], Meta(description="at most 10,000; NDJSON has no limit", max_length=10_000)
    ]
    transactional: Annotated[
        bool, Meta(description="for transactional mail: complaints and unsubscribes do not matter")
    ] = False
    stream: Annotated[str, Meta(description="the stream of the mail")] = ""


class ClassifyBody(Body, frozen=True, kw_only=True):
    """SMTP replies."""

    replies: Annotated[
        list[Annotated[str, Meta(max_length=10_000)]],
        Meta(description="one reply each", min_length=1, max_length=MOST_NAMES),
    ]
    receiver: Annotated[
        str | None, Meta(description="the receiver that replied, if known: `google` …")
    ] = None


class ExplainParameters(Parameters, frozen=True, kw_only=True):
    """What is to be explained."""

    subject: Annotated[
        str,
        Meta(description="a reply, a code, a cause or an address", pattern=r"\S", max_length=4000),
    ]


class AddressParameters(Paged, frozen=True, kw_only=True):
    """An address, and how much of its history."""

    address: Name


class SuppressionParameters(Paged, frozen=True, kw_only=True):
    """Which suppressions."""

    state: Annotated[Literal["suppressed", "held"], Meta(description="for good, or for a time")] = (
        "suppressed"
    )
    cause: Annotated[Cause | None, Meta(description="only of this cause")] = None
    scope: Annotated[Scope | None, Meta(description="only for this mail")] = None
    by: Annotated[Text | None, Meta(description="only of this author")] = None
    since: Annotated[Moment | None, Meta(description="only those that began then or later")] = None


class IncidentsParameters(Paged, frozen=True, kw_only=True):
    """Which incidents."""

    days: Annotated[int, Meta(description="how far back from the last evidence", ge=1, le=3650)] = (
        30
    )


class IncidentParameters(Parameters, frozen=True, kw_only=True):
    """An incident."""

    incident: Annotated[
        str, Meta(description="the receiver's id, or `@domain`", min_length=1, max_length=300)
    ]
    opened: Annotated[Moment | None, Meta(description="when it opened; default: the latest")] = None


class NamedIncident(Parameters, frozen=True, kw_only=True):
    """The incidents of a receiver or domain."""

    incident: Annotated[
        str, Meta(description="the receiver's id, or `@domain`", min_length=1, max_length=300)
    ]


class MissedParameters(Paged, frozen=True, kw_only=True):
    """Which mails."""

    since: Annotated[
        Moment | None, Meta(description="failed then or later; default: 7 days ago")
    ] = None
    until: Annotated[Moment | None, Meta(description="failed before; default: now")] = None
    receiver: Annotated[Text | None, Meta(description="refused by this receiver only")] = None
    incident: Annotated[
        Text | None, Meta(description="refused during an incident of this receiver or `@domain`")
    ] = None
    cause: Annotated[
        Cause | None, Meta(description="refused for this cause only, whoever is at fault")
    ] = None
    all: Annotated[bool, Meta(description="also addresses that may not be mailed now")] = False


class ValidateBody(Body, frozen=True, kw_only=True):
    """Addresses, and for which mail."""

    addresses: Annotated[
        list[Annotated[str, Meta(max_length=1000)]],
        Meta(description="at most 100", min_length=1, max_length=100),
    ]
    transactional: Annotated[
        bool, Meta(description="for transactional mail: complaints and unsubscribes do not matter")
    ] = False
    stream: Annotated[str, Meta(description="the stream of the mail", max_length=200)] = ""


# ── acts ────────────────────────────────────────────────────────────────────────────────────────


class ActBody(Body, frozen=True, kw_only=True):
    """A reason."""

    why: Why
    dry_run: Annotated[bool, Meta(description=_DRY)] = False


class AddBody(ActBody, frozen=True, kw_only=True):
    """Names to suppress."""

    names: Annotated[list[Name], Meta(min_length=1, max_length=MOST_NAMES)]
    cause: Annotated[Cause | None, Meta(description="the cause, if it is one of the list")] = None
    scope: Annotated[Scope, Meta(description="for which mail")] = Scope.ALL
    until: Annotated[Moment | None, Meta(description="when it ends; default: never")] = None


class ConfirmBody(ActBody, frozen=True, kw_only=True):
    """Addresses whose owners gave a sign of life: a login, a signed link, mail from them."""

    addresses: Annotated[list[Name], Meta(min_length=1, max_length=MOST_NAMES)]


class ActParameters(Parameters, frozen=True, kw_only=True):
    """A reason, where a request has no JSON body."""

    why: Why
    dry_run: Annotated[bool, Meta(description=_DRY)] = False


class RemoveParameters(ActParameters, frozen=True, kw_only=True):
    """A name to release."""

    name: Name


class ImportParameters(ActParameters, frozen=True, kw_only=True):
    """How the list in the body is read."""

    format: Annotated[
        Text | None, Meta(description="its format, if its columns do not show it (docs/imports.md)")
    ] = None
    column: Annotated[
        Text | None, Meta(description="the column of addresses, if it is not detected")
    ] = None
    scope: Annotated[
        Literal["all", "marketing"] | None,
        Meta(description="suppress every row for this mail, whatever its columns say"),
    ] = None
    cause: Annotated[Cause | None, Meta(description="suppress every row for this cause")] = None


class UndoParameters(ActParameters, frozen=True, kw_only=True):
    """An import to undo."""

    id: Annotated[int, Meta(description="its `id`", ge=1, le=2**62)]


class ReleaseBody(Body, frozen=True, kw_only=True):
    """Which of the incident's suppressions and holds are released, and why."""

    why: Why
    dry_run: Annotated[bool, Meta(description=f"{_DRY}; false: do it")] = True
    since: Annotated[Moment | None, Meta(description="suppressed or held then or later")] = None
    until: Annotated[Moment | None, Meta(description="suppressed or held before")] = None
    cause: Annotated[Cause | None, Meta(description="for this cause only")] = None
    rule: Annotated[Text | None, Meta(description="by this rule only")] = None
    trust: Annotated[Trust | None, Meta(description="by reports of this trust only")] = None


class CloseBody(ActBody, frozen=True, kw_only=True):
    """That the latest incident is over."""

    at: Annotated[Moment | None, Meta(description="since when; default: now")] = None


class IgnoreBody(ActBody, frozen=True, kw_only=True):
    """That an incident was a false alarm."""

    opened: Annotated[Moment, Meta(description="when the incident opened")]
