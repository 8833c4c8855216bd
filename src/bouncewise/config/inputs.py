"""The settings of what is fetched and followed; docs/inputs.md explains them."""

from __future__ import annotations

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
