"""Lists elsewhere are kept in step by the service: read by a clock, and between two runs list
managers get what is newly suppressed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from bouncewise.config.outgoing import Sync, SyncAct
from bouncewise.ledger import locate
from bouncewise.model import Event
from bouncewise.net.retry import Clock
from bouncewise.operations.acts import act_on
from bouncewise.operations.context import Context
from bouncewise.policy.acts import ADDED, REMOVED
from bouncewise.providers.list_client import ListClient
from bouncewise.providers.suppression_lists import account
from bouncewise.service import sync_schedule
from bouncewise.service.sync_schedule import Scheduled, SyncLook, last_runs
from support.esps import KEY, Answer, Listmonk, Mailgun, Mautic, served

Manager = Listmonk | Mautic
NAMES = ("o'dead@x.example", "good@x.example", "jo@gone.example", "blocked@x.example")


class Account:
    """A list manager and a ledger that are kept in step."""

    def __init__(self, folder: Path, fake: Manager, url: str) -> None:
        self.fake, self.lines = fake, list[str]()
        self.context = Context.open(folder / "ledger", create=True)
        esp = type(fake).__name__.lower()
        self.table = Sync(name="news", esp=esp, user="Bouncewise", url=url, every=3600)
        self.scheduled = Scheduled(self.table, self.opened, self.lines.append, self.client)

    def opened(self) -> Context:
        return self.context

    def client(self) -> ListClient:
        quick = Clock(sleep=lambda _: None)
        return ListClient(account("news", (self.table,)), quick)

    def suppress(self, *names: str, kind: str = ADDED) -> None:
        act = Event(at=datetime.now(UTC), kind=kind, words="test", by="jo")
        act_on(names, act, self.context.ledger, self.context.policy, dry_run=False)

    def run(self) -> None:
        self.scheduled.attempt(self.context, time.monotonic())

    def push(self) -> None:
        self.scheduled.push_changes(self.context, time.monotonic())

    def is_due(self) -> bool:
        return self.scheduled._due <= time.monotonic()


@pytest.fixture(params=[Listmonk, Mautic], ids=["listmonk", "mautic"])
def kept(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Account]:
    fake: Manager = request.param()
    monkeypatch.setenv(fake.token, KEY)
    for number, email in enumerate(NAMES, 1):
        fake.subscribe(number, email, blocked=email.startswith("blocked"))
    with served(fake) as url:
        made = Account(tmp_path, fake, url)
        with made.context:
            yield made


def test_a_run_pulls_and_pushes_and_is_noted(kept: Account) -> None:
    kept.suppress("o'dead@x.example")
    kept.run()
    assert kept.fake.blocked() == {"blocked@x.example", "o'dead@x.example"}
    last = last_runs(kept.context.ledger, (kept.table,))["news"]
    assert (last.imported, last.pushed, last.refused, last.fault, last.faults) == (1, 1, 0, "", 0)
    assert last.succeeded and not kept.is_due()
    assert kept.lines == ["sync news: 1 imported, 1 pushed, 0 refused"]


def test_what_is_newly_suppressed_is_pushed_without_reading_the_list(kept: Account) -> None:
    kept.run()
    kept.push()  # (what the run imported is new here as well)
    before = len(kept.fake.requests)
    kept.suppress("o'dead@x.example", "not-there@x.example")
    kept.push()
    assert kept.fake.blocked() == {"blocked@x.example", "o'dead@x.example"}
    assert len(kept.fake.requests) - before == 3  # two looked for, one changed
    kept.push()
    assert len(kept.fake.requests) - before == 3
    kept.suppress("o'dead@x.example", kind=REMOVED)
    kept.push()
    assert len(kept.fake.requests) - before == 3


def test_a_domain_has_the_list_read(kept: Account) -> None:
    kept.run()
    kept.suppress("@gone.example")
    kept.push()
    assert kept.is_due()
    kept.run()
    assert "jo@gone.example" in kept.fake.blocked()


@pytest.mark.parametrize(
    "faults",
    [
        [Answer(429, {}, (("Retry-After", "1"),))],
        ["half", "late"],
        [Answer(500, {})] * 20,
        ["after"] * 8,
    ],
)
def test_faults_end_in_agreement(kept: Account, faults: list[object]) -> None:
    """Too many requests, servers that fail half-way or for long: the last run does it all."""
    kept.run()
    kept.fake.changes = list(faults)
    kept.suppress("o'dead@x.example")
    kept.push()
    for _ in range(5):
        if kept.is_due() or kept.scheduled._faults:
            kept.run()
    assert kept.fake.blocked() == {"blocked@x.example", "o'dead@x.example"}
    assert kept.fake.has(kept.fake.name) == set(NAMES)
    assert last_runs(kept.context.ledger, (kept.table,))["news"].fault == ""
    assert KEY not in str(kept.lines)


def test_a_pull_that_fails_removes_and_imports_nothing_and_is_an_alert(kept: Account) -> None:
    now = datetime.now(UTC)
    look = SyncLook((kept.table,)).failing
    for _ in range(3):
        assert look(kept.context.ledger, [], now).problems == []
        kept.fake.reads = [Answer(503, {})] * 6
        kept.run()
    (problem,) = look(kept.context.ledger, [], now).problems
    assert problem.part == "sync news" and "status 503" in problem.words
    assert kept.context.ledger.counts()["act"] == 0
    assert not kept.is_due()
    kept.run()
    found = look(kept.context.ledger, [], now)
    assert (found.problems, found.answered) == ([], {"sync news"})
    assert "in step again" in kept.lines[-1] or "imported" in kept.lines[-1]


def test_an_esp_is_only_changed_by_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILGUN_API_KEY", KEY)
    fake, lines = Mailgun(), list[str]()
    with served(fake) as url, Context.open(tmp_path / "l", create=True) as context:
        table = Sync(
            name="m",
            esp="mailgun",
            domain="news.shop.example",
            url=url,
            every=60,
            acts=(SyncAct.PUSH,),
        )
        scheduled = Scheduled(table, lambda: context, lines.append)
        scheduled.attempt(context, time.monotonic())
        act = Event(at=datetime.now(UTC), kind=ADDED, cause=None, words="x", by="jo")
        act_on(["dead@x.example"], act, context.ledger, context.policy, dry_run=False)
        scheduled.push_changes(context, time.monotonic())
        assert fake.has("bounces") == set()
        scheduled.attempt(context, time.monotonic())
        assert fake.has("bounces") == {"dead@x.example"}
        state = msgspec.to_builtins(last_runs(context.ledger, (table,))["m"])
        assert state["entries"] and state["pushed"] == 1


def test_the_loop_reads_at_the_start_and_pushes_when_the_ledger_changes(
    tmp_path: Path, kept: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_schedule, "LOOK", 0.05)
    stop = threading.Event()

    def opened() -> Context:
        return Context.open(locate(tmp_path / "ledger"))

    own = Scheduled(kept.table, opened, kept.lines.append, kept.client)
    thread = threading.Thread(target=own.run, args=(stop,), daemon=True)
    thread.start()
    try:
        until(lambda: any("imported" in line for line in kept.lines))
        kept.suppress("o'dead@x.example")
        until(lambda: "o'dead@x.example" in kept.fake.blocked())
    finally:
        stop.set()
        thread.join(10)


def until(is_so: object) -> None:
    end = time.monotonic() + 60
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)
