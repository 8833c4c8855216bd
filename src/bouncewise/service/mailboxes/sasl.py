"""How a mailbox is logged in to: a password, or an OAuth 2 access token.

Gives: the secret, and the SASL mechanism for it: OAUTHBEARER (RFC 7628), else XOAUTH2
(https://developers.google.com/workspace/gmail/imap/xoauth2-protocol), else for a password PLAIN
(RFC 4616).
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Collection
from typing import NamedTuple

from bouncewise.config.inputs import Fetch
from bouncewise.config.secrets import secret_at
from bouncewise.service.mailboxes.base import MOST_TEXT, TIMEOUT, MailboxError
from bouncewise.service.mailboxes.oauth import AccessTokens
from bouncewise.service.mailboxes.settings import host_of, is_api, port_of


class Mechanism(NamedTuple):
    """A mechanism: its first message for a secret, and what answers an error of the server."""

    name: str
    first: Callable[[str], bytes]
    after_error: bytes = b""


class Credentials:
    """What the mailbox of *fetch* is logged in with."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        has_grant = bool(fetch.client_id or fetch.service_account)
        self._tokens = AccessTokens(fetch) if has_grant else None
        self._kept = ""  # of a program, for the requests to an API

    @property
    def is_token(self) -> bool:
        """Whether the secret is an access token."""
        return not self._fetch.password

    def secret(self) -> str:
        """The password or an access token. Raises MailboxError, ConfigError."""
        if self._tokens is not None:
            return self._tokens.token()
        if self._fetch.token_command:
            token = self._kept or _printed(self._fetch.token_command)
            self._kept = token if is_api(self._fetch) else ""
            return token
        return secret_at(self._fetch.password)

    def refused(self) -> None:
        """The server refuses the secret: an access token is asked for anew."""
        self._kept = ""
        if self._tokens is not None:
            self._tokens.forget()

    def mechanism(self, offered: Collection[str]) -> Mechanism | None:
        """The one to use of those that the server offers; None: the login of the protocol."""
        user, host, port = self._fetch.user, host_of(self._fetch), port_of(self._fetch)
        if not self.is_token:
            plain = Mechanism("PLAIN", lambda secret: f"\0{user}\0{secret}".encode())
            return plain if "PLAIN" in offered else None
        if "OAUTHBEARER" in offered:
            name = user.replace("=", "=3D").replace(",", "=2C")  # (RFC 5801 section 4)
            head = f"n,a={name},\1host={host}\1port={port}\1"
            return Mechanism(
                "OAUTHBEARER", lambda secret: f"{head}auth=Bearer {secret}\1\1".encode(), b"\1"
            )
        return Mechanism(
            "XOAUTH2", lambda secret: f"user={user}\1auth=Bearer {secret}\1\1".encode()
        )


def _printed(command: tuple[str, ...]) -> str:
    """The token that a program prints. Raises MailboxError."""
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
