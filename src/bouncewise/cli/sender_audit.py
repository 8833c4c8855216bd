"""``bouncewise sender TARGET``: the records of a domain, the names of an address, or what
authenticates a message; and what mailbox providers ask for.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click

from bouncewise.cli.common import (
    BAD,
    DIM,
    HEAD,
    db_option,
    echo,
    json_option,
    resolver_option,
    style,
)
from bouncewise.cli.optional_ledger import optional_ledger
from bouncewise.cli.requirements import DAYS, requirement_lines, requirement_row
from bouncewise.cli.review import lines_of, summary
from bouncewise.cli.spelling import Names, file_paths
from bouncewise.contract import dumps
from bouncewise.contract.sender import CheckRow, SpfOutsideRow, SpfTermRow
from bouncewise.errors import InputError
from bouncewise.lists.names import name_in
from bouncewise.net.answers import IPAddress
from bouncewise.net.dns import Resolver, remembering, system_resolver
from bouncewise.net.dnssec import validator
from bouncewise.net.https import fetch
from bouncewise.net.smtp import connector
from bouncewise.net.zone import zone_resolver
from bouncewise.operations.selectors import selectors_in_use
from bouncewise.operations.spf_use import SpfUse, spf_use
from bouncewise.operations.unmet import Share, shares
from bouncewise.sender.audit import Network, audit_domain, audit_ip
from bouncewise.sender.checks import CheckResult, Level
from bouncewise.sender.dkim_key import Selector, is_selector
from bouncewise.sender.message import audit_message
from bouncewise.sender.requirements import Judged, Met, judge, providers
from bouncewise.sender.review.mail import MAX_MAIL
from bouncewise.sender.transport import MAX_POLICY

_REPORT_DAYS = 90
_MOST = 10


class _Target(NamedTuple):
    """The results of each target, what was looked at, and the domain, if it is one."""

    of: dict[str, list[CheckResult]]
    looked_at: set[str]
    domain: str = ""

    @property
    def results(self) -> list[CheckResult]:
        """All results."""
        return [result for results in self.of.values() for result in results]


@click.command("audit", short_help="the records of a domain, or the names of an IP address")
@click.argument("targets", metavar="TARGET…", nargs=-1, required=True, shell_complete=file_paths)
@click.option(
    "--ip", "ips", multiple=True, metavar="IP", help="An IP address that you send from. Repeatable."
)
@click.option(
    "--for",
    "wanted",
    multiple=True,
    type=Names(providers()),
    help="Only the requirements of this provider; default: of all. Repeatable.",
)
@click.option(
    "--selector",
    "selectors",
    multiple=True,
    metavar="NAME",
    help="A DKIM selector (s=) whose key is checked, as well as those in DMARC reports in the "
    "ledger. Repeatable.",
)
@resolver_option
@click.option(
    "--zone",
    "zone_path",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A zone file whose records are checked before they are published.",
)
@click.option(
    "--smtp",
    is_flag=True,
    help="Connect to port 25 of the MX hosts and look at STARTTLS and the certificate: EHLO, "
    "STARTTLS, EHLO, QUIT, no mail; at most 60 seconds.",
)
@db_option
@json_option
def audit(
    targets: tuple[str, ...],
    ips: tuple[str, ...],
    wanted: tuple[str, ...],
    selectors: tuple[str, ...],
    resolver: str,
    zone_path: Path | None,
    smtp: bool,
    db: str | None,
    as_json: bool,
) -> None:
    """Check TARGET: the records of a domain, the names of an IP address, or what authenticates
    messages (.eml files, such as a sample of each stream); then what Gmail, Yahoo, Microsoft and
    Apple ask for, with the refusals in your ledger that each explains. Exits 1 if there is an
    error, or if DNS did not answer. Needs the extra [sender].

    \b
    bouncewise sender example.com --ip 192.0.2.10 --selector s1
    bouncewise sender received.eml --ip 192.0.2.10 --for gmail
    bouncewise sender newsletter.eml receipt.eml
    """
    resolve = system_resolver(server=resolver)
    target, *others = targets
    domain = _domain(target)
    _check_several(targets)
    if (selectors or smtp) and not domain:
        option = "--selector" if selectors else "--smtp"
        raise InputError(f"{option}: {target} is no domain; name the domain whose mail it concerns")
    if zone_path is not None:
        resolve = zone_resolver(zone_path, domain or None, resolve)
    if domain:
        keys = _selectors(domain, selectors, db)
        network = Network(connect=connector() if smtp else None)
        if zone_path is None:
            get = partial(fetch, limit=MAX_POLICY)
            network = network._replace(fetch=get, validate=validator(resolver))
        results = audit_domain(domain, resolve, [_ip(text) for text in ips], network, keys)
        found = _Target({target: results}, {"domain", "ip"} if ips else {"domain"}, domain)
    else:
        found = _other(targets, [_ip(text) for text in ips], resolve)
    judged = judge(found.results, found.looked_at, wanted)
    explained = _shares(judged, db)
    use = _spf_use(found.domain, resolve, db)
    if as_json:
        for name, results in found.of.items():
            for result in results:
                echo(dumps(CheckRow.of(result, name if others else None)))
        echo(*(dumps(requirement_row(item, explained)) for item in judged), *_use_json(use))
    else:
        for name, results in found.of.items():
            echo(*([style(name, HEAD)] if others else []))
            echo(*(line for r in results for line in lines_of(r)), summary(results))
        echo(*requirement_lines(judged, explained), *_use(use))
    is_bad = any(f.level in (Level.ERROR, Level.UNKNOWN) for f in found.results)
    raise SystemExit(1 if is_bad else 0)


def _domain(target: str) -> str:
    """The domain that *target* names; '' for an IP address or a message. Raises InputError."""
    if Path(target).is_file():
        return ""
    try:
        ipaddress.ip_address(target.strip("[]"))
    except ValueError:
        name = name_in(f"@{target.rpartition('@')[2]}")
        if name.error:
            raise InputError(f"{target}: no domain, no IP address and no file") from None
        return name.key.removeprefix("@")
    return ""


def _check_several(targets: Sequence[str]) -> None:
    if len(targets) > 1 and not all(Path(name).is_file() for name in targets):
        raise InputError("several targets: only messages (.eml files) go together")


def _other(targets: Sequence[str], ips: list[IPAddress], resolve: Resolver) -> _Target:
    """What is found about messages or an IP address; each name is asked of DNS once."""
    target = targets[0]
    if not Path(target).is_file():
        ip = ipaddress.ip_address(target.strip("[]"))
        return _Target({target: audit_ip(ip, resolve)}, {"ip"})
    now, once = datetime.now(UTC), remembering(resolve)
    own = ips[0] if ips else None
    found = {
        name: audit_message(Path(name).read_bytes()[:MAX_MAIL], once, now, own) for name in targets
    }
    return _Target(found, {"message"})


def _selectors(domain: str, names: tuple[str, ...], db: str | None) -> list[Selector]:
    """The selectors that are named, and those in DMARC reports in the ledger, if there is one."""
    for name in names:
        if not is_selector(name):
            raise InputError(
                f"--selector {name}: not a selector; write s= of the signature, e.g. s1"
            )
    found = {(name.lower(), domain): Selector(name.lower(), domain) for name in names}
    since = datetime.now(UTC) - timedelta(days=_REPORT_DAYS)
    with optional_ledger(db) as ledger:
        for selector in selectors_in_use(ledger, domain, since) if ledger else ():
            found.setdefault((selector.name, selector.domain), selector)
    return list(found.values())


def _ip(text: str) -> IPAddress:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise InputError(f"--ip {text}: not an IP address") from None


def _shares(judged: list[Judged], db: str | None) -> dict[str, Share]:
    """What the ledger says of unmet requirements; nothing where there is no ledger."""
    unmet = [item.requirement for item in judged if item.met is Met.UNMET]
    now = datetime.now(UTC)
    with optional_ledger(db) as ledger:
        if not unmet or ledger is None:
            return {}
        return shares(ledger, unmet, now - timedelta(days=DAYS), now)


def _spf_use(domain: str, resolve: Resolver, db: str | None) -> SpfUse | None:
    """What the DMARC reports in the ledger say of the SPF record; None where there is nothing."""
    since = datetime.now(UTC) - timedelta(days=_REPORT_DAYS)
    with optional_ledger(db) as ledger:
        if not domain or ledger is None:
            return None
        return spf_use(ledger, domain, remembering(resolve), since)


def _use_json(use: SpfUse | None) -> Iterator[str]:
    for term in use.terms if use else ():
        yield dumps(SpfTermRow(**term._asdict()))
    for source, mails in use.outside if use else ():
        yield dumps(SpfOutsideRow(outside=source, mails=mails))


def _use(use: SpfUse | None) -> Iterator[str]:
    """The terms by their use, and the sources that SPF does not name."""
    if use is None:
        return
    yield ""
    silent = f"; DNS did not answer for {use.silent:,}" if use.silent else ""
    head = (
        f"SPF terms by the DMARC reports of {_REPORT_DAYS} days ({use.sources:,} sources{silent})"
    )
    yield style(head, HEAD)
    for term in use.terms:
        line = f"  {term.mails:>10,} mails  {term.lookups:>2} lookups  {term.term}"
        yield line if term.mails else style(f"{line}  no reported mail needed it", BAD)
    for source, mails in use.outside[:_MOST]:
        yield (
            f"  {mails:>10,} mails by DKIM from {source}, which SPF does not name: a forwarder, or "
            "a sender of yours"
        )
    if len(use.outside) > _MOST:
        yield style(f"  and {len(use.outside) - _MOST:,} more sources; --json lists all", DIM)
