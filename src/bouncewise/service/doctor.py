"""What an operator would look at when the service is set up, upgraded or ill.

Reads: the settings, the ledger, the spool, and the machine. Gives: a Finding per check: ok, a
finding with what to do, or unknown, where this user or this machine cannot tell. Changes nothing,
and does not bring an older ledger up to date.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from bouncewise.config.secrets import secret_at
from bouncewise.config.service import TokenScope
from bouncewise.config.settings import Settings
from bouncewise.errors import BouncewiseError, ConfigError
from bouncewise.ledger import Location
from bouncewise.ledger.upgrade import CURRENT, Standing, standing
from bouncewise.service import ports, spool
from bouncewise.service.drain import cursor_name
from bouncewise.service.hooks import hooks

OLD = 600.0
"""Seconds after which a record that the ledger process has not read is a finding."""

NEARLY_FULL = 0.8
"""Of the spool's limit."""

LITTLE_ROOM = 1 << 30
"""Free octets of a disk below which it is a finding."""


_STOP_IT = "stop what listens there (systemd for a socket unit may stay), or name another place"


class Outcome(StrEnum):
    """What a check found."""

    OK = "ok"
    FINDING = "finding"
    UNKNOWN = "unknown"


class Finding(NamedTuple):
    """The outcome of one check in words, and what to do about it."""

    check: str
    outcome: Outcome
    text: str
    todo: str = ""


class Patient(NamedTuple):
    """What is examined. ``lookup``: asks DNS for a name, and raises BouncewiseError, or an
    exception with a text, where nobody answers.
    """

    settings: Settings
    ledger: Location
    spool: Path
    lookup: Callable[[], object]


def examine(patient: Patient) -> Iterator[Finding]:
    """Every check, in the order in which faults follow from one another."""
    found = _ledger_standing(patient)
    yield from _webhooks(patient.settings)
    yield _tokens(patient.settings)
    yield from _ledger(patient, found)
    yield from _spool(patient, found)
    yield from _ports(patient)
    yield from _clock(found)
    yield _dns(patient)
    yield _unit()
    yield from _disks(patient)


def ok(check: str, text: str) -> Finding:
    """Nothing to do."""
    return Finding(check, Outcome.OK, text)


def bad(check: str, text: str, todo: str) -> Finding:
    """Something to do."""
    return Finding(check, Outcome.FINDING, text, todo)


def unknown(check: str, text: str, todo: str = "") -> Finding:
    """What cannot be found out from here."""
    return Finding(check, Outcome.UNKNOWN, text, todo)


def _webhooks(settings: Settings) -> Iterator[Finding]:
    try:
        hooks(settings.webhook, settings.http.public_url)
    except ConfigError as wrong:
        yield bad("webhooks", str(wrong), "correct [[webhook]] (docs/webhooks.md)")
        return
    if not settings.webhook:
        yield ok("webhooks", "none are configured")
    for webhook in settings.webhook:
        yield _secret(webhook.name, webhook.secret)


def _secret(name: str, place: str) -> Finding:
    check = f"webhook {name}"
    if not place:
        return ok(check, "needs no secret")
    try:
        secret_at(place)
    except ConfigError as wrong:
        if place.startswith("env:"):
            advice = "set it for the service, for example by EnvironmentFile= of its unit"
            return unknown(check, f"{place} is not set here; the service may have it", advice)
        if os.geteuid() and not os.access(place.removeprefix("file:"), os.R_OK):
            return unknown(check, str(wrong), "call `bouncewise doctor` as the service's user")
        return bad(check, str(wrong), "write the secret there; until then requests get 503")
    return ok(check, "its secret can be read")


def _tokens(settings: Settings) -> Finding:
    if settings.http.listen == "off":
        return ok("tokens", "HTTP is off")
    scopes = {scope for token in settings.token for scope in token.scopes}
    if missing := sorted({TokenScope.CHECK, TokenScope.METRICS} - scopes):
        return bad(
            "tokens",
            f"none has the scope {' or '.join(missing)}: nobody can ask by HTTP for that",
            f"bouncewise tokens make NAME --scope {missing[0]}, and add what it prints",
        )
    return ok("tokens", ", ".join(token.name for token in settings.token))


# ── the ledger and the spool ────────────────────────────────────────────────────────────────────


def _ledger_standing(patient: Patient) -> Standing | BouncewiseError:
    name = cursor_name(patient.spool)
    try:
        return standing(patient.ledger, name)
    except BouncewiseError as error:
        return error


def _ledger(patient: Patient, found: Standing | BouncewiseError) -> Iterator[Finding]:
    if isinstance(found, BouncewiseError):
        if patient.ledger.url:
            todo = "start the server, correct --db, or give this user the right to read"
        elif not patient.ledger.path.exists():
            todo = "bouncewise serve makes it at its first start; --db names another"
        else:
            todo = "stop the service and put a copy in its place (docs/service.md)"
        yield bad("ledger", str(found), todo)
        return
    yield ok("ledger", f"{patient.ledger.name} can be read")
    if found.schema < CURRENT:
        yield bad(
            "schema",
            f"schema {found.schema} of an earlier version; this one has {CURRENT}",
            "bouncewise migrate, which takes a copy first",
        )
    elif found.schema > CURRENT:
        yield bad("schema", f"schema {found.schema} of a later version", "upgrade bouncewise")
    else:
        yield ok("schema", f"{found.schema} is current")


def _spool(patient: Patient, found: Standing | BouncewiseError) -> Iterator[Finding]:
    folder, limit = patient.spool, patient.settings.spool.max_bytes
    if not folder.is_dir():
        yield ok("spool", f"{folder} is not there yet; bouncewise serve makes it")
        return
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield unknown("spool", f"{folder}: not for this user", "call it as the service's user")
        return
    octets = sum(p.stat().st_size for p in folder.glob("*.spool"))
    if octets > NEARLY_FULL * limit:
        todo = "see that the ledger can be written, or raise [spool] max_bytes"
        yield bad("spool", f"{octets:,} of {limit:,} octets are used", todo)
    else:
        yield ok("spool", f"{folder} can be written; {octets:,} of {limit:,} octets are used")
    if isinstance(found, Standing):
        yield _waiting(folder, found.cursor)
    poison = len(list((folder / "poison").glob("*.msgpack")))
    if poison:
        yield bad("poison", f"{poison} records could not be read", "bouncewise spool list")
    else:
        yield ok("poison", "every record could be read")


def _waiting(folder: Path, cursor: int) -> Finding:
    first = next((record for _, _, record in spool.read(folder, cursor)), None)
    if first is None:
        return ok("waiting", "the ledger has everything that was received")
    age = time.time() - first.at / 1e6
    text = f"the oldest record waits for {age:,.0f} s"
    if age <= OLD:
        return ok("waiting", text)
    todo = "start the service, or read in its log why the ledger cannot be written"
    return bad("waiting", text, todo)


# ── the machine ─────────────────────────────────────────────────────────────────────────────────


def _ports(patient: Patient) -> Iterator[Finding]:
    s = patient.settings
    is_running = spool.is_locked(patient.spool)
    if is_running is None:
        yield unknown("service", "whether it runs is not for this user to see")
    else:
        yield ok("service", "it runs" if is_running else "it does not run")
    places = {
        "[http] listen": s.http.listen,
        "[postfix_policy] listen": s.postfix_policy.listen,
        "[socketmap] listen": s.socketmap.listen,
        "[tcp_table] listen": s.tcp_table.listen,
        "[smtp] lmtp": s.smtp.lmtp,
        "[smtp] listen": s.smtp.listen,
    }
    for key, place in places.items():
        if place != "off":
            yield _port(key, place, ports.state(place), is_running=is_running)
    if not s.smtp.accept and {s.smtp.lmtp, s.smtp.listen} != {"off"}:
        yield bad("[smtp] accept", "no recipient is accepted", 'accept = ["bounces+*@…"]')


def _port(key: str, place: str, state: ports.State, *, is_running: bool | None) -> Finding:
    if state.is_taken:
        if is_running:
            return ok(key, f"{place} is taken, and the service runs")
        if is_running is None:
            return unknown(key, f"{place} is taken, by the service or another program")
        return bad(key, f"{place} is taken, and not by the service", _STOP_IT)
    if state.fault:
        return bad(key, f"{place}: {state.fault}", "name another place, or give the permission")
    if is_running:
        return bad(key, f"the service runs and does not listen at {place}", "start it again")
    return ok(key, f"{place} is free")


def _clock(found: Standing | BouncewiseError) -> Iterator[Finding]:
    now = datetime.now(UTC)
    if isinstance(found, Standing) and (found.latest - now).total_seconds() > 86_400:
        yield bad(
            "clock",
            f"it is {now:%Y-%m-%d %H:%M} UTC here, before the latest evidence of "
            f"{found.latest:%Y-%m-%d %H:%M}",
            "set the clock, and keep it set by NTP",
        )
    elif Path("/run/systemd/timesync/synchronized").exists():
        yield ok("clock", f"{now:%Y-%m-%d %H:%M} UTC, synchronised by systemd-timesyncd")
    else:
        yield unknown("clock", f"{now:%Y-%m-%d %H:%M} UTC; nothing here says that NTP sets it")
    zone = time.strftime("%Z, UTC%z")
    yield ok("time zone", f"{zone}; of logs that name none, unless [own] time_zone does")


def _dns(patient: Patient) -> Finding:
    try:
        patient.lookup()
    except Exception as error:  # whatever it is, nobody answered
        text = f"no answer: {error}"[:200]
        return bad("DNS", text, "see /etc/resolv.conf, and whether port 53 is open")
    return ok("DNS", "the name server answers")


def _unit() -> Finding:
    folders = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
    found = next((p for f in folders if (p := Path(f) / "bouncewise.service").exists()), None)
    if found is not None:
        return ok("systemd", str(found))
    if not Path("/run/systemd/system").is_dir():
        return unknown("systemd", "systemd does not run here")
    todo = "install examples/systemd/bouncewise.service"
    return bad("systemd", "no unit bouncewise.service: nothing starts the service", todo)


def _disks(patient: Patient) -> Iterator[Finding]:
    places = [("disk, ledger", patient.ledger.path), ("disk, spool", patient.spool)]
    for check, path in places[1 if patient.ledger.url else 0 :]:
        there = next((p for p in (path, *path.absolute().parents) if p.exists()), None)
        if there is None:
            yield unknown(check, f"{path}: no such folder")
            continue
        free = shutil.disk_usage(there).free
        if free < LITTLE_ROOM:
            yield bad(check, f"{free:,} octets are free", "make room: a full disk refuses bounces")
        else:
            yield ok(check, f"{free:,} octets are free")
