"""``review``: a good newsletter has no error; every planted fault is found, in linear time."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from bouncewise.sender.checks import Level, table
from bouncewise.sender.review.review import review
from support.cli import bouncewise

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TEXT = """Hello Jo,

here is what happened this month at our company. We shipped a lot of things.
Read more: https://shop.example/news
Unsubscribe: https://shop.example/u/1
"""
PAGE = """<html><head><title>News</title><style>p{color:#333}</style></head><body>
<div style="display:none">What happened in November</div><h1>News</h1><p>Hello Jo,</p>
<p>here is what happened this month at our company. We shipped a lot of things.</p>
<img src="https://shop.example/i.png" alt="The team" width="600" height="200">
<p><a href="https://click.esp.example/x?y=1">Read more</a> or visit
<a href="https://click.esp.example/z">shop.example</a></p>
<p><a href="https://shop.example/u/1">Unsubscribe</a></p></body></html>"""
PAGE = PAGE.replace('"https://click.esp.example/z"', '"https://www.shop.example/z"')
ONE_CLICK = {
    "List-Unsubscribe": "<https://shop.example/u/1>, <mailto:u@shop.example>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    "List-Id": "News <news.shop.example>",
}
HEADER = {
    "From": "Shop News <news@shop.example>",
    "To": "jo@reader.example",
    "Subject": "Your news of November",
    "Date": "Tue, 24 Nov 2026 10:00:00 +0000",
    "Message-ID": "<1@shop.example>",
    **ONE_CLICK,
}


def mail(page: str | None = PAGE, text: str | None = TEXT, **fields: str | None) -> bytes:
    message = EmailMessage()
    for name, value in (HEADER | {k.replace("_", "-"): v for k, v in fields.items()}).items():
        if value is not None:
            message[name] = value
    if text is not None:
        message.set_content(text)
    if page is not None and text is not None:
        message.add_alternative(page, subtype="html")
    elif page is not None:
        message.set_content(page, subtype="html")
    return message.as_bytes()


def ids(raw: bytes, **options: bool) -> set[str]:
    return {finding.id for finding in review(raw, NOW, **options)}


def test_a_good_newsletter_has_no_error_and_no_warning() -> None:
    assert ids(mail()) == {"unsigned"}


def body(old: str, new: str) -> bytes:
    assert old in PAGE
    return mail(PAGE.replace(old, new))


def signed(fields: str) -> bytes:
    return f"DKIM-Signature: v=1; a=rsa-sha256; d=shop.example; h={fields}; b=x\n".encode() + mail()


def attached(name: str, octets: bytes = b"MZ") -> bytes:
    message = EmailMessage()
    for field, value in HEADER.items():
        message[field] = value
    message.set_content(TEXT)
    message.add_attachment(octets, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


READ = '<a href="https://click.esp.example/x?y=1">Read more</a>'
FAULTS: dict[str, list[bytes]] = {
    "from-count": [b"From: a@b.example\n" + mail(), mail(From=None)],
    "from-syntax": [mail(From="News")],
    "from-name-address": [mail(From='"support@bank.example" <news@shop.example>')],
    "date-missing": [mail(Date=None), mail().replace(b"Tue, 24 Nov 2026", b"yesterday")],
    "date-future": [mail(Date="Tue, 24 Nov 2027 10:00:00 +0000")],
    "message-id-missing": [mail(Message_ID=None)],
    "message-id-syntax": [mail().replace(b"<1@shop.example>", b"1@shop.example")],
    "subject-missing": [mail(Subject=None), mail(Subject=" ")],
    "subject-capitals": [mail(Subject="ACT NOW AND WIN A PRIZE")],
    "subject-reply": [mail(Subject="Re: your order"), mail(Subject="FW: news")],
    "header-8bit": [mail().replace(b"Your news", "Ihre Nachrichten für".encode())],
    "to-missing": [mail(To=None), mail(To="undisclosed-recipients:;")],
    "unsubscribe-missing": [mail(List_Unsubscribe=None)],
    "unsubscribe-syntax": [mail(List_Unsubscribe="https://shop.example/u/1")],
    "one-click-https": [mail(List_Unsubscribe="<mailto:u@shop.example>")],
    "one-click-post": [mail(List_Unsubscribe_Post=None), mail(List_Unsubscribe_Post="yes")],
    "one-click-unsigned": [signed("from:to:subject:list-unsubscribe"), signed("from:to:subject")],
    "list-id-missing": [mail(List_Id=None)],
    "auto-submitted": [mail(Auto_Submitted="auto-generated")],
    "line-length": [mail().replace(b"<h1>News", b"<h1>" + b"x" * 1200)],
    "alternative-order": [
        mail().replace(b"text/plain", b"text/HTML").replace(b"text/html", b"text/plain")
    ],
    "charset-missing": [
        mail()
        .replace(b'text/html; charset="utf-8"', b"text/html")
        .replace(b"<h1>News", "<h1>Größe".encode())
    ],
    "plain-missing": [mail(text=None)],
    "plain-stub": [mail(text="View this mail in your browser: https://shop.example/v")],
    "plain-differs": [mail(text="Completely other words stand in this part. " * 8)],
    "clipped": [body("<h1>", "<p>some words in a paragraph</p>" * 4000 + "<h1>")],
    "nearly-clipped": [body("<h1>", "<p>some words in a paragraph</p>" * 3000 + "<h1>")],
    "image-only": [mail("<body><img src='https://shop.example/i.png' alt=''></body>")],
    "image-alt": [body(' alt="The team"', "")],
    "image-data": [body("https://shop.example/i.png", "data:image/png;base64,AAAA")],
    "image-http": [body("https://shop.example/i.png", "http://shop.example/i.png")],
    "link-mismatch": [
        body(READ, '<a href="https://evil.example/">www.bank.example</a>'),
        body(READ, '<a href="https://evil.example/"><b>https://bank.example</b>/login</a>'),
    ],
    "link-shortener": [body("click.esp.example", "bit.ly")],
    "link-ip": [body("click.esp.example", "192.0.2.7"), body("click.esp.example", "[2001:db8::1]")],
    "link-mixed-scripts": [body("click.esp.example", "xn--pypal-4ve.example")],
    "link-http": [body("https://click.esp.example", "http://click.esp.example")],
    "link-port": [body("click.esp.example", "click.esp.example:8443")],
    "link-user": [body("click.esp.example", "bank.example@click.esp.example")],
    "link-empty": [body("https://click.esp.example/x?y=1", "#")],
    "link-internal": [
        body("click.esp.example", name)
        for name in ("localhost", "staging.shop.example", "shop.local", "intranet")
    ],
    "unsubscribe-link-missing": [body("Unsubscribe</a>", "Bye</a>")],
    "hidden-text": [
        body("<h1>", "<div style='font-size:0px'>" + "secret word " * 40 + "</div><h1>")
    ],
    "script": [
        body("<h1>", "<script>x()</script><h1>"),
        body("<h1>", "<h1 onclick='x()'>"),
        body("<h1>", "<iframe src='https://x.example'></iframe><h1>"),
    ],
    "form": [body("<h1>", "<form action='https://x.example'></form><h1>")],
    "stylesheet": [
        body("<style>", "<link rel='stylesheet' href='https://x.example/a.css'><style>")
    ],
    "attachment-executable": [attached("setup.exe"), attached("a.JS"), attached("x.scr")],
    "attachment-double": [attached("invoice.pdf.exe"), attached("photo.jpg.vbs")],
    "attachment-large": [attached("a.bin", b"x" * (11 << 20))],
    "too-large": [attached("a.bin", b"x" * (20 << 20))],
    "merge-field": [
        *(body("Jo", name) for name in ("{{ first_name }}", "*|FNAME|*", "%%FIRST_NAME%%")),
        *(body("Jo", name) for name in ("[FIRST NAME]", "${user.name}", "&lt;%= name %&gt;")),
        mail(Subject="{{first_name}}, your news"),
        body("https://click.esp.example/x?y=1", "https://shop.example/{{id}}"),
    ],
    "empty-greeting": [body("Hello Jo,", "Dear ,"), body("Hello Jo,", "Hi null,")],
    "placeholder": [body("We shipped", "Lorem ipsum")],
    "gtube": [
        mail(
            text="XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X",
            page=None,
        )
    ],
}


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_planted_fault_is_found(name: str) -> None:
    for raw in FAULTS[name]:
        assert name in ids(raw)


def test_every_check_has_a_test_that_plants_its_fault() -> None:
    assert set(table("review")) - set(FAULTS) == {"unsigned"}


def test_clipping_names_the_place_of_the_link_to_unsubscribe() -> None:
    long = review(body("<h1>", "<p>some words in a paragraph</p>" * 4000 + "<h1>"), NOW)
    [clipped] = [finding for finding in long if finding.id == "clipped"]
    assert "is hidden" in clipped.words


def test_words_of_a_tracked_link_that_are_no_address_are_fine() -> None:
    raw = body(READ, '<a href="https://click.esp.example/1">Read more at our shop. It is new</a>')
    assert "link-mismatch" not in ids(raw)


def test_transactional_mail_needs_no_unsubscribe() -> None:
    raw = mail(
        PAGE.replace("Unsubscribe</a>", "Bye</a>"),
        List_Unsubscribe=None,
        List_Unsubscribe_Post=None,
        List_Id=None,
    )
    assert ids(raw, transactional=True) == {"unsigned"}


HOSTILE = {
    "comments": "<!--" * 50_000,
    "cdata": "<![CDATA[" * 30_000,
    "nested": "<div>" * 100_000,
    "open": "<a href=x " * 30_000,
    "quotes": "<a \"'<a '\"" * 20_000,
    "entities": "&#" * 150_000,
    "attributes": "<a " + "x=1 " * 100_000 + ">",
    "styles": "<div style='" + "display:" * 30_000 + "'>",
    "braces": "{{" * 100_000,
    "greetings": "dear " * 60_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_html_takes_no_time(name: str) -> None:
    began = time.process_time()
    review(mail(HOSTILE[name]), NOW)
    assert time.process_time() - began < 2


def test_the_command_exits_1_for_an_error_and_writes_json(tmp_path: Path) -> None:
    (tmp_path / "good.eml").write_bytes(mail())
    (tmp_path / "bad.eml").write_bytes(mail(List_Unsubscribe=None))
    assert bouncewise(tmp_path, "review", "good.eml").returncode == 0
    result = bouncewise(tmp_path, "review", "--json", "bad.eml")
    assert result.returncode == 1
    rows: list[dict[str, Any]] = [json.loads(line) for line in result.stdout.splitlines()]
    assert rows[0]["id"] == "unsubscribe-missing" and rows[0]["level"] == Level.ERROR
    assert bouncewise(tmp_path, "review", stdin=b"").returncode == 2
