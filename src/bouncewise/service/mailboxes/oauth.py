"""Access tokens of OAuth 2: by client credentials (RFC 6749 section 4.4), by a refresh token
(section 6), or by the key of a Google service account (RFC 7523).

Reads: the settings of a mailbox. Gives: a token, which is kept until shortly before it expires.
Refuses with MailboxError what the server refuses, with its reason; secrets are in no message.
Sources: https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow
and https://developers.google.com/identity/protocols/oauth2/service-account.
"""

from __future__ import annotations

import base64
import re
import time
from typing import Any
from urllib.parse import urlencode

import msgspec

from bouncewise.config.inputs import Fetch, MailboxKind
from bouncewise.config.secrets import secret_at
from bouncewise.errors import ConfigError
from bouncewise.net.exchange import Reply, Server
from bouncewise.net.https import FetchError
from bouncewise.service.mailboxes.base import MOST_TEXT, TIMEOUT, MailboxError
from bouncewise.service.mailboxes.settings import token_url

_MAX_ANSWER = 1 << 18
_EARLY = 120.0  # seconds before its end when a token is not used any more
_SHORTEST, _USUAL = 60.0, 3600.0  # seconds
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_JWT_SECONDS = 3600
_GRAPH = "https://graph.microsoft.com/.default"
_OUTLOOK = "https://outlook.office365.com/.default"
_GMAIL = "https://www.googleapis.com/auth/gmail.readonly"
_GMAIL_CHANGED = "https://www.googleapis.com/auth/gmail.modify"
_GOOGLE_MAIL = "https://mail.google.com/"


class _Answer(msgspec.Struct):
    access_token: str = ""
    expires_in: float | str = _USUAL
    refresh_token: str = ""
    error: str = ""
    error_description: str = ""


class AccessTokens:
    """The access tokens of the mailbox of *fetch*."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._token, self._until = "", 0.0
        self._refresh_token = ""

    def token(self) -> str:
        """A token that is valid. Raises MailboxError, ConfigError."""
        if time.monotonic() >= self._until:
            self._ask()
        return self._token

    def forget(self) -> None:
        """The token was refused: ask for another the next time."""
        self._until = 0.0

    def _ask(self) -> None:
        fields = self._grant()
        answer = _sent(token_url(self._fetch), fields)
        if not re.fullmatch(r"[!-~]{1,16384}", answer.access_token):
            raise MailboxError("the token server sent no access token")
        self._refresh_token = answer.refresh_token or self._refresh_token
        self._token = answer.access_token
        try:
            seconds = float(answer.expires_in)
        except ValueError:
            seconds = _USUAL
        self._until = time.monotonic() + max(_SHORTEST, min(seconds, 86_400) - _EARLY)

    def _grant(self) -> dict[str, str]:
        """The fields of the request."""
        fetch = self._fetch
        if fetch.service_account:
            return {"grant_type": _JWT_GRANT, "assertion": _assertion(fetch)}
        fields = {"client_id": fetch.client_id}
        if fetch.client_secret:
            fields["client_secret"] = secret_at(fetch.client_secret)
        if fetch.refresh_token:
            # (a server may issue another one; it is used as long as this process runs)
            token = self._refresh_token or secret_at(fetch.refresh_token)
            return fields | {"grant_type": "refresh_token", "refresh_token": token}
        scope = fetch.scope or (_GRAPH if fetch.kind is MailboxKind.GRAPH else _OUTLOOK)
        return fields | {"grant_type": "client_credentials", "scope": scope}


def _sent(url: str, fields: dict[str, str]) -> _Answer:
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
        "User-Agent": "bouncewise",
    }
    try:
        with Server(url, timeout=TIMEOUT) as server:
            reply = server.send("POST", url, headers, urlencode(fields).encode(), _MAX_ANSWER)
    except FetchError as bad:
        raise MailboxError(f"asking for an access token: {bad}") from None
    answer = _decoded(reply)
    if reply.status != 200 or answer.error:
        reason = f"{answer.error} {answer.error_description}".strip() or f"status {reply.status}"
        for secret in fields.values():
            reason = reason.replace(secret, "…") if len(secret) > 8 else reason
        words = " ".join(reason.split())[:MOST_TEXT]
        raise MailboxError(f"the token server refuses: {words}")
    return answer


def _decoded(reply: Reply) -> _Answer:
    try:
        return msgspec.json.decode(reply.body, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Answer(error="" if reply.status != 200 else "its answer is no JSON")


class _Key(msgspec.Struct):
    client_email: str
    private_key: str


def _assertion(fetch: Fetch) -> str:
    """A JWT, signed with RS256 by the key of the service account, for the user of the mailbox.
    Raises ConfigError.
    """
    try:
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import padding, rsa
    except ImportError:
        raise ConfigError(
            "service_account needs cryptography: pip install 'bouncewise[service]'"
        ) from None
    where = f"{fetch.service_account}: no key file of a Google service account"
    try:
        key = msgspec.json.decode(secret_at(fetch.service_account), type=_Key)
        private = serialization.load_pem_private_key(key.private_key.encode(), None)
    except (msgspec.DecodeError, ValueError, TypeError):
        raise ConfigError(where) from None
    if not isinstance(private, rsa.RSAPrivateKey):
        raise ConfigError(where)
    now = int(time.time())
    is_changed = fetch.move_to or fetch.delete
    gmail = _GMAIL_CHANGED if is_changed else _GMAIL
    claims = {
        "iss": key.client_email,
        "sub": fetch.user,
        "scope": fetch.scope or (gmail if fetch.kind is MailboxKind.GMAIL else _GOOGLE_MAIL),
        "aud": token_url(fetch),
        "iat": now,
        "exp": now + _JWT_SECONDS,
    }
    head = f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{_part(claims)}"
    signature = private.sign(head.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{head}.{_base64(signature)}"


def _part(fields: dict[str, Any]) -> str:
    return _base64(msgspec.json.encode(fields))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
