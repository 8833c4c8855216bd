"""Lists of every ESP that is named in imports.toml: each has a fixture, and says what it says."""

from __future__ import annotations

import contextlib
import json
import tomllib
from pathlib import Path

import pytest

from bouncewise.errors import InputError
from bouncewise.lists import imports, layouts
from bouncewise.lists.column import folded
from bouncewise.lists.records import json_table
from bouncewise.lists.table import Table
from support.cli import bouncewise

LISTS = Path(__file__).parents[1] / "fixtures" / "imports"
EXPECTED = [
    pytest.param(name, file, says, id=file)
    for name, files in tomllib.loads((LISTS / "expected.toml").read_text()).items()
    for file, says in files.items()
]
ASKED = {layout.name for layout in layouts.knowledge().layout if layout.ask}
WITHOUT_DATES = (
    "ses-job.csv",
    "plain.txt",
    "hubspot-bounces.csv",
    "hubspot-contacts.csv",
    "hubspot-contacts.json",
    "activecampaign-list.csv",
    "sendgrid-group.json",
    "sendgrid-group.csv",
    "klaviyo-list.csv",
)


def imported(folder: Path, file: str, *args: str) -> tuple[int, dict, str]:
    done = bouncewise(folder, "suppressions", "import", LISTS / file, "--json", "--db", "l", *args)
    return done.returncode, json.loads(done.stdout or b"{}"), done.stderr.decode()


def rows(folder: Path) -> list[dict]:
    done = bouncewise(folder, "suppressions", "list", "--json", "--db", "l")
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(("name", "file", "says"), EXPECTED)
def test_list_says_whom_to_suppress_for_which_mail_and_why(
    tmp_path: Path, name: str, file: str, says: str
) -> None:
    named = ("--format", name) if name in ASKED else ()
    code, done, err = imported(tmp_path, file, *named)
    assert code == 0, err
    found = rows(tmp_path)
    assert {r["by"] for r in found} == {f"import:{name}"}
    assert says == ", ".join(
        f"{r['address'].partition('@')[0]} {r['scope']} {r['cause'] or ''}".rstrip() for r in found
    )
    if file not in WITHOUT_DATES:
        assert any(r["since"].startswith("2026-03-0") for r in found), "dates are kept"
    assert done["lost_dates"] == 0
    again = imported(tmp_path, file, *named)[1]
    assert (again["added"], again["id"]) == (0, None)
    assert rows(tmp_path) == found


def columns(file: Path) -> set[str]:
    with Table.open(file, None, lambda *args: json_table(*args, name=None)) as table:
        return set(folded(table.header))


def test_every_layout_has_a_list_of_its_own() -> None:
    present = [columns(file) for file in LISTS.iterdir() if file.suffix in (".csv", ".json")]
    for layout in layouts.knowledge().layout:
        assert any(layout.columns <= found for found in present), layout.about
    listed = {param.values[1] for param in EXPECTED}
    assert listed == {file.name for file in LISTS.iterdir()} - {"expected.toml"}


@pytest.mark.parametrize("name", sorted(ASKED - {"sendgrid-blocks"}))
def test_columns_that_other_lists_have_too_suppress_nobody_until_somebody_names_the_list(
    tmp_path: Path, name: str
) -> None:
    files = [p.values[1] for p in EXPECTED if p.values[0] == name]
    file = "sendgrid-group.json" if name == "sendgrid-group" else files[0]
    code, _, err = imported(tmp_path, file)
    assert code == 2
    assert f"--format {name}" in err
    assert err.count("\n") == 1


def test_bounces_and_blocks_of_sendgrid_are_told_apart_by_their_replies(tmp_path: Path) -> None:
    code, done, err = imported(tmp_path, "sendgrid-blocks.json")
    assert (code, done["added"], done["skipped"]) == (0, 1, 2)
    assert "--format sendgrid-blocks" in err


def test_another_page_of_an_answer_is_announced(tmp_path: Path) -> None:
    assert "another page" in imported(tmp_path, "hubspot-contacts.json")[2]
    assert "another page" not in imported(tmp_path, "resend.json")[2]


@pytest.mark.parametrize("file", [param.values[1] for param in EXPECTED])
def test_a_list_that_is_cut_or_damaged_anywhere_is_read_or_refused(
    tmp_path: Path, file: str
) -> None:
    data, path = (LISTS / file).read_bytes(), tmp_path / "in"
    for at in range(0, len(data), 13):
        for damaged in (data[:at], data[:at] + b'\0"\xff' + data[at:]):
            path.write_bytes(damaged)
            with contextlib.suppress(InputError):
                for row in imports.load(path, every=True):
                    assert row.error or row.address
