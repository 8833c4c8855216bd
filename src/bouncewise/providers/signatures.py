"""Whether a webhook body is really the provider's: signatures over the raw bytes, compared in constant time.

Each function is named after its provider and gives True or False. Public-key schemes need the extra ``[service]``. Postmark,
SparkPost, Brevo, Mailjet, Azure and KumoMTA sign nothing: guard those with a secret in the URL or a header. Fetching a
certificate is the caller's: these functions talk to nobody.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

from bouncewise.errors import BouncewiseError

SNS_CERTIFICATE = re.compile(
    r"https://sns\.[a-z0-9-]{3,}\.amazonaws\.com(?:\.cn)?/SimpleNotificationService-[a-z0-9]+\.pem"
)
"""The only places an SNS signing certificate may come from."""

_SNS_FIELDS = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}


def mailgun(fields: Mapping[str, str], key: str, *, now: float, tolerance: float = 300) -> bool:
    """``signature`` of the body: HMAC-SHA256 over timestamp and token. It does not cover the event: remember the tokens."""
    stamp = fields.get("timestamp", "")
    digest = hmac.new(key.encode(), (stamp + fields.get("token", "")).encode(), hashlib.sha256).hexdigest()
    fresh = stamp.isdigit() and abs(now - int(stamp)) <= tolerance
    return fresh and hmac.compare_digest(digest, fields.get("signature", ""))


def mandrill(url: str, fields: Mapping[str, str], signature: str, key: str) -> bool:
    """``X-Mandrill-Signature``: HMAC-SHA1 over the public URL and the POST fields in the order of their names."""
    text = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    return _same(base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha1).digest()).decode(), signature)


def resend(headers: Mapping[str, str], body: bytes, secret: str, *, now: float, tolerance: float = 300) -> bool:
    """Svix: ``v1,`` HMAC-SHA256 over id, timestamp and body; several signatures may stand side by side."""
    stamp = headers.get("svix-timestamp", "")
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"))
    except (binascii.Error, ValueError):
        return False
    signed = f"{headers.get('svix-id', '')}.{stamp}.".encode() + body
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [part.partition(",")[2] for part in headers.get("svix-signature", "").split() if part.startswith("v1,")]
    return stamp.isdigit() and abs(now - int(stamp)) <= tolerance and any(_same(wanted, g) for g in given)


def hexadecimal(body: bytes, signature: str, secret: str) -> bool:
    """MailerSend ``Signature``, Forward Email ``X-Webhook-Signature``: HMAC-SHA256 over the body, in hexadecimal."""
    return _same(hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(), signature.strip())


def lettermint(header: str, body: bytes, secret: str, *, now: float, tolerance: float = 300) -> bool:
    """``t=…,v1=…``: HMAC-SHA256 over time, a dot and the body."""
    parts = dict(part.strip().partition("=")[::2] for part in header.split(","))
    stamp = parts.get("t", "")
    wanted = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return stamp.isdigit() and abs(now - int(stamp)) <= tolerance and _same(wanted, parts.get("v1", ""))


def sendgrid(headers: Mapping[str, str], body: bytes, public_key: str, *, now: float, tolerance: float = 300) -> bool:
    """``X-Twilio-Email-Event-Webhook-Signature``: ECDSA P-256 over the timestamp header and the raw body."""
    stamp = headers.get("X-Twilio-Email-Event-Webhook-Timestamp", "")
    signature = headers.get("X-Twilio-Email-Event-Webhook-Signature", "")
    fresh = stamp.isdigit() and abs(now - int(stamp)) <= tolerance
    return fresh and _verified(_key(base64.b64decode(public_key)), signature, stamp.encode() + body, "ecdsa-sha256")


def postal(body: bytes, signature: str, public_key: str) -> bool:
    """``X-Postal-Signature-256``: RSA-SHA256 over the body; the key is PEM, or base64 of its DER form."""
    raw = public_key.encode() if "BEGIN" in public_key else base64.b64decode(public_key)
    return _verified(_key(raw), signature, body, "rsa-sha256")


def sns(envelope: Mapping[str, Any], certificate: bytes, topics: frozenset[str]) -> bool:
    """An SNS envelope: its URL pattern, its topic among *topics*, and RSA over its fields. *certificate* is the PEM."""
    kind = "Notification" if envelope.get("Type") == "Notification" else "SubscriptionConfirmation"
    if not SNS_CERTIFICATE.fullmatch(str(envelope.get("SigningCertURL", ""))) or envelope.get("TopicArn") not in topics:
        return False
    text = "".join(f"{name}\n{envelope[name]}\n" for name in _SNS_FIELDS[kind] if envelope.get(name) is not None)
    scheme = {"1": "rsa-sha1", "2": "rsa-sha256"}.get(str(envelope.get("SignatureVersion")))
    x509 = _cryptography("x509")
    try:
        key = x509.load_pem_x509_certificate(certificate).public_key()
    except ValueError:
        return False
    return scheme is not None and _verified(key, str(envelope.get("Signature", "")), text.encode(), scheme)


def _same(wanted: str, given: str) -> bool:
    return hmac.compare_digest(wanted.encode(), given.encode())


def _cryptography(name: str) -> Any:
    try:
        from importlib import import_module

        return import_module(f"cryptography.{name}")
    except ImportError:
        raise BouncewiseError("checking this signature needs: pip install 'bouncewise[service]'") from None


def _key(raw: bytes) -> Any:
    serialization = _cryptography("hazmat.primitives.serialization")
    try:
        pem = raw.lstrip().startswith(b"-----")
        return serialization.load_pem_public_key(raw) if pem else serialization.load_der_public_key(raw)
    except ValueError:
        return None


def _verified(key: Any, signature: str, signed: bytes, scheme: str) -> bool:
    hashes = _cryptography("hazmat.primitives.hashes")
    padding, ec = (
        _cryptography("hazmat.primitives.asymmetric.padding"),
        _cryptography("hazmat.primitives.asymmetric.ec"),
    )
    digest = hashes.SHA1() if scheme.endswith("sha1") else hashes.SHA256()
    how = (ec.ECDSA(digest),) if scheme.startswith("ecdsa") else (padding.PKCS1v15(), digest)
    try:
        key.verify(base64.b64decode(signature), signed, *how)
    except Exception:  # a wrong key, a wrong form and a wrong signature are all the same: not theirs
        return False
    return True
