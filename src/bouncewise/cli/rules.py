"""``bouncewise rules``: the rules in their order, and the check of rule files."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bouncewise.classifier.classify import Classifier
from bouncewise.cli.common import (
    BAD,
    DIM,
    GOOD,
    echo,
    echo_error,
    json_option,
    load_classifier,
    rules_option,
    style,
)
from bouncewise.cli.grid import Column, print_table
from bouncewise.cli.spelling import CAUSES
from bouncewise.contract import dumps
from bouncewise.contract.runs import RuleCheckRecord, RuleRow, RuleViolationRow
from bouncewise.rules.load import load
from bouncewise.rules.selftest import violations

FILES = click.argument(
    "files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path)
)


@click.group("rules")
def command() -> None:
    """List the rules; check and test rule files of your own (docs/rules.md).

    \b
    bouncewise rules list
    bouncewise rules test our-rules/*.toml
    """


@command.command("list", short_help="every rule, in the order in which they are tried")
@click.option(
    "--cause",
    metavar="CAUSE",
    type=CAUSES,
    help="Only rules for this cause.",
)
@rules_option
@json_option
def list_(cause: str | None, rule_paths: tuple[Path, ...], as_json: bool) -> None:
    """Print every rule, in the order in which the rules are tried.

    \b
    bouncewise rules list --cause mailbox-full
    """
    ruleset = load_classifier(rule_paths).ruleset
    rows = []
    for rule, base, tier in zip(ruleset.rules, ruleset.base, ruleset.tiers, strict=True):
        if cause and rule.cause != cause:
            continue
        if as_json:
            echo(
                dumps(
                    RuleRow(
                        id=rule.id,
                        cause=rule.cause,
                        tier=tier,
                        confidence=base,
                        why=rule.why,
                        source=rule.source,
                    )
                )
            )
        else:
            rows.append((rule.id, rule.cause, tier, f"{base:.2f}", rule.why))
    if not print_table(_COLUMNS, rows) and not as_json:
        echo_error(f"note: no rule for the cause {cause}")


_COLUMNS = (
    Column("rule"),
    Column("cause"),
    Column("tier", colour=DIM),
    Column("worth", right=True),
    Column("why", text=True),
)


@command.command(short_help="read rule files strictly")
@FILES
@json_option
def check(files: tuple[Path, ...], as_json: bool) -> None:
    """Read each FILE strictly: an error names the file and the rule.

    \b
    bouncewise rules check our-rules/
    """
    ruleset = load(files)
    own = sum(tier == "site" for tier in ruleset.tiers)
    record = RuleCheckRecord(rules=own, version=ruleset.version)
    echo(dumps(record) if as_json else f"{style('✓', GOOD)} {own} rules, all well formed")


@command.command("test", short_help="try the examples of rule files")
@FILES
@json_option
def test_(files: tuple[Path, ...], as_json: bool) -> None:
    """Try the examples of each FILE: its own rule must decide each example and no counter-example,
    and an example must use each phrase.

    Exits 1 if this does not hold.

    \b
    bouncewise rules test our-rules/*.toml
    """
    classifier = Classifier(load(files))
    tiers = zip(classifier.ruleset.rules, classifier.ruleset.tiers, strict=True)
    own = [rule for rule, tier in tiers if tier == "site"]
    found = [violation for rule in own for violation in violations(rule, classifier.deciding_rule)]
    for violation in found:
        echo(
            dumps(RuleViolationRow(violation=violation))
            if as_json
            else f"{style('✗', BAD)} {violation}"
        )
    if not found and not as_json:
        echo(f"{style('✓', GOOD)} {len(own)} rules: all examples pass")
    sys.exit(1 if found else 0)
