"""The dashboard inside the service, over the ledger of ``support.api``, and its users' browsers."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from starlette.testclient import TestClient

from bouncewise.config.dashboard import Dashboard, Role, User
from bouncewise.config.settings import Settings
from bouncewise.dashboard.inside import pages
from bouncewise.service.app import application
from support.api import Api

ORIGIN = "http://127.0.0.1:8025"
PASSWORD = "four random words here"
PROXY, STRANGER = "198.51.100.7", "203.0.113.9"
HEADER = "X-Remote-User"


def _hash(password: str) -> str:
    """A quick hash of the same kind."""
    salt = b"0123456789abcdef"
    key = hashlib.scrypt(password.encode(), salt=salt, n=1 << 14, r=8, p=1, dklen=32)
    salt64, key64 = (base64.urlsafe_b64encode(x).rstrip(b"=").decode() for x in (salt, key))
    return f"scrypt$14$8$1${salt64}${key64}"


USERS = tuple(User(name=role.value, role=role, password=_hash(PASSWORD)) for role in Role)


def settings_with(**more: Any) -> Settings:
    """Settings with the dashboard, its users and a proxy."""
    table = Dashboard(enabled=True, user_header=HEADER.lower(), trusted_proxies=(PROXY,))
    return msgspec.structs.replace(Settings(dashboard=table, user=USERS), **more)


class Site:
    """The running application."""

    def __init__(self, folder: Path) -> None:
        self.api = Api(folder)
        self.state, self.ledger = self.api.state, self.api.ledger
        self.state.configure(settings_with())
        self.app = application(self.state, self.api.backend, pages)

    def browser(self, peer: str = STRANGER, base: str = ORIGIN) -> Browser:
        """A browser, which connects from *peer*."""
        return Browser(
            TestClient(self.app, base_url=base, follow_redirects=False, client=(peer, 50_000)), base
        )

    def signed_in(self, role: Role, peer: str = STRANGER) -> Browser:
        """A browser of the user with that role."""
        found = self.browser(peer)
        answer = found.sign_in(role.value)
        assert answer.status_code == 303, answer.text
        return found


class Browser:
    """Sends what a browser sends: cookies, Origin and Sec-Fetch-Site."""

    def __init__(self, client: httpx2.Client, base: str) -> None:
        self.client, self.base = client, base

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(path, headers={n.replace("_", "-"): v for n, v in headers.items()})

    def post(self, path: str, data: dict[str, str], files: Any = None, **headers: str) -> Any:
        sent = {"Origin": self.base, "Sec-Fetch-Site": "same-origin"}
        sent |= {n.replace("_", "-"): v for n, v in headers.items()}
        sent = {n: v for n, v in sent.items() if v}
        return self.client.post(path, data=data, files=files, headers=sent)

    def sign_in(self, name: str, password: str = PASSWORD, target: str = "/") -> Any:
        return self.post("/sign-in", {"name": name, "password": password, "next": target})

    def form_token(self) -> str:
        """What the forms of this session contain."""
        return hidden(self.get("/audit").text, "form_token")

    def preview(self, act: str, files: Any = None, /, **fields: str) -> Any:
        """The answer to the form of an act."""
        return self.post(f"/acts/{act}", {"form_token": self.form_token(), **fields}, files)

    def confirm(self, act: str, preview: str) -> Any:
        """The answer when a *preview* is confirmed."""
        fields = {"form_token": self.form_token(), "ticket": hidden(preview, "ticket")}
        return self.post(f"/acts/{act}/confirm", fields)

    def do(self, act: str, files: Any = None, /, **fields: str) -> Any:
        """Preview and confirm; the page afterwards."""
        preview = self.preview(act, files, **fields)
        assert preview.status_code == 200, preview.text
        done = self.confirm(act, preview.text)
        assert done.status_code == 303, done.text
        return self.get(done.headers["location"])


def hidden(text: str, name: str) -> str:
    """The value of a hidden field of a page."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)">', text)
    assert found, text
    return found[1]
