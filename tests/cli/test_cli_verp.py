"""``bouncewise verp`` and ``bouncewise config``, in process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bouncewise.cli import bouncewise as group
from bouncewise.errors import ConfigError, InputError


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration in the working folder, without keys yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BOUNCEWISE_VERP_KEYS", raising=False)
    path = tmp_path / "bouncewise.toml"
    path.write_text(
        '[verp]\ndomain = "bounces.shop.example"\nkey_file = "keys"\nsince = 2026-01-01\n'
    )
    return path


def run(*words: str, text: str = "") -> Result:
    return CliRunner().invoke(group, list(words), input=text)


def test_an_address_is_made_and_checked() -> None:
    assert "key a signs from now on" in run("verp", "key").output
    made = run("verp", "address", "Jo@B.example").output.strip()
    assert made.startswith("bounces+jo=b.example=") and made.endswith("a@bounces.shop.example")
    assert run("verp", "check", f"<{made.upper()}>").output.startswith(
        "valid  jo@b.example  issued"
    )
    done = run("verp", "check", "--json", made, made.replace("jo=", "ann=", 1))
    rows = [json.loads(line) for line in done.output.splitlines()]
    assert done.exit_code == 1
    assert [(row["outcome"], row["recipient"]) for row in rows] == [
        ("valid", "jo@b.example"),
        ("forged", None),
    ]


def test_addresses_are_read_from_standard_input() -> None:
    run("verp", "key")
    done = run("verp", "address", "--json", "-", text="jo@b.example\n\nann@c.example\n")
    assert [json.loads(line)["recipient"] for line in done.output.splitlines()] == [
        "jo@b.example",
        "ann@c.example",
    ]
    made = [json.loads(line)["address"] for line in done.output.splitlines()]
    assert run("verp", "check", "-", text="\n".join(made)).exit_code == 0


def test_a_new_key_signs_and_the_old_one_verifies() -> None:
    run("verp", "key")
    before = run("verp", "address", "jo@b.example").output.strip()
    assert json.loads(run("verp", "key", "--json").output)["keys"] == ["a", "b"]
    after = run("verp", "address", "jo@b.example").output.strip()
    assert after.partition("@")[0].endswith("b")
    assert run("verp", "check", before, after).exit_code == 0


def test_what_is_missing_is_one_line(config: Path) -> None:
    def error(*words: str) -> str:
        done = run(*words)
        assert isinstance(done.exception, ConfigError | InputError)
        return str(done.exception)

    assert "keys: No such file" in error("verp", "address", "jo@b.example")
    run("verp", "key")
    assert "not an address" in error("verp", "address", "jo")
    (config.parent / "keys").chmod(0o644)
    assert "chmod o=" in error("config", "check")
    config.write_text("")
    assert "[verp] domain: missing" in error("verp", "address", "jo@b.example")
    assert "no keys" in error("verp", "check", "jo@b.example")
    assert "name one" in error("verp", "key")
    assert "No such file" in error("config", "show", "--config", "none.toml")


def test_the_configuration_is_shown_found_and_checked(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = run("config", "show").output
    assert "verp.domain = bounces.shop.example" in shown and "own.domains =" in shown
    places = [json.loads(line) for line in run("config", "path", "--json").output.splitlines()]
    assert places[0] == {"path": "bouncewise.toml", "exists": True, "is_read": True}
    run("verp", "key")
    checked = json.loads(run("config", "check", "--json").output)
    assert (checked["keys"], checked["advice"]) == (["a"], [])
    other = config.with_name("other.toml")
    other.write_text("[feedback.one]\n")
    monkeypatch.setenv("BOUNCEWISE_CONFIG", str(other))
    assert "[feedback.one]: no report counts" in run("config", "check").output
    assert run("config", "path").output.split() == ["✓", str(other)]


def test_no_output_shows_a_key() -> None:
    run("verp", "key")
    key = Path("keys").read_text().split()[1]
    for words in (("config", "show"), ("config", "check"), ("verp", "key"), ("config", "path")):
        assert key not in run(*words).output
