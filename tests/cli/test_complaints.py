"""``sender complaints``: the rate has a denominator of the ledger; without a loop it is unknown."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bouncewise.rules.receivers import receivers
from bouncewise.sender.loops import RateLevel, level_of, loops
from support.cli import bouncewise
from support.postfix import log_lines

NOW = datetime.now(UTC) - timedelta(days=3)
YAHOO = "mta7.am0.yahoodns.net"
CONFIGURATION = '[feedback.yahoo]\nsenders = ["feedback@arf.mail.yahoo.com"]\n'


def complaint(address: str) -> dict[str, Any]:
    return {
        "eventType": "Complaint",
        "complaint": {
            "complainedRecipients": [{"emailAddress": address}],
            "timestamp": f"{NOW + timedelta(hours=5):%Y-%m-%dT%H:%M:%S.000Z}",
            "feedbackId": address,
            "complaintFeedbackType": "abuse",
        },
        "mail": {"timestamp": f"{NOW:%Y-%m-%dT%H:%M:%S.000Z}", "messageId": address},
    }


def world(folder: Path, delivered: int, complained: int) -> None:
    lines = [
        log_lines(NOW + timedelta(seconds=n), f"u{n}@yahoo.com", queue=n, host=YAHOO)
        for n in range(delivered)
    ]
    (folder / "mail.log").write_text("".join(lines))
    events = [json.dumps(complaint(f"u{n}@yahoo.com")) for n in range(complained)]
    (folder / "events.json").write_text("\n".join(events) + "\n")
    names = ["mail.log"] if not complained else ["mail.log", "events.json"]
    done = bouncewise(folder, "ingest", *names)
    assert done.returncode == 0, done.stderr


def rows(folder: Path, code: int) -> list[dict[str, Any]]:
    done = bouncewise(folder, "sender", "complaints", "--json")
    assert done.returncode == code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line]


def test_four_complaints_of_a_thousand_are_over_the_limit(tmp_path: Path) -> None:
    world(tmp_path, 1000, 4)
    rate = next(row for row in rows(tmp_path, 1) if "rate" in row)
    assert (rate["receiver"], rate["delivered"], rate["complaints"]) == ("yahoo", 1000, 4)
    assert rate["rate"] == pytest.approx(0.004)
    assert rate["level"] == "over-limit"


def test_no_report_is_no_rate(tmp_path: Path) -> None:
    world(tmp_path, 1000, 0)
    rate, loop = rows(tmp_path, 0)
    assert rate["level"] == "unreported"
    assert (loop["feedback_loop"], loop["enrolled"], loop["arriving"]) == ("yahoo", False, False)
    text = bouncewise(tmp_path, "sender", "complaints").stdout.decode()
    assert "yahoo: feedback loop not enrolled" in text
    assert "Sender Hub" in text


def test_an_enrolled_loop_without_complaints_is_fine(tmp_path: Path) -> None:
    world(tmp_path, 1000, 0)
    (tmp_path / "bouncewise.toml").write_text(CONFIGURATION)
    rate, loop = rows(tmp_path, 0)
    assert rate["level"] == "fine"
    assert loop["enrolled"]


@pytest.mark.parametrize(
    ("complaints", "delivered", "level"),
    [
        (1, 999, RateLevel.FEW),
        (0, 1000, RateLevel.FINE),
        (1, 1000, RateLevel.OVER_AIM),
        (2, 1000, RateLevel.OVER_AIM),
        (3, 1000, RateLevel.OVER_LIMIT),
        (5, 0, RateLevel.FEW),
    ],
)
def test_levels(complaints: int, delivered: int, level: RateLevel) -> None:
    assert level_of(complaints, delivered, loops().limits, reported=True) is level


def test_each_loop_belongs_to_a_receiver_and_has_a_source() -> None:
    known = {receiver.id for receiver in receivers()}
    assert {loop.receiver for loop in loops().loop} <= known
    assert all(loop.source and loop.enrol for loop in loops().loop)
