"""What authenticates a message: DKIM signatures made here, SPF, alignment."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from bouncewise.net.dns import Resolver
from bouncewise.sender.dkim import DkimOutcome, DkimResult, verify
from bouncewise.sender.message import audit_message
from support.cli import bouncewise
from support.zone import SILENT, resolver

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RSA = rsa.generate_private_key(65537, 2048)
SMALL = rsa.generate_private_key(65537, 1024)
EDWARDS = ed25519.Ed25519PrivateKey.generate()
HEADER = (
    "From: News <news@shop.example>\r\nTo: jo@reader.example\r\nSubject: Your   news\r\n"
    "  of November\r\n"
)
BODY = "Hello  Jo, \r\n\r\nwe shipped.\r\n\r\n\r\n"
Key = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def record(key: Key, more: str = "") -> str:
    if isinstance(key, rsa.RSAPrivateKey):
        octets = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return f"v=DKIM1; k=rsa; {more}p={base64.b64encode(octets).decode()}"
    octets = key.public_key().public_bytes_raw()
    return f"v=DKIM1; k=ed25519; {more}p={base64.b64encode(octets).decode()}"


def relaxed(field: str) -> str:
    name, _, value = field.partition(":")
    unfolded = value.replace("\r\n", "")
    words = re.sub(r"[ \t]+", " ", unfolded).strip()
    return f"{name.lower()}:{words}\r\n"


def sign(key: Key = RSA, tags: str = "", domain: str = "shop.example", body: str = BODY) -> bytes:
    """The message with a signature in the form relaxed/relaxed."""
    lines = [re.sub(r"[ \t]+", " ", line).rstrip(" ") for line in body.split("\r\n")]
    canonical = "\r\n".join(lines).rstrip("\r\n") + "\r\n"
    digest = base64.b64encode(hashlib.sha256(canonical.encode()).digest()).decode()
    kind = "rsa" if isinstance(key, rsa.RSAPrivateKey) else "ed25519"
    field = (
        f"DKIM-Signature: v=1; a={kind}-sha256; c=relaxed/relaxed; d={domain}; s=k; "
        f"{tags}h=from:to:subject; bh={digest}; b="
    )
    fields = re.findall(r"[\w-]+:(?:[^\r]|\r\n[ \t])*\r\n", HEADER)
    data = ("".join(map(relaxed, fields)) + relaxed(field).removesuffix("\r\n")).encode()
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    else:
        signature = key.sign(hashlib.sha256(data).digest())
    value = base64.b64encode(signature).decode()
    return f"{field}{value}\r\n{HEADER}\r\n{body}".encode()


def zone(key: Key = RSA, more: str = "") -> Resolver:
    table: dict[str, object] = {
        "k._domainkey.shop.example": {"TXT": [record(key, more)]},
        "k._domainkey.esp.example": {"TXT": [record(key)]},
        "_dmarc.shop.example": {"TXT": ["v=DMARC1; p=reject"]},
        "bounce.shop.example": {"TXT": ["v=spf1 ip4:203.0.113.1 -all"]},
    }
    return resolver(table)  # type: ignore[arg-type]


def only(raw: bytes, resolve: Resolver | None = None) -> DkimResult:
    [found] = verify(raw, resolve or zone(), NOW)
    return found


@pytest.mark.parametrize("key", [RSA, EDWARDS], ids=["rsa", "ed25519"])
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_a_signature_holds_with_any_ends_of_lines(key: Key, end: bytes) -> None:
    found = only(sign(key).replace(b"\r\n", end), zone(key))
    assert (found.outcome, found.why) == (DkimOutcome.PASS, "")
    assert found.bits == (2048 if key is RSA else 0)
    assert found.fields == {"from", "to", "subject"}


@pytest.mark.parametrize(
    ("old", "new", "want"),
    [
        (b"shipped", b"shopped", "body was changed"),
        (b"Your", b"Our", "signed field was changed"),
        (b"h=from:to", b"h=xrom:to", "does not cover From"),
        (b"rsa-sha256", b"rsa-sha1", "sha1"),
        (b"v=1;", b"v=2;", "no version"),
        (b"d=shop.example", b"d=", "lacks d="),
        (b"s=k;", b"s=other;", "no key at other._domainkey.shop.example"),
    ],
)
def test_what_was_changed_is_named(old: bytes, new: bytes, want: str) -> None:
    found = only(sign().replace(old, new, 1))
    assert found.outcome in (DkimOutcome.FAIL, DkimOutcome.PERMERROR)
    assert want in found.why


@pytest.mark.parametrize(
    ("more", "tags", "want"),
    [
        ("h=sha1; ", "", "allows no sha256"),
        ("s=tlsrpt; ", "", "not for mail"),
        ("t=s; ", "i=@sub.shop.example; ", "allows no subdomain"),
        ("", "i=@other.example; ", "not within"),
        ("", "x=1000000000; ", "expired"),
        ("", "l=99999; ", "more than the body"),
    ],
)
def test_a_key_or_tag_may_forbid_the_signature(more: str, tags: str, want: str) -> None:
    found = only(sign(tags=tags), zone(more=more))
    assert found.outcome is DkimOutcome.PERMERROR and want in found.why


def test_a_revoked_key_and_a_silent_server_are_told_apart() -> None:
    table = {"k._domainkey.shop.example": {"TXT": ["v=DKIM1; p="]}}
    assert "revoked" in only(sign(), resolver(table)).why
    silent = resolver({"k._domainkey.shop.example": SILENT})
    assert only(sign(), silent).outcome is DkimOutcome.TEMPERROR


def ids(raw: bytes, resolve: Resolver | None = None, ip: str | None = None) -> set[str]:
    address = ipaddress.ip_address(ip) if ip else None
    return {result.id for result in audit_message(raw, resolve or zone(), NOW, address)}


def test_a_signature_of_the_domain_is_aligned() -> None:
    assert ids(sign()) == {"dkim-passes", "aligned"}


def test_a_signature_of_another_domain_authenticates_and_is_not_aligned() -> None:
    assert ids(sign(domain="esp.example")) == {"dkim-passes", "not-aligned"}


def test_strict_alignment_asks_for_the_same_domain() -> None:
    subdomain = {"k._domainkey.mail.shop.example": {"TXT": [record(RSA)]}}
    for policy, want in (("p=reject", "aligned"), ("p=reject; adkim=s", "not-aligned")):
        table = {**subdomain, "_dmarc.shop.example": {"TXT": [f"v=DMARC1; {policy}"]}}
        assert want in ids(sign(domain="mail.shop.example"), resolver(table))


def test_each_identifier_that_passes_is_aligned_or_is_not() -> None:
    table = {
        "k._domainkey.shop.example": {"TXT": [record(RSA)]},
        "bounce.esp.example": {"TXT": ["v=spf1 ip4:203.0.113.1 -all"]},
        "_dmarc.shop.example": {"TXT": ["v=DMARC1; p=reject"]},
        "_dmarc.esp.example": {"TXT": ["v=DMARC1; p=reject"]},
    }
    raw = b"Return-Path: <b@bounce.esp.example>\r\n" + sign()
    found = audit_message(raw, resolver(table), NOW, ipaddress.ip_address("203.0.113.1"))
    words = next(result.words for result in found if result.id == "aligned")
    assert words.endswith("DKIM of shop.example; not aligned: SPF of bounce.esp.example")


def test_spf_aligns_by_the_return_path_where_the_address_is_given() -> None:
    raw = b"Return-Path: <b@bounce.shop.example>\r\n" + HEADER.encode() + b"\r\nx\r\n"
    assert ids(raw) == {"dkim-none", "not-authenticated"}
    assert ids(raw, ip="203.0.113.1") == {"dkim-none", "aligned"}
    assert ids(raw, ip="203.0.113.2") == {"dkim-none", "not-authenticated"}


@pytest.mark.parametrize("name", ["k._domainkey.shop.example", "bounce.shop.example"])
def test_what_a_silent_name_server_could_have_said_is_no_fault(name: str) -> None:
    table = {"k._domainkey.shop.example": {"TXT": [record(SMALL)]}, name: SILENT}
    raw = b"Return-Path: <b@bounce.shop.example>\r\n" + sign()
    found = ids(raw, resolver(table), ip="203.0.113.1")
    assert "dns-silent" in found and not found & {"not-authenticated", "not-aligned", "aligned"}


def test_silence_about_one_identifier_does_not_hide_that_another_is_aligned() -> None:
    table = {
        "k._domainkey.shop.example": {"TXT": [record(RSA)]},
        "bounce.esp.example": {"TXT": ["v=spf1 ip4:203.0.113.1 -all"]},
        "_dmarc.esp.example": SILENT,
    }
    raw = b"Return-Path: <b@bounce.esp.example>\r\n" + sign()
    found = ids(raw, resolver(table), ip="203.0.113.1")
    assert {"aligned", "dns-silent"} <= found


def test_what_weakens_a_signature_is_named() -> None:
    assert "dkim-small-key" in ids(sign(SMALL), zone(SMALL))
    assert "dkim-testing" in ids(sign(), zone(more="t=y; "))
    assert "from-count" in ids(b"From: x@evil.example\r\n" + sign())


def test_what_is_appended_behind_the_signed_length_is_named_and_counted() -> None:
    signed = re.sub(r"[ \t]+\r\n", "\r\n", re.sub(r"[ \t]+", " ", BODY)).rstrip("\r\n") + "\r\n"
    appended = "<a href=https://evil.example>win</a>\r\n"
    whole = BODY.rstrip("\r\n") + "\r\n"
    raw = sign(tags=f"l={len(signed)}; ").replace(BODY.encode(), (whole + appended).encode())
    found = {result.id: result for result in audit_message(raw, zone(), NOW)}
    assert {"dkim-passes", "dkim-length"} <= set(found)
    assert f"the last {len(appended)} octets" in found["dkim-length"].words
    assert found["dkim-length"].level == "warning"


def test_a_message_is_a_target_of_the_command(tmp_path: Path) -> None:
    (tmp_path / "m.eml").write_bytes(HEADER.encode() + b"\r\nx\r\n")
    result = bouncewise(tmp_path, "sender", "m.eml", "--resolver", "127.0.0.1:9", "--json")
    assert result.returncode == 1 and b"dkim-none" in result.stdout


BIG = 1 << 18
HOSTILE_MESSAGES = {
    "no colon": b"a" * BIG + b"\r\n",
    "folded": b"DKIM-Signature: a" + b"\r\n " * BIG + b"\r\n",
    "one tag": b"DKIM-Signature: " + b"a" * BIG + b"\r\n",
    "blanks before a tag": b"DKIM-Signature: " + b" " * BIG + b"x\r\n",
    "blanks in a tag": b"DKIM-Signature: a=" + b" " * BIG + b"x\r\n",
    "names": b"DKIM-Signature: v=1; a=rsa-sha256; d=a.example; s=k; l=0; bh=47DEQpj8HBSa+/TImW+5"
    b"JCeuQeRkm5NMpJWZG3hSuFU=; b=aa==; h=" + b"from:" * (BIG // 5) + b"\r\n",
    "value of b": b"DKIM-Signature: v=1; a=rsa-sha256; d=a.example; s=k; l=0; h=from; bh=47DEQpj8"
    b"HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; " + b":b " * (BIG // 4) + b"; b=aa==\r\n",
}


@pytest.mark.parametrize("name", HOSTILE_MESSAGES)
@pytest.mark.parametrize(
    "body", [b"x", b"\r\n" * BIG, b" \t" * BIG], ids=["short", "ends", "blanks"]
)
def test_a_hostile_message_is_read_in_linear_time(name: str, body: bytes) -> None:
    message = HOSTILE_MESSAGES[name] + b"From: a@a.example\r\n\r\n" + body
    before = time.process_time()
    results = verify(message, lambda *_: ['"v=DKIM1; p=' + "a" * 60000 + '"'], datetime.now(UTC))
    assert time.process_time() - before < 4
    assert all(result.outcome is not DkimOutcome.PASS for result in results)


def test_samples_of_several_streams_are_checked_at_once(tmp_path: Path) -> None:
    (tmp_path / "signed.eml").write_bytes(sign())
    (tmp_path / "plain.eml").write_bytes(f"{HEADER}\r\n{BODY}".encode())
    verb = ("sender", "signed.eml", "plain.eml", "--resolver", "127.0.0.1:9")
    done = bouncewise(tmp_path, *verb, "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["target"] for row in rows if "target" in row} == {"signed.eml", "plain.eml"}
    text = bouncewise(tmp_path, *verb).stdout.decode().splitlines()
    assert [line for line in text if line.endswith(".eml")] == ["signed.eml", "plain.eml"]
    done = bouncewise(tmp_path, "sender", "signed.eml", "shop.example")
    assert (done.returncode, b"only messages" in done.stderr) == (2, True)
