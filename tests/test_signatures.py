"""Signatures of webhooks: genuine requests of every ESP verify, changed and hostile ones never do, and nothing raises."""

from __future__ import annotations

import sys
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bouncewise.providers.events import Esp, esps
from bouncewise.providers.signatures import SCHEMES, Outcome, Signature, SignedRequest, Verification, verify
from signing import (
    BODY,
    NOW,
    SECRET,
    STAMP,
    SVIX,
    URL,
    Case,
    b64,
    basic,
    der,
    ec_key,
    genuine,
    lettermint,
    mac,
    mailgun,
    mandrill,
    meaning,
    pem,
    rsa_key,
    sendgrid,
    sns_keys,
    svix,
)

ESPS = pytest.mark.parametrize("esp", esps(), ids=lambda esp: esp.name)
BY_SCHEME = {esp.signature.scheme: esp for esp in esps()}
HOSTILE: list[Any] = [
    "", " ", "é", "²", "\ud800", "\x00", "9" * 400, "9" * 10, "-1795428001", "1795428001.0", "1e9", "nan", "v1,", "t=,v1=", "=" * 99,
    "Basic", "Basic ==", "Bearer ", "null", "A" * 100_000, None, 5, ["a"], {"a": "b"}, b"bytes", True,
]  # fmt: skip


def outcome(scheme: str, request: SignedRequest, keys: Any = SECRET, now: float = NOW, **more: Any) -> str:
    return verify(BY_SCHEME[scheme].signature, request, keys, now, **more).outcome.value


# ── every row ───────────────────────────────────────────────────────────────────────────────────────────────


@ESPS
def test_a_genuine_request_is_valid(esp: Esp) -> None:
    case = genuine(esp)
    found = verify(esp.signature, case.request, case.keys, NOW)
    assert found == Verification(Outcome.VALID, "a key fits the request")
    assert bool(found) is True


def test_every_scheme_is_used_by_a_row() -> None:
    assert set(BY_SCHEME) == set(SCHEMES)


@pytest.mark.parametrize(
    ("signature", "complaint"),
    [
        ({"scheme": "hmac-md5"}, "unknown signature scheme 'hmac-md5'"),
        ({"scheme": "hmac-sha256-hex"}, "needs a header"),
        ({"scheme": "svix", "header": "svix-signature"}, "takes no header"),
        ({"scheme": "rsa-sha256", "header": "X-Postal-Signature-256"}, "lower case"),
        ({"scheme": "svix", "tolerance": 5}, "unknown field `tolerance`"),
        ({}, "missing required field `scheme`"),
        (None, "missing required field `signature`"),
    ],
)
def test_a_row_with_a_wrong_signature_is_refused(signature: dict[str, Any] | None, complaint: str) -> None:
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
    """*value* with one change: an octet or character replaced, added or removed, cut, doubled, or something hostile."""
    if data.draw(st.integers(0, 3)) == 0:
        hostile = data.draw(st.sampled_from(HOSTILE))
        return (
            hostile.encode("utf-8", "surrogatepass")
            if isinstance(value, bytes) and isinstance(hostile, str)
            else hostile
        )
    at = data.draw(st.integers(0, len(value)))
    piece: Any = data.draw(st.binary(max_size=2) if isinstance(value, bytes) else st.text(max_size=2))
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
    same = meaning(esp.signature.scheme, request) == meaning(esp.signature.scheme, case.request) is not None
    if not same:
        assert found.outcome in ("forged", "unable" if esp.signature.scheme == "sns" else "forged"), found
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
    request = case.request._replace(headers={name.title(): value for name, value in case.request.headers.items()})
    assert verify(esp.signature, request, case.keys, NOW).outcome == ("forged" if request.headers else "valid")


@ESPS
def test_each_missing_header_is_named(esp: Esp) -> None:
    case = genuine(esp)
    for name in case.request.headers:
        rest = {other: value for other, value in case.request.headers.items() if other != name}
        found = verify(esp.signature, case.request._replace(headers=rest), case.keys, NOW)
        assert found.outcome == "forged"
        expected = "no key fits the request" if esp.signature.scheme == "secret" else f"the {name} header is missing"
        assert found.reason == expected


@ESPS
def test_one_of_several_keys_is_enough(esp: Esp) -> None:
    case = genuine(esp)
    other: Any = {"sns": sns_keys(topics={"arn:aws:sns:eu-west-1:123456789012:other"}), "svix": "whsec_b3RoZXI="}.get(
        esp.signature.scheme, "other"
    )
    other = {"sendgrid-ecdsa": der(ec_key(number=1)), "rsa-sha256": pem(rsa_key(1))}.get(esp.signature.scheme, other)
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
    for keys in ("", " ", "\n", None, [], (), [""], ["", " "], [None], {}, 0, "\ud800", {SECRET: SECRET}):
        for request in (genuine(esp).request, SignedRequest("", {}, b"")):
            found = verify(esp.signature, request, keys, NOW)
            assert found.outcome == "unable" and bool(found) is False
            assert any(
                word in found.reason for word in ("empty", "no key", "control character", "topics", "neither PEM")
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
        assert [outcome(scheme, request, [secret]) for secret in secrets] == ["unable"] * len(secrets), scheme


# ── time ────────────────────────────────────────────────────────────────────────────────────────────────────

TIMED = ["svix", "lettermint", "mailgun", "sendgrid-ecdsa", "sns"]


@pytest.mark.parametrize("scheme", TIMED)
def test_stale_means_genuine_but_of_another_time(scheme: str) -> None:
    case = genuine(BY_SCHEME[scheme])
    allowed = SCHEMES[scheme].tolerance
    assert [outcome(scheme, *case, NOW + shift) for shift in (-allowed, allowed, -allowed - 1, allowed + 1)] == [
        "valid", "valid", "stale", "stale",
    ]  # fmt: skip
    late = verify(BY_SCHEME[scheme].signature, case.request, case.keys, NOW + 90_000)
    assert (
        late.reason
        == f"a key fits the request, but it was signed 90000 seconds before it was received; {allowed:.0f} are allowed"
    )
    assert outcome(scheme, *case, NOW + 90_000, tolerance=90_000.0) == "valid"
    assert outcome(scheme, *case, NOW + 1, tolerance=0.0) == "stale"
    assert outcome(scheme, *case, float("nan")) in ("stale", "unable")
    forged = case.request._replace(body=case.request.body.replace(b"5f0c1e", b"5f0c1f").replace(b"ann@", b"eve@"))
    assert outcome(scheme, forged, case.keys, NOW + 90_000) == "forged"


@pytest.mark.parametrize("scheme", sorted(set(SCHEMES) - set(TIMED)))
def test_schemes_without_a_time_are_never_stale(scheme: str) -> None:
    assert outcome(scheme, *genuine(BY_SCHEME[scheme]), NOW + 1e9) == "valid"


@pytest.mark.parametrize(
    "stamp",
    ["²", "9" * 400, "9" * 5000, "17954280010", "179542800", "+795428001", "１７９５４２８００１", "1795428001 ", ""],
)
def test_a_time_is_ten_digits(stamp: str) -> None:
    """No time of another form is accepted, even with a signature that fits: the text next to it would be ambiguous."""
    assert (
        outcome(
            "lettermint",
            SignedRequest(URL, {"x-lettermint-signature": f"t={stamp},v1={mac(f'{stamp}.'.encode()).hex()}"}, b""),
        )
        == "forged"
    )
    assert outcome("svix", svix(stamp=stamp), SVIX) == "forged"
    assert outcome("mailgun", mailgun(stamp)) == "forged"
    request = SignedRequest(URL, dict.fromkeys(sendgrid().headers, stamp), BODY)
    assert outcome("sendgrid-ecdsa", request, der(ec_key())) == "forged"
    moved = mailgun()._replace(
        body=mailgun(STAMP, "7token").body.replace(b'"1795428001"', b'"17954280017"').replace(b"7token", b"token")
    )
    assert outcome("mailgun", moved) == "forged"


# ── one scheme ──────────────────────────────────────────────────────────────────────────────────────────────


def test_svix_by_the_example_in_its_documentation() -> None:
    """https://docs.svix.com/receiving/verifying-payloads/how-manual, https://resend.com/docs/dashboard/webhooks/verify-webhooks-requests"""
    parts = {"id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "timestamp": "1614265330"}
    parts["signature"] = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    for prefix in ("svix", "webhook"):
        request = SignedRequest(
            URL, {f"{prefix}-{name}": value for name, value in parts.items()}, b'{"test": 2432232314}'
        )
        for secret in ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"):
            assert outcome("svix", request, secret, 1614265330.0) == "valid"


def test_svix_lists_and_ids() -> None:
    good = svix().headers["svix-signature"]
    for listed, expected in (
        (f"v1,AAAA {good}", "valid"), (f"v1a,AAAA {good} v2,x", "valid"), (good.replace("v1,", "v1a,"), "forged"),
        (good.removeprefix("v1,"), "forged"), (good.rstrip("="), "forged"), (f"\t{good}", "forged"),
    ):  # fmt: skip
        assert outcome("svix", svix()._replace(headers={**svix().headers, "svix-signature": listed}), SVIX) == expected
    mixed = {**svix().headers, "webhook-id": "msg_1"}
    del mixed["svix-id"]
    assert outcome("svix", SignedRequest(URL, mixed, BODY), SVIX) == "forged"
    dotted = svix(name="msg_1.1795428001")
    assert outcome("svix", dotted, SVIX) == "forged"


def test_lettermint_header() -> None:
    good = lettermint().headers["x-lettermint-signature"]
    stamp, v1 = good.split(",")
    for header, expected in (
        (f"v1={'0' * 64},{good}", "valid"), (f"{stamp}, {v1}", "valid"), (f"{good},v0=x,flag", "valid"), (f"t=1,{good}", "forged"),
        (f"{good},{stamp}", "forged"), (stamp, "forged"), (v1, "forged"), (good.upper(), "forged"),
    ):  # fmt: skip
        assert outcome("lettermint", lettermint()._replace(headers={"x-lettermint-signature": header})) == expected, (
            header
        )
    assert (
        outcome("lettermint", lettermint(key=b"whsec_c2VjcmV0"), "whsec_c2VjcmV0") == "valid"
    )  # used as it is written


def test_mailgun_forms() -> None:
    parent = {"signature": "0" * 64, "parent-signature": mac(b"17954280015f0c1e").hex()}
    assert outcome("mailgun", mailgun(int(STAMP))) == "valid"
    assert outcome("mailgun", mailgun(**parent)) == "valid"
    assert outcome("mailgun", mailgun(**{"parent-signature": None})) == "valid"
    form = f"timestamp={STAMP}&token=5f0c1e&event=dropped&signature={mac(b'17954280015f0c1e').hex()}".encode()
    assert outcome("mailgun", SignedRequest(URL, {}, form)) == "valid"
    for wrong in (True, 1795428001.0, None, [STAMP], -5, 10**30):
        assert outcome("mailgun", mailgun(wrong)) == "forged"
    for body in (
        b"",
        b"{",
        b"[" * 200_000,
        b'{"signature":' * 50_000,
        b'{"signature": 1}',
        b"timestamp=1&token=2",
        b"\xff=\xff",
    ):
        assert outcome("mailgun", SignedRequest(URL, {}, body)) == "forged"


def test_mandrill_signs_the_url_and_its_field() -> None:
    one = mandrill()
    assert outcome("mandrill", one._replace(body=one.body.replace(b"+", b"%20"))) == "valid"
    assert outcome("mandrill", mandrill({"mandrill_events": "[]"})) == "valid"
    assert outcome("mandrill", one._replace(body=one.body + b"&mandrill_events=[]")) == "forged"
    assert outcome("mandrill", one._replace(body=one.body.replace(b"events=", b"event=s"))) == "forged"
    assert outcome("mandrill", one._replace(body=one.body.replace(b"=%5B", b"=%5B&"))) == "forged"
    assert outcome("mandrill", mandrill({"b": "1", "mandrill_events": "[]"})) == "forged"
    assert outcome("mandrill", one._replace(url=URL + "/")) == "forged"
    assert outcome("mandrill", one._replace(url=URL.replace("https", "http"))) == "forged"


def test_public_keys() -> None:
    """SendGrid's key is ECDSA over P-256 and Postal's is RSA; each in PEM, or as base64 of its DER form; nothing else."""
    for key in (der(ec_key()), pem(ec_key()), f"\n{der(ec_key())}\n"):
        assert outcome("sendgrid-ecdsa", sendgrid(), key) == "valid"
    p384 = ec_key("SECP384R1")
    private = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"
    for wrong in (
        der(p384),
        der(rsa_key()),
        "!" + der(ec_key()),
        der(ec_key())[:-4],
        der(ec_key())[:40] + "\n" + der(ec_key())[40:],
        private,
        "a",
        "-----BEGIN ",
    ):
        assert outcome("sendgrid-ecdsa", sendgrid(key=p384), wrong) == "unable"
        assert outcome("sendgrid-ecdsa", sendgrid(), wrong) == "unable"
    name = "x-twilio-email-event-webhook-signature"
    for junk in ("!", "\n", "=", "A"):
        headers = {**sendgrid().headers, name: sendgrid().headers[name] + junk}
        assert outcome("sendgrid-ecdsa", sendgrid()._replace(headers=headers), der(ec_key())) == "forged"
    postal = genuine(BY_SCHEME["rsa-sha256"])
    assert outcome("rsa-sha256", postal.request, pem(rsa_key())) == "valid"
    assert outcome("rsa-sha256", postal.request, der(ec_key())) == "unable"


def test_places_of_a_shared_secret() -> None:
    for request, expected in (
        (SignedRequest(f"https://h.example/in/x/{SECRET.replace(' ', '%20')}?a=b#c", {}, BODY), "valid"),
        (SignedRequest(f"/in/x/{SECRET.replace(' ', '%20')}", {}, BODY), "valid"),
        (SignedRequest(f"/in/{SECRET.replace(' ', '%20')}/x", {}, BODY), "forged"),
        (SignedRequest(f"/in/x?{SECRET}=/{SECRET}", {}, BODY), "forged"),
        (SignedRequest(URL, basic("", SECRET), BODY), "valid"),
        (SignedRequest(URL, basic("any", SECRET + " "), BODY), "forged"),
        (SignedRequest(URL, basic(SECRET, "x"), BODY), "forged"),
        (SignedRequest(URL, {"authorization": f"bearer {SECRET}"}, BODY), "valid"),
        (SignedRequest(URL, {"authorization": f"Digest {SECRET}"}, BODY), "forged"),
        (SignedRequest(URL, {"authorization": f"Basic {b64(SECRET.encode())}"}, BODY), "valid"),
        (SignedRequest("", {}, BODY), "forged"),
    ):
        assert outcome("secret", request) == expected, request
    assert outcome("secret", SignedRequest(URL, basic("user", "päss:word"), BODY), "user:päss:word") == "valid"
    assert outcome("secret", SignedRequest(URL, basic("user", "x"), BODY), " x") == "unable"


def test_without_the_library_public_keys_are_unable(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = {scheme: genuine(esp) for scheme, esp in BY_SCHEME.items()}
    for name in [name for name in sys.modules if name.partition(".")[0] == "cryptography"]:
        monkeypatch.setitem(sys.modules, name, None)
    found = {scheme: verify(BY_SCHEME[scheme].signature, *case, NOW) for scheme, case in cases.items()}
    missing = {scheme for scheme, answer in found.items() if answer.outcome == "unable"}
    assert missing == {"rsa-sha256", "sendgrid-ecdsa", "sns"}
    assert all("pip install 'bouncewise[service]'" in found[scheme].reason for scheme in missing)


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_time_is_linear_in_the_size_of_a_request(scheme: str) -> None:
    """Two megabytes of each kind of repetition take less than two seconds; a quadratic reader would take hours."""
    big = 2_000_000
    case: Case = genuine(BY_SCHEME[scheme])
    for piece in ("v1,A ", "v1=A,", "t=1,", "&", "a=b&", "%41", "{", '{"a":', '"', "/", "A", "\n", " ", ":", "="):
        text = piece * (big // len(piece))
        start = time.process_time()
        request = SignedRequest(text, dict.fromkeys([*case.request.headers, "authorization"], text), text.encode())
        assert verify(BY_SCHEME[scheme].signature, request, case.keys, NOW).outcome == "forged"
        long = {**case.request.headers, **{n: v + text for n, v in case.request.headers.items() if "signature" in n}}
        verify(BY_SCHEME[scheme].signature, case.request._replace(headers=long), case.keys, NOW)
        assert time.process_time() - start < 2


@ESPS
def test_reasons_contain_neither_keys_nor_values_of_the_request(esp: Esp) -> None:
    """They go into logs: a secret there is lost, and a line feed there is a forged line."""
    case = genuine(esp)
    mark = "XYZZY\n2026-11-23 admin logged in"
    fake = SignedRequest(mark, dict.fromkeys([*case.request.headers, "authorization"], mark), mark.encode())
    keys = ["XYZZY secret", " XYZZY", "whsec_XYZZY", "-----BEGIN XYZZY", "XYZZY="]
    for request in (case.request, fake):
        for key in (case.keys, *keys, [case.keys, *keys]):
            for now in (NOW, NOW + 1e6):
                reason = verify(esp.signature, request, key, now).reason
                assert not {"XYZZY", SECRET, SVIX, "\n"} & {
                    word for word in ("XYZZY", SECRET, SVIX, "\n") if word in reason
                }


def test_signature_is_small_and_plain() -> None:
    assert Signature("svix") == BY_SCHEME["svix"].signature
    with pytest.raises(ValueError, match="known are hmac-sha256-hex"):
        Signature("Svix")
