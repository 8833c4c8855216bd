"""Answers of DNS that stay known between runs, in an SQLite file of the user's cache folder.

Reads: questions. Gives: answers that have not expired; all others from the Lookup behind it.
Records are kept for their time to live, but at least an hour and at most a day; a denial for an
hour (RFC 2308 section 5 allows three). Refuses: to keep what no server answered. A file that cannot
be used costs the cache and nothing else.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from bouncewise.net.answers import Answer, Lookup, Outcome, Question

LEAST, MOST = 3600, 86400
"""Seconds for which an answer is kept."""

_PAGE = 400  # questions at a time: SQLite once allowed 999 parameters
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answer (
  resolver TEXT NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL,
  outcome TEXT NOT NULL, records TEXT NOT NULL, expires INTEGER NOT NULL,
  PRIMARY KEY (resolver, name, type)
) WITHOUT ROWID
"""
_GET = """
SELECT name, outcome, records, expires FROM answer
WHERE resolver = ? AND type = ? AND expires > ? AND name IN ({})
"""
_PUT = "INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?, ?)"


@contextmanager
def cached(lookup: Lookup, path: Path | None, resolver: str) -> Iterator[Lookup]:
    """*lookup*, whose answers are kept in the file at *path* under the name of the *resolver*;
    None: nowhere.
    """
    database = _opened(path)
    if database is None:
        yield lookup
        return
    try:
        yield _Cache(database, lookup, resolver).look_up
    finally:
        with contextlib.suppress(sqlite3.Error):
            database.close()


def _opened(path: Path | None) -> sqlite3.Connection | None:
    """The database; one that is damaged is replaced. None where there is none."""
    if path is None:
        return None
    for _ in range(2):
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            database = sqlite3.connect(path, timeout=2, isolation_level=None)
        except (OSError, sqlite3.Error):
            return None
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = OFF")
            database.execute(_SCHEMA)
            database.execute("DELETE FROM answer WHERE expires <= ?", (int(time.time()),))
            return database
        except sqlite3.OperationalError:
            database.close()
            return None
        except sqlite3.DatabaseError:
            database.close()
            with contextlib.suppress(OSError):
                path.unlink()
    return None


class _Cache:
    def __init__(self, database: sqlite3.Connection, lookup: Lookup, resolver: str) -> None:
        self._database, self._lookup, self._resolver = database, lookup, resolver

    def look_up(self, questions: Iterable[Question]) -> Iterator[tuple[Question, Answer]]:
        """A Lookup: what is known first, then the rest."""
        unknown: list[Question] = []
        remaining = iter(questions)
        while page := list(islice(remaining, _PAGE)):
            found = self._get(page)
            yield from found.items()
            unknown += (question for question in page if question not in found)
        new: list[tuple[Question, Answer]] = []
        for pair in self._lookup(unknown):
            new.append(pair)
            if len(new) >= _PAGE:
                self._put(new)
                new.clear()
            yield pair
        self._put(new)

    def _get(self, page: list[Question]) -> dict[Question, Answer]:
        now, found = int(time.time()), {}
        for kind in {question.type for question in page}:
            named = {question.name: question for question in page if question.type == kind}
            sql = _GET.format(", ".join("?" * len(named)))
            with contextlib.suppress(sqlite3.Error, ValueError):
                rows = self._database.execute(sql, (self._resolver, kind, now, *named))
                for name, outcome, records, expires in rows:
                    texts = tuple(records.split("\n")) if records else ()
                    found[named[name]] = Answer(Outcome(outcome), texts, expires - now)
        return found

    def _put(self, answers: list[tuple[Question, Answer]]) -> None:
        now = int(time.time())
        rows = [
            (self._resolver, *question, answer.outcome.value, "\n".join(answer.records), now + kept)
            for question, answer in answers
            if (kept := _seconds(answer))
        ]
        with contextlib.suppress(sqlite3.Error):
            self._database.execute("BEGIN")
            self._database.executemany(_PUT, rows)
            self._database.execute("COMMIT")


def _seconds(answer: Answer) -> int:
    """For how long an answer is kept; 0: not at all."""
    if answer.outcome is Outcome.SILENT:
        return 0
    return max(LEAST, min(answer.ttl, MOST))
