"""Messages: each fixture is read as its .toml says, whatever its newlines; only the fields that are
named there count.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from bouncewise.classifier.classify import default_classifier
from bouncewise.model import Report
from bouncewise.readers.messages.interpret import read

FIXTURES = sorted((Path(__file__).parents[1] / "fixtures" / "messages").glob("*.eml"))
NEWLINES = {"LF": b"\n", "CRLF": b"\r\n", "CR": b"\r"}


def fields(report: Report) -> dict[str, Any]:
    verdict = default_classifier().classify_report(report)
    return {
        "kind": report.kind.value,
        "recipient": report.recipient,
        "original_recipient": report.original_recipient,
        "message_id": report.message_id,
        "sender": report.sender,
        "remote_mta": report.remote_mta,
        "stage": report.stage and report.stage.value,
        "reply_code": report.reply and report.reply.reply_code,
        "status": report.reply and report.reply.status,
        "cause": verdict and verdict.cause.value,
        "receiver": verdict and verdict.receiver,
    }


@pytest.mark.parametrize("newline", NEWLINES)
@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda p: p.stem)
def test_fixture(fixture: Path, newline: str) -> None:
    expected = tomllib.loads(fixture.with_suffix(".toml").read_text("utf-8"))
    raw = fixture.read_bytes().replace(b"\n", NEWLINES[newline])
    got = [fields(report) for report in read(raw, fixture.name, 0)]
    assert [g["recipient"] for g in got] == [e["recipient"] for e in expected["report"]]
    for is_, wanted in zip(got, expected["report"], strict=True):
        assert {name: is_[name] for name in wanted} == wanted


def test_there_are_fixtures() -> None:
    assert len(FIXTURES) >= 25


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda p: p.stem)
def test_truncation_anywhere_never_raises_nor_invents(fixture: Path) -> None:
    raw = fixture.read_bytes()
    known = {report.recipient for report in read(raw, "", 0)}
    for at in range(len(raw)):
        for report in read(raw[:at], "", 0):
            # A cut address is a beginning of a known one; nobody else may appear.
            assert (
                report.recipient in known
                or any(k.startswith(report.recipient) for k in known)
                or not known
            ), report


STATUS_REPORT = """From: MAILER-DAEMON@a.example
Return-Path: <>
To: news@sender.example
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain

{text}

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; a.example

Final-Recipient: rfc822; u@b.example
Action: failed
Status: {status}
{diagnostic}
--B--
"""
SORRY = (
    "I'm sorry to have to inform you that your message could not\nbe delivered to one or "
    "more recipients."
)
OVER_QUOTA = (
    "<u@b.example>: host mx.b.example[192.0.2.1] said: 552 5.2.2 Over quota (in "
    "reply to RCPT TO command)"
)
# (the words for people, Status, Diagnostic-Code, what follows: cause, status, reply code)
EVIDENCE = [
    # A Diagnostic-Code, however short, is the reply.
    (SORRY, "5.0.0", "smtp; 550 5.1.1 unknown", "mailbox-unknown", "5.1.1", 550),
    (SORRY, "5.0.0", "smtp; 550 Denied", "policy", "5.0.0", 550),
    (SORRY, "5.0.0", "smtp; 450 Greylisted", "greylisted", "5.0.0", 450),
    (SORRY, "5.0.0", "smtp; 550 5.2.2 full", "mailbox-full", "5.2.2", 550),
    (SORRY, "5.0.0", "smtp; 550 5.1.1", "mailbox-unknown", "5.1.1", 550),
    (SORRY, "5.0.0", "smtp; 550 5.1.1 用户不存在", "mailbox-unknown", "5.1.1", 550),
    (OVER_QUOTA, "5.0.0", "smtp; 550 Blocked", "policy", "5.0.0", 550),
    # Where it has no words, the same reply may stand in those for people.
    (OVER_QUOTA, "5.0.0", "smtp; 552", "mailbox-full", "5.2.2", 552),
    (OVER_QUOTA, "5.0.0", "x-unix; 77", "mailbox-full", "5.2.2", 552),
    (OVER_QUOTA, "5.1.1", "smtp; 550", "mailbox-unknown", "5.1.1", 550),
    # Nothing but a template: the status decides, and a comment beside it.
    (SORRY, "5.1.1", "", "mailbox-unknown", "5.1.1", None),
    (SORRY, "5.7.26", "", "auth-failure", "5.7.26", None),
    (
        "Your message was rejected by the recipient email system.",
        "5.7.26",
        "",
        "auth-failure",
        "5.7.26",
        None,
    ),
    (
        "This is the Haraka mailer program.\n\nThere is nothing more you can do.",
        "5.2.2",
        "",
        "mailbox-full",
        "5.2.2",
        None,
    ),
    (SORRY, "4.0.0 (b.example: host name lookup failure)", "", "network-timeout", "4.0.0", None),
    (SORRY, "5.0.0 (mailbox full)", "", "mailbox-full", "5.0.0", None),
]


@pytest.mark.parametrize(("text", "field", "diagnostic", "cause", "status", "code"), EVIDENCE)
def test_what_a_status_report_is_judged_by(
    text: str, field: str, diagnostic: str, cause: str, status: str, code: int | None
) -> None:
    line = f"Diagnostic-Code: {diagnostic}\n" if diagnostic else ""
    raw = STATUS_REPORT.format(text=text, status=field, diagnostic=line).encode()
    (report,) = read(raw, "x", 0)
    got = fields(report)
    assert (got["cause"], got["status"], got["reply_code"]) == (cause, status, code)


def test_an_address_behind_a_label_is_a_recipient_not_a_reply() -> None:
    raw = (
        b"From: MAILER-DAEMON@a.example\nReturn-Path: <>\nSubject: Mail delivery failed: "
        b"returning message to sender\n\n"
        b"A message that you sent could not be delivered. The following address\nfailed:\n\n"
        b"<u@b.example>\n\nReason:\n"
        b"delivery retry timeout exceeded\n"
    )
    (report,) = read(raw, "x", 0)
    assert (report.recipient, default_classifier().classify_report(report).cause) == (
        "u@b.example",
        "delivery-expired",
    )


def test_an_answer_outranks_what_the_reporter_makes_of_it() -> None:
    raw = (
        b"From: MAILER-DAEMON@a.example\nReturn-Path: <>\nSubject: Returned mail: Service "
        b"unavailable\n\n"
        b"   ----- Transcript of session follows -----\n... while talking to mx.c.example.:\n"
        b">>> QUIT\n<<< 421 busy\n"
        b"... while talking to mx.b.example.:\n>>> RCPT To:<u@b.example>\n<<< 550 5.7.1 Spam\n"
        b"554 <u@b.example>... Service unavailable\n"
    )
    (report,) = read(raw, "x", 0)
    got = fields(report)
    assert (got["recipient"], got["cause"], got["reply_code"]) == (
        "u@b.example",
        "spam-content",
        550,
    )
