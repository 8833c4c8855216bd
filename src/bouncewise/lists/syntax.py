"""Is it an address at all? RFC 5321 and RFC 6531 syntax as the email-validator library knows it, without any network.

What nearly every address looks like is seen at once; the library is asked about the rest, and the tests ask it about all.
"""

from __future__ import annotations

import re
from functools import lru_cache

# A dot-atom of the commonest letters, and a host name neither reserved (RFC 6761, RFC 7686) nor with A-labels (RFC 5890 §2.3.1).
_PLAIN = re.compile(
    r"(?=[^@]{1,64}@.{1,189}\Z)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*"
    r"@(?:(?!..--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
    r"(?!(?:arpa|invalid|local|localhost|onion|test)\Z)[a-z]{2,63}"
)


@lru_cache(maxsize=65536)
def syntax_error(address: str) -> str | None:
    """What is wrong with the syntax of *address*, in words for people; None where nothing is."""
    if _PLAIN.fullmatch(address):
        return None
    from email_validator import EmailNotValidError, validate_email  # (a tenth of a second to load)

    try:
        validate_email(
            address, check_deliverability=False, allow_quoted_local=True, test_environment=True
        )
    except EmailNotValidError as bad:
        return str(bad)
    return None
