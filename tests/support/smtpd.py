"""A mail server in this process, on the loopback interface, with TLS and a temper."""

from __future__ import annotations

import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


class MailServer:
    """What a running server answers, and what it was sent. ``certificate``: a file with it and its
    key; ``replies``: by the first word of a command, '' for the greeting.
    """

    def __init__(self, certificate: Path | None) -> None:
        self.replies = {
            "": b"220 mx ESMTP\r\n",
            "EHLO": b"250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n",
            "STARTTLS": b"220 go on\r\n",
            "QUIT": b"221 bye\r\n",
        }
        self.commands: list[str] = []
        self.connections = 0
        self.port = 0
        self.drips = False
        """It sends an octet now and then, and never ends a line."""
        self.handshake = b""
        """What it sends instead of a TLS handshake."""
        self.ended = threading.Event()
        self.context: ssl.SSLContext | None = None
        if certificate is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate)


@contextmanager
def mail_server(certificate: Path | None = None) -> Iterator[MailServer]:
    """A server that runs until the block ends."""
    running = MailServer(certificate)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            running.connections += 1
            with suppress(OSError), ExitStack() as opened:
                self.talk(opened)

        def talk(self, opened: ExitStack) -> None:
            connection = self.request
            connection.settimeout(10)
            if running.drips:
                while not running.ended.wait(0.02):
                    connection.sendall(b"2")
                return
            connection.sendall(running.replies[""])
            stream = opened.enter_context(connection.makefile("rb"))
            while line := stream.readline(2000):
                command = line.decode("ascii", "replace").strip()
                running.commands.append(command)
                word = command.partition(" ")[0]
                connection.sendall(running.replies.get(word, b"500 no\r\n"))
                if word == "QUIT":
                    return
                if word == "STARTTLS" and running.replies[word].startswith(b"220"):
                    stream.close()
                    if running.handshake or running.context is None:
                        connection.recv(1)  # the client begins TLS
                        connection.sendall(running.handshake)
                        return
                    connection = opened.enter_context(
                        running.context.wrap_socket(
                            connection, server_side=True, do_handshake_on_connect=False
                        )
                    )
                    connection.do_handshake()
                    stream = opened.enter_context(connection.makefile("rb"))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        running.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield running
        finally:
            running.ended.set()
            server.shutdown()
            thread.join(10)


def wait_for(running: MailServer, command: str, seconds: float = 5) -> bool:
    """Whether the server is sent *command* within that time: the last one arrives after the end."""
    end = time.monotonic() + seconds
    while command not in running.commands and time.monotonic() < end:
        running.ended.wait(0.01)
    return command in running.commands
