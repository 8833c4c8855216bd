"""The world: people, receivers, and what happens to them; every rate a constant with its reason.
All from one seed.

On each day the policy chooses whom to mail; ``answer`` gives the receiver's answer to each mail, in
the words of real receivers. Each seed draws its own rates, from half to twice those below.
"""

from __future__ import annotations

import random
from typing import NamedTuple

# Chances per person and day, or per domain and day.
LEAVES = (
    0.0006  # about a fifth of a business list a year, the figure that list brokers and ESPs report
)
FILLS = 0.0004  # a box fills; most are emptied within a fortnight
NEVER_EMPTIED = 0.2
DISABLED = 0.0001  # a provider switches an unused account off
LAPSES = 0.0002  # a small domain is not paid for; two in five come back
MIGRATES = 0.001  # a Microsoft 365 tenant moves and its directory lags behind
DOWN = 0.002  # a small host does not answer for a day
# Of the small hosts: refuse the first mail of a new sender with a 5xx, and accept it another day.
GREY = 0.1
OLD = 0.01  # of the list: nobody there any more when it is imported


class Receiver(NamedTuple):
    """The share of the list, the name of the MX, and the replies for an unknown and for a disabled
    mailbox.
    """

    share: float
    mx: str
    unknown: str
    disabled: str


GOOGLE = (
    "550-5.1.1 The email account that you tried to reach does not exist. Please try 550-5.1.1 "
    "double-checking the recipient's "
    "email address for typos or 550-5.1.1 unnecessary spaces. For more information, go to 550 "
    "5.1.1 "
    "https://support.google.com/mail/?p=NoSuchUser {id}si{n}wrb.{n} - gsmtp",
    "550-5.2.1 The email account that you tried to reach is inactive. For more 550-5.2.1 "
    "information, go to 550 5.2.1 "
    "https://support.google.com/mail/?p=DisabledUser {id}si{n}wrb.{n} - gsmtp",
)
RECEIVERS = {
    "gmail": Receiver(0.32, "gmail-smtp-in.l.google.com", *GOOGLE),
    "workspace": Receiver(0.08, "aspmx.l.google.com", *GOOGLE),
    "hotmail": Receiver(
        0.13,
        "hotmail-com.olc.protection.outlook.com",
        (
            "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302). "
            "[{id}.eurprd01.prod.outlook.com]"
        ),
        (
            "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302). "
            "[{id}.eurprd01.prod.outlook.com]"
        ),
    ),
    "yahoo": Receiver(
        0.09,
        "mta5.am0.yahoodns.net",
        "552 1 Requested mail action aborted, mailbox not found",
        (
            "554 30 Sorry, your message to {to} cannot be delivered. This mailbox is disabled "
            "(554.30)."
        ),
    ),
    "icloud": Receiver(
        0.05,
        "mx01.mail.icloud.com",
        "550 5.1.1 <{to}>: user lookup success but no user record found",
        "550 5.1.1 <{to}>: inactive email address",
    ),
    "tenant": Receiver(
        0.17,
        "{domain}.mail.protection.outlook.com",
        (
            "550 5.4.1 Recipient address rejected: Access denied. For more information see "
            "https://aka.ms/EXOSmtpErrors [{id}.eop.prod.protection.outlook.com]"
        ),
        (
            "550 5.4.1 Recipient address rejected: Access denied. For more information see "
            "https://aka.ms/EXOSmtpErrors [{id}.eop.prod.protection.outlook.com]"
        ),
    ),
    "small": Receiver(
        0.16,
        "mx.{domain}",
        "550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox table",
        "550 5.2.1 <{to}>: mailbox disabled, not accepting messages",
    ),
}
NAMES = {
    "gmail": "gmail.com",
    "hotmail": "hotmail.com",
    "yahoo": "yahoo.com",
    "icloud": "icloud.com",
}
BLOCKED = (
    "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your "
    "Internet service provider since part "
    "of their network is on our block list (S3140). [{id}.eurprd01.prod.outlook.com]"
)
LISTED = (
    "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; "
    "https://www.spamhaus.org/query/ip/192.0.2.1"
)
UNSIGNED = (
    "550-5.7.26 Unauthenticated email from sender.example is not accepted due to 550-5.7.26 "
    "domain's DMARC policy. Please "
    "contact the administrator of 550 5.7.26 sender.example domain. {id}si{n}wrb.{n} - gsmtp"
)
SPAM = "554 5.7.1 Message rejected as spam by content filter"
GREYLISTED = "550 5.7.1 <{to}>: Recipient address rejected: Greylisted, please try again later"
NO_DOMAIN = (
    "Host or domain name not found. Name service error for name={domain} type=AAAA: Host not found"
)
UNREACHED = ("Host or domain name not found", "connect to", "Domain {domain} does not accept")
NEVER = 10**6
NO_HOST = "connect to mx.{domain}[192.0.2.7]:25: Connection timed out"


class Answer(NamedTuple):
    """The receiver's answer: delivered, or the reply; and the hour of the day. No ``mx``: nobody
    answered.
    """

    hour: float
    reply: str  # "" where it was delivered
    mx: str


class Person:
    """One address and its truth."""

    def __init__(self, address: str, receiver: str, domain: str) -> None:
        self.address, self.receiver, self.domain = address, receiver, domain
        self.gone = self.disabled = self.met = False
        self.full_until = -1


class World:
    """*size* people for *days* days. ``quiet``: only what happens to single people."""

    name = "usual"

    def __init__(self, size: int, days: int, seed: int, quiet: bool = False) -> None:
        self.draw = draw = random.Random(seed)  # noqa: S311
        self.noise = random.Random(seed + 1)  # noqa: S311  who asks whom must not change what happens
        self.days, self.quiet = days, quiet
        self.rate = {
            name: 2 ** draw.uniform(-1, 1)
            for name in ("leaves", "fills", "disabled", "lapses", "migrates", "down")
        }
        kinds, shares = list(RECEIVERS), [r.share for r in RECEIVERS.values()]
        self.people = []
        for i in range(size):
            kind = draw.choices(kinds, shares)[0]
            domain = (
                NAMES.get(kind)
                or f"{kind}{int(draw.paretovariate(1.1)) + draw.randrange(size // 40)}.example"
            )
            self.people.append(Person(f"u{i}@{domain}", kind, domain))
            self.people[-1].gone = draw.random() < OLD
        self.domains = sorted({p.domain for p in self.people if p.receiver in ("small", "tenant")})
        self.grey = {d for d in self.domains if d.startswith("small") and draw.random() < GREY}
        self.lapsed: dict[str, int] = {}
        self.migrating: dict[str, int] = {}
        self.down: dict[str, int] = {}
        # What befalls a receiver or us: the day, from which hour to which, and how many of those
        # mailed then.
        late = [days + 1] if quiet else list(range(days // 6, days))
        self.outages = {
            r: (draw.choice(late), *span(draw, 2, 7), draw.uniform(0.3, 0.9))
            for r in ("gmail", "icloud")
        }
        self.blocked, self.unsigned, self.refused_campaign, self.listed = (
            draw.choice(late) for _ in range(4)
        )

    def night(self, day: int) -> None:
        """What happens before the mailing of *day*."""
        draw, rate = self.draw, self.rate
        for person in self.people:
            if not person.gone and draw.random() < LEAVES * rate["leaves"]:
                person.gone = True
            elif not person.gone and draw.random() < DISABLED * rate["disabled"]:
                person.gone = person.disabled = True
            if person.full_until < day and draw.random() < FILLS * rate["fills"]:
                person.full_until = day + (
                    NEVER if draw.random() < NEVER_EMPTIED else draw.randrange(2, 14)
                )
        for domain in () if self.quiet else self.domains:
            if draw.random() < LAPSES * rate["lapses"] and domain not in self.lapsed:
                self.lapsed[domain] = day + (
                    NEVER if draw.random() < 0.6 else draw.randrange(2, 20)
                )
            if domain.startswith("tenant") and draw.random() < MIGRATES * rate["migrates"]:
                self.migrating[domain] = day + draw.randrange(1, 6)
            if domain.startswith("small") and draw.random() < DOWN * rate["down"]:
                self.down[domain] = day

    def deliverable(self, person: Person, day: int) -> bool:
        """Whether this mailbox exists, whatever the receiver answers today."""
        return self.back(person, day) <= day

    def back(self, person: Person, day: int) -> int:
        """The first day, from *day* on, on which this mailbox exists, as far as is certain then."""
        return NEVER if person.gone else max(day, self.lapsed.get(person.domain, -1) + 1)

    def resolves(self, domain: str, day: int) -> bool:
        """Whether DNS knows a mail server for a domain."""
        return self.lapsed.get(domain, -1) < day

    def answer(self, person: Person, day: int) -> Answer:
        """The receiver's answer to a mail today."""
        noise = self.noise
        hour = 8 + noise.random() * 8
        reply = self._reply(person, day, hour)
        filled = {
            "to": person.address,
            "domain": person.domain,
            "id": f"{noise.randrange(16**9):x}",
            "n": noise.randrange(9999),
        }
        mx = "" if reply.startswith(UNREACHED) else RECEIVERS[person.receiver].mx.format(**filled)
        return Answer(hour, reply.format(**filled), mx)

    def disabled_words(self, person: Person) -> str:
        """What the person's receiver says of a disabled account."""
        return RECEIVERS[person.receiver].disabled

    def _reply(self, person: Person, day: int, hour: float) -> str:
        words, chance = RECEIVERS[person.receiver], self.noise.random()
        out_on, out_from, out_to, out_share = self.outages.get(person.receiver, (-1, 0.0, 0.0, 0.0))
        first, person.met = not person.met, True
        if self.lapsed.get(person.domain, -1) >= day:
            return NO_DOMAIN
        if self.down.get(person.domain) == day:
            return NO_HOST
        if person.receiver in ("small", "tenant") and self.listed == day and chance < 0.5:
            return LISTED
        if person.receiver == "hotmail" and self.blocked <= day <= self.blocked + 1:
            return BLOCKED
        if person.disabled:
            return self.disabled_words(person)
        out = out_on == day and out_from <= hour <= out_to and chance < out_share
        if person.gone or out or self.migrating.get(person.domain, -1) >= day:
            return words.unknown
        if person.full_until >= day:
            return "552 5.2.2 <{to}>: mailbox full"
        if person.domain in self.grey and first:
            return GREYLISTED
        if (
            self.unsigned == day
            and person.receiver in ("gmail", "workspace", "yahoo")
            and hour < 12
        ):
            return UNSIGNED
        return SPAM if self.refused_campaign == day and chance < 0.5 else ""


def span(draw: random.Random, least: float, most: float) -> tuple[float, float]:
    """A span of *least* to *most* hours within a mailing from 8:00 to 16:00."""
    begun = draw.uniform(8, 14)
    return begun, begun + draw.uniform(least, most)
