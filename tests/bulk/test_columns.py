"""The column path gives the verdicts of the single path, row by row, whatever the rows are."""

from __future__ import annotations

import random
import uuid
from types import SimpleNamespace
from typing import Any

import pytest

pl = pytest.importorskip("polars")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from bouncewise.bulk.columns import ColumnClassifier, verdicts  # noqa: E402
from bouncewise.classifier.classify import Classifier, default_classifier  # noqa: E402
from bouncewise.rules.load import Example, load  # noqa: E402
from bouncewise.text.forms import forms  # noqa: E402

EXAMPLES = [
    e.reply if isinstance(e, Example) else e
    for r in default_classifier().ruleset.rules
    for e in r.example
]
FRAMES = [example for frame in forms().frame for example in frame.example]
CLASSIFIER = ColumnClassifier()
SHAPES = (
    "mta4192.mail.sg3.yahoo.com",
    "x18si123yba.227",
    "d9443c01a7336-20b6c1a2bsi45a.550",
    "AM0PR08MB1234.eurprd08.prod.protection.outlook.com",
    "2024-05-01T10:11:12.550Z",
    "2024-05-01T10:11:12Z",
    "550e8400-e29b-41d4-a716-446655440000",
    "feedfeed-feed-feed-feed-feedfeedfeed",
    "12345678-1234-1234-1234-123456789012",
    "2a01:111:f200:2004::240",
    "2001:db8:0:0:0:0:0:550",
    "2001:db8::550",
    "1300",
    "20480000",
    "1000722",
    "4810",
    "smtp550",
    "error421",
    "rcpt5",
    "connect1",
    "ofr004_7",
    "ofr00455",
    "lpn0x",
    "cs01",
    "spam4u",
    "postgres3",
    "mail2.5.1.1",
    "a5.5.7.1",
    "5.1.1234",
    "5501",
    "08DC6A5B3C2D1E0F",
    "98765abc",
    "a1b2in reply to end of data",
    "h6197in reply to RCPT",
    "676478error from remote mail server after end of data:\n    ",
    "581deccd-6681-2c46-61a8-c724a9484b50",
)


def row(reply: str, receiver: str | None = None, stage: str | None = None) -> tuple[Any, ...]:
    v = default_classifier().classify(reply, receiver=receiver, stage=stage)
    return (
        v.reply_code,
        v.status,
        v.stage and v.stage.value,
        v.receiver,
        v.cause.value,
        v.party.value,
        v.permanence.value,
        v.advice.value,
        pytest.approx(v.confidence, abs=1e-6),
        v.rule,
        [c.value for c in v.alternates],
    )


def same(replies: list[str]) -> None:
    found = CLASSIFIER.verdict_columns(pl.DataFrame({"reply": replies})).rows()
    for reply, got in zip(replies, found, strict=True):
        assert got == row(reply), (reply, CLASSIFIER.extractor.extract(pl.Series([reply])))


def test_examples_with_everything_that_varies() -> None:
    draw = random.Random(7)
    ids = [
        "F180CB7A1",
        "a1si12345wrb.123",
        "DB5EUR03FT003",
        "3XyZ12abC",
        "1795428001",
        "201806281",
        "5A1",
        "1and1",
        "s2017062302x9",
        "ib605c2d",
        "lpn0a1",
        *SHAPES,
    ]
    lines = []
    for text in EXAMPLES:
        a, b = draw.choice(ids), draw.choice(ids)
        lines += [
            (
                f"host mx[{draw.randrange(256)}.5.4.1] said: {text} <u{a}@{b}.example> {b} (in "
                f"reply to RCPT TO command)"
            ),
            f"{text} {a}-{b}",
            f"{a}: {text}'s {b}",
            f"é{a} {text} {b}é",
            text.replace(" ", f" {a} ", 3),
            draw.choice(FRAMES).replace("{reply}", f"{text} {a}").replace("mx", a),
            draw.choice(FRAMES)
            .replace("{reply}", draw.choice(FRAMES).replace("{reply}", text))
            .replace(" ", f" {b} ", 2),
        ]
    same(lines)


WORDS = st.sampled_from(
    [
        "user",
        "unknown",
        "mailbox",
        "full",
        "blocked",
        "using",
        "550",
        "5.1.1",
        "5.4.1",
        "550-5.7.1",
        "said:",
        "smtp;",
        "127.0.0.2",
        "192.0.2.1",
        "<a@b.example>",
        "a@b:550",
        "...",
        "error",
        "421",
        "A1B2C",
        "5A1",
        "250A1",
        "s3140",
        "ib105",
        "lpn0x1",
        "ofr0045x",
        "201806281",
        "2018062819",
        "it's",
        "user's5a1",
        "b'105",
        "[5.7.606]",
        "5.7.606",
        "x5.1.1",
        "5.1.1a2",
        "550User",
        "(550)",
        "connect",
        "to",
        "host",
        "remote host said:",
        "reply:",
        "returned '",
        "(in reply to",
        "giving up on",
        "]: ",
        "[",
        "'",
        "MB",
        "of",
        "-> 550",
        "550, b'",
        ": 451",
        "mx:25:",
        "é",
        "用户不存在",
        "qz",
        "smtp code: ",
        "-",
        ".",
        *SHAPES,
        "@",
        "@@",
        "a@b@c",
        ",",
        ";",
        "\t",
        "\n",
    ]
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.lists(WORDS, max_size=14).map(" ".join),
            st.lists(WORDS, max_size=9).map("".join),
            st.text(max_size=60),
        ),
        min_size=1,
        max_size=25,
    )
)
def test_anything(replies: list[str]) -> None:
    same(replies)


def test_long_empty_and_missing() -> None:
    same(
        [
            "",
            "x" * 5000,
            "550 user unknown " * 200,
            "@" * 3000,
            "a1b2c3" * 900,
            "550 " + "a@b " * 600,
        ]
    )
    frame = CLASSIFIER.with_verdict(pl.DataFrame({"reply": [None, "550 5.1.1 User unknown"]}))
    assert frame["cause"].to_list() == ["unknown", "mailbox-unknown"]


def test_receiver_and_stage_columns() -> None:
    replies = ["550 5.7.27 no", "550 5.7.27 no", "550 no", "550 no"]
    frame = pl.DataFrame(
        {
            "text": replies,
            "mx": ["google", None, "google", None],
            "at": [None, "rcpt", "rcpt", None],
        }
    )
    found = CLASSIFIER.verdict_columns(frame, "text", receiver="mx", stage="at").rows()
    assert found == [row(r, m, s) for r, m, s in frame.rows()]


def test_alike_replies_share_a_template() -> None:
    lines = [
        f"550 5.1.1 <u{i}@d{i}.example>: User unknown in table [10.0.{i % 256}.7] {i:x}A{i}B7 id"
        for i in range(500)
    ]
    assert CLASSIFIER.extractor.extract(pl.Series(lines)).templates.n_unique() <= 20
    assert verdicts(pl.Series(lines))["cause"].unique().to_list() == ["mailbox-unknown"]


def test_replies_of_many_hosts_share_coarse_templates() -> None:
    """Host names, times, UUIDs, sizes and session ids of one receiver are one new template."""
    draw = random.Random(3)
    lines = [
        f"host mta{draw.randrange(9999)}.mail.sg{draw.randrange(9)}.yahoo.com[2001:db8::{i:x}] "
        "said: "
        f"550 5.1.1 <u@b.example>: User unknown in table {draw.randrange(1000, 10**9)} x18si123yba."
        f"{draw.randrange(100, 400)} {uuid.UUID(int=draw.getrandbits(128))} "
        f"2024-05-01T10:{draw.randrange(60):02}:{draw.randrange(60):02}.{i:03}Z"
        for i in range(500)
    ]
    columns = ColumnClassifier()
    classify, classified = columns.classifier.classify, []

    def remember(text: str, **more: Any) -> Any:
        classified.append(text)
        return classify(text, **more)

    columns.classifier = SimpleNamespace(classify=remember)  # type: ignore[assignment]
    columns.verdict_columns(pl.DataFrame({"reply": lines}))
    assert columns.extractor.extract(pl.Series(lines)).templates.n_unique() > 300
    assert len(classified) < 60
    same(lines)


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """More templates than are remembered: the rest is forgotten, and the verdicts stay right."""
    monkeypatch.setattr("bouncewise.bulk.columns.MAX_TEMPLATES", 50)
    columns = ColumnClassifier()
    lines = [f"550 5.1.1 User unknown é{i} mx{i}.example" for i in range(300)]
    for _ in range(2):
        found = columns.verdict_columns(pl.DataFrame({"reply": lines}))
        assert found["cause"].unique().to_list() == ["mailbox-unknown"]
        assert len(columns._without_context) <= 50


def test_what_no_rule_decides_is_classified_by_its_fine_template() -> None:
    lines = [
        f"550 {a}12 {b} frobnicate {c}4{a}" for a in ("quota", "user") for b in "xy" for c in "pq"
    ]
    same(lines * 2)


def test_site_rules_that_speak_of_ids(tmp_path: Any) -> None:
    file = tmp_path / "site.toml"
    file.write_text(
        'title = "ours"\n[[rule]]\nid = "ours.code"\ncause = "policy"\nwhen.phrase = '
        '["a1b2c3", "zz9*", "*q7x"]\nsource = "us"\nwhy = "us"\nexample = ["550 A1B2C3"]\n'
    )
    classifier = Classifier(load((file,)))
    replies = [
        "550 A1B2C3 x",
        "550 A1B2C4 x",
        "550 zz9a1 x",
        "550 1a2q7x x",
        "550 user unknown a1b2c3",
    ]
    found = (
        ColumnClassifier(classifier)
        .verdict_columns(pl.DataFrame({"reply": replies}))["rule"]
        .to_list()
    )
    assert found == [classifier.classify(r).rule for r in replies]
    assert found[0] == found[2] == found[3] == "ours.code"
