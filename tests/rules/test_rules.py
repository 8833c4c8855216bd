"""The knowledge is tested by itself: every rule proves that it is needed and that it does not reach
too far.
"""

from __future__ import annotations

import pytest

from bouncewise.classifier.classify import default_classifier
from bouncewise.model import Cause
from bouncewise.rules.load import Rule, shipped
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
