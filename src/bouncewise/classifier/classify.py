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

from bouncewise.classifier.features import Features, features
from bouncewise.classifier.labels import by_label
from bouncewise.classifier.model import shipped_model
from bouncewise.model import Advice, Cause, Party, Permanence, Report, Stage, Verdict
from bouncewise.rfc.reply import QuotedReply, ReplyParts, dissect, innermost
from bouncewise.rules.load import Example, Rule, RuleSet, shipped
from bouncewise.rules.match import Matcher, rule_indexes
from bouncewise.text.mask import MAX_REPLY, mask
from bouncewise.text.words import words_of

CODE_TIER = "codes"
"""The first tier whose rules match codes without words."""

NO_RULE = "none"
"""The rule of a verdict on a reply that neither a rule nor the model knows."""

MODEL_RULE = "model"
"""The rule of a verdict by the model. Such a verdict never suppresses."""

_MODEL_CONFIDENCE = 0.6
"""The highest confidence of a verdict by the model: it reads what no rule knows."""

_RIVAL_CONFIDENCE = 0.8  # of a rule by itself, from which on it casts doubt on another rule
_STAGES = {str(stage): stage for stage in Stage}
_SUPPRESSING = (Advice.SUPPRESS_ADDRESS, Advice.SUPPRESS_DOMAIN)


class _Meaning(NamedTuple):
    """What a set of matching rules means: the fields of a Verdict from ``cause`` on."""

    cause: Cause
    party: Party
    permanence: Permanence
    advice: Advice
    confidence: float
    rule: str
    phrases: tuple[str, ...]
    alternates: tuple[Cause, ...]


class Classifier:
    """Classifies replies by one rule set."""

    def __init__(self, ruleset: RuleSet) -> None:
        self.ruleset = ruleset
        self.matcher = Matcher(ruleset)
        self._first_code_rule = next(
            (i for i, tier in enumerate(ruleset.tiers) if tier == CODE_TIER), len(ruleset.rules)
        )
        self._phrase_rules = (1 << self._first_code_rule) - 1
        # Replies differ, but nearly all match one of a few hundred sets of rules.
        self._meaning = lru_cache(maxsize=65536)(self._compute_meaning)

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
        masked = mask(reply[:MAX_REPLY])
        quoted = dissect(masked) if parts is None else QuotedReply(*parts, innermost(masked))
        reply_code, status, stage = quoted.reply_code, quoted.status, stage or quoted.stage
        words = words_of(quoted.text)
        bits, receiver = self.matcher.match(words, reply_code, status, stage, receiver)
        transient_reply = (status or "")[:1] == "4" if reply_code is None else reply_code < 500
        meaning = self._meaning(bits, transient_reply)
        if meaning.rule == NO_RULE and (reply_code or status):  # (prose is no reply)
            seen = features(words, reply_code, status)
            meaning = self._read_by_model(seen, transient_reply) or meaning
        return Verdict(
            reply,
            reply_code,
            status,
            (_STAGES.get(stage) or Stage(stage)) if stage else None,
            receiver,
            *meaning,
        )

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
        """The id of the rule that decides *example*."""
        return self.classify(example.reply, receiver=example.receiver, stage=example.stage).rule

    def _compute_meaning(self, bits: int, transient_reply: bool) -> _Meaning:
        rule, confidence, alternates = self._weigh(bits)
        facts = self.ruleset.causes[rule.cause if rule else Cause.UNKNOWN]
        permanence = (rule and rule.permanence) or facts.permanence
        advice = (rule and rule.advice) or (transient_reply and facts.advice_4xx) or facts.advice
        if advice in _SUPPRESSING and (permanence is Permanence.TRANSIENT or transient_reply):
            # A 4xx reply never suppresses, whatever its words say; nor does a transient cause.
            advice = Advice.RETRY_LATER if permanence is Permanence.TRANSIENT else Advice.REVIEW
        return _Meaning(
            facts.cause,
            facts.party,
            permanence,
            advice,
            confidence,
            rule.id if rule else NO_RULE,
            rule.when.phrase if rule else (),
            alternates,
        )

    def _read_by_model(self, seen: Features, transient_reply: bool) -> _Meaning | None:
        """What the model reads; None where it is not sure enough."""
        reading = shipped_model().read(seen)
        if reading is None:
            return None
        facts = self.ruleset.causes[reading.cause]
        advice = (transient_reply and facts.advice_4xx) or facts.advice
        return _Meaning(
            facts.cause,
            facts.party,
            facts.permanence,
            Advice.REVIEW if advice in _SUPPRESSING else advice,
            round(min(reading.probability, _MODEL_CONFIDENCE), 2),
            MODEL_RULE,
            reading.words,
            tuple(c for c in reading.alternates if c is not Cause.UNKNOWN),
        )

    def _weigh(self, bits: int) -> tuple[Rule | None, float, tuple[Cause, ...]]:
        """The first matching rule, the confidence, and other causes that the same words allow.

        The doubt of a rule by itself (1 - base confidence) is halved if a rule for codes has the
        same cause. It is tripled if other words of the reply match a rule whose cause is not among
        the first rule's alternates.
        """
        matching = list(rule_indexes(bits))
        if not matching:
            return None, 0.0, ()
        rules, base = self.ruleset.rules, self.ruleset.base
        first = rules[matching[0]]
        doubt = 1 - base[matching[0]]
        strong = (i for i in matching[1:] if base[i] >= _RIVAL_CONFIDENCE)
        others = dict.fromkeys(rules[i].cause for i in strong if rules[i].cause is not first.cause)
        if matching[0] < self._first_code_rule:
            by_code = (i for i in matching if i >= self._first_code_rule)
            if any(rules[i].cause is first.cause for i in by_code):
                doubt /= 2
            by_phrase = rule_indexes(bits & self._phrase_rules)
            causes = {rules[i].cause for i in by_phrase if base[i] >= _RIVAL_CONFIDENCE}
            if causes - {first.cause, *first.alternates}:
                doubt *= 3
        alternates = dict.fromkeys((*first.alternates, *others))
        return first, round(max(0.05, 1 - doubt), 2), tuple(alternates)[:4]


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
