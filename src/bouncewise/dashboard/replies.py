"""Replies: the commonest, those that no rule knows first; and one, with why it is read so and how
to write a rule of the site for it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from starlette.requests import Request

from bouncewise.classifier.classify import NO_RULE
from bouncewise.classifier.combine import MODEL_RULE
from bouncewise.dashboard.period import period
from bouncewise.dashboard.site_rule import draft, nearest_rule, without_names
from bouncewise.dashboard.views import Source
from bouncewise.ledger import Store
from bouncewise.ledger.tally_records import ReadBy, ReplyTally
from bouncewise.model import Cause
from bouncewise.rfc.reply import innermost
from bouncewise.times import day_start, week_of, week_start

SHOWN = 100
"""Replies of one page."""

READ_BY = ("unclassified", "model", "rule")
"""What read a reply; what needs somebody first."""

NO_CAUSE = ("", Cause.UNKNOWN.value)


def read_by(cause: str, rule: str) -> str:
    """One of READ_BY."""
    if cause in NO_CAUSE or rule == NO_RULE:
        return READ_BY[0]
    return READ_BY[1] if rule == MODEL_RULE else READ_BY[2]


def reply_rows(ledger: Store, counts: Iterable[ReplyTally], most: int) -> list[dict[str, Any]]:
    """The *most* frequent of *counts*, each reply with all its receivers."""
    reports: Counter[tuple[int, str, str, str]] = Counter()
    receivers: dict[tuple[int, str, str, str], dict[str, None]] = {}
    for row in counts:
        key = (row.reply, row.kind, row.cause, row.rule)
        reports[key] += row.reports
        receivers.setdefault(key, {})[row.receiver or "other"] = None
    top = sorted(reports.items(), key=lambda item: (-item[1], item[0]))[:most]
    words = ledger.tallies.words({key[0] for key, _ in top})
    return [
        {
            "reply": str(reply),
            "words": words.get(reply, ""),
            "kind": kind,
            "cause": cause,
            "rule": rule,
            "read_by": read_by(cause, rule),
            "receivers": list(receivers[reply, kind, cause, rule]),
            "reports": count,
        }
        for (reply, kind, cause, rule), count in top
    ]


def replies(source: Source, request: Request) -> dict[str, Any]:
    """The commonest replies of the period: what no rule knows first."""
    query = request.query_params
    wanted = query.get("by", "") if query.get("by") in READ_BY else ""
    receiver = query.get("receiver", "")[:40]
    with source.open() as ledger:
        shown = period(ledger, request)
        at = "" if receiver == "other" else receiver or None
        rows = [
            row
            for name in READ_BY
            if wanted in ("", name)
            for row in reply_rows(
                ledger,
                ledger.tallies.replies(
                    shown.first, shown.end, at, ReadBy(name, NO_CAUSE, (NO_RULE,), (MODEL_RULE,))
                ),
                SHOWN if wanted else SHOWN // 3,
            )
        ]
    return {
        "replies": rows,
        "by": wanted,
        "receiver": receiver,
        "since": day_start(week_start(week_of(shown.first))),
        "until": shown.latest,
        "length": shown.days,
    }


def reply(source: Source, request: Request) -> dict[str, Any] | None:
    """One reply: how it is read and why, and a rule of the site made of it; None: there is no such
    reply.
    """
    number = _number(request.path_params["number"])
    if number is None:
        return None
    with source.open() as ledger:
        found = ledger.tallies.reply(number)
        weeks = ledger.tallies.reply_weeks(number) if found else []
    if found is None:
        return None
    whole = found.report.reply.text if found.report and found.report.reply else ""
    text = without_names(innermost(whole) or found.words)
    receivers = Counter(row.receiver for _, row in weeks if row.receiver)
    at = receivers.most_common(1)[0][0] if receivers else None
    return {
        "reply": str(number),
        "words": found.words,
        "example": text,
        **_reading(source, text, at),
        **_site_rule(source, text, at, request.query_params.get("cause", "")),
        "reports": sum(row.reports for _, row in weeks),
        "weeks": [
            {
                "week": day_start(week_start(week)).date(),
                **row._asdict(),
                "receiver": row.receiver or "other",
                "reply": str(number),
            }
            for week, row in weeks[:SHOWN]
        ],
    }


def _number(given: str) -> int | None:
    """The id of a reply: 64 bits, signed."""
    if not re.fullmatch(r"-?[0-9]{1,19}", given):
        return None
    number = int(given)
    return number if -(1 << 63) <= number < 1 << 63 else None


def _reading(source: Source, text: str, receiver: str | None) -> dict[str, Any]:
    """How the rules of today read *text*, and why."""
    ruleset = source.classifier.ruleset
    verdict = source.classifier.classify(text, receiver=receiver)
    rule = next((r for r in ruleset.rules if r.id == verdict.rule), None)
    near = None if rule else nearest_rule(text, ruleset)
    return {
        "cause": verdict.cause.value,
        "party": verdict.party.value,
        "advice": verdict.advice.value,
        "confidence": round(verdict.confidence, 2),
        "evidence": verdict.evidence,
        "rule": verdict.rule,
        "read_by": read_by(verdict.cause.value, verdict.rule),
        "why": rule.why if rule else "",
        "source": rule.source if rule else "",
        "meaning": ruleset.causes[verdict.cause].meaning,
        "alternates": [cause.value for cause in verdict.alternates],
        "nearest": {"rule": near.id, "cause": near.cause.value, "why": near.why} if near else None,
    }


def _site_rule(source: Source, text: str, receiver: str | None, chosen: str) -> dict[str, Any]:
    """The draft of a rule, for the *chosen* cause or that of today."""
    causes = [cause.value for cause in source.classifier.ruleset.causes]
    verdict = source.classifier.classify(text, receiver=receiver)
    cause = chosen if chosen in causes else verdict.cause.value
    return {"causes": causes, "chosen": cause, "draft": draft(text, Cause(cause))}
