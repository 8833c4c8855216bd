"""What ``diagnose`` writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from bouncewise.contract.base import Record, about, time

if TYPE_CHECKING:
    from bouncewise.diagnosis.rank import Diagnosis


class RefusalRecord(Record, frozen=True, kw_only=True):
    """The refusal that is diagnosed."""

    cause: str
    confidence: float
    stage: str | None
    receiver: str | None
    at: str | None
    words: str | None


class HypothesisRow(Record, frozen=True, kw_only=True):
    """One hypothesis."""

    hypothesis: str
    label: str
    probability: float
    step: str


class EvidenceRow(Record, frozen=True, kw_only=True):
    """One piece of evidence."""

    evidence: str
    statement: str
    why: str
    decibans: dict[str, float]


class DiagnosisRecord(Record, frozen=True, kw_only=True):
    """One object. Probabilities sum to one over all hypotheses; none is left out."""

    subject: Annotated[
        str | None,
        about("the address (of a domain: the one that was refused last); null for a reply alone"),
    ]
    as_of: Annotated[str | None, about("the time of the answer")]
    refusal: Annotated[
        RefusalRecord,
        about("`cause`, `confidence`, `stage`, `receiver`, `at` (null: not known), `words`"),
    ]
    hypotheses: Annotated[
        tuple[HypothesisRow, ...],
        about(
            "`hypothesis`, `label`, `probability`, `step` (what to do then); the most probable "
            "first"
        ),
    ]
    evidence: Annotated[
        tuple[EvidenceRow, ...],
        about(
            "`evidence` (its id in diagnosis.toml; `prior` is the reply), `statement`, `why`, "
            "`decibans`: per hypothesis, by how"
            " much this piece moved its odds, all else equal (10: ten to one; 3: two to one); the "
            "strongest first"
        ),
    ]
    missing: Annotated[tuple[str, ...], about("what could not be found out, in words")]

    @classmethod
    def of(cls, d: Diagnosis) -> DiagnosisRecord:
        """The record of a Diagnosis."""
        f = d.facts
        return cls(
            subject=f.subject or None,
            as_of=time(f.as_of),
            refusal=RefusalRecord(
                cause=f.cause,
                confidence=f.confidence,
                stage=f.stage,
                receiver=f.receiver or None,
                at=time(f.refused_at),
                words=f.words or None,
            ),
            hypotheses=tuple(
                HypothesisRow(
                    hypothesis=r.id, label=r.label, probability=round(r.probability, 4), step=r.step
                )
                for r in d.ranking
            ),
            evidence=tuple(
                EvidenceRow(evidence=p.id, statement=p.statement, why=p.why, decibans=p.decibans)
                for p in d.evidence
            ),
            missing=d.missing,
        )
