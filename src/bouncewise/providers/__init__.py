"""ESPs: the events of their webhooks, as data (esps.toml), and the signatures of the requests."""

from __future__ import annotations

from bouncewise.providers.payloads import MailedPayloadReader, PayloadReader

__all__ = ["MailedPayloadReader", "PayloadReader"]
