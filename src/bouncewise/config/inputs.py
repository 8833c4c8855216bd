"""The settings of what is fetched and followed; docs/inputs.md explains them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from bouncewise.config import values
from bouncewise.config.table import Setting, Table


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


class Security(StrEnum):
    """How the connection to a mailbox is protected."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


class Fetch(Table, frozen=True, kw_only=True):
    """A mailbox that `serve` and `fetch` read by IMAP; begin each with `[[fetch]]`."""

    name: Annotated[str, Setting("what it is called", '"bounces"', values.name)] = ""
    host: Annotated[str, Setting("the IMAP server", '"imap.shop.example"', values.host)] = ""
    port: Annotated[int, Setting("its port", "993", values.port)] = 993
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
    folder: Annotated[str, Setting("the folder that is read", '"INBOX"', values.mailbox)] = "INBOX"
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
