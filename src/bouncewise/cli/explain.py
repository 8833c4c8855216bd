"""``bouncewise explain``: a page on a reply, a code, a cause or an address."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from shutil import get_terminal_size

import click

from bouncewise.cli.common import (
    BAD,
    DIM,
    GOOD,
    HEAD,
    at_option,
    echo,
    json_option,
    ledger_options,
    load_classifier,
    load_policy,
    open_ledger,
    parse_moment,
    parse_name,
    rules_option,
    style,
)
from bouncewise.cli.grid import clock
from bouncewise.cli.spelling import causes, did_you_mean
from bouncewise.contract import dumps
from bouncewise.contract.runs import ExplanationRecord
from bouncewise.errors import InputError
from bouncewise.model import Cause
from bouncewise.operations.explain import Page, explain
from bouncewise.operations.explain_address import explain_address, names_address

_CAUSE = re.compile(rf"(?!(?:{'|'.join(Cause)})$)[a-z]+-[a-z-]+")


@click.command("explain")
@click.argument("subject", metavar="SUBJECT…", nargs=-1, required=True, shell_complete=causes)
@at_option
@ledger_options
@rules_option
@json_option
def command(
    subject: tuple[str, ...],
    at: str | None,
    db: str | None,
    policy_path: Path | None,
    rule_paths: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Explain a REPLY, a CODE, a CAUSE or an ADDRESS: what it means, what to do, the receiver's
    contacts, and the sources.

    \b
    bouncewise explain "550 5.7.1 Client host [192.0.2.1] blocked using Spamhaus"
    bouncewise explain 550 5.4.1
    bouncewise explain mailbox-full
    bouncewise explain jo@example.com
    """
    text, rules = " ".join(subject), load_classifier(rule_paths)
    if not text.strip():
        raise InputError("nothing to explain: give a reply, a code, a cause or an address")
    if names_address(text):
        parse_name(text)  # (what is no address is no reason to open a ledger)
        when, past = parse_moment(at)
        with open_ledger(db) as ledger:
            policy = load_policy(policy_path)
            page = explain_address(text, ledger, policy, rules, at=when, past=past, clock=clock)
    else:
        if _CAUSE.fullmatch(text) and (near := did_you_mean(text, Cause)):
            raise InputError(f"{text}: no such cause.{near}")
        page = explain(text, rules)
    if as_json:
        echo(dumps(ExplanationRecord.of(text, page)))
    else:
        _print(page)


def _print(page: Page) -> None:
    width = min(100, get_terminal_size((100, 24)).columns)
    echo(style(page.title, HEAD))
    echo(style(page.summary, BAD if "suppress" in page.summary else GOOD))
    for section in page.sections:
        echo()
        echo(style(section.heading, HEAD))
        for line in section.lines:
            shaped = textwrap.wrap(
                line,
                width,
                initial_indent="  ",
                subsequent_indent="    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
            is_dim = section.heading == "Sources"
            echo(*(style(part, DIM) if is_dim else part for part in shaped))
