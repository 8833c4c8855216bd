"""A page on a reply, a code, a cause or an address: what it means, by whom, how likely, what to
do, whom to ask.

Reads: the knowledge, a verdict, and for an address its history. Gives: a Page of sections in
plain words, with sources.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime

import msgspec

from bouncewise.classifier.classify import Classifier, default
from bouncewise.model import Cause, Decision, Event, Kind, State, Verdict
from bouncewise.rfc import status as rfc3463
from bouncewise.rfc.reply import parse
from bouncewise.rules.load import Receiver, Rule, RuleSet, StatusFacts
from bouncewise.rules.selftest import as_example

_ONLY_CODES = re.compile(r"[\s\d.x#-]+", re.I)

# RFC 5321 §4.2.3 and its extensions, in our words.
REPLY_CODES = {
    "421": "service not available, the server closes the connection (RFC 5321)",
    "450": "not taken: mailbox unavailable for now, busy or blocked by policy for a while (RFC 5321)",
    "451": "not taken: a local error in processing (RFC 5321)",
    "452": "not taken: too little storage, or too many recipients (RFC 5321)",
    "454": "temporary authentication or TLS failure (RFC 4954, RFC 3207)",
    "455": "parameters cannot be accommodated for now (RFC 5321)",
    "500": "syntax error, command not recognised (RFC 5321)",
    "501": "syntax error in parameters (RFC 5321)",
    "502": "command not implemented (RFC 5321)",
    "503": "bad sequence of commands (RFC 5321)",
    "504": "command parameter not implemented (RFC 5321)",
    "521": "the host accepts no mail (RFC 7504)",
    "530": "authentication, or STARTTLS, is required first (RFC 4954, RFC 3207)",
    "535": "authentication credentials are invalid (RFC 4954)",
    "550": "not taken: mailbox not found, no access, or refused for policy reasons (RFC 5321): three very different things",
    "551": "user not local; another path may be named (RFC 5321)",
    "552": "not taken: storage allocation exceeded (RFC 5321); also used for messages that are too large",
    "553": "not taken: mailbox name not allowed (RFC 5321)",
    "554": "transaction failed, or no SMTP service here (RFC 5321)",
    "555": "MAIL or RCPT parameters not recognised (RFC 5321)",
    "556": "the recipient's domain accepts no mail (RFC 7504)",
}
_CLASSES = {
    "4": "a 4xx: not now; the server is to try again",
    "5": "a 5xx: not at all; the server gives up",
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
    """The page on a reply, a code such as ``5.4.1`` or ``550 5.4.1``, or a cause such as
    ``mailbox-full``.
    """
    subject, classifier = subject.strip(), classifier or default()
    if subject.casefold() in {c.value for c in Cause}:
        return cause_page(Cause(subject.casefold()), classifier.ruleset)
    if _ONLY_CODES.fullmatch(subject):
        return code_page(subject, classifier)
    return reply_page(subject, classifier)


def reply_page(reply: str, classifier: Classifier) -> Page:
    """What one reply means."""
    v = classifier.judge(reply)
    knowledge = classifier.ruleset
    facts = knowledge.causes[v.cause]
    rule = next((r for r in knowledge.rules if r.id == v.rule), None)
    receiver = _receiver(knowledge, v.receiver)
    who = receiver.name if receiver else "the receiver"
    sections = [
        Section(
            "What was said",
            (
                v.reply,
                f"The words that decide: “{v.evidence}”" if v.evidence else "No words that decide.",
            ),
        ),
        Section("What it means by the standard", _standard(knowledge, v.reply_code, v.status)),
        Section(f"What it means from {who}", _as_known(rule, facts.meaning)),
        Section("What may lie behind it", _ranked(v, knowledge)),
        Section("What to do now", facts.do),
        Section("What not to do", facts.dont),
        *_contact(receiver),
        Section("Sources", _sources(knowledge, rule, v.status)),
    ]
    return Page(
        facts.title,
        f"{v.cause}: {v.advice} ({v.party}, {v.permanence}, sure {v.confidence:.0%})",
        tuple(sections),
    )


def code_page(code: str, classifier: Classifier) -> Page:
    """What a code can mean, as the rules know it: which causes stand behind it, and what its
    words then are.
    """
    knowledge = classifier.ruleset
    parts = parse(code)
    wanted = parts.status or next(iter(re.findall(r"[245x]\.\d{1,3}\.\d{1,3}", code)), None)
    digits = re.match(r"\s*([245]\d\d)\b", code)
    reply_code = parts.reply_code or (int(digits[1]) if digits else None)
    registry = _standard(knowledge, reply_code, wanted)
    facts = _status_facts(knowledge, wanted)
    lines = _behind(wanted, str(reply_code or ""), classifier)
    sections = [Section("What it means by the standard", registry)]
    if facts is not None and facts.practice:
        sections.append(Section("What it means in practice", (facts.practice,)))
    sections.append(
        Section(
            "What stands behind it, by its words",
            lines or ("No rule knows replies with this code.",),
        )
    )
    sections.append(
        Section(
            "What to do now",
            ('Read the words: `bouncewise explain "the whole reply"`. Text outranks code.',),
        )
    )
    sources = (facts.source,) if facts else ()
    return Page(
        f"The code {code}",
        facts.title if facts else "",
        (*sections, Section("Sources", (*sources, "RFC 3463, RFC 5321"))),
    )


def cause_page(cause: Cause, knowledge: RuleSet) -> Page:
    """What a cause means and how receivers put it."""
    facts = knowledge.causes[cause]
    rules = [r for r in knowledge.rules if r.cause is cause]
    said = tuple(dict.fromkeys(as_example(r.example[0]).reply[:110] for r in rules))[:8]
    return Page(
        facts.title,
        f"{cause}: {facts.advice} ({facts.party}, {facts.permanence})",
        (
            Section("What it means", (facts.meaning,)),
            Section("How it is said", said),
            Section("What to do", facts.do),
            Section("What not to do", facts.dont),
            Section("Sources", tuple(dict.fromkeys(r.source for r in rules))[:8]),
        ),
    )


def address_page(
    name: str, decision: Decision, history: list[Event], now: datetime, classifier: Classifier
) -> Page:
    """Why an address is mailed or not: its Decision and everything that led there."""
    domain = name.rpartition("@")[2]
    receiver = _receiver(classifier.ruleset, classifier.matcher.receiver_of(domain))
    past = tuple(_told(event) for event in history[-40:]) or ("The ledger holds nothing on it.",)
    sections = [Section("What happened", past)]
    if decision.cause is not None:
        facts = classifier.ruleset.causes[decision.cause]
        sections += [
            Section("What it means", (facts.meaning,)),
            Section("What to do now", facts.do),
            Section("What not to do", facts.dont),
        ]
    until = f" until {decision.until:%Y-%m-%d %H:%M}" if decision.until else ""
    since = f" since {decision.since:%Y-%m-%d %H:%M}" if decision.since else ""
    state = (
        "may be mailed"
        if decision.state is State.OK
        else f"{decision.state}{since}{until}: {decision.why}"
    )
    return Page(name, f"{state} (at {now:%Y-%m-%d %H:%M} UTC)", (*sections, *_contact(receiver)))


def _told(event: Event) -> str:
    mark = (
        {Kind.DELIVERED: "✓", Kind.FAILED: "✗", Kind.DELAYED: "…"}.get(Kind(event.kind), "·")
        if event.kind in list(Kind)
        else "✎"
    )
    cause = f" {event.cause}" if event.cause else ""
    by = f" by {event.by}" if event.by else ""
    words = f": {event.words}" if event.words not in ("", event.kind) else ""
    return f"{event.at:%Y-%m-%d %H:%M} {mark} {event.kind}{cause}{by}{words}"


def _standard(knowledge: RuleSet, reply_code: int | None, wanted: str | None) -> tuple[str, ...]:
    lines = []
    if reply_code is not None:
        text = REPLY_CODES.get(str(reply_code)) or _CLASSES.get(str(reply_code)[0], "")
        lines.append(f"{reply_code}: {text}")
    if wanted is not None:
        facts = _status_facts(knowledge, wanted)
        said = (
            f"{facts.title}. {facts.meaning}"
            if facts
            else "not in the IANA registry: the receiver's own"
        )
        lines.append(f"{wanted}: {said}")
    return tuple(lines) or ("The reply carries no code.",)


def _status_facts(knowledge: RuleSet, wanted: str | None) -> StatusFacts | None:
    detail = (wanted or "").partition(".")[2]
    return next((s for s in knowledge.statuses if s.status in (wanted, f"x.{detail}")), None)


def _as_known(rule: Rule | None, meaning: str) -> tuple[str, ...]:
    return (meaning, f"Here: {rule.why}.") if rule else (meaning,)


def _ranked(v: Verdict, knowledge: RuleSet) -> tuple[str, ...]:
    rest = (1 - v.confidence) / max(1, len(v.alternates))
    shares = [(v.cause, v.confidence), *((a, rest) for a in v.alternates)]
    return tuple(
        f"{share:4.0%}  {cause}: {knowledge.causes[cause].title}" for cause, share in shares
    )


def _behind(wanted: str | None, reply_code: str, classifier: Classifier) -> tuple[str, ...]:
    """Causes of the rules whose examples carry this code, the most frequent first, each with one
    such reply.
    """
    found: Counter[Cause] = Counter()
    shown: dict[Cause, str] = {}
    for rule in classifier.ruleset.rules:
        for example in map(as_example, rule.example):
            parts = parse(example.reply)
            same = (
                parts.status == wanted
                if wanted and not wanted.startswith("x")
                else (parts.status or "")[1:] == (wanted or "")[1:]
            )
            if (wanted and same) or (not wanted and str(parts.reply_code) == reply_code):
                found[rule.cause] += 1
                shown.setdefault(rule.cause, example.reply)
    return tuple(
        f"{cause} ({classifier.ruleset.causes[cause].advice}): {shown[cause][:100]}"
        for cause, _ in found.most_common(12)
    )


def _receiver(knowledge: RuleSet, name: str | None) -> Receiver | None:
    return next((r for r in knowledge.receivers if r.id == name), None)


def _contact(receiver: Receiver | None) -> list[Section]:
    if receiver is None or not (receiver.postmaster or receiver.notes):
        return []
    notes = (receiver.notes,) if receiver.notes else ()
    return [Section(f"Whom to turn to at {receiver.name}", (*receiver.postmaster, *notes))]


def _sources(knowledge: RuleSet, rule: Rule | None, wanted: str | None) -> tuple[str, ...]:
    facts = _status_facts(knowledge, wanted) if wanted else None
    found = [rule.source] if rule else []
    if facts is not None:
        found.append(facts.source)
    if wanted and rfc3463.parse(wanted):
        found.append("IANA registry of SMTP enhanced status codes (RFC 5248)")
    return tuple(dict.fromkeys(found)) or ("none: no rule knows this reply",)
