"""The labelled replies of ``lab/replies``: every line can teach, and none contradicts another."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from bouncewise.model import Cause
from bouncewise.model.report import Stage
from bouncewise.text.mask import MAX_REPLY, mask

REPLIES = Path(__file__).parent.parent / "lab" / "replies"
FILES = sorted(REPLIES.glob("*.jsonl"))
CAUSES = {cause.value for cause in Cause}
STAGES = {stage.value for stage in Stage}
CODE = re.compile(r"^([0-9]{3})[ -]([0-9]+\.[0-9]+\.[0-9]+ )?")
STATUS = re.compile(r"^[245]\.[0-9]{1,3}\.[0-9]{1,3} $")


def rows(path: Path) -> list[dict[str, Any]]:
    """The lines of one file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def template(reply: str) -> str:
    """What two replies have in common that differ in addresses, letter case and blanks only."""
    return " ".join(mask(reply).casefold().split())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_line_has_known_causes_each_once_and_a_known_stage(path: Path) -> None:
    for row in rows(path):
        causes = [row["cause"], *row["alternates"]]
        assert set(causes) <= CAUSES, row
        assert len(set(causes)) == len(causes), row
        assert row.get("stage") in {None, *STAGES}, row
        assert isinstance(row["clear"], bool), row


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_reply_has_words_within_the_size_that_is_read(path: Path) -> None:
    for row in rows(path):
        assert row["reply"] == row["reply"].strip(), row
        assert len(row["reply"]) <= MAX_REPLY, row
        assert re.search(r"[^\W\d_]{2}", row["reply"]), row


def test_every_reply_of_a_program_is_masked_and_stands_once() -> None:
    path = REPLIES / "programs.jsonl"
    replies = [row["reply"] for row in rows(path)]
    assert replies == [template(reply) for reply in replies]
    assert len(set(replies)) == len(replies)
    others = {template(row["reply"]) for file in FILES if file != path for row in rows(file)}
    assert not others & set(replies)


def test_codes_of_programs_are_those_of_refusals() -> None:
    for row in rows(REPLIES / "programs.jsonl"):
        code = CODE.match(row["reply"])
        if code is None:
            continue
        assert code[1][0] in "45" or code[1] == "221", row  # Postfix ends a session with 221
        if code[2] is not None:
            assert STATUS.match(code[2]), row


def test_every_group_of_programs_has_one_spelling_and_every_source_one_group() -> None:
    groups: dict[str, set[str]] = defaultdict(set)
    for row in rows(REPLIES / "programs.jsonl"):
        assert re.fullmatch(r"[a-z0-9_-]+", row["group"]), row
        groups[row["source"]].add(row["group"])
    assert {source for source, names in groups.items() if len(names) > 1} == set()
