"""What lies behind a refusal: hypotheses ranked by log-odds over named pieces of evidence.

Reads: the facts of one case, gathered elsewhere, and the knowledge of diagnosis.toml. Gives: a Diagnosis. Pure: no clock, no
ledger, no network. Method: the verdict's cause gives the prior, mixed with its alternates' by the verdict's confidence; each
piece of evidence adds its decibans (ten times the decimal logarithm of a likelihood ratio); the sums become chances that sum
to one. Facts that depend on each other stand in one group, of which one piece counts.
"""

from __future__ import annotations

import math
from datetime import timedelta

import msgspec

from bouncewise.diagnosis.evidence import Facts, observe
from bouncewise.diagnosis.knowledge import Knowledge, Prior, Weight
from bouncewise.model import Cause

_LEAST = 1e-4
"""Chance of a hypothesis that a cause's prior does not name: evidence may still find it."""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence that applies. ``towards``: by how many decibans it moved the odds of each hypothesis, else equal."""

    id: str
    says: str
    why: str
    towards: dict[str, float]


class Ranked(msgspec.Struct, frozen=True, kw_only=True):
    """A hypothesis with its chance and next step."""

    id: str
    label: str
    probability: float
    step: str


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: hypotheses, the likeliest first; evidence, the weightiest for or against the first first; what is missing."""

    facts: Facts
    ranking: tuple[Ranked, ...]
    evidence: tuple[Piece, ...]
    missing: tuple[str, ...]


def diagnose(facts: Facts, knowledge: Knowledge) -> Diagnosis:
    """Rank what may lie behind the refusal that *facts* tell of."""
    names = [h.id for h in knowledge.hypothesis]
    start = _prior(facts, knowledge, names)
    rows = {row.id: row for row in knowledge.evidence}
    seen = [(rows[id_], fill) for id_, fill in observe(facts)]
    chances = _chances(start, [row for row, _ in seen])
    order = sorted(names, key=lambda name: -chances[name])
    own = _row(facts, knowledge, facts.cause)
    pieces = [
        Piece(
            id="prior",
            says=f"the reply means {facts.cause}, {facts.confidence:.0%} sure",
            why=own.why,
            towards={name: round(_odds(start[name]) - _odds(1 / len(names)), 1) for name in names},
        )
    ]
    for row, fill in seen:
        without = _chances(start, [other for other, _ in seen if other is not row])
        moved = {name: round(_odds(chances[name]) - _odds(without[name]), 1) for name in names}
        pieces.append(Piece(id=row.id, says=row.says.format_map(fill), why=row.why, towards=moved))
    pieces[1:] = sorted(pieces[1:], key=lambda piece: -abs(piece.towards[order[0]]))
    by_id = {h.id: h for h in knowledge.hypothesis}
    ranking = [
        Ranked(
            id=name,
            label=by_id[name].label,
            probability=chances[name],
            step=_step(own.step.get(name, by_id[name].step), facts, by_id[name].wait_days),
        )
        for name in order
    ]
    return Diagnosis(
        facts=facts, ranking=tuple(ranking), evidence=tuple(pieces), missing=facts.missing
    )


def _prior(facts: Facts, knowledge: Knowledge, names: list[str]) -> dict[str, float]:
    """The cause's own row, and with the doubt of the verdict the mean of its alternates' (where there is none, of `unknown`)."""
    others = facts.alternates or (Cause.UNKNOWN,)
    parts = [(facts.confidence, _row(facts, knowledge, facts.cause))]
    parts += [
        ((1 - facts.confidence) / len(others), _row(facts, knowledge, cause)) for cause in others
    ]
    mixed = {
        name: max(_LEAST, sum(share * row.p.get(name, 0) for share, row in parts)) for name in names
    }
    total = sum(mixed.values())
    return {name: p / total for name, p in mixed.items()}


def _row(facts: Facts, knowledge: Knowledge, cause: Cause) -> Prior:
    fitting = [
        row
        for row in knowledge.prior
        if cause in row.cause and row.receiver in ("", facts.receiver)
    ]
    return max(fitting, key=lambda row: bool(row.receiver))


def _chances(start: dict[str, float], seen: list[Weight]) -> dict[str, float]:
    raw = {
        name: p * 10 ** (sum(row.weight.get(name, 0) for row in seen) / 10)
        for name, p in start.items()
    }
    total = sum(raw.values())
    return {name: value / total for name, value in raw.items()}


def _odds(chance: float) -> float:
    chance = min(max(chance, 1e-9), 1 - 1e-9)
    return 10 * math.log10(chance / (1 - chance))


def _step(text: str, facts: Facts, wait: int) -> str:
    since = facts.refused_at or facts.asked_at
    until = max(since + timedelta(days=wait), facts.asked_at + timedelta(days=1))
    local, at, _ = facts.subject.rpartition("@")
    slip = (
        f"{local}@{facts.slip}"
        if facts.slip_of == "domain" and local and at and facts.slip
        else facts.slip
    )
    return text.format(
        subject=facts.subject or "the address",
        domain=facts.domain or "its domain",
        until=f"{until:%Y-%m-%d}",
        receiver=facts.receiver or "the receiver",
        slip=slip or "another address",
        contact=facts.contact
        or (f"postmaster@{facts.domain}" if facts.domain else "the receiver's postmaster"),
    )
