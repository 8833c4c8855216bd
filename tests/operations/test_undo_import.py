"""An import is undone exactly: what it added goes, everything else stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.cli import bouncewise
from support.postfix import UNKNOWN, log_lines


def imported(folder: Path, data: str, *args: str) -> dict:
    (folder / "in.csv").write_text(data)
    done = bouncewise(folder, "suppressions", "import", "in.csv", "--json", "--db", "l", *args)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def undo(folder: Path, number: int, *args: str) -> tuple[int, str, str]:
    done = bouncewise(folder, "suppressions", "undo", number, "--db", "l", *args)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def listed(folder: Path, *args: str) -> list[str]:
    done = bouncewise(folder, "suppressions", "list", "--json", "--db", "l", *args)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [f"{row['address'][0]} {row['scope']}" for row in rows]


def plain(*names: str) -> str:
    return "email\n" + "".join(f"{name}@x.example\n" for name in names)


def test_import_ends_with_its_id_and_how_to_undo_it(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(plain("a"))
    done = bouncewise(tmp_path, "suppressions", "import", "in.csv", "--db", "l")
    last = done.stdout.decode().splitlines()[-1]
    number = int(last.split()[1].rstrip(";"))
    assert last.endswith(f"bouncewise suppressions undo {number}")
    assert undo(tmp_path, number)[0] == 0
    assert listed(tmp_path) == []


def test_what_was_there_before_and_what_people_added_stays(tmp_path: Path) -> None:
    add = ("suppressions", "add", "--why", "by phone", "--db", "l")
    bouncewise(tmp_path, *add, "a@x.example")
    number = imported(tmp_path, plain("a", "b", "c"))["id"]
    bouncewise(tmp_path, *add, "b@x.example", "--scope", "marketing")
    before = listed(tmp_path)
    code, out, err = undo(tmp_path, number, "--dry-run")
    assert (code, listed(tmp_path)) == (0, before)
    assert "would be withdrawn: c@x.example" in out
    assert "1 would be withdrawn, 2 stay" in out
    assert "a@x.example: stays" in err
    undo(tmp_path, number, "--why", "wrong file")
    assert listed(tmp_path) == ["a all", "b marketing"]
    history = bouncewise(tmp_path, "history", "c@x.example", "--json", "--db", "l").stdout
    last = json.loads(history.splitlines()[-1])
    assert (last["kind"], last["words"]) == ("withdrawn", "wrong file")


def test_evidence_that_confirms_an_imported_address_outlives_the_import(tmp_path: Path) -> None:
    number = imported(tmp_path, plain("a", "b"))["id"]
    log = log_lines("2026-03-02T09:00:00+00:00", "a@x.example", UNKNOWN)
    (tmp_path / "mail.log").write_text(log)
    bouncewise(tmp_path, "ingest", "mail.log", "--db", "l")
    undo(tmp_path, number)
    assert listed(tmp_path) == ["a all"]


@pytest.mark.parametrize("first", [0, 1])
def test_an_address_that_two_imports_list_stays_until_both_are_undone(
    tmp_path: Path, first: int
) -> None:
    dated = "email,status,created\n{}@x.example,bounced,2026-01-02\n"
    for make in (plain, dated.format):
        numbers = [imported(tmp_path, make("a"))["id"]]
        numbers.append(imported(tmp_path, make("a") + make("b").partition("\n")[2])["id"])
        undo(tmp_path, numbers[first])
        assert "a all" in listed(tmp_path)
        undo(tmp_path, numbers[1 - first])
        assert listed(tmp_path) == []


def test_the_same_file_again_confirms_nothing(tmp_path: Path) -> None:
    number = imported(tmp_path, plain("a"))["id"]
    again = imported(tmp_path, plain("a"))
    assert (again["added"], again["known"], again["id"]) == (0, 1, None)
    undo(tmp_path, number)
    assert listed(tmp_path) == []


@pytest.mark.parametrize("data", [plain("a"), "email,status,date\na@x.example,hard,2026-01-02\n"])
def test_a_list_is_imported_again_after_its_import_was_undone(tmp_path: Path, data: str) -> None:
    for _ in range(3):
        done = imported(tmp_path, data)
        assert (done["added"], listed(tmp_path)) == (1, ["a all"])
        undo(tmp_path, done["id"])
        assert listed(tmp_path) == []


def test_a_removal_is_not_undone_and_not_repeated(tmp_path: Path) -> None:
    number = imported(tmp_path, plain("a", "b"))["id"]
    remove = ("suppressions", "remove", "--why", "x", "--db", "l")
    bouncewise(tmp_path, *remove, "a@x.example")
    code, out, _ = undo(tmp_path, number)
    assert "a@x.example" not in out
    assert (code, listed(tmp_path)) == (0, [])


def test_another_list_of_what_a_person_removed_is_no_import_that_can_be_undone(
    tmp_path: Path,
) -> None:
    data = "email,status,date\na@x.example,hard,2026-01-02\n"
    imported(tmp_path, data)
    remove = ("suppressions", "remove", "a@x.example", "--why", "x", "--db", "l")
    bouncewise(tmp_path, *remove)
    again = imported(tmp_path, data + "\n")
    assert (again["known"], again["id"], listed(tmp_path)) == (1, None, [])


@pytest.mark.parametrize("number", [1, 7, 10**12, 10**30])
def test_an_import_that_is_not_there_is_an_error_that_names_the_last_ones(
    tmp_path: Path, number: int
) -> None:
    last = imported(tmp_path, plain("a"))["id"]
    undo(tmp_path, last)
    code, out, err = undo(tmp_path, number)
    assert (code, out) == (2, "")
    assert f"{last} (" in err or number > 10**12


def test_the_state_before_an_undo_can_still_be_asked_for(tmp_path: Path) -> None:
    data = "email,status,created\na@x.example,bounced,2026-01-02\n"
    number = imported(tmp_path, data)["id"]
    undo(tmp_path, number)
    assert listed(tmp_path, "--at", "2026-01-02T00:00:00Z") == ["a all"]
    assert listed(tmp_path) == []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("import"), st.sets(st.sampled_from("abc"), min_size=1)),
        st.tuples(st.just("undo"), st.integers(0, 4)),
        st.tuples(st.just("add"), st.sampled_from("abc")),
    ),
    max_size=6,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_names_are_suppressed_by_the_imports_and_acts_that_stand(
    tmp_path_factory: pytest.TempPathFactory, steps: list
) -> None:
    """A model: an import is a set of names that is there or not; the same set is the same file."""
    folder = tmp_path_factory.mktemp("undo")
    imports: dict[int, set[str]] = {}
    by_hand: set[str] = set()
    bouncewise(folder, "suppressions", "add", "z@x.example", "--why", "x", "--db", "l")
    for step, what in steps:
        if step == "add":
            args = ("suppressions", "add", f"{what}@x.example", "--why", "x", "--db", "l")
            bouncewise(folder, *args)
            by_hand.add(what)
        elif step == "import":
            number = imported(folder, plain(*sorted(what)))["id"]
            assert (number is None) is (what in imports.values())
            if number is not None:
                imports[number] = set(what)
        elif imports:
            number = sorted(imports)[what % len(imports)]
            assert undo(folder, number)[0] == 0
            del imports[number]
        wanted = by_hand.union(*imports.values()) | {"z"}
        assert listed(folder) == [f"{name} all" for name in sorted(wanted)]
