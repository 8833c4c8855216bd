"""E-mail service providers: what their webhooks send, as data (esps.toml), and whether it is genuine (signatures)."""

from __future__ import annotations

from bouncewise.providers.payloads import MailedPayloadReader, PayloadReader

__all__ = ["MailedPayloadReader", "PayloadReader"]
