"""From a reply to a Verdict. The result is the same for one line, a column and a cluster.

Reads: the text of an SMTP reply, and what is known beside it (codes, receiver, stage). Gives: the
cause, the party that must act, the advice, and the confidence. Text outranks code, and code
outranks an ESP's label. The order of the rules expresses this (rules/knowledge/precedence.toml);
this module applies the first rule that matches. docs/verdicts.md describes how the confidence is
computed and how it was checked.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import NamedTuple

from bouncewise.classifier.combine import (
    DECISIVE_ODDS,
    MIN_PROBABILITY,
    MIN_WITHOUT_CODE,
    ODDS,
    SUPPRESSING,
    SURE_RULE,
    Meaning,
    before_recipients,
    combine,
    usual_advice,
)
from bouncewise.classifier.doubts import is_doubtful
from bouncewise.classifier.features import features, is_empty_status
from bouncewise.classifier.labels import by_label
from bouncewise.classifier.model import Reading, shipped_model
from bouncewise.model import Advice, Cause, Permanence, Report, Stage, Verdict
from bouncewise.rfc.reply import QuotedReply, ReplyParts, dissect, innermost
from bouncewise.rules.load import SITE_TIER, Example, RuleSet, shipped
from bouncewise.rules.match import Matcher, rule_indexes
from bouncewise.text.mask import MAX_REPLY, mask
from bouncewise.text.words import words_of

CODE_TIER = "codes"
"""The first tier whose rules match codes without words."""

NO_RULE = "none"
"""The rule of a verdict on a reply that neither a rule nor the model knows."""

_KNOWN_TIERS = (SITE_TIER.name, "receivers")
_DECISIVE_TIERS = (*_KNOWN_TIERS, "subjects")  # whose rules decide, whatever the model reads
_STAGES = {str(stage): stage for stage in Stage}


class _ByRules(NamedTuple):
    """What a set of matching rules means.

    ``odds`` is by how much the deciding rule multiplies the odds of its cause, 0 where none does;
    ``odds_in_prose`` is the same for words without a code.
    """

    meaning: Meaning
    odds: float
    odds_in_prose: float
    is_own: bool
    """Whether the rule is a receiver's own or the operator's, whose texts are known as a whole."""


class _Seen(NamedTuple):
    """A reply with what its rules mean; ``transient`` is whether its code begins with 4."""

    words: str
    reply_code: int | None
    status: str | None
    stage: str | None
    receiver: str | None
    transient: bool
    by_rules: _ByRules


class Classifier:
    """Classifies replies by one rule set."""

    def __init__(self, ruleset: RuleSet) -> None:
        self.ruleset = ruleset
        self.matcher = Matcher(ruleset)
        self._first_code_rule = next(
            (i for i, tier in enumerate(ruleset.tiers) if tier == CODE_TIER), len(ruleset.rules)
        )
        # Replies differ, but nearly all match one of a few hundred sets of rules.
        self._by_rules = lru_cache(maxsize=65536)(self._compute_by_rules)

    def classify(
        self,
        reply: str,
        parts: ReplyParts | None = None,
        *,
        receiver: str | None = None,
        stage: str | None = None,
    ) -> Verdict:
        """The verdict on one *reply*.

        *parts* are used instead of the code, status and stage in the text. *receiver* and *stage*
        are what is known from elsewhere; they outrank the text.
        """
        seen = self._match(reply, parts, receiver, stage)
        meaning = seen.by_rules.meaning
        if not seen.by_rules.is_own:
            meaning = self._with_model(seen)
        meaning = before_recipients(meaning, seen.stage, self.ruleset.causes)
        suppresses = meaning.advice in SUPPRESSING and not seen.by_rules.is_own
        if suppresses and is_doubtful(meaning.advice, seen.words, seen.status):
            meaning = meaning._replace(advice=Advice.REVIEW)
        return Verdict(
            reply,
            seen.reply_code,
            seen.status,
            (_STAGES.get(seen.stage) or Stage(seen.stage)) if seen.stage else None,
            seen.receiver,
            *meaning,
        )

    def _with_model(self, seen: _Seen) -> Meaning:
        """What the rules mean together with what the model reads."""
        meaning, odds, odds_in_prose, _ = seen.by_rules
        reading = _reading(seen.words, seen.reply_code, seen.status)
        if reading is None:
            return meaning
        least = MIN_PROBABILITY
        if not seen.reply_code and is_empty_status(seen.status):
            odds, least = odds_in_prose, MIN_WITHOUT_CODE
        return combine(meaning, odds, reading, least, seen.transient, self.ruleset.causes)

    def _match(
        self, reply: str, parts: ReplyParts | None, receiver: str | None, stage: str | None
    ) -> _Seen:
        masked = mask(reply[:MAX_REPLY])
        quoted = dissect(masked) if parts is None else QuotedReply(*parts, innermost(masked))
        reply_code, status, stage = quoted.reply_code, quoted.status, stage or quoted.stage
        words = words_of(quoted.text)
        bits, receiver = self.matcher.match(words, reply_code, status, stage, receiver)
        transient = (status or "")[:1] == "4" if reply_code is None else reply_code < 500
        by_rules = self._by_rules(bits, transient)
        return _Seen(words, reply_code, status, stage, receiver, transient, by_rules)

    def classify_report(self, report: Report) -> Verdict | None:
        """The verdict on a report's reply, or else on an ESP's label; None if there is neither."""
        if report.reply is None:
            facts = by_label(report, self.ruleset)
            return facts and Verdict("", None, None, None, self.receiver_of(report) or None, *facts)
        parts = ReplyParts(report.reply.reply_code, report.reply.status, report.stage)
        receiver = self.receiver_of(report) or None
        return self.classify(report.reply.text[:MAX_REPLY], parts, receiver=receiver)

    def receiver_of(self, report: Report) -> str:
        """The receiver of the host that answered, or of the recipient's domain; '' if unknown."""
        by_host = self.matcher.receiver_of(report.remote_mta)
        return by_host or self.matcher.receiver_of(report.recipient.rpartition("@")[2]) or ""

    def is_own_host(self, report: Report) -> bool | None:
        """Whether the host that answered belongs to the receiver of the recipient's domain.

        False if that domain is a known receiver's and the host is not its own; None if neither is
        known.
        """
        by_host = self.matcher.receiver_of(report.remote_mta)
        by_domain = self.matcher.receiver_of(report.recipient.rpartition("@")[2])
        if by_domain is None:
            return None if by_host is None else True
        return by_host == by_domain

    def deciding_rule(self, example: Example) -> str:
        """The id of the rule that decides *example* if the model is not asked."""
        seen = self._match(example.reply, None, example.receiver, example.stage)
        return seen.by_rules.meaning.rule

    def _compute_by_rules(self, bits: int, transient_reply: bool) -> _ByRules:
        matching = list(rule_indexes(bits))
        if not matching:
            facts = self.ruleset.causes[Cause.UNKNOWN]
            advice = usual_advice(facts, transient_reply)
            nothing = (facts.cause, facts.party, facts.permanence, advice)
            return _ByRules(Meaning(*nothing, 0.0, NO_RULE, (), ()), 0.0, 0.0, is_own=False)
        first = matching[0]
        rule, base = self.ruleset.rules[first], self.ruleset.base[first]
        confidence, agreed, alternates = self._weigh(matching)
        facts = self.ruleset.causes[rule.cause]
        permanence = rule.permanence or facts.permanence
        advice = rule.advice or usual_advice(facts, transient_reply)
        if advice in SUPPRESSING and (permanence is Permanence.TRANSIENT or transient_reply):
            # A 4xx reply never suppresses, whatever its words say; nor does a transient cause.
            advice = Advice.RETRY_LATER if permanence is Permanence.TRANSIENT else Advice.REVIEW
        said = (facts.cause, facts.party, permanence, advice, confidence, rule.id)
        by_code = agreed and base >= SURE_RULE
        tier = self.ruleset.tiers[first]
        odds = DECISIVE_ODDS if by_code or tier in _DECISIVE_TIERS else ODDS
        meaning = Meaning(*said, rule.when.phrase, alternates)
        in_prose = DECISIVE_ODDS if base >= SURE_RULE else odds
        return _ByRules(meaning, odds, in_prose, is_own=tier in _KNOWN_TIERS)

    def _weigh(self, matching: list[int]) -> tuple[float, bool, tuple[Cause, ...]]:
        """The confidence of the first of the *matching* rules, whether codes agree with its
        phrase, and other causes that the same words allow.

        The doubt of a rule by itself (1 - base confidence) is halved if a rule for codes has the
        same cause. It is tripled if other words of the reply match a rule whose cause is not among
        the first rule's alternates.
        """
        rules, base = self.ruleset.rules, self.ruleset.base
        first = rules[matching[0]]
        doubt = 1 - base[matching[0]]
        strong = (i for i in matching[1:] if base[i] >= SURE_RULE)
        others = dict.fromkeys(rules[i].cause for i in strong if rules[i].cause is not first.cause)
        agreed = False
        if matching[0] < self._first_code_rule:
            by_code = (i for i in matching if i >= self._first_code_rule)
            agreed = any(rules[i].cause is first.cause for i in by_code)
            by_phrase = (i for i in matching if i < self._first_code_rule)
            causes = {rules[i].cause for i in by_phrase if base[i] >= SURE_RULE}
            rivals = causes - {first.cause, *first.alternates}
            doubt *= (0.5 if agreed else 1) * (3 if rivals else 1)
            agreed = agreed and not rivals
        alternates = dict.fromkeys((*first.alternates, *others))
        return round(max(0.05, 1 - doubt), 2), agreed, tuple(alternates)[:4]


@lru_cache(maxsize=4096)
def _reading(words: str, reply_code: int | None, status: str | None) -> Reading | None:
    return shipped_model().read(features(words, reply_code, status))  # replies repeat


@cache
def default_classifier() -> Classifier:
    """The classifier with the rules that come with bouncewise."""
    return Classifier(shipped())


def classify(
    reply: str | bytes | None, *, receiver: str | None = None, stage: str | None = None
) -> Verdict:
    """The verdict on one SMTP reply.

    Octets are decoded as UTF-8, or as Windows-1252 if that fails. None is a reply without words.

    >>> classify("550 5.1.1 <a@example.org>: User unknown").cause
    <Cause.MAILBOX_UNKNOWN: 'mailbox-unknown'>
    """
    return default_classifier().classify(_decoded(reply), receiver=receiver, stage=stage)


def _decoded(reply: str | bytes | None) -> str:
    if not isinstance(reply, bytes):
        return reply or ""
    try:
        return reply.decode()
    except UnicodeDecodeError:
        return reply.decode("cp1252", "replace")
