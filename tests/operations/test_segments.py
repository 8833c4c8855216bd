"""Engagement: what counts as an act of a person, which segment follows, what segments cost."""

from __future__ import annotations

import csv
import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bouncewise.policy.load import load
from bouncewise.policy.segment import Known, Segment, segment_of
from support.cli import bouncewise

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NUMBERS = load().segment


class Desk:
    """Events of an ESP on their way into a ledger, and the verbs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.files = folder, 0
        self.events: list[dict[str, Any]] = []

    def event(self, days: float, address: str, event: str, **values: object) -> None:
        """An event of SendGrid, *days* before NOW."""
        at = (NOW - timedelta(days=days)).timestamp()
        row = {"email": address, "event": event, "timestamp": at, "sg_event_id": f"{at}{event}"}
        self.events.append({**row, "sg_message_id": f"m{at:.0f}", **values})

    def weekly(self, address: str, first: int, last: int = 0) -> None:
        """A mail each week, from *first* to *last* days before NOW."""
        for days in range(first, last, -7):
            self.event(days, address, "delivered", response="250 OK")

    def ingest(self) -> dict[str, Any]:
        self.files += 1
        path = self.folder / f"events{self.files}.json"
        path.write_text(json.dumps(self.events))
        self.events.clear()
        done = bouncewise(self.folder, "ingest", path, "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def run(self, verb: str, *args: object) -> subprocess.CompletedProcess[bytes]:
        return bouncewise(self.folder, verb, *args, "--at", NOW.isoformat())

    def list(self, *addresses: str) -> Path:
        path = self.folder / "list.csv"
        path.write_text("".join(f"{row}\n" for row in ("email", *addresses)))
        return path

    def segments(self, *addresses: str, options: tuple[object, ...] = ()) -> dict[str, str]:
        done = self.run("segment", self.list(*addresses), *options, "--json")
        assert done.returncode == 0, done.stderr
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        return {row["address"]: row["segment"] for row in rows if "address" in row}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_segments_follow_days_and_mails(desk: Desk) -> None:
    for name in ("active", "cooling", "lapsing", "dormant", "never"):
        desk.weekly(f"{name}@a.example", 700)
    desk.weekly("paused@a.example", 700, 390)
    desk.weekly("new@a.example", 8)
    acts = {"active": 30, "cooling": 150, "lapsing": 250, "dormant": 400, "paused": 400}
    for name, days in acts.items():
        desk.event(days, f"{name}@a.example", "click", url="https://a.example/1")
    desk.event(690, "somebody@a.example", "click", url="https://a.example/1")
    tally = desk.ingest()
    assert (tally["acts"], tally["reports"]) == (6, tally["deliveries"])
    names = ["active", "cooling", "lapsing", "dormant", "never", "new"]
    addresses = [f"{name}@a.example" for name in names]
    assert desk.segments(*addresses) == dict(zip(addresses, names, strict=True))
    assert desk.segments("paused@a.example") == {"paused@a.example": "cooling"}
    assert desk.segments("no address") == {"no address": None}


def test_only_machine_opens_are_no_act(desk: Desk) -> None:
    desk.weekly("iphone@a.example", 400)
    for days in range(400, 0, -7):
        desk.event(days - 0.1, "iphone@a.example", "open", sg_machine_open=True)
    desk.event(400, "other@a.example", "click")
    desk.event(1, "other@a.example", "click")
    desk.ingest()
    assert desk.segments("iphone@a.example") == {"iphone@a.example": "never"}


def test_links_clicked_at_once_after_the_delivery_are_a_gateways(desk: Desk) -> None:
    second = 1 / 86400
    for name in ("gateway", "person"):
        desk.weekly(f"{name}@a.example", 400)
        for link in range(5):
            desk.event(29 - second, f"{name}@a.example", "click", url=f"https://a.example/{link}")
        desk.event(29, f"{name}@a.example", "delivered", response="250 OK")
    desk.event(29 - 2 / 24, "person@a.example", "click", url="https://a.example/1")
    desk.event(400, "other@a.example", "click")
    desk.event(1, "other@a.example", "click")
    desk.ingest()
    assert desk.segments("gateway@a.example", "person@a.example") == {
        "gateway@a.example": "never",
        "person@a.example": "active",
    }


def test_who_is_suppressed_is_in_no_segment_of_acts_and_no_activity_is_silence(
    desk: Desk,
) -> None:
    desk.weekly("left@a.example", 400)
    desk.weekly("reader@a.example", 400)
    desk.event(20, "left@a.example", "unsubscribe")
    desk.event(20, "dead@a.example", "bounce", reason="550 5.1.1 user unknown", status="5.1.1")
    desk.ingest()
    by_hand = ("suppressions", "add", "--why", "x", "hand@a.example", "@closed.example")
    assert bouncewise(desk.folder, *by_hand).returncode == 0
    names = ("left", "reader", "dead", "new", "hand")
    addresses = [*(f"{name}@a.example" for name in names), "any@closed.example"]
    done = bouncewise(desk.folder, "segment", desk.list(*addresses), "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()[: len(addresses)]]
    found = [row["segment"] for row in rows]
    assert found == ["suppressed", "silent", "suppressed", "new", "suppressed", "suppressed"]
    before = (NOW - timedelta(days=30)).isoformat()
    done = bouncewise(desk.folder, "segment", desk.list("dead@a.example"), "--json", "--at", before)
    assert json.loads(done.stdout.splitlines()[0])["segment"] == "new"
    done = desk.run("segment", desk.list("reader@a.example"), "--dry-run")
    assert b"the ledger knows no opens or clicks" in done.stderr


@pytest.mark.sqlite
def test_the_same_events_twice_change_nothing(desk: Desk) -> None:
    for _ in range(2):
        desk.event(400, "a@a.example", "click", url="https://a.example/1")
        desk.event(3, "a@a.example", "open")
        desk.event(2, "a@a.example", "click", url="https://a.example/1")
        assert desk.ingest()["acts"] == 3
    import sqlite3

    db = sqlite3.connect(desk.folder / "data" / "bouncewise" / "ledger.sqlite")
    rows = db.execute("SELECT kind, count FROM engagement ORDER BY day, kind").fetchall()
    assert rows == [("click", 1), ("open", 1), ("click", 1)]


def test_an_activity_file_in_any_dialect(desk: Desk) -> None:
    desk.weekly("reader@a.example", 400)
    desk.weekly("sleeper@a.example", 400)
    desk.ingest()
    path = desk.folder / "activity.csv"
    path.write_text(
        "Recipient;Action;At\n"
        "reader@a.example;Opened Email;2026-11-01 10:00:00\n"
        "sleeper@a.example;Opened Email;2025-10-01 10:00:00\n"
        "sleeper@a.example;Received Email;2026-11-01T10:00:00Z\n"
        "sleeper@a.example;Frobnicated;2026-11-01T10:00:00Z\n"
        "sleeper@a.example;click;soon\n"
    )
    addresses = ("reader@a.example", "sleeper@a.example")
    options = ("--activity", path)
    dry = desk.run("segment", desk.list(*addresses), *options, "--dry-run")
    assert b"2 open" in dry.stderr
    assert b"2 rows were not understood: 1 event 'frobnicated', 1 a time" in dry.stderr
    assert set(desk.segments(*addresses).values()) == {"silent"}
    found = desk.segments(*addresses, options=options)
    assert found == {"reader@a.example": "active", "sleeper@a.example": "dormant"}
    assert desk.segments(*addresses) == found
    renamed = path.read_text().replace("Action", "What").replace("Recipient", "Who")
    path.write_text(renamed)
    assert desk.run("segment", desk.list(*addresses), *options).returncode == 2
    mapped = ("--activity", path, "--map", "email=Who, event=What")
    assert desk.segments(*addresses, options=mapped) == found
    for wrong in ("where=x", "event", "event=Nothing"):
        assert desk.run("segment", desk.list(*addresses), *options, "--map", wrong).returncode == 2


def test_rows_are_kept_and_dropped_by_segment(desk: Desk) -> None:
    desk.weekly("reader@a.example", 400)
    desk.weekly("sleeper@a.example", 400)
    desk.event(395, "sleeper@a.example", "click")
    desk.event(2, "reader@a.example", "click")
    desk.ingest()
    path = desk.folder / "list.csv"
    path.write_bytes(
        b'\xef\xbb\xbfname;email\r\n"Jo; R";reader@a.example\r\nJ;sleeper@a.example\r\n'
    )
    segmented, cleaned = desk.folder / "segmented.csv", desk.folder / "cleaned.csv"
    assert desk.run("segment", path, "-o", segmented).returncode == 0
    with segmented.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter=";"))
    assert [row["bouncewise_segment"] for row in rows] == ["active", "dormant"]
    assert rows[1]["bouncewise_last_act"] == "2025-10-21"
    assert int(rows[1]["bouncewise_mails_since"]) == 57
    done = desk.run("clean", segmented, "--drop", "dormant,never", "-o", cleaned, "--json")
    assert json.loads(done.stdout)["segments"] == 1
    assert b"sleeper" not in cleaned.read_bytes()
    assert desk.run("clean", path, "--drop", "dormant", "-o", cleaned).returncode == 2
    assert desk.run("clean", segmented, "--drop", "dorment", "-o", cleaned).returncode == 2
    assert desk.run("segment", path, "--split", desk.folder / "out").returncode == 0
    assert (desk.folder / "out" / "active.csv").read_bytes() == (
        b'\xef\xbb\xbfname;email\r\n"Jo; R";reader@a.example\r\n'
    )
    assert desk.run("check", "sleeper@a.example").returncode == 0


def test_what_segments_cost(desk: Desk) -> None:
    """By the segments of 90 days ago: a complaint is an act, and would make its author active."""
    for number in range(10):
        desk.weekly(f"never{number}@a.example", 500)
        desk.weekly(f"reader{number}@a.example", 500)
        for days in (480, 200, 100, 40):
            desk.event(days, f"reader{number}@a.example", "click")
    desk.event(10, "never1@a.example", "spamreport")
    desk.event(10, "never2@a.example", "bounce", type="bounce", reason="550 5.1.1 User unknown")
    desk.ingest()
    addresses = [f"{who}{n}@a.example" for who in ("never", "reader") for n in range(10)]
    done = desk.run("segment", desk.list(*addresses), "--dry-run", "--json")
    rows = {row.get("segment"): row for row in map(json.loads, done.stdout.splitlines())}
    assert (rows["never"]["bounces"], rows["never"]["complaints"]) == (1, 1)
    assert (rows["active"]["bounces"], rows["active"]["complaints"]) == (0, 0)
    assert rows["never"]["mails"] == rows["active"]["mails"] + 1
    assert rows["never"]["rows"] == 9  # (who complained has acted)
    assert rows[None]["acts_until"] == "2026-10-11T00:00:00Z"


def test_the_cadence_scales_the_days(desk: Desk) -> None:
    for days in range(200, 0, -1):
        desk.event(days, "daily@a.example", "delivered", response="250 OK")
    desk.event(120, "daily@a.example", "click")
    desk.ingest()
    assert desk.segments("daily@a.example") == {"daily@a.example": "cooling"}
    auto = ("--cadence", "auto")
    assert desk.segments("daily@a.example", options=auto) == {"daily@a.example": "dormant"}
    assert desk.segments("daily@a.example", options=("--cadence", "30")) == {
        "daily@a.example": "active"
    }
    assert desk.run("segment", desk.list("x@a.example"), *auto).returncode == 2
    assert desk.run("segment", desk.list("x@a.example"), "--cadence", "0").returncode == 2


def test_nobody_is_inactive_by_days_or_mails_alone() -> None:
    for act in range(0, 2000, 50):
        assert segment_of(Known(2000, 300, 300, 2000, act, 0), NUMBERS) in (
            Segment.ACTIVE,
            Segment.COOLING,
        )
    for mails in range(5, 2000, 50):
        assert segment_of(Known(60, mails, mails, 60, 50, mails), NUMBERS) is Segment.ACTIVE
        assert segment_of(Known(60, mails, mails, 60), NUMBERS) is Segment.SILENT
