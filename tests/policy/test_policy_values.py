"""Numbers of a site's policy and rules that cannot be meant are refused when they are read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bouncewise.errors import RuleError
from bouncewise.policy.load import load
from bouncewise.rules.load import load as load_rules

DIGITS = "9" * 5000
_WINDOW = (
    '[[window]]\ncause = "mailbox-full"\nfailures = 3\ndelays = 3\nwithin_days = 30\n'
    'share = 0.5\nhalf_days = 4.0\nwhy = "x"\n'
)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[dead]\nhold_days = -5", "dead.hold_days = -5: must be from 0 to 3650"),
        ("[dead]\nalive_days = 1000000000000", "dead.alive_days"),
        ("[dead]\nmemory_days = 0", "dead.memory_days = 0: must be from 1 to 3650"),
        ("[dead]\nconfirm_hours = 100000", "dead.confirm_hours"),
        ("[dead]\nhold_days = 1.5", "dead.hold_days"),
        ('[dead]\nhold_days = "7"', "dead.hold_days"),
        ("[dead]\nhold_days = true", "dead.hold_days"),
        ("[cost]\nmail = 0.0", "cost.mail = 0.0: must be between 0 and"),
        ("[cost]\nmissed = nan", "cost.missed = nan"),
        ("[cost]\nlongest_days = 0", "cost.longest_days = 0"),
        (
            _WINDOW.replace("share = 0.5", "share = 1.0"),
            "window.share = 1.0: must be between 0 and",
        ),
        (_WINDOW.replace("half_days = 4.0", "half_days = 0.0"), "window.half_days = 0.0"),
        (_WINDOW.replace("failures = 3", "failures = 0"), "window.failures = 0"),
        (_WINDOW.replace("[[window]]", "[[recovery]]"), "failures"),
        ("[[recovery]]\nshare = 0.5", "recovery: each must be a table with a cause"),
        (f"[dead]\nhold_days = {DIGITS}", "digits"),
        (f"[dead]\nhold_days = {'9' * 400}", "dead.hold_days"),
        ("[incident]\nalpha = 0.0", "incident.alpha = 0.0: must be between 0 and 1"),
        ("[incident]\nalpha = nan", "incident.alpha = nan"),
        ("[incident]\nalpha = inf", "incident.alpha = inf"),
        ("[incident]\ndoubt = -inf", "incident.doubt = -inf"),
        ("[incident]\nshares = []", "incident.shares = []"),
        ("[incident]\nshares = [0.5, nan]", "incident.shares = [0.5, nan]"),
        ("[incident]\nshares = [1.5]", "incident.shares"),
        ("[incident]\nmax_days = 10000000", "incident.max_days"),
        ("[incident]\nbaseline_mailed = 0.0", "incident.baseline_mailed"),
        ("[incident]\nbaseline_refused = 500.0", "incident.baseline_refused = 500.0: must not be"),
        ("[incident]\nprobes = 0", "incident.probes"),
        ("[alert]\nshare = -0.1", "alert.share"),
        ("[trust]\nclaims_a_day = -1", "trust.claims_a_day"),
        ("window = [3]", "window"),
        ("window = 3", "window"),
        ("[window]\ncause = 3", "window"),
        ("dead = 3", "dead"),
        ("a = " + "[" * 100_000, ""),
        ("[" + "a." * 50_000 + "b]\nx = 1", ""),
        ("\x00", ""),
        ("[dead", ""),
        ("[dead]\nhold_days = 1\nhold_days = 2\n", "line 3"),
        ("[dead]\n[dead]\nhold_days = 2", ""),
        (2 * _WINDOW, "two tables for the cause 'mailbox-full'"),
    ],
    ids=lambda value: value[:40].replace("\n", " ") if isinstance(value, str) else None,
)
def test_policy_that_cannot_be_meant_is_one_line(tmp_path: Path, text: str, key: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    with pytest.raises(RuleError) as caught:
        load(file)
    message = str(caught.value)
    assert message.startswith(f"{file}: ")
    assert key in message
    assert "\n" not in message
    assert len(message) < 500


def test_shipped_policy_is_within_its_ranges() -> None:
    assert load().dead.hold_days == 7


RULE = (
    '[[rule]]\nid = "acme.x"\ncause = "mailbox-unknown"\nexample = ["550 frozen by acme '
    'hr"]\n{}\nwhy = "x"\n[rule.when]\nphrase = ["frozen by acme"]\n'
)


@pytest.mark.parametrize(
    "value", ["99", "1.01", "0.0", "-0.5", "nan", "inf", "-inf", DIGITS, '"x"']
)
def test_rule_with_an_impossible_confidence_is_one_line(tmp_path: Path, value: str) -> None:
    file = tmp_path / "acme.toml"
    file.write_text(RULE.format(f"confidence = {value}"))
    with pytest.raises(RuleError) as caught:
        load_rules((file,))
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "{a = " * 50_000, "a = 1e999x"])
def test_damaged_rules_are_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "acme.toml"
    file.write_text(text)
    with pytest.raises(RuleError) as caught:
        load_rules((file,))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["fifo", "device", "folder", "missing"])
def test_policy_and_rules_that_are_no_file_are_one_line(tmp_path: Path, kind: str) -> None:
    path = Path("/dev/zero") if kind == "device" else tmp_path / "x.toml"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(RuleError, match=path.name):
        load(path)
    if kind != "folder":
        with pytest.raises(RuleError, match=path.name):
            load_rules((path,))
