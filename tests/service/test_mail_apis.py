"""Mailboxes by Microsoft Graph and the API of Gmail, against fakes made after the vendors'
documentation.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from bouncewise.config.inputs import Fetch, MailboxKind, Security
from bouncewise.errors import ConfigError
from bouncewise.net.retry import Clock
from bouncewise.service.mailboxes import mailbox, settings, web
from bouncewise.service.mailboxes.base import AccountError, MailboxError
from bouncewise.service.mailboxes.mailbox import Mailbox
from bouncewise.service.mailboxes.position import position_of
from service.test_mailbox import LETTER, bounce, dead
from support.cli import bouncewise
from support.mail_apis import CLIENT, REFRESH, SECRET, USER, MailApi, error

KINDS = [MailboxKind.GRAPH, MailboxKind.GMAIL]


class Outlet:
    """An outlet as a ledger is; ``order``: requests and stores as they came."""

    def __init__(self, api: MailApi) -> None:
        self.api = api
        self.items: list[object] = []
        self.position = ""
        self.said: list[str] = []
        self.is_once = True
        self.is_stopping = False

    def store(self, items: list[object], position: str) -> list[object]:
        self.items += items
        self.position = position or self.position
        self.api.requests.append("(stored)")
        return []

    def tell(self, line: str) -> None:
        self.said.append(line)

    def look(self) -> None:
        pass

    def recipients(self) -> list[str]:
        reports = [getattr(item, "report", None) for item in self.items]
        return [report.recipient for report in reports if report]


@pytest.fixture
def api() -> Iterator[MailApi]:
    made = MailApi()
    yield made
    made.close()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(web, "Clock", lambda: Clock(sleep=found.append))
    return found


Make = Callable[..., Fetch]


@pytest.fixture
def make(api: MailApi, tmp_path: Path, waits: list[float]) -> Make:
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "refresh").write_text(REFRESH)

    def made(kind: MailboxKind, **more: object) -> Fetch:
        grant = {"client_secret": f"file:{tmp_path / 'secret'}"}
        if kind is MailboxKind.GMAIL:
            grant = {"refresh_token": f"file:{tmp_path / 'refresh'}"}
        fetch = Fetch(
            name="box",
            kind=kind,
            host="127.0.0.1",
            port=api.port,
            security=Security.NONE,
            user=USER,
            client_id=CLIENT,
            token_url=f"{api.url}/token",
        )
        return msgspec.structs.replace(fetch, **{**grant, **more})

    return made


def run(fetch: Fetch, api: MailApi, position: str = "") -> Outlet:
    outlet = Outlet(api)
    Mailbox(fetch).run(position, outlet)  # type: ignore[arg-type]
    return outlet


@pytest.mark.parametrize("kind", KINDS)
def test_messages_are_read_once_page_by_page(kind: MailboxKind, make: Make, api: MailApi) -> None:
    api.add(*map(bounce, range(5)), LETTER)
    first = run(make(kind), api)
    assert first.recipients() == dead(*range(5))
    api.add(*map(bounce, range(5, 10)))
    again = run(make(kind), api, first.position)
    assert again.recipients() == dead(*range(5, 10))
    assert run(make(kind), api, again.position).recipients() == []
    assert len(api.messages) == 11  # nothing was moved
    assert api.asked("/token") == 3
    assert {grant["grant_type"] for grant in api.grants} == {
        "client_credentials" if kind is MailboxKind.GRAPH else "refresh_token"
    }


@pytest.mark.parametrize("kind", KINDS)
def test_reports_are_moved_after_they_are_stored(
    kind: MailboxKind, make: Make, api: MailApi
) -> None:
    api.add(bounce(1), LETTER, bounce(2))
    done = run(make(kind, move_to="Done"), api)
    assert list(api.messages.values()) == [LETTER]
    assert sorted(api.folders["Done"]) == ["m/1=", "m/3="]
    stored = api.requests.index("(stored)")
    act = "/move" if kind is MailboxKind.GRAPH else "batchModify"
    assert not any(act in request for request in api.requests[:stored])
    assert run(make(kind, move_to="Done"), api, done.position).recipients() == []


@pytest.mark.parametrize("kind", KINDS)
def test_reports_are_deleted_if_asked_for(kind: MailboxKind, make: Make, api: MailApi) -> None:
    api.add(bounce(1), LETTER)
    box = Mailbox(make(kind, delete=True))
    assert box.try_out("", Outlet(api)) == 1  # type: ignore[arg-type]
    assert len(api.messages) == 2
    run(make(kind, delete=True), api)
    assert list(api.messages.values()) == [LETTER]


@pytest.mark.parametrize("kind", KINDS)
def test_all_is_read_again_where_the_position_is_not_known_any_more(
    kind: MailboxKind, make: Make, api: MailApi
) -> None:
    api.add(bounce(1), bounce(2))
    first = run(make(kind), api)
    api.add(bounce(3))
    api.first_known = 3
    again = run(make(kind), api, first.position)
    assert again.recipients() == dead(1, 2, 3)
    assert "all messages are read again" in again.said[0]


@pytest.mark.parametrize("kind", KINDS)
def test_retry_after_is_waited_for(
    kind: MailboxKind, make: Make, api: MailApi, waits: list[float]
) -> None:
    api.add(bounce(1))
    api.faults += [
        ("/messages/m", 429, {"Retry-After": "17"}, b"{}"),
        ("/messages/m", 503, {}, b"<html>"),
    ]
    if kind is MailboxKind.GMAIL:
        body = json.dumps(error(403, "userRateLimitExceeded", "slow down")).encode()
        api.faults += [("/messages/m", 403, {"Retry-After": "3"}, body)]
    assert run(make(kind), api).recipients() == dead(1)
    assert waits[:2] == [17, 2]
    assert waits[2:] == ([3] if kind is MailboxKind.GMAIL else [])


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_wait_is_left_to_the_caller_and_costs_no_message_a_try(
    kind: MailboxKind, make: Make, api: MailApi
) -> None:
    api.add(bounce(1), bounce(2))
    outlet = Outlet(api)
    for _ in range(mailbox.MOST_DROPS + 1):
        api.faults = [("/messages/m%2F2", 429, {"Retry-After": "900"}, b"{}")]
        with pytest.raises(AccountError, match="wait for 900 seconds") as busy:
            Mailbox(make(kind)).run(outlet.position, outlet)  # type: ignore[arg-type]
        assert busy.value.wait == 900
    assert position_of(outlet.position).refused == ()
    assert run(make(kind), api, outlet.position).recipients() == dead(2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_that_cannot_be_fetched_does_not_block_the_others(
    kind: MailboxKind, make: Make, api: MailApi
) -> None:
    api.add(bounce(1), bounce(2), bounce(3))
    outlet = Outlet(api)
    api.drops = ["/messages/m%2F2"]
    for _ in range(mailbox.MOST_DROPS):
        with pytest.raises(MailboxError):
            Mailbox(make(kind)).run(outlet.position, outlet)  # type: ignore[arg-type]
    Mailbox(make(kind)).run(outlet.position, outlet)  # type: ignore[arg-type]
    assert sorted(outlet.recipients()) == dead(1, 3)
    assert position_of(outlet.position).skipped == ("m/2=",)


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_that_expired_is_asked_for_anew(
    kind: MailboxKind, make: Make, api: MailApi
) -> None:
    api.add(bounce(1))
    box, outlet = Mailbox(make(kind)), Outlet(api)
    box.run("", outlet)  # type: ignore[arg-type]
    api.valid.clear()
    api.add(bounce(2))
    box.run(outlet.position, outlet)  # type: ignore[arg-type]
    assert outlet.recipients() == dead(1, 2)
    assert len(api.grants) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_no_line_repeats_a_secret(
    kind: MailboxKind, make: Make, api: MailApi, tmp_path: Path
) -> None:
    for name in ("secret", "refresh"):
        (tmp_path / name).write_text("another-secret")
    with pytest.raises(MailboxError, match="invalid_client") as refused:
        run(make(kind), api)
    assert "another-secret" not in str(refused.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"value": 3, "messages": 7}', b"[" * 100_000])
def test_an_answer_of_another_form_is_one_line(
    kind: MailboxKind, make: Make, api: MailApi, body: bytes
) -> None:
    for path in ("/delta", "/profile"):
        api.faults.append((path, 200, {}, body))
    with pytest.raises(MailboxError, match="answer of the API"):
        run(make(kind), api)


def test_a_page_of_another_server_is_refused(make: Make, api: MailApi) -> None:
    page = {"value": [], "@odata.nextLink": "https://evil.example/v1.0/x"}
    api.faults = [("/delta", 200, {}, json.dumps(page).encode())]
    with pytest.raises(MailboxError, match="another server"):
        run(make(MailboxKind.GRAPH), api)


def test_links_of_the_vendors_are_those_of_the_server() -> None:
    fetch = Fetch(kind=MailboxKind.GRAPH, user=USER, tenant="shop.example")
    api = web.Api(fetch, mailbox.Credentials(fetch), {})
    link = "https://graph.microsoft.com/v1.0/users/u/mailFolders/inbox/messages/delta?$skiptoken=x"
    assert api.path(link) == link.removeprefix("https://graph.microsoft.com")
    gmail = msgspec.structs.replace(fetch, kind=MailboxKind.GMAIL, tenant="")
    assert settings.base_url(gmail) == "https://gmail.googleapis.com"
    assert settings.token_url(gmail) == "https://oauth2.googleapis.com/token"
    login = "https://login.microsoftonline.com/shop.example/oauth2/v2.0/token"
    assert settings.token_url(fetch) == login


def test_a_service_account_signs_for_the_user(make: Make, api: MailApi, tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    account = {"client_email": "bw@p.iam.gserviceaccount.com", "private_key": pem.decode()}
    (tmp_path / "account").write_text(json.dumps(account))
    fetch = make(
        MailboxKind.GMAIL,
        client_id="",
        refresh_token="",
        service_account=f"file:{tmp_path / 'account'}",
    )
    api.add(bounce(1))
    assert run(fetch, api).recipients() == dead(1)
    head, claims, signature = api.grants[0]["assertion"].split(".")
    signed = base64.urlsafe_b64decode(signature + "==")
    key.public_key().verify(
        signed, f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256()
    )
    found = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert (found["sub"], found["aud"]) == (USER, f"{api.url}/token")
    assert found["scope"] == "https://www.googleapis.com/auth/gmail.readonly"
    (tmp_path / "account").write_text("{}")
    with pytest.raises(ConfigError, match="no key file"):
        run(fetch, api)


@pytest.mark.parametrize(
    ("kind", "change", "text"),
    [
        (MailboxKind.GRAPH, {"client_secret": ""}, "client_secret or refresh_token is missing"),
        (MailboxKind.GRAPH, {"token_url": ""}, "tenant or token_url is missing"),
        (MailboxKind.GMAIL, {"refresh_token": "", "client_secret": "env:X"}, "to a client alone"),
        (MailboxKind.GMAIL, {"client_id": "", "password": "env:X"}, "takes no password"),
        (MailboxKind.GRAPH, {"security": Security.STARTTLS}, "starttls is for IMAP"),
    ],
)
def test_settings_that_are_not_complete_are_refused(
    make: Make, kind: MailboxKind, change: dict[str, object], text: str
) -> None:
    with pytest.raises(ConfigError, match=text):
        Mailbox(make(kind, **change))


@pytest.mark.parametrize("kind", KINDS)
def test_fetch_reads_a_configured_mailbox(
    kind: MailboxKind, make: Make, api: MailApi, tmp_path: Path
) -> None:
    fetch = make(kind)
    keys = ("kind", "host", "port", "security", "user", "client_id", "token_url")
    lines = [f"{key} = {json.dumps(getattr(fetch, key))}" for key in keys]
    lines += [
        f'{key} = "{getattr(fetch, key)}"'
        for key in ("client_secret", "refresh_token")
        if getattr(fetch, key)
    ]
    (tmp_path / "bouncewise.toml").write_text("[[fetch]]\n" + "\n".join(lines) + "\n")
    api.add(bounce(1), LETTER)
    call = ("fetch", "--db", "ledger", "--config", "bouncewise.toml")
    assert bouncewise(tmp_path, *call).stdout == b"1 reports; 1 new to the ledger\n"
    assert bouncewise(tmp_path, *call).stdout == b"0 reports; 0 new to the ledger\n"
