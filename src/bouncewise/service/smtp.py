"""A server for the mail of a bounce address, by LMTP (RFC 2033) or SMTP (RFC 5321).

Reads: sessions of the mail server beside it. Gives: each accepted mail to *store*, and only then
the replies: by LMTP one for each recipient, by SMTP one. Refuses: recipients that no pattern allows
(550), mails that are too large (552), questions about mailboxes (VRFY, EXPN), commands with a line
end inside, and everything else than the protocol. Whatever is our fault is 451, so that the mail
server tries again.

It knows neither TLS nor AUTH, and relays nothing: it is no server for the Internet. A line ends
with CR LF only, so that no ending inside a mail (SMTP smuggling, CVE-2023-51764) ends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from fnmatch import translate
from typing import NamedTuple

from bouncewise.service.connections import Connections
from bouncewise.service.room import Room
from bouncewise.service.smtp_session import MAX_MAIL, TOO_LARGE, ClosedError, Session
from bouncewise.service.spool import SpoolFullError

MAX_RECIPIENTS = 1000
"""Recipients of one mail; RFC 5321 section 4.5.3.1.8 asks for at least 100."""

MAIL_SECONDS = 1800.0
"""Seconds that a mail may take from DATA to the dot."""

MAX_SESSIONS = 500
"""Sessions at a time; for another one, the one that was silent longest ends."""

_PATH = re.compile(r"(?:FROM|TO):\s*<([^<>\s]{0,320})>(?:\s|$)", re.I)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_EXTENSIONS = ("250-PIPELINING", "250-8BITMIME", "250-SMTPUTF8", "250-ENHANCEDSTATUSCODES")

Store = Callable[[bytes, str, tuple[str, ...]], Awaitable[None]]
"""Keeps a mail, with its sender and recipients; it is safe when this returns."""


class Dialect(NamedTuple):
    """In which LMTP and SMTP differ: the name in the greeting, the command that asks for
    extensions, other greetings, and whether each recipient has a reply after DATA.
    """

    name: str
    extended: str
    plain: str
    has_reply_each: bool


LMTP = Dialect("LMTP", "LHLO", "", True)
SMTP = Dialect("ESMTP", "EHLO", "HELO", False)


class MailServer:
    """Serves connections; ``stored`` and ``refused`` count mails and recipients."""

    def __init__(
        self,
        accept: tuple[str, ...],
        host: str,
        store: Store,
        dialect: Dialect,
        room: Room | None = None,
    ) -> None:
        """*accept*: patterns of recipients; *host*: how the server calls itself."""
        self._accept = re.compile("|".join(map(translate, accept)) or r"(?!)", re.I)
        self._host, self._store, self._dialect = host, store, dialect
        self._room = room or Room()
        self.is_stopping = False
        self.stored = self.refused = self._in_data = 0
        self.connections = Connections(MAX_SESSIONS)
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._verbs = {
            dialect.extended: self._extended,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": self._noop,
            "VRFY": self._refuse,
            "EXPN": self._refuse,
            "QUIT": self._quit,
        }
        if dialect.plain:
            self._verbs[dialect.plain] = self._plain

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One session, to its end."""
        session = Session(reader, writer)
        self.connections.add(session)
        try:
            await session.reply(f"220 {self._host} {self._dialect.name}")
            await self._commands(session)
        except (ClosedError, ConnectionError, TimeoutError, asyncio.CancelledError):
            pass  # (cancelled: the service ends)
        finally:
            self.connections.remove(session)
            writer.close()

    async def finish(self, seconds: float) -> None:
        """Accept no more mails, and wait until those that have begun are answered, at most that
        long.
        """
        self.is_stopping = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._is_idle.wait(), seconds)

    async def _commands(self, session: Session) -> None:
        while True:
            if self.is_stopping and not session.recipients:
                await session.reply("421 4.3.2 The service stops; try again later")
                return
            line = await session.line()
            if _CONTROL.search(line):
                await session.error("500 5.5.2 A command ends with CR LF and has none inside")
                continue
            verb, _, rest = line.partition(" ")
            command = self._verbs.get(verb.upper())
            if command is None:
                d = self._dialect
                verbs = f"{d.extended}, MAIL, RCPT, DATA, QUIT"
                await session.error(f"500 5.5.1 This is {d.name}: {verbs}")
            else:
                await command(session, rest)

    async def _extended(self, session: Session, _: str) -> None:
        session.reset()
        await session.reply(f"250-{self._host}", *_EXTENSIONS, f"250 SIZE {MAX_MAIL}")

    async def _plain(self, session: Session, _: str) -> None:
        session.reset()
        await session.reply(f"250 {self._host}")

    async def _rset(self, session: Session, _: str) -> None:
        session.reset()
        await session.reply("250 2.0.0 Ok")

    async def _noop(self, session: Session, _: str) -> None:
        await session.reply("250 2.0.0 Ok")

    async def _refuse(self, session: Session, _: str) -> None:
        await session.error("502 5.5.1 Mailboxes are not listed here")

    async def _quit(self, session: Session, _: str) -> None:
        await session.reply("221 2.0.0 Bye")
        raise ClosedError

    async def _mail(self, session: Session, rest: str) -> None:
        found = _PATH.match(rest)
        size = re.search(r"\bSIZE=(\d{1,20})\b", rest, re.I)
        if found is None:
            await session.error("501 5.5.4 Write MAIL FROM:<address>")
        elif session.sender is not None:
            await session.error("503 5.5.1 A mail has begun already")
        elif size and int(size[1]) > MAX_MAIL:
            await session.reply(TOO_LARGE)
        else:
            session.sender = found[1]
            await session.reply("250 2.1.0 Ok")

    async def _rcpt(self, session: Session, rest: str) -> None:
        found = _PATH.match(rest)
        if session.sender is None:
            await session.error("503 5.5.1 MAIL comes first")
        elif found is None or not found[1]:
            await session.error("501 5.5.4 Write RCPT TO:<address>")
        elif len(session.recipients) >= MAX_RECIPIENTS:
            await session.reply("452 4.5.3 Too many recipients; send the others in another mail")
        elif not self._accept.match(found[1]):
            self.refused += 1
            await session.reply("550 5.1.1 No such bounce address ([smtp] accept)")
        else:
            session.recipients.append(found[1])
            await session.reply("250 2.1.5 Ok")

    async def _data(self, session: Session, _: str) -> None:
        if not session.recipients:
            await session.error("503 5.5.1 RCPT comes first")
            return
        await session.reply("354 End the mail with a line that has only a dot")
        self._in_data += 1
        self._is_idle.clear()
        try:
            await self._receive(session)
        finally:
            self._in_data -= 1
            if not self._in_data:
                self._is_idle.set()

    async def _receive(self, session: Session) -> None:
        """The mail, and the replies to it."""
        with self._room.take() as place:
            async with asyncio.timeout(MAIL_SECONDS):
                mail = await session.mail(place)
            await self._store_mail(session, mail)

    async def _store_mail(self, session: Session, mail: bytes | str) -> None:
        """Store what was received, and send the replies."""
        recipients, sender = tuple(session.recipients), session.sender or ""
        if isinstance(mail, str):
            reply = mail
        else:
            try:
                await self._store(mail, sender, recipients)
                self.stored += 1
                reply = "250 2.0.0 Stored"
            except SpoolFullError:
                reply = "451 4.3.1 The spool is full; try again later"
            except Exception:  # a defect of ours must not lose the mail
                reply = "451 4.3.0 The mail could not be stored; try again later"
        session.reset()
        # RFC 2033 section 4.2 has one reply for each recipient.
        await session.reply(*[reply] * (len(recipients) if self._dialect.has_reply_each else 1))
