"""The possible reasons for a refusal, ranked by log-odds over pieces of evidence.

Reads: the facts of one case, which ``facts`` gathered, and the knowledge of diagnosis.toml. Gives:
a Diagnosis. Pure: no clock, no ledger, no network. Method: the cause of the verdict gives the
prior, mixed with the priors of its alternates by the confidence of the verdict. Each piece of
evidence adds its decibans (ten times the decimal logarithm of a likelihood ratio). The sums become
probabilities that sum to one. Of facts that depend on each other, which form a group, one piece
counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import timedelta

import msgspec

from bouncewise.diagnosis.evidence import Facts, observe
from bouncewise.diagnosis.knowledge import Evidence, Knowledge, Prior
from bouncewise.model import Cause

_MIN_PRIOR = 1e-4
"""Probability of a hypothesis that a prior does not name, so that evidence can still raise it."""


class AppliedEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence that applies.

    ``decibans``: by how much it moved the odds of each hypothesis, everything else being equal.
    """

    id: str
    statement: str
    why: str
    decibans: dict[str, float]


class RankedHypothesis(msgspec.Struct, frozen=True, kw_only=True):
    """A hypothesis with its probability and next step."""

    id: str
    label: str
    probability: float
    step: str


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """The result.

    ``ranking``: hypotheses, the most probable first. ``evidence``: the prior, then the pieces that
    apply, by their effect on the first hypothesis. ``missing``: what could not be found out.
    """

    facts: Facts
    ranking: tuple[RankedHypothesis, ...]
    evidence: tuple[AppliedEvidence, ...]
    missing: tuple[str, ...]


def diagnose(facts: Facts, knowledge: Knowledge) -> Diagnosis:
    """Rank the possible reasons for the refusal that *facts* describe."""
    prior = _mixed_prior(facts, knowledge)
    rows = {row.id: row for row in knowledge.evidence}
    observed = [(rows[id_], values) for id_, values in observe(facts)]
    probabilities = _posterior(prior, (row for row, _ in observed))
    order = sorted(prior, key=lambda name: -probabilities[name])
    pieces = []
    for row, values in observed:
        without = _posterior(prior, (other for other, _ in observed if other is not row))
        pieces.append(
            AppliedEvidence(
                id=row.id,
                statement=row.statement.format_map(values),
                why=row.why,
                decibans={n: round(_odds(probabilities[n]) - _odds(without[n]), 1) for n in prior},
            )
        )
    pieces.sort(key=lambda piece: -abs(piece.decibans[order[0]]))
    return Diagnosis(
        facts=facts,
        ranking=_ranking(facts, knowledge, probabilities, order),
        evidence=(_prior_evidence(facts, knowledge, prior), *pieces),
        missing=facts.missing,
    )


def _ranking(
    facts: Facts, knowledge: Knowledge, probabilities: dict[str, float], order: list[str]
) -> tuple[RankedHypothesis, ...]:
    by_id = {h.id: h for h in knowledge.hypothesis}
    steps = _prior_row(facts, knowledge, facts.cause).step
    return tuple(
        RankedHypothesis(
            id=name,
            label=by_id[name].label,
            probability=probabilities[name],
            step=_step(steps.get(name, by_id[name].step), facts, by_id[name].wait_days),
        )
        for name in order
    )


def _prior_evidence(facts: Facts, knowledge: Knowledge, prior: dict[str, float]) -> AppliedEvidence:
    """The reply as the first piece of evidence, relative to hypotheses of equal probability."""
    equal = _odds(1 / len(prior))
    return AppliedEvidence(
        id="prior",
        statement=f"the reply means {facts.cause} (confidence {facts.confidence:.0%})",
        why=_prior_row(facts, knowledge, facts.cause).why,
        decibans={name: round(_odds(p) - equal, 1) for name, p in prior.items()},
    )


def _mixed_prior(facts: Facts, knowledge: Knowledge) -> dict[str, float]:
    """The prior of the cause, mixed by the doubt with those of the alternates, or of `unknown`."""
    alternates = facts.alternates or (Cause.UNKNOWN,)
    parts = [(facts.confidence, _prior_row(facts, knowledge, facts.cause))]
    parts += [
        ((1 - facts.confidence) / len(alternates), _prior_row(facts, knowledge, cause))
        for cause in alternates
    ]
    mixed = {
        h.id: max(_MIN_PRIOR, sum(share * row.p.get(h.id, 0) for share, row in parts))
        for h in knowledge.hypothesis
    }
    total = sum(mixed.values())
    return {name: p / total for name, p in mixed.items()}


def _prior_row(facts: Facts, knowledge: Knowledge, cause: Cause) -> Prior:
    """The row for *cause*; the row for the receiver, if there is one."""
    rows = [
        row
        for row in knowledge.prior
        if cause in row.cause and row.receiver in ("", facts.receiver)
    ]
    return max(rows, key=lambda row: bool(row.receiver))


def _posterior(prior: dict[str, float], evidence: Iterable[Evidence]) -> dict[str, float]:
    rows = list(evidence)
    weighted = {
        name: p * 10 ** (sum(row.weight.get(name, 0) for row in rows) / 10)
        for name, p in prior.items()
    }
    total = sum(weighted.values())
    return {name: value / total for name, value in weighted.items()}


def _odds(probability: float) -> float:
    """The odds of *probability* in decibans."""
    bounded = min(max(probability, 1e-9), 1 - 1e-9)
    return 10 * math.log10(bounded / (1 - bounded))


def _step(template: str, facts: Facts, wait_days: int) -> str:
    """The next step with the names and dates of the case."""
    since = facts.refused_at or facts.as_of
    until = max(since + timedelta(days=wait_days), facts.as_of + timedelta(days=1))
    local, at, _ = facts.subject.rpartition("@")
    is_domain = facts.typo_part == "domain" and local and at and facts.typo
    postmaster = f"postmaster@{facts.domain}" if facts.domain else "the receiver's postmaster"
    return template.format(
        subject=facts.subject or "the address",
        domain=facts.domain or "its domain",
        until=f"{until:%Y-%m-%d}",
        receiver=facts.receiver or "the receiver",
        typo=(f"{local}@{facts.typo}" if is_domain else facts.typo) or "another address",
        contact=facts.contact or postmaster,
    )
