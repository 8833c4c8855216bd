"""The scripted remote: an SMTP server (RFC 5321) that answers each recipient as remote.toml says
and keeps the rest.

Mail whose recipient is in the domain of SENDER is a returned bounce: it is kept for the lab to
read.
"""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path
from typing import NamedTuple

SENDER = "list@sender.example"
OWN = "@sender.example"
DOMAIN = "there.example"


class Case(NamedTuple):
    """One recipient: the name is its local part."""

    name: str
    reply: str
    stage: str = "rcpt"
    cause: str = ""


CASES = {
    c["name"]: Case(**c)
    for c in tomllib.loads((Path(__file__).parent / "remote.toml").read_text("utf-8"))["case"]
}


class Remote:
    """Listens on loopback; ``returned`` holds each message that was sent to a return address."""

    def __init__(self) -> None:
        self.returned: list[bytes] = []
        self.port = 0

    async def start(self) -> asyncio.Server:
        """Listen on a free port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(text: str) -> None:
            writer.write(text.replace("\n", "\r\n").encode() + b"\r\n")

        say("220 remote.there.example ESMTP")
        at_end, recipients = "250 2.0.0 Ok: queued", []
        while line := (await reader.readline()).decode("utf-8", "replace").strip():
            verb = line[:4].upper()
            if verb == "EHLO":
                say("250-remote.there.example\n250-8BITMIME\n250 ENHANCEDSTATUSCODES")
            elif verb == "RCPT":
                address = line.partition("<")[2].partition(">")[0]
                case = CASES.get(address.partition("@")[0])
                if case and case.stage == "data":
                    at_end = case.reply
                    say("250 2.1.5 Ok")
                else:
                    say(case.reply if case else "250 2.1.5 Ok")
                recipients.append(address)
            elif verb == "DATA":
                say("354 go ahead")
                raw = await reader.readuntil(b"\r\n.\r\n")
                if any(name.endswith(OWN) for name in recipients):
                    self.returned.append(raw[:-3].replace(b"\r\n..", b"\r\n."))
                say(at_end)
                at_end, recipients = "250 2.0.0 Ok: queued", []
            elif verb == "QUIT":
                say("221 2.0.0 bye")
                break
            else:
                say("250 2.0.0 Ok")
            await writer.drain()
        writer.close()
