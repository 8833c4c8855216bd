# ruff: noqa: E501
"""Notices whose MIME structure or header is broken, and reasons that stand in unusual places."""

from __future__ import annotations

import io

import pytest

from bouncewise.intake.formats import reader_for
from bouncewise.model import Finding, Kind, Report
from bouncewise.readers import Note
from bouncewise.rfc import address
from bouncewise.rfc.reply import parse

HEAD = "From: MAILER-DAEMON@x.example\nTo: us@sender.example\nSubject: failure notice\nMIME-Version: 1.0\n"
QMAIL = "I wasn't able to deliver your message to the following addresses.\n\n<ann@rcpt.example>:\nRemote host said: 550 5.1.1 No such user\n"


def items(raw: str | bytes) -> list[Finding | Note]:
    octets = raw if isinstance(raw, bytes) else raw.encode()
    reader = reader_for(octets)
    assert reader is not None
    return list(reader.read(io.BytesIO(octets), "x"))


def reports(raw: str | bytes) -> list[Report]:
    return [item.report for item in items(raw) if isinstance(item, Finding)]


BROKEN: dict[str, str | bytes] = {
    "a blank line before the header": f"  \n\n{HEAD}\n{QMAIL}",
    "blanks before the header": f"   {HEAD}\n{QMAIL}",
    "a byte order mark": b"\xef\xbb\xbf" + f"{HEAD}\n{QMAIL}".encode(),
    "UTF-16": f"{HEAD}\n{QMAIL}".encode("utf-16"),
    "continuation lines that are not indented": HEAD.replace(
        "Subject",
        "Received: from a (a [192.0.2.1])\nby b with SMTP\nfor <us@sender.example>\nSubject",
    )
    + f"\n{QMAIL}",
    "a From line within the header": HEAD.replace(
        "To:", "From daemon Mon Nov 23 10:00:00 2026\nTo:"
    )
    + f"\n{QMAIL}",
    "a boundary that is nowhere": f"{HEAD}Content-Type: multipart/mixed; boundary=B\n\n{QMAIL}",
    "no boundary": f"{HEAD}Content-Type: multipart/report; report-type=delivery-status\n\n{QMAIL}",
    "a blank line before the header of a part": f"{HEAD}Content-Type: multipart/mixed; boundary=B\n\n--B\n\nContent-Type: text/plain\n\n{QMAIL}\n--B--\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_message_is_read(name: str) -> None:
    found = reports(BROKEN[name])
    assert [(r.recipient, r.reply and r.reply.reply_code) for r in found] == [
        ("ann@rcpt.example", 550)
    ]


def dsn(fields: str, text: str = "It failed.", original: str = "") -> str:
    returned = f"--B\nContent-Type: message/rfc822\n\n{original}\n" if original else ""
    return (
        f"{HEAD}Content-Type: multipart/report; report-type=delivery-status; boundary=B\n\n--B\n"
        f"Content-Type: text/plain\n\n{text}\n--B\nContent-Type: message/delivery-status\n\n"
        f"Reporting-MTA: dns; x.example\n\n{fields}\n{returned}--B--\n"
    )


RECIPIENT = "Final-Recipient: rfc822; ann@rcpt.example\nAction: failed\nStatus: 5.0.0\n"


def test_a_reason_in_a_field_of_the_reporter_is_read() -> None:
    field = "X-Supplementary-Info: <mx.rcpt.example #5.0.0 smtp;\n 550 5.4.1 Recipient address\n rejected: Access denied>\n"
    reply = reports(dsn(RECIPIENT + field))[0].reply
    assert reply is not None and (reply.reply_code, reply.status) == (550, "5.4.1")
    assert reply.text == "550 5.4.1 Recipient address rejected: Access denied"
    exim = "X-Exim-Diagnostic: X-str; SMTP error from remote mail server: 552 5.2.2 full\n"
    reply = reports(dsn(RECIPIENT + exim))[0].reply
    assert reply is not None and reply.status == "5.2.2"


def test_a_diagnostic_with_words_is_preferred_to_other_fields() -> None:
    fields = "Diagnostic-Code: smtp; 550 5.1.1 User unknown\nX-Info: 552 5.2.2 mailbox full\n"
    reply = reports(dsn(RECIPIENT + fields))[0].reply
    assert reply is not None and reply.status == "5.1.1"


def test_the_number_of_a_local_diagnostic_is_no_reply_code() -> None:
    reply = reports(dsn(RECIPIENT + "Diagnostic-Code: X-LOCAL; 500 (err.nosuchuser)\n"))[0].reply
    assert reply is not None and reply.reply_code is None and reply.text == "(err.nosuchuser)"


def test_the_alias_that_was_mailed_has_the_reason_of_its_child() -> None:
    text = "The following address(es) failed:\n\n  child@there.example\n    (generated from ann@rcpt.example)\n    mailbox is full\n"
    reply = reports(dsn(RECIPIENT, text))[0].reply
    assert reply is not None and reply.text == "mailbox is full"


def test_a_text_only_notice_names_the_alias_as_the_original_recipient() -> None:
    body = "A message that you sent could not be delivered. The following address(es) failed:\n\n  child@there.example\n    (generated from ann@rcpt.example)\n    Unrouteable address\n"
    report = reports(f"{HEAD}\n{body}")[0]
    assert (report.recipient, report.original_recipient) == (
        "child@there.example",
        "ann@rcpt.example",
    )
    assert report.reply is not None and report.reply.text == "Unrouteable address"


def test_output_of_a_program_names_no_recipient() -> None:
    body = "Delivery failed.\n\nRECIPIENT=ann@rcpt.example\nSENDER=us@sender.example\n"
    assert reports(f"{HEAD}\n{body}") == []


def test_a_message_id_is_found_behind_a_from_line_and_without_its_blanks() -> None:
    original = "From news@sender.example Mon Nov 23 10:00:00 2026\nMessage-ID: <1@sender.example>\nTo: ann@rcpt.example\n\nx"
    assert reports(dsn(RECIPIENT, original=original))[0].message_id == "1@sender.example"
    original = "Message-ID: <38@ sender.example>\nTo: ann@rcpt.example\n\nx"
    assert reports(dsn(RECIPIENT, original=original))[0].message_id == "38@sender.example"


@pytest.mark.parametrize(
    ("field", "want"),
    [
        ('rfc822;"ann@x.y"@rcpt.example', '"ann@x.y"@rcpt.example'),
        ("rfc822; |/bin/cat@rcpt.example", "|/bin/cat@rcpt.example"),
        ('rfc822;":fail: no"@special', '":fail: no"@special'),
        ("rfc822; <ann@rcpt.example>", "ann@rcpt.example"),
        ("rfc822; 'ann@rcpt.example'", "ann@rcpt.example"),
    ],
)
def test_unusual_local_parts_of_a_field_are_kept(field: str, want: str) -> None:
    assert address.parse_field(field) == want


@pytest.mark.parametrize(
    ("return_path", "want"),
    [
        ("bounces+1137616-c1ad-ann=rcpt.example@em.sender.example", "ann@rcpt.example"),
        ("bounce+8c8b98.c2f1-ann=rcpt.example@mg.sender.example", "ann@rcpt.example"),
        ("news-bounces+ann=rcpt.example@sender.example", "ann@rcpt.example"),
        ("bounces+1137616-c1ad-@em.sender.example", None),
    ],
)
def test_the_recipient_in_a_return_address_of_an_esp(return_path: str, want: str | None) -> None:
    assert address.from_verp(return_path) == want


def test_a_telephone_number_is_no_reply_code() -> None:
    assert parse("contact Customer Support at 480-624-2500.").reply_code is None
    assert parse("said: 550-624 is unknown").reply_code == 550


REJECTED = (
    "From: Mail Delivery Subsystem <postmaster@rcpt.example>\nTo: us@sender.example\n"
    "Subject: Automatically rejected mail\nAuto-Submitted: auto-replied (rejected)\nReturn-Path: <>\n"
    "MIME-Version: 1.0\nContent-Type: multipart/report; report-type=disposition-notification; boundary=B\n\n"
    "--B\nContent-Type: text/plain\n\nYour message to <ann@rcpt.example> was automatically rejected:\nQuota exceeded\n"
    "--B\nContent-Type: message/disposition-notification\n\nReporting-UA: x; Dovecot\n"
    "Final-Recipient: rfc822; ann@rcpt.example\n"
    "Disposition: automatic-action/MDN-sent-automatically; {}\n--B--\n"
)


@pytest.mark.parametrize("disposition", ["deleted", "denied", "failed"])
def test_a_rejection_in_the_form_of_a_receipt_is_a_failure(disposition: str) -> None:
    (report,) = reports(REJECTED.format(disposition))
    assert (report.kind, report.recipient) == (Kind.FAILED, "ann@rcpt.example")
    assert report.reply is not None and report.reply.text == "Quota exceeded"


def test_a_receipt_is_no_failure() -> None:
    assert items(REJECTED.format("displayed")) == []


ARF = (
    "From: abuse@rcpt.example\nTo: fbl@sender.example\nSubject: x\nMIME-Version: 1.0\n"
    "Content-Type: multipart/report; report-type=feedback-report; boundary=B\n\n--B\n"
    "Content-Type: message/feedback-report\n\nFeedback-Type: {}\nVersion: 1\n--B--\n"
)


def test_a_report_that_names_nobody_gives_a_note() -> None:
    assert [type(item) for item in items(ARF.format("abuse"))] == [Note]
    assert items(ARF.format("not-spam")) == []
    assert [
        type(item) for item in items(dsn("Final-Recipient: unknown; nair_s\nAction: failed\n"))
    ] == [Note]
