"""The JSON of ``contact``."""

from __future__ import annotations

from typing import Annotated

from bouncewise.contract.base import Record, about, time
from bouncewise.operations.contact import Correspondence


class ContactRow(Record, frozen=True, kw_only=True):
    """A form, page or mail address."""

    address: Annotated[str, about("a URL or a mail address")]
    use: Annotated[str, about("for which refusals")]
    asks: Annotated[list[str], about("what the receiver asks for; empty: unknown")]
    source: Annotated[str, about("where the address is named")]


class RefusedRow(Record, frozen=True, kw_only=True):
    """A refusal."""

    at: Annotated[str | None, about("when")]
    host: Annotated[str, about("the host that refused; empty: unknown")]
    reply: Annotated[str, about("the complete reply")]


class ContactRecord(Record, frozen=True, kw_only=True):
    """``contact``: where to ask, and what to write."""

    receiver: Annotated[str, about("the receiver's id, or `@domain`")]
    name: Annotated[str, about("its name")]
    contacts: Annotated[
        list[ContactRow],
        about("objects with `address`, `use`, `asks`, `source`; empty: no contact is known"),
    ]
    pages: Annotated[list[str], about("other pages of the receiver")]
    causes: Annotated[dict[str, int], about("refused addresses by cause")]
    since: Annotated[str | None, about("the first refusal")]
    until: Annotated[str | None, about("the last refusal")]
    ips: Annotated[list[str], about("`--ip`, and the addresses that the replies name")]
    replies: Annotated[list[RefusedRow], about("objects with `at`, `host`, `reply`; up to three")]
    letter: Annotated[str, about("the text; empty: nothing was refused")]

    @classmethod
    def of(cls, found: Correspondence) -> ContactRecord:
        """The record of a correspondence."""
        return cls(
            receiver=found.receiver,
            name=found.name,
            contacts=[
                ContactRow(address=c.address, use=c.use, asks=list(c.asks), source=c.source)
                for c in found.contacts
            ],
            pages=list(found.pages),
            causes={count.cause.value: count.refused for count in found.counts},
            since=time(min((count.first for count in found.counts), default=None)),
            until=time(max((count.last for count in found.counts), default=None)),
            ips=list(found.ips),
            replies=[
                RefusedRow(at=time(shown.at), host=shown.host, reply=shown.reply)
                for shown in found.shown
            ],
            letter=found.text,
        )
