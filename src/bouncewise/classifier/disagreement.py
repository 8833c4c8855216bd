"""Where a provider's label and the server's words part: said in one sentence, stored beside both."""

from __future__ import annotations

from bouncewise.model import Advice, Kind, Permanence, Report, Verdict

SURE = 0.7
"""Confidence from which on a verdict may contradict anybody."""


def disagreement(report: Report, verdict: Verdict | None) -> str | None:
    """What the provider says and what the server said, where they differ on whether this heals; else None."""
    if report.esp is None or verdict is None or report.reply is None or verdict.confidence < SURE:
        return None
    label, ours = report.esp.permanence, verdict.permanence
    waits = report.kind is Kind.DELAYED and verdict.advice in (
        Advice.SUPPRESS_ADDRESS,
        Advice.SUPPRESS_DOMAIN,
    )
    differ = Permanence.UNKNOWN not in (label, ours) and label is not ours
    if not (differ or waits):
        return None
    code = " ".join(str(c) for c in (verdict.reply_code, verdict.status) if c) or verdict.evidence
    return f"{report.esp.name} says {report.esp.label} ({label}); the server said {code}: {verdict.cause} ({ours})"
