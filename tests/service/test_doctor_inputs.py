"""``doctor`` and ``config check`` about inputs: what cannot be read or reached is found."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzz.serving import free_port

from bouncewise.config.inputs import Fetch, Folder, MailboxKind, Security, Syslog, Tail
from bouncewise.config.outgoing import Sync
from bouncewise.config.settings import Settings
from bouncewise.ledger import locate, open_store
from bouncewise.service import input_status
from bouncewise.service.doctor import Finding, Outcome, Patient
from bouncewise.service.doctor_inputs import FAR_BEHIND, examine_inputs
from bouncewise.service.input_status import InputStatus, Statuses
from bouncewise.service.mailboxes.position import Position, written
from bouncewise.service.spool import Writer
from support.cli import bouncewise
from support.imap import PASSWORD, USER, ImapServer
from support.pop3 import Pop3Server


@pytest.fixture
def house(tmp_path: Path) -> Path:
    open_store(tmp_path / "ledger", create=True).close()
    return tmp_path


@pytest.fixture
def running(house: Path) -> Iterator[Path]:
    """The spool of a service that runs."""
    writer = Writer(house / "spool", 1 << 20)
    yield house / "spool"
    writer.close()


def examined(house: Path, **settings: object) -> dict[str, Finding]:
    patient = Patient(
        Settings(**settings),  # type: ignore[arg-type]
        locate(house / "ledger"),
        house / "spool",
        lambda: None,
    )
    found = {f.check: f for f in examine_inputs(patient)}
    assert all(f.todo for f in found.values() if f.outcome is Outcome.FINDING)
    return found


def test_files_and_folders_that_cannot_be_read_are_found(house: Path) -> None:
    log, drop = house / "mail.log", house / "drop"
    log.write_text("x\n")
    drop.mkdir()
    good, gone = str(log), str(house / "no.log")
    found = examined(
        house,
        tail=(Tail(path=good), Tail(path=gone, name="mx2"), Tail(path=str(drop), name="mx3")),
        folder=(Folder(path=str(drop)), Folder(path=str(house / "no"))),
    )
    assert found[f"tail {good}"].text == "can be read; 2 octets"
    assert "no such file" in found["tail mx2"].text
    assert "is a folder" in found["tail mx3"].text
    assert found[f"folder {drop}"].outcome is Outcome.OK
    assert found[f"folder {house / 'no'}"].outcome is Outcome.FINDING


@pytest.mark.parametrize("kind", [MailboxKind.IMAP, MailboxKind.POP3])
def test_mailboxes_are_logged_in_to(house: Path, kind: MailboxKind) -> None:
    server = ImapServer() if kind is MailboxKind.IMAP else Pop3Server()
    secret = house / "password"
    secret.write_text(PASSWORD, "utf-8")
    fetch = Fetch(
        name="box",
        kind=kind,
        host="127.0.0.1",
        port=server.port,
        security=Security.NONE,
        user=USER,
        password=f"file:{secret}",
    )
    assert examined(house, fetch=(fetch,))["fetch box"].outcome is Outcome.OK
    folder = " INBOX" if kind is MailboxKind.IMAP else ""
    with open_store(house / "ledger") as ledger, ledger.change():
        name = f"{kind} {USER} 127.0.0.1:{server.port}{folder}"
        ledger.remember(name, written(Position(skipped=("4711",))))
    assert "such as 4711" in examined(house, fetch=(fetch,))["fetch box"].text
    secret.write_text("wrong")
    assert "refuses the login" in examined(house, fetch=(fetch,))["fetch box"].text
    secret.unlink()
    found = examined(house, fetch=(fetch,))["fetch box"]
    assert (found.outcome, "No such file" in found.text) == (Outcome.FINDING, True)
    server.close()
    secret.write_text(PASSWORD, "utf-8")
    assert "refused" in examined(house, fetch=(fetch,))["fetch box"].text


def test_secrets_of_the_service_are_unknown_here(house: Path) -> None:
    fetch = Fetch(name="box", host="imap.shop.example", user=USER, password="env:NOT_SET_HERE")
    sync = Sync(name="news", esp="resend", key="env:NOT_SET_HERE")
    found = examined(house, fetch=(fetch,), sync=(sync, Sync(name="x", esp="nobody")))
    assert found["fetch box"].outcome is Outcome.UNKNOWN
    assert found["sync news"].outcome is Outcome.UNKNOWN
    assert "nor known" in found["sync x"].text


def test_what_the_process_of_the_inputs_says_is_shown(house: Path, running: Path) -> None:
    log = house / "mail.log"
    log.write_text("x\n")
    name, now = f"follow {log}", time.time()
    tail = (Tail(path=str(log)),)
    assert "says nothing" in examined(house, tail=tail)["inputs"].text

    def say(*statuses: InputStatus) -> Finding:
        input_status.write(running, Statuses(now, statuses))
        return examined(house, tail=tail)[name]

    assert "does not read it" in say().text
    assert say(InputStatus(name, error="no space")).text == "no space"
    assert say(InputStatus(name, behind=FAR_BEHIND + 1)).outcome is Outcome.FINDING
    fine = say(InputStatus(name, 3, now - 5, now, 7))
    assert (fine.outcome, "7 octets behind" in fine.text) == (Outcome.OK, True)
    input_status.write(running, Statuses(now - 1000, ()))
    assert "says nothing" in examined(house, tail=tail)["inputs"].text


def test_a_status_that_is_damaged_is_none(tmp_path: Path) -> None:
    for text in (b"", b"{", b'{"at": "x"}', b"\xff" * 100):
        (tmp_path / input_status.NAME).write_bytes(text)
        assert input_status.read(tmp_path) == Statuses()


def test_where_syslog_listens_and_its_certificate_are_looked_at(house: Path) -> None:
    syslog = Syslog(name="mx", listen=f"127.0.0.1:{free_port()}")
    assert "is free" in examined(house, syslog=(syslog,))["syslog mx"].text
    wrong = Syslog(name="tls", listen=syslog.listen, certificate=str(house / "no.pem"))
    patient = Patient(
        Settings(syslog=(wrong,)), locate(house / "ledger"), house / "spool", lambda: None
    )
    certificate, place = list(examine_inputs(patient))
    assert certificate.outcome is Outcome.FINDING
    assert "No such file" in certificate.text
    assert place.outcome is Outcome.OK


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[tail]]\nname = "a"', "either path or journal"),
        ('[[fetch]]\nhost = "imap.shop.example"', "user is missing"),
        ('[[syslog]]\nname = "a"', "listen is missing"),
        ('[[syslog]]\nname = "a"\nlisten = "off"', "remove the table"),
        ('[[syslog]]\nname="a"\nlisten="1.2.3.4:5"\ncertificate = "/no"', "No such file"),
        ('[[sync]]\nname = "a"\nesp = "nobody"\nkey = "env:SYNC_KEY"', "nor known"),
    ],
)
def test_config_check_reads_inputs_strictly(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "bouncewise.toml").write_text(text + "\n")
    done = bouncewise(tmp_path, "config", "check", "--config", "bouncewise.toml", SYNC_KEY="k")
    assert done.returncode == 2
    assert words in done.stderr.decode()


def test_doctor_has_the_checks_of_inputs(house: Path) -> None:
    (house / "bouncewise.toml").write_text(f'[[tail]]\npath = "{house / "no.log"}"\n')
    done = bouncewise(house, "doctor", "--config", "bouncewise.toml", "--db", "ledger")
    assert done.returncode == 1
    assert f"tail {house / 'no.log'}: " in done.stdout.decode()
