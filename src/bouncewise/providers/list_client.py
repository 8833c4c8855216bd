"""What is asked of the API of a suppression list: its pages, and that entries are added or removed.

Reads: an Account. Gives: entries as an Entry each; what was refused, entry by entry. Refuses with
ListError: keys that are not accepted, an answer that is not what suppression_lists.toml says, pages
without end, and links that lead to another server. Every request may be repeated without harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urljoin, urlsplit

import msgspec

from bouncewise.errors import BouncewiseError
from bouncewise.net.exchange import Reply, Server
from bouncewise.net.retry import Clock, persistently
from bouncewise.providers import list_values as values
from bouncewise.providers.list_values import Entry, New
from bouncewise.providers.signing import aws_headers
from bouncewise.providers.suppression_lists import Account, Act, SuppressionList
from bouncewise.rfc.address import normalise

MAX_ANSWER = 64 << 20
"""Octets of one answer: Postmark gives the whole list in one."""

MAX_PAGES = 100_000
MAX_REFUSED = 100
"""Refused entries after which a push ends: then something else is wrong."""

_SPLIT = frozenset((400, 413, 422))
"""Statuses that may be due to one entry among many."""


class ListError(BouncewiseError):
    """The list cannot be read or changed; the message says why and what to do."""


class Refused(NamedTuple):
    """An entry that was not added or removed, and the server's reason."""

    address: str
    words: str


class ListClient:
    """The lists of one account. Use as a context manager: it closes the connection."""

    def __init__(self, account: Account, clock: Clock | None = None, timeout: float = 30.0) -> None:
        self.account = account
        self._server = Server(account.url, timeout=timeout)
        self._clock = clock or Clock()

    def __enter__(self) -> ListClient:
        return self

    def __exit__(self, *details: object) -> None:
        self._server.__exit__(*details)

    def entries(self, listed: SuppressionList) -> Iterator[Entry]:
        """Every entry of a list, page by page. Raises ListError, FetchError."""
        if listed.exists:
            self._get(listed.exists)
        seen: set[str] = set()
        count = 0
        url = self._url(listed.get)
        for _ in range(MAX_PAGES):
            answer = self._get(url)
            rows = values.at(answer, listed.items)
            if listed.keyed and isinstance(rows, dict):
                rows = list(rows.values())
            if not isinstance(rows, list):
                raise self._unexpected(f"it has no list {listed.items}".rstrip())
            yield from (entry for row in rows if (entry := values.entry(listed, row)))
            count += len(rows)
            next_url = self._next(listed, answer, rows, url, count)
            if next_url is None:
                return
            if next_url in seen:
                raise self._unexpected("its pages go in a circle")
            seen.add(next_url)
            url = next_url
        raise self._unexpected(f"it has more than {MAX_PAGES:,} pages")

    def find(self, listed: SuppressionList, email: str) -> list[Entry]:
        """The entries of a list manager that have this address. Raises ListError, FetchError."""
        sql = quote(email.replace("'", "''"), safe="")
        path = listed.find.replace("{email}", quote(email, safe="")).replace("{sql}", sql)
        rows = values.at(self._get(path), listed.items)
        rows = list(rows.values()) if listed.keyed and isinstance(rows, dict) else rows
        if not isinstance(rows, list):
            raise self._unexpected(f"it has no list {listed.items}")
        found = (entry for row in rows if (entry := values.entry(listed, row)))
        return [entry for entry in found if normalise(entry.address) == email]

    def change(
        self, act: Act, entries: Sequence[New], done: Callable[[int], None]
    ) -> list[Refused]:
        """Add or remove *entries*; those that were refused. *done* gets the number accepted,
        batch by batch. Raises ListError, FetchError: the entries before are changed.
        """
        refused: list[Refused] = []
        waiting = [entries[i : i + act.batch] for i in range(0, len(entries), act.batch)][::-1]
        while waiting:
            batch = waiting.pop()
            reply = self._send(act.method, self._path(act, batch), values.body_of(act, batch))
            if reply.status in _SPLIT and len(batch) > 1:
                half = len(batch) // 2
                waiting += [batch[half:], batch[:half]]
                continue
            if reply.status in _SPLIT or (reply.status == 404 and "{id}" in act.path):
                refused.append(Refused(batch[0].address, self._words(reply)))
            elif not (
                200 <= reply.status < 300 or (reply.status == 404 and act.method == "DELETE")
            ):
                raise self._error(reply)
            else:
                failed = list(self._failed(act, reply))
                refused += failed
                done(len(batch) - len(failed))
            if len(refused) > MAX_REFUSED:
                raise ListError(
                    f"{self.account.name}: more than {MAX_REFUSED} entries were refused, the last "
                    f"one with: {refused[-1].words}; correct that, and run it again"
                )
        return refused

    def _path(self, act: Act, batch: Sequence[New]) -> str:
        path = act.path.replace("{email}", quote(batch[0].address, safe=""))
        return self._url(path.replace("{id}", quote(batch[0].id, safe="")))

    def _url(self, path: str) -> str:
        return path if path.startswith("http") else f"{self._server.base}{path}"

    def _get(self, path: str) -> Any:
        reply = self._send("GET", self._url(path), None)
        if reply.status != 200:
            raise self._error(reply)
        try:
            return msgspec.json.decode(reply.body)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise self._unexpected("it is no JSON") from None

    def _send(self, method: str, url: str, body: bytes | None) -> Reply:
        headers = {"Accept": "application/json", "User-Agent": "bouncewise"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        send = partial(self._once, method, url, headers, body)
        return persistently(send, self._clock)

    def _once(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        account = self.account
        signed = account.headers()
        if account.auth == "aws":
            signed = aws_headers(method, url, body, account.region)
        return self._server.send(method, url, {**headers, **signed}, body, MAX_ANSWER)

    def _next(
        self, listed: SuppressionList, answer: Any, rows: list[Any], url: str, count: int
    ) -> str | None:
        """The URL of the next page; None where there is none."""
        paging = listed.paging
        # (A page of AWS may be empty although others follow.)
        if paging is None or not (rows or paging.kind == "token"):
            return None
        if paging.kind == "link":
            link = values.link(values.at(answer, paging.at))
            if not link:
                return None
            found = urljoin(url, link)
            if not found.startswith(f"{self._server.origin}/"):
                raise self._unexpected("its next page is on another server")
            return found
        if paging.kind == "token":
            value = values.text(values.at(answer, paging.at), values.MAX_LINK)
        elif paging.kind == "after":
            value = (
                values.text(values.at(rows[-1], paging.at))
                if values.at(answer, paging.more) is True
                else ""
            )
        else:
            value = (
                str(count) if paging.kind == "offset" else str(values.page(url, paging.query) + 1)
            )
        if not value:
            return None
        first = self._url(listed.get)
        return f"{first}{'&' if '?' in first else '?'}{urlencode({paging.query: value})}"

    def _failed(self, act: Act, reply: Reply) -> Iterator[Refused]:
        """The entries that an answer of success names as refused."""
        if act.failed is None:
            return
        try:
            rows = values.at(msgspec.json.decode(reply.body), act.failed.at)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            rows = None
        if not isinstance(rows, list):
            raise self._unexpected("it does not say what became of the entries")
        for row in rows:
            if values.text(values.at(row, act.failed.field)) == act.failed.value:
                words = self.account.hidden(values.text(values.at(row, act.failed.words)))
                yield Refused(
                    values.text(values.at(row, act.failed.email)), words or "no reason given"
                )

    def _words(self, reply: Reply) -> str:
        text = reply.body[: values.MAX_TEXT].decode("utf-8", "replace")
        return self.account.hidden(text) or f"status {reply.status}"

    def _error(self, reply: Reply) -> ListError:
        advice = {
            401: "the key is not accepted: is it the key of this account?",
            403: "the key may not do this: give it the right to read and change suppressions",
            404: "there is no such account, domain, stream or group: correct [[sync]]",
            429: "too many requests: run it again later; it goes on where it stopped",
        }.get(reply.status, "")
        if reply.status >= 500:
            advice = "the server fails: run it again later; it goes on where it stopped"
        elif 300 <= reply.status < 400:
            advice = "redirected: correct url in [[sync]]"
        what = advice or "not accepted"
        return ListError(
            f"{self.account.name}: status {reply.status}: {what} ({self._words(reply)})"
        )

    def _unexpected(self, what: str) -> ListError:
        host = urlsplit(self._server.base).hostname
        return ListError(
            f"{self.account.name}: the answer of {host} is not understood: {what}. Nothing was "
            "changed for it; is url in [[sync]] right?"
        )
