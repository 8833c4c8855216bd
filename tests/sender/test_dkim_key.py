"""The DKIM keys of known selectors: what makes them useless, what weakens them."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from bouncewise.sender.audit import audit_domain
from bouncewise.sender.checks import CheckResult, Level
from bouncewise.sender.dkim_key import Selector, audit_key, is_selector
from support.cli import bouncewise
from support.nameserver import nameserver
from support.reports import REPORT
from support.zone import SILENT, resolver

DER, SPKI = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
EDWARDS = ed25519.Ed25519PrivateKey.generate().public_key()
CURVE = ec.generate_private_key(ec.SECP256R1()).public_key()
HOST = "s1._domainkey.shop.example"


def base(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def der_of_rsa(bits: int) -> bytes:
    """A SubjectPublicKeyInfo with a modulus of *bits*: no verifier of records factors it."""
    numbers = rsa.RSAPublicNumbers(65537, (1 << (bits - 1)) | 1)
    return numbers.public_key().public_bytes(DER, SPKI)


GOOD = base(der_of_rsa(2048))


def audit(*records: str, last: datetime | None = None) -> dict[str, str]:
    """The words of each check that hits."""
    zone = {HOST: {"TXT": list(records)}} if records else {}
    found = audit_domain(
        "shop.example", resolver(zone), selectors=[Selector("s1", "shop.example", last)]
    )
    return {result.id: result.words for result in found if "dkim" in result.id}


@pytest.mark.parametrize(
    ("records", "want"),
    [
        ([f"v=DKIM1; k=rsa; p={GOOD}"], {"dkim-key-fine": "RSA, 2048 bits"}),
        ([f"p={GOOD[:100]} {GOOD[100:]}"], {"dkim-key-fine": "RSA, 2048 bits"}),
        ([f"v=DKIM1; h=sha1:sha256; s=*; t=s; p={GOOD}"], {"dkim-key-fine": "2048"}),
        ([f"k=ed25519; p={base(EDWARDS.public_bytes_raw())}"], {"dkim-key-fine": "Ed25519"}),
        ([], {"dkim-key-none": "does not exist"}),
        (["v=DKIM1; p="], {"dkim-key-none": "was revoked"}),
        ([f"p={GOOD}", f"v=DKIM1; p={GOOD}"], {"dkim-key-several": "has 2 DKIM keys"}),
        (["v=spf1 -all"], {"dkim-key-unusable": "no p= in 'v=spf1 -all'"}),
        ([f"v=DKIM2; p={GOOD}"], {"dkim-key-unusable": "v=DKIM2"}),
        ([f"k=dsa; p={GOOD}"], {"dkim-key-unusable": "k=dsa"}),
        ([f"h=sha1; p={GOOD}"], {"dkim-key-unusable": "allows no sha256"}),
        ([f"s=tlsrpt; p={GOOD}"], {"dkim-key-unusable": "not for mail"}),
        ([f"p={GOOD}; p={GOOD}"], {"dkim-key-unusable": "p= stands twice"}),
        (["p=!!!!"], {"dkim-key-unusable": "no base64"}),
        ([f"p={GOOD[:200]}"], {"dkim-key-unusable": "no RSA key"}),
        ([f"p={base(CURVE.public_bytes(DER, SPKI))}"], {"dkim-key-unusable": "no RSA key"}),
        (
            [f"k=ed25519; p={base(EDWARDS.public_bytes(DER, SPKI))}"],
            {"dkim-key-unusable": "44 octets; an Ed25519 key has 32"},
        ),
        (
            [f"t=s:y; p={GOOD}"],
            {"dkim-testing": "marked as a test", "dkim-key-fine": "2048 bits"},
        ),
    ],
)
def test_a_key_is_what_the_rfc_asks_for_or_the_fault_is_named(
    records: list[str], want: dict[str, str]
) -> None:
    found = audit(*records)
    assert set(found) == set(want)
    for key, words in want.items():
        assert words in found[key]


@pytest.mark.parametrize(
    ("bits", "want"),
    [
        (1016, {"dkim-key-short"}),
        (1024, {"dkim-small-key", "dkim-key-fine"}),
        (2040, {"dkim-small-key", "dkim-key-fine"}),
        (2048, {"dkim-key-fine"}),
        (4096, {"dkim-key-fine"}),
        (8192, {"dkim-key-large", "dkim-key-fine"}),
    ],
)
def test_the_length_of_an_rsa_key_is_judged(bits: int, want: set[str]) -> None:
    assert set(audit(f"p={base(der_of_rsa(bits))}")) == want


def test_a_silent_server_is_unknown_and_does_not_hide_the_next_key() -> None:
    zone = {HOST: SILENT, "s2._domainkey.shop.example": {"TXT": [f"p={GOOD}"]}}
    selectors = [Selector(name, "shop.example") for name in ("s1", "s2")]
    found = audit_domain("shop.example", resolver(zone), selectors=selectors)
    silent: list[CheckResult] = [result for result in found if result.id == "dns-silent"]
    assert [(r.words.partition(":")[2], r.parts) for r in silent] == [
        (f" TXT of {HOST}: {HOST}: time-out", ("dkim",))
    ]
    assert "dkim-key-fine" in {result.id for result in found}


def test_the_key_of_a_selector_that_only_reports_name_may_be_gone() -> None:
    for records in ([], ["p="]):
        found = audit(*records, last=datetime(2026, 11, 20, tzinfo=UTC))
        assert set(found) == {"dkim-key-gone"} and "2026-11-20" in found["dkim-key-gone"]


@pytest.mark.parametrize("text", [";" * 60_000, "p=" + "A" * 60_000, "a=;" * 20_000 + "p=x"])
def test_a_hostile_record_is_read_in_linear_time(text: str) -> None:
    before = time.process_time()
    list(audit_key(Selector("s1", "shop.example"), resolver({HOST: {"TXT": [text]}})))
    assert time.process_time() - before < 2


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("s1", True),
        ("k1.mail", True),
        ("a_b-c", True),
        ("", False),
        ("a b", False),
        ("-a", False),
        ("a..b", False),
        ("s1._domainkey.shop.example", False),
        ("x" * 64, False),
        ("é", False),
    ],
)
def test_a_selector_is_made_of_labels(name: str, want: bool) -> None:
    assert is_selector(name) is want


# ── the command ────────────────────────────────────────────────────────────────────────────────


def rows(folder: Path, *arguments: str) -> list[dict[str, str]]:
    zone = {
        "s1._domainkey.example.com": {"TXT": [f'"p={GOOD[:200]}" "{GOOD[200:]}"']},
        "s9._domainkey.example.com": {"TXT": ['"v=DKIM1; p="']},
    }
    with nameserver(zone) as running:
        options = ("--resolver", str(running.server), "--json", *arguments)
        done = bouncewise(folder, "sender", "example.com", *options)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return [row for row in found if "dkim-key" in row.get("id", "")]


def test_selectors_are_those_that_are_named(tmp_path: Path) -> None:
    found = rows(tmp_path, "--selector", "S1", "--selector", "s9", "--selector", "none")
    assert [(row["id"], row["level"]) for row in found] == [
        ("dkim-key-none", Level.ERROR),
        ("dkim-key-none", Level.ERROR),
        ("dkim-key-fine", Level.INFO),
    ]


def test_selectors_of_reports_count_where_the_mail_passed(tmp_path: Path) -> None:
    now = int(time.time())
    begin = REPORT.replace("1795305600", str(now - 86400)).replace("1795391999", str(now))
    second = begin.replace("r1<", "r2<").replace(">s1<", ">s9<")
    forged = begin.replace("r1<", "r3<").replace(">s1<", ">s7<").replace("<dkim>pass", "<dkim>fail")
    other = begin.replace("r1<", "r4<").replace("<dkim><domain>example.com", "<dkim><domain>x.test")
    for number, text in enumerate((begin, second, forged, other.replace(">s1<", ">s8<"))):
        (tmp_path / f"{number}.xml").write_text(text)
        assert bouncewise(tmp_path, "ingest", f"{number}.xml", "--db", "l").returncode == 0
    found = rows(tmp_path, "--db", "l")
    assert [(row["id"], "s9" in row["words"]) for row in found] == [
        ("dkim-key-gone", True),
        ("dkim-key-fine", False),
    ]


@pytest.mark.parametrize(
    ("target", "selector"), [("192.0.2.1", "s1"), ("m.eml", "s1"), ("shop.example", "a b")]
)
def test_a_selector_that_cannot_be_checked_is_a_usage_error(
    tmp_path: Path, target: str, selector: str
) -> None:
    (tmp_path / "m.eml").write_text("From: a@shop.example\n\nx\n")
    done = bouncewise(
        tmp_path, "sender", target, "--selector", selector, "--resolver", "127.0.0.1:9"
    )
    assert done.returncode == 2 and b"--selector" in done.stderr
