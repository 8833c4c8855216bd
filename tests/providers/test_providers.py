"""What each provider sends, after its documentation; traps of the field; hostile JSON."""

from __future__ import annotations

import io
import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bouncewise.classifier.classify import default_classifier
from bouncewise.classifier.disagreement import disagreement
from bouncewise.intake.formats import reader_for
from bouncewise.model import Finding
from bouncewise.providers import PayloadReader, events
from bouncewise.readers import Note

UNKNOWN = "550 5.1.1 <ann@there.example>: Recipient address rejected: User unknown"
SES = {
    "notificationType": "Bounce",
    "bounce": {
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "timestamp": "2026-11-23T10:00:01.000Z",
        "feedbackId": "f1",
        "reportingMTA": "dns; a8-50.smtp-out.amazonses.com",
        "bouncedRecipients": [
            {
                "emailAddress": "ann@there.example",
                "action": "failed",
                "status": "5.1.1",
                "diagnosticCode": f"smtp; {UNKNOWN}",
            },
            {"emailAddress": "bob@there.example"},
        ],
    },
    "mail": {
        "timestamp": "2026-11-23T10:00:00.000Z",
        "messageId": "ses-1",
        "source": "list@sender.example",
        "destination": ["ann@there.example", "bob@there.example"],
    },
}

# provider, payload, [(kind, recipient, label, cause or None)]
CASES: list[tuple[str, Any, list[tuple[str, str, str, str | None]]]] = [
    (
        "ses",
        SES,
        [
            ("failed", "ann@there.example", "bounce:permanent:general", "mailbox-unknown"),
            ("failed", "bob@there.example", "bounce:permanent:general", "mailbox-unknown"),
        ],
    ),
    (
        "ses in sns",
        {"Type": "Notification", "MessageId": "m", "TopicArn": "arn", "Message": json.dumps(SES)},
        [
            ("failed", "ann@there.example", "bounce:permanent:general", "mailbox-unknown"),
            ("failed", "bob@there.example", "bounce:permanent:general", "mailbox-unknown"),
        ],
    ),
    (
        "ses own list",
        {
            "eventType": "Bounce",
            "bounce": {
                "bounceType": "Permanent",
                "bounceSubType": "OnAccountSuppressionList",
                "bouncedRecipients": [{"emailAddress": "ann@there.example"}],
            },
            "mail": {"messageId": "ses-2"},
        },
        [("suppressed", "ann@there.example", "bounce:permanent:onaccountsuppressionlist", None)],
    ),
    (
        "ses complaint",
        {
            "eventType": "Complaint",
            "complaint": {
                "complainedRecipients": [{"emailAddress": "ann@there.example"}],
                "complaintFeedbackType": "abuse",
            },
            "mail": {"messageId": "ses-3"},
        },
        [("complaint", "ann@there.example", "complaint:abuse", None)],
    ),
    (
        "ses delay",
        {
            "eventType": "DeliveryDelay",
            "deliveryDelay": {
                "delayType": "MailboxFull",
                "delayedRecipients": [
                    {
                        "emailAddress": "ann@there.example",
                        "status": "4.2.2",
                        "diagnosticCode": "smtp; 452 4.2.2 over quota",
                    }
                ],
            },
            "mail": {"messageId": "s"},
        },
        [("delayed", "ann@there.example", "deliverydelay:mailboxfull", "mailbox-full")],
    ),
    (
        "sendgrid",
        [
            {
                "event": "bounce",
                "type": "blocked",
                "email": "ann@there.example",
                "reason": UNKNOWN,
                "status": "5.1.1",
                "timestamp": 1795428001,
                "sg_message_id": "sg1",
                "bounce_classification": "Invalid Address",
            },
            {"event": "processed", "email": "x@there.example", "timestamp": 1},
        ],
        [("failed", "ann@there.example", "bounce:blocked:invalid address", "mailbox-unknown")],
    ),
    (
        "sendgrid dropped",
        [
            {
                "event": "dropped",
                "email": "ann@there.example",
                "reason": "Bounced Address",
                "timestamp": 1,
                "sg_event_id": "e",
            }
        ],
        [("suppressed", "ann@there.example", "dropped", None)],
    ),
    (
        "mailgun",
        {
            "signature": {"token": "t"},
            "event-data": {
                "event": "failed",
                "severity": "permanent",
                "reason": "bounce",
                "recipient": "ann@there.example",
                "timestamp": 1795428001.5,
                "delivery-status": {
                    "code": 550,
                    "message": "5.1.1 User unknown",
                    "mx-host": "mx.there.example",
                },
            },
        },
        [("failed", "ann@there.example", "failed:permanent:bounce", "mailbox-unknown")],
    ),
    (
        "mailgun earlier bounce",
        {
            "event-data": {
                "event": "failed",
                "severity": "permanent",
                "reason": "suppress-bounce",
                "recipient": "ann@there.example",
                "timestamp": 1,
                "delivery-status": {
                    "code": 605,
                    "message": "Not delivering to previously bounced address",
                },
            }
        },
        [("suppressed", "ann@there.example", "failed:permanent:suppress-bounce", None)],
    ),
    (
        "postmark",
        {
            "RecordType": "Bounce",
            "Type": "HardBounce",
            "TypeCode": 1,
            "Name": "Hard bounce",
            "Email": "ann@there.example",
            "ID": 4323372036854775807,
            "Details": f"smtp;{UNKNOWN}",
            "BouncedAt": "2026-11-23T10:00:01Z",
            "MessageID": "p1",
            "From": "list@sender.example",
        },
        [("failed", "ann@there.example", "bounce:hardbounce:hard bounce", "mailbox-unknown")],
    ),
    (
        "sparkpost",
        [
            {
                "msys": {
                    "message_event": {
                        "type": "bounce",
                        "bounce_class": "10",
                        "raw_rcpt_to": "Ann@there.example",
                        "rcpt_to": "ann@there.example",
                        "raw_reason": UNKNOWN,
                        "error_code": "550",
                        "timestamp": "1795428001",
                        "event_id": "9",
                        "msg_from": "list@sender.example",
                    }
                }
            }
        ],
        [("failed", "Ann@there.example", "bounce:10", "mailbox-unknown")],
    ),
    (
        "sparkpost own list",
        [
            {
                "msys": {
                    "message_event": {
                        "type": "bounce",
                        "bounce_class": "25",
                        "rcpt_to": "ann@there.example",
                        "raw_reason": (
                            "554 5.7.1 recipient address was suppressed due to customer policy"
                        ),
                        "timestamp": "1",
                    }
                }
            }
        ],
        [("suppressed", "ann@there.example", "bounce:25", None)],
    ),
    ("sparkpost ping", [{"msys": {}}], []),
    (
        "mandrill",
        [
            {
                "event": "hard_bounce",
                "_id": "m1",
                "ts": 1795428001,
                "msg": {
                    "email": "ann@there.example",
                    "diag": f"smtp;{UNKNOWN}",
                    "bounce_description": "bad_mailbox",
                    "sender": "list@sender.example",
                },
            }
        ],
        [("failed", "ann@there.example", "hard_bounce:bad_mailbox", "mailbox-unknown")],
    ),
    (
        "brevo",
        {
            "event": "deferred",
            "email": "ann@there.example",
            "message-id": "<b1@x>",
            "ts_epoch": 1795428001000,
            "reason": (
                " RecipientError: 550 5.1.1 <ann@there.example>: User unknown in "
                "virtual alias table"
            ),
        },
        [("delayed", "ann@there.example", "deferred", "mailbox-unknown")],
    ),
    (
        "mailjet",
        [
            {
                "event": "bounce",
                "time": 1795428001,
                "MessageID": 19421777835146490,
                "email": "ann@there.example",
                "hard_bounce": True,
                "error_related_to": "recipient",
                "error": "user unknown",
                "comment": UNKNOWN,
            }
        ],
        [("failed", "ann@there.example", "bounce:true:user unknown", "mailbox-unknown")],
    ),
    (
        "resend",
        {
            "type": "email.bounced",
            "created_at": "2026-11-23T10:00:01Z",
            "data": {
                "email_id": "r1",
                "to": ["ann@there.example"],
                "from": "L <list@sender.example>",
                "bounce": {"type": "Permanent", "subType": "Suppressed", "message": "on the list"},
            },
        },
        [("suppressed", "ann@there.example", "email.bounced:permanent:suppressed", None)],
    ),
    (
        "mailersend",
        {
            "type": "activity.hard_bounced",
            "data": {
                "id": "x",
                "email": {
                    "from": "list@sender.example",
                    "recipient": {"email": "ann@there.example"},
                },
                "morph": {"object": "recipient_bounce", "reason": "Host or domain name not found"},
            },
        },
        [("failed", "ann@there.example", "activity.hard_bounced", "domain-unknown")],
    ),
    (
        "postal",
        {
            "event": "MessageDeliveryFailed",
            "timestamp": 1795428001.1,
            "uuid": "u",
            "payload": {
                "status": "HardFail",
                "output": UNKNOWN,
                "details": "x",
                "message": {
                    "to": "ann@there.example",
                    "from": "list@sender.example",
                    "message_id": "q@x",
                },
            },
        },
        [("failed", "ann@there.example", "messagedeliveryfailed:hardfail", "mailbox-unknown")],
    ),
    (
        "kumomta hook",
        {
            "type": "Bounce",
            "id": "k",
            "queue": "there.example",
            "recipient": ["ann@there.example"],
            "sender": "list@sender.example",
            "response": {
                "code": 550,
                "enhanced_code": {"class": 5, "subject": 1, "detail": 1},
                "content": "User unknown",
            },
            "timestamp": 1795428001,
        },
        [("failed", "ann@there.example", "bounce", "mailbox-unknown")],
    ),
    (
        "azure",
        [
            {
                "id": "a",
                "eventType": "Microsoft.Communication.EmailDeliveryReportReceived",
                "eventTime": "2026-11-23T10:00:01Z",
                "data": {
                    "sender": "list@sender.example",
                    "recipient": "ann@there.example",
                    "status": "Bounced",
                    "deliveryStatusDetails": {"statusMessage": UNKNOWN},
                },
            }
        ],
        [("failed", "ann@there.example", "bounced", "mailbox-unknown")],
    ),
    (
        "mailtrap",
        {
            "events": [
                {
                    "event": "soft bounce",
                    "email": "ann@there.example",
                    "response": UNKNOWN,
                    "response_code": 550,
                    "bounce_category": "bad_mailbox",
                    "timestamp": 1795428001,
                    "message_id": "t",
                    "event_id": "e",
                    "sending_stream": "transactional",
                }
            ]
        },
        [("failed", "ann@there.example", "soft bounce:bad_mailbox", "mailbox-unknown")],
    ),
    (
        "forwardemail",
        {
            "email_id": "f",
            "recipient": "ann@there.example",
            "message": UNKNOWN,
            "response_code": 550,
            "bounced_at": "2026-11-23T10:00:01Z",
            "bounce": {"action": "reject", "category": "recipient", "status": "5.1.1"},
        },
        [("failed", "ann@there.example", "reject:recipient", "mailbox-unknown")],
    ),
    (
        "lettermint",
        {
            "id": "l",
            "event": "message.hard_bounced",
            "created_at": "2026-11-23T10:00:01Z",
            "data": {
                "message_id": "n",
                "recipient": "ann@there.example",
                "response": {
                    "status_code": 550,
                    "enhanced_status_code": "5.1.1",
                    "content": "User unknown",
                },
            },
        },
        [("failed", "ann@there.example", "message.hard_bounced", "mailbox-unknown")],
    ),
]


def read(body: bytes) -> list[Finding | Note]:
    return list(PayloadReader().read(io.BytesIO(body), "body"))


def told(body: bytes) -> list[tuple[str, str, str, str | None]]:
    found = []
    for item in read(body):
        if isinstance(item, Finding):
            verdict = default_classifier().classify_report(item.report)
            assert item.report.esp is not None
            found.append(
                (
                    item.report.kind.value,
                    item.report.recipient,
                    item.report.esp.label,
                    verdict and verdict.cause.value,
                )
            )
    return found


@pytest.mark.parametrize(("name", "payload", "expected"), CASES, ids=[c[0] for c in CASES])
def test_payload(name: str, payload: Any, expected: list[tuple[str, str, str, str | None]]) -> None:
    for body in (
        json.dumps(payload),
        json.dumps(payload, indent=2),
        "\ufeff" + json.dumps(payload) + "\n",
    ):
        reader = reader_for(body.encode())
        assert reader is not None and reader.name in (
            "esp-payload",
            "kumomta",
        )  # a KumoMTA hook posts its log records
        assert told(body.encode()) == expected


def test_lines_and_repeats() -> None:
    lines = "".join(json.dumps(c[1]) + "\n" for c in CASES).encode()
    assert told(lines) == [row for c in CASES for row in c[2]]
    keys = [i.key for i in read(lines) if isinstance(i, Finding)]
    assert keys == [i.key for i in read(lines) if isinstance(i, Finding)]


def test_form_of_mandrill_and_of_mailgun() -> None:
    mandrill = next(c for c in CASES if c[0] == "mandrill")
    body = urlencode({"mandrill_events": json.dumps(mandrill[1])}, quote_via=quote).encode()
    assert reader_for(body).name == "esp-payload"  # type: ignore[union-attr]
    assert told(body) == mandrill[2]
    old = urlencode(
        {
            "event": "dropped",
            "recipient": "ann@there.example",
            "timestamp": "1795428001",
            "code": "605",
        }
    ).encode()
    assert told(old) == [("suppressed", "ann@there.example", "dropped", None)]


def test_by_mail() -> None:
    raw = (
        (
            b"From: no-reply@sns.amazonaws.com\nx-amz-sns-message-id: 1\nSubject: AWS "
            b"Notification Message\n\n"
        )
        + json.dumps(SES).encode()
        + b"\n\n--\nIf you wish\n"
    )
    reader = reader_for(raw)
    assert reader is not None and reader.name == "sns-mail"
    found = [
        i.report.recipient for i in reader.read(io.BytesIO(raw), "x") if isinstance(i, Finding)
    ]
    assert found == ["ann@there.example", "bob@there.example"]
    assert [type(i) for i in reader.read(io.BytesIO(raw[:200]), "x")] == [Note]


def test_what_cannot_be_known_is_noted() -> None:
    several = {
        "type": "email.bounced",
        "data": {
            "email_id": "r",
            "to": ["ann@there.example", "bob@there.example"],
            "bounce": {"type": "Permanent", "message": "gone"},
        },
    }
    assert [str(i) for i in read(json.dumps(several).encode())] == [
        "body #0: resend: 2 recipients, and the payload does not say which of them"
    ]
    several["data"]["bounce"]["message"] = "bob@there.example is unknown"  # type: ignore[index]
    assert [row[1] for row in told(json.dumps(several).encode())] == ["bob@there.example"]
    new = {"event": "teleported", "email": "ann@there.example", "sg_message_id": "x"}
    assert "teleported" in str(read(json.dumps(new).encode())[0])
    confirm = {
        "Type": "SubscriptionConfirmation",
        "SubscribeURL": "https://evil.example/",
        "Message": "x",
    }
    assert "confirm" in str(read(json.dumps(confirm).encode())[0])


def test_only_the_message_of_an_envelope_is_an_event() -> None:
    """The signature of SNS does not cover what an attacker adds beside the message."""
    for message in ("Successfully validated SNS topic", "[]", "{", json.dumps("x")):
        envelope = SES | {
            "Type": "Notification",
            "MessageId": "m",
            "TopicArn": "arn",
            "Message": message,
        }
        assert [str(i) for i in read(json.dumps(envelope).encode())] == [
            "body #0: no event of an ESP that bouncewise knows"
        ]


def test_numbers_beyond_doubles_survive() -> None:
    body = json.dumps(next(c[1] for c in CASES if c[0] == "mailjet")).encode()
    assert [i.report.message_id for i in read(body) if isinstance(i, Finding)] == [
        "19421777835146490"
    ]


def test_disagreement_is_said() -> None:
    brevo = read(json.dumps(next(c[1] for c in CASES if c[0] == "brevo")).encode())[0]
    assert isinstance(brevo, Finding)
    said = disagreement(brevo.report, default_classifier().classify_report(brevo.report))
    assert (
        said
        == "brevo says deferred (transient); the server said 550 5.1.1: mailbox-unknown (permanent)"
    )
    ses = read(json.dumps(SES).encode())[0]
    assert isinstance(ses, Finding)
    assert disagreement(ses.report, default_classifier().classify_report(ses.report)) is None


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.lists(st.integers(), max_size=3),
    st.just({}),
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(CASES), st.data())
def test_hostile_values_never_raise(case: tuple[str, Any, Any], data: st.DataObject) -> None:
    def mutated(value: Any) -> Any:
        if data.draw(st.integers(0, 6)) == 0:
            return data.draw(LEAVES)
        if isinstance(value, dict):
            return {k: mutated(v) for k, v in value.items()}
        return [mutated(v) for v in value] if isinstance(value, list) else value

    known = json.dumps(case[1]).casefold()
    for item in read(json.dumps(mutated(case[1])).encode()):
        if isinstance(item, Finding):
            assert item.report.recipient.casefold() in known or "@" in item.report.recipient


def test_deep_and_cut_json() -> None:
    assert all(isinstance(i, Note) for i in read(b"[" * 100_000))
    assert all(isinstance(i, Note) for i in read(b'{"event":' * 5000))
    body = json.dumps(SES).encode()
    for end in range(0, len(body), 13):
        list(PayloadReader().read(io.BytesIO(body[:end]), "x"))


def test_every_word_names_a_kind() -> None:
    from bouncewise.model import ActKind, Kind, Permanence

    for esp in events.esps():
        for meaning in esp.words.values():
            kind, _, permanence = meaning.partition(" ")
            if kind == events.ENGAGED:
                assert ActKind(permanence) and esp.act.time
                continue
            assert kind == events.IGNORED or Kind(kind)
            assert not permanence or Permanence(permanence)
        assert all(word == word.casefold() for word in esp.words)
