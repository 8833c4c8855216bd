"""The status of a ledger: counts, changes, sources, what needs somebody, and the labels of ESPs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.cli import bouncewise
from support.postfix import UNKNOWN, log_lines

NOW = "2026-11-24T12:00:00Z"


def ses(name: str, kind: str, reply: str) -> dict[str, Any]:
    return {
        "notificationType": "Bounce",
        "bounce": {
            "bounceType": kind,
            "bounceSubType": "General",
            "bouncedRecipients": [
                {"emailAddress": name, "action": "failed", "diagnosticCode": f"smtp; {reply}"}
            ],
            "timestamp": "2026-11-24T10:00:00.000Z",
            "feedbackId": name,
        },
        "mail": {
            "timestamp": "2026-11-24T10:00:00.000Z",
            "source": "news@s.example",
            "messageId": name,
            "destination": [name],
        },
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = log_lines("2026-11-10T10:00:00+00:00", "old@gone.example", UNKNOWN, queue=1)
    lines += log_lines("2026-11-24T09:00:00+00:00", "new@gone.example", UNKNOWN, queue=2)
    (tmp_path / "mail.log").write_text(lines)
    denied = "550 5.4.1 Recipient address rejected: Access denied. [x.protection.outlook.com]"
    blocked = "550 5.7.1 Client host [192.0.2.7] blocked using zen.spamhaus.org"
    events = [ses(f"left{n}@c{n}.example", "Transient", denied) for n in range(3)]
    events += [ses("good@d.example", "Permanent", blocked)]
    events += [ses("gone@e.example", "Permanent", UNKNOWN)]
    (tmp_path / "ses.jsonl").write_text("\n".join(map(json.dumps, events)))
    done = bouncewise(tmp_path, "ingest", "mail.log", "ses.jsonl", "--db", "l")
    assert done.returncode == 0, done.stderr
    out = done.stdout.decode()
    assert "+3  suppressed  access-denied" in out
    assert "+3  suppressed  mailbox-unknown" in out
    return tmp_path


def objects(folder: Path, *options: str) -> list[dict[str, Any]]:
    done = bouncewise(folder, "status", "--db", "l", "--at", NOW, "--json", *options)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_changed_is_counted_by_day_and_week(folder: Path) -> None:
    found = [o for o in objects(folder) if "days" in o]
    assert found == [
        {"days": 1, "state": "suppressed", "cause": "access-denied", "count": 3},
        {"days": 1, "state": "suppressed", "cause": "mailbox-unknown", "count": 2},
        {"days": 7, "state": "suppressed", "cause": "access-denied", "count": 3},
        {"days": 7, "state": "suppressed", "cause": "mailbox-unknown", "count": 2},
    ]
    longer = [o for o in objects(folder, "--since", "2026-11-01") if o.get("days", 0) > 1]
    assert {"days": 24, "state": "suppressed", "cause": "mailbox-unknown", "count": 3} in longer


def test_each_source_has_its_last_hour(folder: Path) -> None:
    sources = {o["source"]: o["last"] for o in objects(folder) if "source" in o}
    assert sources == {"postfix": "2026-11-24T09:00:00Z", "ses": "2026-11-24T10:00:00Z"}
    text = bouncewise(folder, "status", "--db", "l", "--at", "2026-12-01").stdout.decode()
    assert "source ses: last entry 2026-11-24 10:00 UTC, 6 days ago" in text


def test_labels_that_contradict_the_replies_come_first(folder: Path) -> None:
    rows = objects(folder, "--labels")
    assert [
        (r["esp"], r["permanence"], r["cause"], r["contradicts"], r["addresses"]) for r in rows
    ] == [
        ("ses", "transient", "access-denied", True, 3),
        ("ses", "permanent", "blocklisted", True, 1),
        ("ses", "permanent", "mailbox-unknown", False, 1),
    ]
    text = bouncewise(folder, "status", "--db", "l", "--at", NOW, "--labels").stdout.decode()
    assert "ses calls 3 dead addresses bounce:transient:general (access-denied)" in text
    assert "ses calls 1 valid addresses bounce:permanent:general (blocklisted)" in text


def test_a_ledger_without_anything_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    assert bouncewise(tmp_path, "ingest", "empty", "--db", "l").returncode == 0
    text = bouncewise(tmp_path, "status", "--db", "l").stdout.decode()
    assert "last 7 days: no change" in text
    assert "no open incident" in text
    labels = bouncewise(tmp_path, "status", "--db", "l", "--labels").stdout.decode()
    assert "no failures with a provider's label" in labels
