"""How reliable the probabilities of ``diagnose`` are, where the truth is known: python -m
bench.diagnosis [--seeds 1 2 3].

The world of bench.world (people who leave, migrations, lapsed domains, outages, a block, broken
signatures, a refused campaign) and in addition: sign-ups with typing errors, an old list that is
imported, restricted recipients, tenants that end while their MX remains, parked domains, small
servers that lose their directory or are off for days, and filters with vague replies. Every rate is
an assumption. The first refusal of each series is diagnosed on its day and three days later, with
and without DNS as of that day. Of more than forty refusals with the same truth on one day, only a
sample is diagnosed.
"""

from __future__ import annotations

import argparse
import math
import random
from collections import Counter, defaultdict
from datetime import timedelta
from typing import NamedTuple

import msgspec

from bouncewise.classifier.classify import default_classifier
from bouncewise.diagnosis import facts
from bouncewise.diagnosis.evidence import Facts
from bouncewise.diagnosis.knowledge import Knowledge, load
from bouncewise.diagnosis.rank import diagnose
from bouncewise.net import dns
from bouncewise.operations import incidents

from .world.policies import DAY0, Bouncewise
from .world.world import NAMES, NO_DOMAIN, NO_HOST, RECEIVERS, Answer, Person, World

SIGN_UPS = 6  # new addresses a day
SLIPS = 0.06  # of sign-ups: figures of form validators run from 2 to 10 in a hundred
SLIP_OF_DOMAIN = 0.5  # of slips; the others are in the local part
# Slips of large domains that somebody has registered, most of them without a mailbox behind.
SLIP_RESOLVES = 0.4
IMPORTED, IMPORTED_GONE, IMPORTED_SLIPS = 150, 0.15, 0.02  # an old list, once
RESTRICTED = 0.01  # of sign-ups at tenants: internal groups and rooms that get on lists
ENDS = 0.0002  # per tenant and day: a subscription or company ends, its MX stays for a while
FORGETS = 0.0004  # per small domain and day: its server has no table of users for a day
IS_OFF = 0.0002  # per small domain and day: its server is off for one to four days
VAGUE = (
    0.00015  # per person and day: "rejected by policy", half meaning the message, half the sender
)
LOCALS = (
    "anna",
    "marie",
    "peter",
    "johnson",
    "miller",
    "schmidt",
    "garcia",
    "rossi",
    "dubois",
    "keller",
    "wilson",
    "novak",
)
WRONG = (
    "gmial.com",
    "gmai.com",
    "gmail.con",
    "gmaill.com",
    "hotmial.com",
    "hotmai.com",
    "yaho.com",
    "yahooo.com",
    "iclud.com",
)
RESTRICTS = (
    "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication "
    "required; Delivery restriction check failed because the sender was not "
    "authenticated when sending to this group"
)


class Lives(World):
    """The world with more events, and with the true reason of each refusal."""

    def __init__(self, size: int, days: int, seed: int) -> None:
        super().__init__(size, days, seed)
        self.more = random.Random(seed + 2)  # noqa: S311
        self.slips: dict[str, str] = {}
        self.restricted: set[str] = set()
        self.ended: dict[str, int] = {}
        self.forgetful: dict[str, int] = {}
        self.off: dict[str, int] = {}
        self.import_on = self.more.randrange(20, days)
        self.truth: dict[tuple[str, int], str] = {}

    def night(self, day: int) -> None:
        super().night(day)
        for domain in sorted({p.domain for p in self.people if p.receiver in ("small", "tenant")}):
            tenant = domain.startswith("tenant")
            if tenant and self.more.random() < ENDS and domain not in self.ended:
                self.ended[domain] = day
            if not tenant and self.more.random() < FORGETS:
                self.forgetful[domain] = day
            if not tenant and self.more.random() < IS_OFF:
                self.off[domain] = day + self.more.randrange(0, 4)
        for _ in range(SIGN_UPS):
            self._join(day, SLIPS, 0.0)
        if day == self.import_on:
            for _ in range(IMPORTED):
                self._join(day, IMPORTED_SLIPS, IMPORTED_GONE)

    def _join(self, day: int, slips: float, gone: float) -> None:
        draw = self.more
        old = draw.choice(self.people[: len(self.people) // 2 + 1])
        local = f"{draw.choice(LOCALS)}.{draw.choice(LOCALS)}{draw.randrange(99)}"
        person = Person(f"{local}@{old.domain}", old.receiver, old.domain)
        person.gone = draw.random() < gone
        if draw.random() < slips:
            wrong = draw.choice(WRONG) if draw.random() < SLIP_OF_DOMAIN else ""
            if wrong:
                person = Person(f"{local}@{wrong}", "slip", wrong)
            else:
                i = draw.randrange(1, len(local) - 3)
                slip = (
                    local[:i] + local[i + 1] + local[i] + local[i + 2 :]
                    if draw.random() < 0.5
                    else local[:i] + local[i + 1 :]
                )
                person = Person(f"{slip}@{old.domain}", old.receiver, old.domain)
                if draw.random() < 0.3:  # entered again, rightly
                    self.people.append(Person(f"{local}@{old.domain}", old.receiver, old.domain))
            person.gone = True
            self.slips[person.address] = wrong
        elif person.receiver == "tenant" and draw.random() < RESTRICTED * 5:
            self.restricted.add(person.address)
        self.people.append(person)

    def route(self, domain: str, day: int) -> dns.MailRoute:
        """What DNS says of *domain* on *day*."""
        if domain in WRONG:
            found = random.Random(domain).random() < SLIP_RESOLVES  # noqa: S311
            return (
                dns.MailRoute(dns.Route.MX, (f"mx.{domain}",))
                if found
                else dns.MailRoute(dns.Route.NXDOMAIN)
            )
        if self.lapsed.get(domain, -1) >= day:
            return (
                dns.MailRoute(dns.Route.IMPLICIT, (domain,))
                if parked(domain)
                else dns.MailRoute(dns.Route.NXDOMAIN)
            )
        if domain in self.ended and day - self.ended[domain] > hash_days(domain):
            return dns.MailRoute(dns.Route.NOTHING)
        kind = next(
            (k for k in RECEIVERS if NAMES.get(k) == domain or domain.startswith(k)), "small"
        )
        return dns.MailRoute(dns.Route.MX, (RECEIVERS[kind].mx.format(domain=domain),))

    def answer(self, person: Person, day: int) -> Answer:
        """As the world answers, with the additional events; records the true reason."""
        domain, key = person.domain, (person.address, day)
        if person.receiver == "slip":
            self.truth[key] = "typo"
            if self.route(domain, day).route is dns.Route.NXDOMAIN:
                return Answer(9, NO_DOMAIN.format(domain=domain), "")
            said = self.more.choice(
                (
                    "550 5.7.1 Relaying denied",
                    f"550 5.1.1 <{person.address}>: Recipient address rejected: User unknown",
                )
            )
            return Answer(9, said, f"mx.{domain}")
        given = super().answer(person, day)
        unknown = RECEIVERS[person.receiver].unknown.format(
            to=person.address, domain=domain, id="4f", n=1
        )
        alive = self.lapsed.get(domain, -1) < day
        if not alive and parked(domain):
            self.truth[key] = "domain-gone"
            return Answer(
                given.hour, f"connect to {domain}[192.0.2.8]:25: Connection timed out", ""
            )
        if alive and self.off.get(domain, -1) >= day:
            self.truth[key] = "receiver-outage"
            return Answer(given.hour, NO_HOST.format(domain=domain), "")
        if alive and domain in self.ended:
            self.truth[key] = "domain-gone"
            return Answer(given.hour, unknown, given.mx)
        if alive and self.forgetful.get(domain, -1) == day and not person.gone:
            self.truth[key] = "receiver-outage"
            return Answer(given.hour, unknown, given.mx)
        if person.address in self.restricted and not given.reply:
            self.truth[key] = "restricted"
            return Answer(given.hour, RESTRICTS, given.mx)
        if not given.reply and self.more.random() < VAGUE:
            self.truth[key] = self.more.choice(("content", "reputation"))
            return Answer(given.hour, "554 5.7.1 Message rejected due to policy", given.mx)
        if given.reply:
            self.truth[key] = self._why(person, day, given)
        return given

    def _why(self, person: Person, day: int, given: Answer) -> str:
        if self.lapsed.get(person.domain, -1) >= day:
            return "domain-gone"
        if person.gone:
            return "typo" if person.address in self.slips else "left"
        if "S3140" in given.reply or "spamhaus" in given.reply:
            return "reputation"
        if "Greylisted" in given.reply:
            return "restricted"
        if "5.7.26" in given.reply:
            return "authentication"
        if "spam" in given.reply:
            return "content"
        if "full" in given.reply:
            return "full"
        return (
            "not-synchronised"
            if self.migrating.get(person.domain, -1) >= day
            else "receiver-outage"
        )


def parked(domain: str) -> bool:
    """Whether a lapsed domain is parked: it resolves to a web server that answers no mail. A third
    of them are.
    """
    return random.Random(domain).random() < 0.33  # noqa: S311


def hash_days(domain: str) -> int:
    """After how many days the MX of an ended tenant is taken out of DNS."""
    return random.Random(domain).randrange(1, 30)  # noqa: S311


class Case(NamedTuple):
    """One diagnosis: its facts, and the truth."""

    facts: Facts
    truth: str
    later: bool
    with_dns: bool

    def alone(self) -> Case:
        """The same case with nothing known but the reply."""
        nothing = {
            "history": None,
            "at_domain": None,
            "at_receiver": None,
            "refusing_receivers": None,
            "incident": None,
            "dns": None,
            "typo": "",
        }
        return self._replace(facts=msgspec.structs.replace(self.facts, **nothing))


def cases(seed: int, people: int, days: int) -> list[Case]:
    """Every first refusal of a series, on its day and three days later, without DNS and with."""
    world = Lives(people, days, seed)
    policy = Bouncewise(world)
    asked: dict[str, int] = {}
    again: dict[int, list[tuple[str, str]]] = defaultdict(list)
    found: list[Case] = []
    for day in range(days):
        world.night(day)
        answers = {p: world.answer(p, day) for p in policy.mailable(world.people, day)}
        policy.learn(day, answers)
        refused = [(p.address, world.truth[p.address, day]) for p, a in answers.items() if a.reply]
        now = [(name, truth) for name, truth in refused if day - asked.get(name, -99) > 14]
        asked.update((name, day) for name, _ in now)
        quota = Counter(truth for _, truth in now)
        draw = random.Random(seed * 1000 + day)  # noqa: S311
        chosen = [case for case in now if draw.random() < 40 / max(40, quota[case[1]])]
        again[day + 3] += chosen
        for later, some in ((False, chosen), (True, again.pop(day, []))):
            for name, truth in some:
                for with_dns in (False, True):
                    facts = _ask(name, day, world, policy, with_dns)
                    if facts is not None and facts.refused_at is not None:
                        last = (
                            facts.refused_at - DAY0
                        ).days  # in three days it may have been refused for another reason
                        found.append(
                            Case(facts, world.truth.get((name, last), truth), later, with_dns)
                        )
    policy.close()
    return found


def _ask(name: str, day: int, world: Lives, policy: Bouncewise, with_dns: bool) -> Facts | None:
    def resolve(domain: str, kind: str) -> list[str]:
        mail = world.route(domain, day)
        if mail.route is dns.Route.NXDOMAIN:
            raise dns.NoSuchNameError(domain)
        if mail.route is dns.Route.NOTHING or (mail.route is dns.Route.IMPLICIT and kind == "MX"):
            raise dns.NoRecordsError(domain)
        return [f"10 {host}." for host in mail.hosts] if kind == "MX" else ["192.0.2.8"]

    at = DAY0 + timedelta(days=day, hours=20)
    return facts.of_address(
        name,
        facts.Sources(
            default_classifier(),
            at,
            policy.ledger,
            resolve if with_dns else None,
            tuple(incidents.incidents_as_of(policy.ledger, policy.policy, at)),
        ),
    )


class Score(NamedTuple):
    """Top-1 accuracy, Brier score over all hypotheses (0 best, 2 worst), and bins of the first
    hypothesis' probability.
    """

    count: int
    top: float
    brier: float
    loss: float
    bins: dict[int, tuple[int, float, int]]


EDGES = (0.02, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.01)


def score(some: list[Case], knowledge: Knowledge) -> Score:
    """How well the probabilities fit the truth."""
    hits = brier = loss = 0.0
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for case in some:
        ranking = diagnose(case.facts, knowledge).ranking
        hits += ranking[0].id == case.truth
        for r in ranking:
            brier += (r.probability - (r.id == case.truth)) ** 2
            if r.id == case.truth:
                loss -= math.log(max(1e-6, r.probability))
            if r.probability >= 0.02:
                at = next(i for i, edge in enumerate(EDGES[1:]) if r.probability < edge)
                bins[at].append((r.probability, r.id == case.truth))
    n = max(1, len(some))
    table = {
        i: (len(b), sum(p for p, _ in b) / len(b), sum(t for _, t in b))
        for i, b in sorted(bins.items())
    }
    return Score(len(some), hits / n, brier / n, loss / n, table)


def show(title: str, s: Score) -> None:
    """One table."""
    print(
        f"\n{title}: {s.count:,} cases, the first is true in {s.top:.1%}, Brier "
        f"{s.brier:.3f}, log loss {s.loss:.3f}"
    )
    print(f"| {'said':>11} | {'mean said':>9} | {'true':>6} | {'count':>6} |\n|---|---|---|---|")
    for i, (count, said, true) in s.bins.items():
        print(
            f"| {EDGES[i]:4.0%} – {min(1, EDGES[i + 1]):4.0%} | {said:9.1%} | "
            f"{true / count:6.1%} | {count:6,} |"
        )


def confusion(some: list[Case], knowledge: Knowledge) -> None:
    """By truth: how many cases, how often it ranked first, and what ranked first otherwise."""
    firsts: dict[str, Counter[str]] = defaultdict(Counter)
    for case in some:
        firsts[case.truth][diagnose(case.facts, knowledge).ranking[0].id] += 1
    print("\n| truth | cases | first | taken for |\n|---|---|---|---|")
    for truth, got in sorted(firsts.items()):
        total = sum(got.values())
        others = ", ".join(f"{name} {n}" for name, n in got.most_common() if name != truth)
        print(f"| `{truth}` | {total} | {got[truth] / total:.0%} | {others} |")


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__, prog="python -m bench.diagnosis")
    args.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    args.add_argument("--people", type=int, default=4000)
    args.add_argument("--days", type=int, default=120)
    options = args.parse_args()
    knowledge = load()
    found = [case for seed in options.seeds for case in cases(seed, options.people, options.days)]
    show("the reply alone", score([case.alone() for case in found], knowledge))
    show("all", score(found, knowledge))
    for later in (False, True):
        for with_dns in (False, True):
            some = [c for c in found if c.later is later and c.with_dns is with_dns]
            show(
                (
                    f"{'three days later' if later else 'on the day'}, "
                    f"{'with' if with_dns else 'without'} DNS"
                ),
                score(some, knowledge),
            )
    for later in (False, True):
        confusion([c for c in found if c.later is later and not c.with_dns], knowledge)


if __name__ == "__main__":
    main()
