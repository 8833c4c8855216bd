"""From the spool into the ledger: python bench/drain.py [--db URL] [--events N].

Fills a spool with webhook bodies, of which 80 % report a failure, with one event and with a hundred
in each, and lets the ledger process's Drain read it into a new ledger: an SQLite file, or an empty
schema of PostgreSQL that --db names. Prints events per second and per second of the processor, with
the decisions derived, beside a floor of the same run: the same bodies decoded, and a row of 100
octets for each event inserted.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from bouncewise.classifier.classify import default_classifier
from bouncewise.config.settings import Settings
from bouncewise.ledger import open_store
from bouncewise.operations.context import Context
from bouncewise.policy.load import load
from bouncewise.service import spool
from bouncewise.service.drain import Drain
from bouncewise.service.spool import Record, Writer

REPLIES = (
    "550 5.1.1 <{}>: Recipient address rejected: User unknown in virtual mailbox table",
    "452 4.2.2 The email account that you tried to reach is over quota. {} - gsmtp",
    "550-5.1.1 The email account that you tried to reach does not exist. {} - gsmtp",
    "550 5.7.1 Service unavailable, Client host [192.0.2.7] blocked using zen.spamhaus.org ({})",
)
START = 1_790_000_000
_KINDS = {1: "one event in a body", 100: "a hundred in a body"}


class Measured(NamedTuple):
    """Events, the seconds that they took, and those of the processor."""

    events: int
    seconds: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.events / self.seconds:9,.0f} /s  {self.events / self.cpu:9,.0f} /CPU s"


def events(count: int) -> Iterator[dict[str, object]]:
    """Events as SendGrid posts them, 80 % of them failures."""
    for n in range(count):
        address = f"u{n}@d{n % 499}.example"
        found: dict[str, object] = {
            "email": address,
            "timestamp": START + n // 50,
            "sg_event_id": f"ev{n}",
            "sg_message_id": f"msg{n}.recvd",
            "smtp-id": f"<{n}@shop.example>",
            "event": "delivered",
            "response": "250 2.0.0 OK",
        }
        if n % 5:
            reply_id = f"a640c23a62f3a-b5{n * 7919:09x}si{n:09}66b.{n % 999}"
            reply = REPLIES[n % 4].format(address if n % 4 == 0 else reply_id)
            found |= {"event": "bounce", "type": "bounce", "reason": reply, "status": "5.1.1"}
        yield found


def fill(folder: Path, count: int, together: int) -> None:
    writer, waiting = Writer(folder, 1 << 40), list[Record]()
    page = list[dict[str, object]]()
    for event in events(count):
        page.append(event)
        if len(page) == together:
            at = time.time_ns() // 1000
            waiting.append(Record(at, "webhook", "sg", json.dumps(page).encode()))
            page = []
        if len(waiting) == 500:
            writer.append(waiting)
            waiting = []
    if waiting:
        writer.append(waiting)
    writer.close()


def drain(folder: Path, db: str, count: int) -> Measured:
    with open_store(db, create=True) as ledger:
        context = Context(ledger, load(), default_classifier(), Settings())
        found = Drain(folder, context, print)
        begun, before = time.perf_counter(), time.process_time()
        while found.step():
            found.settle_if_due(time.monotonic())
        found.settle()
        return Measured(count, time.perf_counter() - begun, time.process_time() - before)


def floor(folder: Path, count: int) -> Measured:
    connection = sqlite3.connect(folder / "floor", isolation_level=None)
    connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB)")
    begun, before = time.perf_counter(), time.process_time()
    rows = list[tuple[bytes]]()
    for _, _, record in spool.read(folder, 0):
        rows += ((str(event).encode()[:100],) for event in msgspec.json.decode(record.body))
        if len(rows) >= 500:
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO t (body) VALUES (?)", rows)
            connection.execute("COMMIT")
            rows = []
    return Measured(count, time.perf_counter() - begun, time.process_time() - before)


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--db", default="")
    args.add_argument("--events", type=int, default=50_000)
    options = args.parse_args()
    count = options.events // 100 * 100
    for together, name in _KINDS.items():
        if options.db and together > 1:  # (an empty schema is there once)
            return
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            fill(folder, count, together)
            least = floor(folder, count)
            found = drain(folder, options.db or str(folder / "ledger"), count)
            ratio = found.cpu / least.cpu
            print(f"{name}: floor {least}")
            print(f"{name}: drain {found}  {ratio:.1f} x the floor's processor time", flush=True)


if __name__ == "__main__":
    main()
