"""A small IMAP server for tests: one account, folders of messages, faults on demand (RFC 3501,
6851, 4315, 2177, and XOAUTH2).
"""

from __future__ import annotations

import base64
import re
import select
import socketserver
import ssl
import threading
from pathlib import Path
from typing import Any

USER, PASSWORD, TOKEN = "bounces@shop.example", 'se cret"ü', "good-token"


class ImapServer:
    """Serves until it is closed. ``commands`` are those that came, without what they contain that
    is secret.
    """

    def __init__(self, certificate: Path | None = None) -> None:
        self.folders: dict[str, dict[int, bytes]] = {"INBOX": {}}
        self.flags: dict[int, str] = {}
        self.validity, self.next = 7, 1
        self.capabilities = "IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR MOVE UIDPLUS IDLE"
        self.tokens = {TOKEN}
        self.commands: list[str] = []
        self.cut_at = ""
        """A command on which the connection is closed, once."""
        self.refusals: dict[int, str] = {}
        """What FETCH of a UID is answered with: an untagged line, or a tagged NO or BAD."""
        self.next_stated = 0
        """A UIDNEXT that is stated in place of ``next``."""
        context = None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
        server = self

        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                sock = self.request
                try:
                    if context is not None:
                        sock = context.wrap_socket(sock, server_side=True)
                    with sock.makefile("rwb") as file:
                        _Session(server, sock, file).run()
                except (OSError, ValueError):
                    pass
                finally:
                    sock.close()

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
            block_on_close = False

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def add(self, *messages: bytes, folder: str = "INBOX") -> None:
        for message in messages:
            self.folders[folder][self.next] = message
            self.next += 1

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def bearer_texts(mechanism: str, port: int, tokens: set[str]) -> set[str]:
    """What a client with one of *tokens* sends (RFC 7628 section 3.1, and Google's XOAUTH2)."""
    head = f"user={USER}\1"
    if mechanism == "OAUTHBEARER":
        head = f"n,a={USER},\1host=127.0.0.1\1port={port}\1"
    return {f"{head}auth=Bearer {token}\1\1" for token in tokens}


class _CutError(OSError):
    """The connection is to be closed."""


class _Session:
    """One connection."""

    def __init__(self, server: ImapServer, sock: Any, file: Any) -> None:
        self._server, self._sock, self._file = server, sock, file
        self._folder: dict[int, bytes] = {}

    def run(self) -> None:
        self._say("* OK ready")
        while line := self._file.readline():
            tag, _, rest = line.decode().strip().partition(" ")
            with_uid = rest.upper().startswith("UID ")
            command, _, arguments = (rest[4:] if with_uid else rest).partition(" ")
            name = f"UID {command.upper()}" if with_uid else command.upper()
            secret = name in ("LOGIN", "AUTHENTICATE")
            self._server.commands.append(name if secret else f"{name} {arguments}".strip())
            if self._server.cut_at and self._server.cut_at == name:
                self._server.cut_at = ""
                raise _CutError
            method = getattr(self, f"_{name.lower().replace(' ', '_')}")
            self._say(f"{tag} {method(arguments) or 'OK done'}")

    def _say(self, line: str) -> None:
        self._file.write(line.encode() + b"\r\n")
        self._file.flush()

    def _capability(self, _: str) -> None:
        self._say(f"* CAPABILITY {self._server.capabilities}")

    def _login(self, arguments: str) -> str:
        expected = PASSWORD.replace('"', '\\"')
        good = arguments in (f'{USER} "{expected}"', f'"{USER}" "{expected}"')
        return "OK in" if good else "NO [AUTHENTICATIONFAILED] no"

    def _authenticate(self, mechanism: str) -> str:
        self._say("+ ")
        given = base64.b64decode(self._file.readline()).decode()
        if mechanism == "PLAIN":
            good = given == f"\0{USER}\0{PASSWORD}"
        else:
            good = given in bearer_texts(mechanism, self._server.port, self._server.tokens)
            if not good:
                self._say("+ " + base64.b64encode(b'{"status":"400"}').decode())
                expected = b"AQ==\r\n" if mechanism == "OAUTHBEARER" else b"\r\n"
                assert self._file.readline() == expected
        return "OK in" if good else f"NO [AUTHENTICATIONFAILED] not {given.split(chr(0))[-1]}"

    def _select(self, arguments: str) -> str:
        name = arguments.strip('"')
        if name not in self._server.folders:
            return "NO [NONEXISTENT] no such folder"
        self._folder = self._server.folders[name]
        self._seen = self._server.next
        self._say(f"* {len(self._folder)} EXISTS")
        self._say(f"* OK [UIDVALIDITY {self._server.validity}] ok")
        self._say(f"* OK [UIDNEXT {self._server.next_stated or self._server.next}] ok")
        return "OK [READ-WRITE] open"

    def _examine(self, arguments: str) -> str:
        done = self._select(arguments)
        return done.replace("READ-WRITE", "READ-ONLY")

    def _uid_search(self, arguments: str) -> None:
        found = " ".join(str(uid) for uid in self._within(arguments.split()[1]))
        self._say(f"* SEARCH {found}".strip())

    def _uid_fetch(self, arguments: str) -> str | None:
        names, _, what = arguments.partition(" ")
        if refusal := self._server.refusals.get(int(names), ""):
            if not refusal.startswith("* "):
                return refusal
            self._say(refusal)
            return None
        limit = int(re.search(r"BODY\.PEEK\[\]<0\.(\d+)>", what)[1])  # type: ignore[index]
        for uid in self._within(names):
            body = self._folder[uid][:limit]
            self._file.write(f"* 1 FETCH (UID {uid} BODY[]<0> {{{len(body)}}}\r\n".encode())
            self._file.write(body + b")\r\n")
        self._say("* 3 FETCH (FLAGS (\\Seen))")
        return None

    def _create(self, arguments: str) -> None:
        self._server.folders[arguments.strip('"')] = {}

    def _uid_move(self, arguments: str) -> str | None:
        refused = self._uid_copy(arguments)
        if refused is None:
            for uid in self._within(arguments.partition(" ")[0]):
                del self._folder[uid]
        return refused

    def _uid_copy(self, arguments: str) -> str | None:
        names, _, target = arguments.partition(" ")
        folder = self._server.folders.get(target.strip('"'))
        if folder is None:
            return "NO [TRYCREATE] no such folder"
        folder |= {uid: self._folder[uid] for uid in self._within(names)}
        return None

    def _uid_store(self, arguments: str) -> None:
        names, _, flags = arguments.partition(" ")
        for uid in self._within(names):
            self._server.flags[uid] = flags

    def _uid_expunge(self, names: str) -> None:
        for uid in self._within(names):
            if "Deleted" in self._server.flags.get(uid, ""):
                del self._folder[uid]

    def _idle(self, _: str) -> str:
        if self._server.next != self._seen:
            self._file.write(b"+ idling\r\n* 9 EXISTS\r\n")  # in one packet
            self._file.flush()
        else:
            self._say("+ idling")
            while self._server.next == self._seen:
                if select.select([self._sock], [], [], 0.02)[0]:
                    break
            self._say("* 9 EXISTS")
        assert self._file.readline().strip() == b"DONE"
        return "OK idle ended"

    def _logout(self, _: str) -> None:
        self._say("* BYE")

    def _within(self, names: str) -> list[int]:
        found = []
        for part in names.split(","):
            first, _, last = part.partition(":")
            found += [uid for uid in self._folder if int(first) <= uid <= int(last or first)]
        return sorted(found)
