"""What all connections of the front process share: the configuration in force, the spool, the
answers of the ledger, and the counters.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from bouncewise import __version__
from bouncewise.config.settings import Settings
from bouncewise.errors import BouncewiseError
from bouncewise.ledger import Store
from bouncewise.model import Mail
from bouncewise.net.https import FetchError, fetch
from bouncewise.operations.check import Answer, Checker, Known
from bouncewise.policy.load import Policy
from bouncewise.providers.sns import topic_host
from bouncewise.service import input_status, spool
from bouncewise.service.clock import Clock
from bouncewise.service.connections import Connections
from bouncewise.service.drain import WEBHOOK
from bouncewise.service.hooks import Hook, hooks
from bouncewise.service.inbox import Inbox
from bouncewise.service.metrics import Metrics
from bouncewise.service.outgoing_state import outgoing_state
from bouncewise.service.policy import PolicyAnswers
from bouncewise.service.rates import Rates
from bouncewise.service.room import Room
from bouncewise.service.seen import SeenTokens
from bouncewise.service.spool import Record
from bouncewise.service.syslog import SyslogServer
from bouncewise.service.tokens import Tokens
from bouncewise.service.users import Users

REFRESH = 0.2
"""Seconds after which a change of the ledger is noticed by questions."""

_FULL = 0.8  # of the spool's limit, from which on no more requests should be sent here
_MAX_CERTIFICATE = 1 << 16
_CERTIFICATES_A_MINUTE = 10
_QUIET = 60.0  # seconds between lines about questions that fail
_NOT_YET = "not opened yet"
_TOKEN = re.compile(r"[0-9a-f]{1,1024}")

Tell = Callable[[str], None]


class State:
    """See the module."""

    def __init__(self, settings: Settings, inbox: Inbox[Record], folder: Path, tell: Tell) -> None:
        """Raises ConfigError where a webhook, token or user of *settings* is wrong."""
        self.tell, self.folder, self._inbox = tell, folder, inbox
        self.configure(settings)
        self.mailgun_tokens = SeenTokens(folder, time.time())
        self.rates = Rates()
        self.last_heard: dict[str, float] = {}
        self.syslog: list[SyslogServer] = []
        self.policy_answers: PolicyAnswers | None = None
        self.ports: dict[str, Connections] = {}
        self.drained: int | None = None
        """Up to where the ledger has read the spool, as was known last."""
        self._checker: Checker | None = None
        self._ledger: Store | None = None
        self._ledger_error = _NOT_YET
        self._quiet_until = 0.0
        self.clock, self.room = Clock(), Room()
        self._fetched: list[float] = []
        self._background: set[asyncio.Task[None]] = set()
        self._metrics = Metrics(folder)

    def configure(self, settings: Settings) -> None:
        """Put *settings* in force. Raises ConfigError, and then those before stay in force."""
        new_hooks = hooks(settings.webhook, settings.http.public_url)
        new_tokens, new_users = Tokens(settings.token), Users(settings)
        self.settings, self.hooks = settings, new_hooks
        self.tokens, self.users = new_tokens, new_users

    # ── questions ───────────────────────────────────────────────────────────────────────────────

    def use_ledger(self, ledger: Store, policy: Policy, known: Known) -> None:
        """Answer from *ledger*, of which *known* was read, from now on."""
        checker = Checker(ledger, policy)
        checker.adopt(known)
        if self._ledger_error not in ("", _NOT_YET):
            self.tell("the ledger can be read again")
        self._checker, self._ledger, self._ledger_error = checker, ledger, ""

    def know(self, known: Known, drained: int) -> None:
        """The ledger has changed: *known* was read of it, and how far it has read the spool."""
        self.checker.adopt(known)
        self.drained = drained

    def lose_ledger(self, why: str) -> None:
        """The ledger cannot be read; questions raise until it can be. That is one line, however
        often it is tried again.
        """
        if self._ledger_error in ("", _NOT_YET):
            self.tell(
                f"the ledger cannot be read: {why.rstrip('.')}; questions are answered with 503 or "
                "DUNNO, and what is received waits in the spool"
            )
        self._checker, self._ledger, self._ledger_error = None, None, why

    def question_failed(self, why: str) -> None:
        """A question could not be answered: one line a minute, and none while the ledger is lost
        anyhow.
        """
        if self._checker is not None and time.monotonic() >= self._quiet_until:
            self._quiet_until = time.monotonic() + _QUIET
            self.tell(f"a question cannot be answered: {why}")

    @property
    def checker(self) -> Checker:
        """What answers. Raises BouncewiseError where the ledger cannot be read."""
        if self._checker is None:
            raise BouncewiseError(f"the ledger cannot be read: {self._ledger_error}")
        return self._checker

    def check(self, address: str, mail: Mail) -> Answer:
        """The answer for one address. Raises BouncewiseError."""
        self._metrics.asked.inc()
        return self.checker.answer(address, mail=mail)  # (what it knows is read elsewhere)

    def check_all(self, addresses: list[str], mail: Mail) -> Iterator[Answer]:
        """The answer for each of some addresses. Raises BouncewiseError."""
        found = list(self.checker.answer_page(addresses, mail=mail))
        self._metrics.asked.inc(len(found))
        return iter(found)

    # ── what is received ────────────────────────────────────────────────────────────────────────

    async def store_webhook(self, name: str, body: bytes, note: str) -> None:
        """Keep the body of a request. Raises SpoolFullError."""
        await self._inbox.put(Record(time.time_ns() // 1000, WEBHOOK, name, body, note))
        self.last_heard[name] = time.time()

    async def store_mail(
        self, kind: str, mail: bytes, sender: str, recipients: tuple[str, ...]
    ) -> None:
        """Keep a mail that came by *kind*: ``lmtp`` or ``smtp``. Raises SpoolFullError."""
        await self._inbox.put(
            Record(time.time_ns() // 1000, kind, "", mail, "", sender, recipients)
        )
        self.last_heard[kind] = time.time()

    async def store_again(self, record: Record) -> None:
        """Keep a record that could not be read, to be read again. Raises SpoolFullError."""
        await self._inbox.put(record)

    async def fetch_certificate(self, hook: Hook, url: str) -> bool:
        """Fetch a certificate of Amazon SNS for *hook*; its URL was checked. Only a few a minute:
        anybody can send a request that needs one.
        """
        now = time.monotonic()
        self._fetched = [at for at in self._fetched if now - at < 60]
        if len(self._fetched) >= _CERTIFICATES_A_MINUTE:
            return False
        self._fetched.append(now)
        try:
            pem = await asyncio.to_thread(fetch, url, limit=_MAX_CERTIFICATE)
        except FetchError as bad:
            self.tell(f"webhook {hook.name}: the certificate of SNS cannot be fetched: {bad}")
            return False
        hook.add_certificate(url, pem)
        return True

    def confirm_subscription(self, hook: Hook, body: bytes) -> None:
        """Confirm the subscription that a verified request of SNS asks for. SubscribeURL is not
        opened: the URL is made of the topic and the token.
        """
        url = confirmation_url(hook, body)
        if url:
            task = asyncio.get_running_loop().create_task(self._confirm(hook, url))
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    async def _confirm(self, hook: Hook, url: str) -> None:
        try:
            await asyncio.to_thread(fetch, url, limit=_MAX_CERTIFICATE)
        except FetchError as bad:
            self.tell(f"webhook {hook.name}: the subscription is not confirmed: {bad}")
        else:
            self.tell(f"webhook {hook.name}: the subscription is confirmed")

    # ── for operators ───────────────────────────────────────────────────────────────────────────

    def count_webhook(self, name: str, status: int) -> None:
        """Count a request to a configured webhook."""
        self._metrics.requests.labels(name, str(status)).inc()

    def spool_bytes(self) -> int:
        """The octets of the spool's files."""
        found = spool.segments(self.folder)
        return self._inbox.end - found[0] if found else 0

    def waiting(self) -> tuple[int, float]:
        """The octets of the spool that the ledger has not read, and since how many seconds the
        first of them wait; as far as is known.
        """
        start = max([self.drained or 0, *spool.segments(self.folder)[:1]])
        octets = max(0, self._inbox.end - start)
        first = next(spool.read(self.folder, start), None) if octets else None
        return octets, max(0.0, time.time() - first[2].at / 1e6) if first else 0.0

    def ready(self) -> tuple[bool, str]:
        """Whether the spool has room, in words."""
        limit = self.settings.spool.max_bytes
        if self._inbox.is_broken:
            return False, "the spool cannot be written"
        if self.spool_bytes() > limit * _FULL:
            return False, f"the spool holds more than {_FULL:.0%} of {limit} octets"
        return True, "ready"

    def status(self) -> dict[str, Any]:
        """Everything for people."""
        return {
            "version": __version__,
            "ready": self.ready()[0],
            "ledger": self._ledger_error or "ok",
            "spool_bytes": self.spool_bytes(),
            "stored": self._inbox.stored,
            "refused": self._inbox.refused,
            "seconds_since_last": {
                name: round(time.time() - at, 1) for name, at in sorted(self.last_heard.items())
            },
            "webhooks": {name: hook.esp.name for name, hook in sorted(self.hooks.items())},
            "inputs": msgspec.to_builtins(input_status.read(self.folder)),
            "syslog": {server.name: server.counts() for server in self.syslog},
            **outgoing_state(self._ledger, self.settings),
        }

    def metrics(self) -> bytes:
        """The counters in the text format of Prometheus."""
        policy = self.policy_answers
        figures: dict[str, float] = {
            "spool_bytes": self.spool_bytes(),
            "spool_records_stored": self._inbox.stored,
            "spool_records_refused": self._inbox.refused,
            "ledger_readable": self._checker is not None,
            "policy_asked": policy.asked if policy else 0,
            "policy_refused": policy.refused if policy else 0,
            "policy_failed": policy.failed if policy else 0,
        }
        alerts = outgoing_state(self._ledger, self.settings)["alerts"].values()
        figures["alerts_waiting"] = sum(target["waiting"] for target in alerts)
        figures["alerts_dead"] = sum(target["dead"] for target in alerts)
        figures["spool_waiting_bytes"], figures["spool_waiting_seconds"] = self.waiting()
        return self._metrics.text(figures, self.ports, self.last_heard, self.syslog)


def confirmation_url(hook: Hook, body: bytes) -> str:
    """The URL that confirms the subscription in *body*, a verified request to *hook*; '' where it
    is none.
    """
    if hook.esp.signature.scheme != "sns" or b"SubscriptionConfirmation" not in body[:4096]:
        return ""
    try:
        fields = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    topic, token = fields.get("TopicArn"), fields.get("Token")
    if fields.get("Type") != "SubscriptionConfirmation" or topic not in hook.topics:
        return ""
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return ""
    return f"https://{topic_host(topic)}/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}"
