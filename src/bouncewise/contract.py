"""The JSON that bouncewise speaks: a stable contract, described field by field in docs/json.md."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from bouncewise.disagreement import disagreement
from bouncewise.model import Alert, Decision, Event, Incident, Report, Verdict

if TYPE_CHECKING:
    from bouncewise.pipeline import Answer, Judged


def dumps(value: dict[str, Any]) -> str:
    """One line of NDJSON."""
    return msgspec.json.encode(value).decode()


def time(when: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the second."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if when else None


def verdict(v: Verdict) -> dict[str, Any]:
    """What ``classify`` says of a reply."""
    return {
        "reply": v.reply, "reply_code": v.reply_code, "status": v.status, "stage": v.stage, "receiver": v.receiver,
        "cause": v.cause, "party": v.party, "permanence": v.permanence, "advice": v.advice, "confidence": v.confidence,
        "rule": v.rule, "evidence": v.evidence, "alternates": list(v.alternates),
    }  # fmt: skip


def report(judged: Judged) -> dict[str, Any]:
    """What ``read`` says of a report."""
    r: Report = judged.finding.report
    reply = {"reply_code": r.reply.reply_code, "status": r.reply.status, "text": r.reply.text} if r.reply else None
    esp = {"name": r.esp.name, "label": r.esp.label, "permanence": r.esp.permanence} if r.esp else None
    return {
        "source": {"path": r.source.path, "reader": r.source.reader, "index": r.source.index},
        "kind": r.kind, "recipient": r.recipient or None, "original_recipient": r.original_recipient, "at": time(r.at),
        "message_id": r.message_id, "sender": r.sender, "remote_mta": r.remote_mta, "reply": reply, "esp": esp,
        "disagreement": disagreement(r, judged.verdict),
        "verdict": verdict(judged.verdict) if judged.verdict else None,
    }  # fmt: skip


def answer(a: Answer) -> dict[str, Any]:
    """What ``check`` says of an address."""
    d = a.decision
    return {
        "address": a.address, "send": a.send, "state": d.state, "cause": d.cause, "scope": None if a.send else d.scope,
        "since": time(d.since), "until": time(d.until), "why": d.why or None, "rule": d.rule or None,
    }  # fmt: skip


def incident(i: Incident) -> dict[str, Any]:
    """One row of ``incidents``."""
    return {
        "incident": i.unit, "opened": time(i.opened), "closed": time(i.closed), "recovered": i.recovered if i.closed else None,
        "refused": i.flipped, "mailed": i.mailed, "usual": round(i.usual, 6),
    }  # fmt: skip


def alert(a: Alert, do: tuple[str, ...]) -> dict[str, Any]:
    """The other kind of row of ``incidents``; *do*: what its cause asks for."""
    return {
        "alert": a.cause, "since": time(a.since), "until": time(a.until), "receivers": [r or "other" for r in a.receivers],
        "refused": a.refused, "share": round(a.share, 4), "samples": a.samples, "do": do,
    }  # fmt: skip


def event(e: Event) -> dict[str, Any]:
    """One row of ``history``."""
    return {
        "at": time(e.at), "kind": e.kind, "cause": e.cause, "advice": e.advice, "rule": e.rule or None, "words": e.words or None,
        "receiver": e.receiver or None, "by": e.by or None, "until": time(e.until),
    }  # fmt: skip


def suppression(name: str, d: Decision) -> dict[str, Any]:
    """One row of ``suppressions list``."""
    who = {"domain": name[1:]} if name.startswith("@") else {"address": name}
    return who | {
        "scope": d.scope, "cause": d.cause, "since": time(d.since), "until": time(d.until), "why": d.why or None,
        "rule": d.rule or None, "by": d.by or "bouncewise",
    }  # fmt: skip
