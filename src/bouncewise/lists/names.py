"""What can be suppressed: an address, or all of a domain as ``@domain``.

Reads: a cell of a list, or an argument. Gives: the name in it, and what is wrong with it. Refuses:
public suffixes, whose names belong to many owners.
"""

from __future__ import annotations

import re

from bouncewise.lists.suffixes import is_public_suffix
from bouncewise.lists.syntax import syntax_error
from bouncewise.rfc.address import normalise

_ANGLES = re.compile(r"[^<>]*<([^<>]*)>")


def unwrapped(text: str) -> str:
    """The address in ``Name <address>`` or ``mailto:address``; other text does not change."""
    text = text.strip().removeprefix("mailto:")
    m = _ANGLES.fullmatch(text)
    return m[1].strip() if m else text


def name_error(name: str) -> str | None:
    """Why neither an address nor an ``@domain`` can be suppressed under this *name*; None if it
    can. A public suffix like ``@co.uk`` cannot: its names belong to many owners.
    """
    if not name:
        return "no address"
    if not name.startswith("@"):
        error = syntax_error(name)
        return f"not an address: {error}" if error else None
    error = syntax_error(f"x{name}")
    if is_public_suffix(normalise(name)[1:]):
        return f"{name[1:]} is a public suffix: names below it belong to many owners"
    return f"not a domain: {error}" if error else None
