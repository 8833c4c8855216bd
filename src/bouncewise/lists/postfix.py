"""Suppressions as tables of Postfix: access(5) for addresses, regexp_table(5) for domains.

Reads: a name and its Decision. Gives: a line, or "" where the name belongs in the other table; the
status (RFC 3463) follows the cause. Refuses, by a comment line that says so: what the table cannot
hold, and public suffixes.
"""

from __future__ import annotations

import re

from bouncewise.encode import for_terminal, postfix_key, postfix_text
from bouncewise.model import Cause, Decision, State
from bouncewise.rfc.suffixes import is_public_suffix

# RFC 3463 section 3, RFC 7505 (5.1.10); 5.7.1, "not authorized", is for what no mailbox causes.
_STATUS = {
    Cause.MAILBOX_UNKNOWN: "5.1.1",
    Cause.ACCESS_DENIED: "5.1.1",  # (Microsoft's directory does not know the recipient)
    Cause.ADDRESS_SYNTAX: "5.1.3",
    Cause.MAILBOX_MOVED: "5.1.6",
    Cause.MAILBOX_DISABLED: "5.2.1",
    Cause.MAILBOX_FULL: "5.2.2",
    Cause.DOMAIN_UNKNOWN: "5.1.2",
    Cause.DOMAIN_NO_MAIL: "5.1.10",
    Cause.DOMAIN_ROUTING: "5.4.4",
}
_OTHER = "5.7.1"


def _postfix(listed: str, d: Decision) -> str:
    """A line of an indexed access(5) table (``hash:``, ``lmdb:``). A domain would match its
    subdomains there (parent_domain_matches_subdomains), so it stands in the other table.
    """
    if listed.startswith("@"):
        return _comment(listed, "a domain: see --format postfix-domains")
    key = postfix_key(listed)
    if key is None:
        return _comment(listed, "not written: access(5) cannot hold this address")
    return f"{key}\t{_reply(d)}\n"


def _postfix_domain(listed: str, d: Decision) -> str:
    """A line of a regexp_table(5) that matches every address of the domain, and of no other."""
    if not listed.startswith("@"):
        return ""
    if postfix_key(f"x{listed}") is None or is_public_suffix(listed[1:]):
        return _comment(listed, "not written: not a domain of its own")
    return f"/@{re.escape(listed[1:])}$/\t{_reply(d).replace('$', '$$')}\n"


def _reply(d: Decision) -> str:
    """The codes and text; for a hold those of a temporary failure."""
    status = (_STATUS.get(d.cause) if d.cause else None) or _OTHER
    codes = f"450 4{status[1:]}" if d.state is State.HELD else f"550 {status}"
    return f"{codes} {postfix_text(d.why or d.cause or '')}"


def _comment(listed: str, why: str) -> str:
    return f"# {for_terminal(listed)}: {why}\n"


POSTFIX = {"postfix": _postfix, "postfix-domains": _postfix_domain}
