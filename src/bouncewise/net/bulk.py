"""Many questions to DNS at a time: connected UDP sockets, random ids, two passes. RFC 1035, RFC
5452 (what makes a reply credible), RFC 6891, RFC 7766 (TCP).

Reads: questions, as many as there are. Gives: answers, in the order in which they arrive. A reply
counts only if it comes from the server's address, with the id and the question of the query. A
truncated reply is followed by the question by TCP; a server that does not know EDNS gets it without
EDNS; SERVFAIL and REFUSED are followed by the next server, and by one more try in the second pass.
What no server answers within the short time-outs is sent again at the end with long ones, so that
slow name servers of a few domains delay nothing else. Refuses: to go on where no server answers
anything.

The loop is ``selectors``, not asyncio: importing asyncio takes longer than a question.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from time import monotonic

from bouncewise.net.answers import Answer, Lookup, Outcome, Question
from bouncewise.net.servers import Server
from bouncewise.net.sockets import Query, Sockets
from bouncewise.net.wire import (
    FORMERR,
    NOERROR,
    NOTIMP,
    NXDOMAIN,
    RCODES,
    MalformedError,
    Reply,
    question_for,
    read_reply,
)

LEAST, MOST = 64, 512
"""Questions without an answer at a time: fewer where answers are lost, more where they are not."""

PASSES = ((0.4, 0.8), (2.0, 4.0))
"""Seconds to wait for an answer, in the first pass and, for what is left, in the second."""

_TCP_SECONDS = 5.0
_SWEEP = 0.05  # seconds between two looks for queries whose time is up
_SAMPLE = 8  # answers and losses by which the window is adjusted
_PROBE = Question("", "NS")
"""The name servers of the root: every resolver that works knows them."""


def bulk_lookup(
    servers: tuple[Server, ...], passes: tuple[tuple[float, ...], ...] = PASSES
) -> Lookup:
    """A Lookup that asks *servers*, the first of them first."""

    def lookup(questions: Iterable[Question]) -> Iterator[tuple[Question, Answer]]:
        remaining = iter(questions)
        first = next(remaining, None)
        if first is not None:
            with Sockets(servers) as sockets:
                yield from _Run(sockets, passes).run(chain((first,), remaining))

    return lookup


class _Run:
    """One run of questions."""

    def __init__(self, sockets: Sockets, passes: tuple[tuple[float, ...], ...]) -> None:
        self._sockets, self._passes = sockets, passes
        self._servers = range(len(sockets.servers))
        self._source: Iterator[Question] = iter(())
        self._again: list[Query] = []  # to send once more
        self._left: list[Query] = []  # for the next pass
        self._done: list[tuple[Question, Answer]] = []
        self._due: dict[float, deque[tuple[float, Query, int]]] = {}
        self._pass = self._flying = self._taken = 0
        self._heard = self._over = False
        self._window, self._swept = float(LEAST), 0.0
        self._answered = self._lost = 0  # since the window was adjusted

    def run(self, questions: Iterator[Question]) -> Iterator[tuple[Question, Answer]]:
        """The answers to *questions*."""
        self._source = questions
        self._again.append(Query(_PROBE, question_for(*_PROBE)))
        while True:
            for number in range(len(self._passes)):
                self._pass = number
                yield from self._loop()
                self._again, self._left = self._left, []
            if self._over:
                return
            if not self._heard:
                words = f"no answer from {', '.join(map(str, self._sockets.servers))}"
                yield from ((q, Answer(Outcome.SILENT, reason=words)) for q in questions)
                return

    def _loop(self) -> Iterator[tuple[Question, Answer]]:
        """Answers until nothing is left to send in this pass, and nothing on its way."""
        while True:
            self._fill()
            if not self._flying and not self._done:
                return
            if self._flying:
                self._receive()
            done, self._done = self._done, []
            yield from done

    # ── sending ──────────────────────────────────────────────────────────────────────────────────

    def _fill(self) -> None:
        window = MOST if self._pass else int(self._window)
        while self._flying < window and (item := self._next()) is not None:
            self._send(item)

    def _next(self) -> Query | None:
        """The next query to send; until anything is heard, only the first few."""
        if self._again:
            item = self._again.pop()
            item.attempt = item.failures = 0
            return item
        if self._pass or self._over or not (self._heard or self._taken < LEAST):
            return None
        for question in self._source:
            self._taken += 1
            try:
                return Query(question, question_for(*question))
            except (ValueError, KeyError) as error:
                self._done.append((question, Answer(Outcome.SILENT, reason=str(error))))
        self._over = True
        return None

    def _send(self, item: Query) -> None:
        self._sockets.send(item)
        self._await(item, self._passes[self._pass][item.attempt])

    def _await(self, item: Query, seconds: float) -> None:
        """Count *item* as on its way for so long."""
        self._flying += 1
        queue = self._due.get(seconds)
        if queue is None:
            queue = self._due[seconds] = deque()
        queue.append((monotonic() + seconds, item, item.serial))

    def _send_by_tcp(self, item: Query) -> None:
        if item.port is None:
            self._fail(item, "an answer by TCP that is cut short")
            return
        self._release(item)
        self._await(item, _TCP_SECONDS)
        try:
            self._sockets.send_by_tcp(item)
        except OSError as error:
            self._fail(item, f"TCP: {error.strerror or error}")

    # ── receiving ────────────────────────────────────────────────────────────────────────────────

    def _receive(self) -> None:
        for item, message in self._sockets.receive(_SWEEP):
            if isinstance(message, OSError):
                self._fail(item, str(message))
                continue
            self._heard = True
            try:
                reply = read_reply(message, item.wire)
            except MalformedError as error:
                self._fail(item, f"a malformed answer: {error}")
                continue
            if reply is not None:
                self._take(item, reply)
            elif item.stream is not None:
                self._fail(item, "an answer by TCP to another question")
        now = monotonic()
        if now - self._swept >= _SWEEP:
            self._swept = now
            self._expire(now)
            self._adjust()

    def _take(self, item: Query, reply: Reply) -> None:
        self._answered += 1
        if not reply.complete:
            self._send_by_tcp(item)
        elif reply.rcode in (FORMERR, NOTIMP) and item.edns:
            self._release(item)
            item.edns = False
            self._send(item)
        elif reply.rcode not in (NOERROR, NXDOMAIN):
            self._fail(item, RCODES.get(reply.rcode, f"response code {reply.rcode}"))
        elif not reply.final:
            self._fail(item, "a referral: the server is no resolver")
        else:
            self._finish(item, _answer(reply))

    def _expire(self, now: float) -> None:
        for queue in list(self._due.values()):
            while queue and queue[0][0] <= now:
                _, item, serial = queue.popleft()
                if item.serial == serial:
                    self._miss(item)

    def _adjust(self) -> None:
        """Fewer questions at a time where more than a tenth of the answers are lost."""
        outcomes = self._answered + self._lost
        if outcomes >= _SAMPLE:
            if 10 * self._lost > outcomes:
                self._window = max(LEAST, 0.7 * self._window)
            else:
                self._window = min(MOST, self._window + self._answered)
            self._answered = self._lost = 0

    # ── what becomes of a query ──────────────────────────────────────────────────────────────────

    def _release(self, item: Query) -> None:
        self._flying -= 1
        self._sockets.release(item)

    def _finish(self, item: Query, answer: Answer) -> None:
        self._release(item)
        if item.question is not _PROBE:
            self._done.append((item.question, answer))

    def _fail(self, item: Query, words: str) -> None:
        """The server refuses to answer *item*: it goes to the next one at once."""
        item.reason = words
        item.failures |= 1 << item.server
        others = [number for number in self._servers if not item.failures >> number & 1]
        if not others:
            self._leave(item)
            return
        self._release(item)
        item.server = others[0]
        self._send(item)

    def _miss(self, item: Query) -> None:
        """The time of *item* is up."""
        self._lost += 1
        item.attempt += 1
        if item.attempt == len(self._passes[self._pass]):
            self._leave(item)
            return
        self._release(item)
        item.server = (item.server + 1) % len(self._servers)
        self._send(item)

    def _leave(self, item: Query) -> None:
        """There is no answer in this pass."""
        if self._pass + 1 == len(self._passes):
            self._finish(item, Answer(Outcome.SILENT, reason=item.reason or "time-out"))
        else:
            self._release(item)
            self._left.append(item)


def _answer(reply: Reply) -> Answer:
    if reply.rcode == NXDOMAIN:
        return Answer(Outcome.NO_NAME)
    if reply.records:
        return Answer(Outcome.ANSWERED, reply.records, reply.ttl)
    return Answer(Outcome.NO_RECORDS)
