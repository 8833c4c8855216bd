"""A list of contacts is no suppression list, whatever layout it is given: who may get mail is not
suppressed by it, and what it says of opt-outs is not lost.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.cli import bouncewise


def imported(folder: Path, data: str, *args: str) -> tuple[int, dict, str]:
    (folder / "in").write_text(data)
    done = bouncewise(folder, "suppressions", "import", "in", "--json", "--db", "l", *args)
    return done.returncode, json.loads(done.stdout or b"{}"), done.stderr.decode()


def rows(folder: Path) -> list[str]:
    done = bouncewise(folder, "suppressions", "list", "--json", "--db", "l")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return [
        f"{r['address'].partition('@')[0]} {r['scope']} {r['cause'] or ''}".rstrip() for r in found
    ]


SUBSCRIBED = (
    "Email Address,First Name,MEMBER_RATING,OPTIN_TIME,CONFIRM_TIME\n"
    "anna@example.com,Anna,4,2024-05-01 08:00:00,2024-05-01 08:00:00\n"
)
PLAIN = "anna@example.com\nben@example.com\n"
NEWSLETTER = "email,name\nanna@example.com,Anna\nben@example.com,Ben\n"
CONTACTS = {"mailchimp": SUBSCRIBED, "plain": PLAIN, "newsletter": NEWSLETTER}


@pytest.mark.parametrize("form", ["mailchimp", "klaviyo", "hubspot", "ses", "sendgrid", "postmark"])
@pytest.mark.parametrize("data", CONTACTS.values(), ids=CONTACTS)
def test_a_layout_is_used_only_where_its_columns_are(tmp_path: Path, form: str, data: str) -> None:
    code, _, err = imported(tmp_path, data, "--format", form)
    assert (code, err.count("\n")) == (2, 1)
    assert "--scope all" not in err
    assert rows(tmp_path) == []


def test_the_columns_that_a_named_layout_lacks_are_listed(tmp_path: Path) -> None:
    err = imported(tmp_path, SUBSCRIBED, "--format", "mailchimp")[2]
    assert "clean_time" in err
    assert "unsub_time" in err
    assert "no header" in imported(tmp_path, PLAIN, "--format", "klaviyo")[2]


def test_a_layout_of_several_is_used_where_all_columns_of_one_are_there(tmp_path: Path) -> None:
    data = "Email Address,Name,UNSUB_TIME\nanna@example.com,A,2025-11-12 10:00:00\n"
    assert imported(tmp_path, data, "--format", "mailchimp")[0] == 0
    assert rows(tmp_path) == ["anna marketing"]


@pytest.mark.parametrize("word", ["subscribed", "active", "SUBSCRIBED", "Never Subscribed"])
def test_who_is_subscribed_is_not_suppressed_by_a_named_layout(tmp_path: Path, word: str) -> None:
    lists = {
        "mailchimp": f"email_address,status,last_changed\nanna@example.com,{word},2026-03-02\n",
        "sendgrid": f"created,email,reason,status\n1772442900,anna@example.com,,{word}\n",
        "activecampaign": f"email,status,list\nanna@example.com,{word},1\n",
    }
    for form, data in lists.items():
        code, done, err = imported(tmp_path, data, "--format", form)
        assert (code, done["added"], done["skipped"]) == (0, 0, 1), err


def test_a_row_of_ses_without_a_reason_suppresses_nobody(tmp_path: Path) -> None:
    data = "anna@example.com,BOUNCE\nben@example.com\ncarl@example.com,Carl\n"
    code, done, _ = imported(tmp_path, data, "--format", "ses")
    assert (code, done["added"], done["bad"]) == (1, 1, 2)


def test_an_empty_answer_of_a_named_layout_changes_nothing(tmp_path: Path) -> None:
    assert imported(tmp_path, "[]", "--format", "ses")[1]["added"] == 0


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (NEWSLETTER, "name"),
        (SUBSCRIBED, "First Name"),
        ("email,Mailing state\nanna@example.com,Subscribed\nben@example.com,\n", "Mailing state"),
        ("email,Email Consent,id\nanna@example.com,yes,1\n", "Email Consent"),
    ],
)
def test_a_list_of_contacts_is_called_so_and_no_suppression_of_all_is_offered(
    tmp_path: Path, data: str, shown: str
) -> None:
    code, _, err = imported(tmp_path, data)
    assert (code, err.count("\n")) == (2, 1)
    assert "looks like a list of contacts" in err
    assert shown in err
    assert "--scope" not in err
    assert rows(tmp_path) == []
