"""Whether a text is an address by RFC 5321 and RFC 6531, as the email-validator library implements
them.

Reads: an address; no network. Gives: what is wrong with it. A pattern accepts nearly every common
address at once; the library decides about all others. The tests compare the pattern with the
library.
"""

from __future__ import annotations

import re
from functools import lru_cache

# A dot-atom of common characters, and a host name that is not reserved (RFC 6761, RFC 7686) and has
# no A-labels (RFC 5890 §2.3.1).
_PLAIN = re.compile(
    r"(?=[^@]{1,64}@.{1,189}\Z)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*"
    r"@(?:(?!..--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
    r"(?!(?:arpa|invalid|local|localhost|onion|test)\Z)[a-z]{2,63}"
)


def is_plain(address: str) -> bool:
    """Whether *address* is valid and as common as nearly all are: ASCII, without quotes."""
    return _PLAIN.fullmatch(address) is not None


@lru_cache(maxsize=65536)
def syntax_error(address: str) -> str | None:
    """What is wrong with the syntax of *address*, in words for people; None if it is valid."""
    if is_plain(address):
        return None
    # Imported only here: it takes a tenth of a second.
    from email_validator import EmailNotValidError, validate_email

    try:
        validate_email(
            address, check_deliverability=False, allow_quoted_local=True, test_environment=True
        )
    except EmailNotValidError as error:
        return str(error)
    return None
