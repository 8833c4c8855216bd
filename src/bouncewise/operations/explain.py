"""Pages that explain a reply, a code, a cause or an address to people.

Reads: the knowledge in the rule set, a verdict, and for an address its history. Gives: a Page: what
it means, the possible causes, what to do, the receiver's contacts, and the sources. Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime

import msgspec

from bouncewise.classifier.classify import Classifier, default_classifier
from bouncewise.classifier.combine import MODEL_RULE
from bouncewise.classifier.model import shipped_model
from bouncewise.model import Advice, Cause, Decision, Event, Kind, State, Trust, Verdict
from bouncewise.policy.decide import CONFIRMED, RELEASED, REMOVED
from bouncewise.rfc import status as rfc3463
from bouncewise.rfc.reply import parse
from bouncewise.rules.load import Receiver, Rule, RuleSet, StatusFacts
from bouncewise.rules.selftest import as_example
from bouncewise.times import Clock, in_utc

_ONLY_CODES = re.compile(r"[\s\d.x#-]+", re.I)
_STATUS = re.compile(r"[245x]\.\d{1,3}\.\d{1,3}")
_REPLY_CODE = re.compile(r"\s*([245]\d\d)\b")
_ENDING_ACTS = (CONFIRMED, RELEASED, REMOVED)
_MARKS = {Kind.DELIVERED.value: "✓", Kind.FAILED.value: "✗", Kind.DELAYED.value: "…"}

MAX_EVENTS = 40
"""Events of an address that a page shows, the latest ones."""

# RFC 5321 §4.2.3 and its extensions, in our own words.
REPLY_CODES = {
    "421": "service not available, the server closes the connection (RFC 5321)",
    "450": "not accepted: mailbox unavailable, busy or blocked by policy for now (RFC 5321)",
    "451": "not accepted: a local error in processing (RFC 5321)",
    "452": "not accepted: too little storage, or too many recipients (RFC 5321)",
    "454": "temporary authentication or TLS failure (RFC 4954, RFC 3207)",
    "455": "parameters cannot be accommodated for now (RFC 5321)",
    "500": "syntax error, command not recognised (RFC 5321)",
    "501": "syntax error in parameters (RFC 5321)",
    "502": "command not implemented (RFC 5321)",
    "503": "bad sequence of commands (RFC 5321)",
    "504": "command parameter not implemented (RFC 5321)",
    "521": "the host accepts no mail (RFC 7504)",
    "530": "authentication or STARTTLS is required first (RFC 4954, RFC 3207)",
    "535": "authentication credentials are invalid (RFC 4954)",
    "550": "not accepted: mailbox not found, no access, or refused for policy reasons (RFC 5321). "
    "The code does not say which of these three it is",
    "551": "user not local; the reply may name another path (RFC 5321)",
    "552": "not accepted: storage allocation exceeded (RFC 5321); also used for large messages",
    "553": "not accepted: mailbox name not allowed (RFC 5321)",
    "554": "transaction failed, or no SMTP service here (RFC 5321)",
    "555": "MAIL or RCPT parameters not recognised (RFC 5321)",
    "556": "the recipient's domain accepts no mail (RFC 7504)",
}
_CLASSES = {
    "4": "a 4xx reply: not accepted now; the sending server tries again",
    "5": "a 5xx reply: not accepted; the sending server gives up",
}


class Section(msgspec.Struct, frozen=True):
    """A heading and its lines."""

    heading: str
    lines: tuple[str, ...]


class Page(msgspec.Struct, frozen=True):
    """An explanation, ready to be printed."""

    title: str
    summary: str
    sections: tuple[Section, ...]


def explain(subject: str, classifier: Classifier | None = None) -> Page:
    """The page about a reply, a code (``5.4.1``, ``550 5.4.1``) or a cause (``mailbox-full``)."""
    subject, classifier = subject.strip(), classifier or default_classifier()
    if subject.casefold() in {cause.value for cause in Cause}:
        return cause_page(Cause(subject.casefold()), classifier.ruleset)
    if _ONLY_CODES.fullmatch(subject):
        return code_page(subject, classifier)
    return reply_page(subject, classifier)


def _learned() -> int:
    return shipped_model().replies


def reply_page(reply: str, classifier: Classifier) -> Page:
    """What one reply means."""
    verdict = classifier.classify(reply)
    knowledge = classifier.ruleset
    facts = knowledge.causes[verdict.cause]
    rule = next((r for r in knowledge.rules if r.id == verdict.rule), None)
    receiver = _receiver(knowledge, verdict.receiver)
    decided = f"Deciding words: “{verdict.evidence}”" if verdict.evidence else "No phrase matched."
    meaning = (facts.meaning, f"Here: {rule.why}.") if rule else (facts.meaning,)
    if verdict.rule == MODEL_RULE:
        learned = f"A model read this reply, which learned from {_learned():,} replies: no rule "
        learned += "knows it, or the model is surer than a rule for general words. "
        meaning = (*meaning, f"{learned}Such a verdict never suppresses an address.")
    standard = _standard(knowledge, verdict.reply_code, verdict.status)
    sections = [
        Section("The reply", (verdict.reply, decided)),
        Section("Meaning by the standards", standard),
        Section(f"Meaning at {receiver.name if receiver else 'the receiver'}", meaning),
        Section("Possible causes", _possible_causes(verdict, knowledge)),
        Section("What to do", facts.do),
        Section("What not to do", facts.dont),
        *_contact(receiver),
        Section("Sources", _sources(knowledge, rule, verdict.status)),
    ]
    certainty = f"{verdict.permanence}, confidence {verdict.confidence:.0%}"
    summary = f"{verdict.cause}: {verdict.advice} ({verdict.party}, {certainty})"
    return Page(facts.title, summary, tuple(sections))


def code_page(code: str, classifier: Classifier) -> Page:
    """What a code can mean: by the standards, and in the replies that the rules know."""
    knowledge = classifier.ruleset
    parts = parse(code)
    status = parts.status or next(iter(_STATUS.findall(code)), None)
    digits = _REPLY_CODE.match(code)
    reply_code = parts.reply_code or (int(digits[1]) if digits else None)
    facts = _status_facts(knowledge, status)
    sections = [Section("Meaning by the standards", _standard(knowledge, reply_code, status))]
    if facts is not None and facts.practice:
        sections.append(Section("Meaning in practice", (facts.practice,)))
    causes = _causes_of_code(status, str(reply_code or ""), classifier)
    advice = 'Read the words of the reply: `bouncewise explain "the whole reply"`.'
    sources = (facts.source,) if facts else ()
    sections += [
        Section("Causes of replies with this code", causes or ("No rule has such a reply.",)),
        Section("What to do", (f"{advice} The text outranks the code.",)),
        Section("Sources", (*sources, "RFC 3463, RFC 5321")),
    ]
    return Page(f"The code {code}", facts.title if facts else "", tuple(sections))


def cause_page(cause: Cause, knowledge: RuleSet) -> Page:
    """What a cause means, and replies that have it."""
    facts = knowledge.causes[cause]
    rules = [r for r in knowledge.rules if r.cause is cause]
    examples = tuple(dict.fromkeys(as_example(r.example[0]).reply[:110] for r in rules))[:8]
    return Page(
        facts.title,
        f"{cause}: {facts.advice} ({facts.party}, {facts.permanence})",
        (
            Section("Meaning", (facts.meaning,)),
            Section("Examples of replies", examples),
            Section("What to do", facts.do),
            Section("What not to do", facts.dont),
            Section("Sources", tuple(dict.fromkeys(r.source for r in rules))[:8]),
        ),
    )


def address_page(
    name: str,
    decision: Decision,
    history: list[Event],
    now: datetime,
    classifier: Classifier,
    clock: Clock = in_utc,
) -> Page:
    """Why an address may or may not be mailed: its Decision, and the events behind it."""
    domain = name.rpartition("@")[2]
    receiver = _receiver(classifier.ruleset, classifier.matcher.receiver_of(domain))
    events = tuple(_format_event(event, clock) for event in history[-MAX_EVENTS:])
    sections = [Section("History", events or ("The ledger has no event of this address.",))]
    if decision.state is State.OK and (reason := _why_mailable(history, clock)):
        sections.insert(0, Section("Why it may be mailed", (reason,)))
    if decision.cause is not None:
        facts = classifier.ruleset.causes[decision.cause]
        sections += [
            Section("Meaning", (facts.meaning,)),
            Section("What to do", facts.do),
            Section("What not to do", facts.dont),
        ]
    summary = f"{_format_decision(decision, clock)} (at {clock(now)})"
    return Page(name, summary, (*sections, *_contact(receiver)))


def _why_mailable(history: list[Event], clock: Clock) -> str:
    """Why the last failure in *history* does not stop mail any more; '' if there is none."""
    failures = [i for i, event in enumerate(history) if event.kind == Kind.FAILED and event.meant]
    if not failures:
        return ""
    failure = history[failures[-1]]
    when = f"the failure of {clock(failure.at)}"
    for event in history[failures[-1] + 1 :]:
        if event.kind in (Kind.DELIVERED, *_ENDING_ACTS):
            by = f" by {event.by}" if event.by else ""
            return f"{event.kind.capitalize()}{by} on {clock(event.at)}, after {when}."
    if failure.trust is Trust.CLAIMED:
        return (
            f"Nothing proves the notice of {when}: alone it has no lasting effect (docs/trust.md)."
        )
    if failure.advice is not Advice.SUPPRESS_ADDRESS:
        return f"The cause of {when}, {failure.cause}, has the advice {failure.advice}."
    return f"The address was held after {when}, and the hold has ended."


def _format_decision(decision: Decision, clock: Clock) -> str:
    if decision.state is State.OK:
        return "may be mailed"
    since = f" since {clock(decision.since)}" if decision.since else ""
    until = f" until {clock(decision.until)}" if decision.until else ""
    return f"{decision.state}{since}{until}: {decision.why}"


def _format_event(event: Event, clock: Clock) -> str:
    is_act = event.kind not in list(Kind)
    mark = "✎" if is_act else _MARKS.get(event.kind, "·")
    cause = f" {event.cause}" if event.cause else ""
    by = f" by {event.by}" if event.by else ""
    words = f": {event.words}" if event.words not in ("", event.kind) else ""
    return f"{clock(event.at)} {mark} {event.kind}{cause}{by}{words}"


def _standard(knowledge: RuleSet, reply_code: int | None, status: str | None) -> tuple[str, ...]:
    """The codes in the words of the RFCs and the IANA registry."""
    lines = []
    if reply_code is not None:
        text = REPLY_CODES.get(str(reply_code)) or _CLASSES.get(str(reply_code)[0], "")
        lines.append(f"{reply_code}: {text}")
    if status is not None:
        facts = _status_facts(knowledge, status)
        registered = f"{facts.title}. {facts.meaning}" if facts else ""
        lines.append(
            f"{status}: {registered or 'not in the IANA registry; a code of the receiver'}"
        )
    return tuple(lines) or ("The reply has no code.",)


def _status_facts(knowledge: RuleSet, status: str | None) -> StatusFacts | None:
    detail = (status or "").partition(".")[2]
    return next((s for s in knowledge.statuses if s.status in (status, f"x.{detail}")), None)


def _possible_causes(verdict: Verdict, knowledge: RuleSet) -> tuple[str, ...]:
    """The cause with its confidence, and the alternates, which share the doubt equally."""
    share = (1 - verdict.confidence) / max(1, len(verdict.alternates))
    shares = [
        (verdict.cause, verdict.confidence),
        *((alternate, share) for alternate in verdict.alternates),
    ]
    return tuple(f"{p:4.0%}  {cause}: {knowledge.causes[cause].title}" for cause, p in shares)


def _causes_of_code(status: str | None, reply_code: str, classifier: Classifier) -> tuple[str, ...]:
    """The causes of the rules with such an example, the most frequent first, each with a reply."""
    counts: Counter[Cause] = Counter()
    replies: dict[Cause, str] = {}
    for rule in classifier.ruleset.rules:
        for example in map(as_example, rule.example):
            if _has_code(example.reply, status, reply_code):
                counts[rule.cause] += 1
                replies.setdefault(rule.cause, example.reply)
    return tuple(
        f"{cause} ({classifier.ruleset.causes[cause].advice}): {replies[cause][:100]}"
        for cause, _ in counts.most_common(12)
    )


def _has_code(reply: str, status: str | None, reply_code: str) -> bool:
    """Whether *reply* has *status* (its class may be "x") or, if it is None, *reply_code*."""
    parts = parse(reply)
    if not status:
        return str(parts.reply_code) == reply_code
    if status.startswith("x"):
        return (parts.status or "")[1:] == status[1:]
    return parts.status == status


def _receiver(knowledge: RuleSet, name: str | None) -> Receiver | None:
    return next((r for r in knowledge.receivers if r.id == name), None)


def _contact(receiver: Receiver | None) -> list[Section]:
    if receiver is None or not (receiver.postmaster or receiver.notes):
        return []
    notes = (receiver.notes,) if receiver.notes else ()
    return [Section(f"Contact at {receiver.name}", (*receiver.postmaster, *notes))]


def _sources(knowledge: RuleSet, rule: Rule | None, status: str | None) -> tuple[str, ...]:
    facts = _status_facts(knowledge, status) if status else None
    sources = [rule.source] if rule else []
    if facts is not None:
        sources.append(facts.source)
    if status and rfc3463.parse(status):
        sources.append("IANA registry of SMTP enhanced status codes (RFC 5248)")
    return tuple(dict.fromkeys(sources)) or ("none: no rule matches this reply",)
