"""Why a row of somebody's list is there: to be suppressed, and for which mail, or not at all.

Reads: the columns of a list and a row. Gives: what the row says. Refuses nothing; a status that is
not known is given as such, for it may be that of a valid address. Sources: exports of SES,
SendGrid, Mailgun, Postmark, SparkPost, Mailchimp, Brevo and HubSpot.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from bouncewise.model import Cause, Scope


class Meaning(Enum):
    """What a row says, the strictest last."""

    DELIVERABLE = 0
    UNSUBSCRIBED = 1
    COMPLAINED = 2
    BOUNCED = 3

    @property
    def scope(self) -> Scope:
        """For which mail the address is suppressed."""
        return Scope.ALL if self is Meaning.BOUNCED else Scope.MARKETING

    @property
    def cause(self) -> Cause | None:
        """The cause that follows from the word alone."""
        return Cause.COMPLAINT if self is Meaning.COMPLAINED else None


# Casefolded, without spaces, hyphens and underscores.
_WORDS = {
    Meaning.DELIVERABLE: "delivered delivery opened open uniqueopened firstopening loadedbyproxy "
    "clicked click sent send request requests processed active subscribed valid ok softbounce "
    "softbounced soft deferred deferral transient temporary autoreply resubscribed optedin pending "
    "confirmed enabled",
    Meaning.UNSUBSCRIBED: "unsubscribe unsubscribed unsubscribelink listunsubscribe optout "
    "optedout groupunsubscribe",
    Meaning.COMPLAINED: "complaint complaints complained spamcomplaint spamreport spam abuse "
    "markedasspam feedbackloop",
    Meaning.BOUNCED: "bounce bounced hardbounce hardbounced hard permanent cleaned invalid "
    "invalidemail undeliverable dropped blocked bouncerule manualsuppression manuallyadded",
}
WORDS = {word: meaning for meaning, words in _WORDS.items() for word in words.split()}

_WORD_COLUMNS = frozenset(
    "event,reason,suppressionreason,source,status,state,cause,eventtype,bouncetype,type".split(",")
)
# Columns of the above that many a list has which is none of suppressions.
_STATUS_COLUMNS = frozenset("event,source,status,state,eventtype,bouncetype,type".split(","))
_SCOPE_WORDS = ("transactional", "nontransactional")  # SparkPost
_PLAIN = re.compile(r"[\s_-]+")

# Columns whose value says by itself that something happened: a time, a reason, "true".
_WHEN = "(?:at|on|date|time)?"
_FILLED = (
    (
        Meaning.BOUNCED,
        re.compile(
            rf"(?:is|has)?(?:email)?(?:hard)?bounced?{_WHEN}|(?:email)?hardbouncereason"
            rf"|cleantime|(?:is)?cleaned{_WHEN}"
        ),
    ),
    (
        Meaning.UNSUBSCRIBED,
        re.compile(r"unsubtime|(?:is|has)?(?:unsubscribed|optedout).*|.*optout"),
    ),
    (
        Meaning.COMPLAINED,
        re.compile(rf"(?:is|has)?(?:complained|markedasspam|spamcomplaint){_WHEN}"),
    ),
)
_NO = frozenset(("", "false", "f", "no", "0", "n", "null", "none", "never", "n/a", "-"))

# Exports whose name alone says what they list.
_BY_COLUMNS = {
    frozenset(("email", "ip", "created")): Meaning.COMPLAINED,  # SendGrid spam reports
    frozenset(("email", "created")): Meaning.UNSUBSCRIBED,  # SendGrid global unsubscribes
    frozenset(("address", "created_at")): Meaning.COMPLAINED,  # Mailgun complaints
    frozenset(("address", "tags", "created_at")): Meaning.UNSUBSCRIBED,  # Mailgun unsubscribes
}


class Reasons(NamedTuple):
    """The columns that say why, in a table with these names."""

    whole: Meaning | None
    words: tuple[int, ...]
    statuses: tuple[int, ...]
    """Those of ``words`` that alone do not make a list one of suppressions."""
    filled: tuple[tuple[Meaning, int], ...]

    @classmethod
    def of(cls, names: Sequence[str]) -> Reasons:
        """Those among *names*, which are casefolded."""
        plain = [_PLAIN.sub("", name) for name in names]
        return cls(
            _BY_COLUMNS.get(frozenset(names)) if len(set(names)) == len(names) else None,
            tuple(i for i, name in enumerate(plain) if name in _WORD_COLUMNS),
            tuple(i for i, name in enumerate(plain) if name in _STATUS_COLUMNS),
            tuple(
                (meaning, i)
                for meaning, pattern in _FILLED
                for i, name in enumerate(plain)
                if pattern.fullmatch(name)
            ),
        )

    def meaning(self, cells: Sequence[str]) -> Meaning | None:
        """What a row says; None where it says nothing that is known."""
        found = [self.whole] if self.whole else []
        words = (_PLAIN.sub("", _cell(cells, i).casefold()) for i in self.words)
        found += (WORDS[word] for word in words if word in WORDS)
        found += (_filled(meaning, _cell(cells, i).casefold()) for meaning, i in self.filled)
        return max(found, key=lambda meaning: meaning.value, default=None)

    def unknown_status(self, cells: Sequence[str], texts: Sequence[int]) -> str | None:
        """The status of a row that says nothing that is known, in words or in the columns of
        *texts*; None if it says something, or has no column for a status.
        """
        values = [_cell(cells, i) for i in self.statuses if i < len(cells)]
        others = [_cell(cells, i) for i in texts if i not in self.statuses]
        if any(others) or any(map(is_reply, values)) or self.meaning(cells) is not None:
            return None
        if any(_PLAIN.sub("", value.casefold()) in _SCOPE_WORDS for value in values):
            return None
        return next(filter(None, values), "") if values else None


def is_reply(text: str) -> bool:
    """Whether *text* begins with a reply code or a status."""
    return text[:3].isdigit() or "." in text[:6]


def _filled(meaning: Meaning, value: str) -> Meaning:
    """What a cell says in a column that is filled where something of this *meaning* happened."""
    return Meaning.DELIVERABLE if value in _NO else WORDS.get(_PLAIN.sub("", value), meaning)


def _cell(cells: Sequence[str], i: int) -> str:
    return cells[i].strip() if i < len(cells) else ""
