"""What an automatic reply states: the person is away, has left, has another address, or nobody
reads the mailbox.

Reads: Subject, text and time of an automatic reply (RFC 3834), and the phrases of absence.toml, of
which each must stand in one sentence. Gives: an Absence, or None where no sentence states one. Of
several statements the most final counts: left, moved, away, unmonitored. The Subject may quote ours
and shows only that somebody is away. MAX_TEXT characters are read; lines that quote are not.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import datetime
from functools import cache
from typing import NamedTuple

from bouncewise.model.absence import Absence, AbsenceState
from bouncewise.readers.messages.phrases import PhraseSet, absence_words
from bouncewise.readers.messages.return_date import return_date
from bouncewise.rfc import address
from bouncewise.text.words import words

MAX_TEXT = 4000
MAX_SENTENCES = 100
MAX_CONTACTS = 3
MAX_QUOTED = 200
"""Characters of the sentence that an Absence quotes."""

_BEFORE, _AFTER = 240, 60  # characters around an address in which words of contact stand
# A full stop ends a sentence only behind a word of three letters: "5. March", "z.B.", "e.g.".
_SENTENCE = re.compile(r"(?<=[^\W\d_]{3})[.:;]\s+|[!?]+\s+|(?<=\d{4})\.\s+|[。！？]|\n\s*\n")
_QUOTATION = re.compile(r"^[ \t]*>.*$", re.M)
_FINALITY = (
    AbsenceState.LEFT,
    AbsenceState.MOVED,
    AbsenceState.AWAY,
    AbsenceState.UNMONITORED,
)


class _Found(NamedTuple):
    finality: int
    state: AbsenceState
    language: str
    sentence: str


def read_absence(
    subject: str, text: str, at: datetime | None, ours: Collection[str]
) -> Absence | None:
    """What the reply states; *ours*: normalised addresses that are no contacts, i.e. those of the
    reply's own header and of the mail that it answers.
    """
    body = _QUOTATION.sub("", text[:MAX_TEXT])
    found = list(_statements(body))
    found += (f for f in _statements(subject[:MAX_QUOTED]) if f.state is AbsenceState.AWAY)
    if not found:
        return None
    best = min(found, key=lambda f: f.finality)
    is_away = best.state is AbsenceState.AWAY
    return Absence(
        state=best.state,
        until=return_date(body, at, best.language) if is_away else None,
        contacts=tuple(_contacts(body, ours)),
        words=" ".join(best.sentence.split())[:MAX_QUOTED],
    )


def _statements(text: str) -> Iterator[_Found]:
    for sentence in _SENTENCE.split(text, MAX_SENTENCES)[:MAX_SENTENCES]:
        normalised = words(sentence)
        for finality, state, language, phrases, unless in _phrase_sets():
            if phrases.found_in(normalised) and not unless.found_in(normalised):
                yield _Found(finality, state, language, sentence)


@cache
def _phrase_sets() -> list[tuple[int, AbsenceState, str, PhraseSet, PhraseSet]]:
    return [
        (_FINALITY.index(s.state), s.state, s.language, PhraseSet(s.phrase), PhraseSet(s.unless))
        for s in absence_words().statement
    ]


def _contacts(text: str, ours: Collection[str]) -> Iterator[str]:
    """Addresses beside words of contact, each once, at most MAX_CONTACTS; none of a signature."""
    seen = set(ours)
    before_signature = text[: _signature_start(text)]
    for start, end, found in address.find(before_signature):
        before = before_signature[max(0, start - _BEFORE) : start]
        near = f"{before} {before_signature[end : end + _AFTER]}"
        key = address.normalise(found)
        if key in seen or not _contact_words().found_in(words(near)):
            continue
        seen.add(key)
        yield found
        if len(seen) >= len(ours) + MAX_CONTACTS:
            return


@cache
def _contact_words() -> PhraseSet:
    return PhraseSet(absence_words().contact)


@cache
def _closings() -> PhraseSet:
    return PhraseSet(absence_words().closing)


def _signature_start(text: str) -> int | None:
    """Where the closing of a letter, or ``-- `` (RFC 3676 section 4.3), begins; None: nowhere."""
    position = 0
    for line in text.split("\n"):
        if line.rstrip() == "--" or _closings().begins(words(line[:80])):
            return position
        position += len(line) + 1
    return None
