"""The model that reads replies which no rule knows."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest

from bouncewise import classify
from bouncewise.bulk.columns import verdicts
from bouncewise.classifier.classify import NO_RULE
from bouncewise.classifier.combine import MODEL_RULE
from bouncewise.classifier.features import features
from bouncewise.classifier.model import FILE, shipped_model
from bouncewise.model import Advice, Cause

LAB = Path(__file__).parents[2] / "lab" / "replies"
ROWS = [
    (path.name, number, line)
    for path in sorted(LAB.glob("*.jsonl"))
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
]
REPLIES = [json.loads(line)["reply"] for _, _, line in ROWS]
UNKNOWN_TO_RULES = [
    "550 el buzon que busca no esta con nosotros",
    "554 that subscriber departed some while ago",
    "550 the wanted post box could not be reached here",
    "554 these letters look like bulk advertisement campaigns",
]


def test_labelled_replies_are_well_formed() -> None:
    assert len(ROWS) > 1500
    for name, number, line in ROWS:
        row = json.loads(line)
        assert list(row)[:6] == ["reply", "cause", "alternates", "clear", "source", "annotator"], (
            line
        )
        assert set(list(row)[6:]) <= {"stage", "group"}, line
        assert {row["cause"], *row["alternates"]} <= set(Cause), (name, number)
        assert row["reply"].strip() and row["source"].strip(), (name, number)
    assert len(set(REPLIES)) == len(REPLIES)


def test_the_shipped_file_is_small_and_complete() -> None:
    assert len(files("bouncewise.classifier").joinpath(FILE).read_bytes()) < 1 << 20
    model = shipped_model()
    assert model.replies > 5000
    assert len(model.bias) == len(model.causes)
    assert all(
        cause < len(model.causes) for pairs in model.weights.values() for cause in pairs[::2]
    )


def test_a_verdict_by_the_model_never_suppresses_and_quotes_the_reply() -> None:
    found = [verdict for reply in REPLIES if (verdict := classify(reply)).rule == MODEL_RULE]
    assert len(found) > 10
    for verdict in found:
        assert verdict.advice not in (Advice.SUPPRESS_ADDRESS, Advice.SUPPRESS_DOMAIN)
        assert verdict.confidence <= 0.85
        assert verdict.evidence in verdict.reply


@pytest.mark.parametrize("reply", UNKNOWN_TO_RULES)
def test_ids_addresses_and_ips_change_nothing(reply: str) -> None:
    varied = [f"{reply} {rest}" for rest in ("4Q1ABCDE9F", "4Q9ZZZXY1A", "8812345678901")]
    assert len({(v.cause, v.rule, v.confidence) for v in map(classify, varied)}) == 1
    varied = [f"{reply} <{rest}>" for rest in ("jo@b.example", "someone.else@other.example")]
    assert len({(v.cause, v.rule, v.confidence) for v in map(classify, varied)}) == 1


def test_the_column_path_reads_the_same() -> None:
    replies = [*REPLIES, *UNKNOWN_TO_RULES, *(f"{r} id 4Q1ABCDE9F" for r in UNKNOWN_TO_RULES)]
    frame = verdicts(pl.Series(replies))
    one_by_one = [classify(reply) for reply in replies]
    assert frame["rule"].to_list() == [v.rule for v in one_by_one]
    assert frame["cause"].to_list() == [v.cause.value for v in one_by_one]
    assert frame["confidence"].to_list() == pytest.approx([v.confidence for v in one_by_one])


@pytest.mark.parametrize(
    "reply",
    ["", "550", "550 5.0.0", "250 ok", "qwrtz zxcvb", "550 go somewhere else", "550 ... ---"],
)
def test_a_reply_without_known_words_is_not_guessed(reply: str) -> None:
    assert classify(reply).rule != MODEL_RULE


def test_a_code_that_suppresses_is_not_overruled() -> None:
    assert classify("550 5.1.1 xkcd qwrtz").cause is Cause.MAILBOX_UNKNOWN


def test_hostile_texts_are_cheap() -> None:
    assert len(features("a1b2 " * 10_000, 550, "5.1.1").every) < 20
    assert classify("lorem ipsum " * 100_000).rule in (NO_RULE, MODEL_RULE)
