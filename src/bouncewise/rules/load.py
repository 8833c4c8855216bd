"""Rule files, read strictly: a misspelt key, cause or receiver is refused with its place.

Reads: TOML as in ``knowledge/``; docs/rules.md describes every key. Gives: a RuleSet, rules in order of
precedence, with a version that changes whenever any rule does.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from bouncewise import __version__
from bouncewise.errors import RuleError
from bouncewise.model import Advice, Cause, Party, Permanence, Stage
from bouncewise.text.phrase import phrase_pieces

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

T = TypeVar("T")


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of everything read from a rule file."""


class Example(Strict, frozen=True, kw_only=True):
    """A reply with what is known beside it."""

    reply: str
    receiver: str | None = None
    stage: Stage | None = None


class When(Strict, frozen=True, kw_only=True):
    """Conditions: all keys must hold; within a key any entry will do, but none of ``unless`` may."""

    phrase: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    reply_code: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    stage: tuple[Stage, ...] = ()
    receiver: tuple[str, ...] = ()


class Rule(Strict, frozen=True, kw_only=True):
    """One piece of knowledge: under these conditions a reply has this cause."""

    id: str
    cause: Cause
    when: When
    source: str
    why: str
    example: tuple[str | Example, ...]
    counter: tuple[str | Example, ...] = ()
    advice: Advice | None = None
    permanence: Permanence | None = None
    alternates: tuple[Cause, ...] = ()
    confidence: float | None = None


class RuleFile(Strict, frozen=True, kw_only=True):
    """One file of rules about one subject."""

    title: str
    rule: tuple[Rule, ...]


class Tier(Strict, frozen=True, kw_only=True):
    """Files of equal standing, in order; ``confidence`` is what a rule in them is worth by itself."""

    name: str
    confidence: float
    files: tuple[str, ...]


class CauseFacts(Strict, frozen=True, kw_only=True):
    """What a cause means and what follows from it by default."""

    cause: Cause
    title: str
    party: Party
    permanence: Permanence
    advice: Advice
    advice_4xx: Advice | None = None
    meaning: str
    do: tuple[str, ...]
    dont: tuple[str, ...]


class Receiver(Strict, frozen=True, kw_only=True):
    """Whose mail exchanger speaks. ``mx`` and ``domains`` are suffixes; ``words`` are phrases only it uses."""

    id: str
    name: str
    mx: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    postmaster: tuple[str, ...] = ()
    notes: str = ""


class StatusFacts(Strict, frozen=True, kw_only=True):
    """A row of the IANA registry of enhanced status codes; ``x`` is any class. ``practice``: what it means in the field."""

    status: str
    title: str
    meaning: str
    source: str
    cause: Cause | None = None
    practice: str = ""


class RuleSet(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known, ready to be matched. ``base`` is each rule's own confidence."""

    rules: tuple[Rule, ...]
    base: tuple[float, ...]
    tiers: tuple[str, ...]
    causes: dict[Cause, CauseFacts]
    receivers: tuple[Receiver, ...]
    statuses: tuple[StatusFacts, ...]
    version: str


class _Precedence(Strict, frozen=True, kw_only=True):
    tier: tuple[Tier, ...]


class _Causes(Strict, frozen=True, kw_only=True):
    cause: tuple[CauseFacts, ...]


class _Receivers(Strict, frozen=True, kw_only=True):
    receiver: tuple[Receiver, ...]


class _Statuses(Strict, frozen=True, kw_only=True):
    status: tuple[StatusFacts, ...]


SITE_TIER = Tier(name="site", confidence=0.98, files=())


def load(site: tuple[Path, ...] = ()) -> RuleSet:
    """The shipped rules, after the *site*'s own files or folders of them, which come first.

    Raises RuleError with file and place for whatever is not as docs/rules.md says.
    """
    home = resources.files("bouncewise.rules") / "knowledge"
    digest = hashlib.sha256()
    tiers = _read(home / "precedence.toml", _Precedence, digest).tier
    causes = {c.cause: c for c in _read(home / "causes.toml", _Causes, digest).cause}
    receivers = _read(home / "receivers.toml", _Receivers, digest).receiver
    statuses = _read(home / "status.toml", _Statuses, digest).status
    rules: list[Rule] = []
    base: list[float] = []
    names: list[str] = []
    plan: list[tuple[Tier, list[Traversable]]] = [(SITE_TIER, list(_site_files(site)))]
    plan += [(tier, [home / f"{name}.toml" for name in tier.files]) for tier in tiers]
    known = {r.id for r in receivers}
    seen: set[str] = set()
    for tier, paths in plan:
        for path in paths:
            for rule in _read(path, RuleFile, digest).rule:
                _check(rule, f"{path}: rule {rule.id!r}", known, seen)
                rules.append(rule)
                base.append(tier.confidence if rule.confidence is None else rule.confidence)
                names.append(tier.name)
    return RuleSet(
        rules=tuple(rules),
        base=tuple(base),
        tiers=tuple(names),
        causes=causes,
        receivers=receivers,
        statuses=statuses,
        version=digest.hexdigest()[:12],
    )


@cache
def shipped() -> RuleSet:
    """The rules that come with bouncewise; read from a compiled copy in the user's cache, where one of these files is."""
    home = resources.files("bouncewise.rules") / "knowledge"
    digest = hashlib.sha256(__version__.encode())
    for folder in (home, *(home / name for name in ("receivers", "phrases", "languages"))):
        for path in sorted(folder.iterdir(), key=lambda p: p.name):
            if path.name.endswith(".toml"):
                digest.update(path.read_bytes())
    compiled = _cache_folder() / f"rules-{digest.hexdigest()[:24]}.msgpack"
    try:
        return msgspec.msgpack.decode(compiled.read_bytes(), type=RuleSet)
    except (OSError, msgspec.DecodeError):
        ruleset = load()
    with suppress(OSError):  # a cache that cannot be written is only slower
        compiled.parent.mkdir(parents=True, exist_ok=True)
        waiting = compiled.with_suffix(f".{os.getpid()}")
        waiting.write_bytes(msgspec.msgpack.encode(ruleset))
        waiting.replace(compiled)
    return ruleset


def _cache_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("bouncewise"))


def _site_files(site: tuple[Path, ...]) -> list[Path]:
    files: list[Path] = []
    for path in site:
        if not path.exists():
            raise RuleError(f"{path}: no such rule file or folder")
        files += (
            sorted(p for p in path.glob("*.toml") if not p.is_dir()) if path.is_dir() else [path]
        )
    return files


def _read(path: Traversable, kind: type[T], digest: Hash) -> T:
    try:
        raw = path.read_bytes()
    except OSError as bad:
        raise RuleError(f"{path}: cannot be read: {bad.strerror or bad}") from None
    digest.update(raw)
    try:
        return msgspec.toml.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as bad:
        raise RuleError(f"{path}: {bad}") from None


def _check(rule: Rule, where: str, receivers: set[str], seen: set[str]) -> None:
    if rule.id in seen:
        raise RuleError(f"{where}: this id is taken; ids are unique over all files")
    seen.add(rule.id)
    when = rule.when
    if when == When():
        raise RuleError(f"{where}: 'when' is empty, so the rule would fit every reply")
    if unknown := set(when.receiver) - receivers:
        raise RuleError(f"{where}: no such receiver {sorted(unknown)}; receivers.toml lists them")
    for phrase in (*when.phrase, *when.also, *when.unless):
        pieces = phrase_pieces(phrase)
        if not pieces or any(len(p.literal.strip()) < 2 and "@" not in p.literal for p in pieces):
            raise RuleError(f"{where}: phrase {phrase!r} has a piece shorter than two letters")
    for pattern in (*when.reply_code, *when.status):
        if not set(pattern) <= set("0123456789x."):
            raise RuleError(
                f"{where}: code {pattern!r} is not digits, dots and x (any digit or number)"
            )
    if not rule.example:
        raise RuleError(f"{where}: needs an example, a reply that it is there for")
