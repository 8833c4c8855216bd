"""One session of a mail server by LMTP or SMTP: lines, mails and replies.

Reads: octets of the connection. Gives: commands without their ends, and mails with the dots of
RFC 5321 section 4.5.2 taken off. Refuses, by ending the session, silence and endless lines.
"""

from __future__ import annotations

import asyncio

from bouncewise.service.connections import FOREVER, peer_of
from bouncewise.service.room import Place

MAX_MAIL = 32 << 20
"""Octets of one mail (SIZE, RFC 1870)."""

IDLE = 300.0
"""Seconds for which a session may be silent (RFC 5321 section 4.5.3.2.7)."""

_MAX_LINE = 4096
_MAX_ERRORS = 50
_READ = 1 << 16
_END = b"\r\n.\r\n"
_NO_ROOM = "451 4.3.1 Too much is being received at once; try again later"
TOO_LARGE = f"552 5.3.4 The mail is larger than {MAX_MAIL} octets"


class ClosedError(Exception):
    """The client has gone, is silent for too long, or sends no LMTP."""


class Session:
    """A connection and the mail that has begun on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._waiting = bytearray()
        self._errors = 0
        self.sender: str | None = None
        self.recipients: list[str] = []
        self.peer, self.since = peer_of(writer.transport), asyncio.get_running_loop().time()

    def patience(self) -> float:
        """See Member: each command and mail has a limit of its own."""
        return FOREVER

    def abort(self) -> None:
        """See Member."""
        self._writer.transport.abort()

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
            raise ClosedError

    async def line(self) -> str:
        """The next line, without its end."""
        async with asyncio.timeout(IDLE):
            return await self._line()

    async def _line(self) -> str:
        while (end := self._waiting.find(b"\r\n")) < 0:
            if len(self._waiting) > _MAX_LINE:
                await self.reply("500 5.5.2 Line too long")
                raise ClosedError
            await self._read()
        line = bytes(self._waiting[:end])
        del self._waiting[: end + 2]
        return line.decode("utf-8", "replace")

    async def mail(self, place: Place) -> bytes | str:
        """The mail up to the dot, with the dots of RFC 5321 section 4.5.2 taken off; the reply
        where it is too large, or *place* is.
        """
        if self._waiting[:3] == b".\r\n":
            del self._waiting[:3]
            return b""
        kept, refusal = bytearray(), ""
        while (end := self._waiting.find(_END)) < 0:
            # What may be the beginning of the end is looked at again.
            ready = max(0, len(self._waiting) - len(_END) + 1)
            if not refusal and len(kept) + ready > MAX_MAIL:
                refusal = TOO_LARGE
            elif not refusal and not place.grow(ready):
                refusal = _NO_ROOM
            if refusal:
                kept.clear()
            else:
                kept += self._waiting[:ready]
            del self._waiting[:ready]
            await self._read()
            if len(kept) == 0 and not refusal and self._waiting[:3] == b".\r\n":
                del self._waiting[:3]
                return b""
        kept += self._waiting[: end + 2]
        del self._waiting[: end + len(_END)]
        if refusal or len(kept) > MAX_MAIL:
            return refusal or TOO_LARGE
        mail = bytes(kept).replace(b"\r\n.", b"\r\n")
        return mail[1:] if mail[:1] == b"." else mail

    async def _read(self) -> None:
        data = await asyncio.wait_for(self._reader.read(_READ), IDLE)
        if not data:
            raise ClosedError
        self._waiting += data
        self.since = asyncio.get_running_loop().time()
