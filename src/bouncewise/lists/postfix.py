"""Suppressions as tables of Postfix: access(5) for addresses, regexp_table(5) for domains.

Reads: a name and its Decision. Gives: a line, or "" where the name belongs in the other table.
Refuses, by a comment line that says so: what the table cannot hold, and public suffixes.
"""

from __future__ import annotations

import re

from bouncewise.encode import for_terminal, postfix_key, postfix_text
from bouncewise.model import Decision
from bouncewise.rfc.suffixes import is_public_suffix


def _postfix(listed: str, d: Decision) -> str:
    """A line of an indexed access(5) table (``hash:``, ``lmdb:``). A domain would match its
    subdomains there (parent_domain_matches_subdomains), so it stands in the other table.
    """
    if listed.startswith("@"):
        return _comment(listed, "a domain: see --format postfix-domains")
    key = postfix_key(listed)
    if key is None:
        return _comment(listed, "not written: access(5) cannot hold this address")
    return f"{key}\t550 5.1.1 {postfix_text(d.why or d.cause or '')}\n"


def _postfix_domain(listed: str, d: Decision) -> str:
    """A line of a regexp_table(5) that matches every address of the domain, and of no other."""
    if not listed.startswith("@"):
        return ""
    if postfix_key(f"x{listed}") is None or is_public_suffix(listed[1:]):
        return _comment(listed, "not written: not a domain of its own")
    text = postfix_text(d.why or d.cause or "").replace("$", "$$")
    return f"/@{re.escape(listed[1:])}$/\t550 5.1.2 {text}\n"


def _comment(listed: str, why: str) -> str:
    return f"# {for_terminal(listed)}: {why}\n"


POSTFIX = {"postfix": _postfix, "postfix-domains": _postfix_domain}
