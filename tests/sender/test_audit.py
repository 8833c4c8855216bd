"""SPF, DMARC and the names of IP addresses: what an audit finds, and what it leaves unknown."""

from __future__ import annotations

import ipaddress
import json
import time
from pathlib import Path

import pytest

from bouncewise.net.dns import MOST_SILENT, UnansweredError
from bouncewise.sender import dmarc, spf_record
from bouncewise.sender.audit import audit_domain, audit_ip
from bouncewise.sender.checks import CheckResult, Level
from bouncewise.sender.spf import Query, SpfResult, evaluate
from support.cli import bouncewise
from support.zone import SILENT, resolver

NET = "v=spf1 ip4:203.0.113.0/28"
ELEVEN = {f"i{n}.example": {"TXT": [f"v=spf1 ip4:203.0.113.{n} ?all"]} for n in range(1, 12)}
MAIL = {"MX": ["10 mx.shop.example."]}
REPORTS = "rua=mailto:d@shop.example"


def audit(
    spf: str | list[str] | None = f"{NET} -all",
    policy: str | list[str] | None = f"v=DMARC1; p=reject; {REPORTS}",
    ip: str | None = None,
    domain: str = "shop.example",
    **more: object,
) -> list[CheckResult]:
    zone: dict[str, object] = {k.replace("__", "."): v for k, v in more.items()}
    zone["shop.example"] = MAIL
    if spf is not None:
        zone["shop.example"] = {**MAIL, "TXT": [spf] if isinstance(spf, str) else spf}
    if policy is not None:
        zone["_dmarc.shop.example"] = {"TXT": [policy] if isinstance(policy, str) else policy}
    zone.update(ELEVEN)
    zone["mx.shop.example"] = {"A": ["203.0.113.1"]}
    ips = [ipaddress.ip_address(ip)] if ip else []
    return audit_domain(domain, resolver(zone), ips)  # type: ignore[arg-type]


def ids(found: list[CheckResult]) -> set[str]:
    return {result.id for result in found} - {"mta-sts", "tls-rpt", "dmarc-effect"}


def words(found: list[CheckResult], key: str) -> str:
    return next(result.words for result in found if result.id == key)


def test_good_records_have_no_fault() -> None:
    assert ids(audit()) == set()


def includes(many: int) -> str:
    return "v=spf1 " + " ".join(f"include:i{n}.example" for n in range(1, many + 1)) + " -all"


def test_the_eleventh_lookup_is_named_with_its_path() -> None:
    found = audit(includes(11))
    assert "include:i11.example is the 11th, by way of shop.example" in words(found, "spf-lookups")
    nested = {
        "n1__example": {"TXT": ["v=spf1 " + "a:mx.shop.example " * 4 + "~all"]},
        "n2__example": {"TXT": ["v=spf1 " + "a:mx.shop.example " * 5 + "~all"]},
    }
    found = audit("v=spf1 include:n1.example include:n2.example -all", **nested)
    assert "by way of shop.example → n2.example" in words(found, "spf-lookups")


def test_ten_lookups_are_allowed_and_none_is_left() -> None:
    assert ids(audit(includes(10))) == {"spf-lookups-full"}


def test_a_record_that_breaks_for_strangers_is_an_error_even_if_the_own_address_passes() -> None:
    found = audit(includes(11), ip="203.0.113.1")
    assert {"spf-lookups", "spf-own-ip-passes"} <= ids(found)
    assert "(1 lookups)" in words(found, "spf-own-ip-passes")


@pytest.mark.parametrize(
    ("spf", "want"),
    [
        (None, "spf-none"),
        ([f"{NET} -all", "v=spf1 -all"], "spf-several"),
        ("v=spf1 +all", "spf-everybody"),
        ("v=spf1 a mx all", "spf-everybody"),
        ("v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all", "spf-everybody"),
        (f" {NET} -all", "spf-look-alike"),
        ("\N{NO-BREAK SPACE}v=spf1 -all", "spf-look-alike"),
        ("v=spf1 ip4:192.0.2.1-all", "spf-syntax"),
        ("v=spf1 ipv4:192.0.2.1 -all", "spf-syntax"),
        ("v=spf1 ip4:192.0.2.1/33 -all", "spf-syntax"),
        ("v=spf1 exists:%{z} -all", "spf-syntax"),
        ("v=spf1 a:x1.example a:x2.example a:x3.example -all", "spf-syntax"),
        ("v=spf1 include:none.example -all", "spf-include-missing"),
        ("v=spf1 redirect=none.example", "spf-include-missing"),
        ("v=spf1 include:shop.example -all", "spf-loop"),
        ("v=spf1 ptr -all", "spf-ptr"),
        (NET, "spf-open-end"),
    ],
)
def test_a_fault_of_spf_is_found(spf: str | list[str] | None, want: str) -> None:
    assert want in ids(audit(spf))


def test_the_words_of_a_fault_name_what_broke() -> None:
    assert "blank is missing" in words(audit("v=spf1 ip4:192.0.2.1-all"), "spf-syntax")
    found = audit("v=spf1 a:x1.example a:x2.example a:x3.example -all")
    assert "x3.example" in words(found, "spf-syntax")


@pytest.mark.parametrize("spf", ["V=SPF1 IP4:192.0.2.1 -ALL", "v=spf1 a:x.example -all"])
def test_letters_of_either_case_and_two_voids_are_fine(spf: str) -> None:
    assert ids(audit(spf)) == set()


def test_a_server_that_is_silent_is_unknown_and_no_error() -> None:
    found = audit("v=spf1 include:slow.example -all", slow__example=SILENT)
    assert ids(found) == {"dns-silent"}
    assert {r.level for r in found if r.id == "dns-silent"} == {Level.UNKNOWN}


def unanswered(found: list[CheckResult]) -> set[str]:
    """The questions that are named as not answered."""
    return {
        result.words.removeprefix("not answered: ").partition(": ")[0]
        for result in found
        if result.id == "dns-silent"
    }


def test_each_question_without_an_answer_is_named_with_its_type() -> None:
    spf = "v=spf1 include:slow.example a:s1.example mx:s2.example include:s3.example -all"
    zone = {f"{name}__example": SILENT for name in ("slow", "s1", "s3")}
    found = audit(spf, s2__example={"MX": ["10 mx.s2.example."]}, mx__s2__example=SILENT, **zone)
    assert unanswered(found) == {
        "TXT of slow.example",
        "A of s1.example",
        "AAAA of s1.example",
        "A of mx.s2.example",
        "AAAA of mx.s2.example",
        "TXT of s3.example",
    }


def test_silence_about_one_thing_hides_nothing_of_the_others() -> None:
    rua = "rua=mailto:a@s1.example,mailto:b@no.example,mailto:c@s2.example"
    silent = {f"shop.example._report._dmarc.{name}.example": SILENT for name in ("s1", "s2")}
    found = audit(policy=f"v=DMARC1; p=none; {rua}", **silent)
    assert ids(found) == {"dns-silent", "dmarc-monitor", "dmarc-report-unauthorised"}
    assert unanswered(found) == {f"TXT of {name}" for name in silent}


def test_the_own_record_applies_though_the_names_above_are_silent() -> None:
    zone = {"_dmarc.shop.example": {"TXT": ["v=DMARC1; p=reject"]}, "_dmarc.example": SILENT}
    found = dmarc.discover("shop.example", resolver(zone))
    assert found.record is not None and not found.is_unknown
    assert (found.organization, len(found.unanswered)) == ("", 1)


@pytest.mark.parametrize("name", ["a.b.shop.example", "b.shop.example", "example"])
def test_a_policy_found_beyond_a_silent_name_is_not_known(name: str) -> None:
    zone = {"_dmarc.shop.example": {"TXT": ["v=DMARC1; p=reject"]}, f"_dmarc.{name}": SILENT}
    found = dmarc.discover("a.b.shop.example", resolver(zone))
    assert found.is_unknown and found.record is None


@pytest.mark.parametrize(
    ("zone", "want"),
    [
        ({"MX": SILENT}, {"MX"}),
        ({"A": SILENT, "AAAA": SILENT}, {"A", "AAAA"}),
        ({"A": SILENT}, {"A"}),
    ],
)
def test_each_question_about_the_route_of_mail_is_named(
    zone: dict[str, str], want: set[str]
) -> None:
    def resolve(name: str, record_type: str) -> list[str]:
        if name == "bare.example" and record_type in zone:
            raise UnansweredError("time-out")
        return resolver({"bare.example": {"TXT": [f"{NET} -all"]}})(name, record_type)

    found = audit_domain("bare.example", resolve)
    assert unanswered(found) == {f"{kind} of bare.example" for kind in want}


def test_each_name_of_an_address_that_is_silent_is_named() -> None:
    names = ["s1.shop.example.", "s2.shop.example."]
    zone = {"7.113.0.203.in-addr.arpa": {"PTR": names}, **{n.rstrip("."): SILENT for n in names}}
    found = audit_ip(ipaddress.ip_address("203.0.113.7"), resolver(zone))
    assert unanswered(found) == {"A of s1.shop.example", "A of s2.shop.example"}
    zone["s1.shop.example"] = {"A": ["203.0.113.7"]}
    found = audit_ip(ipaddress.ip_address("203.0.113.7"), resolver(zone))
    assert ids(found) == {"ptr-confirmed"}


def test_an_audit_ends_though_every_server_of_a_hostile_record_is_silent() -> None:
    asked: list[str] = []

    def resolve(name: str, record_type: str) -> list[str]:
        if name.endswith(".slow.example") and record_type != "TXT":
            asked.append(name)
            raise UnansweredError("time-out")
        spf = "v=spf1 " + " ".join(f"a:h{n}.slow.example" for n in range(9)) + " -all"
        return resolver({"shop.example": {"TXT": [spf], **MAIL}})(name, record_type)

    found = audit_domain("shop.example", resolve)
    assert len(asked) == MOST_SILENT
    words = [r.words for r in found if r.id == "dns-silent"]
    assert any("not asked after 10 without an answer" in text for text in words)
    assert any(text.startswith("not answered: A of h0.slow.example") for text in words)


def test_a_silent_question_is_asked_once() -> None:
    asked: list[tuple[str, str]] = []
    zone = {"shop.example": {"TXT": ["v=spf1 a:slow.example -all"], **MAIL}, "slow.example": SILENT}

    def resolve(name: str, record_type: str) -> list[str]:
        asked.append((name, record_type))
        return resolver(zone)(name, record_type)  # type: ignore[arg-type]

    audit_domain("shop.example", resolve)
    assert len(asked) == len(set(asked))


def test_dns_that_never_answers_gives_no_error_and_no_ok() -> None:
    def silent(name: str, record_type: str) -> list[str]:
        return resolver({name: SILENT})(name, record_type)

    levels = {result.level for result in audit_domain("shop.example", silent)}
    assert levels == {Level.UNKNOWN}


@pytest.mark.parametrize(
    ("policy", "want"),
    [
        (None, {"dmarc-none"}),
        (f"v=dmarc1; p=reject; {REPORTS}", {"dmarc-look-alike"}),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], {"dmarc-several"}),
        (f"v=DMARC1; p=none; {REPORTS}", {"dmarc-monitor"}),
        (f"v=DMARC1; p=reject; sp=none; {REPORTS}", {"dmarc-subdomains"}),
        (f"v=DMARC1; p=none; sp=reject; {REPORTS}", {"dmarc-monitor", "dmarc-domain-open"}),
        (f"v=DMARC1; p=rejct; {REPORTS}", {"dmarc-policy-invalid"}),
        ("v=DMARC1; p=rejct", {"dmarc-policy-invalid", "dmarc-no-reports"}),
        (f"v=DMARC1; p=reject; sp=rejct; {REPORTS}", {"dmarc-policy-invalid"}),
        ("v=DMARC1; p=reject; np=", {"dmarc-policy-invalid", "dmarc-no-reports"}),
        (f"v=DMARC1; p=reject; t=y; {REPORTS}", {"dmarc-testing"}),
        (f"v=DMARC1; p=reject; pct=10; {REPORTS}", {"dmarc-pct"}),
        ("v=DMARC1; p=reject", {"dmarc-no-reports"}),
        ("v=DMARC1; p=reject; rua=d@shop.example", {"dmarc-report-address"}),
        ("v=DMARC1; p=reject; rua=mailto:d@other.example", {"dmarc-report-unauthorised"}),
    ],
)
def test_a_fault_of_dmarc_is_found(policy: str | list[str] | None, want: set[str]) -> None:
    assert ids(audit(policy=policy)) == want


def test_reports_may_go_to_a_domain_that_agreed() -> None:
    zone = {"shop.example._report._dmarc.other.example": {"TXT": ["v=DMARC1"]}}
    found = audit(policy="v=DMARC1; p=reject; rua=mailto:d@other.example", **zone)
    assert ids(found) == set()


def test_a_record_at_the_domain_itself_is_one_label_too_high() -> None:
    found = audit([f"{NET} -all", "v=DMARC1; p=reject"], policy=None)
    assert ids(found) == {"dmarc-apex"}


def test_the_tree_walk_asks_at_most_eight_names() -> None:
    assert dmarc.names("a.b.c.d.e.f.g.h.i.j.k.example.com") == [
        "a.b.c.d.e.f.g.h.i.j.k.example.com",
        "g.h.i.j.k.example.com",
        "h.i.j.k.example.com",
        "i.j.k.example.com",
        "j.k.example.com",
        "k.example.com",
        "example.com",
        "com",
    ]


@pytest.mark.parametrize("text", ["v=DMARC1;" + " " * 60_000 + "x", "v=DMARC1;" + "a" * 60_000])
def test_a_hostile_record_takes_no_time(text: str) -> None:
    began = time.process_time()
    dmarc.parse("shop.example", text)
    assert time.process_time() - began < 1


ORG = {
    "_dmarc.org.example": {"TXT": ["v=DMARC1; p=reject"]},
    "_dmarc.b.c.org.example": {"TXT": ["v=DMARC1; p=none"]},
    "_dmarc.psd.example": {"TXT": ["v=DMARC1; p=reject; psd=y"]},
    "_dmarc.own.psd.example": {"TXT": ["v=DMARC1; p=quarantine"]},
    "_dmarc.stop.example": {"TXT": ["v=DMARC1; p=none; psd=n"]},
    "_dmarc.example": {"TXT": ["v=DMARC1; p=reject"]},
}


@pytest.mark.parametrize(
    ("domain", "applies", "organization"),
    [
        ("org.example", "org.example", "example"),
        ("b.c.org.example", "b.c.org.example", "example"),
        ("x.own.psd.example", "own.psd.example", "own.psd.example"),
        ("x.other.psd.example", None, "other.psd.example"),
        ("x.stop.example", "stop.example", "stop.example"),
    ],
)
def test_the_walk_finds_the_organization(
    domain: str, applies: str | None, organization: str
) -> None:
    found = dmarc.discover(domain, resolver(ORG))
    assert found.organization == organization
    if applies is not None:
        assert found.record is not None and found.record.domain == applies


PTR = {
    "1.113.0.203.in-addr.arpa": {"PTR": ["mx.shop.example."]},
    "2.113.0.203.in-addr.arpa": {"PTR": ["lost.shop.example."]},
    "3.113.0.203.in-addr.arpa": {"PTR": ["203-0-113-3.dyn.isp.example."]},
    "mx.shop.example": {"A": ["203.0.113.1"]},
    "lost.shop.example": {"A": ["203.0.113.9"]},
    "203-0-113-3.dyn.isp.example": {"A": ["203.0.113.3"]},
    "5.113.0.203.in-addr.arpa": SILENT,
    "6.113.0.203.in-addr.arpa": {"PTR": ["slow.shop.example."]},
    "slow.shop.example": SILENT,
}


@pytest.mark.parametrize(
    ("ip", "want"),
    [
        ("203.0.113.1", {"ptr-confirmed"}),
        ("203.0.113.2", {"ptr-unconfirmed"}),
        ("203.0.113.3", {"ptr-generic", "ptr-confirmed"}),
        ("203.0.113.4", {"ptr-missing"}),
        ("203.0.113.5", {"dns-silent"}),
        ("203.0.113.6", {"dns-silent"}),
    ],
)
def test_an_address_needs_a_name_that_leads_back(ip: str, want: set[str]) -> None:
    assert ids(audit_ip(ipaddress.ip_address(ip), resolver(PTR))) == want


@pytest.mark.parametrize(
    ("spf", "ip", "want"),
    [
        ("v=spf1 ip4:203.0.113.1 -all", "203.0.113.1", SpfResult.PASS),
        ("v=spf1 ip4:203.0.113.1 ~all", "203.0.113.2", SpfResult.SOFTFAIL),
        ("v=spf1 a:mx.shop.example/28 -all", "203.0.113.15", SpfResult.PASS),
        ("v=spf1 mx -all", "203.0.113.1", SpfResult.PASS),
        ("v=spf1 exists:%{ir}.%{v}.list.example -all", "203.0.113.1", SpfResult.PASS),
        ("v=spf1 ptr:shop.example -all", "203.0.113.1", SpfResult.PASS),
        ("v=spf1 ip6:2001:db8::/32 -all", "2001:db8::1", SpfResult.PASS),
        ("v=spf1 ip4:203.0.113.1 -all", "::ffff:203.0.113.1", SpfResult.PASS),
        ("v=spf1 ?all", "203.0.113.1", SpfResult.NEUTRAL),
        ("v=spf1 include:slow.example -all", "203.0.113.1", SpfResult.TEMPERROR),
        ("v=spf1 foo -all", "203.0.113.1", SpfResult.PERMERROR),
    ],
)
def test_spf_gives_the_result_of_rfc_7208(spf: str, ip: str, want: SpfResult) -> None:
    zone = {
        **PTR,
        "shop.example": {**MAIL, "TXT": [spf]},
        "1.113.0.203.in-addr.list.example": {"A": ["127.0.0.2"]},
        "slow.example": SILENT,
    }
    query = Query(ipaddress.ip_address(ip), "news@shop.example")
    assert evaluate(query, "shop.example", resolver(zone)).result is want


ZONE = """$ORIGIN shop.example.
$TTL 300
@ IN SOA ns.shop.example. host.shop.example. 1 2 3 4 5
@ IN NS ns.shop.example.
@ IN MX 10 mx.shop.example.
@ IN TXT "v=spf1 +all"
mx IN A 203.0.113.1
_dmarc IN TXT "v=DMARC1; p=reject; rua=mailto:d@shop.example"
"""


def test_a_zone_file_is_checked_before_it_is_published(tmp_path: Path) -> None:
    (tmp_path / "zone").write_text(ZONE)
    options = ("--zone", "zone", "--resolver", "127.0.0.1:9", "--json")
    result = bouncewise(tmp_path, "sender", "shop.example", *options)
    assert result.returncode == 1, result.stderr
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["id"] for row in rows if row.get("level") == "error"] == ["spf-everybody"]


@pytest.mark.parametrize("target", ["not a domain", "a..b", ""])
def test_what_is_neither_domain_nor_address_is_a_usage_error(tmp_path: Path, target: str) -> None:
    assert bouncewise(tmp_path, "sender", target).returncode == 2


def test_a_policy_beside_an_invalid_one_is_not_in_force() -> None:
    record = dmarc.parse("shop.example", f"v=DMARC1; p=reject; sp=x; {REPORTS}")
    assert dmarc.effect(record) == ("none", "none", "none")
    assert dmarc.effect(dmarc.parse("shop.example", "v=DMARC1; p=reject; sp=x")) is None


def test_a_term_that_nobody_answered_is_unknown() -> None:
    zone = {f"{ip}.e.example": SILENT for ip in ("192.0.2.251", "203.0.113.251")}
    assert ids(audit("v=spf1 exists:%{i}.e.example -all", **zone)) == {"dns-silent"}


LONG = 60_000
HOSTILE_TERMS = {
    "letters": "include:." + "a" * LONG + "!",
    "hyphens": "redirect=." + "-" * LONG + "!",
    "dots": "include:" + "." * LONG + "!",
    "lengths": "a:" + "/1" * LONG,
    "slashes": "a:x" + "/" * LONG,
    "macros": "exists:" + "%{i}" * LONG + "!",
    "a name": "x" * LONG,
    "digits": "ip4:" + "1" * LONG,
    "groups": "ip6:" + "1:" * LONG,
    "a prefix": "ip4:192.0.2.1/" + "1" * LONG,
}


@pytest.mark.parametrize("name", HOSTILE_TERMS)
def test_a_hostile_term_is_refused_in_linear_time(name: str) -> None:
    before = time.process_time()
    with pytest.raises(spf_record.SpfError):
        spf_record.parse("v=spf1 " + HOSTILE_TERMS[name], "a.example")
    assert time.process_time() - before < 2


@pytest.mark.parametrize("macro", ["%{d}", "%{s1r.+-,/_=}"])
def test_many_macros_are_expanded_in_linear_time(macro: str) -> None:
    name = ".".join("a" * 126)
    macros = spf_record.Macros(name, "192.0.2.1", f"{'a' * 60}@{name}", "", "")
    before = time.process_time()
    assert spf_record.expand(macro * (LONG // 4), macros).endswith("a")
    assert time.process_time() - before < 2
