"""Is it an address at all? RFC 5321 and RFC 6531 syntax as the email-validator library knows it, without any network."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=65536)
def fault(address: str) -> str | None:
    """What is wrong with the syntax of *address*, in words for people; None where nothing is."""
    from email_validator import EmailNotValidError, validate_email  # (a tenth of a second to load)

    try:
        validate_email(address, check_deliverability=False, allow_quoted_local=True, test_environment=True)
    except EmailNotValidError as bad:
        return str(bad)
    return None
