"""A mailbox of Gmail or Google Workspace by the API of Gmail.

Reads: at first all messages with the label, then what the history states; messages as RFC 5322
text. Gives: see MailServer. Sources: https://developers.google.com/workspace/gmail/api/guides/sync
(history, 404) and https://developers.google.com/workspace/gmail/api/reference/rest.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

from bouncewise.config.inputs import Fetch
from bouncewise.readers.messages.interpret import MAX_MESSAGE
from bouncewise.service.mailboxes.base import MailboxError, MessageError, Page, ResetError, pause
from bouncewise.service.mailboxes.sasl import Credentials
from bouncewise.service.mailboxes.web import Api

PAGE = 500
"""Messages or changes of one page; the most that the API allows."""

TOGETHER = 1000
"""Messages that one request moves; the most that the API allows."""

_MOST_PAGES = 10_000
_SYSTEM = ("INBOX", "SPAM", "TRASH", "UNREAD", "STARRED", "IMPORTANT", "SENT")


class GmailLabel:
    """The messages with the label of *fetch*; see MailServer."""

    acts_at_end = False

    def __init__(self, fetch: Fetch, credentials: Credentials) -> None:
        self._fetch = fetch
        self._api = Api(fetch, credentials, {})
        self._user = f"/gmail/v1/users/{quote(fetch.user, safe='')}"
        self._labels: dict[str, str] = {}

    def check_changes(self) -> None:
        """See MailServer: exactly what is named is moved or deleted."""

    def probe(self) -> None:
        """See MailServer."""
        self._api.get(f"{self._user}/profile")
        self._label(self._fetch.folder)

    def changes(self, place: str) -> Iterator[Page]:
        """See MailServer; a place is a historyId."""
        label = self._label(self._fetch.folder)
        if place:
            yield from self._history(place, label)
            return
        # (before the list: what arrives meanwhile is in the history)
        history = _text(self._api.get(f"{self._user}/profile").get("historyId"))
        names: list[str] = []
        query = {"labelIds": label}
        if label in ("SPAM", "TRASH"):
            query["includeSpamTrash"] = "true"
        for answer in self._pages("messages", query):
            names += _ids(answer.get("messages"))
        yield Page(tuple(reversed(names)), history, is_whole=True)

    def _history(self, place: str, label: str) -> Iterator[Page]:
        types = ["messageAdded", "labelAdded"]
        query = {"startHistoryId": place, "labelId": label, "historyTypes": types}
        for answer in self._pages("history", query):
            records = answer.get("history") or []
            if not isinstance(records, list):
                raise MailboxError("the history is no list")
            names = [name for record in records for name in _added(record)]
            last = records[-1] if records else {}
            is_end = not answer.get("nextPageToken")
            reached = answer.get("historyId") if is_end else last.get("id")
            yield Page(tuple(dict.fromkeys(names)), _text(reached))

    def _pages(self, what: str, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The pages of a list. Raises ResetError where its beginning is not known any more."""
        query = {**query, "maxResults": PAGE}
        for _ in range(_MOST_PAGES):
            reply = self._api.send("GET", f"{self._user}/{what}?{urlencode(query, doseq=True)}")
            if reply.status == 404 and what == "history":
                raise ResetError("Gmail does not keep the history for so long")
            answer = self._api.decoded(self._api.expect(reply))
            yield answer
            if not answer.get("nextPageToken"):
                return
            query["pageToken"] = _text(answer["nextPageToken"])
        raise MailboxError(f"{what}: more than {_MOST_PAGES:,} pages")

    def message(self, name: str) -> bytes | None:
        """See MailServer."""
        reply = self._api.message(f"{self._user}/messages/{quote(name, safe='')}?format=raw")
        if reply is None:
            return None
        raw = self._api.decoded(reply).get("raw")
        try:
            text = raw if isinstance(raw, str) else ""
            return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))[:MAX_MESSAGE]
        except (binascii.Error, ValueError):
            raise MessageError("the message is no base64") from None

    def put_away(self, names: tuple[str, ...]) -> None:
        """See MailServer; what is deleted is in the trash for 30 days."""
        if self._fetch.move_to:
            added, removed = self._label(self._fetch.move_to, create=True), self._fetch.folder
        elif self._fetch.delete:
            added, removed = "TRASH", self._fetch.folder
        else:
            return
        change = {"addLabelIds": [added], "removeLabelIds": [self._label(removed)]}
        for first in range(0, len(names), TOGETHER):
            body = {"ids": list(names[first : first + TOGETHER]), **change}
            self._api.post(f"{self._user}/messages/batchModify", body)

    def _label(self, name: str, *, create: bool = False) -> str:
        """The id of the label of that name. Raises MailboxError where there is none."""
        if name.upper() in _SYSTEM:
            return name.upper()
        if name not in self._labels:
            rows = self._api.get(f"{self._user}/labels").get("labels")
            for row in rows if isinstance(rows, list) else ():
                self._labels[_text(row.get("name"))] = _text(row.get("id"))
        if name not in self._labels and create:
            made = self._api.post(f"{self._user}/labels", {"name": name})
            self._labels[name] = _text(made.get("id"))
        if name not in self._labels:
            raise MailboxError(f"the mailbox has no label {name}")
        return self._labels[name]

    def wait(self, seconds: float, is_over: Callable[[], bool]) -> None:
        """See MailServer."""
        pause(seconds, is_over)

    def close(self) -> None:
        """See MailServer."""
        self._api.close()


def _added(record: Any) -> Iterator[str]:
    """The messages that a record of the history adds to the label."""
    if isinstance(record, dict):
        for key in ("messagesAdded", "labelsAdded"):
            entries = record.get(key)
            for entry in entries if isinstance(entries, list) else ():
                yield from _ids([entry.get("message")] if isinstance(entry, dict) else None)


def _ids(rows: Any) -> list[str]:
    """The ids of messages; none where there is no list."""
    found = rows if isinstance(rows, list) else []
    return [row["id"] for row in found if isinstance(row, dict) and isinstance(row.get("id"), str)]


def _text(value: Any) -> str:
    """A short text. Raises MailboxError."""
    if not isinstance(value, str) or not 0 < len(value) <= 1000:
        raise MailboxError("the answer of the API has not the form that Google documents")
    return value
