"""The JSON that bouncewise speaks: a stable contract, described field by field in docs/json.md."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from bouncewise.classifier.disagreement import disagreement
from bouncewise.model import Alert, Decision, Event, Incident, Report, State, Verdict

if TYPE_CHECKING:
    from bouncewise.diagnosis.rank import Diagnosis
    from bouncewise.intake.reading import Judged
    from bouncewise.ledger.rulings import Ruling
    from bouncewise.operations.domains import Looked
    from bouncewise.operations.pipeline import Answer
    from bouncewise.operations.release import Scene
    from bouncewise.operations.replay import Change, Outcome, Summary


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
        "refused": i.flipped, "mailed": i.mailed, "usual": i.usual and round(i.usual, 6),
    }  # fmt: skip


def scene(found: Scene) -> dict[str, Any]:
    """``incidents show``."""
    said = [{"closed": time(r.closed), "at": time(r.at), "why": r.why, "by": r.by} for r in found.rulings]
    return incident(found.incident) | {"addresses": found.stands, "samples": found.samples, "rulings": said}


def ruling(said: Ruling, changed: list[tuple[str, State, State]], dry_run: bool) -> dict[str, Any]:
    """``incidents close`` and ``ignore``."""
    return {
        "incident": said.unit, "opened": time(said.opened), "closed": time(said.closed), "by": said.by, "why": said.why,
        "changed": [{"address": name, "from": before, "to": after} for name, before, after in changed], "dry_run": dry_run,
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
    return _named(name) | {
        "scope": d.scope, "cause": d.cause, "since": time(d.since), "until": time(d.until), "why": d.why or None,
        "rule": d.rule or None, "by": d.by or "bouncewise",
    }  # fmt: skip


def diagnosis(d: Diagnosis) -> dict[str, Any]:
    """What ``diagnose`` says."""
    f = d.facts
    return {
        "subject": f.subject or None, "asked": time(f.asked_at),
        "refusal": {
            "cause": f.cause, "confidence": f.confidence, "stage": f.stage, "receiver": f.receiver or None,
            "at": time(f.refused_at), "words": f.words or None,
        },
        "hypotheses": [
            {"hypothesis": r.id, "label": r.label, "probability": round(r.probability, 4), "step": r.step} for r in d.ranking
        ],
        "evidence": [{"evidence": p.id, "says": p.says, "why": p.why, "decibans": p.towards} for p in d.evidence],
        "missing": list(d.missing),
    }  # fmt: skip


def looked_up(row: Looked, meant: str | None) -> dict[str, Any]:
    """One row of ``domains``."""
    return {
        "domain": row.domain, "from": _decision(row.before), "to": _decision(row.after),
        "route": row.mail and row.mail.route, "mx": list(row.mail.hosts) if row.mail else None, "meant": meant,
    }  # fmt: skip


def change(c: Change) -> dict[str, Any]:
    """One row of ``replay``."""
    return _named(c.name) | {"from": _decision(c.before), "to": _decision(c.after)}


def _decision(d: Decision) -> dict[str, Any]:
    return {"state": d.state, "cause": d.cause, "rule": d.rule or None, "until": time(d.until)}


def replayed(outcome: Outcome, summary: Summary, rules: str, *, applied: bool) -> dict[str, Any]:
    """The last row of ``replay``."""
    sorts = [
        {
            "from_state": s.state_before, "to_state": s.state_after, "from_rule": s.rule_before or None,
            "to_rule": s.rule_after or None, "count": n,
        }
        for s, n in summary.sorts.most_common()
    ]  # fmt: skip
    return {
        "rules": rules, "applied": applied, "reports": outcome.reports, "otherwise": outcome.otherwise,
        "changed": summary.changed, "freed": summary.freed, "suppressed": summary.suppressed, "held": summary.held,
        "summary": sorts,
    }  # fmt: skip


def _named(name: str) -> dict[str, Any]:
    return {"domain": name[1:]} if name.startswith("@") else {"address": name}
