"""``sender DOMAIN --smtp``: the certificates of MX hosts against MTA-STS and DANE."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bouncewise.cli import sender_audit
from bouncewise.net.dnssec import Security, Validated
from bouncewise.net.smtp import Limits, Shown, SmtpError, connector
from bouncewise.sender.audit import Network, audit_domain
from bouncewise.sender.checks import CheckResult
from support.certificates import Issued, issue
from support.cli import bouncewise
from support.nameserver import nameserver
from support.smtpd import MailServer, mail_server
from support.zone import SILENT, resolver

HOST = "mx.shop.example"
POLICY = f"version: STSv1\nmode: enforce\nmx: {HOST}\nmax_age: 604800\n"
ENFORCED = {"_mta-sts.shop.example": {"TXT": ["v=STSv1; id=1"]}}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Issued]:
    folder = tmp_path_factory.mktemp("certificates")
    authority = issue(folder, "an authority", authority=True)
    return {
        "authority": authority,
        "good": issue(folder, HOST, authority),
        "own": issue(folder, HOST),
        "other": issue(folder, "other.example", authority),
        "expired": issue(folder, HOST, authority, days=-1),
        "soon": issue(folder, HOST, authority, days=5),
    }


def spki(issued: Issued) -> str:
    key = issued.certificate.public_key()
    octets = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"3 1 1 {hashlib.sha256(octets).hexdigest()}"


def audit(
    running: MailServer,
    authority: Issued,
    more: dict[str, Any] | None = None,
    security: Security | None = None,
) -> dict[str, CheckResult]:
    """The checks about SMTP and DANE. *security*: of every answer."""
    zone = {
        "shop.example": {"MX": [f"10 {HOST}."], "TXT": ["v=spf1 -all"]},
        HOST: {"A": ["127.0.0.1"]},
        **(more or {}),
    }
    connect = connector(
        port=running.port,
        limits=Limits(5, 10),
        authorities=str(authority.path),
        is_allowed=lambda _: True,
    )
    validate = (lambda *_: Validated(security)) if security else None
    network = Network(lambda _: POLICY.encode(), validate, connect)
    found = audit_domain("shop.example", resolver(zone), network=network)
    return {r.id: r for r in found if r.id.startswith(("smtp", "dane"))}


@pytest.mark.parametrize(
    ("name", "more", "want"),
    [
        ("good", {}, {"smtp-fine"}),
        ("good", ENFORCED, {"smtp-fine"}),
        ("soon", {}, {"smtp-fine", "smtp-certificate-ends"}),
        ("own", {}, {"smtp-certificate"}),
        ("other", {}, {"smtp-certificate"}),
        ("expired", {}, {"smtp-certificate"}),
        ("own", ENFORCED, {"smtp-certificate-enforced"}),
        ("other", ENFORCED, {"smtp-certificate-enforced"}),
        ("expired", ENFORCED, {"smtp-certificate-enforced"}),
    ],
)
def test_a_certificate_is_judged_by_what_mta_sts_asks_for(
    certificates: dict[str, Issued], name: str, more: dict[str, Any], want: set[str]
) -> None:
    with mail_server(certificates[name].path) as running:
        assert set(audit(running, certificates["authority"], more)) == want


@pytest.mark.parametrize(("more", "level"), [({}, "warning"), (ENFORCED, "error")])
def test_a_server_without_starttls_breaks_what_asks_for_it(
    certificates: dict[str, Issued], more: dict[str, Any], level: str
) -> None:
    with mail_server() as running:
        running.replies["EHLO"] = b"250 mx\r\n"
        (result,) = audit(running, certificates["authority"], more).values()
    assert result.level == level and f"{HOST} does not offer STARTTLS" in result.words


@pytest.mark.parametrize(
    ("shown", "named", "security", "want"),
    [
        ("own", "own", Security.SECURE, {"dane-secure", "dane-fits"}),
        ("own", "own", Security.INSECURE, {"dane-insecure", "dane-fits", "smtp-certificate"}),
        ("good", "good", Security.SECURE, {"dane-secure", "dane-fits", "smtp-fine"}),
        ("good", "own", Security.SECURE, {"dane-secure", "dane-mismatch", "smtp-fine"}),
        (
            "good",
            "own",
            Security.UNKNOWN,
            {"dane-unknown", "dane-mismatch-unprotected", "smtp-fine"},
        ),
        ("good", "own", None, {"dane-mismatch-unprotected", "smtp-fine"}),
    ],
)
def test_a_certificate_is_compared_with_the_tlsa_records(
    certificates: dict[str, Issued],
    shown: str,
    named: str,
    security: Security | None,
    want: set[str],
) -> None:
    zone = {f"_25._tcp.{HOST}": {"TLSA": [spki(certificates[named])]}}
    with mail_server(certificates[shown].path) as running:
        assert set(audit(running, certificates["authority"], zone, security)) == want


@pytest.mark.parametrize("matching", [0, 1, 2])
@pytest.mark.parametrize("selector", [0, 1])
def test_each_form_of_a_tlsa_record_is_compared(
    certificates: dict[str, Issued], selector: int, matching: int
) -> None:
    good = certificates["good"]
    key = good.certificate.public_key()
    octets = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    data = octets if selector else good.der
    hashed = {0: data, 1: hashlib.sha256(data).digest(), 2: hashlib.sha512(data).digest()}
    record = f"3 {selector} {matching} {hashed[matching].hex()}"
    zone = {f"_25._tcp.{HOST}": {"TLSA": [f"3 1 1 {'00' * 32}", record]}}
    with mail_server(good.path) as running:
        found = audit(running, certificates["authority"], zone, Security.SECURE)
    assert "dane-fits" in found and "dane-mismatch" not in found


@pytest.mark.parametrize(
    ("issuers", "want"),
    [(None, "dane-issuers"), ((b"the issuer",), "dane-fits"), ((b"another",), "dane-mismatch")],
)
def test_a_record_of_usage_2_is_compared_with_the_issuers_where_they_are_visible(
    certificates: dict[str, Issued], issuers: tuple[bytes, ...] | None, want: str
) -> None:
    record = f"2 0 1 {hashlib.sha256(b'the issuer').hexdigest()}"
    zone = {
        "shop.example": {"MX": [f"10 {HOST}."]},
        HOST: {"A": ["192.0.2.1"]},
        f"_25._tcp.{HOST}": {"TLSA": [record]},
    }
    shown = Shown("192.0.2.1", "TLSv1.3", certificates["good"].der, issuers)
    network = Network(None, lambda *_: Validated(Security.SECURE), lambda *_: shown)
    found = {result.id for result in audit_domain("shop.example", resolver(zone), (), network)}
    assert {i for i in found if i.startswith("dane")} == {"dane-secure", want}


def test_a_server_that_is_not_reached_is_unknown_and_hides_no_other(
    certificates: dict[str, Issued],
) -> None:
    def connect(host: str, _: object) -> Shown:
        if host == "a.shop.example":
            raise SmtpError("timed out")
        return Shown("192.0.2.1", "TLSv1.3", certificates["good"].der, ())

    zone = {
        "shop.example": {"MX": ["10 a.shop.example.", "20 b.shop.example.", "30 c.shop.example."]},
        "a.shop.example": {"A": ["192.0.2.1"]},
        "b.shop.example": {"A": ["192.0.2.2"]},
        "c.shop.example": SILENT,
    }
    network = Network(connect=connect)
    found = audit_domain("shop.example", resolver(zone), (), network)
    words = {result.words for result in found if result.level == "unknown"}
    assert "the TLS of a.shop.example is unknown: timed out" in words
    assert any("A of c.shop.example" in text for text in words)
    assert any("b.shop.example" in result.words for result in found if result.id == "smtp-fine")


# ── the command ────────────────────────────────────────────────────────────────────────────────


def command(folder: Path, running: MailServer, authority: Issued, *options: str) -> list[str]:
    def connecting() -> object:
        return connector(
            port=running.port, authorities=str(authority.path), is_allowed=lambda _: True
        )

    zone = {"shop.example": {"MX": [f"10 {HOST}."]}, HOST: {"A": ["127.0.0.1"]}}
    with nameserver(zone) as names, patch.object(sender_audit, "connector", connecting):
        done = bouncewise(
            folder, "sender", "shop.example", "--json", "--resolver", str(names.server), *options
        )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [row["id"] for row in rows if row.get("id", "").startswith("smtp")]


def test_servers_are_connected_to_only_if_that_is_asked_for(
    tmp_path: Path, certificates: dict[str, Issued]
) -> None:
    with mail_server(certificates["good"].path) as running:
        assert command(tmp_path, running, certificates["authority"]) == []
        assert running.connections == 0
        found = command(tmp_path, running, certificates["authority"], "--smtp")
    assert (found, running.connections) == (["smtp-fine"], 1)
    words = {line.partition(" ")[0] for line in running.commands}
    assert words <= {"EHLO", "STARTTLS", "QUIT"}


def test_only_a_domain_has_mail_servers(tmp_path: Path) -> None:
    done = bouncewise(tmp_path, "sender", "192.0.2.1", "--smtp", "--resolver", "127.0.0.1:9")
    assert done.returncode == 2 and b"--smtp" in done.stderr
