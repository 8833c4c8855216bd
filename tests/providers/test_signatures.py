"""Signatures of webhooks: genuine requests of every ESP verify, changed and hostile ones never do,
and nothing raises.
"""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bouncewise.providers.events import Esp, SchemeName, esps
from bouncewise.providers.signatures import (
    SCHEMES,
    Outcome,
    Signature,
    SignedRequest,
    Verification,
    verify,
)
from support.signing import (
    BODY,
    BY_SCHEME,
    NOW,
    SECRET,
    SVIX,
    URL,
    basic,
    der,
    ec_key,
    genuine,
    lettermint,
    mac,
    mailgun,
    mandrill,
    meaning,
    outcome,
    pem,
    rsa_key,
    sns_keys,
    svix,
)

ESPS = pytest.mark.parametrize("esp", esps(), ids=lambda esp: esp.name)
HOSTILE: list[Any] = [
    "",
    " ",
    "é",
    "²",
    "\ud800",
    "\x00",
    "9" * 400,
    "9" * 10,
    "-1795428001",
    "1795428001.0",
    "1e9",
    "nan",
    "v1,",
    "t=,v1=",
    "=" * 99,
    "Basic",
    "Basic ==",
    "Bearer ",
    "null",
    "A" * 100_000,
    None,
    5,
    ["a"],
    {"a": "b"},
    b"bytes",
    True,
]


# ── every row ───────────────────────────────────────────────────────────────────────────────────


@ESPS
def test_a_genuine_request_is_valid(esp: Esp) -> None:
    case = genuine(esp)
    found = verify(esp.signature, case.request, case.keys, NOW)
    assert found == Verification(Outcome.VALID, "a key matches the request")
    assert bool(found) is True


def test_every_scheme_is_known_and_used_by_a_row() -> None:
    assert set(BY_SCHEME) == set(SCHEMES) == set(get_args(SchemeName))


@pytest.mark.parametrize(
    ("signature", "complaint"),
    [
        ({"scheme": "hmac-md5"}, r"Invalid enum value 'hmac-md5' - at `\$.signature.scheme`"),
        ({"scheme": "hmac-sha256-hex"}, "needs a header"),
        ({"scheme": "svix", "header": "svix-signature"}, "takes no header"),
        ({"scheme": "rsa-sha256", "header": "X-Postal-Signature-256"}, "lower case"),
        ({"scheme": "svix", "tolerance": 5}, "unknown field `tolerance`"),
        ({}, "missing required field `scheme`"),
        (None, "missing required field `signature`"),
    ],
)
def test_a_row_with_a_wrong_signature_is_refused(
    signature: dict[str, Any] | None, complaint: str
) -> None:
    row = {
        "name": "x",
        "about": "x",
        "source": "x",
        "mark": [],
        "event": "e",
        "recipient": "r",
        "words": {},
        "signature": signature,
    }
    with pytest.raises(msgspec.ValidationError, match=complaint):
        msgspec.convert({name: value for name, value in row.items() if value is not None}, Esp)


def changed(data: st.DataObject, value: Any) -> Any:
    """*value* with one change: an octet or character replaced, added or removed, cut, doubled, or
    something hostile.
    """
    if data.draw(st.integers(0, 3)) == 0:
        hostile = data.draw(st.sampled_from(HOSTILE))
        return (
            hostile.encode("utf-8", "surrogatepass")
            if isinstance(value, bytes) and isinstance(hostile, str)
            else hostile
        )
    at = data.draw(st.integers(0, len(value)))
    piece: Any = data.draw(
        st.binary(max_size=2) if isinstance(value, bytes) else st.text(max_size=2)
    )
    skip = data.draw(st.sampled_from([0, 1, 1, 1, 2, len(value)]))
    return value[:at] + piece + value[at + skip :]


@ESPS
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_changed_request_is_never_valid(esp: Esp, data: st.DataObject) -> None:
    case = genuine(esp)
    url, headers, body = case.request
    target = data.draw(st.sampled_from(["url", "body", "body", *headers, *headers]))
    if target == "url":
        url = changed(data, url)
    elif target == "body":
        body = changed(data, body)
    elif data.draw(st.integers(0, 5)) == 0:
        headers = {name: value for name, value in headers.items() if name != target}
    else:
        headers = {**headers, target: changed(data, headers[target])}
    request = SignedRequest(url, headers, body)
    found = verify(esp.signature, request, case.keys, NOW)
    same = (
        meaning(esp.signature.scheme, request)
        == meaning(esp.signature.scheme, case.request)
        is not None
    )
    if not same:
        assert found.outcome in (
            "forged",
            "unable" if esp.signature.scheme == "sns" else "forged",
        ), found
    assert found.outcome in ("valid", "forged", "unable") and "\n" not in found.reason


@ESPS
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_changed_key_never_verifies(esp: Esp, data: st.DataObject) -> None:
    case = genuine(esp)
    keys: Any
    if isinstance(case.keys, str):
        keys = changed(data, case.keys)
        if isinstance(keys, str) and keys.strip() in (case.keys, case.keys.removeprefix("whsec_")):
            return
    else:  # changes inside a certificate: test_sns.py
        field = data.draw(st.sampled_from(["topics", "certificates"]))
        keys = sns_keys(**{field: data.draw(st.sampled_from(HOSTILE))})
    found = verify(esp.signature, case.request, keys, NOW)
    assert found.outcome in ("forged", "unable"), found
    assert "\n" not in found.reason


@ESPS
@pytest.mark.parametrize("junk", HOSTILE, ids=lambda junk: repr(junk)[:20])
def test_hostile_values_are_forged_whatever_their_type(esp: Esp, junk: Any) -> None:
    case = genuine(esp)
    for headers in (dict.fromkeys([*case.request.headers, "authorization"], junk), junk):
        for url, body in ((junk, case.request.body), (URL, junk), (junk, junk)):
            found = verify(esp.signature, SignedRequest(url, headers, body), case.keys, NOW)
            if esp.signature.scheme not in ("sns", "mailgun") or body is junk:
                assert found.outcome == "forged"
    for keys in (junk, [junk], (junk, junk), [[junk]]):
        assert verify(esp.signature, case.request, keys, NOW).outcome in ("unable", "forged")


@ESPS
def test_headers_are_found_in_lower_case_only(esp: Esp) -> None:
    case = genuine(esp)
    request = case.request._replace(
        headers={name.title(): value for name, value in case.request.headers.items()}
    )
    assert verify(esp.signature, request, case.keys, NOW).outcome == (
        "forged" if request.headers else "valid"
    )


@ESPS
def test_each_missing_header_is_named(esp: Esp) -> None:
    case = genuine(esp)
    for name in case.request.headers:
        rest = {other: value for other, value in case.request.headers.items() if other != name}
        found = verify(esp.signature, case.request._replace(headers=rest), case.keys, NOW)
        assert found.outcome == "forged"
        expected = (
            "no key matches the request"
            if esp.signature.scheme == "secret"
            else f"the {name} header is missing"
        )
        assert found.reason == expected


@ESPS
def test_one_of_several_keys_is_enough(esp: Esp) -> None:
    case = genuine(esp)
    other: Any = {
        "sns": sns_keys(topics={"arn:aws:sns:eu-west-1:123456789012:other"}),
        "svix": "whsec_b3RoZXI=",
    }.get(esp.signature.scheme, "other")
    other = {"sendgrid-ecdsa": der(ec_key(number=1)), "rsa-sha256": pem(rsa_key(1))}.get(
        esp.signature.scheme, other
    )
    for keys in (
        [other, case.keys],
        (case.keys, other),
        ["", case.keys],
        [case.keys, None],
        *([{other, case.keys}] if isinstance(other, str) else []),
    ):
        assert verify(esp.signature, case.request, keys, NOW).outcome == "valid"
    assert verify(esp.signature, case.request, [other], NOW).outcome == "forged"
    # The request may be signed by the key that cannot be read: nobody knows.
    assert verify(esp.signature, case.request, [other, ""], NOW).outcome == "unable"


@ESPS
def test_without_a_key_nothing_is_known(esp: Esp) -> None:
    for keys in (
        "",
        " ",
        "\n",
        None,
        [],
        (),
        [""],
        ["", " "],
        [None],
        {},
        0,
        "\ud800",
        {SECRET: SECRET},
    ):
        for request in (genuine(esp).request, SignedRequest("", {}, b"")):
            found = verify(esp.signature, request, keys, NOW)
            assert found.outcome == "unable" and bool(found) is False
            assert any(
                word in found.reason
                for word in ("empty", "no key", "control character", "topics", "neither PEM")
            )


def test_an_attacker_cannot_sign_with_the_empty_secret() -> None:
    none = b""
    header = BY_SCHEME["hmac-sha256-hex"].signature.header
    attempts = {
        "svix": (svix(key=none), ["", "whsec_", "whsec_=", "whsec_====", "whsec_AAAA", "A" * 40]),
        "lettermint": (lettermint(key=none), ["", "\0", "\0\0\0"]),
        "mailgun": (mailgun(key=none), ["", "\0"]),
        "mandrill": (mandrill(key=none), ["", "\0"]),
        "hmac-sha256-hex": (SignedRequest(URL, {header: mac(BODY, none).hex()}, BODY), ["", "\0"]),
        "secret": (SignedRequest(URL + "/", basic("", ""), BODY), [""]),
    }
    for scheme, (request, secrets) in attempts.items():
        assert [outcome(scheme, request, [secret]) for secret in secrets] == ["unable"] * len(
            secrets
        ), scheme


@ESPS
def test_reasons_contain_neither_keys_nor_values_of_the_request(esp: Esp) -> None:
    """They go into logs: a secret there is lost, and a line feed there is a forged line."""
    case = genuine(esp)
    mark = "XYZZY\n2026-11-23 admin logged in"
    fake = SignedRequest(
        mark, dict.fromkeys([*case.request.headers, "authorization"], mark), mark.encode()
    )
    keys = ["XYZZY secret", " XYZZY", "whsec_XYZZY", "-----BEGIN XYZZY", "XYZZY="]
    for request in (case.request, fake):
        for key in (case.keys, *keys, [case.keys, *keys]):
            for now in (NOW, NOW + 1e6):
                reason = verify(esp.signature, request, key, now).reason
                assert not {"XYZZY", SECRET, SVIX, "\n"} & {
                    word for word in ("XYZZY", SECRET, SVIX, "\n") if word in reason
                }


def test_a_signature_without_a_row() -> None:
    assert Signature("svix") == BY_SCHEME["svix"].signature
    with pytest.raises(ValueError, match="known are hmac-sha256-hex"):
        Signature("Svix")  # type: ignore[arg-type]
