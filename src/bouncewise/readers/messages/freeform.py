"""Bounces without delivery-status fields: Exim, qmail, Sendmail, Exchange, Gmail, Yahoo, gateways and all who copied them.

Reads: the part of the text that is addressed to people. Mail systems write it in few ways, whatever their language:
an address alone on its line, ``<address>: reason``, ``address... reason``, an SMTP transcript, or a sentence that
names the address. Gives: a report per failed recipient with the reason that stands nearest. Refuses: a message that is
no bounce by its sender, header or words; an address that is only the sender's.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bouncewise.model import Kind, Reply, Report, Source, Stage
from bouncewise.readers.messages.parsed import Letter
from bouncewise.readers.messages.wording import says
from bouncewise.rfc import address
from bouncewise.rfc.reply import parse
from bouncewise.text.frames import announces
from bouncewise.text.mask import MAX_REPLY, mask

MAX_LINES = 3000
MAX_LINE = 2000

_A = r"<?[^\s<>]{1,250}@[^\s<>]{1,250}?>?"
# An address that opens its line: bare or ruled off by bullets, after a reply code or a label; behind the separator the reason.
_ENTRY = re.compile(
    rf"^[\s*>|•·-]*(?:(?:(?:to|recipient|address|rcpt to|宛先)\s*[:：]|(?:smtp|SMTP)[ :])\s*)?"
    rf"(?P<code>\d{{3}}[ -](?:\d\.\d+\.\d+ )?)?(?P<address>{_A})"
    r"(?:<mailto:[^>]*>|[ \t]*\((?:expanded from|reason|ultimately|generated|for|alias)[^)]*\)?|[ \t]*<[^<>\s]+@[^<>\s]+>)?"
    r"[ \t]*(?:(?P<separator>\.\.\.|[:;,\[(|]|--?[ \t]|=>|\bon (?:[A-Z][a-z]{2},|\d)|$)(?P<reason>.*)|$)"
)
_COMMAND = re.compile(r"(?:>>>|\bIn:|\bSent <<<)\s*RCPT\s+TO:", re.I)
_ANSWER = re.compile(r"^[\s>]*(?:<<<|Out:|Received >>>)\s*(?P<reason>[45]\d\d[ -].*)")
_OTHER_MATTER = re.compile(
    r"^\d{3}[ -]\S{1,250} (?:\(\w+\))?\.\.\. |^(?:\.\.\. )?while talking to |^\s*(?:In|Out): ", re.I
)
_TALKING = re.compile(r"(?:\.\.\. )?while talking to ", re.I)
_FIELD = re.compile(
    r"^(?:[Rr]eporting-[Mm][Tt][Aa]|(?:[Oo]riginal|[Ff]inal)-[Rr]ecipient)[ \t]*:", re.M
)
_NOT_FAILED = re.compile(
    r"(?:sent by|sent from|message from|sender|from|reply[- ]to|return-path|contact|help|assistance|reply to|write to|"
    r"von|de|da|van)\W*:?\s*$",
    re.I,
)

_SUMMARY = re.compile(r"[45]\d\d[ -].{1,300}?\.\.\. ")
_CODE = re.compile(r"[45]\d\d[ \-:]")
_CODED = re.compile(r"(?:^|said:?|returned:?|was:?|response:?|:|[\s'\"(\[])\s*[45]\d\d[ \-:]")
_LEAD = re.compile(
    r"(?:unable to deliver|deliver\w*|undeliverable|fail(?:ed)?|unknown|not found|rejected|returned|not a member|"
    r"address(?:es)?|recipients?(?:\(s\))?|users?|mailbox|account|to)\b",
    re.I,
)


def read(letter: Letter, source: Source) -> list[Report] | None:
    """The reports of a bounce written for people; None where the message is none."""
    if not _is_bounce(letter):
        return None
    reasons = Reasons(letter)
    kind = _kind(letter)
    reports = []
    for recipient in reasons.recipients():
        text = reasons.of(recipient)
        parts = parse(text)
        reports.append(
            Report(
                source=source,
                kind=kind,
                recipient=recipient,
                at=letter.at,
                message_id=letter.original_id,
                sender=letter.original_sender,
                reply=Reply(parts.reply_code, parts.status, text) if text else None,
                stage=Stage(parts.stage) if parts.stage else None,
            )
        )
    return reports or None


def _is_bounce(letter: Letter) -> bool:
    report = (
        "delivery-status" in letter.message.get("content-type").casefold()
        or letter.status_text != ""
    )
    told = letter.message.get("x-failed-recipients") != "" or report
    return told or (letter.from_mailer and says(letter.spoken, "failed"))


def _kind(letter: Letter) -> Kind:
    return (
        Kind.DELAYED
        if says(letter.spoken, "delayed") and not says(letter.spoken, "final")
        else Kind.FAILED
    )


_Entry = Callable[[str, str], tuple[list[str], str] | None]
"""Whom a line names, given the line before it, and the reason that it gives; None where it names nobody."""


class Reasons:
    """Who failed, and in which words, as the text of a letter tells it."""

    def __init__(self, letter: Letter) -> None:
        self.letter = letter
        self._own: dict[str, list[str]] = {}
        self._names: dict[str, str] = {}
        self._rest: list[str] = []
        self._answers: list[str] = []
        self._current: list[str] | None = None
        self._answered: list[str] | None = None
        text = letter.text
        if not letter.status_text and (field := _FIELD.search(text)) is not None:
            text = text[
                : field.start()
            ]  # fields for machines that stand in the text, which ``dsn`` reads
        lines = [line[:MAX_LINE].rstrip() for line in text.split("\n")[:MAX_LINES]]
        self._scan(lines, self._entry)
        if not self._names:
            self._rest.clear()
            self._scan(lines, self._sentence)

    def recipients(self) -> list[str]:
        """The failed recipients, in order: by the header that names them, else by the text, else by the original."""
        header = [
            a
            for _, _, a in address.find(
                ",".join(self.letter.message.each("x-failed-recipients"))[:65536]
            )
        ]
        if header:
            return list({address.normalise(a): a for a in header}.values())
        return list(self._names.values()) or self._in_subject() or self._in_original()

    def of(self, recipient: str) -> str:
        """The reason nearest to *recipient*, else the one that the text gives for all; '' where there is none."""
        own = " ".join(" ".join(self._own.get(address.normalise(recipient), [])).split())
        coded = next((i for i, line in enumerate(self._rest) if _coded(line)), None)
        alone = len(self._names) < 2 and coded is not None
        if len(own) > 3 and (not alone or _coded(own)):
            return own[:MAX_REPLY]
        return " ".join(" ".join(self._rest[coded or 0 :]).split())[:MAX_REPLY]

    def _scan(self, lines: list[str], entry: _Entry) -> None:
        self._current = self._answered = None
        before = ""
        for line in lines:
            if line:
                self._take(line, before, entry)
                before = line
            else:
                self._pause(before)
        self._rest += self._answers

    def _take(self, line: str, before: str, entry: _Entry) -> None:
        if (m := _ANSWER.match(line)) is not None:
            (self._answers if self._current is None else self._current).append(m["reason"])
            self._answered = self._current
            return
        found = entry(line, before)
        if (found is None or found[1]) and before.endswith(":") and announces(mask(before)):
            self._say(line)  # a reply, whatever address it names
        elif found is not None:
            self._name(*found)
        elif _OTHER_MATTER.match(line):
            self._pause(before)
            if _TALKING.match(
                line
            ):  # what another host answered concerns nobody who is named from here on
                self._rest += self._answers
                self._answers.clear()
        else:
            self._say(line)

    def _say(self, line: str) -> None:
        (self._rest if self._current is None else self._current).append(line)

    def _pause(self, before: str) -> None:
        """What ends a reason, but not before it began where the entry promised one with a colon."""
        if self._current or not before.endswith(":"):
            self._current = None

    def _name(self, names: list[str], reason: str) -> None:
        """*names* failed, for *reason* and what was answered before."""
        for name in names:
            key = address.normalise(name)
            self._current = self._own.setdefault(key, [])
            self._names.setdefault(key, name)
            # Behind an answer, "550 5.1.1 <x>... User unknown" is what the reporter makes of it.
            summary = (self._answers or self._current is self._answered) and _SUMMARY.match(reason)
            self._current += (
                self._answers if summary else [*self._answers, reason] if reason else []
            )
        self._answers.clear()

    def _entry(self, line: str, before: str) -> tuple[list[str], str] | None:
        """An address that stands at the head of its line, and the reason behind it."""
        if "@" not in line:
            return None
        if "RCPT" in line.upper() and (command := _COMMAND.search(line)) is not None:
            asked = address.first(line[command.end() :])
            return ([asked], "") if asked else None
        m = _ENTRY.match(line)
        found = address.first(m["address"]) if m else None
        if m is None or found is None or "." not in found.rpartition("@")[2]:
            return None
        bare = not m["separator"]
        if bare and (address.normalise(found) in self.letter.ours or _NOT_FAILED.search(before)):
            return None
        return [found], line[m.start("code") :].strip() if m["code"] else (
            m["reason"] or ""
        ).strip()

    def _sentence(self, line: str, _before: str) -> tuple[list[str], str] | None:
        """The addresses after words of failure in the same line."""
        names: list[str] = []
        for start, _, name in address.find(line):
            ahead = line[max(0, start - 120) : start]
            told = _LEAD.search(ahead) and not _NOT_FAILED.search(ahead)
            if address.normalise(name) not in self.letter.ours and (told or names):
                names.append(name)
        return (names, line) if names else None

    def _in_subject(self) -> list[str]:
        return [
            a
            for _, _, a in address.find(self.letter.subject)
            if address.normalise(a) not in self.letter.ours
        ]

    def _in_original(self) -> list[str]:
        """The only recipient of the returned message, where the text names nobody and what came back is no bounce itself."""
        only = self.letter.original_recipients if self.letter.inner is None else []
        return only if len(only) == 1 else []


def _coded(text: str) -> bool:
    """Whether a reply code stands where one may: most lines hold no such number at all, which is quick to see."""
    return _CODE.search(text) is not None and _CODED.search(text) is not None
