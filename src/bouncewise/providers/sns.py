"""Amazon SNS: the envelope around SES events, and the topics and certificates that are trusted.

Reads: the JSON envelope of an HTTP(S) subscription. Gives: a claim, and whether a trusted
certificate signed it. Refuses: topics that are not allowed, certificates from any host except that
of the topic's own region, and fields that would make the signed text ambiguous. Certificates are
never fetched here: ``certificate_url`` says which one is needed.

The signed text is "name\\nvalue\\n" for fixed fields in a fixed order; the signature is RSA with
PKCS #1 v1.5 padding:
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from bouncewise.providers.claims import Claim, ForgedError, SignedRequest, octets, raw_body
from bouncewise.providers.keys import RsaKey, UnableError, certificate

RETRY_SECONDS = 3600.0
"""SNS signs the time of publishing and retries a subscriber for at most this long
(https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html)."""

# The fields that are signed, in this order, by the type of the envelope.
_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": _CONFIRMATION,
    "UnsubscribeConfirmation": _CONFIRMATION,
}
_DIGESTS = {"1": "sha1", "2": "sha256"}
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z")

# The partitions of AWS with public endpoints, by their name in an ARN (botocore, partitions.json).
_SUFFIXES = {
    "aws": "amazonaws.com",
    "aws-us-gov": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
    "aws-eusc": "amazonaws.eu",
}
_ARN = re.compile(
    r"arn:(aws(?:-[a-z]+)*):sns:([a-z]{2,8}(?:-[a-z]+)+-[0-9]{1,2})"
    r":[0-9]{12}:[A-Za-z0-9_-]{1,256}(?:\.fifo)?"
)
_CERTIFICATE = re.compile(r"SimpleNotificationService-[a-z0-9]{1,64}\.pem")


class SnsClaim(Claim, frozen=True, kw_only=True):
    """The claim of an SNS envelope."""

    topic: str
    """ARN of the topic, as the envelope says."""
    certificate: str
    """URL of the signing certificate, as the envelope says."""
    digest: str
    """``sha1`` for SignatureVersion 1, ``sha256`` for 2."""


class SnsKeys(msgspec.Struct, frozen=True):
    """The topics whose SNS envelopes are accepted, and the certificates to verify them with."""

    topics: Collection[str]
    """ARNs of the topics. Anyone can make SNS sign a message for a topic of their own."""
    certificates: Mapping[str, bytes] = {}
    """The PEM file of each signing certificate, by the URL that it was fetched from over HTTPS."""
    sha1: bool = True
    """Whether SignatureVersion 1 is accepted, the default of SNS.

    It uses SHA-1: whoever can publish to the topic could prepare two messages with one signature;
    nobody else can. To refuse it, set the topic's SignatureVersion to 2, and then this to False.
    """

    def matches(self, claim: Claim, now: float) -> bool:
        """Whether a certificate that is valid at *now* signed *claim* for an allowed topic.

        *now* is in seconds since 1970. The issuer of a certificate is not checked. It is trusted
        because it was fetched over HTTPS from the SNS host of the region that the allowed topic
        names, so that the certificate of AWS's web server vouches for it.
        """
        assert isinstance(claim, SnsClaim)
        _check_origin(claim, self.topics)
        if claim.digest == "sha1" and not self.sha1:
            raise ForgedError("the envelope has SignatureVersion 1, and only 2 is accepted")
        pem = self.certificates.get(claim.certificate)
        if pem is None:
            raise UnableError(f"the certificate {claim.certificate} is needed and not loaded")
        signer = certificate(pem)
        if not signer.since <= now <= signer.until:
            raise UnableError(
                f"the certificate {claim.certificate} is outside its period of validity"
            )
        return RsaKey(signer.key, claim.digest).matches(claim, now)


def sns_keys(keys: object) -> SnsKeys:
    """*keys* if they are SnsKeys with topics; raises UnableError if they are not."""
    if not isinstance(keys, SnsKeys):
        raise UnableError("an SNS envelope is verified by topics and certificates (SnsKeys)")
    topics = keys.topics
    if not isinstance(topics, frozenset | set | list | tuple) or not topics:
        raise UnableError("no SNS topic is allowed")
    if not all(isinstance(topic, str) and topic_host(topic) for topic in topics):
        raise UnableError("an allowed topic is not the ARN of an SNS topic")
    if not isinstance(keys.certificates, Mapping):
        raise UnableError("the certificates are not a mapping from URL to PEM")
    return keys


def certificate_url(request: SignedRequest, keys: SnsKeys) -> str | None:
    """The URL of the certificate that is needed to verify *request*.

    None if the request is no envelope of an allowed topic. The host is that of the allowed topic,
    so a forged envelope cannot direct the caller to any other host (SSRF).
    """
    try:
        claim = envelope(request, "")
        _check_origin(claim, sns_keys(keys).topics)
    except (ForgedError, UnableError):
        return None
    return claim.certificate


def envelope(request: SignedRequest, _header: str) -> SnsClaim:
    """The claim of the envelope in the body.

    Only Message, which is the first field, may contain a line feed. Therefore no other envelope has
    the same signed text.
    """
    fields = _texts(raw_body(request))
    names = _SIGNED.get(fields.get("Type", ""), ())
    required = {*names, "Signature", "SignatureVersion", "SigningCertURL"} - {"Subject"}
    digest = _DIGESTS.get(fields.get("SignatureVersion", ""))
    if not names or digest is None or not required <= fields.keys():
        raise ForgedError("the body is not a signed SNS envelope")
    if any("\n" in fields.get(name, "") for name in names if name != "Message"):
        raise ForgedError("a field of the SNS envelope contains a line feed")
    signed = "".join(f"{name}\n{fields[name]}\n" for name in names if name in fields)
    return SnsClaim(
        signed=octets(signed),
        signatures=(octets(fields["Signature"]),),
        at=_time(fields["Timestamp"]),
        topic=fields["TopicArn"],
        certificate=fields["SigningCertURL"],
        digest=digest,
    )


def _texts(body: bytes) -> dict[str, str]:
    """The fields of a JSON object whose values are strings."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, Any])
    except (ValueError, RecursionError):  # msgspec's errors and a wrong encoding are ValueErrors
        raise ForgedError("the body is not a JSON object") from None
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def _check_origin(claim: SnsClaim, topics: Collection[str]) -> None:
    if claim.topic not in topics:
        raise ForgedError("the SNS topic is not one of those allowed")
    # A host under amazonaws.com is not enough: sns.s3-eu-west-1.amazonaws.com would be the storage
    # of a customer named "sns".
    host, _, name = claim.certificate.removeprefix("https://").partition("/")
    if (
        not claim.certificate.startswith("https://")
        or host != topic_host(claim.topic)
        or not _CERTIFICATE.fullmatch(name)
    ):
        raise ForgedError("the signing certificate is not at the SNS host of the topic's region")


def topic_host(topic: str) -> str | None:
    """The SNS host of the region of *topic*; None if *topic* is not the ARN of a topic."""
    m = _ARN.fullmatch(topic)
    suffix = _SUFFIXES.get(m[1]) if m else None
    return f"sns.{m[2]}.{suffix}" if m and suffix else None


def _time(text: str) -> float:
    try:
        if not _TIME.fullmatch(text):
            raise ValueError
        return datetime.fromisoformat(text).astimezone(UTC).timestamp()
    except ValueError:
        raise ForgedError("the Timestamp of the SNS envelope is not a time") from None
