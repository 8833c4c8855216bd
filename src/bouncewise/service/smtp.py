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

from bouncewise.service.spool import SpoolFullError

MAX_MAIL = 32 << 20
"""Octets of one mail (SIZE, RFC 1870)."""

MAX_RECIPIENTS = 1000
"""Recipients of one mail; RFC 5321 section 4.5.3.1.8 asks for at least 100."""

IDLE = 300.0
"""Seconds for which a session may be silent (RFC 5321 section 4.5.3.2.7)."""

MAX_SESSIONS = 500
"""Sessions at a time: each may hold a mail in memory."""

_MAX_LINE = 4096
_MAX_ERRORS = 50
_READ = 1 << 16
_PATH = re.compile(r"(?:FROM|TO):\s*<([^<>\s]{0,320})>(?:\s|$)", re.I)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_EXTENSIONS = ("250-PIPELINING", "250-8BITMIME", "250-SMTPUTF8", "250-ENHANCEDSTATUSCODES")
_END = b"\r\n.\r\n"

Store = Callable[[bytes, str, tuple[str, ...]], Awaitable[None]]
"""Keeps a mail, with its sender and recipients; it is safe when this returns."""


class _ClosedError(Exception):
    """The client has gone, is silent for too long, or sends no LMTP."""


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

    def __init__(self, accept: tuple[str, ...], host: str, store: Store, dialect: Dialect) -> None:
        """*accept*: patterns of recipients; *host*: how the server calls itself."""
        self._accept = re.compile("|".join(map(translate, accept)) or r"(?!)", re.I)
        self._host, self._store, self._dialect = host, store, dialect
        self.is_stopping = False
        self.stored = self.refused = self._sessions = self._in_data = 0
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
        session = _Session(reader, writer)
        self._sessions += 1
        try:
            if self._sessions > MAX_SESSIONS:
                await session.reply("421 4.3.2 Too many sessions; try again later")
                return
            await session.reply(f"220 {self._host} {self._dialect.name}")
            await self._commands(session)
        except (_ClosedError, ConnectionError, TimeoutError, asyncio.CancelledError):
            pass  # (cancelled: the service ends)
        finally:
            self._sessions -= 1
            writer.close()

    async def finish(self, seconds: float) -> None:
        """Accept no more mails, and wait until those that have begun are answered, at most that
        long.
        """
        self.is_stopping = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._is_idle.wait(), seconds)

    async def _commands(self, session: _Session) -> None:
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

    async def _extended(self, session: _Session, _: str) -> None:
        session.reset()
        await session.reply(f"250-{self._host}", *_EXTENSIONS, f"250 SIZE {MAX_MAIL}")

    async def _plain(self, session: _Session, _: str) -> None:
        session.reset()
        await session.reply(f"250 {self._host}")

    async def _rset(self, session: _Session, _: str) -> None:
        session.reset()
        await session.reply("250 2.0.0 Ok")

    async def _noop(self, session: _Session, _: str) -> None:
        await session.reply("250 2.0.0 Ok")

    async def _refuse(self, session: _Session, _: str) -> None:
        await session.error("502 5.5.1 Mailboxes are not listed here")

    async def _quit(self, session: _Session, _: str) -> None:
        await session.reply("221 2.0.0 Bye")
        raise _ClosedError

    async def _mail(self, session: _Session, rest: str) -> None:
        found = _PATH.match(rest)
        size = re.search(r"\bSIZE=(\d{1,20})\b", rest, re.I)
        if found is None:
            await session.error("501 5.5.4 Write MAIL FROM:<address>")
        elif session.sender is not None:
            await session.error("503 5.5.1 A mail has begun already")
        elif size and int(size[1]) > MAX_MAIL:
            await session.reply(f"552 5.3.4 The mail is larger than {MAX_MAIL} octets")
        else:
            session.sender = found[1]
            await session.reply("250 2.1.0 Ok")

    async def _rcpt(self, session: _Session, rest: str) -> None:
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

    async def _data(self, session: _Session, _: str) -> None:
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

    async def _receive(self, session: _Session) -> None:
        """The mail, and the replies to it."""
        mail = await session.mail()
        recipients, sender = tuple(session.recipients), session.sender or ""
        if mail is None:
            reply = f"552 5.3.4 The mail is larger than {MAX_MAIL} octets"
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


class _Session:
    """A connection and the mail that has begun on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._waiting = bytearray()
        self._errors = 0
        self.sender: str | None = None
        self.recipients: list[str] = []

    def reset(self) -> None:
        """Forget the mail that has begun."""
        self.sender, self.recipients = None, []

    async def reply(self, *lines: str) -> None:
        """Send *lines*."""
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode("ascii", "replace"))
        await asyncio.wait_for(self._writer.drain(), IDLE)

    async def error(self, line: str) -> None:
        """Send the reply to a command that is wrong; after many of them, end."""
        await self.reply(line)
        self._errors += 1
        if self._errors > _MAX_ERRORS:
            raise _ClosedError

    async def line(self) -> str:
        """The next line, without its end."""
        while (end := self._waiting.find(b"\r\n")) < 0:
            if len(self._waiting) > _MAX_LINE:
                await self.reply("500 5.5.2 Line too long")
                raise _ClosedError
            await self._read()
        line = bytes(self._waiting[:end])
        del self._waiting[: end + 2]
        return line.decode("utf-8", "replace")

    async def mail(self) -> bytes | None:
        """The mail up to the dot, with the dots of RFC 5321 section 4.5.2 taken off; None where it
        is too large.
        """
        if self._waiting[:3] == b".\r\n":
            del self._waiting[:3]
            return b""
        kept, is_too_large = bytearray(), False
        while (end := self._waiting.find(_END)) < 0:
            # What may be the beginning of the end is looked at again.
            ready = max(0, len(self._waiting) - len(_END) + 1)
            if is_too_large or len(kept) + ready > MAX_MAIL:
                is_too_large, kept = True, bytearray()
            else:
                kept += self._waiting[:ready]
            del self._waiting[:ready]
            await self._read()
            if len(kept) == 0 and not is_too_large and self._waiting[:3] == b".\r\n":
                del self._waiting[:3]
                return b""
        kept += self._waiting[: end + 2]
        del self._waiting[: end + len(_END)]
        if is_too_large or len(kept) > MAX_MAIL:
            return None
        mail = bytes(kept).replace(b"\r\n.", b"\r\n")
        return mail[1:] if mail[:1] == b"." else mail

    async def _read(self) -> None:
        data = await asyncio.wait_for(self._reader.read(_READ), IDLE)
        if not data:
            raise _ClosedError
        self._waiting += data
