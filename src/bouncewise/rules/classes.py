"""Classes of words in the phrases of rules: ``{client} {is} {refused}`` stands for many phrases.

Reads: the phrases of a rule, and the classes of ``knowledge/classes.toml``. Gives: every phrase
that they stand for, so that matching knows no classes. Refuses with RuleError: a class that does
not exist, and a phrase that stands for more than MAX_VARIANTS phrases.
"""

from __future__ import annotations

import re
from itertools import product
from math import prod

from bouncewise.errors import RuleError

Classes = dict[str, tuple[str, ...]]
"""The words of each class by its name; an empty word means that the class may be left out."""

Phrases = tuple[str, ...]

MAX_VARIANTS = 2000
"""The largest number of phrases that one phrase may stand for."""

_CLASS = re.compile(r"\{([^{}]*)\}")


def spelled_out(phrases: Phrases, place: str, classes: Classes) -> tuple[Phrases, list[Phrases]]:
    """All phrases that *phrases* stand for, and those with a class of words as one group each.

    *place* is where the phrases are; an error names it.
    """
    groups = [variants(phrase, place, classes) for phrase in phrases]
    plain = dict.fromkeys(phrase for group in groups for phrase in group)
    return tuple(plain), [group for group in groups if len(group) > 1]


def variants(phrase: str, place: str, classes: Classes) -> Phrases:
    """The phrases that *phrase* stands for: itself if there is no class of words in it.

    >>> variants("{client} {is} blocked", "", {"client": ("your ip",), "is": ("", "is")})
    ('your ip blocked', 'your ip is blocked')
    """
    parts = _CLASS.split(phrase)  # every second part is the name of a class
    if len(parts) == 1:
        return (phrase,)
    if unknown := sorted(set(parts[1::2]) - set(classes)):
        raise RuleError(
            f"{place}: phrase {phrase!r}: no class of words {unknown}; see classes.toml"
        )
    options = [classes[part] if i % 2 else (part,) for i, part in enumerate(parts)]
    if (count := prod(len(words) for words in options)) > MAX_VARIANTS:
        raise RuleError(
            f"{place}: phrase {phrase!r} stands for {count} phrases; the limit is {MAX_VARIANTS}"
        )
    return tuple(dict.fromkeys(" ".join("".join(words).split()) for words in product(*options)))
