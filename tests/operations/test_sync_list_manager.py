"""A list manager holds the addresses themselves: only its subscribers are suppressed there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bouncewise.net.retry import Clock
from bouncewise.providers import list_client
from support.cli import bouncewise
from support.esps import KEY, Answer, Listmonk, served

SUPPRESSED = {
    "dead@x.example": ["--cause", "mailbox-unknown"],
    "spam@x.example": ["--cause", "complaint", "--scope", "marketing"],
    "@gone.example": ["--cause", "domain-unknown"],
    "nobody@x.example": [],
    "soon@x.example": ["--until", "2099-01-01"],
}
SUBSCRIBERS = (
    "dead@x.example",
    "good@x.example",
    "spam@x.example",
    "jo@gone.example",
    "soon@x.example",
    "blocked@x.example",
)
AT = "2026-02-10T23:07:16.199433+01:00"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listmonk]:
    monkeypatch.setattr(list_client, "Clock", lambda: Clock(sleep=lambda _: None))
    for name, options in SUPPRESSED.items():
        args = ("suppressions", "add", name, "--why", "test", *options, "--db", "l")
        assert bouncewise(tmp_path, *args).returncode == 0
    fake = Listmonk()
    for number, email in enumerate(SUBSCRIBERS, 1):
        row = {"id": number, "uuid": f"u{number}", "email": email, "status": "enabled"}
        fake.add("subscribers", {email: row | {"updated_at": AT, "lists": [{"id": 1}]}})
    fake.entries["subscribers"]["blocked@x.example"]["status"] = "blocklisted"
    with served(fake) as url:
        (tmp_path / "bouncewise.toml").write_text(
            f'[[sync]]\nname = "news"\nesp = "listmonk"\nuser = "Bouncewise"\nurl = "{url}"\n'
        )
        yield fake


def sync(folder: Path, *args: str) -> tuple[int, list[dict[str, Any]], str]:
    environment = {"LISTMONK_API_TOKEN": KEY}
    done = bouncewise(folder, "sync", "news", "--json", "--db", "l", *args, **environment)
    assert KEY.encode() not in done.stdout + done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, rows, done.stderr.decode()


def blocked(fake: Listmonk) -> set[str]:
    rows = fake.rows("subscribers")
    return {row["email"] for row in rows if row["status"] == "blocklisted"}


def test_dead_subscribers_are_blocked_and_nobody_is_added(fake: Listmonk, tmp_path: Path) -> None:
    code, rows, _ = sync(tmp_path)
    ours = {r["address"]: r["because"] for r in rows[:-1] if r["side"] == "ours"}
    missing = dict.fromkeys(
        ("dead@x.example", "spam@x.example", "jo@gone.example"), "missing-there"
    )
    assert ours == missing | {"soon@x.example": "ends"}
    assert code == 1
    assert sync(tmp_path, "--push")[0] == 0
    assert blocked(fake) == {*missing, "blocked@x.example"}
    assert fake.has("subscribers") == set(SUBSCRIBERS)
    assert all(row["lists"] for row in fake.rows("subscribers"))


def test_who_is_blocked_there_gets_no_marketing_mail_here(fake: Listmonk, tmp_path: Path) -> None:
    sync(tmp_path, "--pull")
    done = bouncewise(tmp_path, "check", "blocked@x.example", "--db", "l")
    assert done.returncode == 1
    done = bouncewise(tmp_path, "check", "blocked@x.example", "--transactional", "--db", "l")
    assert done.returncode == 0


def test_a_subscriber_who_was_released_is_enabled_again_and_blocked_by_restore(
    fake: Listmonk, tmp_path: Path
) -> None:
    sync(tmp_path, "--pull")
    args = ("suppressions", "remove", "blocked@x.example", "--why", "asked", "--db", "l")
    assert bouncewise(tmp_path, *args).returncode == 0
    sync(tmp_path, "--plan-removal", "plan")
    assert blocked(fake) == {"blocked@x.example"}
    assert sync(tmp_path, "--remove", "plan")[0] == 0
    assert blocked(fake) == set()
    assert sync(tmp_path, "--restore", "plan")[0] == 0
    assert blocked(fake) == {"blocked@x.example"}


def test_faults_end_in_agreement(fake: Listmonk, tmp_path: Path) -> None:
    fake.reads = [Answer(502), None, "drop"]
    fake.changes = ["half", "late", Answer(429, {}, (("Retry-After", "1"),))]
    assert sync(tmp_path, "--push")[0] == 0
    _, rows, _ = sync(tmp_path)
    assert {r["because"] for r in rows[:-1] if r["side"] == "ours"} == {"ends"}


@pytest.mark.parametrize("key", ["user", "url"])
def test_settings_that_are_missing_are_named(tmp_path: Path, key: str) -> None:
    rest = {"user": 'url = "http://localhost:9000"', "url": 'user = "x"'}[key]
    (tmp_path / "bouncewise.toml").write_text(f'[[sync]]\nname="news"\nesp="listmonk"\n{rest}\n')
    code, _, err = sync(tmp_path)
    assert code == 2
    assert f"{key}: missing" in err
