"""diagnosis.toml, read strictly: hypotheses, their probability for each cause, and the weights of
evidence.

Reads: TOML. Gives: the Knowledge. Refuses, with RuleError: unknown hypotheses or causes, a cause
without a prior, and a prior whose probabilities do not sum to one.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources

import msgspec

from bouncewise.errors import RuleError
from bouncewise.model import Cause


class Hypothesis(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A possible reason for a refusal.

    ``step`` is what to do if it is the reason; ``wait_days`` is the time until its {until}.
    """

    id: str
    label: str
    step: str
    wait_days: int = 0


class Prior(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """P(hypothesis | cause), before other evidence.

    ``receiver``: the row is only for replies of this receiver. ``step``: steps for this cause, by
    hypothesis.
    """

    cause: tuple[Cause, ...]
    p: dict[str, float]
    why: str
    receiver: str = ""
    step: dict[str, str] = {}


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One piece of evidence.

    ``weight``: decibans per hypothesis relative to `unknown`; a hypothesis that is not named has 0.
    Rows of one ``group`` are readings of the same fact: at most one of them applies.
    """

    id: str
    group: str
    statement: str
    why: str
    weight: dict[str, float]


class Knowledge(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The content of diagnosis.toml."""

    hypothesis: tuple[Hypothesis, ...]
    prior: tuple[Prior, ...]
    evidence: tuple[Evidence, ...]


def load(raw: bytes | None = None) -> Knowledge:
    """The shipped knowledge, or the knowledge in *raw* TOML. Raises RuleError."""
    raw = raw or (resources.files("bouncewise.diagnosis") / "diagnosis.toml").read_bytes()
    try:
        knowledge = msgspec.toml.decode(raw, type=Knowledge)
    except msgspec.DecodeError as error:
        raise RuleError(f"diagnosis.toml: {error}") from None
    names = {h.id for h in knowledge.hypothesis}
    for prior in knowledge.prior:
        where = f"prior of {', '.join(prior.cause)}"
        _check_names(where, {*prior.p, *prior.step}, names)
        total = sum(prior.p.values())
        if abs(total - 1) > 1e-6 or min(prior.p.values()) <= 0:
            raise RuleError(
                f"diagnosis.toml: {where}: the probabilities must be above 0 and sum to 1, "
                f"not {total:g}"
            )
    with_prior = {c for prior in knowledge.prior if not prior.receiver for c in prior.cause}
    if missing := set(Cause) - with_prior:
        raise RuleError(f"diagnosis.toml: no prior for {sorted(missing)}")
    for evidence in knowledge.evidence:
        _check_names(f"evidence {evidence.id}", evidence.weight, names)
    if len({evidence.id for evidence in knowledge.evidence}) < len(knowledge.evidence):
        raise RuleError("diagnosis.toml: the ids of evidence must be unique")
    return knowledge


def _check_names(where: str, used: Iterable[str], names: set[str]) -> None:
    if unknown := set(used) - names:
        raise RuleError(f"diagnosis.toml: {where}: no such hypothesis {sorted(unknown)}")
