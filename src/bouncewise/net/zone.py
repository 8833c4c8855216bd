"""Answers from a zone file (RFC 1035 section 5), to check records before they are published.

Reads: a zone file. Gives: a Resolver that answers for names in the zone, and asks another one for
all others. Needs dnspython.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bouncewise.errors import InputError, missing_extra
from bouncewise.net.dns import NoRecordsError, NoSuchNameError, Resolver

MAX_CNAMES = 8
"""Aliases that are followed."""


def zone_resolver(path: Path, origin: str | None, otherwise: Resolver) -> Resolver:
    """A resolver for the zone in the file at *path*. *origin*: its name, where the file has no
    $ORIGIN. Raises InputError for a file that is no zone, or if dnspython is missing.
    """
    try:
        import dns.exception
        import dns.zone
    except ImportError:
        raise missing_extra("sender", "--zone", "dnspython") from None
    try:
        zone: Any = dns.zone.from_text(
            path.read_text("utf-8"), origin=origin, relativize=False, check_origin=False
        )
    except (OSError, UnicodeDecodeError, dns.exception.DNSException) as error:
        raise InputError(f"--zone {path}: no zone file: {error or type(error).__name__}") from None

    def resolve(name: str, record_type: str) -> list[str]:
        found = dns.name.from_text(name)
        for _ in range(MAX_CNAMES):
            if not found.is_subdomain(zone.origin):
                return otherwise(found.to_text(omit_final_dot=True), record_type)
            node = zone.get_node(found)
            if node is None:
                if any(other.is_subdomain(found) for other in zone.nodes):
                    raise NoRecordsError(name)
                raise NoSuchNameError(name)
            records = zone.get_rdataset(found, record_type)
            if records is not None:
                return [record.to_text() for record in records]
            alias = zone.get_rdataset(found, "CNAME")
            if alias is None:
                raise NoRecordsError(name)
            found = alias[0].target
        raise NoRecordsError(name)

    return resolve
