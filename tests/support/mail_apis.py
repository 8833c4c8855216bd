"""The APIs of Microsoft Graph and Gmail for mailboxes, and the servers of their access tokens, as
their vendors document them, for tests: one mailbox, faults on demand.

Shapes of requests and answers: https://learn.microsoft.com/en-us/graph/delta-query-messages,
/en-us/graph/outlook-get-mime-message, /en-us/graph/throttling, /en-us/graph/errors,
https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow;
https://developers.google.com/workspace/gmail/api/guides/sync, /guides/handle-errors and
/reference/rest; https://developers.google.com/identity/protocols/oauth2/service-account.
"""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

USER = "bounces@shop.example"
CLIENT, SECRET, REFRESH = "client-1", "client-secret-of-ours", "refresh-token-of-ours"

Answer = tuple[int, Any]


class MailApi:
    """Serves until it is closed. ``requests``: method and path of each; ``faults``: answers that
    come first for paths with such words, as (status, headers, body).
    """

    def __init__(self) -> None:
        self.messages: dict[str, bytes] = {}
        self.folders: dict[str, dict[str, bytes]] = {"INBOX": self.messages}
        self.log: list[str] = []
        """The names of messages in the order in which they came into the inbox."""
        self.valid: set[str] = set()
        self.grants: list[dict[str, str]] = []
        self.requests: list[str] = []
        self.bodies: list[Any] = []
        self.faults: list[tuple[str, int, dict[str, str], bytes]] = []
        self.drops: list[str] = []
        """Words of paths at which the connection is closed, each time."""
        self.first_known = 0
        """The first entry of the log that changes can still be asked from."""
        self.page = 2
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._serve()

            do_POST = do_DELETE = do_GET  # noqa: N815

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                api.requests.append(f"{self.command} {self.path}")
                if any(word in self.path for word in api.drops):
                    self.close_connection = True
                    return
                status, fields, data = api.answer(self.command, self.path, self.headers, body)
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def add(self, *messages: bytes) -> None:
        for message in messages:
            name = f"m/{len(self.log) + 1}="
            self.messages[name] = message
            self.log.append(name)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def asked(self, word: str) -> int:
        return sum(word in request for request in self.requests)

    # ── answers ─────────────────────────────────────────────────────────────────────────────────

    def answer(
        self, method: str, path: str, headers: Any, body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        for fault in self.faults:
            if fault[0] in path:
                self.faults.remove(fault)
                return fault[1:]
        if path == "/token":
            status, found = self._token({k: v[0] for k, v in parse_qs(body.decode()).items()})
        elif headers.get("Authorization", "").removeprefix("Bearer ") not in self.valid:
            status, found = 401, error(401, "InvalidAuthenticationToken", "expired")
        else:
            parts = urlsplit(path)
            decoded = json.loads(body) if body else None
            self.bodies.append(decoded)
            names = [unquote(part) for part in parts.path.strip("/").split("/")]
            route = self._graph if names[0] == "v1.0" else self._gmail
            status, found = route(method, names, parse_qs(parts.query), decoded)
        is_mime = isinstance(found, bytes)
        return status, {}, found if is_mime else json.dumps(found).encode()

    def _token(self, fields: dict[str, str]) -> Answer:
        self.grants.append(fields)
        good = fields["grant_type"].endswith("jwt-bearer") or (
            fields["client_id"] == CLIENT
            and (
                fields.get("client_secret") == SECRET
                if fields["grant_type"] == "client_credentials"
                else fields["refresh_token"] == REFRESH
            )
        )
        if not good:
            secret = fields.get("client_secret") or fields.get("refresh_token")
            text = f"AADSTS7000215: Invalid client secret provided: {secret}"
            return 401, {"error": "invalid_client", "error_description": text}
        token = f"token-{len(self.grants)}"
        self.valid = {token}
        return 200, {"token_type": "Bearer", "expires_in": 3599, "access_token": token}

    # ── Microsoft Graph ─────────────────────────────────────────────────────────────────────────

    def _graph(self, method: str, names: list[str], query: Any, body: Any) -> Answer:
        assert names[:3] == ["v1.0", "users", USER]
        match (method, *names[3:]):
            case ("GET", "mailFolders", _, "messages", "delta"):
                return self._delta(query)
            case ("GET", "mailFolders"):
                wanted = query["$filter"][0].removeprefix("displayName eq '")[:-1]
                return 200, {"value": [{"id": f"id-{n}"} for n in self.folders if n == wanted]}
            case ("POST", "mailFolders"):
                self.folders[body["displayName"]] = {}
                return 201, {"id": f"id-{body['displayName']}"}
            case ("GET", "messages", name, "$value") if name in self.messages:
                return 200, self.messages[name]
            case ("POST", "messages", name, "move") if name in self.messages:
                folder = body["destinationId"].removeprefix("id-")
                self.folders[folder][name] = self.messages.pop(name)
                return 201, {"id": name}
            case ("DELETE", "messages", name) if name in self.messages:
                del self.messages[name]
                return 204, b""
        return 404, error("ErrorItemNotFound", "ErrorItemNotFound", "not found")

    def _delta(self, query: Any) -> Answer:
        begin = int(query.get("$skiptoken", query.get("$deltatoken", ["0"]))[0])
        if "$deltatoken" in query and begin < self.first_known:
            return 410, error("SyncStateNotFound", "SyncStateNotFound", "resync")
        names = self.log[begin : begin + self.page]
        values: list[Any] = [
            {"id": name}
            if name in self.messages
            else {"id": name, "@removed": {"reason": "deleted"}}
            for name in names
        ]
        end = begin + len(names)
        kind = "next" if end < len(self.log) else "delta"
        token = "$skiptoken" if kind == "next" else "$deltatoken"
        path = f"/v1.0/users/{USER}/mailFolders/inbox/messages/delta?{token}={end}"
        return 200, {"value": values, f"@odata.{kind}Link": self.url + path}

    # ── Gmail ───────────────────────────────────────────────────────────────────────────────────

    def _gmail(self, method: str, names: list[str], query: Any, body: Any) -> Answer:
        assert names[:4] == ["gmail", "v1", "users", USER]
        match (method, *names[4:]):
            case ("GET", "profile"):
                return 200, {"emailAddress": USER, "historyId": str(len(self.log) + 100)}
            case ("GET", "messages"):
                return self._list(query)
            case ("GET", "history"):
                return self._history(query)
            case ("GET", "labels"):
                return 200, {"labels": [{"id": f"Label_{n}", "name": n} for n in self.folders]}
            case ("POST", "labels"):
                self.folders[body["name"]] = {}
                return 200, {"id": f"Label_{body['name']}", "name": body["name"]}
            case ("POST", "messages", "batchModify"):
                for name in body["ids"]:
                    label = body["addLabelIds"][0].removeprefix("Label_")
                    moved = self.messages.pop(name, b"")
                    self.folders.setdefault(label, {})[name] = moved
                return 204, b""
            case ("GET", "messages", name) if name in self.messages:
                raw = base64.urlsafe_b64encode(self.messages[name]).rstrip(b"=").decode()
                return 200, {"id": name, "raw": raw}
        return 404, error(404, "notFound", "Requested entity was not found.")

    def _list(self, query: Any) -> Answer:
        newest_first = [name for name in reversed(self.log) if name in self.messages]
        begin = int(query.get("pageToken", ["0"])[0])
        page = newest_first[begin : begin + self.page]
        found: dict[str, Any] = {"resultSizeEstimate": len(newest_first)}
        if page:
            found["messages"] = [{"id": name, "threadId": name} for name in page]
        if begin + self.page < len(newest_first):
            found["nextPageToken"] = str(begin + self.page)
        return 200, found

    def _history(self, query: Any) -> Answer:
        begin = int(query.get("pageToken", query["startHistoryId"])[0])
        if begin - 100 < self.first_known:
            return 404, error(404, "notFound", "Requested entity was not found.")
        names = self.log[begin - 100 : begin - 100 + self.page]
        found: dict[str, Any] = {"historyId": str(len(self.log) + 100)}
        if names:
            found["history"] = [
                {"id": str(begin + n + 1), "messagesAdded": [{"message": {"id": name}}]}
                for n, name in enumerate(names)
            ]
        if begin - 100 + self.page < len(self.log):
            found["nextPageToken"] = str(begin + self.page)
        return 200, found


def error(code: object, reason: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "errors": [{"reason": reason}]}}
