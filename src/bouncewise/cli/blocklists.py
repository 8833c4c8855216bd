"""``bouncewise blocklists``: whether DNS blocklists have our addresses and domains."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from bouncewise.cli.common import (
    BAD,
    DIM,
    GOOD,
    HEAD,
    echo,
    json_option,
    resolver_option,
    style,
)
from bouncewise.contract import dumps
from bouncewise.contract.sender import ListingRow
from bouncewise.errors import InputError
from bouncewise.lists.names import name_in
from bouncewise.net.dns import remembering, system_resolver
from bouncewise.sender import blocklists
from bouncewise.sender.blocklists import Listing, ListState


@click.command("blocklists")
@click.argument("subjects", metavar="IP|DOMAIN…", nargs=-1, required=True)
@click.option(
    "--zones",
    "zones_path",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A file with zones instead of the shipped ones (docs/sender.md).",
)
@resolver_option
@click.option("--all", "show_all", is_flag=True, help="Show clean answers, too.")
@json_option
def command(
    subjects: tuple[str, ...],
    zones_path: Path | None,
    resolver: str,
    show_all: bool,
    as_json: bool,
) -> None:
    """Ask DNS blocklists about IP addresses and domains that you send from.

    Each list is tested first; a list that refuses your resolver or answers everything says
    nothing. Exits 1 if a subject is listed. Needs dnspython: the extra [sender].

    \b
    bouncewise blocklists 192.0.2.10 example.com
    """
    names = [_subject(text) for text in subjects]
    zones = blocklists.load(zones_path) if zones_path is not None else blocklists.shipped()
    resolve = remembering(system_resolver(server=resolver))
    counts: Counter[ListState] = Counter()
    for listing in blocklists.check(names, zones.zone, resolve):
        counts[listing.state] += 1
        if as_json:
            echo(dumps(ListingRow.of(listing)))
        elif show_all or listing.state is not ListState.CLEAN:
            echo(*_text(listing))
    if not as_json:
        echo(", ".join(f"{state}: {counts[state]}" for state in ListState))
    raise SystemExit(1 if counts[ListState.LISTED] else 0)


def _subject(text: str) -> str:
    address = blocklists.address_of(text.strip("[]"))
    if address is not None:
        return str(address)
    name = name_in(f"@{text.rpartition('@')[2]}")
    if name.error:
        raise InputError(f"{text}: neither a domain nor an IP address")
    return name.key.removeprefix("@")


def _text(listing: Listing) -> list[str]:
    zone = listing.zone
    colour = {ListState.LISTED: BAD, ListState.CLEAN: GOOD}.get(listing.state, DIM)
    head = f"{style(f'{listing.state:10}', colour)} {style(listing.subject, HEAD)}  {zone.name}"
    if listing.state is not ListState.LISTED:
        return [f"{head}  {listing.why}".rstrip()]
    lines = [f"{head} (tier {zone.tier})  {listing.meaning}"]
    if listing.words:
        lines.append(f"           {listing.words}")
    if zone.delist:
        lines.append(style(f"           delist: {zone.delist}", DIM))
    return lines
