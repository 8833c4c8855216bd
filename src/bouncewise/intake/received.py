"""A message as our own mail system received it: where it was delivered, who wrote it, what our own
mail exchanger states of it, and the mail that it returns.

Reads: the octets of a message. Refuses nothing; what is missing is empty. The parts are computed at
first use.
"""

from __future__ import annotations

from itertools import islice

from bouncewise.config.settings import Settings
from bouncewise.lazy import lazy_property
from bouncewise.readers.messages.interpret import MAX_MESSAGE, MAX_NESTING
from bouncewise.readers.messages.parsed import ParsedMessage
from bouncewise.rfc import address, mime
from bouncewise.rfc.auth_results import Result, own_results, top_fields

_ENVELOPE_FIELDS = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to")
_MAX_ADDRESSES = 8
_MAX_HEADER = 1 << 16


class ReceivedMail:
    """A received message."""

    def __init__(self, raw: bytes, settings: Settings) -> None:
        self._raw = raw
        self._own = settings.own

    @lazy_property
    def _header(self) -> mime.Part:
        return mime.parse(self._raw[:_MAX_HEADER])

    @lazy_property
    def _message(self) -> ParsedMessage:
        return ParsedMessage(self._raw[:MAX_MESSAGE])

    @lazy_property
    def envelope_recipients(self) -> list[str]:
        """The addresses that the message was delivered to, as its header states them."""
        header = self._header
        found = [
            found.address
            for name in _ENVELOPE_FIELDS
            for value in islice(header.get_all(name), _MAX_ADDRESSES)
            for found in islice(address.find(value[:2048]), _MAX_ADDRESSES)
        ]
        return list(dict.fromkeys(found))

    @lazy_property
    def results(self) -> tuple[Result, ...]:
        """What our own mail exchanger states of the message."""
        if not self._own.authserv_id:
            return ()
        return own_results(top_fields(self._header.head), self._own.authserv_id, self._own.mx)

    @lazy_property
    def sender(self) -> str:
        """The address in From, normalised; '' if there are several (RFC 5322 section 3.6.2)."""
        values = list(islice(self._header.get_all("from"), 2))
        found = list(islice(address.find(values[0][:2048]), 2)) if len(values) == 1 else []
        return address.normalise(found[0].address) if len(found) == 1 else ""

    @property
    def from_domain(self) -> str:
        """The domain of From."""
        return domain_of(self.sender)

    def original_of(self, message_id: str | None) -> ParsedMessage:
        """The message, or the one nested in it, that returns the mail with this Message-ID."""
        message: ParsedMessage | None = self._message
        for _ in range(MAX_NESTING):
            if message is None:
                break
            if message.original is not None and message.original_message_id == message_id:
                return message
            message = message.nested
        return self._message

    def original_senders(self, message_id: str | None) -> set[str]:
        """The domains of the addresses that the returned mail is from."""
        message = self.original_of(message_id)
        fields = (message.original_field(name) for name in ("from", "sender", "return-path"))
        return {domain_of(found) for value in fields if (found := address.first(value[:2048]))}


def domain_of(found: str | None) -> str:
    """The domain of an address, in lower case; '' for None."""
    return (found or "").rpartition("@")[2].lower().rstrip(".")
