"""What a webhook request claims: the signed octets, the signatures, and the time of signing.

Reads: the URL, the header fields and the raw body of one request; an attacker may have chosen any
value in them. Gives: a Claim, which is not yet compared with any key. Refuses with ForgedError: a
header or field that is missing, of another type, or not in the form that the ESP documents. Each
function is linear in the size of the request.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec

SENDGRID_TIME = "x-twilio-email-event-webhook-timestamp"
SENDGRID_SIGNATURE = "x-twilio-email-event-webhook-signature"

# Seconds of the years 2001 to 2286. Mailgun and SendGrid sign the time and other text without a
# separator; because the length is fixed, no octet can move between them.
_SECONDS = re.compile(r"[0-9]{10}")


class SignedRequest(NamedTuple):
    """A request as it was received; header names are in lower case."""

    url: str
    """The public URL, exactly as it is entered in the ESP's settings.

    Mandrill signs it, and its last segment may be a secret.
    """
    headers: Mapping[str, str]
    body: bytes
    """The raw body. A body that was decoded and encoded again does not verify."""


class ForgedError(ValueError):
    """The request is not what the ESP sends; the message gives the reason and no value of it."""


class Claim(msgspec.Struct, frozen=True):
    """What a request states, and what a key has to confirm."""

    signed: bytes
    """The octets that the signature covers; empty if the request only carries a secret."""
    signatures: tuple[bytes, ...]
    """The signatures as sent. One that matches is enough."""
    at: float | None = None
    """When the ESP signed, in seconds since 1970; None if the scheme has no time."""


def octets(text: str) -> bytes:
    """*text* in UTF-8; a lone surrogate, which no ESP sends, is encoded too and does not raise."""
    return text.encode("utf-8", "surrogatepass")


def signed_body(request: SignedRequest, header: str) -> Claim:
    """The raw body, whose signature is in *header*; no time.

    MailerSend, ``Signature``: https://developers.mailersend.com/api/v1/webhooks.html
    Mailtrap, ``Mailtrap-Signature``, lower-case hexadecimal:
    https://docs.mailtrap.io/email-api-smtp/advanced/webhooks
    Forward Email, ``X-Webhook-Signature``:
    https://forwardemail.net/en/faq#do-you-support-bounce-webhooks
    Postal, ``X-Postal-Signature-256`` (the older ``X-Postal-Signature`` is SHA-1):
    https://docs.postalserver.io/developer/webhooks
    """
    return Claim(raw_body(request), (octets(_field(request, header)),))


def svix(request: SignedRequest, _header: str) -> Claim:
    """Svix and Standard Webhooks: id, time and body, joined by dots; each attempt has its own time.

    The headers are ``svix-id``, ``svix-timestamp`` and ``svix-signature``, or the same with
    ``webhook-``. The signature is a list separated by spaces, in which ``v1`` is HMAC
    (https://docs.svix.com/receiving/verifying-payloads/how-manual). An id with a dot is refused,
    because it could contain the time and a part of the body (Standard Webhooks 1.0, signature
    scheme).
    """
    neutral = _field(request, "webhook-signature", "") and not _field(request, "svix-signature", "")
    prefix = "webhook" if neutral else "svix"
    name, stamp, listed = (
        _field(request, f"{prefix}-{part}") for part in ("id", "timestamp", "signature")
    )
    if "." in name:
        raise ForgedError(f"the {prefix}-id header contains a dot")
    signatures = tuple(octets(part[3:]) for part in listed.split(" ") if part.startswith("v1,"))
    return Claim(octets(f"{name}.{stamp}.") + raw_body(request), signatures, _seconds(stamp))


def lettermint(request: SignedRequest, _header: str) -> Claim:
    """Lettermint, ``t=…,v1=…``: time, a dot and the body. There may be several v1, but one t.

    https://docs.lettermint.co/platform/webhooks/signing
    """
    pairs = [
        part.strip(" ").partition("=")[::2]
        for part in _field(request, "x-lettermint-signature").split(",")
    ]
    stamps = [value for name, value in pairs if name == "t"]
    if len(stamps) != 1:
        raise ForgedError("the x-lettermint-signature header does not contain exactly one time")
    signatures = tuple(octets(value) for name, value in pairs if name == "v1")
    return Claim(octets(stamps[0]) + b"." + raw_body(request), signatures, _seconds(stamps[0]))


def sendgrid(request: SignedRequest, _header: str) -> Claim:
    """SendGrid: the timestamp header and the raw body.

    https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
    """
    stamp, signature = _field(request, SENDGRID_TIME), _field(request, SENDGRID_SIGNATURE)
    return Claim(octets(stamp) + raw_body(request), (octets(signature),), _seconds(stamp))


def mandrill(request: SignedRequest, _header: str) -> Claim:
    """Mandrill: the URL, then the name and value of the POST field ``mandrill_events``; no time.

    https://mandrill.zendesk.com/hc/en-us/articles/360039232513-How-to-Authenticate-Webhook-Requests
    The signature would also cover other fields, but without separators, so that octets could move
    between names and values. Mandrill sends only this field, so any other form is refused.
    """
    signature = _field(request, "x-mandrill-signature")
    fields = _form(raw_body(request))
    if set(fields) != {b"mandrill_events"}:
        raise ForgedError("the form does not consist of the field mandrill_events")
    url = request.url if isinstance(request.url, str) else ""
    return Claim(octets(url + "mandrill_events") + fields[b"mandrill_events"], (octets(signature),))


class _MailgunSignature(msgspec.Struct, frozen=True):
    timestamp: str | int
    token: str
    signature: str
    parent: str | None = msgspec.field(name="parent-signature", default=None)


class _MailgunBody(msgspec.Struct, frozen=True):
    signature: _MailgunSignature


def mailgun(request: SignedRequest, _header: str) -> Claim:
    """Mailgun: time and token from the JSON body, or from the fields of the older form.

    The event itself is not signed: whoever has seen one time, token and signature can send any body
    with them. The caller has to remember tokens for as long as it accepts their time, and must not
    act on a body whose outcome is *stale*. An event of a subaccount has a second signature by the
    key of the main account (``parent-signature``).
    https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks
    """
    body = raw_body(request)
    try:
        if body.lstrip()[:1] == b"{":
            fields = msgspec.json.decode(body, type=_MailgunBody).signature
        else:
            fields = msgspec.convert(
                {k.decode(): v.decode() for k, v in _form(body).items()}, _MailgunSignature
            )
    except (ValueError, RecursionError):  # msgspec's errors and a wrong encoding are ValueErrors
        raise ForgedError(
            "the body does not contain Mailgun's timestamp, token and signature"
        ) from None
    stamp = str(fields.timestamp)
    signatures = tuple(octets(text) for text in (fields.signature, fields.parent) if text)
    return Claim(octets(stamp + fields.token), signatures, _seconds(stamp))


def secret(request: SignedRequest, _header: str) -> Claim:
    """What may be the secret that the operator put into the webhook's settings; nothing is signed.

    It may be the last segment of the URL's path, the password or "user:password" of Basic
    authentication (RFC 7617; a URL with user and password gives that header), or a Bearer token
    (RFC 6750).
    """
    path = request.url.partition("?")[0].partition("#")[0] if isinstance(request.url, str) else ""
    candidates = [unquote_to_bytes(octets(path.rpartition("/")[2]))]
    kind, _, credentials = _field(request, "authorization", "").partition(" ")
    if kind.lower() == "bearer":
        candidates.append(octets(credentials.strip(" ")))
    elif kind.lower() == "basic":
        try:
            both = base64.b64decode(octets(credentials.strip(" ")), validate=True)
        except ValueError:
            both = b""
        candidates += [both, both.partition(b":")[2]]
    if not any(candidates):
        raise ForgedError("the request carries no secret")
    return Claim(b"", tuple(candidates))


def raw_body(request: SignedRequest) -> bytes:
    """The raw body of *request*."""
    if not isinstance(request.body, bytes):
        raise ForgedError("the body is not octets")
    return request.body


def _field(request: SignedRequest, name: str, default: str | None = None) -> str:
    value = request.headers.get(name) if isinstance(request.headers, Mapping) else None
    if isinstance(value, str) and value:
        return value
    if default is None:
        raise ForgedError(f"the {name} header is missing")
    return default


def _seconds(stamp: str) -> float:
    if not _SECONDS.fullmatch(stamp):
        raise ForgedError("the time of the signature is not ten digits")
    return float(stamp)


def _form(body: bytes) -> dict[bytes, bytes]:
    """The fields of an application/x-www-form-urlencoded body, as octets.

    urllib's parser would decode the octets and replace invalid ones.
    """
    fields: dict[bytes, bytes] = {}
    for part in body.split(b"&"):
        if part:
            name, _, value = (
                unquote_to_bytes(piece) for piece in part.replace(b"+", b" ").partition(b"=")
            )
            if name in fields:
                raise ForgedError("the form repeats a field")
            fields[name] = value
    return fields
