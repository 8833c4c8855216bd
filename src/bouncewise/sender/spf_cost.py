"""What an SPF record costs a receiver: every lookup for a sender that no term matches.

Reads: records through a Resolver. Gives: the lookups in order, each with the includes that lead to
it, and faults. RFC 7208 section 4.6.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bouncewise.net.dns import NoRecordsError, NoSuchNameError, Resolver, UnansweredError
from bouncewise.sender.spf import MAX_LOOKUPS, MAX_NAMES, is_name, record_of
from bouncewise.sender.spf_record import Record, SpfError


class Lookup(NamedTuple):
    """A term that asks DNS, the domains of the includes that lead to it, and its number."""

    term: str
    path: tuple[str, ...]
    number: int


class Cost(NamedTuple):
    """The lookups in order; faults, each as a check's id and its words; servers that did not
    answer.
    """

    lookups: list[Lookup]
    faults: list[tuple[str, str]]
    silent: list[str]


def cost(domain: str, resolve: Resolver) -> Cost:
    """The lookups and faults of the record of *domain* and of all that it includes; at most five
    times MAX_LOOKUPS are followed.
    """
    found = Cost([], [], [])
    _walk(domain, (domain,), resolve, found)
    return found


def _walk(domain: str, path: tuple[str, ...], resolve: Resolver, found: Cost) -> bool:
    """Add what *domain* costs; whether it has a record."""
    try:
        record = record_of(domain, resolve)
    except SpfError as error:
        found.faults.append(("spf-syntax", str(error)))
        return True
    except UnansweredError as error:
        found.silent.append(str(error))
        return True
    if record is None:
        return False
    for kind, value, text in _steps(record):
        if len(found.lookups) >= 5 * MAX_LOOKUPS:
            break
        found.lookups.append(Lookup(text, path, len(found.lookups) + 1))
        if kind == "ptr":
            found.faults.append(("spf-ptr", f"{text} in {domain}"))
        target = value.rstrip(".").lower()
        if "%" in value:
            continue
        if kind in ("include", "redirect"):
            _follow(target, f"{text} in {domain}", path, resolve, found)
        elif len(found.lookups) <= MAX_LOOKUPS:
            _ask_all(kind, target or domain, resolve, found.silent)
    return True


def _ask_all(kind: str, name: str, resolve: Resolver, silent: list[str]) -> None:
    """Ask what a term asks about *name*, to know each question that is not answered."""
    types = {"a": ("A", "AAAA"), "exists": ("A",), "mx": ("MX",)}.get(kind, ())
    for record_type in types:
        for record in _records(name, record_type, resolve, silent)[:MAX_NAMES]:
            if record_type == "MX" and (host := record.partition(" ")[2].rstrip(".").lower()):
                _ask_all("a", host, resolve, silent)


def _records(name: str, record_type: str, resolve: Resolver, silent: list[str]) -> list[str]:
    try:
        return resolve(name, record_type) if is_name(name) else []
    except (NoSuchNameError, NoRecordsError):
        return []
    except UnansweredError as error:
        silent.append(str(error))
        return []


def _follow(target: str, term: str, path: tuple[str, ...], resolve: Resolver, found: Cost) -> None:
    if target in path:
        found.faults.append(("spf-loop", " → ".join((*path, target))))
    elif not _walk(target, (*path, target), resolve, found):
        found.faults.append(("spf-include-missing", term))


def _steps(record: Record) -> Iterator[tuple[str, str, str]]:
    """The terms that ask DNS, up to ``all``, which ends the record: kind, value and text."""
    for term in record.terms:
        if term.mechanism == "all":
            return
        if term.mechanism not in ("ip4", "ip6"):
            yield term.mechanism, term.value, term.text
    if record.redirect is not None:
        yield "redirect", record.redirect, f"redirect={record.redirect}"
