"""A mailbox by POP3: each message once, deleted only after it is in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from bouncewise.config.inputs import Fetch, MailboxKind, Security
from bouncewise.errors import ConfigError
from bouncewise.service.mailboxes import mailbox, pop3
from bouncewise.service.mailboxes.base import MailboxError
from bouncewise.service.mailboxes.mailbox import Mailbox
from bouncewise.service.mailboxes.position import position_of
from service.test_mailbox import LETTER, Stored, bounce, dead, run
from support.cli import bouncewise
from support.imap import PASSWORD, TOKEN, USER
from support.pop3 import Pop3Server


@pytest.fixture
def server() -> Iterator[Pop3Server]:
    made = Pop3Server()
    yield made
    made.close()


@pytest.fixture
def fetch(server: Pop3Server, tmp_path: Path) -> Fetch:
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n", "utf-8")
    return Fetch(
        name="box",
        kind=MailboxKind.POP3,
        host="127.0.0.1",
        port=server.port,
        security=Security.NONE,
        user=USER,
        password=f"file:{secret}",
    )


def test_messages_stay_and_are_read_once_whatever_their_numbers(
    fetch: Fetch, server: Pop3Server
) -> None:
    server.add(bounce(1), LETTER, bounce(2))
    first = run(fetch, server)  # type: ignore[arg-type]
    assert first.recipients() == dead(1, 2)
    assert not any(c.startswith("DELE") for c in server.commands)
    server.messages = {"new": bounce(3), **server.messages}
    del server.messages["uid-1"]
    again = run(fetch, server, first.position)  # type: ignore[arg-type]
    assert again.recipients() == dead(3)
    assert len(position_of(again.position).known) == 3  # what is gone is forgotten


def test_reports_are_deleted_after_they_are_stored(fetch: Fetch, server: Pop3Server) -> None:
    server.add(bounce(1), LETTER, bounce(2))
    stored = run(msgspec.structs.replace(fetch, delete=True), server)  # type: ignore[arg-type]
    assert stored.recipients() == dead(1, 2)
    assert list(server.messages.values()) == [LETTER]
    assert server.commands.index("(stored)") < server.commands.index("DELE 1")


@pytest.mark.parametrize("command", ["CAPA", "AUTH", "UIDL", "RETR", "DELE", "QUIT"])
def test_a_lost_connection_loses_and_doubles_nothing(
    fetch: Fetch, server: Pop3Server, command: str
) -> None:
    server.add(bounce(1), bounce(2), LETTER)
    deleting = msgspec.structs.replace(fetch, delete=True)
    server.cut_at = command
    stored = Stored(server)  # type: ignore[arg-type]
    with pytest.raises(MailboxError):
        Mailbox(deleting).run("", stored)
    assert len(server.messages) == 3
    again = run(deleting, server, stored.position)  # type: ignore[arg-type]
    assert sorted(stored.recipients() + again.recipients()) == dead(1, 2)
    assert list(server.messages.values()) == [LETTER]


@pytest.mark.parametrize("refusal", ["-ERR no", "", "what?"])
def test_a_message_that_cannot_be_fetched_does_not_block_the_others(
    fetch: Fetch, server: Pop3Server, refusal: str
) -> None:
    server.add(bounce(1), bounce(2), bounce(3))
    server.refusals["uid-2"] = refusal
    stored = Stored(server)  # type: ignore[arg-type]
    for _ in range(mailbox.MOST_DROPS + 1):
        try:
            Mailbox(fetch).run(stored.position, stored)
        except MailboxError as bad:
            assert "closed the connection" in str(bad)
    assert stored.recipients() == dead(1, 3)
    assert position_of(stored.position).skipped == ("uid-2",)
    assert "it stays unread after" in stored.said[-1]


def test_large_messages_and_long_lines_are_read_as_far_as_they_fit(
    fetch: Fetch, server: Pop3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pop3, "MAX_MESSAGE", 200_000)
    dotted = b"From: a@b.example\r\n\r\n..two\r\n.\r\n" + b"y" * 100_000
    server.add(bounce(1) + b"x" * 1_000_000, dotted)
    maildrop = pop3.Maildrop(fetch, mailbox.Credentials(fetch))
    names = [name for page in maildrop.changes("") for name in page.names]
    assert maildrop.message(names[0]) == (bounce(1) + b"x" * 1_000_000)[:200_000]
    assert maildrop.message(names[1]) == dotted + b"\r\n"
    maildrop.close()


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_a_token_logs_in(fetch: Fetch, server: Pop3Server, tmp_path: Path, mechanism: str) -> None:
    server.capabilities = ["UIDL", f"SASL {mechanism}"]
    program = tmp_path / "token"
    program.write_text(f"#!/bin/sh\necho {TOKEN}\n")
    program.chmod(0o700)
    by_token = msgspec.structs.replace(fetch, password="", token_command=(str(program),))
    server.add(bounce(1))
    assert run(by_token, server).recipients() == dead(1)  # type: ignore[arg-type]
    server.tokens.clear()
    with pytest.raises(MailboxError, match="refuses the login") as refused:
        run(by_token, server)  # type: ignore[arg-type]
    assert TOKEN not in str(refused.value)


def test_a_password_without_sasl_logs_in(fetch: Fetch, server: Pop3Server, tmp_path: Path) -> None:
    server.capabilities = ["UIDL"]
    server.add(bounce(1))
    assert run(fetch, server).recipients() == dead(1)  # type: ignore[arg-type]
    (tmp_path / "password").write_text("another-secret")
    with pytest.raises(MailboxError, match="refuses the login") as refused:
        run(fetch, server)  # type: ignore[arg-type]
    assert "another-secret" not in str(refused.value)


def test_pop3_moves_nothing(fetch: Fetch) -> None:
    with pytest.raises(ConfigError, match="POP3 has no folders"):
        Mailbox(msgspec.structs.replace(fetch, move_to="Done"))


def test_fetch_reads_a_mailbox_by_pop3(fetch: Fetch, server: Pop3Server, tmp_path: Path) -> None:
    (tmp_path / "bouncewise.toml").write_text(
        f'[[fetch]]\nname = "box"\nkind = "pop3"\nhost = "127.0.0.1"\nport = {server.port}\n'
        f'security = "none"\nuser = "{USER}"\npassword = "{fetch.password}"\n'
    )
    server.add(bounce(1), LETTER)
    call = ("fetch", "--delete", "--db", "ledger", "--config", "bouncewise.toml")
    done = bouncewise(tmp_path, *call, "--dry-run")
    assert b"1 reports in 1 messages would be deleted" in done.stdout
    assert len(server.messages) == 2
    done = bouncewise(tmp_path, *call)
    assert (done.returncode, done.stdout) == (0, b"1 reports; 1 new to the ledger\n")
    assert list(server.messages.values()) == [LETTER]
