"""May this address be mailed? One question after another, from the derived state or as of an
earlier time.

Reads: a ledger and the policy. Gives: an Answer per address, with the Decision behind it.
Changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import NamedTuple, Self

from bouncewise.ledger import Store, parts
from bouncewise.ledger.index import Index
from bouncewise.ledger.overview_parts import ForgottenRows
from bouncewise.ledger.rows import domain_of
from bouncewise.lists.names import name_in, unwrapped
from bouncewise.model import Basis, Decision, Decisions, Mail, State
from bouncewise.operations import probes
from bouncewise.operations.decisions import decisions_on
from bouncewise.operations.refusal_context import RefusalContexts
from bouncewise.policy.decide import OK, awaiting_probe, strictest
from bouncewise.policy.load import Policy
from bouncewise.rfc import address

_PAGE = 1000
"""Addresses whose evidence is asked for together."""

REMEMBERED = 1 << 17
"""Decisions that a Checker remembers between questions."""

ANY_MARKETING = Mail()
"""Marketing mail of any stream."""

_DOMAIN = "a domain, not an address"


class Answer(NamedTuple):
    """May this address be mailed, and why not? ``name`` is the address or ``@domain`` that the
    Decision is about.
    """

    address: str
    send: bool
    name: str
    decision: Decision


class Known(NamedTuple):
    """What a Checker remembers of a whole ledger, as it was at one moment."""

    version: tuple[int, int] | None
    names: parts.Index
    has_pending: bool
    forgotten: ForgottenRows

    @classmethod
    def of(cls, ledger: Store, version: tuple[int, int], *, for_few: bool = False) -> Self:
        """Read it; *version*: that of *ledger* before. This may take a second."""
        ledger.forgotten.refresh()
        forgotten = ledger.forgotten.rows()
        index = Index(()) if for_few else ledger.index()
        return cls(version, index, bool(ledger.pending), forgotten)


_NOTHING = Known(None, Index(()), has_pending=False, forgotten={})


class Checker:
    """Answers questions about now, and lives between them: it reads the ledger again only when
    the ledger has changed.

    A question about an address of which nothing is known costs two hashes and two searches of
    the index; one about a suppressed address costs a query the first time.
    """

    def __init__(self, ledger: Store, policy: Policy, *, for_few: bool = False) -> None:
        """*for_few*: do without the index, which is not worth reading for some questions only."""
        self._ledger, self._policy, self._for_few = ledger, policy, for_few
        self._known = _NOTHING
        self._decisions: dict[str, Decisions] = {}
        self._probes: dict[str, str] = {}
        self._cleared: dict[str, list[datetime]] = {}
        self._domains = _Domains(self._probe_of, self._cleared_at)

    def refresh(self) -> None:
        """Look whether the ledger has changed, and forget what was known if so."""
        version = self._ledger.version()
        if version != self._known.version:
            self.adopt(Known.of(self._ledger, version, for_few=self._for_few))

    def adopt(self, known: Known) -> None:
        """Go on with what was read of the ledger elsewhere, instead of ``refresh``."""
        self._known = known
        self._ledger.forgotten.use(known.forgotten)
        self._decisions.clear()
        self._probes.clear()
        self._cleared.clear()

    def check(
        self, given: str, *, mail: Mail = ANY_MARKETING, at: datetime | None = None
    ) -> Answer:
        """The answer for one address, now; or *at* a later time, if nothing else happens until
        then.
        """
        self.refresh()
        return self.answer(given, mail=mail, at=at)

    def answer(
        self, given: str, *, mail: Mail = ANY_MARKETING, at: datetime | None = None
    ) -> Answer:
        """``check`` by what was known at the last ``refresh``: a third of the cost."""
        name, error = name_in(given)
        domain = domain_of(name)
        own, whole = self._decisions_of(name, given), self._decision(domain)
        if not own and not whole:
            return _unknown(given, name, error)
        question = _Question(given, name, domain, at or datetime.now(UTC), mail)
        return _valid(_answer(question, own, whole, self._policy, self._domains), error)

    def _decisions_of(self, name: str, given: str) -> Decisions:
        """The Decisions on an address, under its key, or under that of an earlier version."""
        found = self._decision(name)
        if not found and _has_former_key(given):
            return self._decision(address.former_key(unwrapped(given)))
        return found

    def check_all(
        self, addresses: Iterable[str], *, mail: Mail = ANY_MARKETING, at: datetime | None = None
    ) -> Iterator[Answer]:
        """``check`` of each of *addresses*, in order, with the evidence of many asked for
        together.
        """
        stream = iter(addresses)
        while page := list(islice(stream, _PAGE)):
            self.refresh()
            yield from self.answer_page(page, mail=mail, at=at)

    def answer_page(
        self, page: list[str], *, mail: Mail = ANY_MARKETING, at: datetime | None = None
    ) -> Iterator[Answer]:
        """``check_all`` of some addresses, by what was known at the last ``refresh``."""
        names = [name_in(given) for given in page]
        domains = [domain_of(name.key) for name in names]
        both = {name.key for name in names}
        both.update(domains)
        self._look_up(self._candidates(both))
        known = self._decisions.keys() & both
        for given, (name, error), domain in zip(page, names, domains, strict=True):
            if name in known or domain in known or _has_former_key(given):
                yield self.answer(given, mail=mail, at=at)
            else:
                yield _unknown(given, name, error)

    def _candidates(self, names: set[str]) -> set[str]:
        """Those of *names* about which the ledger is to be asked."""
        known, new = self._known, names - self._decisions.keys()
        if self._for_few or known.has_pending or known.forgotten:
            return new
        return known.names.among(new)

    def _is_candidate(self, name: str) -> bool:
        known = self._known
        return name not in self._decisions and (
            self._for_few or known.has_pending or bool(known.forgotten) or name in known.names
        )

    def _decision(self, name: str) -> Decisions:
        if self._is_candidate(name):
            self._look_up({name})
        return self._decisions.get(name, ())

    def _look_up(self, names: set[str]) -> None:
        """The stored Decisions; where evidence was added that is not settled yet, what follows
        from all of it.
        """
        if not names:
            return
        if len(self._decisions) + len(names) > REMEMBERED:
            self._decisions.clear()
        found = self._ledger.decisions(names)
        if self._known.has_pending:
            pending = self._ledger.with_evidence(self._ledger.pending.among(names))
            found |= dict(decisions_on(pending, self._ledger, self._policy))
        if self._known.forgotten:
            for name, decisions in self._ledger.forgotten.decisions(names).items():
                found[name] = (*found.get(name, ()), *decisions)
        self._decisions.update((name, found.get(name, ())) for name in names)

    def _probe_of(self, domain: str) -> str:
        if domain not in self._probes:
            names = self._ledger.names_at(domain, probes.CANDIDATES)
            self._probes[domain] = probes.probe(names, self._ledger.decisions(names))
        return self._probes[domain]

    def _cleared_at(self, domain: str) -> list[datetime]:
        if domain not in self._cleared:
            self._cleared[domain] = probes.cleared(domain, self._ledger, None)
        return self._cleared[domain]


def check(
    addresses: Iterable[str],
    ledger: Store,
    policy: Policy,
    *,
    at: datetime,
    past: bool,
    mail: Mail = ANY_MARKETING,
) -> Iterator[Answer]:
    """An answer per address, in order. *past*: from the evidence up to *at* alone; else from the
    derived state, at *at*.
    """
    if past and at < ledger.latest():
        return _check_past(addresses, ledger, policy, at, mail)
    return Checker(ledger, policy).check_all(addresses, mail=mail, at=at)


def _check_past(
    addresses: Iterable[str], ledger: Store, policy: Policy, at: datetime, mail: Mail
) -> Iterator[Answer]:
    stream = iter(addresses)
    contexts = RefusalContexts(ledger, policy, at)

    domains = _Domains(
        lambda domain: probes.probe_as_of(domain, ledger, policy, contexts),
        lambda domain: probes.cleared(domain, ledger, at),
    )
    while page := list(islice(stream, _PAGE)):
        names = [name_in(given) for given in page]
        every = {n for name in names for n in (name.key, domain_of(name.key))}
        with_evidence = ledger.with_evidence(every)
        found = dict(decisions_on(with_evidence, ledger, policy, at, contexts))
        for about, decisions in ledger.forgotten.decisions(every).items():
            found[about] = (*found.get(about, ()), *decisions)
        for given, (name, error) in zip(page, names, strict=True):
            question = _Question(given, name, domain_of(name), at, mail)
            own, whole = found.get(name, ()), found.get(question.domain, ())
            yield _valid(_answer(question, own, whole, policy, domains), error)


def _unknown(given: str, name: str, error: str) -> Answer:
    """The answer about an address of which nothing is known."""
    error = error or (_DOMAIN if name.startswith("@") else "")
    if not error:
        return Answer(given, True, name, OK)
    return Answer(given, False, name, Decision(state=State.INVALID, why=error))


def _valid(answer: Answer, error: str) -> Answer:
    """*answer*; what the ledger lets through must also be an address."""
    return _unknown(answer.address, answer.name, error) if answer.send else answer


class _Question(NamedTuple):
    """One address, as it was given and as the ledger knows it."""

    given: str
    name: str
    domain: str
    at: datetime
    mail: Mail


def _has_former_key(given: str) -> bool:
    """Whether an earlier version may have known the address under another key."""
    return not given.isascii() or '"' in given


class _Domains(NamedTuple):
    """What is asked about a domain where it matters: its probe, and what cleared it, when."""

    probe_of: Callable[[str], str]
    cleared_at: Callable[[str], list[datetime]]


def _answer(
    question: _Question, own: Decisions, whole: Decisions, policy: Policy, domains: _Domains
) -> Answer:
    """*own*, *whole*: the Decisions on the address and on its domain."""
    given, name, domain, at, mail = question
    of_domain = _evidence(whole)
    if probes.follows_domain(_evidence(own), of_domain, lambda: domains.cleared_at(domain)):
        own = tuple(d for d in own if d.basis is not Basis.EVIDENCE)
    for about, decisions in ((name, own), (domain, whole)):
        decision = strictest(decisions, at, mail)
        if decision.state is not State.OK:
            return Answer(given, False, about, decision)
    decision = awaiting_probe(of_domain, policy, at)
    if decision.state is not State.OK and name != domains.probe_of(domain):
        return Answer(given, False, domain, decision)
    return Answer(given, True, name, OK)


def _evidence(decisions: Decisions) -> Decision:
    """What evidence decides among *decisions*."""
    return next((d for d in decisions if d.basis is Basis.EVIDENCE), OK)
