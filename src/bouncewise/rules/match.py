"""Which rules fit a reply: all at once, in one pass over its words.

A rule is one bit; its bit number is its precedence. One Aho-Corasick automaton finds every phrase of every
rule in a single linear pass, and the conditions are ANDed as wide integers. So a thousand rules cost little
more than one, no input can make matching slow, and the first rule that fits is the lowest bit that is left.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import ahocorasick

from bouncewise.rules.load import Rule, RuleSet
from bouncewise.text.phrase import Piece, find_phrase, phrase_pieces

_COMMON = frozenset(
    {
        "account",
        "address",
        "authenticat",
        "authentication",
        "blocked",
        "client",
        "connection",
        "connections",
        "denied",
        "domain",
        "email",
        "exceed",
        "exceeded",
        "fail",
        "from",
        "host",
        "invalid",
        "ip",
        "limit",
        "mail",
        "mailbox",
        "message",
        "messages",
        "mta",
        "not",
        "recipient",
        "recipients",
        "reject",
        "rejected",
        "relay",
        "sender",
        "server",
        "size",
        "spam",
        "temporar",
        "unavailable",
        "unknown",
        "user",
        "your",
    }
)
"""Words that many replies hold: a phrase with gaps is looked for where its other words stand, which is seldom."""


class Facts(NamedTuple):
    """What is known of a reply besides its words."""

    reply_code: int | None
    status: str | None
    stage: str | None
    receiver: str | None


class _Entry:
    """What follows when a literal stands in the words: bits per condition, or gapped phrases to confirm.

    ``gapped``: of each its first and last literal, which are looked for before all of its pieces, and what follows from it.
    """

    __slots__ = ("also", "gapped", "phrase", "receiver", "unless")

    def __init__(self) -> None:
        self.phrase = self.also = self.unless = 0
        self.receiver: str | None = None
        self.gapped: dict[tuple[Piece, ...], tuple[str, str, _Entry]] = {}


class Matcher:
    """The compiled form of a rule set."""

    def __init__(self, ruleset: RuleSet) -> None:
        self.ruleset = ruleset
        self._entries: dict[str, _Entry] = {}
        self._all = (1 << len(ruleset.rules)) - 1
        self._free_phrase = self._free_also = 0
        for i, rule in enumerate(ruleset.rules):
            bit = 1 << i
            self._free_phrase |= 0 if rule.when.phrase else bit
            self._free_also |= 0 if rule.when.also else bit
            for phrase in rule.when.phrase:
                self._entry(phrase).phrase |= bit
            for phrase in rule.when.also:
                self._entry(phrase).also |= bit
            for phrase in rule.when.unless:
                self._entry(phrase).unless |= bit
        for receiver in ruleset.receivers:
            for phrase in receiver.words:
                self._entry(phrase).receiver = receiver.id
        self._automaton = ahocorasick.Automaton()
        for literal, entry in self._entries.items():
            self._automaton.add_word(literal, entry)
        self._automaton.make_automaton()
        self._hosts = {host: r.id for r in ruleset.receivers for host in (*r.mx, *r.domains)}
        self._standing = lru_cache(maxsize=65536)(self._standing_now)
        self._run_by = lru_cache(maxsize=65536)(self._runs_now)

    def _entry(self, phrase: str) -> _Entry:
        pieces = phrase_pieces(phrase)
        anchor = max(
            (p.literal for p in pieces),
            key=lambda literal: (literal.strip() not in _COMMON, len(literal)),
        )
        entry = self._entries.setdefault(anchor, _Entry())
        if len(pieces) == 1:
            return entry
        return entry.gapped.setdefault(pieces, (pieces[0].literal, pieces[-1].literal, _Entry()))[2]

    def match(
        self,
        words: str,
        reply_code: int | None,
        status: str | None,
        stage: str | None,
        receiver: str | None,
    ) -> tuple[int, str | None]:
        """The rules that fit, as bits, and the receiver: the given one, else the one the words betray."""
        phrase, also, unless = self._free_phrase, self._free_also, 0
        spoken = None
        # Written out rather than put into a generator: this loop is most of what a reply costs.
        for _, entry in self._automaton.iter(words):
            phrase |= entry.phrase
            also |= entry.also
            unless |= entry.unless
            spoken = spoken or entry.receiver
            if entry.gapped:
                for pieces, (first, last, gapped) in entry.gapped.items():
                    if first in words and last in words and find_phrase(words, pieces):
                        phrase |= gapped.phrase
                        also |= gapped.also
                        unless |= gapped.unless
                        spoken = spoken or gapped.receiver
        receiver = receiver or spoken
        return phrase & also & ~unless & self._standing(
            (reply_code, status, stage, receiver)
        ), receiver

    def _standing_now(self, known: tuple[int | None, str | None, str | None, str | None]) -> int:
        bits, facts = 0, Facts(*known)
        for i, rule in enumerate(self.ruleset.rules):
            if _stands(rule, facts):
                bits |= 1 << i
        return bits

    def receiver_of(self, host: str | None) -> str | None:
        """The receiver that runs *host*, a mail exchanger or a recipient's domain; None where it is not known."""
        return self._run_by(host) if host else None

    def _runs_now(self, host: str) -> str | None:
        labels = host.casefold().rstrip(".").split(".")
        return next(
            (
                self._hosts[h]
                for i in range(len(labels))
                if (h := ".".join(labels[i:])) in self._hosts
            ),
            None,
        )


def ranks(bits: int) -> Iterator[int]:
    """The places of the set bits, lowest (highest precedence) first."""
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


def _stands(rule: Rule, facts: Facts) -> bool:
    when = rule.when
    return (
        (not when.reply_code or _fits(str(facts.reply_code or ""), when.reply_code))
        and (not when.status or _fits(facts.status or "", when.status))
        and (not when.stage or facts.stage in when.stage)
        and (not when.receiver or facts.receiver in when.receiver)
    )


def _fits(code: str, patterns: Iterable[str]) -> bool:
    return bool(code) and any(_pattern(p).fullmatch(code) for p in patterns)


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> re.Pattern[str]:
    """``5xx`` any digits; ``x.1.1`` any class; ``5.7.x`` any detail."""
    each = r"\d{1,3}" if "." in pattern else r"\d"
    return re.compile(re.escape(pattern).replace("x", each))
