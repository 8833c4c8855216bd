"""The documents say what the program does, in both directions: examples run, options exist, numbers
and links are right.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import bouncewise
from bouncewise.cli import VERBS
from bouncewise.cli import bouncewise as group
from bouncewise.contract.base import keys
from bouncewise.contract.describe import SECTIONS, page
from bouncewise.diagnosis.knowledge import load as load_diagnosis
from bouncewise.intake.formats import FORMATS
from bouncewise.lists import exports, layouts
from bouncewise.lists.postfix import POSTFIX
from bouncewise.model import Cause
from bouncewise.operations.sync_rows import Because
from bouncewise.policy.load import Policy, load
from bouncewise.policy.schedule import Waiting, days_between_mails
from bouncewise.providers import suppression_lists
from bouncewise.providers.events import esps
from bouncewise.providers.signatures import Outcome
from bouncewise.rules.load import When, shipped

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
DOCS = {path.name: path.read_text("utf-8") for path in (ROOT / "docs").glob("*.md")}
REPOSITORY = "https://github.com/bouncewise/bouncewise/blob/main/"
PAGES = {
    "README.md": README,
    **{f"docs/{name}": text for name, text in DOCS.items()},
    **{
        name: (ROOT / name).read_text("utf-8")
        for name in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
    },
    **{
        name: (ROOT / name).read_text("utf-8")
        for name in ("bench/RESULTS.md", "bench/world/README.md")
    },
}


def test_every_public_name_is_there() -> None:
    for name in bouncewise.__all__:
        assert getattr(bouncewise, name) is not None
    with pytest.raises(AttributeError):
        _ = bouncewise.nonsense


def test_readme_console_examples(tmp_path: Path) -> None:
    block = re.search(r"```console\n(.*?)```", README, re.S)
    assert block
    steps = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block[1], re.M)
    assert len(steps) >= 2
    scripts = tmp_path / "bouncewise"
    scripts.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bouncewise "$@"\n')
    scripts.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for command, expected in steps:
        done = subprocess.run(
            ["sh", "-c", command], capture_output=True, text=True, check=True, env=env
        )
        assert done.stdout == expected, command


SNIPPETS = [
    pytest.param(code, id=f"{name}-{number}")
    for name, text in PAGES.items()
    if name != "CONTRIBUTING.md"  # (test_contributing.py runs those)
    for number, code in enumerate(re.findall(r"^```python\n(.*?)^```", text, re.S | re.M))
]


@pytest.mark.parametrize("code", SNIPPETS)
def test_python_example(code: str) -> None:
    """It runs; a comment at its end is what it prints."""
    if "polars" in code:
        pytest.importorskip("polars")
    _, hash_sign, comment = code.strip().splitlines()[-1].partition("  # ")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout
    if hash_sign:
        assert done.stdout.strip() == comment


def test_python_examples_are_there() -> None:
    assert len(SNIPPETS) >= 3


def commands() -> list[tuple[str, list[str]]]:
    """Every command line of bouncewise in a code block: the page, and its words."""
    found = []
    for name, text in PAGES.items():
        blocks = re.findall(r"^```(?:sh|console)?\n(.*?)^```", text, re.S | re.M)
        lines = "\n".join(blocks).split("\n") + re.findall(r"^ {4}(\S.*)$", text, re.M)
        parts = [
            part
            for line in lines
            for part in re.split(r"\s(?:\||&&|\|\||>)\s", line.removeprefix("$ "))
        ]
        found += [
            (name, shlex.split(part, comments=True)[1:])
            for part in parts
            if part.startswith("bouncewise ")
        ]
    return found


def test_every_command_has_the_verb_and_the_options_that_it_is_shown_with() -> None:
    assert len(commands()) > 20
    for name, words in commands():
        context, command = click.Context(group), group
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            found = command.get_command(context, words[0])
            if found is None and command.name == "sender":
                found, words = command.get_command(context, "audit"), ["", *words]
            if found is None:
                break
            command, words = found, words[1:]
        assert command is not group, f"{name}: {words}"
        options = {option for parameter in command.params for option in parameter.opts}
        named = {
            word.partition("=")[0]
            for word in words
            if re.fullmatch(r"--?[a-z][\w-]*(?:=.*)?", word)
        }
        assert named <= options, f"{name}: bouncewise {command.name} has no {named - options}"


def test_every_option_that_is_named_exists() -> None:
    options: set[str] = set()
    commands: list[click.Command] = [group]
    while commands:
        command = commands.pop()
        options |= {option for parameter in command.params for option in parameter.opts}
        if isinstance(command, click.Group):
            found = (
                command.get_command(click.Context(group), name)
                for name in command.list_commands(click.Context(group))
            )
            commands += filter(None, found)
    # of click; of spark-submit; of the benches; of aws; of docker, uvx and pipx
    others = {
        "--help",
        "--version",
        "--archives",
        "--data-binary",
        "--master",
        "--deploy-mode",
        "--people",
        "--seed",
        "--seeds",
        "--only",
        "--quiet",
        "--world",
        "--explain",
        "--configuration-set-name",
        "--no-sending-enabled",
        "--rm",
        "--from",
        "--spec",
    }
    for name, text in PAGES.items():
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
        assert named <= options | others, f"{name}: {named - options - others}"


def test_the_rule_of_the_rules_page_passes_its_own_tests(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(re.findall(r"^```toml\n(.*?)^```", DOCS["rules.md"], re.S | re.M)[0], "utf-8")
    for verb in ("check", "test"):
        done = CliRunner().invoke(group, ["rules", verb, str(path)])
        assert done.exit_code == 0, done.output


def test_the_policy_of_the_policy_page_does_what_its_example_says(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(
        "\n".join(re.findall(r"^```toml\n(.*?)^```", DOCS["policy.md"], re.S | re.M)), "utf-8"
    )
    assert tomllib.loads(path.read_text("utf-8"))["example"]
    done = CliRunner().invoke(group, ["policy", "check", str(path)])
    assert done.exit_code == 0, done.output
    assert "1 examples of your own" in done.output


def test_the_diagnosis_page_names_every_hypothesis_as_the_program_does() -> None:
    text, hypotheses = DOCS["diagnosis.md"], load_diagnosis().hypothesis
    for hypothesis in hypotheses:
        assert f"| `{hypothesis.id}` |" in text
    labels = {hypothesis.id: hypothesis.label for hypothesis in hypotheses}
    shown = re.findall(r"^ *\d+%  (\S+) +(.*)$", text, re.M)
    assert shown and all(labels[name] == label for name, label in shown)


def test_docstring_examples() -> None:
    assert doctest.testmod(import_module("bouncewise.classifier.classify")).failed == 0


def test_readme_names_every_verb_cause_and_format() -> None:
    for verb in VERBS:
        assert f"bouncewise {verb}" in README or f"`{verb}" in README or f"{verb} " in README, verb
    table = README[README.index("| party |") :]
    for cause in Cause:
        facts = shipped().causes[cause]
        row = next((line for line in table.splitlines() if f"`{cause}`" in line), None)
        assert row, f"{cause} is not in the README's table"
        assert row.startswith(f"| {facts.party} |"), cause
    for reader in FORMATS:
        assert f"| {reader.name} | {reader.about} |" in README, (
            f"run: python tests/support/formats.py; {reader.name} is not in the README"
        )


def test_rules_doc_names_every_key() -> None:
    for key in When.__struct_fields__:
        assert f"| `{key}` |" in DOCS["rules.md"], key


def test_the_json_page_is_written_from_the_records() -> None:
    assert DOCS["json.md"] == page(), "run: python -m bouncewise.contract.describe > docs/json.md"
    for records in SECTIONS.values():
        for record in records:
            assert all(key.about for key in keys(record)), record
    assert {verb.split()[0] for verb in SECTIONS} == set(VERBS)


def test_imports_doc_has_every_layout_and_every_format_of_exports() -> None:
    text = DOCS["imports.md"]
    assert layouts.table() in text, "run: python -m bouncewise.lists.layouts"
    for form in (*exports.FORMATS, *POSTFIX):
        assert f"`{form}`" in text.partition("## Exports")[2], form


def test_sync_doc_has_every_list_and_every_reason() -> None:
    text = DOCS["sync.md"]
    assert suppression_lists.table() in text, (
        "run: python -m bouncewise.providers.suppression_lists"
    )
    for because in Because:
        assert f"| `{because}` |" in text, because
    for vendor in suppression_lists.vendors():
        assert f"| `{vendor.name}` |" in text.partition("## The lists")[0], vendor.name


def test_webhooks_doc_names_every_provider_scheme_and_outcome() -> None:
    text = DOCS["webhooks.md"]
    names = {
        "ses": "SES by SNS",
        "mandrill": "Mandrill",
        "forwardemail": "Forward Email",
        "kumomta": "KumoMTA",
        "azure": "Azure",
    }
    for esp in esps():
        name = names.get(esp.name, esp.about.split()[0])
        row = next(
            (line for line in text.splitlines() if re.match(rf"\| [^|]*\b{name}\b[^|]*\| `", line)),
            None,
        )
        assert row and f"| `{esp.signature.scheme}`: " in row, esp.name
    for outcome in Outcome:
        assert f"| `{outcome}` |" in text
    block = re.search(r"```python\n(.*?)```", text, re.S)
    assert block
    done = subprocess.run(
        [sys.executable, "-c", block[1]], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == block[1].strip().rpartition("# ")[2]


def test_policy_doc_tells_the_numbers_that_are_there() -> None:
    policy, text = load(), " ".join(DOCS["policy.md"].split())
    dead, incident = policy.dead, policy.incident
    assert (
        f"delivered within the last {dead.alive_days} days, and at least "
        f"{incident.neighbours} other addresses at the receiver or"
        f" {incident.domain_neighbours} in the domain had mail delivered within "
        f"{incident.neighbour_hours} hours"
    ) in text
    assert f"held for {dead.hold_days} days; a second refusal" in text
    assert f"held for {dead.tenant_hold_days} days and then mailed again" in text
    assert f"at the latest after {policy.cost.longest_days} days" in text
    assert f"again within {dead.domain_owner_days} days" in text
    assert f"does not work costs ({policy.cost.mail:g})" in text
    assert f"is not mailed ({policy.cost.missed})" in text
    assert f"held for {dead.domain_hold_days} days" in text
    assert f"recurs within {incident.reopen_hours} hours" in text
    full = next(w for w in policy.window if w.cause is Cause.MAILBOX_FULL)
    assert (full.failures, full.within_days) == (3, 30)
    assert "a full mailbox: three in 30 days" in text
    assert "after 5 days, then after 8, 13, 20 and 30; a domain for which 40" in text
    assert _intervals(policy, waiting=1, most=5) == [5, 8, 13, 20, 30]
    assert _intervals(policy, waiting=40, most=5) == [1] * 5


def _intervals(policy: Policy, waiting: int, most: int) -> list[int]:
    """The days between the first mails to a domain that does not exist."""
    chance = policy.chance_of(Cause.DOMAIN_UNKNOWN)
    assert chance is not None
    found: list[int] = []
    for _ in range(most):
        many = Waiting(waiting, policy.cost.mail)
        found.append(days_between_mails(sum(found), many, chance, policy.cost))
    return found


def heading_anchors(text: str) -> set[str]:
    """The anchors that GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def links(text: str) -> list[str]:
    """The targets of the links of a page, inline or defined at its end."""
    return re.findall(r"\]\(([^)]+)\)", text) + re.findall(r"^\[[^\]]+\]: (\S+)$", text, re.M)


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    for target in links(PAGES[name]):
        inside = target.startswith(REPOSITORY) or ":" not in target
        path, _, anchor = target.removeprefix(REPOSITORY).partition("#")
        base = ROOT if target.startswith(REPOSITORY) else (ROOT / name).parent
        there = (base / path).resolve() if path else ROOT / name
        assert not inside or there.exists(), f"{name}: {target}"
        if inside and anchor:
            assert anchor in heading_anchors(there.read_text("utf-8")), f"{name}: {target}"


def test_readme_links_work_outside_the_repository() -> None:
    """PyPI shows the README; a relative link leads nowhere there."""
    assert all(target.startswith("https://") for target in links(README))
    defined = set(re.findall(r"^\[([^\]]+)\]: ", README, re.M))
    prose = re.sub(r"```.*?```|`[^`\n]*`|^\[.*\]: .*$", "", README, flags=re.S | re.M)
    used = {name or text for text, name in re.findall(r"\[([^\]]+)\](?:\[([^\]]+)\])?", prose)}
    assert used == defined


def test_changelog_has_this_version() -> None:
    headings = re.findall(r"^## (.*)$", PAGES["CHANGELOG.md"], re.M)
    assert re.fullmatch(
        re.escape(bouncewise.__version__) + r" \((?:unreleased|\d{4}-\d\d-\d\d)\)", headings[0]
    )
    for heading in headings[1:]:
        assert re.fullmatch(r"\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)", heading), (
            f"{heading}: a released version has a date"
        )


def test_changelog_names_what_was_renamed() -> None:
    renamed = PAGES["CHANGELOG.md"].partition("### Renamed")[2]
    for key in (
        "baseline_rate",
        "reclassified",
        "released",
        "skipped",
        "as_of",
        "statement",
        "violation",
    ):
        assert f"`{key}`" in renamed or f".{key}`" in renamed
        assert f"`{key}`" in DOCS["json.md"]
    policy = load()
    for part in ("dead", "incident", "alert"):
        names = re.findall(
            r"`(\w+)`", "".join(re.findall(rf"^\| `\[{part}\]` \|.*\| (.*) \|$", renamed, re.M))
        )
        assert names and all(hasattr(getattr(policy, part), name) for name in names), part


# Words that once had a private meaning here, and the glossary's word for each.
BANNED = {
    "told": "reported",
    "crowd": "workers",
    "freed": "released",
    "mishap": "incident",
    "the living": "valid addresses",
    "living": "valid",
    "good address": "recently delivered address",
    "good addresses": "recently delivered addresses",
    "asked again": "mailed again",
    "strangers": "new domains",
    "taken over": "imported",
    "a fortnight": "two weeks",
    "ever more rarely": "less and less often",
    "stands idle": "is never used",
}


@pytest.mark.parametrize("name", [*PAGES, "policy.toml"])
def test_prose_uses_the_words_of_the_glossary(name: str) -> None:
    text = PAGES.get(name) or policy_texts()
    prose = " ".join(re.sub(r"^ *```.*?^ *```$|`[^`\n]*`", "", text, flags=re.S | re.M).split())
    for word, better in BANNED.items():
        assert not re.search(rf"\b{word}\b", prose, re.I), f"{name}: not {word!r} but {better!r}"


def policy_texts() -> str:
    """Everything that ``policy explain`` prints for people."""
    return CliRunner().invoke(group, ["policy", "explain"]).stdout
