"""``doctor``: each fault is found, with what to do; what cannot be seen is unknown."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

import msgspec
import pytest
from fuzz.serving import free_port

from bouncewise.config.service import Http, PostfixPolicy, Smtp, Spool, Token, TokenScope, Webhook
from bouncewise.config.settings import Settings
from bouncewise.ledger import locate, open_store
from bouncewise.service import doctor, ports
from bouncewise.service.doctor import Finding, Outcome, Patient
from bouncewise.service.spool import Record, Writer
from support.cli import bouncewise
from support.ledgers import schema_4

TOKEN = Token(name="t", sha256="5" * 64, scopes=tuple(TokenScope))


def settings(**more: object) -> Settings:
    made = Settings(
        http=Http(listen=f"127.0.0.1:{free_port()}"),
        postfix_policy=PostfixPolicy(listen="off"),
        token=(TOKEN,),
    )
    return msgspec.structs.replace(made, **more)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A ledger and a spool with nothing in them."""
    open_store(tmp_path / "ledger", create=True).close()
    Writer(tmp_path / "spool", 1 << 20).close()
    return tmp_path


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return schema_4(tmp_path)


def examined(
    folder: Path, configured: Settings | None = None, **more: object
) -> dict[str, Finding]:
    found = Patient(
        configured or settings(), locate(folder / "ledger"), folder / "spool", lambda: None
    )
    return {f.check: f for f in doctor.examine(found._replace(**more))}


def findings(found: dict[str, Finding]) -> set[str]:
    machine = {"systemd", "disk, ledger", "disk, spool"}
    assert all(f.todo for f in found.values() if f.outcome is Outcome.FINDING)
    return {f.check for f in found.values() if f.outcome is Outcome.FINDING} - machine


def test_a_sound_service_has_no_findings(house: Path) -> None:
    found = examined(house)
    assert findings(found) == set()
    assert len(found) >= 12


def test_a_ledger_that_is_not_there_or_is_none_is_found(house: Path) -> None:
    (house / "ledger").write_bytes(b"nothing")
    assert findings(examined(house)) == {"ledger"}
    (house / "ledger").unlink()
    assert "first start" in examined(house)["ledger"].todo


def test_an_older_schema_is_found_and_not_changed(house: Path, old: Path) -> None:
    for _ in range(2):
        found = examined(house, ledger=locate(old))["schema"]
        assert found.outcome is Outcome.FINDING
        assert "schema 4" in found.text


def test_what_waits_too_long_is_found(house: Path) -> None:
    writer = Writer(house / "spool", 1 << 20)
    writer.append([Record(time.time_ns() // 1000, "webhook", "pm", b"{}")])
    assert findings(examined(house)) - {"service"} == {"[http] listen"}  # the writer holds the lock
    writer.close()
    assert findings(examined(house)) == set()
    writer = Writer(house / "spool2", 1 << 20)
    writer.append([Record((time.time_ns() - 3600 * 10**9) // 1000, "webhook", "pm", b"{}")])
    writer.close()
    assert findings(examined(house, spool=house / "spool2")) == {"waiting"}


def test_a_full_spool_and_poison_are_found(house: Path) -> None:
    writer = Writer(house / "spool", 1 << 30)
    writer.append([Record(time.time_ns() // 1000, "webhook", "pm", b"a" * 1_000_000)])
    writer.close()
    (house / "spool" / "poison").mkdir()
    (house / "spool" / "poison" / "0.msgpack").write_bytes(b"")
    found = examined(house, settings(spool=Spool(max_bytes=1 << 20)))
    assert findings(found) == {"spool", "poison"}


def test_ports_are_free_taken_by_others_or_held_by_the_service(house: Path) -> None:
    configured = settings()
    port = int(configured.http.listen.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        assert findings(examined(house, configured)) == {"[http] listen"}
        writer = Writer(house / "spool", 1 << 20)
        assert findings(examined(house, configured)) == set()
        writer.close()


def test_unix_sockets_are_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "s"
    assert ports.state(f"unix:{path}") == (False, "")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        assert ports.state(f"unix:{path}") == (False, "")
        sock.listen()
        assert ports.state(f"unix:{path}") == (True, "")
    path.unlink()
    path.write_text("x")
    assert "no socket" in ports.state(f"unix:{path}").fault
    assert ports.state(f"unix:{tmp_path}/none/s").fault


def test_secrets_tokens_and_webhooks_are_looked_at(house: Path) -> None:
    def hook(secret: str, esp: str = "postmark") -> Settings:
        return settings(webhook=(Webhook(name="pm", esp=esp, secret=secret),))

    assert findings(examined(house, hook(f"file:{house}/none"))) == {"webhook pm"}
    (house / "secret").write_text("s")
    assert findings(examined(house, hook(f"file:{house}/secret"))) == set()
    found = examined(house, hook("env:NOT_SET_HERE"))["webhook pm"]
    assert found.outcome is Outcome.UNKNOWN
    assert findings(examined(house, hook("env:X", "nobody"))) == {"webhooks"}
    assert findings(examined(house, settings(token=()))) == {"tokens"}


def test_a_server_for_mail_that_accepts_nobody_is_found(house: Path) -> None:
    configured = settings(smtp=Smtp(lmtp=f"127.0.0.1:{free_port()}"))
    assert findings(examined(house, configured)) == {"[smtp] accept"}


def test_a_name_server_that_does_not_answer_is_found(house: Path) -> None:
    def silent() -> None:
        raise TimeoutError("no answer within 5 seconds")

    found = examined(house, lookup=silent)
    assert findings(found) == {"DNS"}
    assert "no answer within 5" in found["DNS"].text


def test_a_clock_that_is_behind_the_evidence_is_found(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = doctor.standing(house / "ledger")
    later = found._replace(latest=doctor.datetime(2100, 1, 1, tzinfo=doctor.UTC))
    monkeypatch.setattr(doctor, "standing", lambda *_: later)
    assert findings(examined(house)) == {"clock"}


def test_a_full_disk_is_found(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LITTLE_ROOM", 1 << 62)
    found = examined(house)
    assert {f.outcome for name, f in found.items() if "disk" in name} == {Outcome.FINDING}


def test_the_command_prints_a_row_per_check_and_exits_1_on_findings(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bouncewise.cli.doctor._ask", lambda: None)
    (house / "bouncewise.toml").write_text("[http]\nlisten = 1\n")
    done = bouncewise(house, "doctor", "--db", "ledger", "--json")
    assert done.returncode == 1
    rows = {row["check"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert rows["configuration"]["outcome"] == "finding"
    assert rows["ledger"]["outcome"] == "ok"
    assert rows["tokens"]["todo"]
    text = bouncewise(house, "doctor", "--db", "ledger").stdout.decode()
    assert text.startswith("finding  configuration: ")
    assert os.fspath(house) in text or "ledger can be read" in text
