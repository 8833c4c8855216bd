"""Signature Version 4 of Amazon's APIs, by botocore, which also finds the keys.

Reads: a request, and the keys where Amazon's own tools look for them: the variables
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, a profile, or the role of the
machine. Gives: the header fields of the signature. Refuses: no keys, and no botocore (extra [ses]).
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
"""

from __future__ import annotations

from functools import cache
from typing import Any

from bouncewise.errors import ConfigError, missing_extra


def aws_headers(method: str, url: str, body: bytes | None, region: str) -> dict[str, str]:
    """The header fields that sign a request to SES in a region."""
    try:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
    except ImportError:
        raise missing_extra("ses", "sync with Amazon SES", "botocore") from None
    request = AWSRequest(method=method, url=url, data=body or b"")
    SigV4Auth(_credentials(), "ses", region).add_auth(request)
    return {name: str(value) for name, value in request.headers.items()}


@cache
def _session() -> Any:
    from botocore.session import Session

    return Session()


def _credentials() -> Any:
    found = _session().get_credentials()
    if found is None:
        raise ConfigError(
            "Amazon SES: no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        )
    return found.get_frozen_credentials()
