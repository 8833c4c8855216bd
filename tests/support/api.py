"""The HTTP API over a ledger with an outage, notices, acts, an import and a ruling."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from bouncewise.classifier.classify import default_classifier
from bouncewise.config.service import Token, TokenScope
from bouncewise.config.settings import Settings
from bouncewise.errors import InputError
from bouncewise.ledger import Store, locate, open_store
from bouncewise.net.servers import Server
from bouncewise.operations.check import Known
from bouncewise.policy.load import load
from bouncewise.service.api.backend import Backend
from bouncewise.service.api.lookups import Lookups
from bouncewise.service.app import application
from bouncewise.service.inbox import Inbox
from bouncewise.service.spool import Writer
from bouncewise.service.state import State
from bouncewise.service.tokens import digest, make
from support.cli import bouncewise
from support.ledgers import schema_4

TOKENS = {scope: make(f"{scope}er", (scope,)).token for scope in TokenScope}
OTHER_WRITER = make("other", (TokenScope.WRITE,)).token


def _no_servers() -> tuple[Server, ...]:
    raise InputError("no name server")


BLOCKED = "550 5.7.1 Client host [192.0.2.9] blocked using zen.spamhaus.org"
UNKNOWN = "550 5.1.1 User unknown"


def _lines() -> Iterator[str]:
    """A log of Postfix: mail that a blocklist stopped; and a domain that took mail for 40
    addresses, and has refused 30 of them at once for an hour.
    """
    lately = datetime.now(UTC) - timedelta(hours=1)
    before = lately - timedelta(days=8)
    for number in range(40):
        yield _line(before, number, "out.example", "")
    for number in range(30):
        yield _line(lately, number, "out.example", UNKNOWN)
    for number in range(5):
        yield _line(lately, number, "blocked.example", BLOCKED)


def _line(begin: datetime, number: int, domain: str, refusal: str) -> str:
    host = f"mx.{domain}[192.0.2.1]"
    end = f"dsn=5.0.0, status=bounced (host {host} said: {refusal} (in reply to RCPT TO command))"
    if not refusal:
        end = "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued)"
    at = begin + timedelta(seconds=number)
    return (
        f"{at:%Y-%m-%dT%H:%M:%S}+00:00 mx postfix/smtp[1]: 4bAC{number}: to=<u{number}@{domain}>, "
        f"relay={host}:25, delay=1, delays=0/0/0/1, {end}\n"
    )


class Api:
    """A running application, and a client of it."""

    def __init__(self, folder: Path, url: str = "") -> None:
        """*url*: of a ledger in PostgreSQL, which only has the log."""
        self.ledger: Any = url or schema_4(folder)
        self.folder, self.lines = folder / "spool", list[str]()
        log = folder / "mail.log"
        log.write_text("".join(_lines()))
        done = bouncewise(folder, "ingest", log, "--db", self.ledger)  # (and brings it up to date)
        assert done.returncode == 0, done.stderr
        named = [(f"{scope}er", token, scope) for scope, token in TOKENS.items()]
        named.append(("other", OTHER_WRITER, TokenScope.WRITE))
        tokens = tuple(Token(name=n, sha256=digest(t), scopes=(s,)) for n, t, s in named)
        self.inbox = Inbox(Writer(self.folder, 1 << 30), self.lines.append)
        self.state = State(Settings(token=tokens), self.inbox, self.folder, self.lines.append)
        self.backend = Backend(
            locate(self.ledger),
            self.folder,
            load(),
            default_classifier,
            lambda: self.state.settings,
            Lookups(None, _no_servers),
        )
        self.client = TestClient(application(self.state, self.backend))

    @contextlib.contextmanager
    def running(self) -> Iterator[Api]:
        """One loop for all requests, with the ledger as ``check`` sees it."""
        with self.client, contextlib.ExitStack() as opened:
            assert self.client.portal is not None
            call = self.client.portal.call
            ledger: Store = call(lambda: open_store(self.ledger, read_only=True))
            opened.callback(lambda: call(ledger.close))
            call(lambda: self.state.use_ledger(ledger, load(), Known.of(ledger, ledger.version())))
            yield self

    def ask(self, method: str, path: str, token: str = "", **more: Any) -> Any:
        """The answer; by a token with the right scope, unless another is named."""
        scope = TokenScope.READ
        if method == "DELETE" or any(
            f"/v1/{part}" in path and method == "POST"
            for part in ("suppressions", "confirmed", "imports", "incidents")
        ):
            scope = TokenScope.WRITE
        elif path.startswith("/v1/check"):
            scope = TokenScope.CHECK
        headers = {"Authorization": f"Bearer {token or TOKENS[scope]}", **more.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **more)

    def json(self, method: str, path: str, **more: Any) -> Any:
        """The JSON of an answer that is no error."""
        answer = self.ask(method, path, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()
