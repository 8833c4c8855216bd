"""A folder of a mailbox by IMAP (RFC 3501) over TLS.

Reads: the settings of a mailbox. Gives: its messages as octets, by UID, without a flag being
changed; moves and deletes exactly those that are named, for which the server needs MOVE (RFC 6851)
or UIDPLUS (RFC 4315); waits by IDLE (RFC 2177) where there is one. Refuses with MailboxError what
the server refuses; no message of ours contains a password or token.
"""

from __future__ import annotations

import contextlib
import imaplib
import re
import select
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

from bouncewise.config.inputs import Fetch
from bouncewise.config.secrets import secret_at
from bouncewise.readers.messages.interpret import MAX_MESSAGE
from bouncewise.service.imap_wire import (
    MOST_TEXT,
    TIMEOUT,
    MailboxError,
    ProtocolError,
    RefusedError,
    connected,
    errors,
    number,
    text_of,
)

_WINDOW = 5000  # UIDs that are searched together; imaplib refuses lines of a megabyte
_LOOK = 0.5  # seconds after which IDLE looks whether it is to end


class MessageError(MailboxError):
    """One message cannot be fetched; the next may be."""


class Folder:
    """A connection on which the folder of *fetch* is open. Raises MailboxError, and ConfigError
    where the password cannot be read.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch, self._validity = fetch, 0
        self._connect()

    def _connect(self) -> None:
        fetch = self._fetch
        secret = _token(fetch.token_command) if fetch.token_command else secret_at(fetch.password)
        with errors("connecting"):
            self._connection = connected(fetch)
        try:
            self._log_in(secret)
        except BaseException:
            self.close()
            raise
        self._capabilities = self._connection.capabilities

    def _log_in(self, secret: str) -> None:
        user, connection = self._fetch.user, self._connection
        try:
            if self._fetch.token_command:
                text = f"user={user}\1auth=Bearer {secret}\1\1"
                # (an error is a challenge, which is answered with nothing)
                connection.authenticate("XOAUTH2", lambda error: b"" if error else text.encode())
            elif "AUTH=PLAIN" in connection.capabilities:
                connection.authenticate("PLAIN", lambda _: f"\0{user}\0{secret}".encode())
            else:
                connection.login(user, secret)
            connection._get_capabilities()  # (others after a login)
        except imaplib.IMAP4.abort as bad:
            raise MailboxError(f"logging in: {text_of(bad).replace(secret, '…')}") from None
        except imaplib.IMAP4.error as bad:
            answer = text_of(bad).replace(secret, "…")
            raise MailboxError(f"the server refuses the login of {user}: {answer}") from None
        except OSError as bad:
            raise MailboxError(f"logging in: {bad}") from None
        except UnicodeEncodeError:
            raise MailboxError("the server takes only passwords in ASCII") from None

    def open(self) -> tuple[int, int]:
        """Open the folder, anew if it is open; its UIDVALIDITY and the next UID. Nothing can be
        changed in it unless messages are to be moved or deleted.
        """
        is_kept = not (self._fetch.move_to or self._fetch.delete)
        self._do("opening the folder", "select", _quoted(self._fetch.folder), is_kept)
        validity, following = self._number("UIDVALIDITY"), self._number("UIDNEXT")
        if not validity:
            raise MailboxError("opening the folder: the server states no UIDVALIDITY")
        self._validity = validity
        return validity, following or 1 << 32

    def uids(self, first: int, end: int) -> Iterator[int]:
        """The UIDs from *first* up to, and without, *end*, in their order."""
        window = _WINDOW
        while first < end:
            last = min(first + window, end) - 1
            data = self._do("searching", "uid", "SEARCH", "UID", f"{first}:{last}")
            words = b" ".join(part for part in data if isinstance(part, bytes)).split()
            found = sorted({number(word, "searching") for word in words if word.isdigit()})
            found = [uid for uid in found if first <= uid <= last]
            yield from found
            first, window = last + 1, _WINDOW if found else min(window * 4, 1 << 30)

    def message(self, uid: int) -> bytes | None:
        """The first MAX_MESSAGE octets of a message; None if it is not there any more. Raises
        MessageError where it cannot be fetched, but the next one can.
        """
        what = f"(UID BODY.PEEK[]<0.{MAX_MESSAGE}>)"
        try:
            data = self._do("fetching", "uid", "FETCH", str(uid), what)
        except RefusedError as bad:
            raise MessageError(str(bad)) from None
        except ProtocolError as bad:
            self._begin_again()
            raise MessageError(str(bad)) from None
        return _body(data, uid)

    def _begin_again(self) -> None:
        """Open the folder by another connection."""
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            self._connection.shutdown()
        self._connect()
        validity = self._validity
        if self.open()[0] != validity:
            raise MailboxError("opening the folder: UIDVALIDITY has changed")

    def check_changes(self) -> None:
        """Raises MailboxError where the server cannot do what the settings ask for."""
        is_safe = "UIDPLUS" in self._capabilities
        if (self._fetch.delete and not is_safe) or (
            self._fetch.move_to and not is_safe and "MOVE" not in self._capabilities
        ):
            raise MailboxError(
                "the server has neither MOVE nor UIDPLUS, without which other messages could be"
                " removed; leave the messages where they are"
            )

    def put_away(self, uids: tuple[int, ...]) -> None:
        """Move or delete messages, as the settings say; those that are gone are passed."""
        if not uids:
            return
        names = ",".join(map(str, uids))
        if self._fetch.move_to:
            self._move(names)
        elif self._fetch.delete:
            self._expunge(names)

    def _move(self, names: str) -> None:
        target, is_moved = _quoted(self._fetch.move_to), "MOVE" in self._capabilities
        command = "MOVE" if is_moved else "COPY"
        try:
            self._do("moving", "uid", command, names, target)
        except MailboxError as bad:
            if "TRYCREATE" not in str(bad).upper():
                raise
            self._do("creating the folder", "create", target)
            self._do("moving", "uid", command, names, target)
        if not is_moved:
            self._expunge(names)

    def _expunge(self, names: str) -> None:
        self._do("deleting", "uid", "STORE", names, "+FLAGS.SILENT", r"(\Deleted)")
        self._do("deleting", "uid", "EXPUNGE", names)

    def wait(self, seconds: float, is_over: Callable[[], bool]) -> None:
        """Wait for a change in the folder, *seconds*, or until *is_over*."""
        end = time.monotonic() + seconds
        if "IDLE" not in self._capabilities:
            while not is_over() and (left := end - time.monotonic()) > 0:
                time.sleep(min(left, _LOOK))
            return
        with errors("waiting"):
            self._idle(end, is_over)

    def _idle(self, end: float, is_over: Callable[[], bool]) -> None:
        # (past imaplib's buffer, of which nobody can ask whether it has something)
        connection: Any = self._connection
        tag = connection._new_tag()
        connection.send(tag + b" IDLE\r\n")
        answer = re.compile(rb"^(?:\+|" + tag + rb" )[^\n]*\n", re.M)
        data = _received(connection.sock, b"", answer)
        begun = answer.search(data)
        if begun is None or not begun[0].startswith(b"+"):
            raise MailboxError(f"waiting: {data.decode('ascii', 'replace').strip()[:MOST_TEXT]}")
        data = data[begun.end() :]
        while not data and not is_over() and (left := end - time.monotonic()) > 0:
            if _has_data(connection.sock, min(left, _LOOK)):
                break
        connection.send(b"DONE\r\n")
        _received(connection.sock, data, re.compile(b"^" + tag + rb" [^\n]*\n", re.M))

    def close(self) -> None:
        """Log out."""
        try:
            self._connection.logout()
        except (imaplib.IMAP4.error, OSError):
            with contextlib.suppress(OSError):
                self._connection.shutdown()

    def _do(self, doing: str, command: str, *arguments: Any) -> list[Any]:
        with errors(doing):
            status, data = getattr(self._connection, command)(*arguments)
        if status != "OK":
            words = b" ".join(part for part in data if isinstance(part, bytes))
            raise RefusedError(f"{doing}: {words.decode('utf-8', 'replace')[:MOST_TEXT]}")
        return list(data or [])

    def _number(self, name: str) -> int:
        _, data = self._connection.response(name)
        text = data[-1] if data else None
        if not isinstance(text, bytes) or not text.isdigit():
            return 0
        return number(text, f"opening the folder: {name}")


def _body(data: list[Any], uid: int) -> bytes | None:
    """The body in the responses to FETCH; None where there is none. Raises MessageError where there
    is only that of another message: each response names its UID (RFC 3501 section 6.4.8).
    """
    text, body, has_other = b"", None, False
    for part in data:
        is_end = not isinstance(part, tuple)
        text += b" " + ((part or b"") if is_end else part[0])
        if not is_end and b"BODY[]" in part[0].upper():
            body = bytes(part[1])
        if is_end:  # of a response
            named = re.search(rb"\bUID (\d{1,10})\b", text, re.I)
            if body is not None and named is not None and int(named[1]) == uid:
                return body
            text, body, has_other = b"", None, has_other or body is not None
    if has_other:
        raise MessageError("fetching: the server sent another message than the one asked for")
    return None


def _token(command: tuple[str, ...]) -> str:
    """What a program prints. Raises MailboxError."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and the operator's own program
            command, capture_output=True, check=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL
        )
    except subprocess.CalledProcessError as bad:
        words = bad.stderr.decode("utf-8", "replace").strip().split("\n")[-1][:MOST_TEXT]
        raise MailboxError(f"{command[0]} ended with {bad.returncode}: {words}") from None
    except (OSError, subprocess.TimeoutExpired) as bad:
        raise MailboxError(f"{command[0]}: {bad}") from None
    token = done.stdout.decode("utf-8", "replace").strip()
    if not re.fullmatch(r"[!-~]+", token):
        raise MailboxError(f"{command[0]} printed no token")
    return token


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _received(sock: Any, data: bytes, until: re.Pattern[bytes]) -> bytes:
    """*data* and what comes behind it, up to a line that matches."""
    while not until.search(data):
        more = sock.recv(4096)
        if not more:
            raise MailboxError("waiting: the server has closed the connection")
        data = data[-4096:] + more
    return data


def _has_data(sock: Any, seconds: float) -> bool:
    is_pending = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
    return is_pending or bool(select.select([sock], [], [], seconds)[0])
