"""CONTRIBUTING.md and docs/architecture.md: every file named there exists, and each recipe works
when it is followed.
"""

from __future__ import annotations

import io
import json
import re
import sys
import textwrap
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from bouncewise.classifier.classify import Classifier, default_classifier
from bouncewise.intake.formats import FORMATS
from bouncewise.model import Advice, Cause, Finding, Report
from bouncewise.model.bearing import TENANT_CAUSES
from bouncewise.policy.decide import DOMAIN_CAUSES
from bouncewise.providers import PayloadReader, events
from bouncewise.providers.signatures import SCHEMES
from bouncewise.readers.base import Reader
from bouncewise.readers.messages import interpret
from bouncewise.rules.load import Receiver, RuleSet, load, shipped
from bouncewise.rules.selftest import violations
from test_house import RANK

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "bouncewise"
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
RECIPES = dict(re.findall(r"^### Add (.+)\n((?:(?!^##).*\n)*)", TEXT, re.M))
PAGES = ("CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md", "docs/releasing.md")
FOLDERS = ("src", "tests", "docs", "bench", "lab", "fuzz", "examples", ".github", ".ci")
PACKAGES = {
    path.name.removesuffix(".py") for path in SOURCE.iterdir() if path.suffix in ("", ".py")
} - {
    "__init__",
    "__main__",
    "__pycache__",
}


def block(recipe: str, language: str, number: int = 0) -> str:
    """The text of a fenced block of a recipe."""
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```$", RECIPES[recipe], re.M | re.S)
    return textwrap.dedent(found[number])


def fields(report: Report) -> dict[str, Any]:
    """A report as the fixtures of messages and logs describe it."""
    verdict = default_classifier().classify_report(report)
    reply = (
        {"reply_code": report.reply.reply_code, "status": report.reply.status}
        if report.reply
        else {}
    )
    return msgspec.structs.asdict(report) | reply | {"cause": verdict and verdict.cause}


def is_described(reports: list[Report], fixture: str) -> bool:
    expected = tomllib.loads(fixture)["report"]
    got = [fields(report) for report in reports]
    return [{name: g[name] for name in e} for g, e in zip(got, expected, strict=True)] == expected


def folder_of_placeholder(name: str) -> str:
    """The path, or of a file that somebody is to write (``NAME.py``, ``NNNN.sql``) its folder."""
    return re.sub(r"[^/]*(?:NAME|NNNN).*", "", name)


# ── names ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_exists(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    named = re.findall(rf"(?<![\w/.-])((?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*\w/?)", text)
    links = [target for target in re.findall(r"\]\(([^)#:]+)\)", text) if target]
    assert named or links
    for name in named:
        assert (ROOT / folder_of_placeholder(name)).exists(), f"{page}: {name}"
    for target in links:
        assert ((ROOT / page).parent / target).exists(), f"{page}: {target}"


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    described = set(re.findall(r"^# make ([a-z-]+) ", makefile, re.M))
    assert described == targets
    for page in (*PAGES, "README.md", ".github/workflows/ci.yml"):
        named = re.findall(
            r"(?:`|^ +|run: |^)make ([a-z-]+)", (ROOT / page).read_text("utf-8"), re.M
        )
        assert set(named) <= targets, page


def test_architecture_draws_the_packages_that_are_there() -> None:
    drawn = {
        name: int(tier) for tier, name in re.findall(r"^\| (\d+) \| `(\w+)` \|", ARCHITECTURE, re.M)
    }
    assert set(drawn) == PACKAGES
    assert drawn == {name: RANK[name] + 1 for name in drawn}


def test_paths_in_the_table_of_changes_exist() -> None:
    table = ARCHITECTURE.partition("## Where each kind of change goes")[2].partition(
        "\nPaths are relative"
    )[0]
    named = set(re.findall(r"`([\w./]+\.\w+|[\w/]+/)`", table))
    assert len(named) > 30
    for name in map(folder_of_placeholder, named):
        base = ROOT if name.startswith(("tests/", "docs/", "README")) else SOURCE
        places = (
            base,
            SOURCE / "rules" / "knowledge",
            SOURCE / "readers" / "messages",
        )  # named before in the same row
        assert any((place / name).exists() for place in places), name


def test_glossary_is_in_order_and_has_each_word_once() -> None:
    words = re.findall(r"^\| ([^|]+) \| ", ARCHITECTURE.partition("## Glossary")[2], re.M)[1:]
    assert len(words) > 50
    assert words == sorted(set(words), key=str.casefold)


# ── recipes ─────────────────────────────────────────────────────────────────────────────────────


def test_there_is_a_recipe_for_each_kind_of_thing() -> None:
    assert set(RECIPES) == {
        "a log format",
        "a message format",
        "an ESP",
        "a cause",
        "a rule",
        "a receiver",
        "a language",
    }


def test_a_log_reader_written_as_the_recipe_says_reads_its_fixture() -> None:
    module = ModuleType("toymail")
    sys.modules["toymail"] = module
    try:
        exec(block("a log format", "python"), module.__dict__)
    finally:
        del sys.modules["toymail"]
    reader: Reader = module.__dict__["ToymailReader"]()
    raw = block("a log format", "log").encode()
    expected = block("a log format", "toml")
    assert reader.name == tomllib.loads(expected)["reader"]
    assert reader.sniff(raw)
    assert [
        r.name
        for r in FORMATS
        if r.name not in ("replies", "esp-payload", "sns-mail") and r.sniff(raw)
    ] == []
    found = list(reader.read(io.BytesIO(raw), "toymail.log"))
    assert is_described([item.report for item in found if isinstance(item, Finding)], expected)
    assert [bool(item.key) for item in found if isinstance(item, Finding)] == [True, False]


def test_the_message_of_the_recipe_is_read_as_its_fixture_says() -> None:
    assert is_described(
        interpret.read(block("a message format", "eml").encode(), "toy.eml", 0),
        block("a message format", "toml"),
    )
    wording = tomllib.loads((SOURCE / "readers" / "messages" / "wording.toml").read_text("utf-8"))
    for name in wording:
        assert f"`{name}`" in RECIPES["a message format"]


def test_interpreters_refuse_what_is_not_theirs() -> None:
    ordinary = b"From: ann@there.example\nTo: bob@shop.example\nSubject: Lunch\n\nAt noon?\n"
    assert interpret.read(ordinary, "x", 0) == []
    for name, _ in interpret.INTERPRETERS:
        assert (SOURCE / "readers" / "messages" / f"{name}.py").exists()


def test_an_esp_written_as_the_recipe_says_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    row = msgspec.convert(tomllib.loads(block("an ESP", "toml"))["esp"][0], events.Esp)
    assert row.signature.scheme in SCHEMES
    shipped_rows = events.esps()
    monkeypatch.setattr(events, "esps", lambda: (*shipped_rows, row))
    body = block("an ESP", "json").encode()
    (found,) = [
        item for item in PayloadReader().read(io.BytesIO(body), "x") if isinstance(item, Finding)
    ]
    verdict = default_classifier().classify_report(found.report)
    assert (found.report.recipient, found.report.esp and found.report.esp.label) == (
        "ann@there.example",
        "hard_bounce",
    )
    assert verdict is not None and verdict.cause is Cause.MAILBOX_UNKNOWN
    assert json.loads(found.raw) == json.loads(body)


@pytest.mark.parametrize("cause", Cause)
def test_each_place_that_the_recipe_for_a_cause_names_has_every_cause(cause: Cause) -> None:
    recipe = RECIPES["a cause"]
    for name in ("model/verdict.py", "rules/knowledge/causes.toml", "diagnosis/diagnosis.toml"):
        assert name in recipe
        assert f'"{cause}"' in (SOURCE / name).read_text("utf-8"), name
    assert f"`{cause}`" in (ROOT / "README.md").read_text("utf-8")
    assert any(rule.cause is cause for rule in shipped().rules)


def test_the_sets_that_the_recipe_for_a_cause_names_are_there() -> None:
    facts = shipped().causes
    assert all(facts[cause].advice is Advice.SUPPRESS_DOMAIN for cause in DOMAIN_CAUSES)
    assert set(Cause) >= TENANT_CAUSES
    assert "`DOMAIN_CAUSES`" in RECIPES["a cause"] and "`TENANT_CAUSES`" in RECIPES["a cause"]


@pytest.mark.parametrize("recipe", ["a rule", "a language"])
def test_a_rule_written_as_the_recipe_says_passes_its_own_tests(
    recipe: str, tmp_path: Path
) -> None:
    path = tmp_path / "toy.toml"
    path.write_text(block(recipe, "toml"), "utf-8")
    ruleset = load((path,))
    own = [rule for rule, tier in zip(ruleset.rules, ruleset.tiers, strict=True) if tier == "site"]
    assert len(own) == 1
    assert list(violations(own[0], Classifier(ruleset).deciding_rule)) == []


def test_a_receiver_written_as_the_recipe_says_is_recognised() -> None:
    added = msgspec.convert(tomllib.loads(block("a receiver", "toml"))["receiver"][0], Receiver)
    ruleset: RuleSet = msgspec.structs.replace(shipped(), receivers=(*shipped().receivers, added))
    classifier = Classifier(ruleset)
    assert classifier.matcher.receiver_of("in-3.mx.toymail.example") == added.id
    assert classifier.matcher.receiver_of("toymail.example") == added.id
    assert (
        classifier.classify("550 5.1.1 User unknown, see the toymaild support page").receiver
        == added.id
    )
