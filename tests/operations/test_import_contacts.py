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
    err = imported(tmp_path, PLAIN, "--format", "klaviyo")[2]
    assert "no header" in err
    assert "suppressed for all mail" in err


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


# ── Klaviyo ────────────────────────────────────────────────────────────────────────────────────

KLAVIYO = (
    "Email,First Name,Email Marketing Consent,Email Suppressions,Source\n"
    "anna@example.com,A,SUBSCRIBED,[],web\n"
    'ben@example.com,B,SUBSCRIBED,"[""HARD_BOUNCE""]",web\n'
    "carl@example.com,C,SUBSCRIBED,['SPAM_COMPLAINT'],web\n"
    "dora@example.com,D,UNSUBSCRIBED,[],web\n"
    "emil@example.com,E,NEVER_SUBSCRIBED,[UNSUBSCRIBE],web\n"
    "fay@example.com,F,SUBSCRIBED,[USER_SUPPRESSED],web\n"
    'gus@example.com,G,SUBSCRIBED,"[""UNSUBSCRIBE"", ""INVALID_EMAIL""]",web\n'
    "hal@example.com,H,,,web\n"
)


@pytest.mark.parametrize("args", [(), ("--format", "klaviyo")])
def test_consent_and_suppressions_of_klaviyo_decide(tmp_path: Path, args: tuple[str, ...]) -> None:
    done = imported(tmp_path, KLAVIYO, *args)[1]
    assert rows(tmp_path) == [
        "ben all",
        "carl marketing complaint",
        "dora marketing",
        "emil marketing",
        "fay all",
        "gus all",
    ]
    assert done["skipped"] + done["bad"] == 2


@pytest.mark.parametrize("empty", ["[]", "[ ]", '[""]', "{}", "[null]"])
def test_an_empty_list_of_suppressions_suppresses_nobody(tmp_path: Path, empty: str) -> None:
    cell = empty.replace('"', '""')
    data = f'Email,Email Suppressions\nanna@example.com,"{cell}"\n'
    assert imported(tmp_path, data)[1]["skipped"] == 1
    assert rows(tmp_path) == []


def test_a_suppression_that_is_not_known_is_named_and_not_taken_as_none(tmp_path: Path) -> None:
    data = (
        "Email,Email Marketing Consent,Email Suppressions\nanna@example.com,SUBSCRIBED,[NEW_KIND]\n"
    )
    code, done, err = imported(tmp_path, data)
    assert (code, done["added"], done["bad"]) == (1, 0, 1)
    assert "NEW_KIND" in err


# ── bounces that do not speak against the address ──────────────────────────────────────────────


@pytest.mark.parametrize(
    "reply", ["552 5.2.2 mailbox full", "550 5.2.2 over quota", "552 mailbox full"]
)
def test_a_reply_that_is_to_be_retried_suppresses_nobody(tmp_path: Path, reply: str) -> None:
    data = f"email,status,reason\nanna@example.com,bounced,{reply}\n"
    code, done, err = imported(tmp_path, data)
    assert (code, done["added"], done["skipped"]) == (0, 0, 1), err
    assert done["rows"] == {"bounced mailbox-full skipped": 1}


def test_a_wish_stands_beside_a_bounce_that_is_not_imported(tmp_path: Path) -> None:
    data = (
        "email,bounced,unsubscribed,reason\nanna@example.com,true,true,552 5.2.2 mailbox full\n"
        "ben@example.com,true,true,550 5.1.1 user unknown\n"
    )
    imported(tmp_path, data)
    assert rows(tmp_path) == ["anna marketing", "ben all mailbox-unknown"]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("blocked by spam filter", "spam-content"),
        ("Bounce (content)", "spam-content"),
        ("Spam", "spam-content"),
        ("Content", "spam-content"),
        ("Mailbox full", "mailbox-full"),
        ("Bounce (mailbox_full)", "mailbox-full"),
        ("Greylisted", "greylisted"),
    ],
)
def test_a_reason_in_words_is_judged_as_a_reply_is(tmp_path: Path, text: str, cause: str) -> None:
    for header, status in (("email,status,reason", "bounced"), ("email,event,error", "bounce")):
        done = imported(tmp_path, f"{header}\nanna@example.com,{status},{text}\n")[1]
        assert done["rows"] == {f"bounced {cause} skipped": 1}
    assert rows(tmp_path) == []


@pytest.mark.parametrize("text", ["blocked by spam filter", "Bounce (content)", "Mailbox full"])
def test_a_reason_in_words_is_judged_where_no_status_says_bounced(
    tmp_path: Path, text: str
) -> None:
    done = imported(tmp_path, f"email,reason\nanna@example.com,{text}\n")[1]
    assert (done["added"], done["skipped"]) == (0, 1)


def test_a_reason_in_words_that_says_nothing_leaves_the_status_as_it_is(tmp_path: Path) -> None:
    data = (
        "email,status,reason\nanna@example.com,bounced,gone\nben@example.com,bounced,Hard bounce\n"
        "carl@example.com,manual,she asked us about spam\ndora@example.com,bounced,unknown user\n"
    )
    imported(tmp_path, data)
    assert rows(tmp_path) == ["anna all", "ben all", "carl all", "dora all mailbox-unknown"]


def test_a_wish_in_words_is_none_of_a_message(tmp_path: Path) -> None:
    data = "email,reason\nanna@example.com,complained about spam\n"
    assert imported(tmp_path, data)[1]["added"] == 1


# ── HubSpot ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("header", ["Email hard bounce reason", "Portal Bounce"])
def test_only_hard_reasons_of_hubspot_suppress(tmp_path: Path, header: str) -> None:
    soft = "Content,Policy,Spam,Mailbox full,Greylisted,Other,SPAM,MAILBOX_FULL".split(",")
    hard = ["Unknown user", "INVALID_ADDRESS", "UNKNOWN_USER"]
    lines = [f"u{i}@example.com,{text}," for i, text in enumerate(soft + hard)]
    data = "\n".join([f"Email,{header},Unsubscribed from all email", *lines, ""])
    code, done, err = imported(tmp_path, data)
    assert (code, done["added"], done["skipped"]) == (0, len(hard), len(soft)), err
    assert [r.partition(" ")[0] for r in rows(tmp_path)] == ["u10", "u8", "u9"]
    assert all(" all " in r for r in rows(tmp_path))


def test_a_wish_beside_a_soft_reason_of_hubspot_is_kept(tmp_path: Path) -> None:
    data = (
        "Email,Email hard bounce reason,Unsubscribed from all email\n"
        "anna@example.com,Spam,true\nben@example.com,Unknown user,true\n"
    )
    imported(tmp_path, data)
    assert rows(tmp_path) == ["anna marketing", "ben all mailbox-unknown"]


def test_a_flag_is_no_reason(tmp_path: Path) -> None:
    data = (
        "Email,Portal Bounce,Portal Unsubscribe,Portal Spam Report,Global Bounce\n"
        "anna@example.com,TRUE,FALSE,,FALSE\nben@example.com,false,true,,true\n"
    )
    imported(tmp_path, data)
    done = bouncewise(tmp_path, "suppressions", "list", "--json", "--db", "l")
    assert [json.loads(line)["why"] or "" for line in done.stdout.splitlines()] == ["", ""]


def test_what_says_no_or_never_is_no_bounce(tmp_path: Path) -> None:
    no = ("Nein", "non", "нет", "not bounced", "NaN", "[]", "off", "—", "0,00", "FAUX")
    never = ("1970-01-01", "0001-01-01T00:00:00", "1/1/1900", "0000-00-00 00:00:00")
    for column, values in (("bounced", no), ("bounced_at", never)):
        lines = [f'u{i}@example.com,"{value}"' for i, value in enumerate(values)]
        code, _, _ = imported(tmp_path, "\n".join([f"email,{column}", *lines, "b@example.com,yes"]))
        assert code == 0
        assert rows(tmp_path) == ["b all"], column


def test_opt_outs_of_types_of_mail_are_counted(tmp_path: Path) -> None:
    data = (
        "Email,Portal Bounce,Portal Unsubscribe,Portal Spam Report,Newsletter,Product news,Owner\n"
        "anna@example.com,,,,TRUE,FALSE,x\nben@example.com,,,,TRUE,TRUE,y\n"
        "carl@example.com,,TRUE,,TRUE,TRUE,z\ndora@example.com,,,,,FALSE,z\n"
    )
    code, done, err = imported(tmp_path, data)
    assert (code, done["added"]) == (0, 1)
    assert "2 rows" in err
    assert "Newsletter: 2" in err
    assert "Product news: 1" in err
    assert "Owner" not in err


def test_a_suppression_with_an_end_comes_back_with_its_temporary_cause(tmp_path: Path) -> None:
    data = (
        "email,cause,scope,since,until,why,rule,by\n"
        "anna@example.com,mailbox-full,all,2026-03-02,2099-01-01,552 5.2.2 mailbox full,x,y\n"
        "ben@example.com,mailbox-full,all,2026-03-02,,552 5.2.2 mailbox full,manual,y\n"
    )
    imported(tmp_path, data)
    assert rows(tmp_path) == ["anna all mailbox-full", "ben all mailbox-full"]
