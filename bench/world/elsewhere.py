"""Two more worlds, with other rates and other wordings: in one, most of what disappears returns; in
the other, what does not work stays so for weeks and says it mildly.

Everything of ``world.py`` happens there, too. A row of SPELLS is one more thing that befalls
persons or domains: how often, for how long, and in which words the receiver says so; one of the
wordings is drawn for each spell. Each seed draws its own rates (from a third to three times),
durations (from half to twice) and shares. While a spell lasts nobody can be reached: mail counts
as mail to the dead.
"""

from __future__ import annotations

from typing import NamedTuple

from .world import Person, World

ENTERPRISE = ("workspace", "tenant", "small")


class Spell(NamedTuple):
    """Something that befalls each ``of`` (person or domain) of these receivers with the
    probability ``rate`` a day; a share ``forever`` of it never ends, half of the rest is over
    after ``median`` days, and five in six after ``median`` x ``spread``. ``already``: the share
    that it has befallen before the first day.
    """

    name: str
    of: str
    receivers: tuple[str, ...]
    rate: float
    forever: float
    median: float
    spread: float
    already: float
    words: tuple[str, ...]


UNREGISTERED = (
    "Host or domain name not found. Name service error for name={domain} type=MX: Host not found",
    "Host or domain name not found. Name service error for name={domain} type=AAAA: Host not found",
    "Host or domain name not found. Name service error for name=mx.{domain} type=A: Host not found",
    "Domain {domain} does not accept mail (nullMX)",
)
MISROUTED = (
    "554 5.7.1 <{to}>: Relay access denied",
    "550 5.7.1 Unable to relay for {to}",
    "550 relay not permitted",
    "554 5.4.6 Too many hops",
    "550 5.4.6 Routing loop detected for {to}",
    "550 5.1.2 <{to}>: Recipient address rejected: Domain not found",
)
OFF = (
    "connect to mx.{domain}[192.0.2.7]:25: Connection refused",
    "connect to mx.{domain}[192.0.2.7]:25: Connection timed out",
    "connect to mx.{domain}[192.0.2.7]:25: No route to host",
    "connect to mx.{domain}[192.0.2.7]:25: Network is unreachable",
)
SUSPENDED = (
    "550 5.2.1 This account has been suspended by the hosting provider",
    "550 Account {to} is suspended for unpaid invoices",
    "554 5.2.1 <{to}>: mailbox temporarily disabled by the administrator",
    "550 5.2.1 <{to}>: account inactive",
    "550 This user's mailbox is locked",
)
SPELLS = {
    "returning": (
        Spell("lapsed", "domain", ENTERPRISE, 0.0004, 0.25, 8, 2.7, 0, UNREGISTERED),
        Spell("misrouted", "domain", ENTERPRISE, 0.0002, 0.1, 4, 2.7, 0, MISROUTED),
        Spell("off", "domain", ("small",), 0.0002, 0.15, 5, 2, 0, OFF),
        Spell("suspended", "person", ("small",), 0.0004, 0.4, 7, 2.5, 0.001, SUSPENDED),
        Spell(
            "disabled",
            "person",
            ("gmail", "workspace", "yahoo", "icloud"),
            0.00015,
            0.4,
            9,
            2.5,
            0.001,
            ("",),
        ),
        Spell(
            "lagging",
            "domain",
            ("tenant",),
            0.0006,
            0.05,
            4,
            3,
            0,
            (
                "550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [{id}.eur01]",
                "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient {to} not found by SMTP "
                "address lookup",
            ),
        ),
    ),
    "lingering": (
        Spell(
            "restricted",
            "person",
            ENTERPRISE,
            0.0001,
            0.9,
            10,
            2,
            0.003,
            (
                "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; "
                "Delivery restriction check failed because the sender was not authenticated",
                "550 5.7.1 <{to}>: only members of this list may write to it",
                "550 5.2.0 This address takes mail from colleagues only",
                "554 5.7.1 The recipient has chosen to refuse this sender",
                "550 Sender is not among the contacts of {to}",
                "550 5.7.0 External correspondents may not use this mailbox",
                "553 5.7.1 This department is not reachable from the Internet",
            ),
        ),
        Spell("off", "domain", ("small",), 0.0002, 0.4, 15, 2, 0.001, OFF),
        Spell(
            "unknown for now",
            "person",
            ("small", "yahoo"),
            0.0001,
            0.6,
            15,
            2,
            0.001,
            (
                "450 4.1.1 <{to}>: Recipient address rejected: User unknown in local table",
                "450 4.1.1 <{to}>: Recipient address rejected: unverified address: unknown user",
                "451 4.1.1 {to}: recipient cannot be verified at the moment",
                "450 4.2.0 No such mailbox here yet",
            ),
        ),
        Spell(
            "tenant ended",
            "domain",
            ("tenant",),
            0.0001,
            0.7,
            15,
            2,
            0.0005,
            (
                "451 4.4.4 Mail received as unauthenticated, incoming to a recipient domain "
                "configured in a hosted tenant which has no mail-enabled subscriptions. ATTR5 "
                "[{id}.eop-EUR05]",
            ),
        ),
        Spell(
            "full",
            "person",
            ("gmail", "small", "tenant", "yahoo", "icloud"),
            0.0001,
            0.4,
            30,
            2,
            0.002,
            (
                "452 4.2.2 The email account that you tried to reach is over quota",
                "552 5.2.2 <{to}>: quota exceeded",
                "452 4.2.2 <{to}>: Over quota",
                "554 5.2.2 mailbox full; {to} has no room for this message",
            ),
        ),
        Spell(
            "server in trouble",
            "domain",
            ("small",),
            0.0001,
            0.3,
            10,
            2,
            0,
            (
                "451 4.3.0 <{to}>: Temporary lookup failure",
                "421 4.3.2 {domain} service not available, closing transmission channel",
                "451 4.3.5 Server configuration problem",
            ),
        ),
    ),
}


class Elsewhere(World):
    """A world of the same kind, of *size* people, with the spells of one more table."""

    spells: tuple[Spell, ...]

    def __init__(self, size: int, days: int, seed: int, quiet: bool = False) -> None:
        super().__init__(size, days, seed, quiet)
        draw = self.draw
        self.factor = {
            s.name: (3 ** draw.uniform(-1, 1), 2 ** draw.uniform(-1, 1), draw.uniform(0.6, 1.4))
            for s in self.spells
        }
        self.persons = {p.address: p for p in self.people}
        kinds = {p.domain: p.receiver for p in self.people if p.receiver in ENTERPRISE}
        self.subjects = {
            "person": [(p.address, p.receiver) for p in self.people],
            "domain": sorted(kinds.items()),
        }
        self.until: dict[str, int] = {}  # the last day of a person's or a domain's spell
        self.said: dict[str, str] = {}
        for spell in self.spells:
            self._befall(spell, 0, spell.already)

    def night(self, day: int) -> None:
        super().night(day)
        for spell in self.spells:
            self._befall(spell, day, spell.rate * self.factor[spell.name][0])

    def _befall(self, spell: Spell, day: int, chance: float) -> None:
        draw = self.draw
        _, longer, more = self.factor[spell.name]
        for subject, receiver in self.subjects[spell.of] if chance else ():
            if receiver in spell.receivers and draw.random() < chance:
                days = spell.median * longer * spell.spread ** draw.gauss(0, 1)
                ends = 10**6 if draw.random() < min(0.95, spell.forever * more) else day + int(days)
                words = draw.choice(spell.words)
                if self.until.get(subject, -1) < day:
                    self.until[subject], self.said[subject] = ends, words

    def back(self, person: Person, day: int) -> int:
        spells = (self.until.get(person.address, -1), self.until.get(person.domain, -1))
        return max(super().back(person, day), *(until + 1 for until in spells))

    def resolves(self, domain: str, day: int) -> bool:
        gone = self.until.get(domain, -1) >= day and self.said[domain] in UNREGISTERED
        return not gone and super().resolves(domain, day)

    def _reply(self, person: Person, day: int, hour: float) -> str:
        usual = super()._reply(person, day, hour)
        for subject in (person.domain, person.address):
            if self.until.get(subject, -1) >= day:
                return self.said[subject] or self.disabled_words(person)
        return usual


class Returning(Elsewhere):
    """Domains are renewed, servers repaired, accounts enabled and directories synchronised."""

    name = "returning"
    spells = SPELLS["returning"]


class Lingering(Elsewhere):
    """Much fails for weeks or for good, with replies that promise better."""

    name = "lingering"
    spells = SPELLS["lingering"]
