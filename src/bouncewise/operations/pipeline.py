"""The whole way from paths to verdicts, into the ledger and out as answers: what every interface walks."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from bouncewise import __version__
from bouncewise.classifier.classify import Classifier
from bouncewise.intake import files, reading
from bouncewise.intake.reading import Judged
from bouncewise.ledger import Entry, Ledger, Told, entry
from bouncewise.ledger.traffic import SLOT
from bouncewise.model import Decision, Event, State, Verdict
from bouncewise.operations.incidents import Surroundings, watch
from bouncewise.policy.decide import FREE, OF_DOMAINS, decide, standing, waiting
from bouncewise.policy.load import Policy
from bouncewise.readers import Finding, Note
from bouncewise.rfc import address

CHUNK = 100_000
"""Findings in one transaction: what is lost, and read again, when the power fails. Many touch each page but once."""

WEIGHT = 64 << 20
"""Octets of evidence in one transaction."""

NAMES = 20_000
"""Names decided about in one transaction."""

_REMEMBERED = 1 << 20  # octets from which on a file that was read whole is remembered as such


class Tally(NamedTuple):
    """What an ingest did: reports read, deliveries among them, the others new to the ledger, known files, notes."""

    reports: int
    deliveries: int
    new: int
    known_files: int
    notes: int


def read(paths: tuple[str, ...], classifier: Classifier) -> Iterator[Judged | Note]:
    """Every report under *paths*, judged, in order; notes where something was odd. No state is kept."""
    for _, items in reading.each(files.expand(paths), classifier, Judged):
        yield from items


# ── into the ledger ────────────────────────────────────────────────────────────────────────────────────────


def ingest(
    paths: tuple[str, ...],
    ledger: Ledger,
    classifier: Classifier,
    policy: Policy,
    *,
    tell: Callable[[Note], None],
    progress: Callable[[int, int], None] = lambda *_: None,
    jobs: int = 1,
) -> Tally:
    """Read everything under *paths* into the ledger and derive what follows. Twice the same input changes nothing.

    *tell* gets each note, *progress* the reports and octets after each transaction; *jobs* processes read. Killed at any
    moment, the ledger holds whole transactions; the same call goes on from there.
    """
    with ledger.change():
        batch, began = ledger.open_batch(" ".join(paths)[:1000], classifier.ruleset.version, __version__)
    reports = deliveries = new = notes = octets = weight = 0
    waiting: list[Entry] = []
    known: list[int] = []
    met: deque[tuple[bytes, int]] = deque()

    def flush() -> None:
        nonlocal new, weight
        with ledger.change():
            new += ledger.append(batch, waiting)
        waiting.clear()
        weight = 0

    for path, items in reading.each(_unread(paths, ledger, met, known), classifier, partial(_entry, began), jobs):
        fingerprint, size = met.popleft()
        for item in items:
            if isinstance(item, Note):
                notes += 1
                tell(item)
                continue
            reports += 1
            if isinstance(item, Told):
                weight += len(item.packed)
            else:
                deliveries += 1
            waiting.append(item)
            if len(waiting) >= CHUNK or weight >= WEIGHT:
                flush()
                progress(reports, octets + sum(known))
        octets += size
        if fingerprint:
            flush()
            with ledger.change():
                ledger.close_batch(batch, fingerprint, path)
        progress(reports, octets + sum(known))
    flush()
    settle(ledger, policy)
    return Tally(reports, deliveries, new, len(known), notes)


def _unread(paths: tuple[str, ...], ledger: Ledger, met: deque[tuple[bytes, int]], known: list[int]) -> Iterator[str]:
    """The files that the ledger does not know; *met* gets the fingerprint and size of each, *known* the size of the others."""
    for path in files.expand(paths):
        fingerprint, size = _fingerprint(path)
        if fingerprint and ledger.is_done(fingerprint):
            known.append(size)
        else:
            met.append((fingerprint, size))
            yield path


def _entry(began: int, finding: Finding, verdict: Verdict | None, receiver: str) -> Entry:
    return entry(finding.report, verdict, finding.raw, finding.key, receiver, began)


def _fingerprint(path: str) -> tuple[bytes, int]:
    """What tells a large file from any other, and its size; nothing for small ones and for pipes."""
    if path == files.STDIN:
        return b"", 0
    size = Path(path).stat().st_size
    if size < _REMEMBERED:
        return b"", size
    with Path(path).open("rb") as stream:
        head = stream.read(65536)
        stream.seek(-65536, 2)
        return hashlib.blake2b(head + stream.read() + str(size).encode(), digest_size=16).digest(), size


def settle(ledger: Ledger, policy: Policy) -> None:
    """Find incidents where evidence came, and decide what follows for all whom it concerns, some at a time."""
    with ledger.change():
        if touched := ledger.traffic.touched():
            concerned = watch(ledger, policy, *touched)
            ledger.pending.add(concerned.names)
            ledger.pending.add_refused(concerned.since * SLOT, concerned.until * SLOT)
            ledger.traffic.looked()
    more = True
    while more:
        with ledger.change():
            names = ledger.pending.take(NAMES)
            derive(ledger, policy, names)
            more = bool(ledger.pending)
    with ledger.change():
        ledger.keep_index()


def derive(ledger: Ledger, policy: Policy, names: Iterable[str]) -> None:
    """Derive anew what is to be done with *names*, addresses and ``@domain``s, and put it into the ledger."""
    ledger.put(decisions_on(sorted(names), ledger, policy))


def decisions_on(
    names: Iterable[str], ledger: Ledger, policy: Policy, at: datetime | None = None, around: Surroundings | None = None
) -> Iterator[tuple[str, Decision]]:
    """The Decision on each of *names* from its history up to *at*; ``standing`` says whether it has run out."""
    near = around or Surroundings(ledger, policy, at)
    for name, history in ledger.histories(names, at):
        yield name, decide(history, policy, whole_domain=name.startswith("@"), around=near.of(name))


# ── answers ────────────────────────────────────────────────────────────────────────────────────────────────


class Answer(NamedTuple):
    """May this address be mailed, and why not? ``name`` is the address or ``@domain`` that the Decision is about."""

    address: str
    send: bool
    name: str
    decision: Decision


def check(
    addresses: Iterable[str], ledger: Ledger, policy: Policy, *, at: datetime, past: bool, transactional: bool = False
) -> Iterator[Answer]:
    """An answer per address, in order. *past*: from the evidence up to *at* alone; else from the derived state, at *at*."""
    stream = iter(addresses)
    index = None if past and at < ledger.latest() else ledger.index()
    around = Surroundings(ledger, policy, at)
    asking: dict[str, list[str]] = {}
    while some := list(islice(stream, 1000)):
        names = [address.normalise(a) for a in some]
        domains = [f"@{name.rpartition('@')[2]}" for name in names]
        if index is None:
            with_evidence = ledger.has_evidence({*names, *domains})
            found = dict(decisions_on(with_evidence, ledger, policy, at, around))
        else:
            found = ledger.decisions(name for name in {*names, *domains} if name in index)
            found |= _decided_now({*names, *domains}, ledger, policy)
        for given, name, domain in zip(some, names, domains, strict=True):
            if domain in found and domain not in asking:
                asking[domain] = _asking(domain, ledger)
            yield _answer(given, name, domain, found, at, transactional, policy, asking.get(domain, []))


def _decided_now(names: set[str], ledger: Ledger, policy: Policy) -> dict[str, Decision]:
    """The Decisions on those of *names* about which evidence came that an ingest has not settled yet."""
    late = ledger.pending.among(names) if ledger.pending else set()
    return dict(decisions_on(ledger.has_evidence(late), ledger, policy))


def _asking(domain: str, ledger: Ledger) -> list[str]:
    """Who of a domain asks first whether it is back: somebody whom no decision of his own keeps."""
    names = ledger.names_at(domain, 100)
    kept = {n for n, d in ledger.decisions(names).items() if d.cause not in OF_DOMAINS}
    return [n for n in names if n not in kept][:1]


def _answer(
    given: str, name: str, domain: str, found: dict[str, Decision], at: datetime, transactional: bool, policy: Policy,
    asking: list[str],
) -> Answer:  # fmt: skip
    # What an address was refused for its domain's sake is the domain's to decide, where that has a decision.
    own = domain not in found or found.get(name, FREE).cause not in OF_DOMAINS
    for who in (name, domain) if own else (domain,):
        decision = standing(found.get(who, FREE), at)
        if decision.state is not State.OK and not (transactional and decision.scope != "all"):
            return Answer(given, False, who, decision)
    decision = waiting(found.get(domain, FREE), policy, at)
    if decision.state is not State.OK and name not in asking:
        return Answer(given, False, domain, decision)
    return Answer(given, True, name, FREE)


def record(names: Iterable[str], act: Event, ledger: Ledger, policy: Policy) -> int:
    """Enter what a person did with *names* (suppress or release) and derive what follows; how many acts are new."""
    names = list(names)
    with ledger.change():
        new = sum(ledger.act(name, act) for name in names)
        derive(ledger, policy, names)
    return new
