"""Verifies that a webhook request was sent by the ESP, with the same function for every scheme.

Reads: a SignedRequest, the keys that the operator configured, and the time. Gives: a Verification,
whatever the request and the keys contain. It never raises because of them, fetches nothing, and
takes time linear in the size of the request. Each ESP's row in esps.toml names its scheme. What to
do with each outcome is the caller's decision.

An ESP that signs nothing (Postmark, SparkPost, Brevo, Mailjet, KumoMTA, Azure) has the scheme
``secret``: the operator puts a secret into the URL or the credentials of the webhook.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection
from enum import StrEnum

import msgspec

from bouncewise.providers import claims, sns
from bouncewise.providers.claims import Claim, ForgedError, SignedRequest
from bouncewise.providers.events import SchemeName, Signature
from bouncewise.providers.keys import (
    HmacKey,
    Key,
    P256Key,
    RsaKey,
    SharedSecret,
    UnableError,
    public_key,
    secret_text,
    svix_secret,
)
from bouncewise.providers.sns import SnsKeys, certificate_url

__all__ = [
    "SCHEMES",
    "Outcome",
    "Signature",
    "SignedRequest",
    "SnsKeys",
    "Verification",
    "certificate_url",
    "verify",
]

FIVE_MINUTES = 300.0
"""Seconds that Svix and Lettermint recommend to allow between signing and receiving."""


class Outcome(StrEnum):
    """The result of the verification of a request."""

    VALID = "valid"
    """Signed by one of the configured keys, at about this time."""
    STALE = "stale"
    """Signed by one of the keys, but at another time: a late retry, a replay, or a wrong clock."""
    FORGED = "forged"
    """Not signed by any of the keys, or not what the ESP sends."""
    UNABLE = "unable"
    """Not verified because of the configuration: no key, an unreadable key, a missing library."""


class Verification(msgspec.Struct, frozen=True):
    """The outcome, and the reason in one sentence for operators.

    The reason contains no key, and no value of the request except the URL of a certificate at an
    SNS host.
    """

    outcome: Outcome
    reason: str

    def __bool__(self) -> bool:
        """True only if the outcome is valid, so that ``if verify(…)`` accepts no forged request."""
        return self.outcome is Outcome.VALID


class Scheme(msgspec.Struct, frozen=True):
    """A way to sign: how the claim is read from a request, and how a key is read."""

    claim: Callable[[SignedRequest, str], Claim]
    key: Callable[[object], Key]
    tolerance: float = FIVE_MINUTES
    """Seconds by which the time of the signature may differ from now, if the caller sets none."""


def _hex_key(text: object) -> Key:
    return HmacKey(secret_text(text), "sha256", binascii.hexlify)


SCHEMES: dict[SchemeName, Scheme] = {
    "hmac-sha256-hex": Scheme(claims.signed_body, _hex_key),
    "lettermint": Scheme(claims.lettermint, _hex_key),
    "mailgun": Scheme(claims.mailgun, _hex_key),
    "mandrill": Scheme(
        claims.mandrill, lambda text: HmacKey(secret_text(text), "sha1", base64.b64encode)
    ),
    "rsa-sha256": Scheme(claims.signed_body, lambda text: RsaKey(public_key(text), "sha256")),
    "secret": Scheme(claims.secret, lambda text: SharedSecret(secret_text(text))),
    "sendgrid-ecdsa": Scheme(claims.sendgrid, lambda text: P256Key(public_key(text))),
    "sns": Scheme(sns.envelope, sns.sns_keys, tolerance=sns.RETRY_SECONDS + FIVE_MINUTES),
    "svix": Scheme(
        claims.svix, lambda text: HmacKey(svix_secret(text), "sha256", base64.b64encode)
    ),
}
"""Every scheme by the name that a row of esps.toml uses."""


def verify(
    signature: Signature,
    request: SignedRequest,
    keys: str | SnsKeys | Collection[str | SnsKeys],
    now: float,
    *,
    tolerance: float | None = None,
) -> Verification:
    """Whether one of *keys* signed *request*, by the scheme that *signature* names.

    *now* is in seconds since 1970; the time of signing may differ from it by *tolerance* seconds
    (default: the tolerance of the scheme). Several keys may be given while one replaces another; it
    is enough that one matches. A request that matches none is forged only if all keys are readable;
    otherwise the unreadable key may match, and the outcome is *unable*. The signature is checked
    before the time.
    """
    scheme = SCHEMES[signature.scheme]
    try:
        at = _signed_at(scheme, signature.header, request, keys, now)
    except ForgedError as reason:
        return Verification(Outcome.FORGED, str(reason))
    except UnableError as reason:
        return Verification(Outcome.UNABLE, str(reason))
    allowed = scheme.tolerance if tolerance is None else tolerance
    if at is None or abs(now - at) <= allowed:
        return Verification(Outcome.VALID, "a key matches the request")
    side = "before" if at < now else "after"
    distance = f"{abs(now - at):.0f} seconds {side} it was received"
    return Verification(
        Outcome.STALE,
        f"a key matches the request, but it was signed {distance}; {allowed:.0f} are allowed",
    )


def _signed_at(
    scheme: Scheme, header: str, request: SignedRequest, keys: object, now: float
) -> float | None:
    """When the ESP signed *request*, in seconds since 1970; None if the scheme has no time.

    Raises ForgedError, or UnableError if a key that cannot be used might match.
    """
    readable: list[Key] = []
    errors: list[UnableError] = []
    for key_text in _each_key(keys):
        try:
            readable.append(scheme.key(key_text))
        except UnableError as error:
            errors.append(error)
    if not readable:
        raise errors[0] if errors else UnableError("no key is configured")
    claim = scheme.claim(request, header)
    refusal = ForgedError("no key matches the request")
    for key in readable:
        try:
            if key.matches(claim, now):
                return claim.at
        except UnableError as error:
            errors.append(error)
        except ForgedError as error:
            refusal = error
    raise errors[0] if errors else refusal


def _each_key(keys: object) -> Collection[object]:
    """The keys one by one. A text is one key: single characters as keys could be guessed."""
    if isinstance(keys, str | SnsKeys):
        return (keys,)
    return keys if isinstance(keys, list | tuple | set | frozenset) else ()
