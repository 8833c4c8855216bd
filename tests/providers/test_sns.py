"""Envelopes of Amazon SNS: topics, certificates, signature versions, the text that is signed."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from bouncewise.providers.signatures import (
    Signature,
    SignedRequest,
    Verification,
    certificate_url,
    verify,
)
from support.signing import (
    CERTIFICATE,
    NOW,
    TOPIC,
    URL,
    certificate,
    ec_key,
    rsa_key,
    sns,
    sns_keys,
    sns_text,
)

SNS = Signature("sns")


def found(request: SignedRequest, keys: Any = None, now: float = NOW) -> Verification:
    return verify(SNS, request, sns_keys() if keys is None else keys, now)


def altered(request: SignedRequest, **fields: Any) -> SignedRequest:
    """*request* with other fields under the old signature."""
    return request._replace(body=json.dumps(json.loads(request.body) | fields).encode())


@pytest.mark.parametrize(
    "kind", ["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"]
)
@pytest.mark.parametrize("version", ["1", "2"])
def test_kinds_and_versions(kind: str, version: str) -> None:
    assert found(sns(kind, version)).outcome == "valid"
    assert found(sns(kind, version, Subject=None)).outcome == "valid"
    strict = found(sns(kind, version), sns_keys(sha1=False))
    assert strict.outcome == ("forged" if version == "1" else "valid")
    for name in (
        "Message",
        "MessageId",
        "Timestamp",
        "TopicArn",
        "Type",
        "Signature",
        "SignatureVersion",
        "SigningCertURL",
    ):
        for value in (None, "", "x", 1, ["x"], {}):
            assert found(altered(sns(kind, version), **{name: value})).outcome == "forged", (
                name,
                value,
            )


def test_white_space_and_unsigned_fields_do_not_matter() -> None:
    assert (
        found(sns()._replace(body=json.dumps(json.loads(sns().body), indent=2).encode())).outcome
        == "valid"
    )
    assert (
        found(
            altered(
                sns(),
                UnsubscribeURL="https://evil.example/",
                MessageAttributes={"a": {"Type": "String"}},
            )
        ).outcome
        == "valid"
    )
    assert found(altered(sns(Subject=None), Subject=None)).outcome == "valid"
    assert found(altered(sns(), Subject=None)).outcome == "forged"


def test_one_signature_belongs_to_one_envelope() -> None:
    """The signed text joins names and values by line feeds: values that move such a border are
    refused.
    """
    genuine = sns(Subject=None, Message="A\nMessageId\n9", MessageId="1")
    moved = altered(genuine, Message="A", MessageId="9\nMessageId\n1")
    assert sns_text(json.loads(genuine.body)) == sns_text(json.loads(moved.body))
    assert (found(genuine).outcome, found(moved).outcome) == ("valid", "forged")
    assert found(moved).reason == "a field of the SNS envelope contains a line feed"
    inside = altered(sns(MessageId="1\nSubject\nx", Subject=None), MessageId="1", Subject="x")
    assert found(inside).outcome == "valid"  # what SNS would sign for this very envelope
    swallowed = altered(sns(MessageId="1", Subject="x"), MessageId="1\nSubject\nx", Subject=None)
    assert found(swallowed).outcome == "forged"


@pytest.mark.parametrize(
    "url",
    [
        (
            "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123abcd.pem"
        ),  # a foreign region
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0123abcd.pem",
        "https://sns.eu-west-1.amazonaws.com.cn/SimpleNotificationService-0123abcd.pem",
        (
            "https://sns.s3-eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem"
        ),  # a bucket called sns
        "https://evil.s3.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem",
        "https://sns.eu-west-1.amazonaws.com/x/SimpleNotificationService-0123abcd.pem",
        "https://sns.eu-west-1.amazonaws.com//SimpleNotificationService-0123abcd.pem",
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem",
        "https://sns.eu-west-1.amazonaws.com:443/SimpleNotificationService-0123abcd.pem",
        "https://evil@sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem\n",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem?x",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem#x",
        "https://SNS.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem",
        "https://https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem",
        "sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem",
        "https://127.0.0.1/SimpleNotificationService-0123abcd.pem",
        "file:///etc/passwd",
        "",
    ],
)
def test_certificates_elsewhere_are_forged_and_never_asked_for(url: str) -> None:
    """Even if such a certificate were loaded."""
    keys = sns_keys(certificates={url: certificate(), CERTIFICATE: certificate()})
    assert found(sns(SigningCertURL=url), keys).outcome == "forged"
    assert certificate_url(sns(SigningCertURL=url), keys) is None


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [
        ("aws", "us-east-1", "sns.us-east-1.amazonaws.com"),
        ("aws-us-gov", "us-gov-west-1", "sns.us-gov-west-1.amazonaws.com"),
        ("aws-cn", "cn-north-1", "sns.cn-north-1.amazonaws.com.cn"),
        ("aws-eusc", "eusc-de-east-1", "sns.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_partitions(partition: str, region: str, host: str) -> None:
    topic, url = (
        f"arn:{partition}:sns:{region}:123456789012:bounces",
        f"https://{host}/SimpleNotificationService-1.pem",
    )
    keys = sns_keys(topics=[topic], certificates={url: certificate()})
    assert found(sns(TopicArn=topic, SigningCertURL=url), keys).outcome == "valid"


def test_a_certificate_that_is_not_loaded_is_named() -> None:
    keys = sns_keys(certificates={})
    answer = found(sns(), keys)
    assert answer.outcome == "unable" and CERTIFICATE in answer.reason
    assert certificate_url(sns(), keys) == CERTIFICATE


def test_foreign_topics_are_forged_before_anything_is_asked_for() -> None:
    foreign = "arn:aws:sns:eu-west-1:999999999999:bounces"
    assert found(sns(TopicArn=foreign), sns_keys(certificates={})).outcome == "forged"
    assert certificate_url(sns(TopicArn=foreign), sns_keys()) is None
    assert certificate_url(SignedRequest(URL, {}, b"{"), sns_keys()) is None
    both = [sns_keys(topics={foreign}), sns_keys()]
    assert found(sns(), both).outcome == "valid"


def test_validity_of_certificates() -> None:
    for pem, outcome in (
        (certificate("2025-01-01", 365), "unable"),
        (certificate("2026-12-01", 365), "unable"),
        (certificate("2026-11-23", 1), "valid"),
        (certificate(key=rsa_key(1)), "forged"),
        (certificate(key=ec_key()), "unable"),
        (b"", "unable"),
        (certificate()[:-40], "unable"),
        (certificate().decode(), "unable"),
        (None, "unable"),
    ):
        assert found(sns(), sns_keys(certificates={CERTIFICATE: pem})).outcome == outcome
    assert found(sns(), sns_keys(), NOW + 3600).outcome == "valid"
    assert found(sns(), sns_keys(), NOW + 90_000).outcome == "stale"
    assert found(sns(Timestamp="2010-01-01T00:00:00.000Z")).outcome == "stale"


def test_damaged_certificates_never_raise() -> None:
    """Every octet of a certificate changed, one at a time: readable or not, but no error."""
    lines = certificate().split(b"\n")
    raw = base64.b64decode(b"".join(lines[1:-2]))
    outcomes = set()
    for at in range(len(raw)):
        damaged = base64.b64encode(raw[:at] + bytes([raw[at] ^ 1 << at % 8]) + raw[at + 1 :])
        pem = b"\n".join([lines[0], damaged, *lines[-2:]])
        outcomes.add(found(sns(), sns_keys(certificates={CERTIFICATE: pem})).outcome.value)
    assert outcomes == {"valid", "forged", "unable"}  # valid: names and serial number play no part


@pytest.mark.parametrize(
    "stamp",
    [
        "2026-11-23",
        "2026-11-23T10:00:01",
        "2026-11-23T10:00:01+00:00",
        "2026-13-23T10:00:01Z",
        "0000-01-01T00:00:00Z",
        "2026-11-23T10:00:61Z",
        "２０26-11-23T10:00:01Z",
        "1795428001",
        "2026-W47-1T10:00:01Z",
        "2026-11-23T10:00:01.1234567Z",
    ],
)
def test_times_of_other_forms_are_forged(stamp: str) -> None:
    assert found(sns(Timestamp=stamp)).outcome == "forged"


@pytest.mark.parametrize(
    "topics",
    [
        TOPIC,
        (),
        None,
        {},
        {TOPIC: 1},
        5,
        ["arn:t"],
        [TOPIC, ""],
        [None],
        [TOPIC + "\n"],
        ["arn:aws-iso:sns:us-iso-east-1:123456789012:t"],
        b"x",
    ],
)
def test_topics_are_a_list_of_arns(topics: Any) -> None:
    """A single text is refused too: "is the topic in it" would be a search for a part."""
    keys = sns_keys(topics=topics)
    assert found(sns(), keys).outcome == "unable"
    assert certificate_url(sns(), keys) is None


def test_hostile_envelopes() -> None:
    for body in (
        b"",
        b"null",
        b"[]",
        b"[" * 100_000,
        b'{"Type":' * 50_000,
        b"{}",
        b'{"Type":"Notification"}',
        b"\xff",
        b'{"a":"\\ud800"}',
        b'{"a":1e999}',
    ):
        assert found(SignedRequest(URL, {}, body)).outcome == "forged"
    big = sns(Message="x" * 5_000_000)
    start = time.process_time()
    assert found(big).outcome == "valid"
    assert found(altered(big, Message="\n" * 5_000_000)).outcome == "forged"
    assert time.process_time() - start < 2


def test_wrong_kinds_of_keys() -> None:
    assert found(sns(), "text").outcome == "unable"
    assert found(sns(), [sns_keys(), "text"]).outcome == "valid"
    assert verify(Signature("svix"), sns(), sns_keys(), NOW).outcome == "unable"
    assert found(sns(), sns_keys(certificates=[certificate()])).outcome == "unable"
