"""Each signature scheme: its time, its keys, and the forms of its headers and bodies."""

from __future__ import annotations

import sys
import time

import pytest

from bouncewise.providers.signatures import SCHEMES, SignedRequest, verify
from support.signing import (
    BODY,
    BY_SCHEME,
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
    outcome,
    pem,
    rsa_key,
    sendgrid,
    svix,
)

# ── time ─────────────────────────────────────────────────────────────────────────────────────────

TIMED = ["svix", "lettermint", "mailgun", "sendgrid-ecdsa", "sns"]


@pytest.mark.parametrize("scheme", TIMED)
def test_stale_means_genuine_but_of_another_time(scheme: str) -> None:
    case = genuine(BY_SCHEME[scheme])
    allowed = SCHEMES[scheme].tolerance
    assert [
        outcome(scheme, *case, NOW + shift)
        for shift in (-allowed, allowed, -allowed - 1, allowed + 1)
    ] == [
        "valid",
        "valid",
        "stale",
        "stale",
    ]
    late = verify(BY_SCHEME[scheme].signature, case.request, case.keys, NOW + 90_000)
    assert late.reason == (
        f"a key matches the request, but it was signed 90000 seconds before it was "
        f"received; {allowed:.0f} are allowed"
    )
    assert outcome(scheme, *case, NOW + 90_000, tolerance=90_000.0) == "valid"
    assert outcome(scheme, *case, NOW + 1, tolerance=0.0) == "stale"
    assert outcome(scheme, *case, float("nan")) in ("stale", "unable")
    forged = case.request._replace(
        body=case.request.body.replace(b"5f0c1e", b"5f0c1f").replace(b"ann@", b"eve@")
    )
    assert outcome(scheme, forged, case.keys, NOW + 90_000) == "forged"


@pytest.mark.parametrize("scheme", sorted(set(SCHEMES) - set(TIMED)))
def test_schemes_without_a_time_are_never_stale(scheme: str) -> None:
    assert outcome(scheme, *genuine(BY_SCHEME[scheme]), NOW + 1e9) == "valid"


@pytest.mark.parametrize(
    "stamp",
    [
        "²",
        "9" * 400,
        "9" * 5000,
        "17954280010",
        "179542800",
        "+795428001",
        "１７９５４２８００１",
        "1795428001 ",
        "",
    ],
)
def test_a_time_is_ten_digits(stamp: str) -> None:
    """No time of another form is accepted, even with a signature that fits: the text next to it
    would be ambiguous.
    """
    assert (
        outcome(
            "lettermint",
            SignedRequest(
                URL,
                {"x-lettermint-signature": f"t={stamp},v1={mac(f'{stamp}.'.encode()).hex()}"},
                b"",
            ),
        )
        == "forged"
    )
    assert outcome("svix", svix(stamp=stamp), SVIX) == "forged"
    assert outcome("mailgun", mailgun(stamp)) == "forged"
    request = SignedRequest(URL, dict.fromkeys(sendgrid().headers, stamp), BODY)
    assert outcome("sendgrid-ecdsa", request, der(ec_key())) == "forged"
    moved = mailgun()._replace(
        body=mailgun(STAMP, "7token")
        .body.replace(b'"1795428001"', b'"17954280017"')
        .replace(b"7token", b"token")
    )
    assert outcome("mailgun", moved) == "forged"


# ── one scheme ──────────────────────────────────────────────────────────────────────────────────


def test_svix_by_the_example_in_its_documentation() -> None:
    """https://docs.svix.com/receiving/verifying-payloads/how-manual,
    https://resend.com/docs/dashboard/webhooks/verify-webhooks-requests
    """
    parts = {"id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "timestamp": "1614265330"}
    parts["signature"] = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    for prefix in ("svix", "webhook"):
        request = SignedRequest(
            URL,
            {f"{prefix}-{name}": value for name, value in parts.items()},
            b'{"test": 2432232314}',
        )
        for secret in (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ):
            assert outcome("svix", request, secret, 1614265330.0) == "valid"


def test_svix_lists_and_ids() -> None:
    header_value = svix().headers["svix-signature"]
    for listed, expected in (
        (f"v1,AAAA {header_value}", "valid"),
        (f"v1a,AAAA {header_value} v2,x", "valid"),
        (header_value.replace("v1,", "v1a,"), "forged"),
        (header_value.removeprefix("v1,"), "forged"),
        (header_value.rstrip("="), "forged"),
        (f"\t{header_value}", "forged"),
    ):
        assert (
            outcome(
                "svix", svix()._replace(headers={**svix().headers, "svix-signature": listed}), SVIX
            )
            == expected
        )
    mixed = {**svix().headers, "webhook-id": "msg_1"}
    del mixed["svix-id"]
    assert outcome("svix", SignedRequest(URL, mixed, BODY), SVIX) == "forged"
    dotted = svix(name="msg_1.1795428001")
    assert outcome("svix", dotted, SVIX) == "forged"


def test_lettermint_header() -> None:
    header_value = lettermint().headers["x-lettermint-signature"]
    stamp, v1 = header_value.split(",")
    for header, expected in (
        (f"v1={'0' * 64},{header_value}", "valid"),
        (f"{stamp}, {v1}", "valid"),
        (f"{header_value},v0=x,flag", "valid"),
        (f"t=1,{header_value}", "forged"),
        (f"{header_value},{stamp}", "forged"),
        (stamp, "forged"),
        (v1, "forged"),
        (header_value.upper(), "forged"),
    ):
        assert (
            outcome("lettermint", lettermint()._replace(headers={"x-lettermint-signature": header}))
            == expected
        ), header
    assert (
        outcome("lettermint", lettermint(key=b"whsec_c2VjcmV0"), "whsec_c2VjcmV0") == "valid"
    )  # used as it is written


def test_mailgun_forms() -> None:
    parent = {"signature": "0" * 64, "parent-signature": mac(b"17954280015f0c1e").hex()}
    assert outcome("mailgun", mailgun(int(STAMP))) == "valid"
    assert outcome("mailgun", mailgun(**parent)) == "valid"
    assert outcome("mailgun", mailgun(**{"parent-signature": None})) == "valid"
    form = (
        f"timestamp={STAMP}&token=5f0c1e&event=dropped&signature={mac(b'17954280015f0c1e').hex()}"
    ).encode()
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
    assert (
        outcome("mandrill", one._replace(body=one.body.replace(b"events=", b"event=s"))) == "forged"
    )
    assert outcome("mandrill", one._replace(body=one.body.replace(b"=%5B", b"=%5B&"))) == "forged"
    assert outcome("mandrill", mandrill({"b": "1", "mandrill_events": "[]"})) == "forged"
    assert outcome("mandrill", one._replace(url=URL + "/")) == "forged"
    assert outcome("mandrill", one._replace(url=URL.replace("https", "http"))) == "forged"


def test_public_keys() -> None:
    """SendGrid's key is ECDSA over P-256 and Postal's is RSA; each in PEM, or as base64 of its DER
    form; nothing else.
    """
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
        assert (
            outcome("sendgrid-ecdsa", sendgrid()._replace(headers=headers), der(ec_key()))
            == "forged"
        )
    postal = genuine(BY_SCHEME["rsa-sha256"])
    assert outcome("rsa-sha256", postal.request, pem(rsa_key())) == "valid"
    assert outcome("rsa-sha256", postal.request, der(ec_key())) == "unable"


def test_places_of_a_shared_secret() -> None:
    for request, expected in (
        (
            SignedRequest(f"https://h.example/in/x/{SECRET.replace(' ', '%20')}?a=b#c", {}, BODY),
            "valid",
        ),
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
    assert (
        outcome("secret", SignedRequest(URL, basic("user", "päss:word"), BODY), "user:päss:word")
        == "valid"
    )
    assert outcome("secret", SignedRequest(URL, basic("user", "x"), BODY), " x") == "unable"


def test_without_the_library_public_keys_are_unable(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = {scheme: genuine(esp) for scheme, esp in BY_SCHEME.items()}
    for name in [name for name in sys.modules if name.partition(".")[0] == "cryptography"]:
        monkeypatch.setitem(sys.modules, name, None)
    found = {
        scheme: verify(BY_SCHEME[scheme].signature, *case, NOW) for scheme, case in cases.items()
    }
    missing = {scheme for scheme, answer in found.items() if answer.outcome == "unable"}
    assert missing == {"rsa-sha256", "sendgrid-ecdsa", "sns"}
    assert all("pip install 'bouncewise[service]'" in found[scheme].reason for scheme in missing)


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_time_is_linear_in_the_size_of_a_request(scheme: str) -> None:
    """Two megabytes of each kind of repetition take less than ten seconds; a quadratic reader would
    take hours.
    """
    big = 2_000_000
    case: Case = genuine(BY_SCHEME[scheme])
    for piece in (
        "v1,A ",
        "v1=A,",
        "t=1,",
        "&",
        "a=b&",
        "%41",
        "{",
        '{"a":',
        '"',
        "/",
        "A",
        "\n",
        " ",
        ":",
        "=",
    ):
        text = piece * (big // len(piece))
        start = time.process_time()
        request = SignedRequest(
            text, dict.fromkeys([*case.request.headers, "authorization"], text), text.encode()
        )
        assert verify(BY_SCHEME[scheme].signature, request, case.keys, NOW).outcome == "forged"
        long = {
            **case.request.headers,
            **{n: v + text for n, v in case.request.headers.items() if "signature" in n},
        }
        verify(BY_SCHEME[scheme].signature, case.request._replace(headers=long), case.keys, NOW)
        assert time.process_time() - start < 10
