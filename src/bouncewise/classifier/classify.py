"""From a reply to a Verdict: pure, the same for one line, a column or a cluster.

Text outranks code, code outranks the ESP's label; whose fault it is comes before what it is. The order of the
rules carries that (rules/knowledge/precedence.toml); this module applies the first that fits and says how sure it is.
docs/verdicts.md states how confidence is computed and how it is checked.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import NamedTuple

from bouncewise.model import Advice, Cause, Party, Permanence, Report, Stage, Verdict
from bouncewise.rfc.reply import ReplyParts, dissect, innermost
from bouncewise.rules.load import Example, Rule, RuleSet, shipped
from bouncewise.rules.match import Matcher, ranks
from bouncewise.text.mask import MAX_REPLY, mask
from bouncewise.text.words import words_of

CODE_TIER = "codes"
_RIVAL = 0.8  # base confidence from which on a rule's words can cast doubt on another's
_STAGES = {str(stage): stage for stage in Stage}
_SUPPRESSING = (Advice.SUPPRESS_ADDRESS, Advice.SUPPRESS_DOMAIN)


class _Meaning(NamedTuple):
    """What a set of fitting rules comes to: all of a Verdict but the reply itself."""

    cause: Cause
    party: Party
    permanence: Permanence
    advice: Advice
    confidence: float
    rule: str
    phrases: tuple[str, ...]
    alternates: tuple[Cause, ...]


class Classifier:
    """Judges replies by one rule set."""

    def __init__(self, ruleset: RuleSet) -> None:
        self.ruleset = ruleset
        self.matcher = Matcher(ruleset)
        self._codes_from = next(
            (i for i, tier in enumerate(ruleset.tiers) if tier == CODE_TIER), len(ruleset.rules)
        )
        self._words_only = (1 << self._codes_from) - 1
        # The same few hundred sets of rules fit nearly all replies, however the replies differ.
        self._meaning = lru_cache(maxsize=65536)(self._meaning_of)

    def judge(
        self,
        reply: str,
        parts: ReplyParts | None = None,
        *,
        receiver: str | None = None,
        stage: str | None = None,
    ) -> Verdict:
        """The meaning of one *reply*. *receiver* and *stage* are used where known from elsewhere."""
        masked = mask(reply[:MAX_REPLY])
        reply_code, status, named, quoted = (
            dissect(masked) if parts is None else (*parts, innermost(masked))
        )
        stage = stage or named
        bits, receiver = self.matcher.match(words_of(quoted), reply_code, status, stage, receiver)
        transient_reply = (
            reply_code < 500 if reply_code is not None else status is not None and status[0] == "4"
        )
        cause, party, permanence, advice, confidence, rule, phrases, alternates = self._meaning(
            bits, transient_reply
        )
        return Verdict(
            reply,
            reply_code,
            status,
            (_STAGES.get(stage) or Stage(stage)) if stage else None,
            receiver,
            cause,
            party,
            permanence,
            advice,
            confidence,
            rule,
            phrases,
            alternates,
        )

    def report(self, report: Report) -> Verdict | None:
        """The meaning of a Report's reply; None where it quotes none."""
        if report.reply is None:
            return None
        receiver = self.receiver(report) or None
        parts = ReplyParts(report.reply.reply_code, report.reply.status, report.stage)
        return self.judge(report.reply.text[:MAX_REPLY], parts, receiver=receiver)

    def receiver(self, report: Report) -> str:
        """The receiver whose host answered, or whose domain it is; '' where it is not known."""
        by_host = self.matcher.receiver_of(report.remote_mta)
        return by_host or self.matcher.receiver_of(report.recipient.rpartition("@")[2]) or ""

    def rule_of(self, example: Example) -> str:
        """The id of the rule that decides *example*."""
        return self.judge(example.reply, receiver=example.receiver, stage=example.stage).rule

    def _meaning_of(self, bits: int, transient_reply: bool) -> _Meaning:
        rule, confidence, alternates = self._weigh(bits)
        facts = self.ruleset.causes[rule.cause if rule else Cause.UNKNOWN]
        permanence = (rule and rule.permanence) or facts.permanence
        advice = (rule and rule.advice) or (transient_reply and facts.advice_4xx) or facts.advice
        if advice in _SUPPRESSING and (permanence is Permanence.TRANSIENT or transient_reply):
            # A 4xx never suppresses, however permanent its words; nor does a fault that heals.
            advice = Advice.RETRY_LATER if permanence is Permanence.TRANSIENT else Advice.REVIEW
        return _Meaning(
            facts.cause,
            facts.party,
            permanence,
            advice,
            confidence,
            rule.id if rule else "none",
            rule.when.phrase if rule else (),
            alternates,
        )

    def _weigh(self, bits: int) -> tuple[Rule | None, float, tuple[Cause, ...]]:
        """The first rule, how sure, and the other causes that the same words allow.

        The doubt of a rule by itself (1 - base) is halved where the enhanced code says the same, and tripled
        where other words of the reply speak for a cause that the rule does not name as its alternate.
        """
        fitting = list(ranks(bits))
        if not fitting:
            return None, 0.0, ()
        rules = self.ruleset.rules
        first = rules[fitting[0]]
        doubt = 1 - self.ruleset.base[fitting[0]]
        weighty = (i for i in fitting[1:] if self.ruleset.base[i] >= _RIVAL)
        others = dict.fromkeys(rules[i].cause for i in weighty if rules[i].cause is not first.cause)
        if fitting[0] < self._codes_from:
            if any(i >= self._codes_from and rules[i].cause is first.cause for i in fitting):
                doubt /= 2
            words = (i for i in ranks(bits & self._words_only) if self.ruleset.base[i] >= _RIVAL)
            rivals = {rules[i].cause for i in words} - {first.cause, *first.alternates}
            if rivals:
                doubt *= 3
        alternates = dict.fromkeys((*first.alternates, *others))
        return first, round(max(0.05, 1 - doubt), 2), tuple(alternates)[:4]


@cache
def default() -> Classifier:
    """The classifier over the shipped rules."""
    return Classifier(shipped())


def classify(
    reply: str | bytes | None, *, receiver: str | None = None, stage: str | None = None
) -> Verdict:
    """The meaning of one SMTP reply; octets are read as UTF-8, or else as Windows-1252, and None as a reply without words.

    >>> classify("550 5.1.1 <a@example.org>: User unknown").cause
    <Cause.MAILBOX_UNKNOWN: 'mailbox-unknown'>
    """
    return default().judge(_text(reply), receiver=receiver, stage=stage)


def _text(reply: str | bytes | None) -> str:
    if not isinstance(reply, bytes):
        return reply or ""
    try:
        return reply.decode()
    except UnicodeDecodeError:
        return reply.decode("cp1252", "replace")
