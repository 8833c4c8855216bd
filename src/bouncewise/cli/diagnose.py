"""``bouncewise diagnose``: the possible reasons for a refusal, their probability and evidence, and
what to do next.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import click

from bouncewise.cli.common import (
    DIM,
    HEAD,
    at_option,
    echo,
    json_option,
    ledger_options,
    load_classifier,
    load_policy,
    parse_moment,
    parse_name,
    rules_option,
    style,
)
from bouncewise.cli.grid import clock
from bouncewise.cli.optional_ledger import optional_ledger
from bouncewise.cli.places import ledger_location
from bouncewise.contract import dumps
from bouncewise.contract.diagnoses import DiagnosisRecord
from bouncewise.diagnosis import facts
from bouncewise.diagnosis.knowledge import load
from bouncewise.diagnosis.rank import AppliedEvidence, Diagnosis, diagnose
from bouncewise.errors import InputError
from bouncewise.lists.names import name_in
from bouncewise.operations.incidents import incidents_as_of
from bouncewise.rfc import address

if TYPE_CHECKING:
    from bouncewise.diagnosis.evidence import Facts

_ADDRESS = re.compile(r"[^\s@<>]*@[^\s@<>]*")
_DOMAIN = re.compile(r"[^\s@/:]+\.[^\s@/:.\d][^\s@/:.]+")
_SHOWN = 0.01  # hypotheses below one in a hundred are left out on a terminal, not in JSON


@click.command("diagnose")
@click.argument("subject", metavar="SUBJECT…", nargs=-1, required=True)
@click.option(
    "--dns",
    "with_dns",
    is_flag=True,
    help="Look up the domain's mail servers in DNS. Nothing else leaves this host.",
)
@at_option
@ledger_options
@rules_option
@json_option
def command(
    subject: tuple[str, ...],
    with_dns: bool,
    at: str | None,
    db: str | None,
    policy_path: Path | None,
    rule_paths: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Rank the possible reasons for the last refusal of an ADDRESS or DOMAIN, or for a REPLY (with
    its address before it).

    \b
    bouncewise diagnose jo@example.com
    bouncewise diagnose --dns example.com
    bouncewise diagnose jo@gmial.com "550 5.1.1 User unknown"

    Exits 1 if the ledger has no refusal of it.
    """
    when = parse_moment(at).at
    resolve = None
    if with_dns:
        from bouncewise.net import dns

        resolve = dns.system_resolver()
    with optional_ledger(db) as ledger:
        sources = facts.Sources(load_classifier(rule_paths), when, ledger, resolve)
        if ledger is not None:
            known = tuple(incidents_as_of(ledger, load_policy(policy_path), when))
            sources = sources._replace(incidents=known)
        found = _facts(subject, sources)
    if found is None:
        if ledger is None:
            raise InputError(
                f"{ledger_location(db).name}: there is no ledger to ask about {' '.join(subject)}. "
                "`bouncewise ingest` creates one; to diagnose a reply, add it after the address."
            )
        echo(
            f"{' '.join(subject)}: No bounce on record for this address. To diagnose a reply, add "
            "it after the address."
        )
        raise SystemExit(1)
    diagnosis = diagnose(found, load())
    if as_json:
        echo(dumps(DiagnosisRecord.of(diagnosis)))
    else:
        _print(diagnosis)


def _facts(subject: tuple[str, ...], sources: facts.Sources) -> Facts | None:
    text = " ".join(subject)
    if not text.strip():
        raise InputError("nothing to diagnose: give an address, a domain or a reply")
    first, *rest = (subject[0], " ".join(subject[1:])) if subject[1:] else (text,)
    if name_in(first).error and not rest:
        first, *rest = text.split(None, 1)
    if not name_in(first).error or _ADDRESS.fullmatch(first):
        name = parse_name(first)
        if rest:
            return facts.of_reply(rest[0], name, sources)
        return (
            facts.of_domain(name, sources)
            if name.startswith("@")
            else facts.of_address(name, sources)
        )
    if not rest and _DOMAIN.fullmatch(first):
        return facts.of_domain(address.normalise(f"@{first}"), sources)
    return facts.of_reply(text, "", sources)


def _print(found: Diagnosis) -> None:
    about, width = found.facts, min(100, get_terminal_size((100, 24)).columns)
    first = found.ranking[0]
    when = f", {clock(about.refused_at)}" if about.refused_at else ""
    echo(style(f"{about.subject or 'this reply'}: {first.label}", HEAD))
    echo(
        style(
            f"{about.cause} at {about.receiver or about.domain or 'an unnamed receiver'}{when}: "
            f"{about.words}",
            DIM,
        )
    )
    echo()
    for ranked in found.ranking:
        if ranked.probability >= _SHOWN:
            chance = ">99%" if ranked.probability > 0.99 else f"{ranked.probability:4.0%}"
            echo(f"{chance}  {ranked.id:17} {ranked.label}")
    echo()
    echo(style(f"Evidence, and how it moves “{first.id}”", HEAD))
    for piece in found.evidence:
        _line(f"{_weight(piece, first.id):13} {piece.statement}", width)
        _line(f"{'':13} {piece.why}", width, DIM)
    if found.missing:
        echo()
        echo(style("Not known", HEAD))
        for gap in found.missing:
            _line(gap, width)
    echo()
    echo(style("Next", HEAD))
    _line(first.step, width)
    if first.probability < 0.7:
        _line(f"If it is {found.ranking[1].id} instead: {found.ranking[1].step}", width)


def _weight(piece: AppliedEvidence, name: str) -> str:
    """Decibans in words: 3 double the odds, 10 are ten to one."""
    moved = piece.decibans[name]
    if abs(moved) < 1:
        return "neutral"
    strength = "strongly" if abs(moved) >= 10 else "clearly" if abs(moved) >= 5 else "slightly"
    return f"{strength} {'for' if moved > 0 else 'against'}"


def _line(text: str, width: int, colour: str | None = None) -> None:
    shaped = textwrap.wrap(
        text,
        width,
        initial_indent="  ",
        subsequent_indent=" " * 18,
        break_long_words=False,
        break_on_hyphens=False,
    )
    echo(*(style(part, colour) if colour else part for part in shaped))
