# ruff: noqa: E501
"""Mail that reports no failure: nothing is read from it, whatever words it contains."""

from __future__ import annotations

import io

import pytest

from bouncewise.intake.formats import reader_for
from bouncewise.model import Finding, Kind

BOUNCE = """\
Hi. This is the qmail-send program at rcpt.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<ann@rcpt.example>:
192.0.2.50 does not like recipient.
Remote host said: 550 5.1.1 User unknown
Giving up on 192.0.2.50.
"""
QUOTED = "".join(f"> {line}\n" for line in BOUNCE.splitlines())

# Header fields (but for Date and Message-ID) and body, by what the mail is.
MAILS: dict[str, tuple[str, str]] = {
    "a newsletter": (
        "From: News <news@shop.example>\nTo: ann@rcpt.example\nSubject: Your delivery is on its way\n"
        "List-Unsubscribe: <https://shop.example/u>\nPrecedence: bulk",
        "Delivery problems? Write to help@shop.example. Undelivered parcels are returned to sender.\n",
    ),
    "a newsletter about bounces": (
        "From: Deliverability Weekly <news@esp.example>\nTo: ann@rcpt.example\n"
        "Subject: Undeliverable mail: what a 550 5.1.1 means\nList-Id: <weekly.esp.example>",
        "When mail to user@customer.example fails with 550 5.1.1 User unknown, suppress it.\n",
    ),
    "a newsletter by an ESP with a null path": (
        "Return-Path: <bounce+1@esp.example>\nFrom: News <news@shop.example>\nTo: ann@rcpt.example\n"
        "Subject: Delivery failed? We can help\nX-Mailer: Mailchimp",
        "Could not be delivered: 12 of your mails, e.g. to bob@customer.example (550 unknown user).\n",
    ),
    "an answer that quotes a bounce": (
        "Return-Path: <bob@corp.example>\nFrom: Bob <bob@corp.example>\nTo: it@corp.example\n"
        "Subject: Re: failure notice",
        f"Hello,\n\nwhy did this happen?\n\n{QUOTED}",
    ),
    "an answer of the postmaster that quotes a bounce": (
        "From: Postmaster <postmaster@corp.example>\nTo: bob@corp.example\n"
        "Subject: Re: Undelivered Mail Returned to Sender\nUser-Agent: Mutt/2.2",
        f"The address was wrong.\n\n{QUOTED}",
    ),
    "an answer that quotes a bounce below": (
        "From: Bob <bob@corp.example>\nTo: postmaster@corp.example\n"
        "Subject: AW: Mail delivery failed: returning message to sender",
        f"Please look at this.\n\n-----Original Message-----\nFrom: Mail Delivery System\n\n{BOUNCE}",
    ),
    "a question to a list of mail administrators": (
        "From: Bob <bob@corp.example>\nTo: mailop@list.example\nSubject: [mailop] 550 5.7.1 from rcpt\n"
        "List-Id: <mailop.list.example>\nList-Post: <mailto:mailop@list.example>",
        "Since today mail to ann@rcpt.example could not be delivered:\n\n550 5.7.1 Blocked\n\nAnybody?\n",
    ),
    "a digest of a list": (
        "From: mailop-request@list.example\nTo: mailop@list.example\nSubject: mailop Digest, Vol 1\n"
        "List-Id: <mailop.list.example>\nPrecedence: list\nMIME-Version: 1.0\n"
        "Content-Type: multipart/digest; boundary=B",
        "--B\n\nFrom: a@corp.example\nTo: mailop@list.example\nSubject: undeliverable\n\n"
        f"{BOUNCE}\n--B\n\nFrom: b@corp.example\nSubject: Re: undeliverable\n\nno\n--B--\n",
    ),
    "a posting by a postmaster to a list": (
        "From: postmaster@corp.example\nTo: admins@list.example\nSubject: mail errors on Sunday\n"
        "List-Id: <admins.list.example>",
        "Mail to ann@rcpt.example was not delivered on Sunday because of a permanent failure.\n",
    ),
    "an invoice": (
        "From: Billing <billing@shop.example>\nTo: ann@rcpt.example\nSubject: Invoice 550 5.1.1",
        "Customer: ann@rcpt.example\nAmount: 550 EUR\nDelivery failed on 23 November; we try again.\n",
    ),
    "a parcel service": (
        "From: Parcel <no-reply@parcel.example>\nTo: ann@rcpt.example\nSubject: Delivery failed\n"
        "Auto-Submitted: auto-generated",
        "We were unable to deliver your parcel 450 12 to Ann Other. Questions: help@parcel.example\n",
    ),
    "a parcel service in German": (
        "From: Paketdienst <info@paket.example>\nTo: ann@rcpt.example\nSubject: Ihre Sendung\n"
        "Auto-Submitted: auto-generated",
        "Ihre Sendung konnte nicht zugestellt werden. Kontakt: service@paket.example\n",
    ),
    "a parcel service with a null path": (
        "From: Parcel <no-reply@parcel.example>\nTo: ann@rcpt.example\nSubject: Your parcel\nReturn-Path: <>",
        "We were unable to deliver your parcel. Address: bob@shop.example\n",
    ),
    "a monitoring alert": (
        "From: Nagios <nagios@mon.example>\nTo: admin@corp.example\nSubject: PROBLEM: SMTP CRITICAL\n"
        "Auto-Submitted: auto-generated",
        "Service SMTP on mx.corp.example: CRITICAL - 421 4.3.2 service not available\n",
    ),
    "a log summary": (
        "From: logwatch@mx.corp.example\nTo: root@corp.example\nSubject: Logwatch for mx\n"
        "Auto-Submitted: auto-generated\nPrecedence: bulk",
        "postfix\n   12 Rejected\n    3 550 5.1.1 User unknown\n       ann@rcpt.example\n",
    ),
    "a summary of a day's bounces": (
        "From: Reports <reports@esp.example>\nTo: ann@rcpt.example\nSubject: Daily bounce report\n"
        "X-Mailer: PHPMailer 6",
        "bob@customer.example  550 5.1.1 User unknown\ncy@customer.example  552 Mailbox full\n",
    ),
    "a cron mail": (
        "From: Cron Daemon <root@mx.corp.example>\nTo: root@corp.example\n"
        "Subject: Cron <root@mx> /usr/sbin/mailq\nAuto-Submitted: auto-generated",
        "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n"
        "4ABC0DEF*    1234 Mon Nov 23 10:00:00  news@corp.example\n"
        "      (host mx.rcpt.example said: 450 4.2.0 Greylisted)\n             ann@rcpt.example\n",
    ),
    "a ticket": (
        "From: Support <support@host.example>\nTo: bob@corp.example\nSubject: [#550] Mail error\n"
        "In-Reply-To: <1@corp.example>",
        "You wrote that mail to ann@rcpt.example is returned with 550 5.1.1. The user is unknown.\n",
    ),
    "a read receipt": (
        "From: Ann <ann@rcpt.example>\nTo: bob@corp.example\nSubject: Read: Undeliverable\n"
        "MIME-Version: 1.0\nContent-Type: multipart/report; report-type=disposition-notification;"
        " boundary=B",
        "--B\nContent-Type: text/plain\n\nYour message was read.\n--B\n"
        "Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822;ann@rcpt.example\n"
        "Disposition: manual-action/MDN-sent-manually; displayed\n--B--\n",
    ),
    "a receipt for a mail that was deleted unread": (
        "From: Ann <ann@rcpt.example>\nTo: bob@corp.example\nSubject: Not read: Offer\n"
        "Return-Path: <>\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=B",
        "--B\nContent-Type: text/plain\n\nYour message was deleted without being read.\n--B\n"
        "Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822;ann@rcpt.example\n"
        "Disposition: automatic-action/MDN-sent-automatically; deleted\n--B--\n",
    ),
    "an aggregate report of DMARC": (
        "From: noreply-dmarc@rcpt.example\nTo: dmarc@corp.example\n"
        "Subject: Report Domain: corp.example Submitter: rcpt.example Report-ID: 1\nReturn-Path: <>",
        "This is a DMARC aggregate report. 3 messages failed and were rejected.\n",
    ),
    "a meeting": (
        "From: Bob <bob@corp.example>\nTo: ann@rcpt.example\nSubject: Declined: Undeliverable talk\n"
        "User-Agent: Thunderbird",
        "I am unable to deliver the talk. Ask cy@rcpt.example instead; the recipient is known.\n",
    ),
    "a colleague's mail": (
        "From: Bob <bob@corp.example>\nTo: it@corp.example\nSubject: mail not delivered to customer",
        "My message to ann@rcpt.example was not delivered. Can you look at it?\n\nBob\n",
    ),
    "a password reset": (
        "From: no-reply@app.example\nTo: ann@rcpt.example\nSubject: Your code\nReturn-Path: <>",
        "Your code is 550512. It fails after 10 minutes. Account: ann@rcpt.example\n",
    ),
    "a refused application with a null path": (
        "From: Jobs <jobs@corp.example>\nTo: ann@rcpt.example\nSubject: Your application was rejected\nReturn-Path: <>",
        "Your application was rejected. Ask recruiting@corp.example. Reference 550 A.\n",
    ),
    "a posting that awaits moderation": (
        "From: news-bounces@list.example\nTo: ann@rcpt.example\nAuto-Submitted: auto-generated\nReturn-Path: <>\n"
        "Subject: Your message to News awaits moderator approval\nList-Id: <news.list.example>",
        "Your mail to news@list.example is being held until the list moderator can review it.\n",
    ),
    "a missed call": (
        "From: PBX <pbx@corp.example>\nTo: ann@rcpt.example\nSubject: Voicemail could not be delivered\nAuto-Submitted: auto-generated",
        "Caller 450-123-4567. Mailbox of ann@rcpt.example is full.\n",
    ),
    "a failed payment": (
        "From: Pay <no-reply@pay.example>\nTo: ann@rcpt.example\nSubject: Payment failed\nAuto-Submitted: auto-generated\nReturn-Path: <>",
        "Your payment of 550 EUR to bob@shop.example failed. Contact help@pay.example.\n",
    ),
    "a report of TLS": (
        "From: noreply-smtp-tls-reporting@rcpt.example\nTo: tls@corp.example\nReturn-Path: <>\n"
        "Subject: Report Domain: corp.example Submitter: rcpt.example Report-ID: <1>\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type="tlsrpt"; boundary=B',
        "--B\nContent-Type: text/plain\n\nThis is an aggregate TLS report: 2 sessions failed.\n--B--\n",
    ),
    "a test mail": (
        "From: postmaster@corp.example\nTo: ann@rcpt.example\nSubject: test",
        "This is a test of undelivered mail, please ignore. ann@rcpt.example\n",
    ),
    "a complaint of a customer": (
        "From: Cy <cy@customer.example>\nTo: support@corp.example\nSubject: Mail returned\nReturn-Path: <cy@customer.example>\nX-Mailer: Apple Mail (2.3)",
        "I tried to write to sales@corp.example but the message was returned: 550 5.1.1 User unknown.\nMailbox unavailable?\n",
    ),
    "a customer without a mail program": (
        "From: Cy <cy@customer.example>\nTo: support@corp.example\nSubject: Returned mail\nReturn-Path: <cy@customer.example>",
        "I tried to write to sales@corp.example but the message was returned. Please check.\n",
    ),
    "a warning about phishing": (
        "From: Security <security@corp.example>\nTo: ann@rcpt.example\n"
        "Subject: Fake 'Mail delivery failed' mails",
        'Mails with the subject "Mail delivery failed" and a link to click.example are fake.\n'
        "Report them to phishing@corp.example.\n",
    ),
}


def findings(header: str, body: str) -> list[Finding]:
    raw = (
        f"Received: from a by mx.corp.example; Mon, 23 Nov 2026 10:00:00 +0000\n{header}\n"
        f"Date: Mon, 23 Nov 2026 10:00:00 +0000\nMessage-ID: <1@x.example>\n\n{body}"
    ).encode()
    reader = reader_for(raw)
    assert reader is not None
    return [item for item in reader.read(io.BytesIO(raw), "x") if isinstance(item, Finding)]


@pytest.mark.parametrize("name", MAILS)
def test_nothing_is_read_from(name: str) -> None:
    found = [(f.report.kind.value, f.report.recipient) for f in findings(*MAILS[name])]
    assert found == []


AUTOMATIC = {
    "out of office": "Subject: Automatic reply: Invoice\nAuto-Submitted: auto-replied",
    "out of office with a null path": "Subject: Out of Office\nReturn-Path: <>",
    "a name before the words": "Subject: Ann Other/Sales is out of the office\n"
    "Auto-Submitted: auto-generated",
    "vacation(1)": "Subject: away from my mail\nPrecedence: junk\nX-Autoreply: yes",
    "a ticket system": "Subject: [#1] We received your request\nAuto-Submitted: auto-replied",
}


@pytest.mark.parametrize("name", AUTOMATIC)
def test_an_automatic_reply_is_no_failure(name: str) -> None:
    header = f"From: Ann <ann@rcpt.example>\nTo: bob@corp.example\n{AUTOMATIC[name]}"
    body = "I am not in the office. Undelivered mail: write to cy@rcpt.example.\n"
    found = [(f.report.kind, f.report.recipient) for f in findings(header, body)]
    assert found == [(Kind.AUTO_REPLY, "ann@rcpt.example")]
