"""Bare replies: which lines are one, and whose address a reply names."""

from __future__ import annotations

import io

import pytest

from bouncewise.intake.formats import reader_for
from bouncewise.model import Finding
from bouncewise.readers import Note
from bouncewise.readers.replies import RepliesReader

NAMED = [
    ("550 5.1.1 <u@rcpt.example>: Recipient address rejected: User unknown", "u@rcpt.example"),
    ("550-5.1.1 u@rcpt.example... User unknown", "u@rcpt.example"),
    ("550 5.4.1 [u@rcpt.example]: Recipient address rejected: Access denied", "u@rcpt.example"),
    ("5.1.1 <u@rcpt.example>: unknown", "u@rcpt.example"),
    ("smtp; 550 u@rcpt.example: unknown", "u@rcpt.example"),
    ('"550 5.1.1 <u@rcpt.example> User unknown"', "u@rcpt.example"),
    (
        (
            "host mx.rcpt.example[192.0.2.50] said: 550 5.1.1 <u@rcpt.example>: User unknown (in "
            "reply to RCPT TO command)"
        ),
        "u@rcpt.example",
    ),
    ("550 5.1.8 <news@our-list.example>: Sender address rejected: Domain not found", ""),
    ("550 <news@our-list.example>: return path refused", ""),
    ("550 5.7.1 Blocked. Contact postmaster@rcpt.example", ""),
    (
        (
            "553 5.3.0 DNSBL 521< 192.0.2.77 >_is_blocked.For assistance forward this error to "
            "abuse@rcpt.example"
        ),
        "",
    ),
    ("550 Mail from news@our-list.example refused, see help@rcpt.example", ""),
    ('Expected response code 250 but got code "550", with message "550 5.1.1 User unknown"', ""),
    (
        (
            "SMTP error from remote mail server after RCPT TO:<u@rcpt.example>: 550 Account is "
            "disabled"
        ),
        "",
    ),
    ("452", ""),
]

OTHERS = [
    (
        '{"event":"hard_bounce","from":"news@our-list.example","to":"dead@customer.example","reply'
        '":"550 5.1.1 User unknown"}'
    ),
    '[{"from":"news@our-list.example","smtp":"550 5.1.1 User unknown"}]',
    "2024-01-01,news@our-list.example,dead@customer.example,bounced,550 5.1.1 User unknown",
    "news@our-list.example\tdead@customer.example\t550 5.1.1 User unknown",
    '"news@our-list.example";"dead@customer.example";"550 5.1.1 User unknown"',
    (
        "Mar  4 10:00:01 mx courieresmtp: "
        "id=1,from=<news@our-list.example>,addr=<dead@customer.example>: 550 5.1.1 User unknown"
    ),
    (
        "2026-08-15T03:20:51Z mx smtpd[1]: from=<news@our-list.example> "
        "to=<dead@customer.example> stat=550 5.1.1 User unknown"
    ),
    'level=error msg="550 5.1.1 User unknown" from=news@our-list.example',
    "<22>1 2026-08-15T03:20:51Z mx smtpd 1 - - from=<news@our-list.example> 550 5.1.1 User unknown",
    "[2026-01-01 10:00] news@our-list.example: 550 5.1.1 user unknown",
    "the host mx said yesterday that 550 people are unknown",
]


@pytest.mark.parametrize(("line", "recipient"), NAMED, ids=[line[:50] for line, _ in NAMED])
def test_only_the_address_that_the_grammar_names_is_the_recipient(
    line: str, recipient: str
) -> None:
    assert isinstance(reader_for(line.encode()), RepliesReader)
    (found,) = RepliesReader().read(io.BytesIO(line.encode()), "r.txt")
    assert isinstance(found, Finding)
    assert found.report.recipient == recipient


@pytest.mark.parametrize("line", OTHERS, ids=[line[:50] for line in OTHERS])
def test_lines_of_other_formats_are_no_replies(line: str) -> None:
    assert not isinstance(reader_for(f"{line}\n".encode() * 5), RepliesReader)
    (found,) = RepliesReader().read(io.BytesIO(line.encode()), "r.txt")
    assert isinstance(found, Note)
    assert "not an SMTP reply" in found.text
