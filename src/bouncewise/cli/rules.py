"""``bouncewise rules``: what is known, and whether your own rules hold."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bouncewise import contract
from bouncewise.classifier.classify import Classifier
from bouncewise.cli.common import BAD, DIM, GOOD, json_option, out, paint
from bouncewise.model import Cause
from bouncewise.rules.load import load
from bouncewise.rules.selftest import complaints

FILES = click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))


@click.group("rules", short_help="list rules; check and test your own")
def command() -> None:
    """List the rules; check and test rule files of your own (docs/rules.md)."""


@command.command("list")
@click.option("--cause", type=click.Choice([c.value for c in Cause]), help="Only rules for this cause.")
@click.option(
    "--rules", "files", multiple=True, type=click.Path(path_type=Path), help="Your own rules beside the shipped ones."
)
@json_option
def list_(cause: str | None, files: tuple[Path, ...], as_json: bool) -> None:
    """Every rule in the order in which it is tried."""
    ruleset = load(files)
    for rule, base, tier in zip(ruleset.rules, ruleset.base, ruleset.tiers, strict=True):
        if cause and rule.cause != cause:
            continue
        if as_json:
            out(
                contract.dumps(
                    {
                        "id": rule.id,
                        "cause": rule.cause,
                        "tier": tier,
                        "confidence": base,
                        "why": rule.why,
                        "source": rule.source,
                    }
                )
            )
        else:
            out(f"{rule.id:44} {rule.cause:22} {paint(tier, DIM):10} {base:.2f}  {rule.why}")


@command.command()
@FILES
@json_option
def check(files: tuple[Path, ...], as_json: bool) -> None:
    """Read rule files as strictly as bouncewise does: a typo fails, with its place."""
    ruleset = load(files)
    own = sum(tier == "site" for tier in ruleset.tiers)
    out(
        contract.dumps({"rules": own, "version": ruleset.version})
        if as_json
        else f"{paint('✓', GOOD)} {own} rules, all well formed"
    )


@command.command("test")
@FILES
@json_option
def test_(files: tuple[Path, ...], as_json: bool) -> None:
    """Try the examples: each must reach its own rule first, no counter may, no phrase may stand idle. Exits 1 if not."""
    classifier = Classifier(load(files))
    own = [
        rule for rule, tier in zip(classifier.ruleset.rules, classifier.ruleset.tiers, strict=True) if tier == "site"
    ]
    found = [complaint for rule in own for complaint in complaints(rule, classifier.rule_of)]
    for complaint in found:
        out(contract.dumps({"complaint": complaint}) if as_json else f"{paint('✗', BAD)} {complaint}")
    if not found and not as_json:
        out(f"{paint('✓', GOOD)} {len(own)} rules keep what they promise")
    sys.exit(1 if found else 0)
