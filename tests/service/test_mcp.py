"""The operations as tools for an assistant: read-only unless acts are asked for."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

pytest.importorskip("mcp")

from mcp import Client, StdioServerParameters

from bouncewise.service.api.table import ENDPOINTS
from bouncewise.service.mcp_server import McpServer, described, tools
from support.api import Api

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with Api(tmp_path).running() as made:
        yield made


def ask(api: Api, *calls: tuple[str, dict[str, Any]], acts: bool = False) -> list[Any]:
    """The results of tools, as an assistant gets them."""

    async def session() -> list[Any]:
        server = McpServer(api.backend, "assistant", with_acts=acts).server
        async with Client(server) as client:
            return [await client.call_tool(name, given) for name, given in calls]

    return asyncio.run(session())


def answer(result: Any) -> Any:
    assert not result.is_error, result.content
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


def test_by_default_nothing_can_be_changed(api: Api) -> None:
    names = set(tools(with_acts=False))
    assert names == {
        "check",
        "classify",
        "explain",
        "history",
        "validate",
        "suppressions",
        "incidents",
        "incident",
        "status",
        "missed",
        "sources",
        "poison",
    }
    (refused,) = ask(api, ("suppress", {"names": ["a@b.example"], "why": "x"}))
    assert refused.is_error and "no such tool" in refused.content[0].text
    whole = tools(with_acts=True)
    assert len(whole) == len(ENDPOINTS) - 1  # (one address is a list of one)
    for name, endpoint in whole.items():
        hints = described(name, endpoint).annotations
        assert hints is not None and hints.read_only_hint is (name in names)


@pytest.mark.parametrize("name", sorted(tools(with_acts=True)))
def test_each_tool_has_a_schema_of_its_own(name: str) -> None:
    tool = described(name, tools(with_acts=True)[name])
    jsonschema.Draft202012Validator.check_schema(tool.input_schema)
    assert "#/components" not in json.dumps(tool.input_schema)
    assert tool.description
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"unknown": 1}, tool.input_schema)


def test_the_answers_are_those_of_the_api(api: Api) -> None:
    results = ask(
        api,
        ("status", {}),
        ("suppressions", {"state": "held", "limit": 3}),
        ("incident", {"incident": "@out.example"}),
        ("history", {"address": "u1@out.example"}),
        ("classify", {"replies": ["550 5.1.1 User unknown"]}),
        ("check", {"addresses": ["new@b.example", "u1@out.example"], "transactional": True}),
        ("validate", {"addresses": ["jo@gmial.com"]}),
    )
    status, held, incident, history, verdicts, checked, validated = map(answer, results)
    assert status == api.json("GET", "/v1/status")
    assert held == api.json("GET", "/v1/suppressions?state=held&limit=3")
    assert incident == api.json("GET", "/v1/incidents/@out.example")
    assert history == api.json("GET", "/v1/addresses/u1@out.example")
    assert verdicts["verdicts"][0]["cause"] == "mailbox-unknown"
    assert [row["send"] for row in checked["answers"]] == [True, False]
    assert validated["validations"][0]["suggestion"] == "jo@gmail.com"


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("suppressions", {"limit": 0}),
        ("suppressions", {"unknown": 1}),
        ("incident", {"incident": "nowhere"}),
        ("history", {}),
        ("classify", {"replies": "550"}),
        ("suppress", {"names": ["a@b.example"]}),
        ("release", {"name": "a@b.example", "why": " "}),
        ("import_list", {"why": "x"}),
    ],
)
def test_what_cannot_be_answered_is_an_error_in_words(
    api: Api, name: str, given: dict[str, Any]
) -> None:
    (result,) = ask(api, (name, given), acts=True)
    assert result.is_error and result.content[0].text


def test_acts_have_an_author_and_a_reason(api: Api) -> None:
    act = {"names": ["new@b.example"], "why": "by phone"}
    dry, done, listed, undone = ask(
        api,
        ("suppress", {**act, "dry_run": True}),
        ("suppress", act),
        ("import_list", {"content": "email\nann@b.example\n", "why": "old list"}),
        ("release", {"name": "new@b.example", "why": "an error"}),
        acts=True,
    )
    assert answer(dry)["acts"][0]["dry_run"]
    assert answer(done)["acts"][0]["by"] == "assistant"
    assert answer(listed)["added"] == 1
    assert answer(undone)["act"] == "removed"


def test_the_command_speaks_on_standard_output_only(api: Api) -> None:
    async def session() -> tuple[list[str], Any]:
        arguments = ["-m", "bouncewise", "mcp", "--db", str(api.ledger)]
        command = StdioServerParameters(command=sys.executable, args=arguments)
        async with Client(command) as client:
            found = await client.list_tools()
            return [tool.name for tool in found.tools], await client.call_tool("status", {})

    names, result = asyncio.run(session())
    assert set(names) == set(tools(with_acts=False))
    assert answer(result) == api.json("GET", "/v1/status")


def test_the_tools_are_listed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bouncewise", "mcp", "--json", "--acts"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["name"] for row in rows} == set(tools(with_acts=True))
    assert {row["name"] for row in rows if not row["acts"]} == set(tools(with_acts=False))


def test_without_a_ledger_it_ends_with_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bouncewise", "mcp", "--db", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, input=b"", check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
