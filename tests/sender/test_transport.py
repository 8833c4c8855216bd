"""MTA-STS, TLS reports and BIMI: what counts, what breaks mail, and what is not known."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bouncewise.net.https import FetchError, UnreachableError, fetch
from bouncewise.sender.audit import Network, audit_domain
from bouncewise.sender.transport import matches, parse_policy
from support.zone import SILENT, resolver

POLICY = (
    "version: STSv1\r\nmode: enforce\r\nmx: mx1.shop.example\r\nmx: *.mail.example\r\n"
    "max_age: 604800\r\n"
)
ZONE: dict[str, Any] = {
    "shop.example": {
        "TXT": ["v=spf1 -all"],
        "MX": ["10 mx1.shop.example.", "20 a.mail.example."],
    },
    "_dmarc.shop.example": {"TXT": ["v=DMARC1; p=reject; rua=mailto:d@shop.example"]},
    "_mta-sts.shop.example": {"TXT": ["v=STSv1; id=20260101T000000;"]},
    "_smtp._tls.shop.example": {"TXT": ["v=TLSRPTv1; rua=mailto:tls@shop.example"]},
}


def ids(policy: str | Exception = POLICY, more: dict[str, Any] | None = None) -> set[str]:
    """The checks about a zone in which *more* differs."""
    zone = ZONE | (more or {})

    def get(url: str) -> bytes:
        assert url == "https://mta-sts.shop.example/.well-known/mta-sts.txt"
        if isinstance(policy, Exception):
            raise policy
        return policy.encode()

    return {result.id for result in audit_domain("shop.example", resolver(zone), (), Network(get))}


def sts(text: str) -> dict[str, list[str]]:
    return {"TXT": [text]}


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        (POLICY, "mta-sts-fine"),
        (POLICY.replace("\r\n", "\n"), "mta-sts-fine"),
        (POLICY.replace("enforce", "testing"), "mta-sts-testing"),
        (POLICY.replace("mx1.shop", "mx2.shop"), "mta-sts-mx"),
        (
            POLICY.replace("mx1.shop", "mx2.shop").replace("enforce", "testing"),
            "mta-sts-mx-testing",
        ),
        (POLICY.replace("*.mail.example", "*.example"), "mta-sts-mx"),
        (POLICY.replace("STSv1", "STSv2"), "mta-sts-policy"),
        (POLICY.replace("enforce", "enforced"), "mta-sts-policy"),
        (POLICY.replace("604800", "99999999999"), "mta-sts-policy"),
        ("version: STSv1\nmode: enforce\nmax_age: 1\n", "mta-sts-policy"),
        ("<html>not found</html>", "mta-sts-policy"),
        (FetchError("status 404"), "mta-sts-policy"),
        (FetchError("certificate has expired"), "mta-sts-policy"),
        (UnreachableError("timed out"), "https-silent"),
    ],
)
def test_the_policy_of_mta_sts(policy: str | Exception, found: str) -> None:
    every = {i for i in ids(policy) if i.startswith(("mta-sts", "https"))}
    assert every == {found}


@pytest.mark.parametrize(
    ("record", "found"),
    [
        (["v=STSv1; id=1"], "mta-sts-fine"),
        (["v=STSv1"], "mta-sts-record"),
        (["v=STSv1; id=a-b"], "mta-sts-record"),
        (["v=STSv1; id=1", "v=STSv1; id=2"], "mta-sts-record"),
        (["v=spf1 -all"], "mta-sts"),
    ],
)
def test_the_record_of_mta_sts(record: list[str], found: str) -> None:
    assert found in ids(more={"_mta-sts.shop.example": {"TXT": record}})


def test_a_time_out_of_dns_is_unknown_and_hides_nothing_else() -> None:
    found = ids(more={"_mta-sts.shop.example": SILENT})
    assert "dns-silent" in found
    assert not any(name.startswith("mta-sts") for name in found)
    assert "tls-rpt" not in found


@pytest.mark.parametrize(
    ("host", "pattern", "result"),
    [
        ("mx.example.org", "mx.example.org", True),
        ("MX.example.org.", "mx.EXAMPLE.org", True),
        ("a.example.org", "*.example.org", True),
        ("a.b.example.org", "*.example.org", False),
        ("example.org", "*.example.org", False),
        ("mx.example.org", "*", False),
    ],
)
def test_patterns_allow_one_label(host: str, pattern: str, result: bool) -> None:
    assert matches(host, pattern) is result


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b":" * 60_000, b"mx: a\n" * 10_000])
def test_any_octets_are_a_policy_with_a_fault(data: bytes) -> None:
    assert parse_policy(data).fault


@pytest.mark.parametrize(
    ("record", "found"),
    [
        (["v=TLSRPTv1; rua=mailto:a@b.example"], None),
        (["v=TLSRPTv1; rua=https://b.example/tls"], None),
        (["v=TLSRPTv1"], "tls-rpt-record"),
        (["v=TLSRPTv1; rua=a@b.example"], "tls-rpt-record"),
        ([], "tls-rpt"),
    ],
)
def test_the_record_of_tls_reports(record: list[str], found: str | None) -> None:
    every = ids(more={"_smtp._tls.shop.example": {"TXT": record}})
    assert {i for i in every if i.startswith("tls-rpt")} == ({found} if found else set())


@pytest.mark.parametrize(
    ("record", "policy", "found"),
    [
        ("v=BIMI1; l=https://shop.example/logo.svg; a=", "reject", "bimi-fine"),
        ("v=BIMI1; l=https://shop.example/logo.svg", "none", "bimi-policy"),
        ("v=BIMI1; l=http://shop.example/logo.svg", "reject", "bimi-record"),
        ("v=BIMI1; l=", "reject", "bimi-none"),
    ],
)
def test_the_record_of_bimi(record: str, policy: str, found: str) -> None:
    dmarc = f"v=DMARC1; p={policy}; rua=mailto:d@shop.example"
    more = {"default._bimi.shop.example": sts(record), "_dmarc.shop.example": sts(dmarc)}
    assert {i for i in ids(more=more) if i.startswith("bimi")} == {found}


# ── over HTTPS ──────────────────────────────────────────────────────────────────────────────────


class Handler(BaseHTTPRequestHandler):
    """A policy, a redirect, and an endless document."""

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(301)
            self.send_header("Location", "/policy")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"x" * 200_000 if self.path == "/long" else POLICY.encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ssl.SSLContext]]:
    """Its address, and a context that trusts its certificate."""
    folder: Path = tmp_path_factory.mktemp("https")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    built = built.public_key(key.public_key()).not_valid_before(now - dt.timedelta(days=1))
    built = built.not_valid_after(now + dt.timedelta(days=1)).add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
    )
    signed = built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "both").write_bytes(pem + signed)
    (folder / "cert").write_bytes(signed)
    http = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both")
    http.socket = context.wrap_socket(http.socket, server_side=True)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield (
        f"https://127.0.0.1:{http.server_address[1]}",
        ssl.create_default_context(cafile=folder / "cert"),
    )
    http.shutdown()
    http.server_close()


def test_a_document_is_fetched_within_its_bounds(server: tuple[str, ssl.SSLContext]) -> None:
    url, context = server
    assert fetch(f"{url}/policy", limit=1000, context=context) == POLICY.encode()
    for path, words in (("/moved", "status 301"), ("/long", "more than 1000 octets")):
        with pytest.raises(FetchError, match=words):
            fetch(url + path, limit=1000, context=context)


def test_a_certificate_that_nobody_vouches_for_is_a_fault(
    server: tuple[str, ssl.SSLContext],
) -> None:
    with pytest.raises(FetchError, match="certificate") as error:
        fetch(f"{server[0]}/policy", limit=1000)
    assert not isinstance(error.value, UnreachableError)


@pytest.mark.parametrize("url", ["http://a.example/", "https://u:p@a.example/", "https:///x", "x"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(FetchError, match="no https URL"):
        fetch(url, limit=10)


def test_a_port_where_nobody_listens_is_unreachable() -> None:
    with pytest.raises(UnreachableError):
        fetch("https://127.0.0.1:9/", limit=10, timeout=1)
