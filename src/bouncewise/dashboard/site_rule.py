"""A rule of the site made of a reply, as TOML text with the reply as its example.

Reads: a reply without addresses. Gives: the shipped rule whose examples have most words in common,
and the draft of a rule (docs/rules.md).
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from bouncewise.model import Cause
from bouncewise.rules.load import Rule, RuleSet
from bouncewise.rules.selftest import as_example
from bouncewise.text.mask import MAX_REPLY, PLACEHOLDER, mask
from bouncewise.text.words import words_of

MOST_WORDS = 8
"""Words of the phrase of a draft."""

_LEAST_ALIKE = 0.25  # a smaller share of words in common is no likeness
_CODES = re.compile(r"^(?:[245]\d\d[ -]?)?(?:#?[245]\.\d{1,3}\.\d{1,3}\s)?")
_APART = re.compile(r"[^A-Za-z' ]+|\b(?:queue|id)\b", re.I)


def without_names(reply: str) -> str:
    """*reply* on one line with addresses of examples in place of all addresses."""
    masked = " ".join(mask(reply[:MAX_REPLY]).split())
    shown = re.sub(rf"\b{PLACEHOLDER}\b", "192.0.2.1", masked)
    return shown.replace("@", "jo@example.com")


def nearest_rule(reply: str, ruleset: RuleSet) -> Rule | None:
    """The rule with the example that has most words in common with *reply*; None: none is
    near.
    """
    wanted = frozenset(_words(reply))
    if not wanted:
        return None
    share, best = max(
        (
            (len(wanted & words) / len(wanted | words), number)
            for number, words in _examples(ruleset.rules)
        ),
        default=(0.0, 0),
    )
    return ruleset.rules[best] if share >= _LEAST_ALIKE else None


@lru_cache(maxsize=2)
def _examples(rules: tuple[Rule, ...]) -> list[tuple[int, frozenset[str]]]:
    """The words of each example, with the place of its rule."""
    return [
        (number, frozenset(_words(as_example(example).reply)))
        for number, rule in enumerate(rules)
        for example in rule.example
    ]


def _words(reply: str) -> list[str]:
    return [word for word in words_of(mask(reply)).split() if not word.isdigit() and len(word) > 1]


def phrase_of(reply: str) -> str:
    """The longest run of plain words of *reply*, at most MOST_WORDS of them: without codes, ids and
    addresses. "" where there is no word.
    """
    text = re.sub(r"\S*@\S*|\d+(?:\.\d+){3}", "|", _CODES.sub("", reply))
    runs = [" ".join(run.split()) for run in _APART.split(text)]
    longest = max(runs, key=lambda run: min(len(run.split()), MOST_WORDS), default="")
    return " ".join(longest.lower().split()[:MOST_WORDS])


def draft(reply: str, cause: Cause) -> str:
    """The text of a rule file for *reply*: the author checks the phrase, and says why."""
    phrase = phrase_of(reply)
    slug = re.sub(r"[^a-z]+", "-", phrase).strip("-")[:40].strip("-") or "reply"
    return (
        'title = "Our own rules"\n\n[[rule]]\n'
        f"id      = {_text(f'site.{slug}')}\n"
        f"cause   = {_text(cause.value)}\n"
        f"when    = {{ phrase = [{_text(phrase or reply[:60])}] }}\n"
        'source  = "where this is documented, or who found it out"\n'
        'why     = "why these words have this cause"\n'
        f"example = [{_text(reply)}]\n"
    )


def _text(value: str) -> str:
    """A basic string of TOML: JSON escapes the same characters in the same way."""
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
