"""The pages of the dashboard over a ledger of many events: milliseconds and compressed octets.

Run as: python bench/dashboard.py [--events N] [--keep FILE]. Fills an SQLite ledger: N events of
N/4 addresses in 90 days, a tenth of them with one of 17,576 replies; a million Decisions (N/4 at
most), deliveries to twelve receivers by twenty campaigns a day, a receiver that blocks the sender
on the last day. The rows are made by SQL; the counts are made by the ledger itself, as after an
ingest. Each page is asked for six times through the application, without a socket; printed are the
first request, and of the others the median, in milliseconds of the clock and of the processor. The
limits are 100 ms of the processor, which does not depend on what else the machine does, and 60 KB;
exits 1 where a page is above one. --keep leaves the ledger, or uses the one that is there.
"""

# ruff: noqa: S608 - the statements are made of constants
from __future__ import annotations

import argparse
import gzip
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec
import zstandard
from starlette.testclient import TestClient

from bouncewise.classifier.classify import default_classifier
from bouncewise.dashboard.app import application
from bouncewise.dashboard.views import Source
from bouncewise.ledger import Store, open_store
from bouncewise.ledger.location import locate
from bouncewise.ledger.rows import new_id
from bouncewise.model import Kind, Reply, Report
from bouncewise.model import Source as ReportSource
from bouncewise.operations.decisions import refresh_counts
from bouncewise.policy.load import load
from bouncewise.rfc.reply import parse

DAYS, DECISIONS = 90, 1_000_000
MOST_MS, MOST_BYTES = 100, 60_000
RECEIVERS = (
    *("google", "microsoft", "yahoo", "apple", "gmx", "mailru", "orange", "tonline", "comcast"),
    *("zoho", "proton", ""),
)
REPLIES = """
30 failed mailbox-unknown suppress-address recipient.unknown address 550 5.1.1 User unknown
10 failed mailbox-unknown suppress-address google.no-such-user address 550 5.1.1 does not exist
6 failed mailbox-full retry-later recipient.full - 552 5.2.2 over quota
5 failed domain-unknown suppress-domain domain.nxdomain domain Host not found
2 failed reputation fix-sender microsoft.sending-ip sender 550 5.7.1 block list (S3140)
2 failed spam-content fix-message spam.content sender 554 5.7.1 spam detected
3 failed unknown review none - 554 5.0.0 transaction refused by gremlin
4 failed policy review model - 554 denied
20 delayed greylisted retry-later greylist - 450 4.2.0 Greylisted
18 delayed rate-limited retry-later rate.limit - 421 4.7.0 try again later
"""
"""Of a hundred events: how many, kind, cause, advice, rule, bearing (-: none), and the words."""


class Drawn(NamedTuple):
    """A row of REPLIES."""

    weight: int
    kind: str
    cause: str
    advice: str
    rule: str
    bearing: str
    words: str


def drawn() -> list[Drawn]:
    """REPLIES as rows."""
    rows = (line.split(" ", 6) for line in REPLIES.split("\n") if line)
    return [
        Drawn(int(weight), *facts, bearing.strip("-"), words)
        for weight, *facts, bearing, words in rows
    ]


def fill(path: Path, events: int) -> None:
    """A new ledger with so many events."""
    open_store(path, create=True).close()
    names = max(1, events // 4)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript("PRAGMA synchronous=OFF; PRAGMA cache_size=-400000; BEGIN")
        indexes = db.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
        for name, _ in indexes:
            db.execute(f"DROP INDEX {name}")
        db.create_function("id_of", 1, new_id, deterministic=True)
        end = int(time.time()) * 1_000_000
        values = {
            "names": names,
            "domains": max(1, names // 50),
            "end": end,
            "day": end // 86_400_000_000,
            "days": DAYS,
            "span": DAYS * 86_400_000_000 // 4,
            "states": min(DECISIONS, names),
        }
        _facts(db)
        for statement in FILL:
            named = {key: value for key, value in values.items() if f":{key}" in statement}
            db.execute(statement, named)
        for _, sql in indexes:
            db.execute(sql)
        db.execute("COMMIT")
        db.execute("ANALYZE")


def _facts(db: sqlite3.Connection) -> None:
    """What the events are drawn from, and one block with a report of each kind."""
    db.execute("CREATE TEMP TABLE receiver (n INTEGER PRIMARY KEY, id TEXT)")
    db.executemany("INSERT INTO receiver VALUES (?, ?)", enumerate(RECEIVERS))
    db.execute(
        "CREATE TEMP TABLE drawn (n INTEGER PRIMARY KEY, kind, cause, advice, rule, bearing, words,"
        " item)"
    )
    slots = [(item, row) for item, row in enumerate(drawn()) for _ in range(row.weight)]
    db.executemany(
        "INSERT INTO drawn VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(n, *row[1:], item) for n, (item, row) in enumerate(slots)],
    )
    reports = [
        (
            Report(
                source=ReportSource("log", "bench", 0),
                kind=Kind(row.kind),
                recipient="u@d.example",
                reply=Reply(*parse(row.words)[:2], row.words),
            ),
            b"",
            None,
        )
        for row in drawn()
    ]
    data = zstandard.compress(msgspec.msgpack.encode(reports), 3)
    db.execute("INSERT INTO batch VALUES (1, 'bench', 'rules', '0', 0)")
    db.execute("INSERT INTO block VALUES (1, 1, ?)", (data,))


_EACH = "WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < {})"
_HASH = "((a.number * 2654435761 + q.n * 40503 + 12345) % 4294967296)"
FILL = (
    "CREATE TEMP TABLE quarter (n INTEGER PRIMARY KEY)",
    f"CREATE TEMP TABLE twenty AS {_EACH.format('20')} SELECT n FROM n",
    "INSERT INTO quarter VALUES (0), (1), (2), (3)",
    "CREATE TEMP TABLE numbered (id INTEGER PRIMARY KEY, number, name, domain, receiver)",
    f"""INSERT OR IGNORE INTO numbered {_EACH.format(":names")}
        SELECT id_of('u' || n.n || '@d' || (n.n % :domains) || '.example'), n.n,
          'u' || n.n || '@d' || (n.n % :domains) || '.example', 0,
          (n.n % :domains * 7919) % 12 FROM n""",
    "CREATE TEMP TABLE domain (n INTEGER PRIMARY KEY, id INTEGER)",
    f"""INSERT INTO domain {_EACH.format(":domains")}
        SELECT n, id_of('@d' || n || '.example') FROM n""",
    """INSERT INTO address SELECT a.id, a.name, d.id FROM numbered a
        JOIN domain d ON d.n = a.number % :domains""",
    f"""INSERT INTO event (address, at, digest, kind, cause, advice, rule, words, receiver, block,
          item, bearing, directory)
        SELECT a.id,
          CAST(:end - :span * (4 - q.n) + {_HASH} * (:span / 4294967296.0) AS INTEGER),
          a.number * 4 + q.n,
          r.kind, r.cause, r.advice, r.rule,
          CASE r.n % 10 WHEN 0 THEN r.words || ' queue ' || hex(a.number) || 'Z'
            WHEN 1 THEN r.words || ' by ' || char(97 + a.number % 26, 97 + a.number / 26 % 26,
              97 + a.number / 676 % 26) ELSE r.words END,
          v.id, 1, r.item, r.bearing, v.id
        FROM numbered a CROSS JOIN quarter q JOIN drawn r ON r.n = {_HASH} / 7 % 100
        JOIN receiver v ON v.n = a.receiver""",
    """UPDATE event SET cause = 'reputation', advice = 'fix-sender', rule = 'microsoft.sending-ip',
          bearing = 'sender', kind = 'failed', words = '550 5.7.1 block list (S3140)'
        WHERE at >= :end - 43200000000 AND receiver = 'microsoft'""",
    """INSERT INTO state SELECT id, 'evidence', 'all', '', CASE WHEN number % 20 = 0 THEN 'held'
          ELSE 'suppressed' END, CASE WHEN number % 20 = 0 THEN 'mailbox-full'
          WHEN number % 7 = 0 THEN 'domain-unknown' ELSE 'mailbox-unknown' END,
          :end - number * 31104000, CASE WHEN number % 20 = 0 THEN :end + number * 1000000 END,
          '550 5.1.1 User unknown', 'recipient.unknown', '', 'own'
        FROM numbered WHERE number < :states""",
    """INSERT INTO tally_state SELECT state, basis, coalesce(cause, rule), trust, count(*)
        FROM state WHERE until IS NULL GROUP BY 1, 2, 3, 4""",
    f"""INSERT INTO sent {_EACH.format(":days")} SELECT :day - n.n, c.n, r.id, 2000 + c.n * 100
        FROM n, receiver r, twenty c""",
    f"""INSERT INTO traffic {_EACH.format(":days")} SELECT r.id, (:day - n.n) * 144 + h.n * 6, 1500
        FROM n, receiver r, twenty h""",
    f"""INSERT INTO traffic {_EACH.format("30")} SELECT '@d' || d.n || '.example',
          (:day - n.n) * 144, 20 FROM n, domain d""",
    f"""INSERT INTO coverage {_EACH.format(":days * 24")} SELECT 'mail.log', :end / 3600000000 - n
        FROM n UNION ALL SELECT 'postmark', :end / 3600000000 - 30 - n FROM n""",
    "INSERT OR REPLACE INTO meta VALUES ('latest', :end)",
    """INSERT INTO tally_due SELECT DISTINCT at / 3600000000 FROM event
        ORDER BY 1""",
)  # fmt: skip


PAGES = (
    "/",
    "/incidents",
    "/receivers",
    "/receivers/google",
    "/receivers/google?days=90",
    "/receivers/other",
    "/replies",
    "/replies?kind=unclassified",
    "/replies/{reply}",
    "/senders",
    "/suppressions",
    "/suppressions?state=held",
    "/suppressions?cause=domain-unknown",
    "/suppressions?q=d7.example",
    "/suppressions?{after}",
    "/sources",
    "/addresses/u7@d7.example",
)


def measured(path: Path) -> bool:
    """Print what each page costs; whether all are within the limits."""
    source = Source(locate(path), load(), default_classifier())
    client = TestClient(application(source))
    reply, after = _places(client)
    good = True
    print(f"{'page':40} {'first ms':>9} {'median ms':>9} {'cpu ms':>7} {'KB gzip':>8}")
    for form in PAGES:
        page = form.format(reply=reply, after=after)
        times, cpu = [], []
        for _ in range(6):
            begun, used = time.perf_counter(), time.process_time()
            answer = client.get(page)
            times.append((time.perf_counter() - begun) * 1000)
            cpu.append((time.process_time() - used) * 1000)
        size = len(gzip.compress(answer.content))
        median, busy = statistics.median(times[1:]), statistics.median(cpu[1:])
        good &= busy <= MOST_MS and size <= MOST_BYTES and answer.status_code == 200
        print(f"{form:40} {times[0]:9.0f} {median:9.0f} {busy:7.0f} {size / 1000:8.1f}")
    return good


def _places(client: TestClient) -> tuple[str, str]:
    """The first reply, and a place some pages behind the first Decision."""
    reply = client.get("/replies.json").json()["replies"][0]["reply"]
    after = ""
    for _ in range(20):
        after = client.get(f"/suppressions.json?after={after}").json()["after"]
    return reply, f"after={after}"


def counted(ledger: Store) -> float:
    """Seconds in which the ledger counts its events."""
    begun = time.perf_counter()
    refresh_counts(ledger)
    with ledger.change():
        ledger.write_index()
    return time.perf_counter() - begun


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--events", type=int, default=1_000_000)
    args.add_argument("--keep", type=Path, metavar="FILE")
    given = args.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        path = given.keep or folder / "ledger.sqlite"
        if not path.exists():
            begun = time.perf_counter()
            fill(path, given.events)
            print(f"filled with {given.events:,} events in {time.perf_counter() - begun:.0f} s")
            with open_store(path) as ledger:
                print(f"counted in {counted(ledger):.0f} s")
        print(f"{path.stat().st_size / 1e9:.2f} GB")
        sys.exit(0 if measured(path) else 1)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
