"""Bounces without delivery-status fields: Exim, qmail, Sendmail, Exchange, Gmail, Yahoo, gateways
and others.

Reads: the human-readable text. Whatever their language, mail systems name a failed recipient in few
ways: an address alone on its line, ``<address>: reason``, ``address... reason``, an SMTP
transcript, or a sentence that contains the address. Gives: a report per failed recipient with the
reason nearest to it. Refuses: a message that is no bounce by its sender, header or words; the
notice's own sender and recipients.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from bouncewise.lazy import lazy_property
from bouncewise.model import Kind, Report, Source
from bouncewise.readers.base import ReplyWithStage, reply_with_stage
from bouncewise.readers.messages import candidates
from bouncewise.readers.messages.gate import is_bounce
from bouncewise.readers.messages.parsed import ParsedMessage
from bouncewise.readers.messages.wording import alternatives, contains
from bouncewise.rfc import address
from bouncewise.text.frames import announces_reply
from bouncewise.text.mask import MAX_REPLY, mask

MAX_LINES = 3000
"""Lines of the text that are read."""

MAX_LINE = 2000
"""Characters of one line that are read."""

_ADDRESS = r"<?[^\s<>]{1,250}@[^\s<>]{1,250}?>?"
# An address at the beginning of its line: bare or behind a bullet, after a reply code or a label.
# The reason follows the separator.
_ENTRY = re.compile(
    r"^[\s*>|•·-]*(?:\d{1,3}[.)]\s+)?"
    rf"(?:(?:{alternatives('recipient_label')}\s*[:：]|(?:smtp|SMTP)[ :])\s*)?"
    rf"(?P<code>\d{{3}}[ -](?:\d\.\d+\.\d+ )?)?(?P<address>{_ADDRESS})"
    r"(?:<mailto:[^>]*>"
    r"|[ \t]*\((?:expanded from|reason|ultimately|generated|for|alias)[^)]*\)?"
    r"|[ \t]*<[^<>\s]+@[^<>\s]+>)?"
    r"[ \t]*"
    r"(?:(?P<separator>\.\.\.|[:;,\[(|]|--?[ \t]|=>|\bon (?:[A-Z][a-z]{2},|\d)|$)(?P<reason>.*)|$)"
)
# Exim "(generated from a@b)", Postfix "(expanded from <a@b>)".
_FROM = r"\b(?:generated|expanded|forwarded|redirected) from:?"
_PARENT_WORDS = re.compile(rf"{_FROM}\W{{0,3}}$", re.I)
_PARENT = re.compile(rf"(?:^\s*)?\(?{_FROM} <?([^\s<>()]{{1,250}}@[^\s<>()]{{1,250}})", re.I)
_ASSIGNMENT = re.compile(r"[A-Z][A-Z_]+=")
# Lines of an SMTP transcript.
_RCPT_COMMAND = re.compile(r"(?:>>>|\bIn:|\bSent <<<)\s*RCPT\s+TO:", re.I)
_SERVER_REPLY = re.compile(r"^[\s>]*(?:<<<|Out:|Received >>>)\s*(?P<reason>[45]\d\d[ -].*)")
_NEXT_HOST = re.compile(r"(?:\.\.\. )?while talking to ", re.I)
_TRANSCRIPT_LINE = re.compile(
    r"^\d{3}[ -]\S{1,250} (?:\(\w+\))?\.\.\. |^(?:\.\.\. )?while talking to |^\s*(?:In|Out): ", re.I
)
# How Sendmail summarises a reply that it has quoted before: "550 5.1.1 <x>... User unknown".
_SUMMARY = re.compile(r"[45]\d\d[ -].{1,300}?\.\.\. ")
# An address in brackets that was broken where a line was full.
_BROKEN_ADDRESS = re.compile(r"<([^\s<>@]{1,64}@[^\s<>@]{0,250})\n[ \t]{1,40}([^\s<>@]{1,250})>")
_STATUS_FIELD = re.compile(
    r"^(?:[Rr]eporting-[Mm][Tt][Aa]|(?:[Oo]riginal|[Ff]inal)-[Rr]ecipient)[ \t]*:", re.M
)
_OTHER_ADDRESS = re.compile(rf"{alternatives('other_address')}\W*:?\s*$", re.I)
_BETWEEN_NAMES = re.compile(r"[^\w@]*(?:and|or|und|oder|et|ou|y|e|en)?[^\w@]*", re.I)
_FAILURE = re.compile(rf"{alternatives('failure')}\b", re.I)
# "ERROR_CODE :550, …" is a code in place, too.
_CODE = re.compile(r"[45]\d\d[ \-:,;]")
_CODE_IN_PLACE = re.compile(
    r"\b(?i:error|status|reply|reason)[ _-]?(?i:code)\W{1,4}[45]\d\d[,;]"
    r"|(?:^|said:?|returned:?|was:?|response:?|:|[\s'\"(\[])\s*[45]\d\d[ \-:]"
)


def read(message: ParsedMessage, source: Source) -> list[Report] | None:
    """The reports of a bounce in free form; None if *message* is not one."""
    if not is_bounce(message):
        return None
    reasons = Reasons(message)
    kind = _kind(message)
    reports = []
    parsed: dict[str, ReplyWithStage] = {}  # many recipients may have the same reason
    for recipient in reasons.recipients():
        text = reasons.reason_for(recipient)
        if text not in parsed:
            parsed[text] = reply_with_stage(text)
        reply, stage = parsed[text]
        name, parent = reasons.names(recipient)
        reports.append(
            Report(
                source=source,
                kind=kind,
                recipient=name,
                original_recipient=parent,
                at=message.at,
                message_id=message.original_message_id,
                sender=message.original_sender,
                reply=reply if text else None,
                stage=stage,
            )
        )
    return reports or None


def _kind(message: ParsedMessage) -> Kind:
    text = message.normalised_text
    is_delayed = contains(text, "delayed") and not contains(text, "final")
    return Kind.DELAYED if is_delayed else Kind.FAILED


class Entry(NamedTuple):
    """The recipients that a line names, and the reason that it states; '' if it states none."""

    recipients: list[str]
    reason: str


class Reasons:
    """The failed recipients that the text of a message names, and the reasons that it states.

    Lines are assigned to the recipient named last, until a blank line ends the reason. Lines and
    transcript replies before any recipient are general: they apply to a recipient without a reason
    of its own.
    """

    def __init__(self, message: ParsedMessage) -> None:
        self._message = message
        self._reason_lines: dict[str, list[str]] = {}  # by normalised address
        self._recipients: dict[str, str] = {}  # normalised address: address as written
        self._general: list[str] = []
        self._parents: dict[str, str] = {}  # by normalised address: who was mailed, of an alias
        self._replies: list[str] = []  # of the transcript, for the recipient that is named next
        self._current: list[str] | None = None  # the reason that following lines belong to
        self._answered: list[str] | None = None  # the reason that the last transcript reply went to
        text = message.text
        if not message.status_text and (field := _STATUS_FIELD.search(text)) is not None:
            text = text[: field.start()]  # delivery-status fields in the text, which ``dsn`` reads
        text = _BROKEN_ADDRESS.sub(r"<\1\2>", text)
        lines = [line[:MAX_LINE].rstrip() for line in text.split("\n")[:MAX_LINES]]
        self._scan(lines, self._line_entry)
        if not self._recipients:
            self._general.clear()
            self._scan(lines, self._sentence_entry)

    def recipients(self) -> list[str]:
        """The recipients by X-Failed-Recipients, else by the text, else by all other evidence."""
        header = ",".join(self._message.header.get_all("x-failed-recipients"))[:65536]
        if in_header := {address.normalise(a): a for _, _, a in address.find(header)}:
            return list(in_header.values())
        return list(self._recipients.values()) or candidates.best(self._message)

    def names(self, recipient: str) -> tuple[str, str | None]:
        """The name of *recipient* for a report, and that of the alias which was mailed, or None.

        The alias replaces a name to which no mail can be sent from outside.
        """
        parent = self._parents.get(address.normalise(recipient))
        if parent is not None and not candidates.has_real_domain(recipient):
            return parent, None
        return recipient, parent

    def reason_for(self, recipient: str) -> str:
        """The reason nearest to *recipient*, else the general one; '' if the text states none."""
        lines = self._reason_lines.get(address.normalise(recipient), [])
        own = " ".join(" ".join(lines).split())[:MAX_REPLY]
        # A general reply of the only recipient says more than words of its own without a code.
        prefer_general = len(self._recipients) < 2 and self._first_coded is not None
        if len(own) > 3 and (not prefer_general or _has_code(own)):
            return own
        if self._first_coded is None and recipient.casefold() in self._message.subject.casefold():
            return " ".join((self._message.subject, self._general_reason))[:MAX_REPLY].strip()
        return self._general_reason

    @lazy_property
    def _first_coded(self) -> int | None:
        """The first general line with a reply code."""
        return next((i for i, line in enumerate(self._general) if _has_code(line)), None)

    @lazy_property
    def _general_reason(self) -> str:
        return " ".join(" ".join(self._general[self._first_coded or 0 :]).split())[:MAX_REPLY]

    def _scan(self, lines: list[str], entry_of: Callable[[str, str], Entry | None]) -> None:
        """Assign *lines* to recipients; *entry_of* finds a line's entry, given the line before."""
        self._current = self._answered = None
        previous = ""
        for line in lines:
            if line:
                self._read_line(line, previous, entry_of(line, previous))
                previous = line
            else:
                self._end_reason(previous)
        self._general += self._replies

    def _read_line(self, line: str, previous: str, entry: Entry | None) -> None:
        if "from" in line and (parent := _PARENT.search(line)) is not None:
            if entry is None and parent.start() == 0:
                self._add_parent(parent[1])
                return
            if entry is not None:
                self._add_entry(entry)
                self._add_parent(parent[1])
                return
        if (m := _SERVER_REPLY.match(line)) is not None:
            (self._replies if self._current is None else self._current).append(m["reason"])
            self._answered = self._current
        elif (
            (entry is None or entry.reason)
            and previous.endswith(":")
            and announces_reply(mask(previous))
        ):
            self._add_line(line)  # the announced reply; an address in it is no entry
        elif entry is not None:
            self._add_entry(entry)
        elif _TRANSCRIPT_LINE.match(line):
            self._end_reason(previous)
            if _NEXT_HOST.match(line):
                # Replies of the previous host do not concern the recipients named from here on.
                self._general += self._replies
                self._replies.clear()
        else:
            self._add_line(line)

    def _add_parent(self, parent: str) -> None:
        """Record that the recipient named last was mailed by the name *parent*."""
        child = next(reversed(self._reason_lines), None)
        if (
            self._current is None
            and address.normalise(parent) not in self._message.notice_addresses
        ):
            self._add_entry(Entry([parent], ""))  # of a program or a file
        elif child is not None and self._current is self._reason_lines[child]:
            self._parents.setdefault(child, parent)
            self._reason_lines.setdefault(address.normalise(parent), self._current)
            self._reason_lines[child] = self._reason_lines.pop(child)  # stays the last

    def _add_line(self, line: str) -> None:
        (self._general if self._current is None else self._current).append(line)

    def _end_reason(self, previous: str) -> None:
        """End the current reason, unless it is empty and *previous* announced it by a colon."""
        if self._current or not previous.endswith(":"):
            self._current = None

    def _add_entry(self, entry: Entry) -> None:
        """Record the recipients of *entry* with its reason and the replies before it."""
        for name in entry.recipients:
            key = address.normalise(name)
            self._current = self._reason_lines.setdefault(key, [])
            self._recipients.setdefault(key, name)
            is_answered = self._replies or self._current is self._answered
            if is_answered and _SUMMARY.match(entry.reason):
                self._current += self._replies
            elif entry.reason:
                self._current += [*self._replies, entry.reason]
        self._replies.clear()

    def _line_entry(self, line: str, previous: str) -> Entry | None:
        """The address at the beginning of *line*, and the reason behind it."""
        if "@" not in line:
            return None
        if "RCPT" in line.upper() and (command := _RCPT_COMMAND.search(line)) is not None:
            recipient = address.first(line[command.end() :])
            return Entry([recipient], "") if recipient else None
        m = _ENTRY.match(line)
        if m is not None and _ASSIGNMENT.match(m["address"]):
            return None  # of the environment of a program, in its output
        found = address.first(m["address"]) if m else None
        if m is None or found is None or "." not in found.rpartition("@")[2]:
            return None
        if m["separator"] in (None, "", ",") and (
            address.normalise(found) in self._message.notice_addresses
            or _OTHER_ADDRESS.search(previous)
        ):
            return None
        reason = line[m.start("code") :] if m["code"] else m["reason"] or ""
        return Entry([found], reason.strip())

    def _sentence_entry(self, line: str, _previous: str) -> Entry | None:
        """The addresses that follow words of failure in *line*."""
        names: list[str] = []
        after = 0
        for start, end, name in address.find(line):
            before = line[max(after, start - 120) : start]
            if names:
                before = before.rpartition(". ")[2]  # help is offered in another sentence
            is_failed = _FAILURE.search(before) and not _OTHER_ADDRESS.search(before)
            is_listed = names and _BETWEEN_NAMES.fullmatch(before)
            is_own = address.normalise(name) in self._message.notice_addresses
            if not is_own and not _PARENT_WORDS.search(before) and (is_failed or is_listed):
                names.append(name)
            after = end
        return Entry(names, line) if names else None


def _has_code(text: str) -> bool:
    """Whether a reply code stands where one may stand. The first test is fast and usually fails."""
    return _CODE.search(text) is not None and _CODE_IN_PLACE.search(text) is not None
