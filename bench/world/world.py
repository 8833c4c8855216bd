"""The world: people, receivers, and what happens to them; every rate a constant with its reason. All from one seed.

A day: the policy names whom to mail; ``answer`` says for each what the receiver answers, in the words of the real ones.
"""

from __future__ import annotations

import random
from typing import NamedTuple

# Chances per person and day.
LEAVES = 0.0006  # about a fifth of a business list a year, the figure that list brokers and ESPs report
FILLS = 0.0004  # a box fills; most are emptied within a fortnight
NEVER_EMPTIED = 0.2
DISABLED = 0.0001  # a provider switches an unused account off
DOMAIN_LAPSES = 0.0002  # per small domain and day
MIGRATES = 0.001  # a Microsoft 365 tenant moves and its directory lags behind, per tenant and day

RECEIVERS = {  # share of the list, name of the MX, the words for an unknown user
    "gmail": (0.38, "gmail-smtp-in.l.google.com", "550 5.1.1 The email account that you tried to reach does not exist. https://support.google.com/mail/?p=NoSuchUser {id} - gsmtp"),
    "hotmail": (0.14, "hotmail-com.olc.protection.outlook.com", "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302)."),
    "yahoo": (0.09, "mta5.am0.yahoodns.net", "554 delivery error: dd This user doesn't have a yahoo.com account ({to}) [0] - mta{n}.mail.yahoo.com"),
    "icloud": (0.05, "mx01.mail.icloud.com", "550 5.1.1 <{to}>: user lookup success but no user record found"),
    "tenant": (0.18, "{domain}.mail.protection.outlook.com", "550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [{id}.eop.prod.protection.outlook.com]"),
    "small": (0.16, "mx.{domain}", "550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox table"),
}  # fmt: skip
NAMES = {"gmail": "gmail.com", "hotmail": "hotmail.com", "yahoo": "yahoo.com", "icloud": "icloud.com"}


class Answer(NamedTuple):
    """What the receiver said: delivered, or the reply; and the hour of the day at which."""

    hour: float
    reply: str  # "" where it was delivered
    mx: str


class Person:
    """One address and its truth."""

    def __init__(self, address: str, receiver: str, domain: str) -> None:
        self.address, self.receiver, self.domain = address, receiver, domain
        self.gone = False
        self.full_until = -1


class World:
    """*size* people for *days* days."""

    def __init__(self, size: int, days: int, seed: int) -> None:
        self.draw = draw = random.Random(seed)  # noqa: S311
        self.noise = random.Random(seed + 1)  # noqa: S311  who asks whom must not change what happens
        self.days = days
        kinds, shares = list(RECEIVERS), [r[0] for r in RECEIVERS.values()]
        self.people = []
        for i in range(size):
            kind = draw.choices(kinds, shares)[0]
            domain = NAMES.get(kind) or f"{kind}{int(draw.paretovariate(1.1)) + draw.randrange(size // 40)}.example"
            self.people.append(Person(f"u{i}@{domain}", kind, domain))
        self.domains = sorted({p.domain for p in self.people if p.receiver in ("small", "tenant")})
        self.lapsed: dict[str, int] = {}
        self.migrating: dict[str, int] = {}
        self.outages = {r: draw.randrange(20, days) for r in ("gmail", "icloud")}
        self.blocked = draw.randrange(20, days)
        self.unsigned = draw.randrange(20, days)
        self.refused_campaign = draw.randrange(20, days)

    def night(self, day: int) -> None:
        """What happens before the mailing of *day*."""
        draw = self.draw
        for person in self.people:
            if not person.gone and draw.random() < LEAVES + DISABLED:
                person.gone = True
            if person.full_until < day and draw.random() < FILLS:
                person.full_until = day + (10**6 if draw.random() < NEVER_EMPTIED else draw.randrange(2, 14))
        for domain in self.domains:
            if draw.random() < DOMAIN_LAPSES and domain not in self.lapsed:
                self.lapsed[domain] = day + (10**6 if draw.random() < 0.6 else draw.randrange(2, 20))
            if domain.startswith("tenant") and draw.random() < MIGRATES:
                self.migrating[domain] = day + draw.randrange(1, 6)

    def deliverable(self, person: Person, day: int) -> bool:
        """Whether this person is there to be mailed, whatever the receiver says today."""
        return not person.gone and self.lapsed.get(person.domain, -1) < day

    def answer(self, person: Person, day: int) -> Answer:
        """What the receiver says to a mail today."""
        draw = self.noise
        hour = 8 + draw.random() * 4
        _, mx, unknown = RECEIVERS[person.receiver]
        reply = ""
        outage = self.outages.get(person.receiver) == day and 9 <= hour <= 11
        if self.lapsed.get(person.domain, -1) >= day:
            reply = "Host or domain name not found. Name service error for name={domain} type=AAAA: Host not found"
        elif person.gone or (outage and draw.random() < 0.6) or self.migrating.get(person.domain, -1) >= day:
            reply = unknown
        elif person.full_until >= day:
            reply = "552 5.2.2 Mailbox full"
        elif person.receiver == "hotmail" and self.blocked <= day <= self.blocked + 1:
            reply = "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140)."
        elif self.unsigned == day and person.receiver in ("gmail", "yahoo") and hour < 10:
            reply = "550 5.7.26 Unauthenticated email from sender.example is not accepted due to domain's DMARC policy. {id} - gsmtp"
        elif self.refused_campaign == day and draw.random() < 0.5:
            reply = "554 5.7.1 Message rejected as spam by content filter"
        filled = {
            "to": person.address,
            "domain": person.domain,
            "id": f"{draw.randrange(16**9):x}",
            "n": draw.randrange(9999),
        }
        return Answer(hour, reply.format(**filled), mx.format(**filled))
