"""The tests that every rule carries with it.

Reads: a rule, and a function that gives the rule which decides a reply. Gives: a sentence for each
example that another rule decides, for each counter-example that the rule decides, and for each
phrase that no example contains. Of the phrases that one phrase with classes of words stands for,
one in one example is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bouncewise.rules.load import Example, Rule
from bouncewise.text.phrase import find_phrase, phrase_pieces
from bouncewise.text.words import words


def violations(rule: Rule, deciding_rule: Callable[[Example], str]) -> Iterator[str]:
    """What *rule* states about itself and does not fulfil, one sentence each.

    *deciding_rule* gives the id of the rule that decides an example.
    """
    examples = [as_example(example) for example in rule.example]
    for example in examples:
        if (other := deciding_rule(example)) != rule.id:
            yield f"{rule.id}: the example {example.reply!r} is decided by {other}"
    for counter in map(as_example, rule.counter):
        if deciding_rule(counter) == rule.id:
            yield f"{rule.id}: the counter-example {counter.reply!r} is decided by this rule"
    example_words = [words(example.reply) for example in examples]
    grouped = {phrase for group in rule.groups for phrase in group}
    single = [(p,) for p in (*rule.when.phrase, *rule.when.also) if p not in grouped]
    for group in (*rule.groups, *single):
        alternatives = [phrase_pieces(phrase) for phrase in group]
        if not any(find_phrase(text, pieces) for text in example_words for pieces in alternatives):
            yield f"{rule.id}: no example contains the phrase {group[0]!r}"


def as_example(example: str | Example) -> Example:
    """An example as a struct, from either form in which a rule file can state it."""
    return example if isinstance(example, Example) else Example(reply=example)
