"""What providers ask for: met only where it was looked at, and joined with our own refusals."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bouncewise.sender.audit import audit_domain
from bouncewise.sender.checks import table
from bouncewise.sender.requirements import Met, judge, providers, requirements
from support.cli import bouncewise
from support.postfix import log_lines
from support.zone import SILENT, resolver

GOOD = {
    "shop.example": {"TXT": ["v=spf1 ip4:192.0.2.10 -all"], "MX": ["10 mx.shop.example."]},
    "mx.shop.example": {"A": ["192.0.2.10"]},
    "_dmarc.shop.example": {"TXT": ["v=DMARC1; p=reject; rua=mailto:d@shop.example"]},
}


def test_the_table_is_complete() -> None:
    assert providers() == ("gmail", "yahoo", "microsoft", "apple")
    checks = table("domain")
    for requirement in requirements():
        assert set(requirement.failed_by) <= set(checks), requirement.id
        assert requirement.source.startswith("https://")
        datetime.strptime(requirement.looked, "%Y-%m")
        if requirement.since:
            datetime.strptime(requirement.since, "%Y-%m-%d")


@pytest.mark.parametrize(
    ("zone", "looked_at", "expected"),
    [
        (GOOD, {"domain"}, {"SPF": "met", "DMARC_POLICY": "met", "DKIM": "not-checked"}),
        (
            {k: v for k, v in GOOD.items() if not k.startswith("_dmarc")},
            {"domain"},
            {"SPF": "met", "DMARC_POLICY": "unmet", "DNS_RECORDS": "not-checked"},
        ),
        (
            GOOD | {"_dmarc.shop.example": SILENT},
            {"domain"},
            {"DMARC_POLICY": "not-checked", "SPF": "met"},
        ),
        (GOOD | {"_smtp._tls.shop.example": SILENT}, {"domain"}, {"DMARC_POLICY": "met"}),
    ],
    ids=["good", "no DMARC", "DMARC is silent", "TLS reports are silent"],
)
def test_each_is_met_unmet_or_not_checked(
    zone: dict[str, object], looked_at: set[str], expected: dict[str, str]
) -> None:
    results = audit_domain("shop.example", resolver(zone))  # type: ignore[arg-type]
    found = {j.requirement.id: j.met.value for j in judge(results, looked_at, ["gmail"])}
    assert {name: found[name] for name in expected} == expected


def test_an_unmet_one_names_the_checks_that_fail_it() -> None:
    results = audit_domain("shop.example", resolver({"shop.example": {"MX": ["10 a.example."]}}))
    unmet = [j for j in judge(results, {"domain"}) if j.met is Met.UNMET]
    assert {j.requirement.provider for j in unmet} == set(providers())
    assert all(j.by for j in unmet)


def test_the_refusals_that_it_explains_are_counted(tmp_path: Path) -> None:
    at = datetime.now(UTC) - timedelta(days=2)
    host = "outlook-com.olc.protection.outlook.com"
    reply = (
        "550 5.7.515 Access denied, sending domain SHOP.EXAMPLE doesn't meet the required"
        " authentication level."
    )
    gone = "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302)."
    lines = "".join(
        log_lines(at, f"u{n}@outlook.com", reply if n < 3 else gone, queue=n, host=host)
        for n in range(4)
    )
    (tmp_path / "mail.log").write_text(lines)
    assert bouncewise(tmp_path, "ingest", "mail.log", "--db", "l").returncode == 0
    zone = (
        '$ORIGIN shop.example.\n$TTL 300\n@ IN TXT "v=spf1 ip4:192.0.2.10 -all"\n@ IN MX 10 mx\n'
        "mx IN A 192.0.2.10\n"
    )
    (tmp_path / "zone").write_text(zone)
    done = bouncewise(
        tmp_path,
        "sender",
        "shop.example",
        "--zone",
        "zone",
        "--db",
        "l",
        "--json",
        "--for",
        "microsoft",
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    policy = next(r for r in rows if r.get("requirement") == "DMARC_POLICY")
    assert policy["met"] == "unmet"
    assert (policy["explained"], policy["refused"]) == (3, 4)
    text = bouncewise(tmp_path, "sender", "shop.example", "--zone", "zone", "--db", "l").stdout
    assert b"explains 3 of 4 addresses" in text
    assert b"What Gmail asks for" in text


def test_what_to_do_names_the_domain() -> None:
    results = audit_domain("shop.example", resolver({"shop.example": {"MX": ["10 a.example."]}}))
    assert any("_dmarc.shop.example" in result.fix for result in results)
    assert not any("{" in result.fix for result in results)
