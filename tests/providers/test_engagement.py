"""Opens and clicks of ESPs, in the form that their documentation gives."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from bouncewise.model import Engagement
from bouncewise.providers import PayloadReader
from bouncewise.providers.payloads import MailedPayloadReader
from bouncewise.readers.base import Note

AT = "2026-11-01T10:00:00Z"
EPOCH = 1793527200
EVENTS: dict[str, dict[str, Any]] = {
    "ses": {
        "eventType": "Click",
        "mail": {
            "messageId": "1",
            "timestamp": "2026-10-31T10:00:00Z",
            "destination": ["a@b.example"],
        },
        "click": {"timestamp": AT, "link": "https://x.example/", "userAgent": "Firefox"},
    },
    "sendgrid": {
        "event": "click",
        "email": "a@b.example",
        "timestamp": EPOCH,
        "sg_event_id": "1",
        "url": "https://x.example/",
        "useragent": "Firefox",
    },
    "mailgun": {
        "event-data": {
            "event": "clicked",
            "recipient": "a@b.example",
            "timestamp": EPOCH,
            "log-level": "info",
            "url": "https://x.example/",
            "client-info": {"user-agent": "Firefox"},
        }
    },
    "postmark": {
        "RecordType": "Click",
        "Recipient": "a@b.example",
        "ReceivedAt": AT,
        "OriginalLink": "https://x.example/",
        "UserAgent": "Firefox",
    },
    "sparkpost": {
        "msys": {
            "track_event": {
                "type": "click",
                "rcpt_to": "a@b.example",
                "timestamp": str(EPOCH),
                "target_link_url": "https://x.example/",
                "user_agent": "Firefox",
            }
        }
    },
    "mandrill": {
        "event": "click",
        "ts": EPOCH,
        "msg": {"email": "a@b.example", "ts": EPOCH - 9},
        "url": "https://x.example/",
        "user_agent": "Firefox",
    },
    "brevo": {
        "event": "click",
        "email": "a@b.example",
        "ts_event": EPOCH,
        "message-id": "<1@x>",
        "link": "https://x.example/",
        "user_agent": "Firefox",
    },
    "mailjet": {
        "event": "click",
        "email": "a@b.example",
        "time": EPOCH,
        "mj_campaign_id": 1,
        "url": "https://x.example/",
        "agent": "Firefox",
    },
    "resend": {
        "type": "email.clicked",
        "created_at": "2026-11-01T10:00:05Z",
        "data": {
            "email_id": "1",
            "to": ["a@b.example"],
            "click": {"timestamp": AT, "link": "https://x.example/", "userAgent": "Firefox"},
        },
    },
}


def read(*events: dict[str, Any]) -> list[Any]:
    body = "\n".join(map(json.dumps, events)).encode()
    return list(PayloadReader().read(io.BytesIO(body), "x"))


@pytest.mark.parametrize("name", EVENTS)
def test_a_click(name: str) -> None:
    (found,) = read(EVENTS[name])
    assert isinstance(found, Engagement)
    assert (found.recipient, found.kind) == ("a@b.example", "click")
    assert found.at.timestamp() == EPOCH
    assert (found.link, found.agent, found.flagged) == ("https://x.example/", "Firefox", False)


def test_what_the_esp_calls_a_machine() -> None:
    opened = EVENTS["sendgrid"] | {"event": "open"}
    found = read(
        opened,
        opened | {"sg_machine_open": True},
        opened | {"sg_machine_open": False},
        EVENTS["brevo"] | {"event": "unique_proxy_open"},
    )
    assert [(act.kind, act.flagged) for act in found] == [
        ("open", False),
        ("open", True),
        ("open", False),
        ("open-machine", False),
    ]


def test_an_act_of_nobody_in_particular_is_a_note() -> None:
    several = json.loads(json.dumps(EVENTS["ses"]))
    several["mail"]["destination"].append("c@d.example")
    undated = EVENTS["sendgrid"] | {"timestamp": "soon"}
    nobody = EVENTS["mailjet"] | {"email": "nobody"}
    found = read(several, undated, nobody, {**EVENTS["sendgrid"], "url": {"a": [1]}})
    assert [type(item) for item in found] == [Note, Note, Note, Engagement]
    assert "2 recipients" in found[0].text
    assert "without a time" in found[1].text


def test_a_click_that_arrives_by_mail_proves_nothing() -> None:
    body = json.dumps(EVENTS["ses"])
    mail = f"X-Amz-Sns-Message-Id: 1\nSubject: x\n\n{body}\n".encode()
    assert list(MailedPayloadReader().read(io.BytesIO(mail), "x")) == []
