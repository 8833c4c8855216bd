"""The dashboard of a real service: an act reaches Postfix, and the configuration is read again."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import msgspec
import pytest
from fuzz.serving import SECRET, Service, event

from bouncewise.config.dashboard import Role
from bouncewise.service.passwords import make
from bouncewise.service.spool import Record
from support.site import PASSWORD, Browser

ON = "[dashboard]\nenabled = true\n"
USERS = "".join(make(role.value, role, PASSWORD).lines for role in Role)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path, ON + USERS) as made:
        yield made


@pytest.fixture
def browser(service: Service) -> Iterator[Callable[[Role], Browser]]:
    """Signs in."""
    base = f"http://127.0.0.1:{service.http}"
    with contextlib.ExitStack() as opened:

        def signed_in(role: Role) -> Browser:
            client = opened.enter_context(httpx2.Client(base_url=base, timeout=30))
            answer = (found := Browser(client, base)).sign_in(role.value)
            assert answer.status_code == 303, answer.text
            return found

        yield signed_in


def test_an_act_reaches_postfix_and_its_undo_too(
    service: Service, browser: Callable[[Role], Browser]
) -> None:
    operator = browser(Role.OPERATOR)
    assert not service.refused("jo@shop.example")
    operator.do("suppress", name="jo@shop.example", why="by phone")
    service.until(lambda: service.refused("jo@shop.example"))
    operator.do("undo", act="1", why="a slip")
    service.until(lambda: not service.refused("jo@shop.example"))
    assert service.status("POST", "/healthz") == 405  # the pages hide nothing of the service
    assert service.status("GET", "/v1/check/jo@shop.example") == 200
    log = service.log.read_text()
    assert "operator signed in from 127.0.0.1" in log
    assert PASSWORD not in log
    assert "Traceback" not in log


def test_a_record_that_was_put_aside_is_read_again(
    service: Service, browser: Callable[[Role], Browser]
) -> None:
    operator = browser(Role.OPERATOR)
    folder = service.folder / "spool" / "poison"
    folder.mkdir(exist_ok=True)
    record = Record(1_700_000_000_000_000, "webhook", "pm", event(7), "")
    octets = msgspec.msgpack.encode(("ValueError: a defect of before", record))
    (folder / f"{4096:020}.msgpack").write_bytes(octets)
    assert "a defect of before" in operator.get("/unreadable").text
    page = operator.do("retry", record="4096", why="after the upgrade")
    assert "Every record could be read" in page.text
    service.until(lambda: service.refused("u7@gone.example"))
    assert "had record 4096 read again" in operator.get("/audit").text


def test_users_of_a_new_configuration_are_in_force(
    service: Service, browser: Callable[[Role], Browser]
) -> None:
    viewer, admin = browser(Role.VIEWER), browser(Role.ADMIN)
    file = service.folder / "bouncewise.toml"
    text = file.read_text()
    file.write_text(
        text.replace('role = "viewer"', 'role = "operator"').replace('"admin"', '"x"', 1)
    )
    assert service.process is not None
    service.process.send_signal(signal.SIGHUP)
    service.until(lambda: viewer.get("/acts/suppress").status_code == 200)
    assert admin.get("/").status_code == 303
    file.write_text(text.replace("enabled = true", "enabled = false"))
    service.process.send_signal(signal.SIGHUP)
    service.until(lambda: viewer.get("/sign-in").status_code == 404)
    assert service.status("POST", f"/in/pm/{SECRET}", event(1)) == 204
