"""The reader of last resort: which address of a bounce is that of the failed recipient.

Reads: a bounce in which no usual form names the recipient, or names it without a domain. Gives:
candidates with their evidence, best first: where an address stands in the notice, which words and
labels are beside it, and whether the returned mail or a return address of ours was sent to it.
Refuses: the notice's own sender and recipients, the sender of the returned mail, postmasters and
help desks, addresses of messages, and everything below NEEDED.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from bouncewise.readers.messages.parsed import ParsedMessage
from bouncewise.readers.messages.wording import alternatives, contains, normalised_text
from bouncewise.rfc import address

NEEDED = 4
"""The evidence that a candidate must have."""

BESIDE_FAILURE = "words of failure stand beside it"
"""A reason."""

MAX_CANDIDATES = 200
"""Different addresses that are compared."""

_MAX_LINES = 400
_MAX_LINE = 1000
_MAX_FIELDS = 8

_RECIPIENT_LABEL = re.compile(
    rf"(?:{alternatives('recipient_label')}|rcpt[_ -]?to|mail[_ -]?to|envelope[_ -]to|"
    r"recipients?|destinat\w*|empf\w+nger\w*|adresse?)\W{0,12}$",
    re.I,
)
_OTHER_LABEL = re.compile(
    rf"(?:{alternatives('other_address')}|mail[_ -]?from|reply[_ -]?to|absender|expediteur|"
    r"remitente|mittente|message[_ -]?id|cc|bcc|references|in[_ -]reply[_ -]to)\W{0,12}$",
    re.I,
)
_FAILURE = re.compile(rf"{alternatives('failure')}\b", re.I)
_LINE_START = re.compile(r"^[\s*>|•·<\"'(\[-]*$")
_BEFORE = 80  # characters before an address in which words of failure are looked for
_FOR = re.compile(r"\bfor <?([^\s<>;]{3,320})>?;", re.I)
_ROLE = re.compile(
    r"^(?:postmaster|mailer-daemon|abuse|hostmaster|webmaster|support|help(?:desk)?|info|admin\w*|"
    r"root|no-?reply|do-?not-?reply|security|sysadmin|it-?support|service(?:desk)?)@",
    re.I,
)
_ASSIGNMENT = re.compile(r"^[A-Z][A-Z_]+=")
_REAL_DOMAIN = re.compile(r"\.(?:[^\W\d_]{2,63}|xn--[\w-]{1,59})\Z")
_LOCAL_DOMAIN = re.compile(r"\.(?:local|localdomain|lan|internal|intranet|home|corp|invalid)\Z")
_ENVELOPE_FIELDS = ("to", "x-envelope-to", "x-original-to", "delivered-to", "envelope-to", "cc")
_NOTICE_FIELDS = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to")


class Candidate(NamedTuple):
    """An address, what speaks for it, and why."""

    address: str
    score: int
    reasons: tuple[str, ...]


class _Scores:
    """The evidence of each address; the same evidence counts once."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.evidence: dict[str, dict[str, int]] = {}

    def add(self, name: str, reason: str, weight: int) -> None:
        key = address.normalise(name)
        if key in self.names or len(self.names) < MAX_CANDIDATES:
            self.names.setdefault(key, name)
            self.evidence.setdefault(key, {}).setdefault(reason, weight)


def has_real_domain(name: str) -> bool:
    """Whether mail can be sent to the domain of *name* from anywhere."""
    domain = name.rpartition("@")[2].casefold().rstrip(".")
    return _REAL_DOMAIN.search(domain) is not None and _LOCAL_DOMAIN.search(domain) is None


def candidates(message: ParsedMessage) -> list[Candidate]:
    """The candidates that have enough evidence, best first; of equal ones the first in the text."""
    scores = _Scores()
    for name in return_path_recipients(message):
        scores.add(name, "our return address names it", 6)
    for name in _envelope_recipients(message):
        scores.add(name, "the returned mail was sent to it", 4)
    _score_text(message, scores)
    for _, _, name in islice(address.find(message.subject[:1000]), _MAX_FIELDS):
        scores.add(name, "the Subject names it", 2)
    _score_against(message, scores)
    possible = [key for key, found in scores.evidence.items() if min(found.values()) > 0]
    if len(possible) == 1:
        scores.add(possible[0], "no other address can be meant", 2)
    found = [
        Candidate(name, sum(scores.evidence[key].values()), tuple(scores.evidence[key]))
        for key, name in scores.names.items()
    ]
    return sorted((c for c in found if c.score >= NEEDED), key=lambda c: -c.score)


def best(message: ParsedMessage) -> list[str]:
    """The failed recipients: the best candidates, if several have equal evidence of the same kind;
    [] if none has enough.
    """
    if message.nested is not None:
        return []  # the returned mail is a bounce itself, which is read instead
    found = candidates(message)
    return [c.address for c in found if c.score == found[0].score and c.reasons == found[0].reasons]


def real_name(message: ParsedMessage, name: str | None) -> str | None:
    """The address, with a domain that mail can be sent to, of a recipient whose *name* has none:
    the only one with the same local part, or the only one if *name* is None. None if there is none.
    """
    local = name.rpartition("@")[0].casefold() if name else None
    real = [found for found in best(message) if has_real_domain(found)]
    same = [f for f in real if local is None or f.rpartition("@")[0].casefold() == local]
    return same[0] if len(same) == 1 else None


def return_path_recipients(message: ParsedMessage) -> Iterator[str]:
    """The recipients in variable return addresses (VERP) whose domain mail can be sent to."""
    values = [v for name in _NOTICE_FIELDS for v in islice(message.header.get_all(name), 4)]
    for value in (*values, message.original_field("return-path")):
        for _, _, found in islice(address.find(value[:1024]), _MAX_FIELDS):
            name = address.from_verp(found)
            if name and has_real_domain(name):
                yield name


def _envelope_recipients(message: ParsedMessage) -> list[str]:
    """Recipients of the returned mail: its header, and ``for`` in its Received fields. Many of them
    prove nothing.
    """
    values = ",".join(message.original_field(name) for name in _ENVELOPE_FIELDS)[:8192]
    found = [name for _, _, name in address.find(values)]
    if message.original is not None:
        for received in islice(message.original.get_all("received"), _MAX_FIELDS):
            found += [m[1] for m in islice(_FOR.finditer(received[:2000]), 2) if "@" in m[1]]
    unique = list({address.normalise(name): name for name in found}.values())
    return unique if len(unique) <= 2 else []


def _score_text(message: ParsedMessage, scores: _Scores) -> None:
    previous = ""
    for raw_line in message.text.split("\n")[:_MAX_LINES]:
        line = raw_line[:_MAX_LINE]
        for start, end, name in islice(address.find(line), _MAX_FIELDS):
            before, after = line[:start], line[end:]
            if _ASSIGNMENT.match(name):
                continue
            _score_mention(before, after, previous, name, scores)
        previous = line if line.strip() else previous


def _score_mention(before: str, after: str, previous: str, name: str, scores: _Scores) -> None:
    """What the place of an address in its line says of it."""
    near = before[-_BEFORE:].rstrip("<\"'([ \t")
    if _OTHER_LABEL.search(near):
        scores.add(name, "the notice names it as a sender or a contact", -5)
        return
    if _RECIPIENT_LABEL.search(near):
        scores.add(name, "a label calls it a recipient", 4)
    if _LINE_START.match(before):
        is_alone = not after.strip(" \t>\"')].,;:")
        scores.add(name, "it stands at the beginning of a line", 3 if is_alone else 2)
    words = normalised_text(f"{before[-_BEFORE:]} {after[:_BEFORE]}")
    if _FAILURE.search(near) or contains(words, "failed"):
        scores.add(name, BESIDE_FAILURE, 3)
    elif contains(normalised_text(previous[-200:]), "failed"):
        scores.add(name, BESIDE_FAILURE, 2)


def _score_against(message: ParsedMessage, scores: _Scores) -> None:
    own = message.notice_addresses
    senders = {
        address.normalise(found)
        for field in ("from", "sender", "reply-to", "return-path")
        for _, _, found in islice(address.find(message.original_field(field)[:2048]), 4)
    }
    for key in list(scores.names):
        if key in own:
            scores.add(key, "the notice is from or to it", -20)
        if key in senders:
            scores.add(key, "the returned mail is from it", -8)
        if _ROLE.match(key) and "the returned mail was sent to it" not in scores.evidence[key]:
            scores.add(key, "it is that of a postmaster or help desk", -4)
        if not has_real_domain(key):
            scores.add(key, "its domain is a local name", -2)
