"""The knowledge is tested by itself: every rule proves that it is needed and that it does not reach
too far.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from bouncewise.classifier.classify import Classifier, default_classifier
from bouncewise.errors import RuleError
from bouncewise.model import Cause
from bouncewise.rules import load as load_module
from bouncewise.rules.load import Rule, load, shipped
from bouncewise.rules.selftest import violations

RULES = shipped().rules


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_proves_itself(rule: Rule) -> None:
    assert list(violations(rule, default_classifier().deciding_rule)) == []
    assert rule.source.strip()
    assert rule.why.strip()


def test_every_cause_has_facts_and_rules() -> None:
    assert set(shipped().causes) == set(Cause)
    assert {rule.cause for rule in RULES} == set(Cause)


def test_every_receiver_is_named_once() -> None:
    ids = [r.id for r in shipped().receivers]
    assert len(ids) == len(set(ids))


def site_rule(tmp_path: Path, **changes: str) -> Path:
    keys = {
        "id": '"site.x"',
        "cause": '"policy"',
        "when": '{ phrase = ["frozen by hr"] }',
        "source": '"wiki"',
        "why": '"x"',
        "example": '["550 5.7.1 Mailbox frozen by HR"]',
    } | changes
    file = tmp_path / "site.toml"
    body = "\n".join(f"{key} = {value}" for key, value in keys.items() if value)
    file.write_text(f'title = "Site"\n[[rule]]\n{body}\n')
    return file


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"when": "{}"}, "'when' is empty"),
        ({"when": '{ receiver = ["nobody"] }'}, "nobody"),
        ({"confidence": "nan"}, "confidence = nan: must be above 0"),
        ({"confidence": "1.5"}, "confidence = 1.5: must be above 0"),
        ({"example": "[]"}, "has no example"),
        ({"cause": '"mailbox-unknwon"'}, "mailbox-unknwon"),
        ({"when": '{ phrase = ["{nobody} is frozen"] }'}, "no class of words ['nobody']"),
        ({"when": '{ phrase = ["{is} {is} {is} {is} {is} {is}"] }'}, "the limit is 2000"),
        ({"groups": '[["frozen by hr"]]'}, "no key 'groups'"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(
    tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    with pytest.raises(RuleError, match=re.escape(message)) as caught:
        load((site_rule(tmp_path, **changes),))
    assert "site.toml" in str(caught.value)


def test_a_class_of_words_stands_for_each_of_its_words(tmp_path: Path) -> None:
    changes = {
        "when": '{ phrase = ["gateway {is} {blocked} by hr"] }',
        "example": '["550 the gateway was banned by hr"]',
    }
    ruleset = load((site_rule(tmp_path, **changes),))
    classifier = Classifier(ruleset)
    (rule,) = [rule for rule in ruleset.rules if rule.id == "site.x"]
    assert list(violations(rule, classifier.deciding_rule)) == []
    for said in ("gateway blocked by HR", "gateway has been banned by HR"):
        assert classifier.classify(f"550 the {said}").rule == "site.x"
    assert classifier.classify("550 the gateway will be banned by HR").rule != "site.x"


def test_every_class_of_words_is_used_and_names_no_word_twice() -> None:
    knowledge = Path(load_module.__file__).parent / "knowledge"
    classes = tomllib.loads((knowledge / "classes.toml").read_text("utf-8"))
    rules = "".join(path.read_text("utf-8") for path in knowledge.glob("*/*.toml"))
    for name, members in classes.items():
        assert f"{{{name}}}" in rules, name
        assert len(members) == len(set(members)), name


def test_a_rule_whose_examples_are_decided_otherwise_says_so(tmp_path: Path) -> None:
    changes = {
        "example": '["550 5.1.1 no such user"]',
        "counter": '["550 5.7.1 Mailbox frozen by HR today"]',
    }
    ruleset = load((site_rule(tmp_path, **changes),))
    (rule,) = [rule for rule in ruleset.rules if rule.id == "site.x"]
    found = list(violations(rule, Classifier(ruleset).deciding_rule))
    assert any("is decided by recipient.unknown" in line for line in found)
    assert any("counter-example" in line for line in found)


def test_shipped_rules_are_the_same_with_and_without_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    shipped.cache_clear()
    made, kept = shipped(), sorted(tmp_path.rglob("*.msgpack"))
    assert len(kept) == 1
    shipped.cache_clear()
    assert shipped() == made
    kept[0].write_bytes(b"\xc1 damaged")
    shipped.cache_clear()
    assert shipped() == made
