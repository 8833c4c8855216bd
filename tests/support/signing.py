"""Genuine webhook requests of every ESP, signed here with keys made here, after each vendor's
documentation.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from bouncewise.providers.events import Esp, esps
from bouncewise.providers.signatures import SignedRequest, SnsKeys, verify

NOW = 1795428001.0
STAMP = "1795428001"
URL = "https://hooks.sender.example/in/main"
BODY = json.dumps(
    [{"event": "bounce", "email": "ann@there.example", "text": "550 5.1.1 unknown – né"}]
).encode()
SECRET = "correct horse battery"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:bounces"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem"
BY_SCHEME = {esp.signature.scheme: esp for esp in esps()}
SVIX = "whsec_" + base64.b64encode(SECRET.encode()).decode()


class Case(NamedTuple):
    """A genuine request and the keys that it verifies with."""

    request: SignedRequest
    keys: Any


@cache
def rsa_key(number: int = 0) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def ec_key(curve: str = "SECP256R1", number: int = 0) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(getattr(ec, curve)())


def pem(key: Any) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def der(key: Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(
        key.public_key().public_bytes(serialization.Encoding.DER, form)
    ).decode()


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def mac(signed: bytes, key: bytes = SECRET.encode(), digest: str = "sha256") -> bytes:
    return hmac.new(key, signed, getattr(hashlib, digest)).digest()


def svix(
    prefix: str = "svix",
    name: str = "msg_1",
    stamp: str = STAMP,
    body: bytes = BODY,
    key: bytes = SECRET.encode(),
) -> SignedRequest:
    signature = "v1," + b64(mac(f"{name}.{stamp}.".encode() + body, key))
    return SignedRequest(
        URL,
        {f"{prefix}-id": name, f"{prefix}-timestamp": stamp, f"{prefix}-signature": signature},
        body,
    )


def lettermint(
    stamp: str = STAMP, body: bytes = BODY, key: bytes = SECRET.encode()
) -> SignedRequest:
    return SignedRequest(
        URL,
        {"x-lettermint-signature": f"t={stamp},v1={mac(stamp.encode() + b'.' + body, key).hex()}"},
        body,
    )


@cache  # ECDSA draws a random number, and a test needs the same request each time
def sendgrid(stamp: str = STAMP, body: bytes = BODY, key: Any = None) -> SignedRequest:
    signature = (key or ec_key()).sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    prefix = "x-twilio-email-event-webhook"
    return SignedRequest(
        URL, {f"{prefix}-timestamp": stamp, f"{prefix}-signature": b64(signature)}, body
    )


def mandrill(fields: dict[str, str] | None = None, key: bytes = SECRET.encode()) -> SignedRequest:
    fields = fields or {"mandrill_events": BODY.decode()}
    signed = URL + "".join(name + fields[name] for name in sorted(fields))
    return SignedRequest(
        URL,
        {"x-mandrill-signature": b64(mac(signed.encode(), key, "sha1"))},
        urlencode(fields).encode(),
    )


def mailgun(
    stamp: Any = STAMP, token: str = "5f0c1e", key: bytes = SECRET.encode(), **more: Any
) -> SignedRequest:
    signature = {
        "timestamp": stamp,
        "token": token,
        "signature": mac(f"{stamp}{token}".encode(), key).hex(),
        **more,
    }
    return SignedRequest(
        URL, {}, json.dumps({"signature": signature, "event-data": {"event": "failed"}}).encode()
    )


@cache
def certificate(start: str = "2026-01-01", days: int = 400, key: Any = None) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    first = dt.datetime.fromisoformat(start)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    built = built.not_valid_before(first).not_valid_after(first + dt.timedelta(days=days))
    signed = built.public_key((key or rsa_key()).public_key()).sign(rsa_key(), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


def sns(kind: str = "Notification", version: str = "2", **fields: Any) -> SignedRequest:
    """An envelope of SNS; a field that is None is left out."""
    envelope = {
        "Type": kind,
        "MessageId": "m-1",
        "TopicArn": TOPIC,
        "Subject": "Amazon SES",
        "Message": BODY.decode() + "\nend",
        "Timestamp": "2026-11-23T10:00:01.000Z",
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE,
    }
    if kind != "Notification":
        envelope |= {
            "SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription",
            "Token": "2336",
        }
    envelope = {name: value for name, value in (envelope | fields).items() if value is not None}
    digest = hashes.SHA1() if version == "1" else hashes.SHA256()
    signature = b64(rsa_key().sign(sns_text(envelope), padding.PKCS1v15(), digest))
    return SignedRequest(URL, {}, json.dumps(envelope | {"Signature": signature}).encode())


def sns_text(envelope: dict[str, Any]) -> bytes:
    extra = () if envelope["Type"] == "Notification" else ("SubscribeURL", "Token")
    names = sorted(
        {"Message", "MessageId", "Timestamp", "TopicArn", "Type", *extra}
        | ({"Subject"} if not extra else set())
    )
    return "".join(f"{name}\n{envelope[name]}\n" for name in names if name in envelope).encode()


def sns_keys(**changes: Any) -> SnsKeys:
    return SnsKeys(
        **({"topics": frozenset({TOPIC}), "certificates": {CERTIFICATE: certificate()}} | changes)
    )


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + b64(f"{user}:{password}".encode())}


def genuine(esp: Esp) -> Case:
    """A request as *esp* signs it."""
    header = esp.signature.header
    match esp.signature.scheme:
        case "hmac-sha256-hex":
            return Case(SignedRequest(URL, {header: mac(BODY).hex()}, BODY), SECRET)
        case "rsa-sha256":
            signature = b64(rsa_key().sign(BODY, padding.PKCS1v15(), hashes.SHA256()))
            return Case(SignedRequest(URL, {header: signature}, BODY), der(rsa_key()))
        case "svix":
            return Case(svix(), SVIX)
        case "lettermint":
            return Case(lettermint(), SECRET)
        case "sendgrid-ecdsa":
            return Case(sendgrid(), der(ec_key()))
        case "mandrill":
            return Case(mandrill(), SECRET)
        case "mailgun":
            return Case(mailgun(), SECRET)
        case "sns":
            return Case(sns(), sns_keys())
        case "secret":
            return Case(SignedRequest(URL, basic("esp", SECRET), BODY), SECRET)
    raise AssertionError(f"{esp.name}: no genuine request is made for {esp.signature}")


def meaning(scheme: str, request: SignedRequest) -> Any:
    """What the signature of *request* covers, read by other code than that under test; None if it
    cannot be read.

    Two requests with one meaning differ in what no signature covers: white space of JSON, the way
    that a form is escaped, entries of a list of signatures that are of another version.
    """
    headers = {name: value for name, value in request.headers.items() if name != "user-agent"}
    try:
        match scheme:
            case "sns":
                fields = json.loads(request.body)
                return (
                    sns_text(fields),
                    fields["Signature"],
                    fields["SignatureVersion"],
                    fields["SigningCertURL"],
                )
            case "mailgun":
                found = json.loads(request.body.decode("utf-8", "replace"))["signature"]
                return [str(found[name]) for name in ("timestamp", "token", "signature")]
            case "mandrill":
                return (
                    headers,
                    request.url,
                    parse_qsl(request.body.decode(), keep_blank_values=True, errors="strict"),
                )
            case "svix":
                listed = headers.pop("svix-signature").split(" ")
                return {part for part in listed if part.startswith("v1,")}, headers, request.body
            case "lettermint":
                parts = {part.strip(" ") for part in headers["x-lettermint-signature"].split(",")}
                return {part for part in parts if part.startswith(("t=", "v1="))}, request.body
            case "secret":
                kind, _, credentials = headers.get("authorization", "").partition(" ")
                decoded = base64.b64decode(credentials.strip(" "), validate=True) if kind else b""
                carried = (
                    decoded.partition(b":")[2].decode(),
                    unquote(str(request.url).rpartition("/")[2]),
                )
                return SECRET in carried or None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return headers, request.body


def outcome(
    scheme: str, request: SignedRequest, keys: Any = SECRET, now: float = NOW, **more: Any
) -> str:
    return verify(BY_SCHEME[scheme].signature, request, keys, now, **more).outcome.value
