"""bouncewise in a world where sources mislead: what it reads of a day is not what happened.

Some domains are behind a smart host that accepts and bounces later by mail; some people forward
their mail, and the notice names the other address; failures are reported by several sources; a
thousandth of the mail is answered by forged notices and complaints; our own resolver fails on two
mornings; the log states no year, and New Year is in the middle; people complain. Everything is read
from files, as an operator would have them.
"""

from __future__ import annotations

import json
import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bouncewise.classifier.classify import default_classifier
from bouncewise.config.settings import Own, Settings
from bouncewise.operations.context import Context

from .policies import Bouncewise, fate
from .world import Answer, Person, World

FORWARDS = 0.02  # people whose mail is forwarded
BEHIND = 0.2  # small domains that are reached by a smart host
FORGED = 0.001  # forged notices and complaints per mail
COMPLAINS = 0.0005  # complaints per delivered mail
REPEATED = 0.1  # failures that a notice and an event report, too
RESOLVER_HOUR = 11.0  # until which our resolver fails on a bad morning
SMART_HOST = "smtp.provider.example"
NO_NAME = "Host or domain name not found. Name service error for name={} type=MX: Host not found"


class Troubled(Bouncewise):
    """bouncewise, with sources that mislead."""

    name = "bouncewise, misled"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.draw = draw = random.Random(world.days)  # noqa: S311
        self.start = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(days=world.days // 2)
        people = world.people
        self.forwards = {
            p.address: f"{p.address.partition('@')[0]}@elsewhere{i % 9}.example"
            for i, p in enumerate(people)
            if draw.random() < FORWARDS
        }
        small = sorted({p.domain for p in people if p.receiver == "small"})
        self.behind = {domain for domain in small if draw.random() < BEHIND}
        self.bad_mornings = set(draw.sample(range(5, world.days), 2))
        self.names = [p.address for p in people]
        self.number = 0
        settings = Settings(own=Own(domains=("s.example",), smart_hosts=(SMART_HOST,)))
        self.context = Context(self.ledger, self.policy, default_classifier(), settings)

    def learn(self, day: int, answers: dict[Person, Answer]) -> None:
        """Write what the sources of a day say, and ingest it."""
        folder = self.home / f"day{day}"
        folder.mkdir()
        log: list[tuple[datetime, str]] = []
        for person, answer in answers.items():
            at = self.start + timedelta(days=day, hours=answer.hour)
            log += self.mail(folder, at.replace(microsecond=0), person, answer, day)
        file = folder / "mail.log"
        file.write_text("".join(line for _, line in sorted(log)), "utf-8")
        end = (self.start + timedelta(days=day, hours=20)).timestamp()
        for path in folder.iterdir():
            os.utime(path, (end, end))
        self.read(self.context, file, folder)
        for path in folder.iterdir():
            path.unlink()

    def mail(
        self, folder: Path, at: datetime, person: Person, answer: Answer, day: int
    ) -> list[tuple[datetime, str]]:
        """The lines about one mail; notices and events about it go into *folder*."""
        self.number += 1
        queue, to = f"4{self.number:09X}", person.address
        reply = answer.reply
        if day in self.bad_mornings and answer.hour < RESOLVER_HOUR and self.draw.random() < 0.9:
            reply, answer = NO_NAME.format(person.domain), Answer(answer.hour, "", "")
        by_notice = reply and answer.mx and (person.domain in self.behind or to in self.forwards)
        if self.draw.random() < FORGED:
            self.forge(folder, at)
        if by_notice:
            self.notice(folder, at, to, queue, reply)
        elif reply and self.draw.random() < REPEATED and answer.mx:
            self.notice(folder, at, to, queue, reply)
            self.event(folder, at, to, queue, reply)
        if not reply and self.draw.random() < COMPLAINS:
            self.complain(folder, at + timedelta(hours=1), to)
        host = SMART_HOST if person.domain in self.behind else answer.mx
        if host == SMART_HOST:
            relay = f"{host}[203.0.113.7]:587"
        else:
            relay = f"{host}[192.0.2.9]:25" if host else "none"
        logged = fate("" if by_notice else reply, host if answer.mx else "")
        stamp = f"{at:%b} {at.day:2} {at:%H:%M:%S}"
        return [
            (at, f"{stamp} out postfix/cleanup[1]: {queue}: message-id=<{queue}@s.example>\n"),
            (
                at,
                f"{stamp} out postfix/smtp[7]: {queue}: to=<{to}>, relay={relay}, delay=1, "
                f"{logged}\n",
            ),
        ]

    def notice(
        self, folder: Path, at: datetime, to: str, queue: str, reply: str, forged: bool = False
    ) -> None:
        """A notice by mail; of forwarded mail it names the other address."""
        final = to if forged else self.forwards.get(to, to)
        date = f"{at + timedelta(minutes=20):%a, %d %b %Y %H:%M:%S} +0000"
        original = f"Original-Recipient: rfc822; {to}\n" if final != to else ""
        host = final.partition("@")[2]
        (folder / f"{queue}.eml").write_text(
            f"Return-Path: <>\nReceived: from mx.{host} by mx.s.example with ESMTP; {date}\n"
            f"From: MAILER-DAEMON@mx.{host}\nTo: news@s.example\nDate: {date}\n"
            "Subject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
            f"--b\nContent-Type: text/plain\n\n<{final}>: {reply}\n\n"
            f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.{host}\n\n"
            f"{original}Final-Recipient: rfc822; {final}\nAction: failed\nStatus: 5.0.0\n"
            f"Diagnostic-Code: smtp; {reply}\n\n--b\nContent-Type: text/rfc822-headers\n\n"
            f"From: news@s.example\nTo: {to}\nDate: {at:%a, %d %b %Y %H:%M:%S} +0000\n"
            f"Message-ID: <{queue}@s.example>\n\n--b--\n",
            "utf-8",
        )

    def event(self, folder: Path, at: datetime, to: str, queue: str, reply: str) -> None:
        """The same failure as an event of an ESP."""
        event = {
            "event": "bounce",
            "email": to,
            "timestamp": int(at.timestamp()),
            "smtp-id": f"<{queue}@s.example>",
            "reason": reply,
            "type": "bounce",
            "sg_event_id": queue,
        }
        (folder / f"{queue}.json").write_text(json.dumps([event]))

    def complain(self, folder: Path, at: datetime, to: str) -> None:
        """A complaint, as an event of an ESP: from then on nothing may be mailed."""
        event = {"event": "spamreport", "email": to, "timestamp": int(at.timestamp())}
        (folder / f"complaint{self.number}.json").write_text(json.dumps([event]))
        self.wishes.add(to)

    def forge(self, folder: Path, at: datetime) -> None:
        """A notice about mail that nobody sent."""
        victim = self.draw.choice(self.names)
        words = self.draw.choice(["550 5.1.1 User unknown", "550 5.1.1 No such user here"])
        self.notice(folder, at, victim, f"forged{self.number}", words, forged=True)
