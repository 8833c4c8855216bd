"""The settings of what is fetched and followed; docs/inputs.md explains them."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated

from bouncewise.config import values
from bouncewise.config.table import Setting, Table


def _place(text: str) -> str:
    """``HOST:PORT``, ``[IPv6]:PORT`` or ``unix:PATH``."""
    if text == "off":
        raise ValueError("'off' is no place to listen; remove the table")
    return values.listen(text)


def _network(text: str) -> str:
    """An IP address or network (192.0.2.0/24)."""
    try:
        return str(ip_network(text.strip(), strict=False))
    except ValueError:
        raise ValueError(f"{text!r} is no IP address or network") from None


class Tail(Table, frozen=True, kw_only=True):
    """A log that `serve` follows; begin each with `[[tail]]`."""

    path: Annotated[
        str,
        Setting("the log file", '"/var/log/mail.log"', values.path),
    ] = ""
    journal: Annotated[
        tuple[str, ...],
        Setting(
            "in place of a file: units whose entries in systemd's journal are read, with `*` for "
            "any characters",
            '["postfix*"]',
            values.unit,
        ),
    ] = ()
    name: Annotated[
        str,
        Setting("what it is called in reports; default: the path", '"mx1"', values.name),
    ] = ""


class Folder(Table, frozen=True, kw_only=True):
    """A drop folder whose files `serve` reads; begin each with `[[folder]]`."""

    path: Annotated[
        str,
        Setting(
            "the folder; files that were read are moved into `done` in it, others into `failed`",
            '"/var/spool/bounces"',
            values.path,
        ),
    ] = ""


class Syslog(Table, frozen=True, kw_only=True):
    """A server to which log daemons send lines by TCP (RFC 6587), for `serve`; begin each with
    `[[syslog]]`.
    """

    name: Annotated[str, Setting("what it is called in reports", '"mx"', values.name)] = ""
    listen: Annotated[
        str,
        Setting("host and port, or `unix:` and a path", '"192.0.2.5:6514"', _place),
    ] = ""
    peers: Annotated[
        tuple[str, ...],
        Setting(
            "addresses or networks whose lines are believed; others are refused. Default: this "
            "machine itself",
            '["192.0.2.0/24"]',
            _network,
        ),
    ] = ()
    certificate: Annotated[
        str,
        Setting(
            "for TLS (RFC 5425): the file of the certificate and its chain",
            '"/etc/bouncewise/syslog.pem"',
            values.path,
        ),
    ] = ""
    key: Annotated[
        str,
        Setting(
            "the file of its key, if that is another one",
            '"/etc/bouncewise/syslog.key"',
            values.path,
        ),
    ] = ""
    client_authority: Annotated[
        str,
        Setting(
            "the file of the authority whose certificates clients must have",
            '"/etc/bouncewise/clients.pem"',
            values.path,
        ),
    ] = ""


class Security(StrEnum):
    """How the connection to a mailbox is protected."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


class MailboxKind(StrEnum):
    """How a mailbox is read."""

    IMAP = "imap"
    POP3 = "pop3"
    GRAPH = "graph"
    GMAIL = "gmail"


class Fetch(Table, frozen=True, kw_only=True):
    """A mailbox that `serve` and `fetch` read; begin each with `[[fetch]]`."""

    name: Annotated[str, Setting("what it is called", '"bounces"', values.name)] = ""
    kind: Annotated[
        MailboxKind,
        Setting(
            "`imap`, `pop3`, `graph` (Microsoft 365 by Microsoft Graph) or `gmail` (the API of "
            "Gmail)",
            '"imap"',
        ),
    ] = MailboxKind.IMAP
    host: Annotated[
        str,
        Setting(
            "the server; default for `graph` and `gmail`: the vendor's",
            '"imap.shop.example"',
            values.host,
        ),
    ] = ""
    port: Annotated[
        int,
        Setting(
            "its port; default: the usual one of kind and security, such as 993",
            "993",
            values.port,
        ),
    ] = 0
    security: Annotated[
        Security,
        Setting("`tls`, `starttls`, or `none`, which only this machine itself may have", '"tls"'),
    ] = Security.TLS
    user: Annotated[
        str, Setting("the name to log in with", '"bounces@shop.example"', values.line)
    ] = ""
    password: Annotated[
        str,
        Setting(
            "where the password is: `file:` and a path, or `env:` and the name of a variable",
            '"file:/etc/bouncewise/imap.password"',
            values.secret_place,
        ),
    ] = ""
    token_command: Annotated[
        tuple[str, ...],
        Setting(
            "in place of a password: a program and its arguments, which prints an OAuth 2 access "
            "token",
            '["/usr/local/bin/token", "bounces@shop.example"]',
            values.line,
        ),
    ] = ()
    tenant: Annotated[
        str,
        Setting(
            "for Microsoft: the tenant, in place of `token_url`",
            '"shop.onmicrosoft.example"',
            values.word,
        ),
    ] = ""
    client_id: Annotated[
        str,
        Setting(
            "in place of a password: the client of OAuth 2 that gets access tokens",
            '"5f5f5f5f-5f5f-5f5f-5f5f-5f5f5f5f5f5f"',
            values.line,
        ),
    ] = ""
    client_secret: Annotated[
        str,
        Setting(
            "where its secret is: `file:` and a path, or `env:` and the name of a variable",
            '"file:/etc/bouncewise/client.secret"',
            values.secret_place,
        ),
    ] = ""
    refresh_token: Annotated[
        str,
        Setting(
            "where its refresh token is; without one the client gets tokens for itself (client "
            "credentials)",
            '"file:/etc/bouncewise/refresh.token"',
            values.secret_place,
        ),
    ] = ""
    service_account: Annotated[
        str,
        Setting(
            "in place of a password, for Google Workspace: where the key file of a service account "
            "with domain-wide delegation is",
            '"file:/etc/bouncewise/google.json"',
            values.secret_place,
        ),
    ] = ""
    token_url: Annotated[
        str,
        Setting(
            "where access tokens are issued, if neither Microsoft nor Google does it",
            '"https://login.shop.example/token"',
            values.url,
        ),
    ] = ""
    scope: Annotated[
        str,
        Setting(
            "the scope that is asked for; default: what reading the mailbox needs",
            '"https://outlook.office365.com/.default"',
            values.line,
        ),
    ] = ""
    folder: Annotated[
        str, Setting("the folder that is read; a label of Gmail", '"INBOX"', values.mailbox)
    ] = "INBOX"
    move_to: Annotated[
        str,
        Setting(
            "the folder into which messages are moved after their reports are in the ledger; "
            "others stay; default: all stay",
            '"Done"',
            values.mailbox,
        ),
    ] = ""
    delete: Annotated[
        bool, Setting("whether they are deleted in place of that; there is no undo", "true")
    ] = False
    every: Annotated[
        int,
        Setting(
            "seconds between two looks; servers with IDLE say at once when a message came",
            "60",
            values.seconds,
        ),
    ] = 60
