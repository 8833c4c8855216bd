"""DMARC policies as RFC 9989 finds and reads them, with a word on RFC 7489 where they differ.

Reads: TXT records through a Resolver. Gives: the record that applies to a domain, the
organizational domain by the tree walk (section 4.10), and the policy in force for the domain, for
its subdomains and for names that do not exist. Refuses nothing: what is no record is reported.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from bouncewise.net.dns import NoRecordsError, NoSuchNameError, Resolver, UnansweredError
from bouncewise.sender.spf_record import texts

MAX_LABELS = 8
"""Labels of a name from which on the walk leaves out the middle (section 4.10)."""

POLICIES = ("none", "quarantine", "reject")
_ADDRESS = re.compile(r"mailto:([^\s,!@]+@[^\s,!@]+)(?:!\d{1,10}[kmgt]?)?\s*", re.I)


class DmarcRecord(NamedTuple):
    """A record: where it stands, its text and tags (names and policies in lower case)."""

    domain: str
    text: str
    tags: dict[str, str]

    @property
    def reports_to(self) -> list[str]:
        """The addresses in rua= that are valid."""
        return [m[1] for m in map(_ADDRESS.fullmatch, self.tags.get("rua", "").split(",")) if m]

    @property
    def invalid_policies(self) -> list[str]:
        """The names among p, sp and np whose value is no policy; p also where it is missing."""
        values = {"p": self.tags.get("p", ""), **{k: self.tags.get(k) for k in ("sp", "np")}}
        return [k for k, v in values.items() if v is not None and v.lower() not in POLICIES]

    @property
    def policy(self) -> str | None:
        """p=; "none" where p, sp or np is invalid and reports are asked for; None where such a
        record counts as none (RFC 9989 section 4.10.1).
        """
        if not self.invalid_policies:
            return self.tags["p"].lower()
        return "none" if self.reports_to else None


class DmarcFound(NamedTuple):
    """What there is at one name: records, and texts that look like one and are none."""

    domain: str
    records: list[str]
    others: list[str]


class DmarcPolicyFound(NamedTuple):
    """The record that applies (None: none does, or it is not known), the organizational domain (""
    where it is not known), and the names asked, in order. ``others``: texts at the domain itself
    that look like a record and are none; ``unanswered``: questions without an answer.
    """

    record: DmarcRecord | None
    organization: str
    asked: tuple[str, ...]
    several: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()

    @property
    def is_unknown(self) -> bool:
        """Whether a missing answer could have been the record that applies."""
        return self.record is None and bool(self.unanswered)


def at(domain: str, resolve: Resolver) -> DmarcFound:
    """What stands at _dmarc.*domain*. Raises UnansweredError."""
    try:
        found = [texts(text) for text in resolve(f"_dmarc.{domain}", "TXT")]
    except (NoSuchNameError, NoRecordsError):
        found = []
    records = [text for text in found if _is_record(text)]
    others = [text for text in found if not _is_record(text) and "dmarc1" in text.lower()]
    return DmarcFound(domain, records, others)


def _is_record(text: str) -> bool:
    """Whether a text is a record: its first tag is v=DMARC1, in this case (section 4.7)."""
    return re.match(r"v\s*=\s*DMARC1\s*(?:;|$)", text) is not None


def parse(domain: str, text: str) -> DmarcRecord:
    """The tags of a record; the first of each name."""
    tags: dict[str, str] = {}
    for part in text.split(";"):
        name, found, value = part.partition("=")
        if found and (name := name.strip()).isalpha() and name.isascii():
            tags.setdefault(name.lower(), value.strip())
    return DmarcRecord(domain, text, tags)


def names(domain: str) -> list[str]:
    """The names of the tree walk, from *domain* on (section 4.10)."""
    labels = domain.rstrip(".").lower().split(".")
    found = [".".join(labels)]
    rest = labels[-(MAX_LABELS - 1) :] if len(labels) >= MAX_LABELS else labels[1:]
    while rest:
        found.append(".".join(rest))
        rest = rest[1:]
    return found


def discover(domain: str, resolve: Resolver) -> DmarcPolicyFound:
    """The record that applies to mail from *domain*. The record of the domain itself applies
    whatever the names above it have; any other only where every name of the walk was answered.
    """
    walked: list[DmarcRecord] = []
    asked: list[str] = []
    several: list[str] = []
    others: tuple[str, ...] = ()
    unanswered: list[str] = []
    organization = ""
    for name in names(domain):
        asked.append(name)
        try:
            found = at(name, resolve)
        except UnansweredError as error:
            unanswered.append(str(error))
            continue
        others = others or (tuple(found.others) if len(asked) == 1 else ())
        if len(found.records) > 1:
            several.append(name)
        if len(found.records) != 1:
            continue
        record = parse(name, found.records[0])
        walked.append(record)
        psd = record.tags.get("psd", "u").lower()
        if psd == "y" and len(asked) > 1:
            organization = asked[-2]  # a public suffix: the organization is one label below it
            break
        if psd == "n":
            organization = name
            break
    organization = organization or (walked[-1].domain if walked else asked[0])
    own = next((record for record in walked if record.domain == asked[0]), None)
    above = next((record for record in walked if record.domain == organization), None)
    suffix = next((r for r in walked if r.tags.get("psd", "").lower() == "y"), None)
    applies = own if unanswered else own or above or suffix
    return DmarcPolicyFound(
        applies,
        "" if unanswered else organization,
        tuple(asked),
        tuple(several),
        others,
        tuple(unanswered),
    )


class DmarcEffect(NamedTuple):
    """What receivers that follow RFC 9989 do with mail that fails: for the domain of the record,
    for its subdomains, and for names that do not exist.
    """

    domain: str
    subdomains: str
    nonexistent: str


def effect(record: DmarcRecord) -> DmarcEffect | None:
    """The policies in force; None where the record counts as none. t=y lowers each by one step
    (section 4.7).
    """
    p = record.policy
    if p is None:
        return None
    is_valid = not record.invalid_policies
    sp = record.tags.get("sp", p).lower() if is_valid else p
    np = record.tags.get("np", sp).lower() if is_valid else p
    if record.tags.get("t", "").lower() == "y":
        p, sp, np = (POLICIES[max(0, POLICIES.index(policy) - 1)] for policy in (p, sp, np))
    return DmarcEffect(p, sp, np)
