"""Webhooks: is this request what the ESP sent? That decides the HTTP status, before anything else
is parsed.

Reads: a request to ``/in/NAME`` or ``/in/NAME/SECRET``, and the settings of that webhook. Gives: a
Judgement: accepted, or refused with 401, 403 or 503. A fault of ours, such as a key that cannot be
read, is 503, so that the ESP tries again; only what is not genuine is 401 or 403.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from bouncewise.config.secrets import secret_at
from bouncewise.config.service import Webhook
from bouncewise.errors import ConfigError
from bouncewise.providers.events import Esp, Signature, esps
from bouncewise.providers.signatures import (
    Outcome,
    SignedRequest,
    SnsKeys,
    certificate_url,
    verify,
)
from bouncewise.providers.sns import topic_host

MAX_BODY = 10 << 20
"""Octets of one request."""

RETRIES = 86_400.0
"""Seconds for which ESPs send a request again, and some sign it only once. A request whose body is
signed changes nothing when it comes twice: the ledger counts an event once."""

MAILGUN_RETRIES = 8 * 3600.0
"""Mailgun's retries last eight hours
(https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhooks)."""

_MOST_CERTIFICATES = 100


class Judgement(NamedTuple):
    """What becomes of a request. ``status``: 204 where it is accepted; ``reason``: for the
    operator; ``note``: ``stale`` where it was signed long before; ``token``: that of Mailgun, which
    is accepted once; ``certificate``: the URL of a certificate that is needed first.
    """

    status: int
    reason: str
    note: str = ""
    token: str = ""
    certificate: str = ""


class Hook:
    """One webhook of the configuration."""

    def __init__(self, webhook: Webhook, public_url: str) -> None:
        """Raises ConfigError where it has no name, no known ESP, or no secret."""
        place = f"[[webhook]] {webhook.name or '(without name)'}"
        if not webhook.name:
            raise ConfigError(f"{place}: name: missing")
        self.name, self.esp = webhook.name, _esp(webhook.esp, place)
        self._url = f"{public_url}/in/{webhook.name}"
        self._place, self.topics = webhook.secret, frozenset(webhook.topics)
        self._certificates: dict[str, bytes] = {}
        # SNS does not sign where raw message delivery is on: then a secret is necessary.
        by_topic = self.esp.signature.scheme == "sns" and bool(webhook.topics)
        self._signature = self.esp.signature if by_topic else _with_secret(self.esp.signature)
        if not by_topic and not webhook.secret:
            wanted = "topics" if self.esp.name == "ses" else "secret"
            raise ConfigError(f"{place}: {wanted}: missing; docs/webhooks.md says what it is")
        for topic in webhook.topics:
            if topic_host(topic) is None:
                raise ConfigError(f"{place}: topics: {topic!r:.200} is not the ARN of an SNS topic")
        if self._signature.scheme == "mandrill" and not public_url:
            raise ConfigError(f"{place}: [http] public_url: missing; Mandrill signs the whole URL")

    def judge(
        self, path_secret: str, headers: Mapping[str, str], body: bytes, now: float
    ) -> Judgement:
        """What becomes of a request; header names in lower case, *now* in seconds since 1970."""
        url = f"{self._url}/{path_secret}" if path_secret else self._url
        request = SignedRequest(url, headers, body)
        try:
            keys = self._keys()
        except ConfigError as bad:
            return Judgement(503, str(bad))
        scheme = self._signature.scheme
        tolerance = MAILGUN_RETRIES if scheme == "mailgun" else RETRIES
        found = verify(self._signature, request, keys, now, tolerance=tolerance)
        if found.outcome is Outcome.VALID:
            is_late = verify(self._signature, request, keys, now).outcome is Outcome.STALE
            token = _mailgun_token(body) if scheme == "mailgun" else ""
            return Judgement(204, found.reason, "stale" if is_late else "", token)
        if found.outcome is Outcome.UNABLE:
            needed = certificate_url(request, keys) if isinstance(keys, SnsKeys) else None
            return Judgement(503, found.reason, certificate=needed or "")
        return Judgement(403 if found.outcome is Outcome.STALE else 401, found.reason)

    def add_certificate(self, url: str, pem: bytes) -> None:
        """Keep a certificate that was fetched from *url*."""
        if len(self._certificates) >= _MOST_CERTIFICATES:
            self._certificates.clear()
        self._certificates[url] = pem

    def _keys(self) -> str | SnsKeys:
        if self._signature.scheme == "sns":
            return SnsKeys(self.topics, dict(self._certificates))
        return secret_at(self._place)


def because_of_clock(found: Judgement, jump: float) -> Judgement:
    """*found*, where the clock of this machine was set by *jump* seconds since the start: that a
    request seems to be old may be a fault of ours then, and the ESP is to send it again.
    """
    if found.status != 403 or not jump:
        return found
    reason = f"{found.reason}; the clock of this machine was set by {jump:+.0f} s since the start"
    return Judgement(503, reason)


def hooks(webhooks: tuple[Webhook, ...], public_url: str) -> dict[str, Hook]:
    """The webhooks by their names. Raises ConfigError where two have the same name."""
    found: dict[str, Hook] = {}
    for webhook in webhooks:
        hook = Hook(webhook, public_url)
        if hook.name in found:
            raise ConfigError(f"[[webhook]] {hook.name}: this name is taken")
        found[hook.name] = hook
    return found


def _esp(name: str, place: str) -> Esp:
    found = next((esp for esp in esps() if esp.name == name), None)
    if found is None:
        known = ", ".join(esp.name for esp in esps())
        raise ConfigError(f"{place}: esp: {name!r} is not known; known are {known}")
    return found


def _with_secret(signature: Signature) -> Signature:
    return Signature("secret") if signature.scheme == "sns" else signature


def _mailgun_token(body: bytes) -> str:
    """The token of a request that was verified."""
    try:
        token = msgspec.json.decode(body)["signature"]["token"]
    except (msgspec.DecodeError, KeyError, TypeError, UnicodeDecodeError):
        return ""
    return token if isinstance(token, str) else ""
