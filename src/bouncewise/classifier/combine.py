"""Two readers of a reply, one meaning: what the rules say, and what the model says.

Reads: the meaning by the deciding rule, the model's reading, and the SMTP stage. Gives: the meaning
of both together. Pure. docs/verdicts.md describes how the limits were chosen and measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from bouncewise.classifier.model import Reading
from bouncewise.model import Advice, Cause, Party, Permanence
from bouncewise.rules.load import CauseFacts

MODEL_RULE = "model"
"""The rule of a verdict by the model. Such a verdict never suppresses."""

SURE_RULE = 0.8
"""The confidence of a rule by itself from which on it casts doubt on another rule."""

ODDS, DECISIVE_ODDS = 10.0, 150.0
"""By how much a rule multiplies the odds of its cause; and by how much one does that names who is
refused, or why, or whose cause the status states, too, or that is sure of words without a code.
"""

MIN_PROBABILITY, MIN_WITHOUT_CODE = 0.5, 0.75
"""The probability from which on the model decides; and where the words have no code, and may be any
sentence.
"""

SUPPRESSING = (Advice.SUPPRESS_ADDRESS, Advice.SUPPRESS_DOMAIN)

_MODEL_CONFIDENCE = 0.85  # the highest confidence of a verdict by the model
_MAX_ALTERNATES = 4

# RFC 5321 section 3.3: until RCPT the receiver knows no recipient. An address or a domain that it
# refuses before is that of the sender, or the name in HELO.
_BEFORE_RECIPIENTS = {"helo": Cause.PROTOCOL_ERROR, "mail": Cause.SENDER_REJECTED}
_OF_AN_ADDRESS = (
    Cause.MAILBOX_UNKNOWN,
    Cause.MAILBOX_DISABLED,
    Cause.MAILBOX_MOVED,
    Cause.ACCESS_DENIED,
    Cause.ADDRESS_SYNTAX,
    Cause.RECIPIENT_RESTRICTED,
    Cause.DOMAIN_UNKNOWN,
    Cause.DOMAIN_NO_MAIL,
)

Causes = Mapping[Cause, CauseFacts]


class Meaning(NamedTuple):
    """What a reply means: the fields of a Verdict from ``cause`` on."""

    cause: Cause
    party: Party
    permanence: Permanence
    advice: Advice
    confidence: float
    rule: str
    phrases: tuple[str, ...]
    alternates: tuple[Cause, ...]


def usual_advice(facts: CauseFacts, transient_reply: bool) -> Advice:
    """The advice for a cause, where no rule gives another."""
    return (transient_reply and facts.advice_4xx) or facts.advice


def combine(
    by_rule: Meaning,
    odds: float,
    reading: Reading,
    least: float,
    transient_reply: bool,
    causes: Causes,
) -> Meaning:
    """What the deciding rule and the model mean together.

    A rule multiplies the odds of its cause by *odds*. If the model's cause is then still the more
    likely one, and has at least the probability *least*, it decides. A rule that suppresses does so
    only if its odds are decisive, or the model's cause suppresses, too.
    """
    if reading.cause is by_rule.cause:
        return by_rule._replace(confidence=round((1 + by_rule.confidence) / 2, 2))
    if reading.probability < least or reading.cause is Cause.UNKNOWN:
        return by_rule
    facts = causes[reading.cause]
    share = reading.probability_of(by_rule.cause)
    if reading.probability <= odds * share:
        doubted = odds < DECISIVE_ODDS and facts.advice not in SUPPRESSING
        return by_rule._replace(
            advice=Advice.REVIEW if doubted and by_rule.advice in SUPPRESSING else by_rule.advice,
            alternates=_alternates(by_rule.cause, reading.cause, *by_rule.alternates),
        )
    advice = usual_advice(facts, transient_reply)
    others = (by_rule.cause, *by_rule.alternates, *reading.alternates)
    return Meaning(
        facts.cause,
        facts.party,
        facts.permanence,
        Advice.REVIEW if advice in SUPPRESSING else advice,
        round(min(reading.probability / (1 - share + odds * share), _MODEL_CONFIDENCE), 2),
        MODEL_RULE,
        reading.words(),
        _alternates(reading.cause, *others),
    )


def before_recipients(meaning: Meaning, stage: str | None, causes: Causes) -> Meaning:
    """*meaning*; about the sender if it is about an address and no recipient was named yet."""
    cause = _BEFORE_RECIPIENTS.get(stage or "")
    if cause is None or meaning.cause not in _OF_AN_ADDRESS:
        return meaning
    facts = causes[cause]
    return meaning._replace(
        cause=facts.cause,
        party=facts.party,
        permanence=facts.permanence,
        advice=facts.advice,
        alternates=_alternates(cause, meaning.cause, *meaning.alternates),
    )


def _alternates(cause: Cause, *others: Cause) -> tuple[Cause, ...]:
    """The *others* that are neither *cause* nor unknown, each once."""
    distinct = dict.fromkeys(c for c in others if c not in (cause, Cause.UNKNOWN))
    return tuple(distinct)[:_MAX_ALTERNATES]
