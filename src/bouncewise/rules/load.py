"""Loads rule files strictly: a misspelt key, cause or receiver is an error that names its place.

Reads: TOML as in ``knowledge/``; docs/rules.md describes every key. Gives: a RuleSet, its rules in
order of precedence, with a version that changes whenever any of the files changes. Refuses with
RuleError: whatever is not as docs/rules.md says.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec.structs import replace

from bouncewise import __version__
from bouncewise.config.load import MAX_FILE, read_small
from bouncewise.errors import ConfigError, RuleError
from bouncewise.model import Advice, Cause, Party, Permanence, Stage
from bouncewise.rules.classes import Classes, Phrases, spelled_out
from bouncewise.text.phrase import phrase_pieces

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

T = TypeVar("T")


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of everything that is read from a rule file."""


class Example(Strict, frozen=True, kw_only=True):
    """A reply, with what is known beside its text."""

    reply: str
    receiver: str | None = None
    stage: Stage | None = None


class When(Strict, frozen=True, kw_only=True):
    """The conditions of a rule: all keys must hold.

    For each key one of its entries is enough; for ``unless`` none may hold.
    """

    phrase: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    reply_code: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    stage: tuple[Stage, ...] = ()
    receiver: tuple[str, ...] = ()


class Rule(Strict, frozen=True, kw_only=True):
    """Under the conditions ``when``, a reply has this cause."""

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
    groups: tuple[Phrases, ...] = ()  # each what a phrase with classes stands for; in no file


class RuleFile(Strict, frozen=True, kw_only=True):
    """A file of rules about one subject."""

    title: str
    rule: tuple[Rule, ...]


class Tier(Strict, frozen=True, kw_only=True):
    """Files of equal precedence, in order; ``confidence`` is that of a rule without its own."""

    name: str
    confidence: float
    files: tuple[str, ...]


class CauseFacts(Strict, frozen=True, kw_only=True):
    """What a cause means, and what follows from it unless a rule says otherwise."""

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
    """An organisation that runs mail exchangers.

    ``mx`` and ``domains`` are suffixes of host names; ``words`` are phrases that only it uses.
    """

    id: str
    name: str
    mx: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    postmaster: tuple[str, ...] = ()
    notes: str = ""


class StatusFacts(Strict, frozen=True, kw_only=True):
    """A row of the IANA registry of enhanced status codes; an ``x`` in ``status`` is any class.

    ``practice`` is what servers use the code for, if that differs from its definition.
    """

    status: str
    title: str
    meaning: str
    source: str
    cause: Cause | None = None
    practice: str = ""


class RuleSet(msgspec.Struct, frozen=True, kw_only=True):
    """All rules and facts.

    ``base`` is the confidence of each rule by itself, and ``tiers`` the name of its tier.
    """

    rules: tuple[Rule, ...]
    base: tuple[float, ...]
    tiers: tuple[str, ...]
    causes: dict[Cause, CauseFacts]
    receivers: tuple[Receiver, ...]
    statuses: tuple[StatusFacts, ...]
    labels: dict[str, dict[str, Cause]] = {}
    """What an ESP's labels mean where it quotes no server: by its name and the label."""
    version: str


class _Facts(Strict, frozen=True, kw_only=True):
    """A file that is no rule file; it has one of these tables."""

    tier: tuple[Tier, ...] = ()
    cause: tuple[CauseFacts, ...] = ()
    receiver: tuple[Receiver, ...] = ()
    status: tuple[StatusFacts, ...] = ()


SITE_TIER = Tier(name="site", confidence=0.98, files=())
"""The tier of the operator's own rules, which precede the shipped ones."""


def load(site: tuple[Path, ...] = ()) -> RuleSet:
    """The rules of the *site*'s own files or folders, and then the shipped rules.

    Raises RuleError, with the file and the place, for whatever is not as docs/rules.md says.
    """
    knowledge = _knowledge()
    digest = hashlib.sha256()
    tiers = _read(knowledge / "precedence.toml", _Facts, digest).tier
    causes = {c.cause: c for c in _read(knowledge / "causes.toml", _Facts, digest).cause}
    receivers = _read(knowledge / "receivers.toml", _Facts, digest).receiver
    statuses = _read(knowledge / "status.toml", _Facts, digest).status
    labels = _read(knowledge / "labels.toml", dict[str, dict[str, Cause]], digest)
    classes = _read(knowledge / "classes.toml", Classes, digest)
    files: list[tuple[Tier, Traversable]] = [(SITE_TIER, path) for path in _site_files(site)]
    files += [(tier, knowledge / f"{name}.toml") for tier in tiers for name in tier.files]
    ranked = list(_rules(files, {r.id for r in receivers}, classes, digest))
    return RuleSet(
        rules=tuple(rule for rule, _ in ranked),
        base=tuple(t.confidence if r.confidence is None else r.confidence for r, t in ranked),
        tiers=tuple(tier.name for _, tier in ranked),
        causes=causes,
        receivers=receivers,
        statuses=statuses,
        labels=labels,
        version=digest.hexdigest()[:12],
    )


@cache
def shipped() -> RuleSet:
    """The rules that come with bouncewise.

    They are read from a compiled copy in the user's cache folder, if there is one of these files.
    """
    knowledge = _knowledge()
    digest = hashlib.sha256(__version__.encode())
    for folder in (knowledge, *(knowledge / f for f in ("receivers", "phrases", "languages"))):
        for path in sorted(folder.iterdir(), key=lambda p: p.name):
            if path.name.endswith(".toml"):
                digest.update(path.read_bytes())
    compiled = _cache_folder() / f"rules-{digest.hexdigest()[:24]}.msgpack"
    try:
        return msgspec.msgpack.decode(compiled.read_bytes(), type=RuleSet)
    except (OSError, msgspec.DecodeError):
        ruleset = load()
    with suppress(OSError):  # without a cache that can be written, each start is only slower
        compiled.parent.mkdir(parents=True, exist_ok=True)
        # Another process may read or write the cache at the same time, so the file is replaced.
        temporary = compiled.with_suffix(f".{os.getpid()}")
        temporary.write_bytes(msgspec.msgpack.encode(ruleset))
        temporary.replace(compiled)
    return ruleset


def _knowledge() -> Traversable:
    return resources.files("bouncewise.rules") / "knowledge"


def _cache_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("bouncewise"))


def _site_files(site: tuple[Path, ...]) -> list[Path]:
    files: list[Path] = []
    for path in site:
        if not path.exists():
            raise RuleError(f"{path}: no such rule file or folder")
        inside = sorted(p for p in path.glob("*.toml") if not p.is_dir())
        files += inside if path.is_dir() else [path]
    return files


def _rules(
    files: list[tuple[Tier, Traversable]], receivers: set[str], classes: Classes, digest: Hash
) -> Iterator[tuple[Rule, Tier]]:
    """The rules of *files*, checked, each with its tier."""
    ids: set[str] = set()
    for tier, path in files:
        for rule in _read(path, RuleFile, digest).rule:
            place = f"{path}: rule {rule.id!r}"
            if rule.id in ids:
                raise RuleError(f"{place}: this id is taken; ids are unique over all files")
            ids.add(rule.id)
            _check(plain := _without_classes(rule, place, classes), place, receivers)
            yield plain, tier


def _without_classes(rule: Rule, place: str, classes: Classes) -> Rule:
    """*rule* with every phrase that its phrases with classes of words stand for."""
    if rule.groups:
        raise RuleError(f"{place}: a rule has no key 'groups'")
    lists = ("phrase", "also", "unless")
    found = {key: spelled_out(getattr(rule.when, key), place, classes) for key in lists}
    when = replace(rule.when, **{key: phrases for key, (phrases, _) in found.items()})
    return replace(rule, when=when, groups=(*found["phrase"][1], *found["also"][1]))


def _read(path: Traversable, kind: type[T], digest: Hash) -> T:
    try:
        raw = read_small(path, MAX_FILE) if isinstance(path, Path) else path.read_bytes()
    except ConfigError as error:
        raise RuleError(str(error)) from None
    digest.update(raw)
    try:
        return msgspec.toml.decode(raw, type=kind)
    except RecursionError:
        raise RuleError(f"{path}: tables are nested too deeply") from None
    except ValueError as error:  # no TOML, no UTF-8, or a number of thousands of digits
        raise RuleError(f"{path}: {error}") from None


def _check(rule: Rule, place: str, receivers: set[str]) -> None:
    when = rule.when
    if when == When():
        raise RuleError(f"{place}: 'when' is empty, so the rule would match every reply")
    if unknown := set(when.receiver) - receivers:
        raise RuleError(f"{place}: no such receiver {sorted(unknown)}; receivers.toml lists them")
    for phrase in (*when.phrase, *when.also, *when.unless):
        pieces = phrase_pieces(phrase)
        if not pieces or any(len(p.literal.strip()) < 2 and "@" not in p.literal for p in pieces):
            raise RuleError(f"{place}: phrase {phrase!r} has a piece shorter than two letters")
    for pattern in (*when.reply_code, *when.status):
        if not set(pattern) <= set("0123456789x."):
            raise RuleError(
                f"{place}: code {pattern!r} may only contain digits, dots, and x for any number"
            )
    if rule.confidence is not None and not 0 < rule.confidence <= 1:  # NaN is neither
        raise RuleError(f"{place}: confidence = {rule.confidence}: must be above 0, at most 1")
    if not rule.example:
        raise RuleError(f"{place}: has no example; a rule needs a reply that it is made for")
