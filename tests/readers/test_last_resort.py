# ruff: noqa: E501
"""Bounces of unknown mail systems: the recipient in prose, tables, the Subject or the returned mail."""

from __future__ import annotations

import io

import pytest

from bouncewise.intake.formats import reader_for
from bouncewise.model import Finding
from bouncewise.readers.messages.candidates import candidates, has_real_domain
from bouncewise.readers.messages.parsed import ParsedMessage

# The recipients, the reply code and status (None: not stated), and the message, by what it is.
NOTICES: dict[str, tuple[list[str], int | None, str | None, str]] = {
    "prose": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
From: postmaster@rcpt.example
To: news@sender.example
Subject: Delivery problem
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n0@gw.rcpt.example>

The mail system of rcpt.example regrets that your message for the user ann@rcpt.example could not be delivered because there is no such user here.

For help write to helpdesk@rcpt.example.
""",
    ),
    "prose unknown sender": (
        ["ann@rcpt.example"],
        550,
        "5.1.1",
        """\
Return-Path: <>
From: Notification <notify@gw.rcpt.example>
To: news@sender.example
Subject: Undeliverable: Your invoice
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n1@gw.rcpt.example>

Your message to ann@rcpt.example could not be delivered: 550 5.1.1 User unknown.

----- Original message -----
Return-Path: <news@sender.example>
Received: from app (app [192.0.2.7]) by mx.sender.example; Mon, 23 Nov 2026 09:59:00 +0000
From: News <news@sender.example>
To: Ann <ann@rcpt.example>
Subject: Your invoice
Message-ID: <m1@sender.example>
""",
    ),
    "table": (
        ["ann@rcpt.example"],
        550,
        "5.1.1",
        """\
Return-Path: <>
From: mailer-daemon@gw.rcpt.example
To: news@sender.example
Subject: Delivery problem
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n2@gw.rcpt.example>

Delivery report

Recipient            | Result   | Detail
---------------------+----------+---------------------------
ann@rcpt.example     | FAILED   | 550 5.1.1 User unknown

Sender: news@sender.example
""",
    ),
    "keyvalue": (
        ["ann@rcpt.example"],
        550,
        None,
        """\
Return-Path: <>
From: System Administrator <sysadmin@gw.rcpt.example>
To: news@sender.example
Subject: Delivery problem
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n3@gw.rcpt.example>

Mail delivery failed.

MAIL_FROM   :news@sender.example
RCPT_TO     :ann@rcpt.example
ERROR_CODE  :550
ERROR_DESC  :User unknown
""",
    ),
    "keyvalue2": (
        ["ann@rcpt.example"],
        550,
        "5.2.2",
        """\
Return-Path: <>
From: MAILER-DAEMON@gw
To: news@sender.example
Subject: Delivery problem
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n4@gw.rcpt.example>

Your message was not delivered.

  Sender:      news@sender.example
  Recipient:   ann@rcpt.example
  Reply code:  550
  Reply text:  5.2.2 mailbox full
""",
    ),
    "subject": (
        ["ann@rcpt.example"],
        552,
        None,
        """\
Return-Path: <>
From: postmaster@rcpt.example
To: news@sender.example
Subject: Undeliverable mail: ann@rcpt.example
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n5@gw.rcpt.example>

The mailbox is full. Please try again later.

552 mailbox full
""",
    ),
    "original to": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
From: postmaster@rcpt.example
To: news@sender.example
Subject: Delivery problem
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n6@gw.rcpt.example>

The following message could not be delivered. The recipient is not known here.

----- Original message -----
Return-Path: <news@sender.example>
Received: from app (app [192.0.2.7]) by mx.sender.example; Mon, 23 Nov 2026 09:59:00 +0000
From: News <news@sender.example>
To: Ann <ann@rcpt.example>
Subject: Your invoice
Message-ID: <m1@sender.example>
""",
    ),
    "original to attached": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
From: postmaster@rcpt.example
To: news@sender.example
Subject: Delivery problem
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n7@gw.rcpt.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=B

--B
Content-Type: text/plain

Your message was not delivered because the mailbox is disabled.
--B
Content-Type: message/rfc822

From: News <news@sender.example>
To: ann@rcpt.example
Message-ID: <m@sender.example>
Subject: x

hello
--B--
""",
    ),
    "original received for": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
From: postmaster@rcpt.example
To: news@sender.example
Subject: Delivery problem
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n8@gw.rcpt.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=B

--B
Content-Type: text/plain

Your message was not delivered because the mailbox is disabled.
--B
Content-Type: message/rfc822

Received: from a (a [192.0.2.1]) by mx.rcpt.example with ESMTP id 1 for <ann@rcpt.example>; Mon, 23 Nov 2026 09:59:00 +0000
From: News <news@sender.example>
To: undisclosed-recipients:;
Message-ID: <m@sender.example>
Subject: x

hello
--B--
""",
    ),
    "dsn no domain": (
        ["ann@rcpt.example"],
        550,
        "5.1.1",
        """\
Return-Path: <>
From: postmaster@rcpt.example
To: news@sender.example
Subject: Delivery problem
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n9@gw.rcpt.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=B

--B
Content-Type: text/plain

failed
--B
Content-Type: message/delivery-status

Reporting-MTA: dns; gw

Final-Recipient: rfc822; ann
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 unknown user
--B
Content-Type: message/rfc822

From: News <news@sender.example>
To: ann@rcpt.example
Message-ID: <m@sender.example>
Subject: x

hello
--B--
""",
    ),
    "dsn host local": (
        ["ann@rcpt.example"],
        None,
        "5.1.1",
        """\
Return-Path: <>
From: postmaster@rcpt.example
To: news@sender.example
Subject: Delivery problem
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n10@gw.rcpt.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=B

--B
Content-Type: text/plain

failed
--B
Content-Type: message/delivery-status

Reporting-MTA: dns; gw

Final-Recipient: rfc822; ann@mailstore01.local
Action: failed
Status: 5.1.1
--B
Content-Type: message/rfc822

From: News <news@sender.example>
To: ann@rcpt.example
Message-ID: <m@sender.example>
Subject: x

hello
--B--
""",
    ),
    "dsn x400": (
        ["ann@rcpt.example"],
        None,
        "5.1.1",
        """\
Return-Path: <>
From: postmaster@rcpt.example
To: news@sender.example
Subject: Delivery problem
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n11@gw.rcpt.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=B

--B
Content-Type: text/plain

failed
--B
Content-Type: message/delivery-status

Reporting-MTA: dns; gw

Original-Recipient: rfc822; ann@rcpt.example
Final-Recipient: x400; /C=DE/A= /P=RCPT/S=ann
Action: failed
Status: 5.1.1
--B--
""",
    ),
    "html only": (
        ["ann@rcpt.example"],
        550,
        "5.1.1",
        """\
Return-Path: <>
From: Mail Delivery <no-reply@gw.rcpt.example>
To: news@sender.example
Subject: Message not delivered
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n12@gw.rcpt.example>
MIME-Version: 1.0
Content-Type: text/html
Auto-Submitted: auto-replied

<html><body><h2>Message not delivered</h2><p>We could not deliver your message to <b>ann@rcpt.example</b>.</p><table><tr><td>Reason</td><td>550 5.1.1 The recipient does not exist</td></tr></table></body></html>""",
    ),
    "bullets": (
        ["ann@rcpt.example", "bob@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
From: Mailserver <mailserver@rcpt.example>
To: news@sender.example
Subject: Returned mail
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n13@gw.rcpt.example>
Auto-Submitted: auto-generated

Your message could not be delivered to these recipients:

  * ann@rcpt.example (unknown user)
  * bob@rcpt.example (mailbox full)

Contact: postmaster@rcpt.example
""",
    ),
    "german": (
        ["ann@rcpt.example"],
        550,
        None,
        """\
Return-Path: <>
From: Mailserver <mail@rcpt.example>
To: news@sender.example
Subject: Unzustellbar: Rechnung
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n14@gw.rcpt.example>
Content-Type: text/plain; charset=utf-8

Ihre Nachricht an den Empfänger ann@rcpt.example konnte nicht zugestellt werden.

Grund: 550 Unbekannter Empfänger
""",
    ),
    "french": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
From: Serveur <serveur@rcpt.example>
To: news@sender.example
Subject: Échec de la remise
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n15@gw.rcpt.example>
Content-Type: text/plain; charset=utf-8
Auto-Submitted: auto-replied

Votre message n'a pas pu être remis au destinataire : ann@rcpt.example
Raison : boîte aux lettres inconnue
""",
    ),
    "japanese": (
        ["ann@rcpt.example"],
        550,
        "5.1.1",
        """\
Return-Path: <>
From: postmaster@rcpt.example
To: news@sender.example
Subject: 配信エラー
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n16@gw.rcpt.example>
Content-Type: text/plain; charset=utf-8

宛先 ann@rcpt.example にメールを送信できませんでした。

550 5.1.1 User unknown
""",
    ),
    "spanish prose": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
From: Servicio de correo <correo@rcpt.example>
To: news@sender.example
Subject: Mensaje no entregado
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n17@gw.rcpt.example>
Content-Type: text/plain; charset=utf-8
Auto-Submitted: auto-replied

No se pudo entregar el mensaje enviado a ann@rcpt.example porque el buzón está lleno.
""",
    ),
    "forward chain": (
        ["ann@rcpt.example"],
        550,
        "5.1.1",
        """\
Return-Path: <>
From: MAILER-DAEMON@rcpt.example
To: news@sender.example
Subject: Delivery problem
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n18@gw.rcpt.example>

Delivery failed for ann@isp.local (forwarded from ann@rcpt.example).
550 5.1.1 unknown
""",
    ),
    "verp only": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
From: MAILER-DAEMON@rcpt.example
To: news@sender.example
Subject: Delivery problem
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n19@gw.rcpt.example>
Delivered-To: news-bounces+ann=rcpt.example@sender.example

Your message could not be delivered. The mailbox is disabled.
""",
    ),
    "text quoted name": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
From: Mail Delivery Subsystem <postmaster@rcpt.example>
To: news@sender.example
Subject: Delivery problem
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n20@gw.rcpt.example>

The message you sent to rcpt.example/ann was rejected because it would exceed the quota for the mailbox.

The subject of the message follows:
Subject: x

----- Original message -----
Return-Path: <news@sender.example>
Received: from app (app [192.0.2.7]) by mx.sender.example; Mon, 23 Nov 2026 09:59:00 +0000
From: News <news@sender.example>
To: Ann <ann@rcpt.example>
Subject: Your invoice
Message-ID: <m1@sender.example>
""",
    ),
    "smtp session": (
        ["ann@rcpt.example"],
        550,
        "5.1.1",
        """\
Return-Path: <>
From: Mail Robot <robot@sender.example>
To: news@sender.example
Subject: Mail could not be sent
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n21@gw.rcpt.example>
Auto-Submitted: auto-generated

There was a problem sending your message.

Session transcript:
  S: 220 mx.rcpt.example ESMTP
  C: EHLO gw.sender.example
  S: 250 ok
  C: MAIL FROM:<news@sender.example>
  S: 250 ok
  C: RCPT TO:<ann@rcpt.example>
  S: 550 5.1.1 <ann@rcpt.example>: Recipient address rejected: User unknown
  C: QUIT
""",
    ),
    "mailto html": (
        ["ann@rcpt.example"],
        550,
        None,
        """\
Return-Path: <>
From: postmaster@rcpt.example
To: news@sender.example
Subject: Undeliverable
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n22@gw.rcpt.example>
MIME-Version: 1.0
Content-Type: text/html

<html><body>Delivery to <a href="mailto:ann@rcpt.example">Ann Other</a> failed permanently. Error: 550 no such user</body></html>""",
    ),
}


def findings(raw: bytes) -> list[Finding]:
    reader = reader_for(raw)
    assert reader is not None
    return [item for item in reader.read(io.BytesIO(raw), "x") if isinstance(item, Finding)]


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("name", NOTICES)
def test_recipient_code_and_status_are_found(name: str, newline: str) -> None:
    recipients, code, status, text = NOTICES[name]
    found = [f.report for f in findings(text.replace("\n", newline).encode())]
    assert sorted(r.recipient for r in found) == recipients
    if code is not None:
        assert {r.reply and r.reply.reply_code for r in found} == {code}
    if status is not None:
        assert {r.reply and r.reply.status for r in found} == {status}


def notice(text: str, original: str = "", to: str = "news@sender.example") -> ParsedMessage:
    head = f"Return-Path: <>\nFrom: Gate <gate@gw.example>\nTo: {to}\nSubject: Undeliverable\n\n"
    pasted = f"\n----- Original message -----\n{original}" if original else ""
    return ParsedMessage((head + text + pasted).encode())


def test_evidence_is_stated_and_the_best_comes_first() -> None:
    message = notice(
        "Could not deliver to ann@rcpt.example. Contact help@gw.example. Sent by news@sender.example.\n",
        "From: news@sender.example\nTo: ann@rcpt.example\nSubject: x\nMessage-ID: <1@s.example>\n\n",
    )
    found = candidates(message)
    assert [c.address for c in found] == ["ann@rcpt.example"]
    assert found[0].reasons == (
        "the returned mail was sent to it",
        "a label calls it a recipient",
        "words of failure stand beside it",
        "no other address can be meant",
    )


@pytest.mark.parametrize(
    "text",
    [
        "The mail was not delivered. Contact postmaster@rcpt.example for help.",
        "The mail was not delivered. It is from news@sender.example.",
        "RECIPIENT=ann@rcpt.example\nfailed",
        "Message-ID: <4711@rcpt.example> was not delivered",
    ],
)
def test_an_address_without_evidence_is_no_recipient(text: str) -> None:
    assert candidates(notice(text)) == []


def test_a_mail_to_many_names_nobody() -> None:
    to = ", ".join(f"u{i}@rcpt.example" for i in range(9))
    message = notice(
        "The mail failed.\n", f"From: news@sender.example\nTo: {to}\nSubject: x\nDate: x\n\n"
    )
    assert candidates(message) == []


def test_domains_that_no_mail_can_be_sent_to() -> None:
    assert has_real_domain("a@b.example") and has_real_domain("a@xn--e1afmkfd.xn--p1ai")
    for name in ("a@mailstore01", "a@box.local", "a@[192.0.2.1]", "a@localhost.localdomain", "a"):
        assert not has_real_domain(name)


def test_a_text_full_of_addresses_takes_no_time() -> None:
    text = " ".join(f"failed to: <u{i}@rcpt.example>" for i in range(20_000))
    assert len(candidates(notice(text))) <= 200
