"""Messages of the verbs: misspelt arguments, questions that find nothing, and reasons."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.cli import bouncewise
from support.postfix import ACCEPTED, UNKNOWN, log_lines

JO = "jo@x.example"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["chekc"], "No such command 'chekc'. Did you mean 'check'?"),
        (["explain", "mailbox-ful"], "no such cause. Did you mean 'mailbox-full'?"),
        (["classify", "--receiver", "gogle"], "no such receiver. Did you mean 'google'?"),
        (["release", "--receiver", "gogle", "--why", "x"], "Did you mean 'google'?"),
        (["release", "--cause", "mailbox-ful", "--why", "x"], "Did you mean 'mailbox-full'?"),
        (["rules", "list", "--cause", "zzz"], "Known: mailbox-unknown, mailbox-disabled"),
        (["release", "--incident", "gogle", "--why", "x"], "Did you mean 'google'?"),
        (["missed", "--incident", "micosoft"], "Did you mean 'microsoft'?"),
        (["incidents", "show", "gogle"], "no such receiver. Did you mean 'google'?"),
        (["contact", "gogle"], "Did you mean 'google'?"),
        (["policy", "explain", "dead.hold_day"], "Did you mean 'dead.hold_days'?"),
        (["policy", "explain", "zzz"], "`bouncewise policy explain` lists them all"),
        (["gate", "--by", "recever"], "Did you mean 'receiver'? Known: source, stream"),
        (["classify", "550 5.1.1 User unknown"], "bouncewise explain '550 5.1.1 User unknown'"),
    ],
)
def test_a_misspelt_argument_is_an_error_with_the_nearest_name(
    arguments: list[str], words: str, tmp_path: Path
) -> None:
    done = bouncewise(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert words in done.stderr.decode()


def test_a_reply_of_one_word_is_not_taken_for_a_misspelt_cause(tmp_path: Path) -> None:
    assert bouncewise(tmp_path, "explain", "no-such-user").returncode == 0


def test_a_release_that_finds_nothing_says_where_to_look(tmp_path: Path) -> None:
    bouncewise(tmp_path, "suppressions", "add", JO, "--why", "phone", "--db", "l")
    done = bouncewise(tmp_path, "release", "--rule", "none", "--why", "x", "--db", "l")
    assert done.stdout.decode() == "0 released\n"
    assert "note: no suppression or hold" in done.stderr.decode()
    rule = ("--rule", "microsoft.directory-edge-blok")
    done = bouncewise(tmp_path, "release", *rule, "--why", "x", "--db", "l")
    assert "Did you mean 'microsoft.directory-edge-block" in done.stderr.decode()


@pytest.mark.parametrize("verb", ["read", "ingest"])
def test_exit_code_1_if_nothing_is_in_a_known_format(verb: str, tmp_path: Path) -> None:
    (tmp_path / "prose").write_text("Dear reader,\nthis is a letter.\n")
    (tmp_path / "empty").write_text("")
    (tmp_path / "replies").write_text("550 5.1.1 <jo@x.example>: User unknown\n")
    ledger = ("--db", "l") if verb == "ingest" else ()
    assert bouncewise(tmp_path, verb, "prose", "empty", *ledger).returncode == 1
    assert bouncewise(tmp_path, verb, "empty", *ledger).returncode == 0
    assert bouncewise(tmp_path, verb, "prose", "replies", *ledger).returncode == 0


def test_clean_counts_the_dropped_rows_by_state(tmp_path: Path) -> None:
    bouncewise(tmp_path, "suppressions", "add", JO, "--why", "phone", "--db", "l")
    (tmp_path / "list.csv").write_text(f"email\n{JO}\nok@x.example\nnone\n")
    done = bouncewise(tmp_path, "clean", "list.csv", "-o", "out.csv", "--db", "l")
    assert done.stderr.decode() == "kept 1, dropped 2 (1 suppressed, 1 invalid)\n"


def test_clean_and_check_answer_alike_about_a_stream(tmp_path: Path) -> None:
    bouncewise(
        tmp_path, "suppressions", "add", JO, "--why", "form", "--scope", "marketing", "--db", "l"
    )
    (tmp_path / "list.csv").write_text(f"email\n{JO}\n")
    for options in ([], ["--stream", "offers"], ["--transactional"]):
        checked = bouncewise(tmp_path, "check", JO, *options, "--db", "l")
        cleaned = bouncewise(tmp_path, "clean", "list.csv", *options, "--db", "l")
        assert (JO in cleaned.stdout.decode()) is (checked.returncode == 0)


BLOCKED = "550 5.7.1 Service unavailable, client host [192.0.2.1] blocked using zen.spamhaus.org"


@pytest.mark.parametrize(
    ("replies", "words"),
    [
        (
            [UNKNOWN, ACCEPTED],
            "Delivered on 2026-03-03 09:00 UTC, after the failure of 2026-03-02 09:00 UTC.",
        ),
        ([ACCEPTED, BLOCKED], "blocklisted, has the advice fix-sender."),
        ([ACCEPTED, UNKNOWN], "The address was held after the failure of 2026-03-03 09:00"),
        ([ACCEPTED], ""),
    ],
)
def test_explain_says_why_an_address_may_be_mailed_after_a_failure(
    replies: list[str], words: str, tmp_path: Path
) -> None:
    lines = (
        log_lines(f"2026-03-0{n}T09:00:00+00:00", JO, reply, queue=n)
        for n, reply in enumerate(replies, 2)
    )
    (tmp_path / "log").write_text("".join(lines))
    bouncewise(tmp_path, "ingest", "log", "--db", "l")
    page = " ".join(bouncewise(tmp_path, "explain", JO, "--db", "l").stdout.decode().split())
    assert "may be mailed" in page
    assert words in page
    assert ("Why it may be mailed" in page) is bool(words)
