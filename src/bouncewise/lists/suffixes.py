"""Whether a domain is a public suffix: one under which registries sell names, like ``co.uk``.

Reads: a domain as A-labels in lower case. Gives: whether it is nobody's own. Source: the Public
Suffix List (publicsuffix.org), its ICANN section, stored in public_suffixes.txt.
"""

from __future__ import annotations

from functools import cache
from importlib import resources


def is_public_suffix(domain: str) -> bool:
    """Whether *domain* (without ``@``) is a top-level domain, or one like ``co.uk`` or ``com.br``.

    By the algorithm of the list (github.com/publicsuffix/list/wiki/Format): a name of one label is
    a suffix; ``*.ck`` means every name directly below ``ck``, ``!www.ck`` not this one.
    """
    domain = domain.strip(".").casefold()
    _, dot, parent = domain.partition(".")
    if not dot:
        return bool(domain) and not domain.startswith("[")
    known = _suffixes()
    return f"!{domain}" not in known and (domain in known or f"*.{parent}" in known)


@cache
def _suffixes() -> frozenset[str]:
    text = (resources.files("bouncewise.lists") / "public_suffixes.txt").read_text("ascii")
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))
