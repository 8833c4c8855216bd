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
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    top = {name.partition("/")[0] for name in tracked if name}
    shipped = set(PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"])
    assert top - shipped - {"pyproject.toml"} == set()  # hatchling adds pyproject.toml itself


def test_the_makefile_names_nothing_that_is_not_there() -> None:
    for path in re.findall(
        r"(?<![\w./$(-])((?:bench|lab|fuzz|tests|examples)/[\w./-]+\.\w+)",
        (ROOT / "Makefile").read_text(),
    ):
        assert (ROOT / path).exists(), path


def test_the_python_versions_agree() -> None:
    """What the classifiers claim, the public CI runs; the oldest is the one required."""
    versions = re.findall(
        r"Programming Language :: Python :: (3\.\d+)", "\n".join(PROJECT["project"]["classifiers"])
    )
    matrix = re.search(
        r"python: \[(.*)\]", (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    )
    assert matrix and re.findall(r"3\.\d+", matrix[1]) == versions
    assert PROJECT["project"]["requires-python"] == f">={versions[0]}"


def test_the_public_ci_runs_make_targets() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M)
    runs = re.findall(
        r"- run: (.*)", (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    )
    assert runs and all(run.split()[:1] == ["make"] and run.split()[1] in targets for run in runs)


def test_pre_commit_runs_the_tools_of_make_check() -> None:
    entries = re.findall(
        r"entry: \.venv/bin/(.*)", (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    )
    recipe = (ROOT / "Makefile").read_text("utf-8").partition("\ncheck:")[2].partition("\n\n")[0]
    tools = re.findall(r"\$\(BIN\)/(ruff format --check|ruff check|mypy)", recipe)
    assert entries == tools == ["ruff format --check", "ruff check", "mypy"]


def test_the_project_has_its_addresses() -> None:
    assert set(PROJECT["project"]["urls"]) == {"Homepage", "Documentation", "Changelog", "Issues"}
    for url in PROJECT["project"]["urls"].values():
        assert url.startswith("https://github.com/bouncewise/bouncewise")
        path = re.sub(r".*/(?:blob|tree)/main/", "", url)
        assert path == url or (ROOT / path).exists()
