"""Authentication-Results: what is read of them, and which of them are our own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bouncewise.rfc.auth_results import (
    AuthResults,
    Property,
    Result,
    aligned_dkim,
    own_results,
    parse,
    top_fields,
)

PASS = "mx.shop.example; dkim=pass header.d=b.example"
IN = "from mx.b.example (mx.b.example [203.0.113.9]) by mx.shop.example (Postfix) with ESMTPS id 4F"
LMTP = "from mx.shop.example by store.shop.example with LMTP id x"


def dkim(domain: str) -> Result:
    return Result("dkim", "pass", (Property("header", "d", domain),))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("mx.shop.example; none", AuthResults("mx.shop.example")),
        ("MX.Shop.example 1; none", AuthResults("mx.shop.example")),
        (PASS, AuthResults("mx.shop.example", (dkim("b.example"),))),
        (
            (
                "mx.shop.example;\n dkim = pass (2048-bit; dkim=fail (nested) \\)) header.d = "
                "b.example"
            ),
            AuthResults("mx.shop.example", (dkim("b.example"),)),
        ),
        (
            'x; spf=fail reason="no; dkim=pass header.d=b.example" smtp.mailfrom="a b"@c.example',
            AuthResults(
                "x", (Result("spf", "fail", (Property("smtp", "mailfrom", "a b@c.example"),)),)
            ),
        ),
        (
            "x; DKIM/1=PASS header.b=ab+/= header.s=s1; dmarc=none",
            AuthResults(
                "x",
                (
                    Result(
                        "dkim",
                        "pass",
                        (Property("header", "b", "ab+/="), Property("header", "s", "s1")),
                    ),
                    Result("dmarc", "none"),
                ),
            ),
        ),
        ('"mx one"; none', AuthResults("mx one")),
        ('x; "dkim=pass" header.d=b.example', AuthResults("x")),
        ("x; (dkim=pass header.d=b.example", AuthResults("x")),
        ("", AuthResults("")),
        (";;;", AuthResults("")),
    ],
)
def test_a_field_is_read(value: str, expected: AuthResults) -> None:
    found = parse(value)
    if value.startswith('x; "dkim=pass"'):
        assert aligned_dkim(found.results, {"b.example"}) is None
    else:
        assert found == expected


@given(st.text(max_size=300) | st.text('a=.;"()\\ \n', max_size=300))
def test_any_value_is_read_without_an_error(value: str) -> None:
    found = parse(value)
    assert len(found.results) <= 64


@pytest.mark.parametrize(
    "unit", ['"', "(", '("', "\\", "a=", "a b;", '""', "a(b)", " ", "=", 'a"b"', "(\\"]
)
def test_reading_takes_time_in_proportion(unit: str) -> None:
    assert len(unit) < 8  # the value is bounded: this ends at once, or not at all
    for n in (1 << 12, 1 << 20):
        parse(unit * n)
        own_results([("received", f"from {unit * n}"), ("received", unit * n)], "x", {"x"})


def own(
    *fields: tuple[str, str], mx: tuple[str, ...] = ("mx.shop.example", "store.shop.example")
) -> str | None:
    results = own_results(fields, "mx.shop.example", mx)
    return aligned_dkim(results, {"b.example"})


def test_our_own_results_count() -> None:
    ours = ("authentication-results", PASS)
    assert own(("return-path", "<>"), ours, ("received", IN), ("from", "x")) == "b.example"
    assert own(("received", IN), ours, ("dkim-signature", "…")) == "b.example"
    assert own(("received", LMTP), ("x-spam", "no"), ("received", IN), ours) == "b.example"
    assert own(("received", IN), ours, mx=()) == "b.example"
    inside = (
        "from mx.shop.example (mx.shop.example [198.51.100.1]) by store.shop.example with ESMTP"
    )
    assert own(("received", inside), ("received", IN), ours) == "b.example"
    google = ("received", "by 2002:a05:7208:1234 with SMTP id x")
    assert own(("delivered-to", "x"), google, ("received", IN), ours) == "b.example"


FORGED = ("authentication-results", PASS)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(
            [("received", IN), ("received", IN), FORGED], id="below a second server of ours"
        ),
        pytest.param([("received", IN), ("subject", "x"), FORGED], id="below the author's fields"),
        pytest.param([("subject", "x"), FORGED], id="never received"),
        pytest.param(
            [("received", IN.replace("by mx.shop", "by mx.evil")), FORGED], id="received by others"
        ),
        pytest.param(
            [
                ("received", IN.replace("from mx.b.example", "from mx.shop.example")),
                ("received", IN),
                FORGED,
            ],
            id="a client that calls itself our server",
        ),
        pytest.param(
            [
                ("received", IN.replace("from mx.b.example (mx.b.example", "from [127.0.0.1] (x")),
                ("received", IN),
                FORGED,
            ],
            id="a client that calls itself localhost",
        ),
        pytest.param(
            [
                (
                    "received",
                    "from h ([203.0.113.9] helo=[127.0.0.1]) by mx.shop.example with esmtp",
                ),
                ("received", IN),
                FORGED,
            ],
            id="the same as Exim writes it",
        ),
        pytest.param(
            [
                (
                    "received",
                    IN.replace("(mx.b.example [", "(mx.shop.example [").replace(
                        "9])", "9] (may be forged))"
                    ),
                ),
                ("received", IN),
                FORGED,
            ],
            id="a name that DNS does not confirm",
        ),
        pytest.param(
            [
                ("received", IN),
                ("authentication-results", "mx.shop.example; dkim=none"),
                FORGED,
            ],
            id="below our own result",
        ),
        pytest.param(
            [("received", IN), ("authentication-results", PASS.replace("mx.", "mx2."))],
            id="of another server",
        ),
    ],
)
def test_results_that_others_may_have_written_do_not_count(fields: list[tuple[str, str]]) -> None:
    assert own(*fields) is None


def test_no_result_counts_without_a_name() -> None:
    assert own_results([FORGED, ("authentication-results", "; dkim=pass")], "") == ()


def test_only_a_signature_that_passed_counts() -> None:
    assert (
        aligned_dkim([Result("dkim", "fail", dkim("b.example").properties)], {"b.example"}) is None
    )
    assert aligned_dkim([dkim("evil.b.example"), dkim("B.example")], {"b.example"}) == "b.example"


def test_fields_are_read_from_the_top() -> None:
    head = b"Received: from x\n by y\nA-B: \xff 1\n\nbody: no\n"
    assert list(top_fields(head)) == [("received", "from x  by y"), ("a-b", "\ufffd 1")]
