"""What is shipped: the source distribution holds all that its own tests and Makefile name."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_the_source_distribution_holds_every_tracked_folder() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    top = {name.partition("/")[0] for name in tracked if name}
    shipped = set(PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"])
    assert top - shipped - {"pyproject.toml"} == set()  # hatchling adds pyproject.toml itself


def test_the_makefile_names_nothing_that_is_not_there() -> None:
    for path in re.findall(
        r"(?<![\w./$(-])((?:bench|lab|fuzz|tests|examples)/[\w./-]+\.\w+)", (ROOT / "Makefile").read_text()
    ):
        assert (ROOT / path).exists(), path
