"""A small POP3 server for tests: one mailbox, faults on demand (RFC 1939, 2449, 5034)."""

from __future__ import annotations

import base64
import socketserver
import threading
from typing import Any

from support.imap import PASSWORD, USER, bearer_texts


class Pop3Server:
    """Serves until it is closed. ``messages``: by their names of UIDL; ``commands``: those that
    came, without what is secret in them.
    """

    def __init__(self) -> None:
        self.messages: dict[str, bytes] = {}
        self.capabilities = ["UIDL", "SASL PLAIN XOAUTH2"]
        self.tokens = {"good-token"}
        self.commands: list[str] = []
        self.cut_at = ""
        """A command on which the connection is closed, once."""
        self.refusals: dict[str, str] = {}
        """What RETR of a message is answered with; "" closes the connection."""
        self.lock = threading.Lock()
        server = self

        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                _Session(server, self.rfile, self.wfile).run()

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
            block_on_close = False

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def add(self, *messages: bytes) -> None:
        for message in messages:
            self.messages[f"uid-{len(self.messages) + 1}"] = message

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Session:
    """One connection; it has the mailbox for itself from its login on (RFC 1939 section 4)."""

    def __init__(self, server: Pop3Server, reading: Any, writing: Any) -> None:
        self._server, self._reading, self._writing = server, reading, writing
        self._names: list[str] = []
        self._deleted: set[str] = set()
        self._is_in = False

    def run(self) -> None:
        try:
            self._say("+OK ready")
            while line := self._reading.readline():
                command, _, argument = line.decode().strip().partition(" ")
                secret = command in ("PASS", "AUTH")
                self._server.commands.append(command if secret else line.decode().strip())
                if self._server.cut_at == command:
                    self._server.cut_at = ""
                    return
                if command == "QUIT":
                    for name in self._deleted:
                        self._server.messages.pop(name, None)
                    self._say("+OK bye")
                    return
                if not getattr(self, f"_{command.lower()}")(argument):
                    return
        except OSError:
            pass
        finally:
            if self._is_in:
                self._server.lock.release()

    def _say(self, line: str) -> bool:
        self._writing.write(line.encode() + b"\r\n")
        self._writing.flush()
        return True

    def _lines(self, *lines: str) -> bool:
        return self._say("\r\n".join(["+OK", *lines, "."]))

    def _capa(self, _: str) -> bool:
        return self._lines(*self._server.capabilities)

    def _user(self, _: str) -> bool:
        return self._say("+OK")

    def _pass(self, given: str) -> bool:
        return self._enter() if given == PASSWORD else self._say("-ERR [AUTH] no")

    def _auth(self, mechanism: str) -> bool:
        self._say("+ ")
        given = base64.b64decode(self._reading.readline()).decode()
        if mechanism == "PLAIN":
            good = given == f"\0{USER}\0{PASSWORD}"
        else:
            good = given in bearer_texts(mechanism, self._server.port, self._server.tokens)
            if not good:
                self._say("+ " + base64.b64encode(b'{"status":"400"}').decode())
                self._reading.readline()
        return self._enter() if good else self._say(f"-ERR [AUTH] not {given[-30:]!r}")

    def _enter(self) -> bool:
        self._is_in = self._server.lock.acquire(timeout=5)
        if not self._is_in:
            return self._say("-ERR [IN-USE] locked")
        self._names = list(self._server.messages)
        return self._say("+OK in")

    def _uidl(self, _: str) -> bool:
        return self._lines(*(f"{n} {name}" for n, name in enumerate(self._names, 1)))

    def _retr(self, number: str) -> bool:
        name = self._names[int(number) - 1]
        refusal = self._server.refusals.get(name)
        if refusal is not None:
            return bool(refusal) and self._say(refusal)
        text = self._server.messages[name].replace(b"\r\n.", b"\r\n..")
        self._writing.write(b"+OK\r\n" + text + b"\r\n.\r\n")
        self._writing.flush()
        return True

    def _dele(self, number: str) -> bool:
        self._deleted.add(self._names[int(number) - 1])
        return self._say("+OK")
