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
    "layout imail": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: postmaster@rcpt.example
To: news@sender.example
Subject: Undeliverable mail
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n0@gw.rcpt.example>

Unknown user: ann@rcpt.example

Original message follows.

Received: from app (app [192.0.2.7]) by mx.sender.example; Mon, 23 Nov 2026 09:59:00 +0000
From: News <news@sender.example>
To: Ann <ann@rcpt.example>
Subject: Your invoice
Message-ID: <m1@sender.example>

Hello
""",
    ),
    "layout imail2": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: postmaster@rcpt.example
To: news@sender.example
Subject: Undeliverable mail
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n1@gw.rcpt.example>

undeliverable to ann@rcpt.example

Original message follows.

Received: from app (app [192.0.2.7]) by mx.sender.example; Mon, 23 Nov 2026 09:59:00 +0000
From: News <news@sender.example>
To: Ann <ann@rcpt.example>
Subject: Your invoice
Message-ID: <m1@sender.example>

Hello
""",
    ),
    "layout groupwise": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: postmaster@rcpt.example
To: news@sender.example
Subject: Message status - undeliverable
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n2@gw.rcpt.example>

The message that you sent was undeliverable to the following:
	ann (user not found)

Possibly truncated original message follows:

Received: from app (app [192.0.2.7]) by mx.sender.example; Mon, 23 Nov 2026 09:59:00 +0000
From: News <news@sender.example>
To: Ann <ann@rcpt.example>
Subject: Your invoice
Message-ID: <m1@sender.example>

Hello
""",
    ),
    "layout mdaemon": (
        ["ann@rcpt.example"],
        550,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: MDaemon@rcpt.example
To: news@sender.example
Subject: Undeliverable mail
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n3@gw.rcpt.example>

The following data may contain sections which represent BASE64 encoded file attachments.

The attached message had PERMANENT fatal delivery errors!

After one or more unsuccessful delivery attempts the attached message has
been removed from the mail queue on this server.

 : Message contains [1] file attachments
YOUR MESSAGE WAS NOT DELIVERED TO ONE OR MORE RECIPIENTS!

Failed address: ann@rcpt.example

--- Session Transcript ---
 Mon: <-- 220 mx ESMTP
 Mon: --> RCPT To:<ann@rcpt.example>
 Mon: <-- 550 User unknown
""",
    ),
    "layout lotus": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: postmaster@rcpt.example
To: news@sender.example
Subject: DELIVERY FAILURE: User ann not listed
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n4@gw.rcpt.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=BB

--BB
Content-Type: text/plain; charset=utf-8

Your message

  Subject: Your invoice

was not delivered to:

  ann@rcpt.example

because:

  User ann (ann@rcpt.example) not listed in Domino Directory

--BB
Content-Type: message/rfc822

Received: from app (app [192.0.2.7]) by mx.sender.example; Mon, 23 Nov 2026 09:59:00 +0000
From: News <news@sender.example>
To: Ann <ann@rcpt.example>
Subject: Your invoice
Message-ID: <m1@sender.example>

Hello

--BB--
""",
    ),
    "layout exchange55": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: System Administrator <postmaster@rcpt.example>
To: news@sender.example
Subject: Undeliverable: Your invoice
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n5@gw.rcpt.example>

Your message

  To:      ann@rcpt.example
  Subject: Your invoice
  Sent:    Mon, 23 Nov 2026 10:00:00 +0100

did not reach the following recipient(s):

ann@rcpt.example on Mon, 23 Nov 2026 10:00:01 +0100
    The recipient name is not recognized
	The MTS-ID of the original message is: c=US;a= ;p=RCPT;l=MAIL-2611231000Z-12
    MSEXCH:IMS:RCPT:SITE:MAIL 0 (000C05A6) Unknown Recipient
""",
    ),
    "layout pmdf": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: Internet Mail Delivery <postmaster@rcpt.example>
To: news@sender.example
Subject: Delivery Notification: Delivery has failed
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n6@gw.rcpt.example>

This report relates to a message you sent with the following header fields:

  Message-id: <m1@sender.example>
  From: News <news@sender.example>
  To: ann@rcpt.example
  Subject: Your invoice

Your message cannot be delivered to the following recipients:

  Recipient address: ann@rcpt.example
  Reason: unknown or illegal alias
""",
    ),
    "layout smail": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: <MAILER-DAEMON@rcpt.example>
To: news@sender.example
Subject: mail failed, returning to sender
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n7@gw.rcpt.example>

|------------------------- Message log follows: -------------------------|
 no valid recipients were found for this message
|------------------------- Failed addresses follow: ---------------------|
 <ann@rcpt.example> ... unknown user
|------------------------- Message text follows: ------------------------|
Received: from app (app [192.0.2.7]) by mx.sender.example; Mon, 23 Nov 2026 09:59:00 +0000
From: News <news@sender.example>
To: Ann <ann@rcpt.example>
Subject: Your invoice
Message-ID: <m1@sender.example>

Hello
""",
    ),
    "layout ironport": (
        ["ann@rcpt.example"],
        550,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: postmaster@rcpt.example
To: news@sender.example
Subject: Delivery Status Notification (Failure)
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n8@gw.rcpt.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=BB

--BB
Content-Type: text/plain; charset=utf-8

The following message to <ann@rcpt.example> was undeliverable.
The reason for the problem:
5.1.0 - Unknown address error 550-'5.1.1 User unknown'

--BB
Content-Type: message/rfc822

Received: from app (app [192.0.2.7]) by mx.sender.example; Mon, 23 Nov 2026 09:59:00 +0000
From: News <news@sender.example>
To: Ann <ann@rcpt.example>
Subject: Your invoice
Message-ID: <m1@sender.example>

Hello

--BB--
""",
    ),
    "layout communigate": (
        ["ann@rcpt.example"],
        550,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: MAILER-DAEMON@rcpt.example
To: news@sender.example
Subject: Undeliverable mail
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n9@gw.rcpt.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=BB

--BB
Content-Type: text/plain; charset=utf-8

Failed to deliver to 'ann@rcpt.example'
SMTP module(domain rcpt.example) reports:
 host mx.rcpt.example says:
 550 5.1.1 unknown user

--BB
Content-Type: message/rfc822

Received: from app (app [192.0.2.7]) by mx.sender.example; Mon, 23 Nov 2026 09:59:00 +0000
From: News <news@sender.example>
To: Ann <ann@rcpt.example>
Subject: Your invoice
Message-ID: <m1@sender.example>

Hello

--BB--
""",
    ),
    "layout intermail": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: Mail Administrator <Postmaster@gw.rcpt.example>
To: news@sender.example
Subject: Mail System Error - Returned Mail
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n10@gw.rcpt.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=BB

--BB
Content-Type: text/plain; charset=utf-8

This Message was undeliverable due to the following reason:

The user(s) account is temporarily over quota.

<ann@rcpt.example>

Please reply to <postmaster@gw.rcpt.example>
if you feel this message to be in error.

--BB
Content-Type: message/rfc822

Received: from app (app [192.0.2.7]) by mx.sender.example; Mon, 23 Nov 2026 09:59:00 +0000
From: News <news@sender.example>
To: Ann <ann@rcpt.example>
Subject: Your invoice
Message-ID: <m1@sender.example>

Hello

--BB--
""",
    ),
    "layout mailru": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: Mail Delivery System <Mailer-Daemon@rcpt.example>
To: news@sender.example
Subject: Undeliverable mail
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n11@gw.rcpt.example>

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its recipients. This is a permanent error. The following address(es) failed:

  ann@rcpt.example
    all relevant MX records point to non-existent hosts
""",
    ),
    "layout zoho": (
        ["ann@rcpt.example"],
        550,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: mailer-daemon@mail.rcpt.example
To: news@sender.example
Subject: Undeliverable mail
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n12@gw.rcpt.example>

This message was created automatically by mail delivery software.
 A message that you sent could not be delivered to one or more of its recipients. This is a permanent error.

ann@rcpt.example, ERROR_CODE :550, ERROR_CODE :5.1.1 <ann@rcpt.example>: Recipient address rejected: User unknown
""",
    ),
    "layout ccmail": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: System Attendant <attendant@rcpt.example>
To: news@sender.example
Subject: Undeliverable mail
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n13@gw.rcpt.example>

Message could not be delivered

Recipient:  [SMTP:ann@rcpt.example]
Reason:     User unknown
""",
    ),
    "layout mailmarshal": (
        ["ann@rcpt.example"],
        550,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: postmaster@rcpt.example
To: news@sender.example
Subject: Undeliverable mail
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n14@gw.rcpt.example>

Your message:
   From:    news@sender.example
   To:      ann@rcpt.example
   Subject: Your invoice
Could not be delivered because of

550 5.1.1 User unknown

The following recipients were affected:
   ann@rcpt.example
""",
    ),
    "layout compuserve": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: postmaster@rcpt.example
To: news@sender.example
Subject: Undeliverable mail
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n15@gw.rcpt.example>

Your message could not be delivered for the following reason:

Receiver not found: ann

----- Returned message -----
Received: from app (app [192.0.2.7]) by mx.sender.example; Mon, 23 Nov 2026 09:59:00 +0000
From: News <news@sender.example>
To: Ann <ann@rcpt.example>
Subject: Your invoice
Message-ID: <m1@sender.example>

Hello
""",
    ),
    "layout sendmail8": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: Mail Delivery Subsystem <MAILER-DAEMON@rcpt.example>
To: news@sender.example
Subject: Returned mail: see transcript for details
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n16@gw.rcpt.example>

The original message was received at Mon, 23 Nov 2026 10:00:00 GMT
from app.sender.example [192.0.2.7]

   ----- The following addresses had permanent fatal errors -----
"|/usr/bin/vacation ann"
    (expanded from: <ann@rcpt.example>)

   ----- Transcript of session follows -----
sh: /usr/bin/vacation: not found
554 5.3.0 unknown mailer error 127
""",
    ),
    "layout sendmail-local": (
        ["ann@rcpt.example"],
        550,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: Mail Delivery Subsystem <MAILER-DAEMON>
To: news@sender.example
Subject: Undeliverable mail
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n17@gw.rcpt.example>

   ----- The following addresses had permanent fatal errors -----
<ann@rcpt.example>
    (reason: 550 Host unknown)

   ----- Transcript of session follows -----
550 5.1.2 <ann@rcpt.example>... Host unknown (Name server: rcpt.example: host not found)
""",
    ),
    "layout win-smtp": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: postmaster@rcpt.example
To: news@sender.example
Subject: Delivery Status Notification (Failure)
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n18@gw.rcpt.example>

This is an automatically generated Delivery Status Notification.

Delivery to the following recipients failed.

       ann@rcpt.example
""",
    ),
    "layout no-path-vendor": (
        ["ann@rcpt.example"],
        550,
        None,
        """\
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: Alert <alert@appliance.rcpt.example>
To: news@sender.example
Subject: Message delivery failed
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n19@gw.rcpt.example>

Message delivery failed

Recipient: ann@rcpt.example
Status: Permanent failure
Remote server answer: 550 No such user
""",
    ),
    "layout two": (
        ["ann@rcpt.example", "bob@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: postmaster@rcpt.example
To: news@sender.example
Subject: Undeliverable mail
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n20@gw.rcpt.example>

These recipients of your message have been processed by the mail server:
ann@rcpt.example; Failed; 5.1.1 (bad destination mailbox address)
bob@rcpt.example; Failed; 5.2.2 (mailbox full)
""",
    ),
    "layout numbered": (
        ["ann@rcpt.example", "bob@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: postmaster@rcpt.example
To: news@sender.example
Subject: Undeliverable mail
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n21@gw.rcpt.example>

Your mail could not be delivered:
 1. ann@rcpt.example - unknown user
 2. bob@rcpt.example - mailbox full
""",
    ),
    "layout quoted-addr": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: postmaster@rcpt.example
To: news@sender.example
Subject: Undeliverable mail
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n22@gw.rcpt.example>

Delivery to "ann@rcpt.example" failed: mailbox unavailable
""",
    ),
    "layout paren": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: postmaster@rcpt.example
To: news@sender.example
Subject: Undeliverable mail
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n23@gw.rcpt.example>

Message to Ann Other (ann@rcpt.example) could not be delivered. The account has been disabled.
""",
    ),
    "layout colon-next": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: robot@rcpt.example
To: news@sender.example
Subject: Delivery Failure
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n24@gw.rcpt.example>

Could not deliver message to the following recipient:

ann@rcpt.example

Reason: The mailbox is full.
""",
    ),
    "layout html-table": (
        ["ann@rcpt.example"],
        550,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: postmaster@rcpt.example
To: news@sender.example
Subject: Undeliverable mail
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n25@gw.rcpt.example>
MIME-Version: 1.0
Content-Type: text/html

<html><body><table><tr><th>Recipient</th><th>Error</th></tr><tr><td>ann@rcpt.example</td><td>550 5.1.1 unknown user</td></tr></table>Mail delivery failed</body></html>""",
    ),
    "layout cn": (
        ["ann@rcpt.example"],
        550,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: postmaster@rcpt.example
To: news@sender.example
Subject: 系统退信
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n26@gw.rcpt.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

您好！您发送的邮件无法送达：

收件人：ann@rcpt.example
退信原因：550 用户不存在
""",
    ),
    "layout pt": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: postmaster@rcpt.example
To: news@sender.example
Subject: Falha na entrega
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n27@gw.rcpt.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Sua mensagem não pôde ser entregue ao destinatário ann@rcpt.example.
Motivo: caixa postal cheia (552)
""",
    ),
    "layout ru": (
        ["ann@rcpt.example"],
        None,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: postmaster@rcpt.example
To: news@sender.example
Subject: Недоставленное сообщение
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n28@gw.rcpt.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Сообщение не может быть доставлено получателю ann@rcpt.example: ящик переполнен
""",
    ),
    "layout nl": (
        ["ann@rcpt.example"],
        550,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: postmaster@rcpt.example
To: news@sender.example
Subject: Onbestelbaar bericht
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n29@gw.rcpt.example>

Uw bericht kon niet worden bezorgd bij ann@rcpt.example. Reden: 550 onbekende gebruiker
""",
    ),
    "layout smtp-mix": (
        ["ann@rcpt.example"],
        550,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: postmaster@rcpt.example
To: news@sender.example
Subject: Undeliverable mail
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n30@gw.rcpt.example>

Your message wasn't delivered due to a permission or security issue.
ann@rcpt.example
Remote Server returned '550 5.7.1 blocked'
""",
    ),
    "layout fw-gateway": (
        ["ann@rcpt.example"],
        550,
        None,
        """\
Return-Path: <>
Received: from gw by mx.sender.example; Mon, 23 Nov 2026 10:00:00 +0000
From: Relay <relay@gw.example>
To: news@sender.example
Subject: Mail could not be sent
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <n31@gw.rcpt.example>

A mail from you (news@sender.example) to ann@rcpt.example could not be sent by relay smtp.gw.example (error 550 user unknown). Ask helpdesk@gw.example.
""",
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


def _notice(subject: str, text: str) -> str:
    return (
        "Return-Path: <>\nFrom: postmaster@there.example\nTo: bounce@sender.example\n"
        f"Subject: {subject}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
    )


LAYOUTS = {
    "Spanish": ("Aviso", "No ha sido posible entregar el mensaje\nDestinatario: ann@there.example"),
    "Korean": (
        "[반송]",
        "메일 전송에 실패하였습니다.\n받는사람: ann@there.example\n550 User unknown",
    ),
    "Turkish": ("Hata", "İletiniz teslim edilemedi.\nAlıcı: ann@there.example\n550 5.1.1 unknown"),
    "Czech": ("Chyba", "Zprávu nelze doručit.\nPříjemce: ann@there.example\n550 5.1.1 unknown"),
    "Vietnamese": ("Lỗi", "Không thể gửi thư.\nNgười nhận: ann@there.example\n550 unknown"),
    "blocked by a gateway": (
        "Message blocked",
        "A message from you to ann@there.example was blocked by our policy.\nTo: ann@there.example",
    ),
    "an address that two lines hold": (
        "Delivery report",
        "Delivery to these recipients has been aborted:\n\n  * <ann@there.\n    example>\n    552 full",
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_notice_of_another_language_or_layout_names_its_recipient(layout: str) -> None:
    raw = _notice(*LAYOUTS[layout]).encode()
    reader = reader_for(raw)
    assert reader is not None
    found = [item for item in reader.read(io.BytesIO(raw), "x") if isinstance(item, Finding)]
    assert [item.report.recipient for item in found] == ["ann@there.example"]


def test_the_reply_code_may_follow_a_label() -> None:
    raw = _notice(
        "Mail failed", "ERROR_CODE :550, ERROR_CODE :spam\n\nRECIPIENT :ann@there.example"
    )
    found = [
        item.report
        for item in reader_for(raw.encode()).read(io.BytesIO(raw.encode()), "x")  # type: ignore[union-attr]
        if isinstance(item, Finding)
    ]
    assert [(r.recipient, r.reply and r.reply.reply_code) for r in found] == [
        ("ann@there.example", 550)
    ]


def test_a_subject_that_names_the_recipient_is_its_reason_where_no_code_is_quoted() -> None:
    raw = _notice("Returned mail: user unknown: ann@there.example", "See the transcript.")
    reader = reader_for(raw.encode())
    assert reader is not None
    found = [
        item for item in reader.read(io.BytesIO(raw.encode()), "x") if isinstance(item, Finding)
    ]
    assert found[0].report.reply is not None
    assert found[0].report.reply.text.startswith("Returned mail: user unknown")
