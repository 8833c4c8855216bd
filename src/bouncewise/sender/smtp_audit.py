"""The TLS of the mail exchangers of a domain, compared with its MTA-STS policy and TLSA records.

Reads: DNS, the policy, and what the servers show, by functions that the caller gives. Gives: hits
for the table domain.toml. RFC 8461 section 4, RFC 7672 sections 2 and 3. A server that is not
reached is unknown: many networks block port 25. Needs cryptography.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bouncewise.errors import missing_extra
from bouncewise.net.dns import (
    NoRecordsError,
    NoSuchNameError,
    Resolver,
    UnansweredError,
    mail_route,
)
from bouncewise.net.dnssec import Security, Validator
from bouncewise.net.smtp import Connect, NoTlsError, Shown, SmtpError
from bouncewise.sender.checks import Hit
from bouncewise.sender.dane import Tlsa, protection, tlsa_of
from bouncewise.sender.transport import StsPolicy, matches

MOST_HOSTS = 5
"""Mail exchangers that are connected to, by preference."""

_SOON = timedelta(days=14)
_SHOWN = 200


class _Host(NamedTuple):
    """A mail exchanger. ``is_enforced``: MTA-STS asks for a valid certificate; ``tlsa``: records
    that can be used; ``is_protected``: DNSSEC protects them.
    """

    name: str
    is_enforced: bool
    tlsa: list[Tlsa]
    is_protected: bool

    @property
    def needs_tls(self) -> bool:
        """Whether senders do not deliver without TLS."""
        return self.is_enforced or (self.is_protected and bool(self.tlsa))


def audit_hosts(
    domain: str,
    resolve: Resolver,
    connect: Connect,
    policy: StsPolicy | None,
    validate: Validator | None,
) -> Iterator[Hit]:
    """What is wrong with the TLS of the mail exchangers of *domain*."""
    found = mail_route(domain, resolve)
    if found.reason:
        yield "dns-silent", {"value": found.reason}
    for name in found.hosts[:MOST_HOSTS]:
        silent: list[str] = []
        addresses = _addresses(name, resolve, silent)
        try:
            records = [record for record in tlsa_of(name, resolve) if not record.fault]
        except UnansweredError as error:
            records = []
            silent.append(str(error))
        for words in silent:
            yield "dns-silent", {"value": words}
        is_protected = (
            bool(records)
            and validate is not None
            and protection(domain, name, validate)[0].security is Security.SECURE
        )
        yield from _host(
            _Host(name, _enforces(policy, name), records, is_protected), addresses, connect
        )


def _enforces(policy: StsPolicy | None, host: str) -> bool:
    return (
        policy is not None
        and policy.mode == "enforce"
        and any(matches(host, pattern) for pattern in policy.mx)
    )


def _addresses(host: str, resolve: Resolver, silent: list[str]) -> list[str]:
    found: list[str] = []
    for record_type in ("A", "AAAA"):
        try:
            found += resolve(host, record_type)
        except (NoSuchNameError, NoRecordsError):
            continue
        except UnansweredError as error:
            silent.append(str(error))
    return found


def _host(host: _Host, addresses: list[str], connect: Connect) -> Iterator[Hit]:
    try:
        shown = connect(host.name, addresses)
    except NoTlsError as error:
        key = "smtp-tls-enforced" if host.needs_tls else "smtp-tls"
        yield key, {"host": host.name, "value": str(error)[:_SHOWN]}
        return
    except SmtpError as error:
        yield "smtp-silent", {"host": host.name, "value": str(error)[:_SHOWN]}
        return
    verdicts = {_fits(record, shown) for record in host.tlsa}
    fits_by_key = any(record.usage == 3 and _fits(record, shown) for record in host.tlsa)
    yield from _dane(host, verdicts)
    end = _end(shown.certificate)
    details = {"host": host.name, "address": shown.address, "version": shown.version}
    if shown.fault and (host.is_enforced or not (fits_by_key and host.is_protected)):
        key = "smtp-certificate-enforced" if host.is_enforced else "smtp-certificate"
        yield key, {**details, "value": shown.fault}
    elif not shown.fault and end and end - datetime.now(UTC) < _SOON:
        yield "smtp-certificate-ends", {**details, "value": f"{end:%Y-%m-%d %H:%M} UTC"}
    value = f"until {end:%Y-%m-%d}" if end else "for a time that cannot be read"
    if not shown.fault:
        yield "smtp-fine", {**details, "value": value}


def _dane(host: _Host, verdicts: set[bool | None]) -> Iterator[Hit]:
    """Whether the certificate fits one of the records: one is enough (RFC 7672 section 3)."""
    if True in verdicts:
        yield "dane-fits", {"host": host.name}
    elif None in verdicts:
        yield "dane-issuers", {"host": host.name}
    elif verdicts:
        key = "dane-mismatch" if host.is_protected else "dane-mismatch-unprotected"
        yield key, {"host": host.name, "value": host.tlsa[0].text[:_SHOWN]}


def _fits(record: Tlsa, shown: Shown) -> bool | None:
    """Whether a record fits the certificate (usage 3) or one of its issuers (usage 2); None where
    the issuers are not visible.
    """
    if record.usage == 3:
        return _data(record, shown.certificate) == record.data
    if shown.issuers is None:
        return None
    return any(_data(record, octets) == record.data for octets in shown.issuers)


def _data(record: Tlsa, certificate: bytes) -> str:
    """What a record for *certificate* has (RFC 6698 section 2.1); '' where it cannot be read."""
    octets = _public_key(certificate) if record.selector == 1 else certificate
    if not octets:
        return ""
    digests = {1: hashlib.sha256, 2: hashlib.sha512}
    digest = digests.get(record.matching)
    return digest(octets).hexdigest() if digest else octets.hex()


def _public_key(certificate: bytes) -> bytes:
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    except ImportError:
        raise missing_extra("sender", "--smtp", "cryptography") from None
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
        return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, TypeError):
        return b""


def _end(certificate: bytes) -> datetime | None:
    """When a certificate expires; None where it cannot be read."""
    try:
        from cryptography import x509
    except ImportError:
        raise missing_extra("sender", "--smtp", "cryptography") from None
    try:
        return x509.load_der_x509_certificate(certificate).not_valid_after_utc
    except (ValueError, TypeError):
        return None
