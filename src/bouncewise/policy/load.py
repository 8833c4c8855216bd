"""policy.toml, read strictly; a site's own file over it."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from bouncewise.config.load import MAX_FILE, read_small
from bouncewise.errors import ConfigError, RuleError
from bouncewise.model import Cause, Scope
from bouncewise.policy.gate import GatePolicy
from bouncewise.policy.ranges import out_of_range
from bouncewise.policy.segment import SegmentPolicy


class Chance(NamedTuple):
    """How likely something works again: a ``share`` of it one day, half of that within
    ``half_days``.
    """

    share: float
    half_days: float


class Dead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Numbers for refusals that say the address or domain is dead. Days and hours as named."""

    alive_days: int
    alive_why: str
    hold_days: int
    hold_why: str
    tenant_hold_days: int
    tenant_hold_why: str
    confirm_hours: int
    confirm_why: str
    memory_days: int
    memory_why: str
    domain_hold_days: int
    domain_hold_why: str
    domain_owner_days: int
    domain_owner_why: str
    domain_probe_days: int
    domain_probe_why: str


class IncidentPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Numbers by which incidents are found and handled; policy/detector.py says what each does."""

    baseline_refused: float
    baseline_mailed: float
    baseline_why: str
    shares: list[float]
    shares_why: str
    alpha: float
    alpha_why: str
    doubt: float
    doubt_why: str
    reopen_hours: int
    reopen_why: str
    max_days: int
    max_why: str
    neighbours: int
    domain_neighbours: int
    neighbour_hours: int
    neighbours_why: str
    hold_hours: int
    probe_all_days: int
    hold_why: str
    final_share: float
    final_half_days: float
    final_why: str
    new_domain_refusals: int
    new_domain_why: str
    probes: int
    probes_why: str

    @property
    def after(self) -> Chance:
        """How likely the addresses work again that an incident left behind."""
        return Chance(self.final_share, self.final_half_days)


class AlertPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From when on a receiver's refusals of the sender, on one day and for one cause, are an
    alert.
    """

    addresses: int
    addresses_why: str
    share: float
    share_why: str

    def is_reached(self, refused: int, delivered: int) -> bool:
        """Whether so many addresses refused, beside so many delivered to, are an alert."""
        return refused >= self.addresses and refused >= self.share * (refused + delivered)


class VolumePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Numbers for bursts of mail at a receiver, and for a ramp (policy/volume.py)."""

    history_days: int
    history_why: str
    burst_factor: float
    burst_factor_why: str
    burst_least: int
    burst_least_why: str
    refused_share: float
    refused_share_why: str
    ramp_first: int
    ramp_factor: float
    ramp_days: int
    ramp_why: str


class TrustPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Numbers for claims (reports that anybody could have sent) and for mail that is accepted and
    comes back later.
    """

    coverage_hours: int
    coverage_why: str
    claim_hold_hours: int
    claim_again_days: int
    claim_hold_why: str
    claims_a_day: int
    claims_a_day_why: str
    claim_mails: int
    claim_days: int
    claim_mails_why: str
    hand_over_days: int
    hand_over_why: str
    return_days: int
    return_why: str
    relay_domains: int
    relay_domains_why: str


class OptOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How far a complaint or an unsubscribe reaches."""

    scope: Scope
    scope_why: str


class CostPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What mail costs, and what its absence costs; policy/schedule.py says what follows."""

    mail: float
    missed: float
    cost_why: str
    full: float
    full_why: str
    longest_days: int
    longest_why: str


class Recovery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How likely what is suppressed for a cause works again one day: a ``share`` of it, half of
    that within ``half_days``.
    """

    cause: Cause
    share: float
    half_days: float
    why: str

    @property
    def chance(self) -> Chance:
        return Chance(self.share, self.half_days)


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Failures of a cause on so many different days within a window hold the address; so do delays
    on ``delays`` days. The hold ends with the next mail that its recovery allows: ``share`` and
    ``half_days`` as in Recovery.
    """

    cause: Cause
    failures: int
    delays: int
    within_days: int
    share: float
    half_days: float
    why: str

    @property
    def chance(self) -> Chance:
        return Chance(self.share, self.half_days)


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What follows by the numbers named in ``of``; policy/examples.py says how it is written,
    and tries it.
    """

    of: tuple[str, ...]
    story: str
    history: tuple[str, ...] = ()
    domain: bool = False
    sender: bool = False
    gate: Literal["", "list", "mailing"] = ""
    segment: tuple[str, ...] = ()
    days: tuple[str, ...] = ()
    hours: float = 24
    then: tuple[str, ...]


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that decides."""

    dead: Dead
    incident: IncidentPolicy
    alert: AlertPolicy
    volume: VolumePolicy
    trust: TrustPolicy
    complaint: OptOut
    unsubscribe: OptOut
    cost: CostPolicy
    gate: GatePolicy
    segment: SegmentPolicy
    recovery: tuple[Recovery, ...]
    window: tuple[Window, ...]
    example: tuple[Example, ...] = ()

    def chance_of(self, cause: Cause | None) -> Chance | None:
        """How likely what a cause suppressed works again; None: it never does."""
        return next((row.chance for row in self.recovery if row.cause is cause), None)


def load(site: Path | None = None) -> Policy:
    """The shipped policy with the *site*'s values in their place. Raises RuleError where the
    file is not as it must be.
    """
    shipped = msgspec.toml.decode(
        (resources.files("bouncewise.rules") / "knowledge" / "policy.toml").read_bytes()
    )
    if site is not None:
        try:
            shipped = _over(shipped, msgspec.toml.decode(read_small(site, MAX_FILE)))
        except RecursionError:
            raise RuleError(f"{site}: tables are nested too deeply") from None
        except ConfigError as bad:
            raise RuleError(str(bad)) from None
        except ValueError as bad:  # no TOML, no UTF-8, or a number of thousands of digits
            raise RuleError(f"{site}: {bad}") from None
    try:
        policy = msgspec.convert(shipped, Policy)
    except (ValueError, OverflowError, RecursionError) as bad:
        raise RuleError(f"{site}: {bad}") from None
    if wrong := out_of_range(policy):
        raise RuleError(f"{site}: {wrong}")
    return policy


def _rows_over(
    name: str, base: list[dict[str, Any]], site: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The rows of a table, those of the *site* in place of those with the same cause."""
    if not all(isinstance(row, dict) and isinstance(row.get("cause"), str) for row in site):
        raise ValueError(f"{name}: each must be a table with a cause: [[{name}]]")
    causes = [row["cause"] for row in site]
    if twice := next((c for c in causes if causes.count(c) > 1), None):
        raise ValueError(f"{name}: two tables for the cause {twice[:60]!r}; delete one")
    return list({row["cause"]: row for row in [*base, *site]}.values())


def _over(base: dict[str, Any], site: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in site.items():
        if name in ("window", "recovery") and isinstance(value, list):
            merged[name] = _rows_over(name, base[name], value)
        elif name == "example" and isinstance(value, list):
            merged[name] = [*base["example"], *value]
        elif isinstance(value, dict) and isinstance(base.get(name), dict):
            merged[name] = base[name] | value
        else:
            merged[name] = value
    return merged
