"""Sessions of signed-in users, in memory: a restart of the service signs everybody out.

A session is known by the SHA-256 of a random token, which only the cookie contains. It ends after a
time without a request, after its longest time, and when the user's password in the configuration
changes. It keeps the token of its forms, and the acts that were previewed and wait to be confirmed.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MOST_SESSIONS, MOST_TICKETS = 1000, 8
"""Sessions at a time, and acts of each that wait to be confirmed; the oldest is dropped."""


@dataclass
class Ticket:
    """An act that was previewed: what was entered, the file if one was uploaded, and what the
    preview showed.
    """

    act: str
    entered: dict[str, str]
    octets: bytes
    effect: Any


@dataclass
class Session:
    """One browser of one user; ``credential``: the hash of the password, or '' where a proxy signed
    the user in.
    """

    name: str
    credential: str
    began: float
    seen: float
    form_token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    tickets: dict[str, Ticket] = field(default_factory=dict)
    message: str = ""

    def owns(self, form_token: str) -> bool:
        """Whether a form was made for this session."""
        given = form_token.encode("utf-8", "replace")
        return hmac.compare_digest(given, self.form_token.encode())

    def keep(self, ticket: Ticket) -> str:
        """Keep an act until it is confirmed; its number. Of uploads only the last is kept."""
        if ticket.octets:
            self.tickets = {n: t for n, t in self.tickets.items() if not t.octets}
        while len(self.tickets) >= MOST_TICKETS:
            del self.tickets[next(iter(self.tickets))]
        number = secrets.token_urlsafe(16)
        self.tickets[number] = ticket
        return number

    def take_message(self) -> str:
        """What the next page shows, once."""
        message, self.message = self.message, ""
        return message


class Sessions:
    """The sessions of all users."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: dict[str, Session] = {}

    def begin(self, name: str, credential: str) -> tuple[str, Session]:
        """A new session, with its token."""
        while len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[min(self._sessions, key=lambda k: self._sessions[k].seen)]
        token, now = secrets.token_urlsafe(32), self._clock()
        session = Session(name, credential, now, now)
        self._sessions[_key(token)] = session
        return token, session

    def find(self, token: str, idle: float, longest: float) -> Session | None:
        """The session of *token*, where a request came in the last *idle* seconds, and it began in
        the last *longest*.
        """
        session, now = self._sessions.get(_key(token)), self._clock()
        if session is None:
            return None
        if now - session.seen >= idle or now - session.began >= longest:
            self.end(token)
            return None
        session.seen = now
        return session

    def end(self, token: str) -> None:
        """End the session of *token*, if there is one."""
        self._sessions.pop(_key(token), None)


def _key(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
