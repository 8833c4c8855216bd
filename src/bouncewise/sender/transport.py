"""Records about encrypted and branded mail: MTA-STS with its policy, SMTP TLS reports, BIMI.

Reads: DNS, and the policy over HTTPS by a function that the caller gives. Gives: hits for the table
domain.toml. RFC 8461 (MTA-STS), RFC 8460 (TLS reports), draft-brand-indicators-for-message-
identification (BIMI). What is not answered is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from bouncewise.net.dns import NoRecordsError, NoSuchNameError, Resolver
from bouncewise.net.https import FetchError, UnreachableError
from bouncewise.sender.checks import Hit
from bouncewise.sender.spf import text_records

MAX_POLICY = 64 << 10
"""Octets of a policy (RFC 8461 section 3.3)."""

Fetch = Callable[[str], bytes]
"""The document at a URL. Raises FetchError; UnreachableError where nobody answered."""

_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_MODES = ("enforce", "testing", "none")
_SHOWN = 120


class StsPolicy(NamedTuple):
    """A policy of MTA-STS; ``fault``: why it does not count."""

    mode: str
    mx: tuple[str, ...]
    max_age: int
    fault: str = ""


def parse_policy(data: bytes) -> StsPolicy:
    """The policy in *data* (RFC 8461 section 3.2)."""
    fields: dict[str, list[str]] = {}
    for line in data.decode("utf-8", "replace").splitlines():
        key, colon, value = line.partition(":")
        if colon:
            fields.setdefault(key.strip(), []).append(value.strip())
    mode = fields.get("mode", [""])[0]
    age = fields.get("max_age", [""])[0]
    mx = tuple(pattern.lower().rstrip(".") for pattern in fields.get("mx", []))
    faults = {
        "it does not begin with version: STSv1": fields.get("version") != ["STSv1"],
        "its mode is none of enforce, testing, none": mode not in _MODES,
        "its max_age is no number up to 31557600": not _is_age(age),
        "it names no mx": not mx and mode != "none",
    }
    fault = next((words for words, is_so in faults.items() if is_so), "")
    return StsPolicy(mode, mx, int(age) if _is_age(age) else 0, fault)


def _is_age(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= 31_557_600


def matches(host: str, pattern: str) -> bool:
    """Whether *pattern* of a policy allows the MX *host*: equal, or ``*.`` for one label more
    (RFC 8461 section 4.1).
    """
    host, pattern = host.lower().rstrip("."), pattern.lower().rstrip(".")
    if pattern.startswith("*."):
        return host.partition(".")[2] == pattern[2:] and bool(host.partition(".")[0])
    return host == pattern


def mta_sts(domain: str, resolve: Resolver, fetch: Fetch | None) -> Iterator[Hit]:
    """What is wrong with the MTA-STS record and policy of *domain*; without *fetch* the policy is
    not looked at.
    """
    policy, faults = find_policy(domain, resolve, fetch)
    yield from faults
    if policy is not None:
        yield from _hosts(domain, resolve, policy)


def find_policy(
    domain: str, resolve: Resolver, fetch: Fetch | None
) -> tuple[StsPolicy | None, list[Hit]]:
    """The MTA-STS policy of *domain*; None with the reason where none counts, or without *fetch*.
    Raises UnansweredError.
    """
    records = _versions(f"_mta-sts.{domain}", "v=stsv1", resolve)
    if not records:
        return None, [("mta-sts", {"domain": domain})]
    tags = _tags(records[0])
    if len(records) > 1 or not _ID.fullmatch(tags.get("id", "")):
        words = f"{len(records)} records" if len(records) > 1 else "no id of letters and digits"
        return None, [("mta-sts-record", {"domain": domain, "value": words})]
    if fetch is None:
        return None, []
    url = f"https://mta-sts.{domain}/.well-known/mta-sts.txt"
    try:
        policy = parse_policy(fetch(url))
    except UnreachableError as error:
        return None, [("https-silent", {"value": str(error)})]
    except FetchError as error:
        return None, [("mta-sts-policy", {"url": url, "value": str(error)})]
    if policy.fault:
        return None, [("mta-sts-policy", {"url": url, "value": policy.fault})]
    return policy, []


def fetching_once(fetch: Fetch) -> Fetch:
    """*fetch*, which gets each document once; an error is remembered as well."""
    known: dict[str, bytes | FetchError] = {}

    def get(url: str) -> bytes:
        if url not in known:
            try:
                known[url] = fetch(url)
            except FetchError as error:
                known[url] = error
        found = known[url]
        if isinstance(found, FetchError):
            raise found
        return found

    return get


def _hosts(domain: str, resolve: Resolver, policy: StsPolicy) -> Iterator[Hit]:
    if policy.mode == "none":
        yield "mta-sts-testing", {"domain": domain, "mode": "none"}
        return
    hosts = mx_hosts(domain, resolve)
    missing = [h for h in hosts if not any(matches(h, pattern) for pattern in policy.mx)]
    if missing:
        key = "mta-sts-mx" if policy.mode == "enforce" else "mta-sts-mx-testing"
        yield key, {"domain": domain, "value": ", ".join(missing)[:_SHOWN]}
    elif policy.mode == "testing":
        yield "mta-sts-testing", {"domain": domain, "mode": "testing"}
    else:
        yield "mta-sts-fine", {"domain": domain, "count": len(hosts)}


def mx_hosts(domain: str, resolve: Resolver) -> list[str]:
    """The MX hosts of *domain* in the order of the answer. Raises UnansweredError."""
    try:
        records = resolve(domain, "MX")
    except (NoSuchNameError, NoRecordsError):
        return []
    hosts = (record.split()[-1].rstrip(".").lower() for record in records if record.split())
    return [host for host in hosts if host]


def tls_reports(domain: str, resolve: Resolver) -> Iterator[Hit]:
    """What is wrong with the record that asks for SMTP TLS reports."""
    records = _versions(f"_smtp._tls.{domain}", "v=tlsrptv1", resolve)
    if not records:
        yield "tls-rpt", {"domain": domain}
        return
    targets = _tags(records[0]).get("rua", "")
    good = [t for t in targets.split(",") if re.match(r"\s*(mailto:[^@\s]+@\S+|https://\S+)", t)]
    if len(records) > 1 or not good:
        words = f"{len(records)} records" if len(records) > 1 else "no rua with mailto: or https:"
        yield "tls-rpt-record", {"domain": domain, "value": words}


def bimi(domain: str, resolve: Resolver, policy: str | None) -> Iterator[Hit]:
    """Whether the logo of *domain* can be shown; *policy*: the DMARC policy in effect, None
    if it is not known. Neither the logo nor its certificate is fetched.
    """
    records = _versions(f"default._bimi.{domain}", "v=bimi1", resolve)
    if not records:
        return
    tags = _tags(records[0])
    logo = tags.get("l", "")
    if not logo and "a" not in tags:
        yield "bimi-none", {"domain": domain}
    elif not re.fullmatch(r"https://\S+\.svgz?(?:\?\S*)?", logo, re.I):
        yield "bimi-record", {"domain": domain, "value": logo[:_SHOWN] or "(missing)"}
    elif policy is None:
        return
    elif policy not in ("quarantine", "reject"):
        yield "bimi-policy", {"domain": domain, "value": policy}
    else:
        mark = "a certificate (a=)" if tags.get("a") else "no certificate (a=)"
        yield "bimi-fine", {"domain": domain, "value": mark}


def _versions(name: str, version: str, resolve: Resolver) -> list[str]:
    """The TXT records of *name* that begin with *version*."""
    return [text for text in text_records(name, resolve) if text.lower().startswith(version)]


def _tags(text: str) -> dict[str, str]:
    """The tags of a record: ``name=value`` separated by semicolons."""
    parts = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, equals, value in parts if equals}
