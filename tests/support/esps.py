"""Servers that answer as the suppression list APIs of ESPs do, and fail when they are told to.

Each was written after the page that suppression_lists.toml names for it, not after that file.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlsplit

KEY = "s3cret-key-of-the-account"
PAGE = 2
Json = Any


class Request(NamedTuple):
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Json


class Answer(NamedTuple):
    status: int
    body: Json = None
    headers: tuple[tuple[str, str], ...] = ()


class Fake:
    """``entries``: list → address → its fields; ``faults``: what happens to the next requests that
    change something, or to the next of any kind (``reads``): a status, "drop" (no answer) or "late"
    (done, then no answer), or "half" (half of it done, then 500), or a raw body.
    """

    def __init__(self) -> None:
        self.entries: dict[str, dict[str, Json]] = {}
        self.changes: list[Any] = []
        self.reads: list[Any] = []
        self.requests: list[Request] = []
        self.url = ""
        self.bad: set[str] = set()

    def has(self, name: str) -> set[str]:
        return set(self.entries.get(name, {}))

    def allowed(self, request: Request) -> bool:
        raise NotImplementedError

    def route(self, request: Request) -> Answer:
        raise NotImplementedError

    def add(self, name: str, rows: dict[str, Json]) -> None:
        self.entries.setdefault(name, {}).update(rows)

    def drop(self, name: str, address: str) -> bool:
        return self.entries.get(name, {}).pop(address, None) is not None

    def rows(self, name: str) -> list[Json]:
        return list(self.entries.get(name, {}).values())


class SendGrid(Fake):
    paths: ClassVar = {
        "bounces": "/v3/suppression/bounces",
        "invalid": "/v3/suppression/invalid_emails",
        "spam-reports": "/v3/suppression/spam_reports",
        "unsubscribes": "/v3/suppression/unsubscribes",
    }
    groups = ("17",)

    def allowed(self, request: Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {KEY}"

    def route(self, request: Request) -> Answer:
        path = request.path
        for name, place in self.paths.items():
            if request.method == "GET" and path == place:
                start, limit = int(request.query.get("offset", 0)), int(request.query["limit"])
                assert 1 <= limit <= 500
                return Answer(200, self.rows(name)[start : start + PAGE])
            if request.method == "DELETE" and path.startswith(f"{place}/"):
                return Answer(204 if self.drop(name, path.rpartition("/")[2]) else 404)
        if path.startswith("/v3/asm/groups/"):
            _, _, _, _, group, *rest = path.split("/")
            if group not in self.groups and request.method == "GET":
                return Answer(404, {"errors": [{"message": "not found"}]})
            name = f"group-{group}" if group in self.groups else "unsubscribes"
            if request.method == "GET":
                return Answer(200, list(self.has(name)) if rest else {"id": int(group)})
            if request.method == "POST":
                return self._post(name, request)
            self.drop(name, rest[1])
            return Answer(204)
        if path == "/v3/asm/suppressions/global" and request.method == "POST":
            return self._post("unsubscribes", request)
        if path.startswith("/v3/asm/suppressions/global/"):
            self.drop("unsubscribes", path.rpartition("/")[2])
            return Answer(204)
        return Answer(404)

    def _post(self, name: str, request: Request) -> Answer:
        given = request.body["recipient_emails"]
        if set(given) & self.bad:
            return Answer(400, {"errors": [{"message": "invalid email"}]})
        self.add(name, {email: {"created": 1764000000, "email": email} for email in given})
        return Answer(201, {"recipient_emails": given})


class Mailgun(Fake):
    def allowed(self, request: Request) -> bool:
        given = request.headers.get("Authorization", "").removeprefix("Basic ")
        return b64decode(given) == f"api:{KEY}".encode()

    def route(self, request: Request) -> Answer:
        _, version, domain, name, *rest = request.path.split("/")
        if version != "v3" or domain != "news.shop.example":
            return Answer(404, {"message": "Domain not found"})
        if request.method == "GET":
            rows = sorted(self.rows(name), key=lambda row: row["address"])
            after = request.query.get("address", "")
            page = [row for row in rows if row["address"] > after][:PAGE]
            last = quote(page[-1]["address"] if page else after)
            link = f"{self.url}/v3/{domain}/{name}?limit=1000&page=next&address={last}"
            return Answer(200, {"items": page, "paging": {"next": link}})
        if request.method == "POST":
            assert isinstance(request.body, list) and len(request.body) <= 1000
            if {row["address"] for row in request.body} & self.bad:
                return Answer(400, {"message": f"Invalid format for parameter, key {KEY}"})
            self.add(name, {row["address"]: row for row in request.body})
            return Answer(200, {"message": f"{len(request.body)} addresses have been added"})
        return Answer(200 if self.drop(name, rest[0]) else 404, {"message": "removed"})


class Postmark(Fake):
    def allowed(self, request: Request) -> bool:
        return request.headers.get("X-Postmark-Server-Token") == KEY

    def route(self, request: Request) -> Answer:
        _, _, stream, _, *rest = request.path.split("/")
        if request.method == "GET" and rest == ["dump"]:
            return Answer(200, {"Suppressions": self.rows(stream)})
        given = [row["EmailAddress"] for row in request.body["Suppressions"]]
        assert len(given) <= 50
        found = []
        for email in given:
            status = {"EmailAddress": email, "Status": "Suppressed", "Message": None}
            if rest == ["delete"]:
                row = self.entries.get(stream, {}).get(email, {})
                if row.get("SuppressionReason") == "SpamComplaint":
                    status |= {"Status": "Failed", "Message": "a complaint cannot be removed"}
                else:
                    self.drop(stream, email)
                    status["Status"] = "Deleted"
            elif email in self.bad:
                status |= {"Status": "Failed", "Message": "An invalid email address was provided."}
            else:
                row = {"EmailAddress": email, "SuppressionReason": "ManualSuppression"}
                row |= {"Origin": "Customer", "CreatedAt": "2026-11-20T10:00:00-05:00"}
                self.add(stream, {email: row})
            found.append(status)
        return Answer(200, {"Suppressions": found})


class SparkPost(Fake):
    def allowed(self, request: Request) -> bool:
        return request.headers.get("Authorization") == KEY

    def route(self, request: Request) -> Answer:
        path = request.path.rstrip("/")
        base = "/api/v1/suppression-list"
        if request.method == "GET" and path == base:
            name = request.query["types"]
            cursor = request.query["cursor"]
            start = 0 if cursor == "initial" else int(cursor)
            rows = self.rows(name)
            links = [{"rel": "first", "href": f"{base}?types={name}&cursor=initial"}]
            if start + PAGE < len(rows):
                href = f"{base}?types={name}&per_page=1000&cursor={start + PAGE}"
                links.append({"rel": "next", "href": href})
            page = rows[start : start + PAGE]
            return Answer(200, {"results": page, "links": links, "total_count": len(rows)})
        if request.method == "PUT" and path == base:
            if wrong := {row["recipient"] for row in request.body["recipients"]} & self.bad:
                words = f"PUT body contains invalid recipient(s): {', '.join(wrong)}"
                return Answer(400, {"errors": [{"message": words}]})
            for row in request.body["recipients"]:
                self.add(row["type"], {row["recipient"]: row | {"source": "Manually Added"}})
            return Answer(200, {"results": {"message": "updated"}})
        return Answer(204 if self.drop(request.body["type"], path.rpartition("/")[2]) else 404)


class Resend(Fake):
    def allowed(self, request: Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {KEY}"

    def route(self, request: Request) -> Answer:
        if request.method == "GET" and request.path == "/suppressions":
            rows = self.rows("team")
            ids = [row["id"] for row in rows]
            start = ids.index(request.query["after"]) + 1 if "after" in request.query else 0
            page = rows[start : start + PAGE]
            more = start + PAGE < len(rows)
            return Answer(200, {"object": "list", "has_more": more, "data": page})
        given = request.body["emails"]
        assert 1 <= len(given) <= 100
        if set(given) & self.bad:
            return Answer(422, {"message": "Invalid email"})
        for email in given:
            if request.path == "/suppressions/batch/remove":
                self.drop("team", email)
            else:
                row = {"id": f"id-{email}", "email": email, "origin": "manual"}
                self.add("team", {email: row | {"created_at": "2026-11-20T10:00:00.000Z"}})
        return Answer(200, {"data": [{"object": "suppression"} for _ in given]})


class Ses(Fake):
    def allowed(self, request: Request) -> bool:
        return request.headers.get("Authorization", "").endswith(_aws_signature(request))

    def route(self, request: Request) -> Answer:
        base = "/v2/email/suppression/addresses"
        if request.method == "GET" and request.path == base:
            start = int(request.query.get("NextToken", "t0").removeprefix("t"))
            rows = self.rows("account")
            answer: Json = {"SuppressedDestinationSummaries": rows[start : start + PAGE]}
            if start + PAGE < len(rows):
                answer["NextToken"] = f"t{start + PAGE}"
            return Answer(200, answer)
        if request.method == "PUT" and request.path == base:
            email = request.body["EmailAddress"]
            if email in self.bad or request.body["Reason"] not in ("BOUNCE", "COMPLAINT"):
                return Answer(400, {"message": "Invalid Email Address"})
            self.add("account", {email: request.body | {"LastUpdateTime": 1764000000.5}})
            return Answer(200)
        return Answer(200 if self.drop("account", request.path.rpartition("/")[2]) else 404)


class Listmonk(Fake):
    """``subscribers`` are all, whatever their status."""

    name, token = "subscribers", "LISTMONK_API_TOKEN"

    def subscribe(self, number: int, email: str, *, blocked: bool) -> None:
        row = {"id": number, "uuid": f"u{number}", "email": email, "lists": [{"id": 1}]}
        row |= {"status": "blocklisted" if blocked else "enabled", "updated_at": BEFORE}
        self.add(self.name, {email: row})

    def blocked(self) -> set[str]:
        return {row["email"] for row in self.rows(self.name) if row["status"] == "blocklisted"}

    def allowed(self, request: Request) -> bool:
        return request.headers.get("Authorization") == f"token Bouncewise:{KEY}"

    def route(self, request: Request) -> Answer:
        rows = self.rows("subscribers")
        if request.method == "GET" and request.path == "/api/subscribers":
            assert request.query["order"] == "ASC"
            page = int(request.query.get("page", 1))
            if wanted := re.fullmatch(
                r"subscribers\.email='(.*)'", request.query.get("query", ""), re.DOTALL
            ):
                email = wanted[1].replace("''", "'")
                rows = [row for row in rows if row["email"] == email]
            found = rows[(page - 1) * PAGE : page * PAGE]
            data = {"results": found, "total": len(rows), "page": page, "per_page": PAGE}
            return Answer(200, {"data": data})
        if request.method == "PUT" and request.path == "/api/subscribers/blocklist":
            ids = request.body["ids"]
            changed = {"status": "blocklisted"}
        else:
            assert request.method == "PATCH"
            ids = [int(request.path.rpartition("/")[2])]
            changed = request.body
        assert all(isinstance(number, int) for number in ids)
        for row in rows:
            if row["id"] in ids:
                row.update(changed)
        return Answer(200, {"data": True})


class Mautic(Fake):
    """``contacts`` are all, whatever their ``doNotContact``."""

    name, token = "contacts", "MAUTIC_PASSWORD"

    def subscribe(self, number: int, email: str, *, blocked: bool) -> None:
        row: Json = {"id": number, "dateModified": BEFORE, "fields": {"all": {"email": email}}}
        row["doNotContact"] = [{"id": 1, "reason": 1, "channel": "sms", "channelId": None}]
        row["lists"] = [1]
        self.add(self.name, {email: row})
        if blocked:
            row["doNotContact"].append({"id": 2, "reason": 1, "channel": "email"})

    def blocked(self) -> set[str]:
        return {
            row["fields"]["all"]["email"]
            for row in self.rows(self.name)
            if any(entry["channel"] == "email" for entry in row["doNotContact"])
        }

    def allowed(self, request: Request) -> bool:
        given = request.headers.get("Authorization", "").removeprefix("Basic ")
        return b64decode(given) == f"Bouncewise:{KEY}".encode()

    def route(self, request: Request) -> Answer:
        rows = self.rows(self.name)
        if request.method == "GET" and request.path == "/api/contacts":
            start = int(request.query.get("start", 0))
            if search := request.query.get("search", "").removeprefix("email:"):
                rows = [row for row in rows if search in row["fields"]["all"]["email"]]
            page = {str(row["id"]): row for row in rows[start : start + PAGE]}
            return Answer(200, {"total": str(len(rows)), "contacts": page or []})
        _, _, _, number, *rest = request.path.split("/")
        assert request.method == "POST"
        found = [row for row in rows if str(row["id"]) == number]
        if not found:
            return Answer(404, {"errors": [{"message": "Item was not found."}]})
        entries = [entry for entry in found[0]["doNotContact"] if entry["channel"] != "email"]
        if rest == ["dnc", "email", "add"]:
            assert request.body["reason"] in (1, 2, 3)
            entries.append({"channel": "email", **request.body})
        else:
            assert rest == ["dnc", "email", "remove"]
        found[0]["doNotContact"] = entries
        return Answer(200, {"contact": found[0]})


BEFORE = "2026-02-10T23:07:16+01:00"
AWS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": KEY,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def _aws_signature(request: Request) -> str:
    """The signature that a request must have: Signature Version 4, written after its page."""
    given = request.headers["Authorization"]
    names = given.partition("SignedHeaders=")[2].partition(",")[0]
    lower = {name.lower(): value for name, value in request.headers.items()}
    signed = "".join(f"{name}:{lower[name].strip()}\n" for name in names.split(";"))
    body = json.dumps(request.body, separators=(",", ":")) if request.body is not None else ""
    path = quote(quote(request.path, safe="/~"), safe="/~")
    query = "&".join(
        f"{quote(name, safe='~')}={quote(value, safe='~')}"
        for name, value in sorted(request.query.items())
    )
    digest = hashlib.sha256(body.encode()).hexdigest()
    canonical = "\n".join((request.method, path, query, signed, names, digest))
    when = lower["x-amz-date"]
    scope = f"{when[:8]}/eu-west-1/ses/aws4_request"
    assert f"Credential={AWS['AWS_ACCESS_KEY_ID']}/{scope}" in given
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", when, scope, hashed))
    key = f"AWS4{KEY}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, text.encode(), "sha256").hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: Fake

    def log_message(self, *args: object) -> None:
        pass

    def answer(self) -> None:
        parts = urlsplit(self.path)
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(
            self.command,
            unquote(parts.path),
            dict(parse_qsl(parts.query)),
            dict(self.headers.items()),
            json.loads(data) if data else None,
        )
        fake = self.fake
        fake.requests.append(request)
        waiting = fake.reads if self.command == "GET" else fake.changes
        fault = waiting.pop(0) if waiting else None
        if fault == "drop":
            self.close_connection = True
            return
        if isinstance(fault, Answer):
            self._send(fault)
        elif not fake.allowed(request):
            self._send(Answer(401, {"message": f"wrong key: {request.headers}"}))
        elif fault == "late":
            fake.route(request)
            self.close_connection = True
        elif fault == "half":
            fake.route(_half(request))
            self._send(Answer(500, {"message": "internal error"}))
        elif fault == "after":
            fake.route(request)
            self._send(Answer(500, {"message": "internal error"}))
        else:
            self._send(fake.route(request))

    def _send(self, answer: Answer) -> None:
        body = answer.body
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        data = b"" if answer.status == 204 else data
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


for _verb in ("GET", "PUT", "POST", "DELETE", "PATCH"):
    setattr(_Handler, f"do_{_verb}", _Handler.answer)


def _half(request: Request) -> Request:
    body = request.body
    if isinstance(body, list):
        return request._replace(body=body[: len(body) // 2 or 1])
    if isinstance(body, dict):
        cut = {k: v[: len(v) // 2 or 1] if isinstance(v, list) else v for k, v in body.items()}
        return request._replace(body=cut)
    return request


@contextmanager
def served(fake: Fake) -> Iterator[str]:
    """*fake*, answering at the URL."""
    handler = type("Handler", (_Handler,), {"fake": fake})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake.url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
