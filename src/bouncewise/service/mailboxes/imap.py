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
import time
from collections.abc import Callable, Iterator
from typing import Any

from bouncewise.config.inputs import Fetch
from bouncewise.readers.messages.interpret import MAX_MESSAGE
from bouncewise.service.mailboxes.base import (
    LOOK,
    MOST_TEXT,
    MailboxError,
    MessageError,
    Page,
    ProtocolError,
    RefusedError,
    ResetError,
    pause,
)
from bouncewise.service.mailboxes.imap_wire import connected, errors, number, text_of
from bouncewise.service.mailboxes.sasl import Credentials

_WINDOW = 5000  # UIDs that are searched together; imaplib refuses lines of a megabyte


class Folder:
    """A connection on which the folder of *fetch* is open; see MailServer. Raises MailboxError, and
    ConfigError where the password cannot be read.
    """

    acts_at_end = False

    def __init__(self, fetch: Fetch, credentials: Credentials) -> None:
        self._fetch, self._credentials, self._validity = fetch, credentials, 0
        self._connect()

    def _connect(self) -> None:
        secret = self._credentials.secret()
        with errors("connecting"):
            self._connection = connected(self._fetch)
        try:
            self._log_in(secret)
        except BaseException:
            self.close()
            raise
        self._capabilities = self._connection.capabilities

    def _log_in(self, secret: str) -> None:
        user, connection = self._fetch.user, self._connection
        offered = {name[5:] for name in connection.capabilities if name.startswith("AUTH=")}
        mechanism = self._credentials.mechanism(offered)
        try:
            if mechanism is None:
                connection.login(user, secret)
            else:
                # (an error is a challenge, which gets an answer of its own)
                connection.authenticate(
                    mechanism.name,
                    lambda error: mechanism.after_error if error else mechanism.first(secret),
                )
            connection._get_capabilities()  # (others after a login)
        except imaplib.IMAP4.abort as bad:
            raise MailboxError(f"logging in: {text_of(bad).replace(secret, '…')}") from None
        except imaplib.IMAP4.error as bad:
            self._credentials.refused()
            answer = text_of(bad).replace(secret, "…")
            raise MailboxError(f"the server refuses the login of {user}: {answer}") from None
        except OSError as bad:
            raise MailboxError(f"logging in: {bad}") from None
        except UnicodeEncodeError:
            raise MailboxError("the server takes only passwords in ASCII") from None

    def probe(self) -> None:
        """See MailServer."""
        self.open()

    def changes(self, place: str) -> Iterator[Page]:
        """See MailServer; a place is the UIDVALIDITY and the last UID."""
        validity, following = self.open()
        before, _, last = place.partition(" ")
        if place and before != str(validity):
            raise ResetError("UIDVALIDITY has changed")
        for uid in self.uids(int(last or 0) + 1, following):
            yield Page((str(uid),), f"{validity} {uid}")

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

    def message(self, name: str) -> bytes | None:
        """See MailServer."""
        what = f"(UID BODY.PEEK[]<0.{MAX_MESSAGE}>)"
        try:
            data = self._do("fetching", "uid", "FETCH", name, what)
        except RefusedError as bad:
            raise MessageError(str(bad)) from None
        except ProtocolError as bad:
            self._begin_again()
            raise MessageError(str(bad)) from None
        return _body(data, int(name))

    def _begin_again(self) -> None:
        """Open the folder by another connection."""
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            self._connection.shutdown()
        self._connect()
        validity = self._validity
        if self.open()[0] != validity:
            raise MailboxError("opening the folder: UIDVALIDITY has changed")

    def check_changes(self) -> None:
        """See MailServer."""
        is_safe = "UIDPLUS" in self._capabilities
        if (self._fetch.delete and not is_safe) or (
            self._fetch.move_to and not is_safe and "MOVE" not in self._capabilities
        ):
            raise MailboxError(
                "the server has neither MOVE nor UIDPLUS, without which other messages could be"
                " removed; leave the messages where they are"
            )

    def put_away(self, names: tuple[str, ...]) -> None:
        """See MailServer."""
        if self._fetch.move_to:
            self._move(",".join(names))
        elif self._fetch.delete:
            self._expunge(",".join(names))

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
        """See MailServer; by IDLE where the server has it."""
        if "IDLE" not in self._capabilities:
            pause(seconds, is_over)
            return
        with errors("waiting"):
            self._idle(time.monotonic() + seconds, is_over)

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
            if _has_data(connection.sock, min(left, LOOK)):
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
