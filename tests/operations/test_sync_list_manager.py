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
from support.esps import KEY, Answer, Listmonk, Mautic, served

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
Manager = Listmonk | Mautic


@pytest.fixture(params=[Listmonk, Mautic], ids=["listmonk", "mautic"])
def fake(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Manager]:
    monkeypatch.setattr(list_client, "Clock", lambda: Clock(sleep=lambda _: None))
    for name, options in SUPPRESSED.items():
        args = ("suppressions", "add", name, "--why", "test", *options, "--db", "l")
        assert bouncewise(tmp_path, *args).returncode == 0
    fake: Manager = request.param()
    for number, email in enumerate(SUBSCRIBERS, 1):
        fake.subscribe(number, email, blocked=email.startswith("blocked"))
    esp = request.param.__name__.lower()
    with served(fake) as url:
        (tmp_path / "bouncewise.toml").write_text(
            f'[[sync]]\nname = "news"\nesp = "{esp}"\nuser = "Bouncewise"\nurl = "{url}"\n'
        )
        yield fake


def sync(folder: Path, *args: str) -> tuple[int, list[dict[str, Any]], str]:
    environment = {manager.token: KEY for manager in (Listmonk, Mautic)}
    done = bouncewise(folder, "sync", "news", "--json", "--db", "l", *args, **environment)
    assert KEY.encode() not in done.stdout + done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, rows, done.stderr.decode()


def test_dead_subscribers_are_blocked_and_nobody_is_added(fake: Manager, tmp_path: Path) -> None:
    code, rows, _ = sync(tmp_path)
    ours = {r["address"]: r["because"] for r in rows[:-1] if r["side"] == "ours"}
    missing = dict.fromkeys(
        ("dead@x.example", "spam@x.example", "jo@gone.example"), "missing-there"
    )
    assert ours == missing | {"soon@x.example": "ends"}
    assert code == 1
    assert sync(tmp_path, "--push")[0] == 0
    assert fake.blocked() == {*missing, "blocked@x.example"}
    assert fake.has(fake.name) == set(SUBSCRIBERS)
    assert all(row["lists"] for row in fake.rows(fake.name))


def test_who_is_blocked_there_gets_no_marketing_mail_here(fake: Manager, tmp_path: Path) -> None:
    sync(tmp_path, "--pull")
    done = bouncewise(tmp_path, "check", "blocked@x.example", "--db", "l")
    assert done.returncode == 1
    done = bouncewise(tmp_path, "check", "blocked@x.example", "--transactional", "--db", "l")
    assert done.returncode == 0


def test_a_subscriber_who_was_released_is_enabled_again_and_blocked_by_restore(
    fake: Manager, tmp_path: Path
) -> None:
    sync(tmp_path, "--pull")
    args = ("suppressions", "remove", "blocked@x.example", "--why", "asked", "--db", "l")
    assert bouncewise(tmp_path, *args).returncode == 0
    sync(tmp_path, "--plan-removal", "plan")
    assert fake.blocked() == {"blocked@x.example"}
    assert sync(tmp_path, "--remove", "plan")[0] == 0
    assert fake.blocked() == set()
    assert sync(tmp_path, "--restore", "plan")[0] == 0
    assert fake.blocked() == {"blocked@x.example"}


def test_faults_end_in_agreement(fake: Manager, tmp_path: Path) -> None:
    fake.reads = [Answer(502), None, "drop"]
    fake.changes = ["half", "late", Answer(429, {}, (("Retry-After", "1"),))]
    assert sync(tmp_path, "--push")[0] == 0
    _, rows, _ = sync(tmp_path)
    assert {r["because"] for r in rows[:-1] if r["side"] == "ours"} == {"ends"}


def test_a_contact_that_is_gone_meanwhile_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake: Manager
) -> None:
    if isinstance(fake, Listmonk):  # it takes many ids at once, and passes over those
        return
    fake.changes = [Answer(404, {"errors": []})]
    code, rows, err = sync(tmp_path, "--push")
    assert code == 1
    assert len(rows[-1]["refused"]) == 1
    assert len(fake.blocked()) == 3
    assert "refused" in err


@pytest.mark.parametrize("key", ["user", "url"])
def test_settings_that_are_missing_are_named(tmp_path: Path, key: str) -> None:
    rest = {"user": 'url = "http://localhost:9000"', "url": 'user = "x"'}[key]
    (tmp_path / "bouncewise.toml").write_text(f'[[sync]]\nname="news"\nesp="listmonk"\n{rest}\n')
    code, _, err = sync(tmp_path)
    assert code == 2
    assert f"{key}: missing" in err
