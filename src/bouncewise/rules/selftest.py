"""Rules prove themselves: examples reach their own rule first, counters do not, no phrase stands idle."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bouncewise.rules.load import Example, Rule
from bouncewise.text.phrase import find_phrase, phrase_pieces
from bouncewise.text.words import words

Judge = Callable[[Example], str]
"""Gives the id of the rule that decides an example."""


def violations(rule: Rule, judge: Judge) -> Iterator[str]:
    """Everything that *rule* claims of itself and does not keep, one sentence each."""
    examples = [as_example(e) for e in rule.example]
    for example in examples:
        if (other := judge(example)) != rule.id:
            yield f"{rule.id}: the example {example.reply!r} reaches {other} first"
    for counter in rule.counter:
        if judge(as_example(counter)) == rule.id:
            yield f"{rule.id}: the counter {as_example(counter).reply!r} reaches it"
    spoken = [words(e.reply) for e in examples]
    for phrase in (*rule.when.phrase, *rule.when.also):
        if not any(find_phrase(s, phrase_pieces(phrase)) for s in spoken):
            yield f"{rule.id}: no example uses the phrase {phrase!r}"


def as_example(example: str | Example) -> Example:
    """An example in its full form."""
    return example if isinstance(example, Example) else Example(reply=example)
