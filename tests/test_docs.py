"""The documents say what the program does, in both directions; the README's examples are run."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import bouncewise
from bouncewise.cli import VERBS
from bouncewise.contract.base import keys
from bouncewise.contract.describe import SECTIONS, page
from bouncewise.intake.formats import FORMATS
from bouncewise.model import Cause
from bouncewise.policy.load import load
from bouncewise.providers.events import esps
from bouncewise.providers.signatures import Outcome
from bouncewise.rules.load import When, shipped

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
DOCS = {path.name: path.read_text("utf-8") for path in (ROOT / "docs").glob("*.md")}


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
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True, env=env)
        assert done.stdout == expected, command


def test_readme_python_example() -> None:
    block = re.search(r"```python\n(.*?)```", README, re.S)
    assert block
    *_, comment = block[1].strip().rpartition("# ")
    done = subprocess.run([sys.executable, "-c", block[1]], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == comment


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
            f"run: python tests/formats.py; {reader.name} is not in the README"
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
        row = next((line for line in text.splitlines() if re.match(rf"\| [^|]*\b{name}\b[^|]*\| `", line)), None)
        assert row and f"| `{esp.signature.scheme}`: " in row, esp.name
    for outcome in Outcome:
        assert f"| `{outcome}` |" in text
    block = re.search(r"```python\n(.*?)```", text, re.S)
    assert block
    done = subprocess.run([sys.executable, "-c", block[1]], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == block[1].strip().rpartition("# ")[2]


def test_policy_doc_tells_the_numbers_that_are_there() -> None:
    dead, text = load().dead, DOCS["policy.md"]
    assert f"delivered within the last {dead.alive_days} days, and many neighbours" in text
    assert f"held for {dead.hold_days} days; a second refusal" in text
    assert f"suppressed for {dead.domain_until_days} days, then asked again" in text
    assert f"held for {dead.domain_hold_days} days" in text
    full = next(w for w in load().window if w.cause is Cause.MAILBOX_FULL)
    assert (full.failures, full.within_days) == (3, 30)
    assert "three in 30 days" in text


def test_links_lead_somewhere() -> None:
    for name, text in {"README.md": README, **DOCS}.items():
        base = ROOT if name == "README.md" else ROOT / "docs"
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (base / target).exists(), f"{name}: {target}"


def test_changelog_has_this_version() -> None:
    assert f"## {bouncewise.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
