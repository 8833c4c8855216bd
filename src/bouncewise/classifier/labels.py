"""What an ESP's label means where the event quotes no server (rules/knowledge/labels.toml).

Reads: a report without a reply. Gives: the fields of a verdict from ``cause`` on. Its advice is to
suppress only where the ESP defines the label as a permanent failure of the recipient.
"""

from __future__ import annotations

from bouncewise.model import Advice, Cause, Kind, Party, Permanence, Report
from bouncewise.rules.load import RuleSet

CONFIDENCE = 0.7
"""Of a label that the table has: ESPs judge by the same replies, and are often wrong."""

LabelFacts = tuple[Cause, Party, Permanence, Advice, float, str, tuple[str, ...], tuple[Cause, ...]]


def by_label(report: Report, ruleset: RuleSet) -> LabelFacts | None:
    """The cause, party, permanence, advice, confidence, rule, phrases and alternates; None if the
    report has no label, or is neither a failure nor a delay.
    """
    if report.esp is None or report.kind not in (Kind.FAILED, Kind.DELAYED):
        return None
    cause = _cause(report.esp.label.casefold(), ruleset.labels.get(report.esp.name, {}))
    facts = ruleset.causes[cause or Cause.UNKNOWN]
    advice = facts.advice
    is_transient = report.esp.permanence is Permanence.TRANSIENT or report.kind is Kind.DELAYED
    is_final = report.esp.permanence is Permanence.PERMANENT and not is_transient
    suppresses = advice in (Advice.SUPPRESS_ADDRESS, Advice.SUPPRESS_DOMAIN)
    if is_transient and (suppresses or facts.cause is Cause.UNKNOWN):
        advice = Advice.RETRY_LATER
    elif suppresses and not is_final:
        advice = Advice.REVIEW
    rule = f"label.{report.esp.name}" if cause else "none"
    confidence = CONFIDENCE if cause not in (None, Cause.UNKNOWN) else 0.0
    return facts.cause, facts.party, facts.permanence, advice, confidence, rule, (), ()


def _cause(label: str, table: dict[str, Cause]) -> Cause | None:
    """The cause of the whole *label*, of its last word, or of the label without its last words."""
    words = label.split(":")
    names = [label, words[-1], *(":".join(words[:n]) for n in range(len(words) - 1, 0, -1))]
    return next((table[name] for name in names if name in table), None)
