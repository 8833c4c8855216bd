"""A mailbox of Microsoft 365 by Microsoft Graph.

Reads: what was added to a folder, by delta queries; messages as MIME. Names are immutable ids,
which stay when a message is moved. Gives: see MailServer. Sources:
https://learn.microsoft.com/en-us/graph/api/message-delta and /en-us/graph/delta-query-messages
(pages, links, 410), /en-us/graph/outlook-get-mime-message, /en-us/graph/outlook-immutable-id,
/en-us/graph/throttling (429, Retry-After), /en-us/graph/api/message-move, /en-us/graph/errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

from bouncewise.config.inputs import Fetch
from bouncewise.net.exchange import Reply
from bouncewise.readers.messages.interpret import MAX_MESSAGE
from bouncewise.service.mailboxes.base import MailboxError, Page, ResetError, pause
from bouncewise.service.mailboxes.sasl import Credentials
from bouncewise.service.mailboxes.web import Api

PAGE = 50
"""Messages of one page."""

_PREFER = f'IdType="ImmutableId", odata.maxpagesize={PAGE}'
_EXPIRED = (b"syncStateNotFound", b"SyncStateNotFound", b"resyncRequired", b"SyncStateInvalid")
_MOST_PAGES = 100_000
_WELL_KNOWN = {"inbox": "inbox", "deleted items": "deleteditems", "junk email": "junkemail"}


class GraphFolder:
    """The folder of *fetch*; see MailServer."""

    acts_at_end = False

    def __init__(self, fetch: Fetch, credentials: Credentials) -> None:
        self._fetch = fetch
        self._api = Api(fetch, credentials, {"Prefer": _PREFER})
        self._user = f"/v1.0/users/{quote(fetch.user, safe='')}"
        self._target = ""

    def check_changes(self) -> None:
        """See MailServer: exactly what is named is moved or deleted."""

    def probe(self) -> None:
        """See MailServer."""
        folder = quote(self._folder(self._fetch.folder), safe="")
        self._api.get(f"{self._user}/mailFolders/{folder}?{urlencode({'$select': 'id'})}")

    def changes(self, place: str) -> Iterator[Page]:
        """See MailServer; a place is the path of the next page, or of the next round."""
        path = place or self._first()
        for _ in range(_MOST_PAGES):
            reply = self._api.send("GET", path)
            if place and _is_expired(reply):
                raise ResetError("Microsoft Graph does not know any more what was read")
            answer = self._api.decoded(self._api.expect(reply))
            link = answer.get("@odata.nextLink") or answer.get("@odata.deltaLink")
            following = self._api.path(link)
            yield Page(tuple(_names(answer)), following)
            if not answer.get("@odata.nextLink"):
                return
            path = following
        raise MailboxError(f"the folder has more than {_MOST_PAGES:,} pages")

    def _first(self) -> str:
        folder = quote(self._folder(self._fetch.folder), safe="")
        query = urlencode({"$select": "id"})
        return f"{self._user}/mailFolders/{folder}/messages/delta?{query}"

    def message(self, name: str) -> bytes | None:
        """See MailServer."""
        reply = self._api.message(f"{self._user}/messages/{quote(name, safe='')}/$value")
        return None if reply is None else reply.body[:MAX_MESSAGE]

    def put_away(self, names: tuple[str, ...]) -> None:
        """See MailServer."""
        for name in names:
            path = f"{self._user}/messages/{quote(name, safe='')}"
            if self._fetch.move_to:
                self._target = self._target or self._folder(self._fetch.move_to, create=True)
                body = {"destinationId": self._target}
                reply = self._api.send("POST", f"{path}/move", body)
            elif self._fetch.delete:
                reply = self._api.send("DELETE", path)
            else:
                return
            if reply.status != 404:
                self._api.expect(reply)

    def _folder(self, name: str, *, create: bool = False) -> str:
        """The id of the folder of that name, which stands at the top of the mailbox."""
        if known := _WELL_KNOWN.get(name.lower()):
            return known
        quoted = name.replace("'", "''")
        query = urlencode({"$filter": f"displayName eq '{quoted}'", "$select": "id"})
        found = _names(self._api.get(f"{self._user}/mailFolders?{query}"))
        if first := next(found, ""):
            return first
        if not create:
            raise MailboxError(f"the mailbox has no folder {name} at its top")
        made = self._api.post(f"{self._user}/mailFolders", {"displayName": name})
        if not isinstance(made.get("id"), str):
            raise MailboxError(f"the folder {name} cannot be made")
        return str(made["id"])

    def wait(self, seconds: float, is_over: Callable[[], bool]) -> None:
        """See MailServer."""
        pause(seconds, is_over)

    def close(self) -> None:
        """See MailServer."""
        self._api.close()


def _names(answer: dict[str, Any]) -> Iterator[str]:
    """The ids of a page, but for what was removed. Raises MailboxError."""
    rows = answer.get("value")
    if not isinstance(rows, list):
        raise MailboxError("the answer of the API has no list of values")
    for row in rows:
        if isinstance(row, dict) and "@removed" not in row and isinstance(row.get("id"), str):
            yield row["id"]


def _is_expired(reply: Reply) -> bool:
    is_error = reply.status in (400, 404, 410)
    return is_error and (reply.status == 410 or any(code in reply.body for code in _EXPIRED))
