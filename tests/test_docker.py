"""The Dockerfile: two stages, without root, from files that are there and not ignored; what its
configuration and its health check name exists in the service.
"""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from fnmatch import fnmatch
from pathlib import Path

from bouncewise.cli import VERBS
from bouncewise.config.load import read

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "Dockerfile").read_text("utf-8")
LINES = [line for line in TEXT.replace("\\\n", " ").split("\n") if line and line[0] != "#"]
INSTRUCTIONS = [(line.split()[0], line.partition(" ")[2].strip()) for line in LINES]
KNOWN = set("ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK RUN USER VOLUME WORKDIR".split())
CONFIGURATION = ROOT / "examples" / "docker" / "bouncewise.toml"


def given(name: str) -> list[str]:
    """The arguments of every instruction with this name."""
    return [arguments for instruction, arguments in INSTRUCTIONS if instruction == name]


def test_it_is_made_of_known_instructions_over_slim_images_of_a_supported_python() -> None:
    assert {instruction for instruction, _ in INSTRUCTIONS} <= KNOWN
    images = given("FROM")
    assert len(images) == 2 and all(i.startswith("python:${PYTHON}-slim") for i in images)
    version = dict(argument.split("=") for argument in given("ARG"))["PYTHON"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f"Programming Language :: Python :: {version}" in project["classifiers"]
    extras = dict(argument.split("=") for argument in given("ARG"))["EXTRAS"]
    assert set(extras.split(",")) <= set(project["optional-dependencies"])


def test_it_runs_without_root_and_only_the_service_folder_is_its_own() -> None:
    assert given("USER") == ["10001"]
    after = INSTRUCTIONS[[name for name, _ in INSTRUCTIONS].index("USER") :]
    assert not {"RUN", "COPY"} & {name for name, _ in after}
    assert "useradd --system --uid 10001" in TEXT and "-m 0700 /var/lib/bouncewise" in TEXT
    assert given("VOLUME") == given("WORKDIR")[-1:] == ["/var/lib/bouncewise"]
    assert not re.search(r"apt-get|curl|wget|\bADD\b|:latest", TEXT)


def test_what_it_copies_is_there_and_not_ignored() -> None:
    rules = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert rules[0] == "*"
    kept = [rule[1:] for rule in rules if rule.startswith("!")]
    for arguments in given("COPY"):
        sources = [word for word in shlex.split(arguments) if not word.startswith("--")][:-1]
        if "--from=build" in arguments:
            continue
        for source in sources:
            assert (ROOT / source).exists(), source
            assert any(fnmatch(source, rule) or source.startswith(f"{rule}/") for rule in kept)


def test_it_starts_the_service_and_asks_for_its_health() -> None:
    assert json.loads(given("ENTRYPOINT")[0]) == ["bouncewise"]
    assert json.loads(given("CMD")[0]) == ["serve"] and "serve" in VERBS
    options, _, command = given("HEALTHCHECK")[0].partition("CMD ")
    assert "--interval=" in options and "--timeout=" in options
    _, _, code = json.loads(command)
    compile(code, "health", "exec")
    url = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", code)
    assert url
    app = (ROOT / "src" / "bouncewise" / "service" / "app.py").read_text("utf-8")
    assert f'Route("{url[2]}"' in app
    settings = read(CONFIGURATION)
    ports = [settings.http.listen, settings.postfix_policy.listen]
    assert ports == [f"0.0.0.0:{port}" for port in given("EXPOSE")[0].split()]
    assert url[1] == ports[0].rpartition(":")[2]
    assert Path(settings.defaults.db).parent == Path(given("VOLUME")[0])
