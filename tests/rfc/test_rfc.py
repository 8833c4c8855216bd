"""Tables for the pure functions of rfc/: one row, one thing that occurs in the wild."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bouncewise.rfc import address, fields, mime, status
from bouncewise.rfc.reply import parse
from bouncewise.text.mask import MAX_REPLY
from bouncewise.text.phrase import find_phrase, phrase_pieces
from bouncewise.text.quote import quote
from bouncewise.text.words import words

REPLIES = [
    # (what it shows, text, code, status, stage)
    ("plain", "550 5.1.1 User unknown", 550, "5.1.1", None),
    ("no enhanced code", "550 User unknown", 550, None, None),
    (
        "multi-line",
        "550-5.7.26 This mail has\n550-5.7.26 been blocked\n550 5.7.26 gsmtp",
        550,
        "5.7.26",
        None,
    ),
    (
        "Postfix's wrapping",
        "host mx.b.example[192.0.2.1] said: 452 4.2.2 full (in reply to RCPT TO command)",
        452,
        "4.2.2",
        "rcpt",
    ),
    ("diagnostic type", "smtp; 550 #5.1.0 Address rejected.", 550, "5.1.0", None),
    ("code at the end", "sorry, no mailbox here by that name (#5.1.1)", None, "5.1.1", None),
    (
        "two replies, the inner counts",
        "554 5.4.1 <X #5.4.1 smtp;550 5.4.1 Recipient address rejected>",
        550,
        "5.4.1",
        None,
    ),
    (
        "gateway quoting",
        "550 permanent failure for one or more recipients (a@b.example:552 5.2.2 full)",
        552,
        "5.2.2",
        None,
    ),
    ("sendmail's summary", "554 <a@b.example>... 550 Host unknown", 550, None, None),
    (
        "expiry around the last refusal",
        "554 4.4.7 Message expired: in 840 minutes.<421 4.4.2 Connection timed out>",
        421,
        "4.4.2",
        "connect",
    ),
    (
        "Exchange",
        "Remote Server returned '550 5.1.1 RESOLVER.ADR.RecipNotFound; not found'",
        550,
        "5.1.1",
        None,
    ),
    (
        "generic status yields to a better one",
        "500 5.0.0 Depot returns error: <552 5.2.2 Over quota>",
        552,
        "5.2.2",
        None,
    ),
    ("an IP address is no status", "550 5.7.1 [5.4.1.2] blocked", 550, "5.7.1", None),
    ("a version is no status", "550 blocked by filter 8.14.2", 550, None, None),
    (
        "stage by Exim",
        "SMTP error from remote mail server after end of data: host x [192.0.2.1]: 554 no",
        554,
        None,
        "end-of-data",
    ),
    (
        "stage by pipelined command",
        "SMTP error from remote mailer after pipelined MAIL FROM:<a@b.example>: 550 x",
        550,
        None,
        "mail",
    ),
    (
        "no connection",
        "connect to mx.b.example[192.0.2.1]:25: Connection timed out",
        None,
        None,
        "connect",
    ),
    ("an ESP's own numbers are no SMTP code", "607 Not delivering to a user", None, None, None),
    ("nothing", "", None, None, None),
]


@pytest.mark.parametrize(
    ("shows", "text", "code", "enhanced", "stage"), REPLIES, ids=[r[0] for r in REPLIES]
)
def test_parse_reply(
    shows: str, text: str, code: int | None, enhanced: str | None, stage: str | None
) -> None:
    assert parse(text) == (code, enhanced, stage)


WORDS = [
    ("550 <a@b.example>... User Unknown!", " 550 @ user unknown "),
    (
        "550-5.1.1 The account does\r\n550-5.1.1 not exist\r\n550 5.1.1 here",
        " 550 5 1 1 the account does not exist here ",
    ),
    ("The recipient's inbox isn't there", " the recipients inbox isnt there "),
    ("Boîte aux lettres pleine – réessayez", " boite aux lettres pleine reessayez "),
    ("メール不在", " メ ー ル 不 在 "),
    (
        "zen.spamhaus.org; see https://x.example/?ip=1",
        " zen spamhaus org see https x example ip 1 ",
    ),
]


@pytest.mark.parametrize(("text", "expected"), WORDS)
def test_words(text: str, expected: str) -> None:
    assert words(text) == expected


PHRASES = [
    ("user unknown", "550 User, unknown", True),
    ("user unknown", "550 superuser unknown", False),
    ("user * unknown", "550 user jo is unknown", True),
    ("user * unknown", "550 user " + "x " * 13 + "unknown", False),
    ("suspend*", "550 account suspended", True),
    ("exceed* quota", "552 exceeds quota", True),
    ("exceed* quota", "552 exceeds the quota", False),
    ("*sperrt", "550 Konto gesperrt", True),
    ("@ is full", "552 <jo@b.example> is full", True),
    ("spam", "550 <spam@b.example> user unknown", False),
]


@pytest.mark.parametrize(("phrase", "text", "fits"), PHRASES)
def test_phrase(phrase: str, text: str, fits: bool) -> None:
    assert (find_phrase(words(text), phrase_pieces(phrase)) is not None) is fits


def test_quote_gives_the_words_as_they_stood() -> None:
    assert (
        quote("550 <a@b.example>: Recipient address\r\n rejected!", "recipient address rejected")
        == "Recipient address\r\n rejected"
    )
    assert quote("550 Le compte est bloqué.", "compte est bloque") == "compte est bloqué"
    assert quote("550 nothing of the kind", "user unknown") == ""


@given(st.text(max_size=400))
def test_any_text_is_a_reply(text: str) -> None:
    parse(text)
    spoken = words(text)
    assert spoken.startswith(" ")
    assert spoken.endswith(" ")
    assert "  " not in spoken


@given(st.text(alphabet="ab @.*<>-'55\n", max_size=200))
def test_words_do_not_depend_on_punctuation_between_them(text: str) -> None:
    assert words(text.replace("<", " ").replace(">", " ").replace("\n", " ")) == words(text)


def test_a_long_reply_is_bounded() -> None:
    assert len(words("x " * 100_000)) <= MAX_REPLY + 2


STATUSES = [
    ("5.1.1", "5.1.1"),
    ("5.1.1 (bad)", "5.1.1"),
    ("4.04.1", "4.4.1"),
    ("8.1.1", None),
    ("", None),
    ("5.1.1.1", None),
]


@pytest.mark.parametrize(("field", "expected"), STATUSES)
def test_status_field(field: str, expected: str | None) -> None:
    assert status.parse(field) == expected


ADDRESSES = [
    ("<a@b.example>... x", ["a@b.example"]),
    ("smtp:user@b.example", ["user@b.example"]),
    ('"odd one"@b.example', ['"odd one"@b.example']),
    ("用户@例子.公司 x", ["用户@例子.公司"]),
    ("x@[192.0.2.1]", ["x@[192.0.2.1]"]),
    ("a@b.example<mailto:a@b.example>", ["a@b.example", "a@b.example"]),
    ("'q@b.example', r@c.example.", ["q@b.example", "r@c.example"]),
    ("no address @ all", []),
    ("@@@@", []),
]


@pytest.mark.parametrize(("text", "expected"), ADDRESSES)
def test_find_addresses(text: str, expected: list[str]) -> None:
    assert [a for _, _, a in address.find(text)] == expected


def test_address_fields() -> None:
    assert address.parse_field("rfc822; <a@b.example>") == "a@b.example"
    assert address.parse_field(r"utf-8; \x{7528}@b.example") == "用@b.example"
    assert address.parse_field("rfc822;|/usr/bin/cat a@b.example /home") == "a@b.example"
    assert address.parse_field("rfc822;") is None
    assert address.from_xtext("a+2Bb@c.example") == "a+b@c.example"
    assert address.normalise(" Jo@BÜCHER.example. ") == "jo@xn--bcher-kva.example"


def test_field_groups() -> None:
    text = (
        "Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\n"
        "Diagnostic-Code: smtp; 550\n  no such\nlost indent\n"
    )
    first, second = fields.groups(text)
    assert first == {"reporting-mta": "dns; x"}
    assert second["diagnostic-code"] == "smtp; 550 no such lost indent"
    run_together = (
        "Final-Recipient: rfc822; a@b.example\nAction: failed\nFinal-Recipient: "
        "rfc822; c@b.example\n"
    )
    assert [g["final-recipient"] for g in fields.groups(run_together)] == [
        "rfc822; a@b.example",
        "rfc822; c@b.example",
    ]


def test_mime_forgives() -> None:
    wrong = (
        b"Content-Type: multipart/mixed; boundary=nope\n\n--boundary\nContent-Type: "
        b"text/plain\n\nhello\n--boundary--\n"
    )
    assert [p.text.strip() for p in mime.leaves(mime.parse(wrong))] == ["hello"]
    unlabelled = b"Subject: x\n\n\x1b$B%(%i!<\x1b(B"
    assert "エラー" in mime.parse(unlabelled).text
    assert mime.parse("Subject: x\n\ncaf\xe9".encode("latin-1")).text == "café"
    assert mime.decode_words("=?utf-8?q?caf=C3=A9?= x") == "café x"
    assert mime.parse(
        b"Content-Type: text/html\n\n<p>a &amp; b<br>c</p><script>no</script>"
    ).text.split() == [
        "a",
        "&",
        "b",
        "c",
    ]


@given(st.binary(max_size=600))
def test_any_bytes_are_a_message(raw: bytes) -> None:
    for part in mime.leaves(
        mime.parse(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" + raw + b"\n--b--")
    ):
        assert isinstance(part.text, str)


@pytest.mark.parametrize(
    ("sender", "recipient"),
    [
        ("news-bounces+ann=there.example@our.example", "ann@there.example"),
        ("b-77-ann=there.example@our.example", "ann@there.example"),
        ("bounces+ann+tag=there.example@our.example", "ann+tag@there.example"),
        ("prvs=0712abc=ann@our.example", None),
        ("SRS0=hash=tt=there.example=ann@our.example", None),
        ("ann@our.example", None),
        ("x=nodomain@our.example", None),
    ],
)
def test_verp(sender: str, recipient: str | None) -> None:
    assert address.from_verp(sender) == recipient


@given(
    st.binary(max_size=400),
    st.integers(0, 400),
    st.sampled_from([b"\n", b"\r\n", b""]),
    st.booleans(),
    st.integers(4, 76),
)
def test_base64_loses_no_octet(
    raw: bytes, cut: int, newline: bytes, padded: bool, width: int
) -> None:
    """However long, folded and padded; also where two encoded pieces stand one behind the other."""
    raw = raw.replace(b"\r", b"x")  # newlines are folded afterwards
    body = b""
    for piece, last in ((raw[:cut], False), (raw[cut:], True)):
        encoded = base64.b64encode(piece)
        encoded = encoded.rstrip(b"=") if last and not padded else encoded
        lines = [encoded[i : i + width] for i in range(0, len(encoded), width)]
        body += newline.join(lines) + newline
    message = mime.parse(b"Content-Transfer-Encoding: base64\n\n" + body)
    assert message.data == raw


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b"aGVsbG8gdGhlcmU=\n-- \nfooter of a list\n", b"hello there\n-- \nfooter of a list"),
        (b"aGVsbG8gdGhlcmU\n____\nfooter\n", b"hello there\n____\nfooter"),
        (
            b"<u@x.example>: host said: 550 no such user\n",
            b"<u@x.example>: host said: 550 no such user",
        ),
        (b"aGVs!bG8=\n", b"hello"),
        (b"a\n", b""),
        (b"", b""),
    ],
)
def test_base64_that_is_not_all_base64(body: bytes, wanted: bytes) -> None:
    part = mime.parse(b"Content-Transfer-Encoding: base64\n\n" + body)
    assert part.data.strip() == wanted
