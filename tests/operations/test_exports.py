"""Exports say of each entry what it is, and of the others that they are lost."""

from __future__ import annotations

import csv
import io
import json
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from bouncewise.lists.exports import FORMATS, Loss, lost
from bouncewise.lists.postfix import POSTFIX
from bouncewise.model import Cause, Decision, Scope, State
from support.cli import bouncewise
from support.postfix import UNKNOWN, log_lines

NAMES = {
    "dead@x.example": ["--cause", "mailbox-unknown"],
    "spam@x.example": ["--cause", "complaint", "--scope", "marketing"],
    "left@x.example": ["--scope", "marketing"],
    "phone@x.example": [],
    "@gone.example": ["--cause", "domain-unknown"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, options in NAMES.items():
        args = ("suppressions", "add", name, "--why", "test", *options, "--db", "l")
        assert bouncewise(tmp_path, *args).returncode == 0
    return tmp_path


def export(folder: Path, form: str, *args: str) -> tuple[str, str]:
    done = bouncewise(folder, "suppressions", "export", "--format", form, "--db", "l", *args)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode(), done.stderr.decode()


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def names(text: str) -> set[str]:
    return {cell for row in cells(text) for cell in row if "@" in cell}


def test_sparkpost_has_a_row_for_each_type_of_mail(folder: Path) -> None:
    found = {(row[0], row[1]) for row in cells(export(folder, "sparkpost")[0])[1:]}
    both = {"transactional", "non_transactional"}
    assert {kind for name, kind in found if name == "dead@x.example"} == both
    assert {kind for name, kind in found if name == "phone@x.example"} == both
    assert {kind for name, kind in found if name == "left@x.example"} == {"non_transactional"}


@pytest.mark.parametrize("form", ["mailgun", "mailgun-complaints", "mailgun-unsubscribes"])
def test_mailgun_has_times_of_rfc_2822(folder: Path, form: str) -> None:
    _, *rows = cells(export(folder, form)[0])
    assert rows
    for row in rows:
        assert parsedate_to_datetime(row[-1]).year > 2000
        assert row[-1].endswith(" +0000")


def test_ses_has_complaints_as_complaints_and_no_unsubscribes(folder: Path) -> None:
    out, err = export(folder, "ses", "--marketing")
    assert dict(cells(out)) == {
        "dead@x.example": "BOUNCE",
        "phone@x.example": "BOUNCE",
        "spam@x.example": "COMPLAINT",
    }
    assert "not written (1): unsubscribes" in err
    out, err = export(folder, "ses")
    assert names(out) == {"dead@x.example", "phone@x.example"}
    assert "--marketing writes them, too" in err


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ("sendgrid", {"dead@x.example", "phone@x.example"}),
        ("sendgrid-spam", {"spam@x.example"}),
        ("sendgrid-unsubscribes", {"left@x.example"}),
        ("mailgun", {"dead@x.example", "phone@x.example"}),
        ("mailgun-complaints", {"spam@x.example"}),
        ("mailgun-unsubscribes", {"left@x.example"}),
    ],
)
def test_each_list_of_an_esp_has_its_own_entries_and_names_the_others(
    folder: Path, form: str, wanted: set[str]
) -> None:
    for options in ([], ["--marketing"]):
        out, err = export(folder, form, *options)
        assert names(out) == wanted
        assert "suppressed domains" in err
        esp = form.partition("-")[0]
        others = {f"--format {n} has them" for n in FORMATS if n.startswith(esp) and n != form}
        assert all(other in err for other in others)


def test_lists_of_an_esp_together_hold_every_address(folder: Path) -> None:
    lists = [form for form in FORMATS if form.startswith("sendgrid")]
    found = set().union(*(names(export(folder, form)[0]) for form in lists))
    assert found == {name for name in NAMES if not name.startswith("@")}


def test_domains_that_a_format_lacks_are_counted(folder: Path) -> None:
    for form in FORMATS:
        assert ("suppressed domains" in export(folder, form)[1]) is (form != "csv")


def test_an_end_that_a_format_lacks_is_counted(tmp_path: Path) -> None:
    add = ("suppressions", "add", "a@x.example", "--why", "x", "--until", "2099-01-01", "--db", "l")
    bouncewise(tmp_path, *add)
    assert "written (1): suppressions that end" in export(tmp_path, "postmark")[1]
    assert export(tmp_path, "csv")[1] == ""


@pytest.mark.parametrize("form", [*FORMATS, *POSTFIX])
def test_json_says_of_each_entry_what_the_format_loses(folder: Path, form: str) -> None:
    out, _ = export(folder, form, "--json")
    written, _ = export(folder, form)
    rows = [json.loads(line) for line in out.splitlines()]
    assert len(rows) == len(NAMES)
    for row in rows:
        name = row.get("address") or f"@{row['domain']}"
        line = name if form != "postfix-domains" else name.replace(".", "\\.")
        is_written = any(line in x for x in written.splitlines() if not x.startswith("#"))
        assert is_written is (row["lost"] in ([], ["until"])), (name, row["lost"])


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        ("mailbox-unknown", "550 5.1.1"),
        ("mailbox-disabled", "550 5.2.1"),
        ("mailbox-moved", "550 5.1.6"),
        ("address-syntax", "550 5.1.3"),
        ("domain-unknown", "550 5.1.2"),
        ("domain-no-mail", "550 5.1.10"),
        ("complaint", "550 5.7.1"),
        (None, "550 5.7.1"),
    ],
)
def test_postfix_replies_with_the_status_of_the_cause(
    tmp_path: Path, cause: str | None, code: str
) -> None:
    options = ["--cause", cause] if cause else []
    add = ("suppressions", "add", "a@x.example", "@gone.example", "--why", "550 5.9.9 words")
    bouncewise(tmp_path, *add, *options, "--db", "l")
    assert f"a@x.example\t{code} words\n" in export(tmp_path, "postfix")[0]
    assert export(tmp_path, "postfix-domains")[0] == f"/@gone\\.example$/\t{code} words\n"


def test_rows_are_chosen_by_scope_cause_and_time(folder: Path) -> None:
    every = set(NAMES)
    marketing = {"spam@x.example", "left@x.example"}
    assert names(export(folder, "csv", "--scope", "marketing")[0]) == marketing
    assert names(export(folder, "csv", "--scope", "all")[0]) == every - marketing
    assert names(export(folder, "csv", "--cause", "complaint")[0]) == {"spam@x.example"}
    assert names(export(folder, "csv", "--since", "2020-01-01")[0]) == every
    assert names(export(folder, "csv", "--since", "2099-01-01")[0]) == set()
    out, err = export(folder, "sendgrid", "--cause", "mailbox-unknown")
    assert (names(out), err) == ({"dead@x.example"}, "")


def test_holds_are_exported_and_postfix_defers_them(tmp_path: Path) -> None:
    lines = [
        log_lines(f"2026-03-{day:02}T09:00:00+00:00", "jo@x.example", queue=day)
        for day in range(1, 15)
    ]
    lines.append(log_lines("2026-03-15T09:00:00+00:00", "jo@x.example", UNKNOWN, queue=99))
    (tmp_path / "mail.log").write_text("".join(lines))
    bouncewise(tmp_path, "ingest", "mail.log", "--db", "l")
    at = ("--at", "2026-03-15T10:00:00Z")
    held = bouncewise(tmp_path, "suppressions", "list", "--held", "--json", "--db", "l", *at).stdout
    assert b"jo@x.example" in held
    assert names(export(tmp_path, "csv", "--held", *at)[0]) == {"jo@x.example"}
    assert names(export(tmp_path, "csv", *at)[0]) == set()
    assert export(tmp_path, "postfix", "--held", *at)[0].startswith("jo@x.example\t450 4.1.1 ")


@pytest.mark.parametrize("form", [*FORMATS, *POSTFIX])
def test_every_decision_is_written_or_lost(form: str) -> None:
    for name in ("a@x.example", "@x.example"):
        for scope in Scope:
            for cause in (None, Cause.COMPLAINT, Cause.MAILBOX_UNKNOWN):
                d = Decision(state=State.SUPPRESSED, scope=scope, cause=cause)
                for marketing in (False, True):
                    loss = lost(form, name, d, marketing=marketing)
                    assert loss is not Loss.UNTIL
                    if form in FORMATS and loss is None:
                        assert any(name in row for row in FORMATS[form].rows(name, d))
