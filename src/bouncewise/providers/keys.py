"""The keys that operators configure: HMAC secrets, shared secrets, RSA and ECDSA keys.

Reads: the text of a key. Gives: an object that says whether a Claim matches the key; secrets are
compared in constant time. Refuses with UnableError: what is no key for the scheme, because then
nothing can be known about the request. RSA and ECDSA need the library cryptography (extra
``[service]``), which is loaded when the first such key is read.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple, Protocol

from bouncewise.errors import missing_extra
from bouncewise.providers.claims import Claim

_P256 = "secp256r1"


class UnableError(ValueError):
    """The configuration allows no answer. The message says what to change, and contains no key."""


class Key(Protocol):
    """One key, read and valid."""

    def matches(self, claim: Claim, now: float) -> bool:
        """Whether a signature of *claim* is by this key. *now* is in seconds since 1970."""
        ...


class Certificate(NamedTuple):
    """The key of an X.509 certificate, and its period of validity in seconds since 1970."""

    key: Any
    since: float
    until: float


class HmacKey:
    """A secret with which the ESP computes an HMAC (RFC 2104), which it writes as *encode* does."""

    def __init__(self, secret: bytes, digest: str, encode: Callable[[bytes], bytes]) -> None:
        self._secret, self._digest, self._encode = secret, digest, encode

    def matches(self, claim: Claim, now: float) -> bool:
        """Whether the computed value equals one of the signatures, octet by octet."""
        expected = self._encode(hmac.digest(self._secret, claim.signed, self._digest))
        return _among(expected, claim.signatures)


class SharedSecret:
    """A secret that the request itself carries."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def matches(self, claim: Claim, now: float) -> bool:
        """Whether the request carries this secret."""
        return _among(self._secret, claim.signatures)


class P256Key:
    """A public key for ECDSA with SHA-256 and the curve P-256; signatures are base64 of DER."""

    def __init__(self, key: Any) -> None:
        if getattr(getattr(key, "curve", None), "name", None) != _P256:
            raise UnableError("the key is not an ECDSA key over the curve P-256")
        self._key = key

    def matches(self, claim: Claim, now: float) -> bool:
        """Whether a signature is by the owner of this key."""
        ecdsa = _cryptography("hazmat.primitives.asymmetric.ec").ECDSA(_hash("sha256"))
        return any(_verified(self._key, s, claim.signed, ecdsa) for s in claim.signatures)


class RsaKey:
    """A public key for RSA with PKCS #1 v1.5 padding; signatures are base64.

    *digest* is ``sha256`` or ``sha1``.
    """

    def __init__(self, key: Any, digest: str) -> None:
        if not isinstance(key, _cryptography("hazmat.primitives.asymmetric.rsa").RSAPublicKey):
            raise UnableError("the key is not an RSA key")
        self._key, self._digest = key, digest

    def matches(self, claim: Claim, now: float) -> bool:
        """Whether a signature is by the owner of this key."""
        padding = _cryptography("hazmat.primitives.asymmetric.padding").PKCS1v15()
        digest = _hash(self._digest)
        return any(_verified(self._key, s, claim.signed, padding, digest) for s in claim.signatures)


def secret_text(text: object) -> bytes:
    """The octets of a secret that is used as it is written."""
    if not isinstance(text, str) or not text.strip():
        raise UnableError("the secret is empty or not set")
    if text != text.strip() or not text.isprintable():
        raise UnableError(
            "the secret begins or ends with white space, or contains a control character"
        )
    return text.encode()


def svix_secret(text: object) -> bytes:
    """The octets of a secret of Svix: base64, with or without ``whsec_`` before it."""
    secret = _strict_base64(secret_text(text).removeprefix(b"whsec_")) or b""
    # HMAC fills a short key with zeros, so a key of zeros equals the empty key (RFC 2104).
    if not secret.strip(b"\0"):
        raise UnableError("the secret is empty, or is not whsec_ and base64")
    return secret


def public_key(text: object) -> Any:
    """The public key in *text*: PEM, or base64 of the DER of SubjectPublicKeyInfo (RFC 5280)."""
    if not isinstance(text, str) or not text.strip():
        raise UnableError("the public key is empty or not set")
    stripped, serialization = text.strip(), _cryptography("hazmat.primitives.serialization")
    try:
        if stripped.startswith("-----BEGIN "):
            return serialization.load_pem_public_key(stripped.encode())
        return serialization.load_der_public_key(_strict_base64(stripped.encode()) or b"")
    except Exception:  # damaged keys raise more kinds of errors than cryptography documents
        raise UnableError("the public key is neither PEM nor base64 of its DER form") from None


def certificate(pem: object) -> Certificate:
    """The X.509 certificate in *pem*, the octets of a file in PEM form."""
    x509 = _cryptography("x509")
    try:
        loaded = x509.load_pem_x509_certificate(pem)
        since = loaded.not_valid_before_utc.timestamp()
        until = loaded.not_valid_after_utc.timestamp()
        return Certificate(loaded.public_key(), since, until)
    except Exception:  # as in public_key
        raise UnableError("the certificate is not a certificate in PEM form") from None


def _verified(key: Any, signature: bytes, signed: bytes, *algorithm: Any) -> bool:
    raw = _strict_base64(signature)
    if raw is None:
        return False
    exceptions = _cryptography("exceptions")
    try:
        key.verify(raw, signed, *algorithm)
    except exceptions.InvalidSignature:
        return False
    except (ValueError, exceptions.UnsupportedAlgorithm):
        raise UnableError("the key cannot be used with the digest of the scheme") from None
    return True


def _strict_base64(text: bytes) -> bytes | None:
    """The octets that *text* encodes; None if no encoder writes exactly *text* (RFC 4648 §4)."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return raw if base64.b64encode(raw) == text else None


def _among(expected: bytes, signatures: tuple[bytes, ...]) -> bool:
    return any(hmac.compare_digest(expected, signature) for signature in signatures)


def _hash(digest: str) -> Any:
    hashes = _cryptography("hazmat.primitives.hashes")
    return hashes.SHA1() if digest == "sha1" else hashes.SHA256()


def _cryptography(name: str) -> Any:
    try:
        return import_module(f"cryptography.{name}")
    except ImportError:
        lacking = missing_extra("service", "this signature", "cryptography")
        raise UnableError(str(lacking)) from None
