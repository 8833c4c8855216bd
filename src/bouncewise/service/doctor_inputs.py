"""What an operator would look at where an input gives nothing: whether it can be read by this user,
or reached, when it was heard last, and how far it is behind.

Reads: the settings, the machine, and the servers of mailboxes, where it logs in. Gives: a Finding
per check. Changes nothing.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from bouncewise.config.inputs import Fetch, Syslog, Tail
from bouncewise.config.outgoing import Sync
from bouncewise.config.secrets import secret_at
from bouncewise.config.settings import Settings
from bouncewise.errors import BouncewiseError, ConfigError, LedgerError
from bouncewise.ledger import open_store
from bouncewise.providers.suppression_lists import account
from bouncewise.service import input_status, ports, spool
from bouncewise.service.doctor import Finding, Patient, bad, ok, unknown
from bouncewise.service.inputs import sources
from bouncewise.service.mailboxes.mailbox import Mailbox
from bouncewise.service.mailboxes.position import position_of
from bouncewise.service.syslog import called, tls_context

FAR_BEHIND = 256 << 20
"""Octets that are not read, from which on it is a finding."""

_AS_SERVICE = "call `bouncewise doctor` as the service's user"


def examine_inputs(patient: Patient) -> Iterator[Finding]:
    """Every check of inputs, and of the keys of `[[sync]]`."""
    settings = patient.settings
    try:
        names = [source.name for source in sources(settings, patient.spool)]
    except ConfigError as wrong:
        yield bad("inputs", str(wrong), "correct it (docs/inputs.md)")
        names = []
    for tail in settings.tail:
        yield _journal() if tail.journal else _log(tail)
    for folder in settings.folder:
        yield _folder(Path(folder.path))
    for fetch in settings.fetch:
        yield from _mailbox(fetch, patient)
    for syslog in settings.syslog:
        yield from _syslog(syslog, patient.spool)
    yield from _running(patient.spool, names)
    yield from (_sync(sync, settings) for sync in settings.sync)


def _log(tail: Tail) -> Finding:
    check, path = f"tail {tail.name or tail.path}", Path(tail.path)
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
    except FileNotFoundError:
        todo = "correct [[tail]] path, or see why the server writes no log"
        return bad(check, f"{path}: no such file", todo)
    except IsADirectoryError:
        return bad(check, f"{path} is a folder", "name the file")
    except OSError as wrong:
        todo = f"{_AS_SERVICE}; it needs the group of the file, such as adm"
        return (bad if os.geteuid() == 0 else unknown)(check, f"{path}: {wrong.strerror}", todo)
    return ok(check, f"can be read; {size:,} octets")


def _journal() -> Finding:
    if shutil.which("journalctl") is None:
        return bad("journal", "there is no journalctl", "name the log file in place of journal")
    return ok("journal", "journalctl is there; the service needs the group systemd-journal")


def _folder(path: Path) -> Finding:
    check = f"folder {path}"
    if not path.is_dir():
        return bad(check, "no such folder", f"mkdir {path}, for the user of the service")
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return unknown(check, "not for this user", f"{_AS_SERVICE}, which must write there")
    return ok(check, "can be read and emptied")


# ── mailboxes ───────────────────────────────────────────────────────────────────────────────────


def _mailbox(fetch: Fetch, patient: Patient) -> Iterator[Finding]:
    check = f"fetch {fetch.name or fetch.user}"
    try:
        box = Mailbox(fetch)
        box.probe()
    except ConfigError as wrong:
        yield _secret_fault(check, fetch, wrong)
        return
    except BouncewiseError as wrong:
        yield bad(check, str(wrong), "correct [[fetch]], or ask whoever runs the server")
        return
    yield ok(check, "the server lets us in, and the mailbox can be read")
    try:
        with open_store(patient.ledger, read_only=True) as ledger:
            skipped = position_of(ledger.remembered(box.name)).skipped
    except LedgerError:
        return
    if skipped:
        names = ", ".join(skipped[-5:])
        text = f"{len(skipped)} messages could not be fetched and stay unread, such as {names}"
        yield bad(check, text, "save them by another program, and read them by `bouncewise ingest`")


def _secret_fault(check: str, fetch: Fetch, wrong: ConfigError) -> Finding:
    places = (fetch.password, fetch.client_secret, fetch.refresh_token, fetch.service_account)
    for place in filter(None, places):
        if (finding := _secret(check, place)) is not None:
            return finding
    return bad(check, str(wrong), "correct [[fetch]]")


def _secret(check: str, place: str) -> Finding | None:
    """What is wrong with a secret; None if it can be read."""
    try:
        secret_at(place)
    except ConfigError as wrong:
        if place.startswith("env:"):
            return unknown(check, f"{place} is not set here; the service may have it", _AS_SERVICE)
        if os.geteuid() and not os.access(place.removeprefix("file:"), os.R_OK):
            return unknown(check, str(wrong), _AS_SERVICE)
        return bad(check, str(wrong), "write the secret there")
    return None


def _sync(sync: Sync, settings: Settings) -> Finding:
    check = f"sync {sync.name or sync.esp}"
    if sync.key and (fault := _secret(check, sync.key)) is not None:
        return fault
    try:
        account(sync.name, settings.sync)
    except ConfigError as wrong:
        if not sync.key and "the secret is empty" in str(wrong):
            return unknown(check, f"{wrong} here; whoever calls sync may have it")
        return bad(check, str(wrong), "correct [[sync]] (docs/sync.md)")
    return ok(check, "its settings are complete, and its key can be read")


# ── syslog, and what the process of the inputs says ─────────────────────────────────────────────


def _syslog(syslog: Syslog, folder: Path) -> Iterator[Finding]:
    check = called(syslog)
    try:
        tls_context(syslog)
    except ConfigError as wrong:
        yield bad(check, str(wrong), "correct [[syslog]]; the service does not start with it")
    if not syslog.listen:
        return
    is_running, state = spool.is_locked(folder), ports.state(syslog.listen)
    if state.is_taken:
        text = f"{syslog.listen} is taken"
        if is_running:
            yield ok(check, f"{text}, and the service runs")
        else:
            yield unknown(check, text, "stop what listens there, if it is not the service")
    elif state.fault:
        yield bad(check, f"{syslog.listen}: {state.fault}", "name another place")
    elif is_running:
        yield bad(check, "the service runs and does not listen there", "start it again")
    else:
        yield ok(check, f"{syslog.listen} is free")


def _running(folder: Path, names: list[str]) -> Iterator[Finding]:
    """What the process of the inputs has written, if it runs."""
    found = input_status.read(folder)
    now = time.time()
    if not names or not spool.is_locked(folder):
        return
    if found.is_stale(now):
        yield bad("inputs", "their process says nothing", "read the log of the service")
        return
    known = {status.name: status for status in found.inputs}
    for name in names:
        if (status := known.get(name)) is None:
            yield bad(name, "the service does not read it", "reload the service")
        elif status.error:
            yield bad(name, status.error, "correct what it says; it is tried again by itself")
        elif status.behind > FAR_BEHIND:
            text = f"{status.behind:,} octets are not read yet"
            yield bad(name, text, "see whether the ledger can be written fast enough")
        else:
            yield ok(name, _heard(status, now))


def _heard(status: input_status.InputStatus, now: float) -> str:
    last = f"last report read {now - status.heard:,.0f} s ago" if status.heard else "no report yet"
    behind = f"; {status.behind:,} octets behind" if status.behind > 0 else ""
    return f"{last}{behind}"


def check_inputs(settings: Settings) -> None:
    """Raise ConfigError where an input of *settings* is not complete."""
    sources(settings, Path())
    for syslog in settings.syslog:
        tls_context(syslog)


def check_lists(settings: Settings) -> None:
    """Raise ConfigError where a list of `[[sync]]` whose key can be read is not complete."""
    for sync in settings.sync:
        if sync.key and _secret("", sync.key) is None:
            account(sync.name, settings.sync)
