"""The policies of other systems, each as a small class: which addresses it mails, and what it
learns; and two bounds.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bouncewise.classifier.classify import default_classifier
from bouncewise.ledger import open_store
from bouncewise.model import Cause
from bouncewise.net.dns import NoSuchNameError, one_by_one
from bouncewise.operations.check import check
from bouncewise.operations.context import Context
from bouncewise.operations.domains import dead_domains, verify
from bouncewise.operations.ingest import ingest
from bouncewise.policy.load import load

from .world import Answer, Person, World

DAY0 = datetime(2026, 1, 1, tzinfo=UTC)
HARD = {Cause.MAILBOX_UNKNOWN, Cause.ACCESS_DENIED, Cause.MAILBOX_DISABLED, Cause.DOMAIN_UNKNOWN}


class Policy:
    """Mails every address without end."""

    name = "none"

    def __init__(self, world: World) -> None:
        self.world = world
        self.until: dict[str, int] = {}
        self.wishes: set[str] = set()
        self.why: dict[str, str] = {}
        self.slowest = 0.0

    def mailable(self, people: Iterable[Person], day: int) -> list[Person]:
        return [p for p in people if self.until.get(p.address, -1) <= day]

    def learn(self, day: int, answers: dict[Person, Answer]) -> None:
        for person, answer in answers.items():
            self.one(person.address, day, answer.reply)

    def one(self, address: str, day: int, reply: str) -> None: ...

    def close(self) -> None: ...


def hard(reply: str) -> bool:
    return default_classifier().classify(reply).cause in HARD


class AnyFivexx(Policy):
    name = "any 5xx, for ever (listmonk)"

    def one(self, address: str, day: int, reply: str) -> None:
        if reply.startswith("5"):
            self.until[address] = 10**6


class Everything(Policy):
    name = "everything parsed (Mautic)"

    def one(self, address: str, day: int, reply: str) -> None:
        if reply:
            self.until[address] = 10**6


class TwoStrikes(Policy):
    name = "two strikes, 30 days (Postal)"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.strikes: dict[str, int] = {}

    def one(self, address: str, day: int, reply: str) -> None:
        if reply.startswith("5"):
            self.strikes[address] = self.strikes.get(address, 0) + 1
            if self.strikes[address] >= 2:
                self.until[address], self.strikes[address] = day + 30, 0


class Score(Policy):
    name = "score 5 (Mailman)"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.score: dict[str, tuple[float, int]] = {}

    def one(self, address: str, day: int, reply: str) -> None:
        if not reply:
            return
        score, last = self.score.get(address, (0.0, day))
        score = (0.0 if day - last > 7 else score) + (1.0 if reply.startswith("5") else 0.5)
        self.score[address] = (score, day)
        if score >= 5:
            self.until[address] = 10**6


class UnknownOnly(Policy):
    name = "user unknown only"

    def one(self, address: str, day: int, reply: str) -> None:
        if reply and hard(reply):
            self.until[address] = 10**6


class GreyDays(Policy):
    name = "user unknown, 7 grey days"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.grey: set[str] = set()

    def wrong(self, reply: str) -> bool:
        return hard(reply)

    def one(self, address: str, day: int, reply: str) -> None:
        if reply and self.wrong(reply):
            self.until[address] = 10**6 if address in self.grey else day + 7
            self.grey.add(address)
        elif not reply:
            self.grey.discard(address)


class MagNews(GreyDays):
    name = "any 5xx, 7 grey days (MagNews)"

    def wrong(self, reply: str) -> bool:
        return reply.startswith("5")


class Oracle(Policy):
    name = "oracle"

    def mailable(self, people: Iterable[Person], day: int) -> list[Person]:
        return [p for p in people if self.world.deliverable(p, day)]


class Hindsight(Policy):
    name = "hindsight"

    def learn(self, day: int, answers: dict[Person, Answer]) -> None:
        for person, answer in answers.items():
            if answer.reply and not self.world.deliverable(person, day):
                self.until[person.address] = self.world.back(person, day)


def log_of(day: int, answers: dict[Person, Answer]) -> list[str]:
    """The log that Postfix writes for a day's mail."""
    lines = []
    for i, (person, answer) in enumerate(sorted(answers.items(), key=lambda item: item[1].hour)):
        when = (DAY0 + timedelta(days=day, hours=answer.hour)).isoformat(timespec="microseconds")
        relay = f"{answer.mx}[192.0.2.9]:25" if answer.mx else "none"
        lines.append(
            f"{when} out postfix/smtp[7]: {day:03X}{i:07X}: to=<{person.address}>, relay={relay}, "
            f"delay=1, {fate(answer.reply, answer.mx)}\n"
        )
    return lines


def fate(reply: str, host: str) -> str:
    """What Postfix logs of a mail that *host* answered with *reply*, '' where it accepted; no
    host: nobody answered.
    """
    if not reply:
        return "dsn=2.0.0, status=sent (250 2.0.0 Ok)"
    if not host:
        deferred = reply.startswith("connect to")
        return (
            f"{'dsn=4.4.1, status=deferred' if deferred else 'dsn=5.4.4, status=bounced'} ({reply})"
        )
    said = f"host {host}[192.0.2.9] said: {reply} (in reply to RCPT TO command)"
    deferred = reply.startswith("4")
    return f"{'dsn=4.0.0, status=deferred' if deferred else 'dsn=5.0.0, status=bounced'} ({said})"


class Bouncewise(Policy):
    name = "bouncewise"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.folder = tempfile.TemporaryDirectory()
        self.home = Path(self.folder.name)
        self.ledger = open_store(self.home / "ledger.sqlite", create=True)
        self.policy = load()
        self.start = DAY0
        self.took = 0.0

    def mailable(self, people: Iterable[Person], day: int) -> list[Person]:
        people = list(people)
        at = self.start + timedelta(days=day, hours=7)
        begun = time.perf_counter()
        answers = list(
            check((p.address for p in people), self.ledger, self.policy, at=at, past=False)
        )
        self.took = time.perf_counter() - begun
        self.why = {
            a.address: f"{a.decision.state} {a.decision.cause}" for a in answers if not a.send
        }
        return [p for p, a in zip(people, answers, strict=True) if a.send]

    def learn(self, day: int, answers: dict[Person, Answer]) -> None:
        self.read(
            Context(self.ledger, self.policy, default_classifier()), self.written(day, answers)
        )

    def read(self, context: Context, *paths: Path) -> None:
        """Ingest *paths*, and measure how long it takes."""
        begun = time.perf_counter()
        ingest(tuple(map(str, paths)), context, note=lambda _: None)
        self.slowest = max(self.slowest, self.took + time.perf_counter() - begun)

    def written(self, day: int, answers: dict[Person, Answer]) -> Path:
        file = self.home / "day.log"
        file.write_text("".join(log_of(day, answers)), "utf-8")
        return file

    def close(self) -> None:
        self.ledger.__exit__()
        self.folder.cleanup()


class WithDns(Bouncewise):
    name = "bouncewise, with DNS"

    def mailable(self, people: Iterable[Person], day: int) -> list[Person]:
        """Ask DNS about dead domains each morning, as `bouncewise domains --dns` does."""
        self.today = day
        found = list(dead_domains(self.ledger))
        at = self.start + timedelta(days=day, hours=6)
        lookup = one_by_one(self.resolve)
        for _ in verify(found, self.ledger, self.policy, lookup, at=at, dry_run=False):
            pass
        return super().mailable(people, day)

    def resolve(self, name: str, record_type: str) -> list[str]:
        """What DNS says of a domain today."""
        if self.world.resolves(name, self.today):
            return [f"10 mx.{name}."] if record_type == "MX" else ["192.0.2.7"]
        raise NoSuchNameError


class ByCommands(Bouncewise):
    name = "bouncewise, by its commands"

    def mailable(self, people: Iterable[Person], day: int) -> list[Person]:
        people = list(people)
        (self.home / "list.csv").write_text(
            "email\n" + "".join(f"{p.address}\n" for p in people), "utf-8"
        )
        at = DAY0 + timedelta(days=day, hours=7)
        begun = time.perf_counter()
        told = self.run(
            "check", "--csv", str(self.home / "list.csv"), "--json", "--at", at.isoformat()
        )
        self.took = time.perf_counter() - begun
        answers = [json.loads(line) for line in told.splitlines()]
        self.why = {a["address"]: f"{a['state']} {a['cause']}" for a in answers if not a["send"]}
        return [p for p, a in zip(people, answers, strict=True) if a["send"]]

    def learn(self, day: int, answers: dict[Person, Answer]) -> None:
        file = self.written(day, answers)
        begun = time.perf_counter()
        self.run("ingest", str(file))
        self.slowest = max(self.slowest, self.took + time.perf_counter() - begun)

    def run(self, verb: str, *args: str) -> str:
        command = [sys.executable, "-m", "bouncewise", verb, *args, "--db", str(self.ledger.path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode not in (0, 1) or done.stderr:
            sys.exit(done.stderr)
        return done.stdout


POLICIES = (
    Policy,
    AnyFivexx,
    TwoStrikes,
    Everything,
    Score,
    MagNews,
    UnknownOnly,
    GreyDays,
    Bouncewise,
    WithDns,
    ByCommands,
    Hindsight,
    Oracle,
)
