"""``bouncewise doctor``: what an operator would look at."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from bouncewise.cli.common import BAD, DIM, GOOD, config_option, db_option, echo, json_option, style
from bouncewise.cli.places import ledger_location
from bouncewise.config.load import load
from bouncewise.config.settings import Settings
from bouncewise.contract import dumps
from bouncewise.contract.service import DoctorRow
from bouncewise.errors import ConfigError
from bouncewise.net.dns import NoRecordsError, NoSuchNameError, system_resolver
from bouncewise.service.doctor import Finding, Outcome, Patient, bad, examine, ok
from bouncewise.service.doctor_inputs import examine_inputs

_STYLES = {Outcome.OK: GOOD, Outcome.FINDING: BAD, Outcome.UNKNOWN: DIM}
_DNS_SECONDS = 5.0


@click.command("doctor")
@config_option
@db_option
@json_option
def command(config_path: Path | None, db: str | None, as_json: bool) -> None:
    """Check what the service stands on: configuration, secrets, ledger, spool, ports, clock, DNS,
    systemd, disks, and whether each input can be read; it logs in to mailboxes. Changes nothing.
    Exits 1 if there is something to do.

    \b
    bouncewise doctor --config /etc/bouncewise/bouncewise.toml

    Call it as the user of the service: what another user may not read is unknown.
    """
    settings, first = _configuration(config_path)
    ledger = ledger_location(db)
    named = settings.spool.folder
    folder = Path(named) if named else ledger.path.parent / "spool"
    patient = Patient(settings, ledger, folder, _ask)
    found = [first, *examine(patient), *examine_inputs(patient)]
    for finding in found:
        echo(*([dumps(_row(finding))] if as_json else _lines(finding)))
    raise SystemExit(any(finding.outcome is Outcome.FINDING for finding in found))


def _configuration(path: Path | None) -> tuple[Settings, Finding]:
    """The settings, those of no file where they are wrong."""
    try:
        loaded = load(path)
    except ConfigError as wrong:
        todo = "correct it; what follows is checked with the defaults"
        return Settings(), bad("configuration", str(wrong), todo)
    return loaded.settings, ok("configuration", str(loaded.path or "no file; defaults"))


def _ask() -> None:
    """Ask the name server about a name that always has records: the root."""
    with contextlib.suppress(NoSuchNameError, NoRecordsError):  # answers as well
        system_resolver(timeout=_DNS_SECONDS)("", "NS")


def _row(finding: Finding) -> DoctorRow:
    return DoctorRow(
        check=finding.check, outcome=finding.outcome, text=finding.text, todo=finding.todo or None
    )


def _lines(finding: Finding) -> list[str]:
    word = style(f"{finding.outcome:<8}", _STYLES[finding.outcome])
    lines = [f"{word} {finding.check}: {finding.text}"]
    if finding.todo:
        lines.append(f"         {finding.todo}")
    return lines
