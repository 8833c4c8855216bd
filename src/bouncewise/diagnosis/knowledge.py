"""diagnosis.toml, read strictly: hypotheses, how likely each is behind a cause, and what each piece of evidence weighs.

Raises RuleError where the file names a hypothesis or cause that is not there, or where the chances of a row do not sum to one.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources

import msgspec

from bouncewise.errors import RuleError
from bouncewise.model import Cause


class Hypothesis(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What may lie behind a refusal. ``step`` is what to do then; ``wait_days`` gives its {until}, 0 where it has none."""

    id: str
    label: str
    step: str
    wait_days: int = 0


class Prior(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """P(hypothesis | cause), before anything else is known. ``receiver``: only for its replies. ``step``: other next steps."""

    cause: tuple[Cause, ...]
    p: dict[str, float]
    why: str
    receiver: str = ""
    step: dict[str, str] = {}


class Weight(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One piece of evidence. ``weight``: decibans per hypothesis against `unknown`; one that is not named has 0.

    Of rows of one ``group`` at most one applies: they are readings of the same fact.
    """

    id: str
    group: str
    says: str
    why: str
    weight: dict[str, float]


class Knowledge(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    hypothesis: tuple[Hypothesis, ...]
    prior: tuple[Prior, ...]
    evidence: tuple[Weight, ...]


def load(raw: bytes | None = None) -> Knowledge:
    """The shipped knowledge, or that in *raw* TOML. Raises RuleError."""
    raw = raw or (resources.files("bouncewise.diagnosis") / "diagnosis.toml").read_bytes()
    try:
        knowledge = msgspec.toml.decode(raw, type=Knowledge)
    except msgspec.DecodeError as bad:
        raise RuleError(f"diagnosis.toml: {bad}") from None
    names = {h.id for h in knowledge.hypothesis}
    for row in knowledge.prior:
        where = f"prior of {', '.join(row.cause)}"
        _known(where, {*row.p, *row.step}, names)
        if abs(sum(row.p.values()) - 1) > 1e-6 or min(row.p.values()) <= 0:
            raise RuleError(
                f"diagnosis.toml: {where}: chances are above 0 and sum to 1, not {sum(row.p.values()):g}"
            )
    if missing := set(Cause) - {
        cause for row in knowledge.prior for cause in row.cause if not row.receiver
    }:
        raise RuleError(f"diagnosis.toml: no prior for {sorted(missing)}")
    for piece in knowledge.evidence:
        _known(f"evidence {piece.id}", piece.weight, names)
    if len({piece.id for piece in knowledge.evidence}) < len(knowledge.evidence):
        raise RuleError("diagnosis.toml: ids of evidence are unique")
    return knowledge


def _known(where: str, given: Iterable[str], names: set[str]) -> None:
    if unknown := set(given) - names:
        raise RuleError(f"diagnosis.toml: {where}: no such hypothesis {sorted(unknown)}")
