"""DNS within a budget of time: what is not answered by then is judged without DNS.

The answers that come later are kept, so that the same question a moment later finds them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from bouncewise.errors import BouncewiseError
from bouncewise.net.answers import Answer, Lookup, Outcome, Question
from bouncewise.net.bulk import bulk_lookup
from bouncewise.net.cache import cached
from bouncewise.net.dns import Route, mail_routes
from bouncewise.net.servers import Server, system_servers

AT_ONCE = 16
"""Requests whose questions are on their way; further ones do without DNS."""


class InTime(NamedTuple):
    """A Lookup that asks nobody, and the domains that it has every answer about."""

    lookup: Lookup
    domains: frozenset[str]


class Lookups:
    """Looks up routes of mail with the system's name servers."""

    def __init__(
        self, cache: Path | None, servers: Callable[[], tuple[Server, ...]] = system_servers
    ) -> None:
        """*cache*: the file in which answers are kept."""
        self._cache, self._servers = cache, servers
        self._free = threading.Semaphore(AT_ONCE)

    def within(self, domains: set[str], seconds: float) -> InTime:
        """What DNS answers about *domains* in so many seconds."""
        if not domains or not self._free.acquire(blocking=False):
            return InTime(lambda _: iter(()), frozenset())
        job = _Job(domains)
        threading.Thread(target=self._look_up, args=(job,), daemon=True).start()
        return job.result(monotonic() + seconds)

    def _look_up(self, job: _Job) -> None:
        try:
            servers = self._servers()
            name = " ".join(map(str, servers))
            with cached(bulk_lookup(servers), self._cache, name) as lookup:
                job.run(lookup)
        except (BouncewiseError, OSError):  # no name server, or none that answers
            pass
        finally:
            job.ended.set()
            self._free.release()


class _Job:
    """The questions of one request, and the answers so far."""

    def __init__(self, domains: set[str]) -> None:
        self._domains = sorted(domains)
        self._answers: dict[Question, Answer] = {}
        self._lock = threading.Lock()
        self._is_complete = False
        self.ended = threading.Event()

    def run(self, lookup: Lookup) -> None:
        def noted(questions: Iterable[Question]) -> Iterator[tuple[Question, Answer]]:
            for question, answer in lookup(questions):
                with self._lock:
                    self._answers[question] = answer
                yield question, answer

        for _ in mail_routes(self._domains, noted, check_hosts=True):
            pass
        self._is_complete = True

    def result(self, deadline: float) -> InTime:
        """By the answers before *deadline*. Hosts that are not looked up yet may be there."""
        self.ended.wait(max(0.0, deadline - monotonic()))
        is_complete = self._is_complete
        with self._lock:
            answers = dict(self._answers)
        silent = Answer(Outcome.SILENT, reason="not answered in time")

        def lookup(questions: Iterable[Question]) -> Iterator[tuple[Question, Answer]]:
            yield from ((question, answers.get(question, silent)) for question in questions)

        routes = mail_routes(self._domains, lookup, check_hosts=True)
        known = (name for name, found in routes if is_complete or found.route != Route.UNANSWERED)
        return InTime(lookup, frozenset(known))
