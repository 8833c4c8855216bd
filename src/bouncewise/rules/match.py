"""Finds the rules that match a reply, all of them in one pass over its words.

Reads: the words of a reply (``text.words``), and its code, status, stage and receiver. Gives: the
rules that match, as bits of an integer, and the receiver if the words reveal it.

Each rule is one bit, and the number of the bit is the rule's precedence. One Aho-Corasick automaton
finds every phrase of every rule in a single pass, and the conditions are combined as wide integers.
A thousand rules therefore cost little more than one, the time is linear in the length of the reply,
and the rule that decides is the lowest bit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import ahocorasick

from bouncewise.rules.load import Receiver, Rule, RuleSet
from bouncewise.text.phrase import Piece, find_phrase, phrase_pieces

_COMMON_WORDS = """
account address authenticat authentication blocked client connection connections denied domain
email exceed exceeded fail from host invalid ip limit mail mailbox message messages mta not
recipient recipients reject rejected relay sender server size spam temporar unavailable unknown
user your
"""
# A phrase with gaps is searched for only where its rarest piece is: not one of these, if possible.
_COMMON = frozenset(_COMMON_WORDS.split())


class _Conditions(NamedTuple):
    """What is known of a reply beside its words."""

    reply_code: int | None
    status: str | None
    stage: str | None
    receiver: str | None


_Gapped = tuple[str, str, tuple[Piece, ...], int, int, int, str | None]
_Found = tuple[int, int, int, str | None, tuple[_Gapped, ...]]
"""What a literal contributes where it occurs: a bit of each rule per condition (phrase, also,
unless), a receiver, and the phrases with gaps that are tried there. Of each of those, its first and
its last literal, which are a faster test, its pieces, and what it contributes.
"""


class _Entry:
    """A literal while the rules are added."""

    __slots__ = ("also", "gapped", "phrase", "receiver", "unless")

    def __init__(self) -> None:
        self.phrase = self.also = self.unless = 0
        self.receiver: str | None = None
        self.gapped: dict[tuple[Piece, ...], _Entry] = {}

    def found(self) -> _Found:
        """The entry as the automaton holds it."""
        gapped = tuple(
            (p[0].literal, p[-1].literal, p, e.phrase, e.also, e.unless, e.receiver)
            for p, e in self.gapped.items()
        )
        return self.phrase, self.also, self.unless, self.receiver, gapped


class Matcher:
    """A rule set, compiled."""

    def __init__(self, ruleset: RuleSet) -> None:
        self.ruleset = ruleset
        self._entries: dict[str, _Entry] = {}
        self._without_phrase = self._without_also = 0
        for i, rule in enumerate(ruleset.rules):
            self._add_rule(1 << i, rule)
        for receiver in ruleset.receivers:
            self._add_receiver(receiver)
        self._automaton = ahocorasick.Automaton()
        for literal, entry in self._entries.items():
            self._automaton.add_word(literal, entry.found())
        self._automaton.make_automaton()
        self._receivers = {host: r.id for r in ruleset.receivers for host in (*r.mx, *r.domains)}
        self._condition_bits = lru_cache(maxsize=65536)(self._compute_condition_bits)
        self._receiver_by_host = lru_cache(maxsize=65536)(self._lookup_receiver)

    def _add_rule(self, bit: int, rule: Rule) -> None:
        self._without_phrase |= 0 if rule.when.phrase else bit
        self._without_also |= 0 if rule.when.also else bit
        for phrase in rule.when.phrase:
            self._entry(phrase).phrase |= bit
        for phrase in rule.when.also:
            self._entry(phrase).also |= bit
        for phrase in rule.when.unless:
            self._entry(phrase).unless |= bit

    def _add_receiver(self, receiver: Receiver) -> None:
        for phrase in receiver.words:
            self._entry(phrase).receiver = receiver.id

    def _entry(self, phrase: str) -> _Entry:
        """The entry of *phrase*, under its longest piece that is no common word."""
        pieces = phrase_pieces(phrase)
        if len(pieces) == 1:
            return self._entries.setdefault(pieces[0].literal, _Entry())
        rarest = max(
            (p.literal for p in pieces),
            key=lambda literal: (literal.strip() not in _COMMON, len(literal)),
        )
        entry = self._entries.setdefault(rarest, _Entry())
        return entry.gapped.setdefault(pieces, _Entry())

    def match(
        self,
        words: str,
        reply_code: int | None,
        status: str | None,
        stage: str | None,
        receiver: str | None,
    ) -> tuple[int, str | None]:
        """The rules that match, as bits, and *receiver*, or the receiver that the words reveal."""
        phrase, also, unless = self._without_phrase, self._without_also, 0
        named_receiver = None
        # This loop is most of the cost of a reply, so it is written out without a generator.
        for _, (in_phrase, in_also, in_unless, named, gapped) in self._automaton.iter(words):
            phrase |= in_phrase
            also |= in_also
            unless |= in_unless
            if named:
                named_receiver = named_receiver or named
            for first, last, pieces, gap_phrase, gap_also, gap_unless, gap_named in gapped:
                if first in words and last in words and find_phrase(words, pieces):
                    phrase |= gap_phrase
                    also |= gap_also
                    unless |= gap_unless
                    named_receiver = named_receiver or gap_named
        receiver = receiver or named_receiver
        bits = self._condition_bits((reply_code, status, stage, receiver))
        return phrase & also & ~unless & bits, receiver

    def _compute_condition_bits(
        self, conditions: tuple[int | None, str | None, str | None, str | None]
    ) -> int:
        """The rules whose conditions beside the words are fulfilled."""
        bits, known = 0, _Conditions(*conditions)
        for i, rule in enumerate(self.ruleset.rules):
            if _fulfilled(rule, known):
                bits |= 1 << i
        return bits

    def receiver_of(self, host: str | None) -> str | None:
        """The receiver that runs *host*, an MX host or a recipient's domain; None if unknown."""
        return self._receiver_by_host(host) if host else None

    def _lookup_receiver(self, host: str) -> str | None:
        labels = host.casefold().rstrip(".").split(".")
        suffixes = (".".join(labels[i:]) for i in range(len(labels)))
        return next((self._receivers[s] for s in suffixes if s in self._receivers), None)


def rule_indexes(bits: int) -> Iterator[int]:
    """The positions of the set bits, lowest first; the lowest has the highest precedence."""
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


def _fulfilled(rule: Rule, known: _Conditions) -> bool:
    when = rule.when
    return (
        (not when.reply_code or _matches_any(str(known.reply_code or ""), when.reply_code))
        and (not when.status or _matches_any(known.status or "", when.status))
        and (not when.stage or known.stage in when.stage)
        and (not when.receiver or known.receiver in when.receiver)
    )


def _matches_any(code: str, patterns: Iterable[str]) -> bool:
    return bool(code) and any(_pattern(p).fullmatch(code) for p in patterns)


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> re.Pattern[str]:
    """``5xx`` any digits; ``x.1.1`` any class; ``5.7.x`` any detail."""
    number = r"\d{1,3}" if "." in pattern else r"\d"
    return re.compile(re.escape(pattern).replace("x", number))
