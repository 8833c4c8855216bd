"""Events of ESPs inside the objects of queues, functions and collectors; events without words."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import pytest

from bouncewise.classifier.classify import default_classifier
from bouncewise.intake.formats import reader_for
from bouncewise.intake.reading import classify_finding
from bouncewise.model import Advice, Finding
from bouncewise.providers.events import esps
from bouncewise.readers import Note
from bouncewise.rules.load import shipped

SES: dict[str, Any] = {
    "notificationType": "Bounce",
    "bounce": {
        "bounceType": "Permanent",
        "bounceSubType": "NoEmail",
        "bouncedRecipients": [{"emailAddress": "ann@there.example"}],
        "timestamp": "2026-11-23T10:00:00.000Z",
        "feedbackId": "f1",
        "reportingMTA": "dsn; a8-81.smtp-out.amazonses.com",
    },
    "mail": {
        "timestamp": "2026-11-23T10:00:00.000Z",
        "source": "news@sender.example",
        "messageId": "m1",
        "destination": ["ann@there.example"],
    },
}
SNS = {"Type": "Notification", "MessageId": "x", "Message": json.dumps(SES)}
ENVELOPES: dict[str, Any] = {
    "bare": SES,
    "array": [SES],
    "SNS": SNS,
    "Lambda from SNS": {"Records": [{"EventSource": "aws:sns", "Sns": SNS}]},
    "SQS": {"Records": [{"messageId": "q", "body": json.dumps(SNS), "eventSource": "aws:sqs"}]},
    "SQS raw delivery": {"Messages": [{"MessageId": "q", "Body": json.dumps(SES)}]},
    "EventBridge": {"version": "0", "detail-type": "Email Bounced", "detail": SES},
    "collector": {"@timestamp": "2026-11-23T10:00:01Z", "payload": {"events": [SES]}},
}


def items(value: object) -> list[Finding | Note]:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    reader = reader_for(body)
    assert reader is not None
    return list(reader.read(io.BytesIO(body), "x"))


def rows(value: object) -> list[tuple[str, str, str | None, str | None]]:
    found = []
    for item in items(value):
        assert isinstance(item, Finding), item
        verdict = classify_finding(item, default_classifier()).verdict
        report = item.report
        cause, advice = (verdict.cause, verdict.advice) if verdict else (None, None)
        found.append((report.kind.value, report.recipient, cause, advice))
    return found


@pytest.mark.parametrize("name", ENVELOPES)
def test_an_event_is_found_in_any_envelope(name: str) -> None:
    assert rows(ENVELOPES[name]) == [
        ("failed", "ann@there.example", "mailbox-unknown", Advice.SUPPRESS_ADDRESS)
    ]


def test_mandrill_events_are_read_as_json_and_as_text_in_json() -> None:
    event = {"event": "hard_bounce", "ts": 1, "_id": "7", "msg": {"email": "ann@there.example"}}
    want = [("failed", "ann@there.example", "mailbox-unknown", "suppress-address")]
    assert rows({"mandrill_events": [event]}) == want
    assert rows({"mandrill_events": json.dumps([event])}) == want


def event(name: str) -> dict[str, Any]:
    """The SES event for another recipient."""
    return json.loads(json.dumps(SES).replace("ann@", f"{name}@"))  # type: ignore[no-any-return]


ONE, TWO, THREE = event("one"), event("two"), event("three")
WHOLE = json.dumps([ONE, TWO, THREE], indent=2)
PARTLY_DAMAGED: dict[str, tuple[str, list[str], str | None]] = {
    "objects over several lines": (
        "\n".join(json.dumps(e, indent=2) for e in (ONE, TWO, THREE)),
        ["one", "two", "three"],
        None,
    ),
    "array, cut in its last event": (
        WHOLE[: WHOLE.index("three@")],
        ["one", "two"],
        "no JSON, or cut short: 8 lines not read",
    ),
    "array, cut between events": (
        json.dumps([ONE, TWO])[:-1],
        ["one", "two"],
        "an array of JSON values is cut short; those before the cut were read",
    ),
    "lines, one damaged": (
        "\n".join((json.dumps(ONE), json.dumps(TWO)[:-40], json.dumps(THREE))),
        ["one", "three"],
        "no JSON, or cut short: 1 line not read",
    ),
    "array with a line per event, one damaged": (
        f"[\n{json.dumps(ONE)},\n{json.dumps(TWO)[:-9]},\n{json.dumps(THREE)}\n]",
        ["one", "three"],
        "no JSON, or cut short: 2 lines not read",
    ),
}


@pytest.mark.parametrize("name", PARTLY_DAMAGED)
def test_events_before_and_behind_a_damage_are_read(name: str) -> None:
    body, recipients, note = PARTLY_DAMAGED[name]
    found = items(body.encode())
    addresses = [f"{r}@there.example" for r in recipients]
    assert [f.report.recipient for f in found if isinstance(f, Finding)] == addresses
    assert [n.text for n in found if isinstance(n, Note)] == ([note] if note else [])


@pytest.mark.parametrize("piece", ["[", '{"a":', '{"a":[\n', '"', "[1,\n", "{}\n{\n"])
def test_damaged_json_takes_linear_time(piece: str) -> None:
    body = b"[{}," + piece.encode() * 20_000
    start = time.process_time()
    assert any(isinstance(i, Note) for i in items(body))
    assert time.process_time() - start < 3


def test_a_deep_or_wide_value_is_searched_in_bounded_time() -> None:
    deep: Any = SES
    for _ in range(200):
        deep = {"inner": deep}
    assert reader_for(json.dumps(deep).encode()) is None
    wide = {"n": [{"a": i} for i in range(200_000)], "last": SES}
    assert reader_for(json.dumps(wide).encode()) is None


def test_the_host_of_ses_is_not_that_of_the_receiver() -> None:
    item = items(SES)[0]
    assert isinstance(item, Finding) and item.report.remote_mta is None
    assert classify_finding(item, default_classifier()).receiver == ""


BREVO = {"event": "hard_bounce", "email": "ann@there.example", "message-id": "<2@x>", "ts_event": 1}
LABELS: list[tuple[str, Any, tuple[str, str]]] = [
    ("brevo", BREVO, ("mailbox-unknown", "suppress-address")),
    ("brevo error", BREVO | {"event": "error"}, ("unknown", "review")),
    ("brevo soft", BREVO | {"event": "soft_bounce"}, ("unknown", "retry-later")),
    (
        "mandrill",
        {
            "event": "hard_bounce",
            "_id": "1",
            "msg": {"email": "a@b.example", "bounce_description": "invalid_domain"},
        },
        ("domain-unknown", "suppress-domain"),
    ),
    (
        "mandrill full",
        {
            "event": "soft_bounce",
            "_id": "1",
            "msg": {"email": "a@b.example", "bounce_description": "mailbox_full"},
        },
        ("mailbox-full", "retry-later"),
    ),
    (
        "sendgrid",
        {
            "event": "bounce",
            "type": "bounce",
            "email": "a@b.example",
            "timestamp": 1,
            "bounce_classification": "Invalid Address",
        },
        ("mailbox-unknown", "suppress-address"),
    ),
    (
        "sendgrid blocked",
        {
            "event": "bounce",
            "type": "blocked",
            "email": "a@b.example",
            "timestamp": 1,
            "bounce_classification": "Reputation",
        },
        ("reputation", "fix-sender"),
    ),
    (
        "sparkpost",
        {
            "msys": {
                "message_event": {"type": "bounce", "bounce_class": "10", "rcpt_to": "a@b.example"}
            }
        },
        ("mailbox-unknown", "suppress-address"),
    ),
    (
        "mailjet",
        {
            "event": "bounce",
            "email": "a@b.example",
            "MessageID": 1,
            "hard_bounce": True,
            "error": "",
        },
        ("mailbox-unknown", "suppress-address"),
    ),
    (
        "mailgun",
        {
            "event": "failed",
            "severity": "permanent",
            "reason": "old",
            "recipient": "a@b.example",
            "timestamp": 1,
        },
        ("delivery-expired", "retry-later"),
    ),
]


@pytest.mark.parametrize(("name", "payload", "want"), LABELS, ids=[row[0] for row in LABELS])
def test_a_label_without_words_is_the_verdict(
    name: str, payload: Any, want: tuple[str, str]
) -> None:
    assert [row[2:] for row in rows(payload)] == [want]


def test_every_label_is_of_a_provider_in_lower_case() -> None:
    providers = {esp.name for esp in esps()}
    for name, labels in shipped().labels.items():
        assert name in providers
        assert all(label == label.casefold() for label in labels)


def test_words_outrank_a_label() -> None:
    event = BREVO | {"reason": "550 5.7.1 Message rejected as spam"}
    assert rows(event)[0][2] == "spam-content"


def test_a_label_of_a_delay_never_suppresses() -> None:
    event = {
        "event": "deferral",
        "_id": "1",
        "msg": {"email": "a@b.example", "bounce_description": "bad_mailbox"},
    }
    assert rows(event) == [("delayed", "a@b.example", "mailbox-unknown", "retry-later")]


SIGNS: list[tuple[str, Any, list[tuple[str, str]]]] = [
    (
        "postmark reactivated",
        {"RecordType": "SubscriptionChange", "Recipient": "a@b.example", "SuppressSending": False},
        [],
    ),
    (
        "postmark unsubscribed",
        {
            "RecordType": "SubscriptionChange",
            "Recipient": "a@b.example",
            "SuppressSending": True,
            "SuppressionReason": "ManualSuppression",
            "Origin": "Recipient",
        },
        [("unsubscribe", "a@b.example")],
    ),
    (
        "postmark suppressed by hand",
        {
            "RecordType": "SubscriptionChange",
            "Recipient": "a@b.example",
            "SuppressSending": True,
            "SuppressionReason": "ManualSuppression",
            "Origin": "Customer",
        },
        [("suppressed", "a@b.example")],
    ),
    (
        "postal incoming",
        {
            "event": "MessageDeliveryFailed",
            "uuid": "1",
            "payload": {
                "status": "HardFail",
                "message": {"to": "us@sender.example", "direction": "incoming"},
            },
        },
        [],
    ),
    (
        "mailgun dropped as too old",
        {"event": "dropped", "reason": "old", "code": "499", "recipient": "a@b.example"},
        [("failed", "a@b.example")],
    ),
    (
        "ses out of office",
        SES
        | {
            "bounce": {
                "bounceType": "Transient",
                "bounceSubType": "General",
                "bouncedRecipients": [{"emailAddress": "a@b.example"}],
            }
        },
        [("auto-reply", "a@b.example")],
    ),
    (
        "ses transient with a reply",
        SES
        | {
            "bounce": {
                "bounceType": "Transient",
                "bounceSubType": "General",
                "bouncedRecipients": [
                    {
                        "emailAddress": "a@b.example",
                        "action": "failed",
                        "status": "4.4.7",
                        "diagnosticCode": "smtp; 550 4.4.7 Message expired",
                    }
                ],
            }
        },
        [("failed", "a@b.example")],
    ),
]


@pytest.mark.parametrize(("name", "payload", "want"), SIGNS, ids=[row[0] for row in SIGNS])
def test_the_sign_of_an_event_is_read(name: str, payload: Any, want: list[tuple[str, str]]) -> None:
    assert [row[:2] for row in rows(payload)] == want


NEW: list[tuple[str, Any, list[tuple[str, str, str | None]]]] = [
    (
        "mailomat",
        {
            "id": "1",
            "eventType": "failure_perm",
            "occurredAt": "2026-11-23T10:00:00+01:00",
            "messageUuid": "u",
            "messageId": "m@s.example",
            "recipient": "a@b.example",
            "payload": {
                "delivery-status": {
                    "code": 550,
                    "enhanced-code": "5.1.1",
                    "message": "unknown user",
                }
            },
        },
        [("failed", "a@b.example", "mailbox-unknown")],
    ),
    (
        "sweego",
        {"event_type": "hard_bounce", "swg_uid": "1", "recipient": "a@b.example"},
        [("failed", "a@b.example", "mailbox-unknown")],
    ),
    (
        "unisender-go",
        {
            "auth": "0",
            "events_by_user": [
                {
                    "user_id": 1,
                    "events": [
                        {
                            "event_name": "transactional_email_status",
                            "event_data": {
                                "job_id": "j",
                                "email": "a@b.example",
                                "status": "hard_bounced",
                                "event_time": "2026-11-23 10:00:00",
                                "delivery_info": {"delivery_status": "err_user_unknown"},
                            },
                        },
                        {
                            "event_name": "transactional_email_status",
                            "event_data": {"email": "c@b.example", "status": "delivered"},
                        },
                    ],
                }
            ],
        },
        [("failed", "a@b.example", "mailbox-unknown"), ("delivered", "c@b.example", None)],
    ),
    (
        "ahasend",
        {
            "type": "message.bounced",
            "webhook_id": "w",
            "timestamp": "2026-11-23T10:00:00Z",
            "data": {
                "account_id": "1",
                "recipient": "a@b.example",
                "delivery_attempt": {
                    "classification": "QuotaIssues",
                    "smtp_code": 552,
                    "enhanced_status_code": "5.2.2",
                    "response": "mailbox is full",
                },
            },
        },
        [("failed", "a@b.example", "mailbox-full")],
    ),
    (
        "scaleway",
        {"type": "email_mailbox_not_found", "email_id": "1", "email_to": "a@b.example"},
        [("failed", "a@b.example", "mailbox-unknown")],
    ),
]


@pytest.mark.parametrize(("name", "payload", "want"), NEW, ids=[row[0] for row in NEW])
def test_further_providers(
    name: str, payload: Any, want: list[tuple[str, str, str | None]]
) -> None:
    found = [item for item in items(payload) if isinstance(item, Finding)]
    assert [item.report.esp and item.report.esp.name for item in found] == [name] * len(want)
    assert [row[:3] for row in rows(payload)] == want


def test_an_event_without_a_recipient_gives_a_note() -> None:
    event = {"RecordType": "Bounce", "Type": "HardBounce", "ID": 1, "Name": "Hard bounce"}
    assert [type(item) for item in items(event)] == [Note]


EVENT = {"event": "bounce", "email": "victim@b.example", "timestamp": 1, "reason": "550 5.1.1 gone"}
STRANGERS: dict[str, Any] = {
    "text of a mail that Postmark received": {"FromName": "Eve", "TextBody": json.dumps(EVENT)},
    "header fields of a received mail": {"headers": EVENT, "plain": "x"},
    "subject in a mail that SES received": {
        "notificationType": "Received",
        "mail": {"commonHeaders": {"subject": json.dumps(EVENT)}},
    },
    "mail that SES received": {
        "notificationType": "Received",
        "mail": {"headers": [{"name": "X", "value": json.dumps(EVENT)}]},
        "content": json.dumps(EVENT),
    },
    "the same through SNS": {
        "Type": "Notification",
        "MessageId": "x",
        "Message": json.dumps({"notificationType": "Received", "content": json.dumps(EVENT)}),
    },
    "route of Mailgun": {"subject": json.dumps(EVENT), "body-plain": json.dumps(EVENT)},
    "field of a form": {"name": "Eve", "message": json.dumps(EVENT)},
    "line of a web service's log": {
        "level": "info",
        "message": "failed",
        "user": json.dumps(EVENT),
    },
    "object in such a line": {"level": "info", "message": "failed", "request": EVENT},
}


@pytest.mark.parametrize("name", STRANGERS)
def test_what_strangers_wrote_is_no_event(name: str) -> None:
    body = json.dumps(STRANGERS[name]).encode()
    reader = reader_for(body)
    found = list(reader.read(io.BytesIO(body), "x")) if reader else []
    assert not [item for item in found if isinstance(item, Finding)]


MAILINGS: dict[str, tuple[dict[str, Any], str | None, str | None]] = {
    "ses": (
        {
            **SES,
            "mail": {
                **SES["mail"],
                "tags": {"ses:configuration-set": ["news"], "campaign": ["spring"]},
            },
        },
        "news",
        "spring",
    ),
    "sendgrid": (
        {
            "email": "ann@there.example",
            "timestamp": 1764000000,
            "event": "bounce",
            "sg_event_id": "e",
            "sg_message_id": "m",
            "category": ["spring", "shoes"],
            "reason": "550 5.1.1 unknown",
        },
        None,
        "spring",
    ),
    "postmark": (
        {
            "RecordType": "Bounce",
            "Type": "HardBounce",
            "Email": "ann@there.example",
            "ID": 1,
            "MessageStream": "broadcast",
            "Tag": "spring",
            "Details": "smtp;550 5.1.1 unknown",
            "BouncedAt": "2026-11-23T10:00:00Z",
        },
        "broadcast",
        "spring",
    ),
    "brevo": (
        {
            "event": "hard_bounce",
            "email": "ann@there.example",
            "message-id": "<m@s.example>",
            "ts_event": 1764000000,
            "tags": ["spring"],
            "reason": "550 5.1.1 unknown",
        },
        None,
        "spring",
    ),
}


@pytest.mark.parametrize("name", MAILINGS)
def test_the_stream_and_the_campaign_are_read(name: str) -> None:
    event, stream, campaign = MAILINGS[name]
    (found,) = items(event)
    assert isinstance(found, Finding), found
    assert (found.report.esp.name if found.report.esp else "") == name
    assert (found.report.stream, found.report.campaign) == (stream, campaign)
