"""Hard cases of SPF, DMARC and transport, each as a sender meets it."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from bouncewise.net.dns import system_resolver
from bouncewise.sender import dmarc
from bouncewise.sender.audit import Network, audit_domain
from bouncewise.sender.checks import CheckResult
from bouncewise.sender.spf import Query, SpfResult, evaluate
from bouncewise.sender.spf_record import SpfError, parse
from support.nameserver import nameserver
from support.zone import SILENT, resolver

NET = "v=spf1 ip4:203.0.113.0/28 -all"
REPORTS = "rua=mailto:d@shop.example"
ZONE: dict[str, Any] = {
    "shop.example": {"MX": ["10 mx.shop.example."], "TXT": [NET]},
    "mx.shop.example": {"A": ["203.0.113.1"]},
    "_dmarc.shop.example": {"TXT": [f"v=DMARC1; p=reject; {REPORTS}"]},
}


def audit(domain: str = "shop.example", **more: object) -> dict[str, CheckResult]:
    """The checks that hit, by id; a name is written with __ for its dots."""
    changed = {name.replace("__", ".").replace("DMARC", "_dmarc"): v for name, v in more.items()}
    found = audit_domain(domain, resolver(ZONE | changed))
    return {result.id: result for result in found}


def spf(*records: str, **more: object) -> dict[str, CheckResult]:
    return audit(shop__example={"MX": ["10 mx.shop.example."], "TXT": list(records)}, **more)


# ── SPF ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("strings", "joined", "before"),
    [
        ('v=spf1 ip4:192.0.2.1" "ip4:192.0.2.2 -all', "ip4:192.0.2.1ip4:192.0.2.2", "ip4:"),
        ('v=spf1 ip4:192.0.2.1" "include:a.example -all', "ip4:192.0.2.1include:a.example", "incl"),
        ('v=spf1 mx" "ip6:2001:db8::1 -all', "mxip6:2001:db8::1", "ip6:"),
    ],
)
def test_strings_without_a_blank_between_them_are_shown_joined(
    strings: str, joined: str, before: str
) -> None:
    words = spf(strings)["spf-syntax"].words
    assert repr(joined) in words
    if not joined.startswith("mx"):
        assert f"a blank is missing before {before}" in words


@pytest.mark.parametrize(
    "term", ["a:x.example", "ip6:2001:db8::1", "include:ip4.example", "exists:%{i}.l.example"]
)
def test_a_correct_term_gets_no_hint(term: str) -> None:
    assert parse(f"v=spf1 {term} -all", "shop.example").terms[0].text == term


@pytest.mark.parametrize("name", ["example.-com", "example.com-", "example.1", "example."])
def test_the_last_label_of_a_name_begins_and_ends_as_the_grammar_says(name: str) -> None:
    with pytest.raises(SpfError, match="names no domain"):
        parse(f"v=spf1 a:{name} -all", "shop.example")


def test_eleven_mail_exchangers_are_a_permanent_error() -> None:
    for count, want in ((10, SpfResult.PASS), (11, SpfResult.PERMERROR)):
        hosts = {f"m{n}.shop.example": {"A": [f"203.0.113.{n}"]} for n in range(count)}
        table: dict[str, Any] = {
            "shop.example": {
                "TXT": ["v=spf1 mx -all"],
                "MX": [f"10 m{n}.shop.example." for n in range(count)],
            },
            **hosts,
        }
        query = Query(ipaddress.ip_address("203.0.113.0"), "a@shop.example")
        assert evaluate(query, "shop.example", resolver(table)).result is want
        found = {r.id: r.words for r in audit_domain("shop.example", resolver(table))}
        assert ("more than 10 mail exchangers" in found.get("spf-syntax", "")) is (count == 11)


@pytest.mark.parametrize(
    ("length", "want"), [(450, None), (451, "may be longer"), (512, "may be longer"), (513, "is")]
)
def test_a_long_answer_is_noted(length: int, want: str | None) -> None:
    rest = length - len("shop.example") - len(NET)
    found = spf(NET, "x" * rest)
    assert ("spf-long" in found) is (want is not None)
    if want:
        assert f"{length} characters" in found["spf-long"].words
        assert f"the answer {want}" in found["spf-long"].words
        assert found["spf-long"].level == "info"


def test_a_record_behind_an_alias_counts() -> None:
    table = {
        "shop.example": {"TXT": ['"v=spf1 include:spf.shop.example -all"']},
        "spf.shop.example": {"CNAME": ["spf.esp.example."]},
        "spf.esp.example": {"TXT": ['"v=spf1 ip4:203.0.113.1 -all"']},
        "_dmarc.shop.example": {"CNAME": ["policy.esp.example."]},
        "policy.esp.example": {"TXT": [f'"v=DMARC1; p=reject; {REPORTS}"']},
    }
    with nameserver(table) as running:
        resolve = system_resolver(server=str(running.server))
        address = ipaddress.ip_address("203.0.113.1")
        found = {result.id for result in audit_domain("shop.example", resolve, [address])}
    assert "spf-own-ip-passes" in found
    assert not {i for i in found if i.startswith("spf")} - {"spf-own-ip-passes"}
    assert "dmarc-effect" in found and "dmarc-none" not in found


# ── DMARC ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("record", "want"),
    [
        ("v=DMARC1", "p=(missing) is no policy: the record counts as none"),
        ("v=DMARC1; p=rejct", "p=rejct is no policy: the record counts as none"),
        (f"v=DMARC1; {REPORTS}", "p=(missing) is no policy: receivers treat the record as p=none"),
    ],
)
def test_a_record_without_policy_counts_only_if_somebody_gets_reports(
    record: str, want: str
) -> None:
    found = audit(DMARC__shop__example={"TXT": [record]})
    assert found["dmarc-policy-invalid"].words == want
    assert ("dmarc-effect" in found) is ("treat" in want)


def test_a_record_between_the_name_and_the_organization_is_not_the_policy() -> None:
    table = {
        "_dmarc.org.example": {"TXT": ["v=DMARC1; p=reject"]},
        "_dmarc.b.c.org.example": {"TXT": ["v=DMARC1; p=none"]},
    }
    found = dmarc.discover("a.b.c.org.example", resolver(table))
    assert found.record is not None and found.record.domain == "org.example"
    assert found.organization == "org.example"


@pytest.mark.parametrize(
    ("name", "records", "want"),
    [
        ("gone.shop.example", None, "does not exist: reject"),
        ("text.shop.example", {"TXT": ["x"]}, "exists: quarantine"),
        ("address.shop.example", {"A": ["203.0.113.7"]}, "exists: quarantine"),
    ],
)
def test_np_is_for_names_that_do_not_exist_and_sp_for_those_with_any_record(
    name: str, records: dict[str, list[str]] | None, want: str
) -> None:
    policy = f"v=DMARC1; p=none; sp=quarantine; np=reject; {REPORTS}"
    more = {name.replace(".", "__"): records} if records else {}
    found = audit(name, DMARC__shop__example={"TXT": [policy]}, **more)
    assert found["dmarc-inherited"].words.endswith(want)
    assert "dmarc-monitor" not in found


def test_a_subdomain_without_protection_is_named() -> None:
    policy = f"v=DMARC1; p=reject; sp=none; {REPORTS}"
    found = audit("mx.shop.example", DMARC__shop__example={"TXT": [policy]})
    assert found["dmarc-monitor"].words.startswith("sp=none: mail that imitates mx.shop.example")


def test_whether_a_silent_name_exists_is_unknown() -> None:
    policy = f"v=DMARC1; p=reject; np=none; {REPORTS}"
    found = audit(
        "slow.shop.example", DMARC__shop__example={"TXT": [policy]}, slow__shop__example=SILENT
    )
    assert "dmarc-inherited" not in found and "dns-silent" in found


# ── MX, MTA-STS ──────────────────────────────────────────────────────────────────────────


def test_a_null_mx_on_the_domain_in_from_is_an_error() -> None:
    found = audit(shop__example={"MX": ["0 ."], "TXT": [NET]})
    assert found["mx-none"].level == "error" and "null MX" in found["mx-none"].words


def test_an_enforced_policy_that_leaves_out_an_mx_names_it() -> None:
    table = ZONE | {
        "shop.example": {
            "MX": ["10 mx.shop.example.", "20 new.shop.example."],
            "TXT": [NET],
        },
        "_mta-sts.shop.example": {"TXT": ["v=STSv1; id=1"]},
    }
    policy = b"version: STSv1\nmode: enforce\nmx: mx.shop.example\nmax_age: 86400\n"
    results = audit_domain("shop.example", resolver(table), (), Network(lambda _: policy))
    [found] = [result for result in results if result.id == "mta-sts-mx"]
    assert found.level == "error" and found.words.endswith("its own MX: new.shop.example")
