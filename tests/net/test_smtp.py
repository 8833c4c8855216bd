"""The TLS of a mail server: what it shows, without a mail, within limits."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bouncewise.net.smtp import Connect, Limits, NoTlsError, SmtpError, connector
from support.certificates import Issued, issue
from support.smtpd import MailServer, mail_server, wait_for

HOST = "mx.shop.example"
LOCAL = ["127.0.0.1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Issued:
    return issue(folder, "an authority", authority=True)


@pytest.fixture(scope="module")
def good(folder: Path, authority: Issued) -> Issued:
    return issue(folder, HOST, authority)


def connecting(running: MailServer, authority: Issued | None, each: float = 5) -> Connect:
    return connector(
        port=running.port,
        limits=Limits(each, 10),
        authorities=str(authority.path) if authority else None,
        is_allowed=lambda _: True,
    )


def test_a_server_is_left_without_a_mail(good: Issued, authority: Issued) -> None:
    with mail_server(good.path) as running:
        shown = connecting(running, authority)(HOST, LOCAL)
        assert wait_for(running, "QUIT")
    assert (shown.certificate, shown.fault, shown.address) == (good.der, "", "127.0.0.1")
    assert shown.version in ("TLSv1.2", "TLSv1.3")
    greeting = "EHLO [127.0.0.1]"
    assert running.commands == [greeting, "STARTTLS", greeting, "QUIT"]
    assert running.connections == 1


def test_a_certificate_that_is_not_valid_is_seen_by_a_second_connection(
    folder: Path, authority: Issued
) -> None:
    for certificate, words in (
        (issue(folder, HOST), "self-signed|self signed"),
        (issue(folder, "other.example", authority), "not valid for 'mx.shop.example'"),
        (issue(folder, HOST, authority, days=-1), "expired"),
    ):
        with mail_server(certificate.path) as running:
            shown = connecting(running, authority)(HOST, LOCAL)
        assert shown.certificate == certificate.der and running.connections == 2
        assert any(word in shown.fault for word in words.split("|"))


@pytest.mark.parametrize(
    ("replies", "words"),
    [
        ({"EHLO": b"250 mx\r\n"}, "does not offer STARTTLS"),
        ({"EHLO": b"250-mx\r\n250 XSTARTTLS\r\n"}, "does not offer STARTTLS"),
        ({"STARTTLS": b"454 4.7.0 not now\r\n"}, "refuses STARTTLS: 454 4.7.0 not now"),
        ({"STARTTLS": b"220 go on\r\n250 injected\r\n"}, "octets between"),
    ],
)
def test_a_server_without_tls_is_named(
    good: Issued, authority: Issued, replies: dict[str, bytes], words: str
) -> None:
    with mail_server(good.path) as running:
        running.replies |= replies
        with pytest.raises(NoTlsError, match=words):
            connecting(running, authority)(HOST, LOCAL)


def test_a_handshake_that_is_none_is_a_fault_of_the_server(authority: Issued) -> None:
    with mail_server() as running:
        running.handshake = b"500 what?\r\n"
        with pytest.raises(NoTlsError, match="fails the TLS handshake"):
            connecting(running, authority)(HOST, LOCAL)


@pytest.mark.parametrize(
    ("greeting", "words"),
    [
        (b"554 5.7.1 no service for you\r\n", "554 5.7.1 no service for you"),
        (b"421-busy\r\n421 later\r\n", "421 later"),
        (b"SSH-2.0-x\r\n", "no SMTP reply"),
        (b"220-x\r\n" * 200, "without end"),
        (b"2" * 200_000, "without end"),
        (b"\xff\xfe\r\n", "no SMTP reply"),
    ],
)
def test_a_server_that_does_not_talk_to_this_host_says_nothing_of_its_tls(
    authority: Issued, greeting: bytes, words: str
) -> None:
    with mail_server() as running:
        running.replies[""] = greeting
        with pytest.raises(SmtpError, match=words) as error:
            connecting(running, authority)(HOST, LOCAL)
    assert not isinstance(error.value, NoTlsError)
    assert not {"MAIL", "RCPT", "DATA"} & {c.partition(" ")[0] for c in running.commands}


def test_a_server_that_drips_is_left_at_the_time_limit(authority: Issued) -> None:
    before = time.monotonic()
    with mail_server() as running:
        running.drips = True
        with pytest.raises(SmtpError):
            connecting(running, authority, each=0.3)(HOST, LOCAL)
    assert time.monotonic() - before < 5


def test_all_connections_together_have_a_limit(good: Issued) -> None:
    with mail_server(good.path) as running:
        connect = connector(port=running.port, limits=Limits(5, 0), is_allowed=lambda _: True)
        with pytest.raises(SmtpError, match="time limit"):
            connect(HOST, LOCAL)
    assert running.commands == []


def test_the_next_address_is_tried_where_one_does_not_answer(
    good: Issued, authority: Issued
) -> None:
    with mail_server(good.path) as running:
        shown = connecting(running, authority)(HOST, ["127.0.0.2", "127.0.0.1"])
    assert shown.address == "127.0.0.1"


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "169.254.169.254"])
def test_an_address_of_this_network_is_not_connected_to(address: str) -> None:
    with mail_server() as running, pytest.raises(SmtpError, match="no address"):
        connector(port=running.port)(HOST, [address])
    assert running.connections == 0
