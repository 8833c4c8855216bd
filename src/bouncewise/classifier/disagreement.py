"""Where an ESP's label and the words of the receiver's server contradict each other.

Reads: a report with an ESP's label, and the verdict on its reply. Gives: one sentence, which is
shown beside both. Refuses: verdicts below MIN_CONFIDENCE.
"""

from __future__ import annotations

from bouncewise.model import Advice, Kind, Permanence, Report, Verdict

MIN_CONFIDENCE = 0.7
"""The confidence from which on a verdict may contradict a label."""

_SUPPRESSING = (Advice.SUPPRESS_ADDRESS, Advice.SUPPRESS_DOMAIN)


def disagreement(report: Report, verdict: Verdict | None) -> str | None:
    """What the ESP says and what the server said, if they differ on permanence; else None.

    They also differ if the ESP keeps trying although the verdict's advice is to suppress.
    """
    esp = report.esp
    if esp is None or verdict is None or report.reply is None:
        return None
    if verdict.confidence < MIN_CONFIDENCE:
        return None
    both = (esp.permanence, verdict.permanence)
    permanence_differs = Permanence.UNKNOWN not in both and esp.permanence is not verdict.permanence
    esp_keeps_trying = (
        report.kind is Kind.DELAYED
        and verdict.advice in _SUPPRESSING
        and esp.permanence is not Permanence.UNKNOWN
    )
    if not (permanence_differs or esp_keeps_trying):
        return None
    code = " ".join(str(c) for c in (verdict.reply_code, verdict.status) if c) or verdict.evidence
    return (
        f"{esp.name} says {esp.label} ({esp.permanence});"
        f" the server said {code}: {verdict.cause} ({verdict.permanence})"
    )
