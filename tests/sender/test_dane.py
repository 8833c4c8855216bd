"""DNSSEC of a domain, and DANE of its mail servers: what counts, what protects nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bouncewise.net.dnssec import Security, Validated
from bouncewise.sender.audit import Network, audit_domain
from bouncewise.sender.checks import CheckResult
from bouncewise.sender.dane import parse
from support.cli import bouncewise
from support.nameserver import nameserver
from support.zone import SILENT, resolver

DIGEST = "ab" * 32
NAME = "_25._tcp.mx.shop.example"
ZONE: dict[str, Any] = {
    "shop.example": {"MX": ["10 mx.shop.example."], "TXT": ["v=spf1 -all"]},
    "mx.shop.example": {"A": ["192.0.2.1"]},
    NAME: {"TLSA": [f"3 1 1 {DIGEST}"]},
}


def found(
    states: dict[str, Security], more: dict[str, Any] | None = None
) -> dict[str, CheckResult]:
    """The checks about DNSSEC and DANE; *states*: by name; every other name is secure."""

    def validate(name: str, _: str) -> Validated:
        state = states.get(name, Security.SECURE)
        return Validated(state, "who knows" if state is Security.UNKNOWN else "")

    results = audit_domain(
        "shop.example", resolver(ZONE | (more or {})), network=Network(validate=validate)
    )
    return {r.id: r for r in results if r.id.startswith(("dane", "dnssec", "dns-silent"))}


@pytest.mark.parametrize(
    ("states", "want"),
    [
        ({}, {"dnssec-secure", "dane-secure"}),
        ({"shop.example": Security.INSECURE}, {"dnssec-insecure", "dane-insecure"}),
        ({"mx.shop.example": Security.INSECURE}, {"dnssec-secure", "dane-insecure"}),
        ({NAME: Security.INSECURE}, {"dnssec-secure", "dane-insecure"}),
        ({NAME: Security.UNKNOWN}, {"dnssec-secure", "dane-unknown"}),
        ({"shop.example": Security.BOGUS}, {"dnssec-bogus", "dane-bogus"}),
    ],
)
def test_dane_is_as_secure_as_the_weakest_of_its_answers(
    states: dict[str, Security], want: set[str]
) -> None:
    assert set(found(states)) == want


def test_what_is_unknown_is_no_error_and_has_its_reason() -> None:
    results = found({"shop.example": Security.UNKNOWN})
    assert {r.level.value for r in results.values()} == {"info"}
    assert "who knows" in results["dnssec-unknown"].words


def test_a_host_without_tlsa_records_has_no_dane() -> None:
    assert set(found({}, {NAME: {}})) == {"dnssec-secure"}


def test_silence_about_tlsa_records_is_unknown_and_a_bogus_signature_an_error() -> None:
    assert set(found({}, {NAME: SILENT})) == {"dnssec-secure", "dns-silent"}
    assert set(found({NAME: Security.BOGUS}, {NAME: SILENT})) == {"dnssec-secure", "dane-bogus"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"3 1 1 {DIGEST}", ""),
        (f"2 0 1 {DIGEST[:32]} {DIGEST[32:]}", ""),
        (f"3 1 2 {DIGEST}{DIGEST}", ""),
        ("3 0 0 3082010a", ""),
        (f"1 1 1 {DIGEST}", "usage 1 is not used"),
        (f"3 2 1 {DIGEST}", "selector 2"),
        (f"3 1 3 {DIGEST}", "matching type 3"),
        (f"3 1 1 {DIGEST}ab", "66 hexadecimal digits"),
        ("3 1 1", "no TLSA record"),
        ("x" * 60_000, "no TLSA record"),
    ],
)
def test_a_tlsa_record_that_smtp_does_not_use_is_named(text: str, fault: str) -> None:
    assert fault in parse(text).fault and bool(fault) is bool(parse(text).fault)


def test_a_record_that_cannot_be_used_does_not_hide_one_that_can() -> None:
    results = found({}, {NAME: {"TLSA": [f"1 1 1 {DIGEST}", f"3 1 1 {DIGEST}"]}})
    assert set(results) == {"dnssec-secure", "dane-record", "dane-secure"}


def test_a_bogus_domain_is_not_called_down(tmp_path: Path) -> None:
    names = ("shop.example", "_dmarc.shop.example")
    with nameserver({name: {"TXT": ['"x"']} for name in names}) as running:
        running.secure, running.bogus = {""}, set(names)
        options = ("--resolver", str(running.server), "--json")
        done = bouncewise(tmp_path, "sender", "shop.example", *options)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    errors = [row["id"] for row in rows if row.get("level") == "error"]
    assert done.returncode == 1 and errors == ["dnssec-bogus"]
    silent = {row["words"].partition(": ")[2] for row in rows if row.get("id") == "dns-silent"}
    assert any(words.startswith("TXT of shop.example") for words in silent)
