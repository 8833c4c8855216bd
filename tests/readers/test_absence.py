"""What automatic replies state, and that it decides nothing."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bouncewise.model.absence import AbsenceState
from bouncewise.readers.messages.absence import MAX_CONTACTS, read_absence
from bouncewise.readers.messages.interpret import read
from bouncewise.readers.messages.phrases import PhraseSet, absence_words
from bouncewise.text.words import words
from support.cli import bouncewise
from support.postfix import log_lines

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
STATEMENTS = absence_words().statement
LANGUAGES = {"en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "ru", "ja"}

LEFT = b"""From: Jo <jo@b.example>
To: news@sender.example
Subject: Automatic reply: your offer
Date: Mon, 02 Mar 2026 09:10:00 +0000
Message-ID: <notice-1@b.example>
Auto-Submitted: auto-replied
Content-Type: text/plain; charset=utf-8

Jo no longer works here. Please contact Ann <ann@b.example> or
news@sender.example instead.

Kind regards
Example Ltd, info@b.example

> My last day was yesterday, write to eve@c.example
"""


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda s: f"{s.language}-{s.state}")
def test_examples_and_counter_examples(statement) -> None:
    for example in statement.example:
        found = read_absence("", example, AT, ())
        assert found is not None, example
        assert found.state is statement.state, example
    for counter in statement.counter:
        found = read_absence("", counter, AT, ())
        assert found is None or found.state is not statement.state, counter
    for phrase in statement.unless:  # a word that excludes no counter-example has no reason
        assert any(PhraseSet([phrase]).found_in(words(c)) for c in statement.counter), phrase


def test_every_language_has_every_state() -> None:
    assert {(s.language, s.state) for s in STATEMENTS} == {
        (language, state) for language in LANGUAGES for state in AbsenceState
    }


def test_a_name_of_a_month_has_one_meaning() -> None:
    names = [name for names in absence_words().months for name in names.split()]
    assert len(absence_words().months) == 12
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "text",
    [
        "I am away until 13 March.",
        "I am on vacation from March 3rd to March 13th, 2026.",
        "I am out of office 03/03/2026 - 03/13/2026",
        "I am away until Friday, 13 March 2026",
        "I am on leave until\n2026-03-13.",
        "Ich bin vom 3. bis 13. März nicht im Büro.",
        "Ich bin vom 3.3. - 12.3.2026 im Urlaub und ab dem 13.03. wieder erreichbar.",
        "Je suis absent du bureau jusqu'au 13/03/2026.",
        "Estaré fuera hasta el 13 de marzo de 2026.",
        "Sono in ferie fino al 13 marzo.",
        "Ik ben op vakantie t/m 13 maart.",
        "Estou de férias até 13/03.",
        "Jestem na urlopie do 13 marca 2026 r.",
        "Jag är på semester till och med den 13 mars.",
        "Я в отпуске до 13 марта.",
        "3月13日まで休暇をいただいております。",
    ],
)
def test_the_end_of_an_absence(text: str) -> None:
    found = read_absence("", text, AT, ())
    assert found is not None
    assert (found.state, found.until) == (AbsenceState.AWAY, date(2026, 3, 13))


@pytest.mark.parametrize(
    "text",
    [
        "I am away, back on 3/4/2026.",  # March or April
        "I am away until Monday.",
        "I am on leave. Our office moved on 13 March 2026.",
        "I am away until 1 February 2026.",  # past
        "I am away until 13 March 2126.",
        "I am away until 31 February.",
        "I am away until version 1.2.3.",
        "I am on leave; call 13-03 or 0049.13.03.2026.",
    ],
)
def test_what_is_no_certain_end(text: str) -> None:
    found = read_absence("", text, AT, ())
    assert found is not None
    assert found.until is None


def test_a_day_without_a_year_is_the_next_one() -> None:
    def until(text: str, at: datetime | None) -> date | None:
        found = read_absence("", text, at, ())
        return found and found.until

    december = datetime(2026, 12, 20, tzinfo=UTC)
    assert until("I am away until 4 January.", december) == date(2027, 1, 4)
    assert until("I am away until 4 January.", None) is None
    assert until("I am away until 4 January 2027.", None) == date(2027, 1, 4)


def test_the_most_final_statement_counts() -> None:
    text = "I am out of the office until 13 March 2026. Ann no longer works here."
    found = read_absence("", text, AT, ())
    assert found is not None
    assert (found.state, found.until) == (AbsenceState.LEFT, None)
    urlaub = "Ich bin im Urlaub. Ihre E-Mails werden nicht gelesen."
    assert read_absence("", urlaub, AT, ()).state is AbsenceState.AWAY


def test_the_subject_may_quote_ours() -> None:
    assert read_absence("Automatic reply: Ann has left the company", "Thanks", AT, ()) is None
    found = read_absence("Out of office: Ann has left the company", "Thanks", AT, ())
    assert found is not None
    assert found.state is AbsenceState.AWAY


def test_contacts_are_neither_ours_nor_of_the_signature_nor_quoted() -> None:
    (report,) = read(LEFT, "", 0)
    assert report.absence is not None
    assert report.absence.contacts == ("ann@b.example",)
    assert report.absence.words == "Jo no longer works here"
    many = "I have retired. Contact " + ", ".join(f"u{i}@b.example" for i in range(9))
    assert len(read_absence("", many, AT, ()).contacts) == MAX_CONTACTS
    japanese = "山田は退職いたしました。後任の佐藤（sato@b.example）までご連絡ください。"
    assert read_absence("", japanese, AT, ()).contacts == ("sato@b.example",)


def test_tickets_and_thanks_state_nothing() -> None:
    for text in ("We received your request and opened ticket 4711.", "", "Danke für Ihre Mail."):
        assert read_absence("Automatic reply", text, AT, ()) is None


@pytest.mark.parametrize(
    "piece",
    [
        "gone. ",
        "a@b.example contact ",
        "5. march to ",
        "1 ",
        "until ",
        "-",
        "日",
        "until 1.1. ",
        "\n> x",
    ],
)
def test_time_is_bounded(piece: str) -> None:
    start = time.perf_counter()
    read_absence(piece * 50, "I am away " + piece * 20_000, AT, ())
    assert time.perf_counter() - start < 1


def test_it_is_shown_and_decides_nothing(tmp_path: Path) -> None:
    (tmp_path / "left.eml").write_bytes(LEFT)

    def run(*args: object) -> str:
        done = bouncewise(tmp_path, *args)
        assert done.returncode in (0, 1), done.stderr
        return done.stdout.decode()

    row = json.loads(run("read", "--json", "left.eml"))
    assert row["absence"] == {
        "state": "left",
        "until": None,
        "contacts": ["ann@b.example"],
        "words": "Jo no longer works here",
    }
    assert "left; contact ann@b.example" in run("read", "left.eml")
    run("ingest", "left.eml")
    (event,) = map(json.loads, run("history", "--json", "jo@b.example").splitlines())
    assert (event["kind"], event["cause"], event["rule"]) == ("auto-reply", None, "absence.left")
    assert "ann@b.example" in event["words"]
    assert "“Jo no longer works here”" in " ".join(run("explain", "jo@b.example").split())
    assert json.loads(run("check", "--json", "jo@b.example"))["state"] == "ok"
    run("replay", "--apply")
    assert "absence.left" in run("history", "--json", "jo@b.example")


def test_diagnose_knows_the_statement(tmp_path: Path) -> None:
    (tmp_path / "left.eml").write_bytes(LEFT)
    refused = log_lines("2026-03-09T09:00:00+00:00", "jo@b.example", "550 5.7.1 Access denied")
    (tmp_path / "log").write_text(refused)
    assert bouncewise(tmp_path, "ingest", "left.eml", "log").returncode == 0
    done = bouncewise(tmp_path, "diagnose", "jo@b.example")
    assert b"an automatic reply of jo@b.example on 2026-03-02 states" in done.stdout, done.stderr
