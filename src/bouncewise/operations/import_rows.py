"""What a row of an imported list says: whether its address is suppressed, why, for which mail."""

from __future__ import annotations

from typing import NamedTuple

from bouncewise.classifier.classify import Classifier
from bouncewise.lists.imports import ListRow
from bouncewise.lists.layouts import Meaning
from bouncewise.lists.reasons import is_reply
from bouncewise.model import Advice, Cause, Party, Scope, Verdict

_WISHES = (Meaning.UNSUBSCRIBED, Meaning.COMPLAINED)
_SUPPRESSING = (Advice.SUPPRESS_ADDRESS, Advice.SUPPRESS_DOMAIN)


class ImportOptions(NamedTuple):
    """How a list is read: its format and column of addresses, where they are not detected; the
    author; scope or cause of every row, whatever its columns say.
    """

    format: str | None = None
    column: str | None = None
    by: str | None = None
    scope: Scope | None = None
    cause: Cause | None = None

    @property
    def every(self) -> bool:
        """Whether every row is meant."""
        return self.scope is not None or self.cause is not None


def judge(
    row: ListRow, options: ImportOptions, classifier: Classifier
) -> tuple[Cause | None, bool]:
    """The cause of a row, and whether its address is to be suppressed: a reply outranks the status
    of the list, but a wish of the recipient is one whatever else it says.
    """
    reply = row.reason if is_reply(row.reason) and row.meaning not in _WISHES else ""
    verdict = classifier.classify(reply) if reply else None
    cause = options.cause or row.cause or (verdict.cause if verdict else None)
    if verdict is not None and not _is_against_recipient(verdict):
        return (options.cause or row.cause, True) if options.every else (cause, False)
    if options.every:
        return cause, True
    if row.meaning is Meaning.BLOCKED:
        return cause, verdict is not None and verdict.advice in _SUPPRESSING
    return cause, row.meaning is not Meaning.DELIVERABLE


def _is_against_recipient(verdict: Verdict) -> bool:
    """Whether a reply speaks against the address, for good: one temporary failure suppresses
    nobody.
    """
    code = str(verdict.reply_code or verdict.status or "")
    ours = (Party.SENDER, Party.MESSAGE, Party.SYSTEM)
    return verdict.party not in ours and not code.startswith("4")


def scope_of(row: ListRow, options: ImportOptions) -> Scope:
    """The mail for which the address of a row is suppressed."""
    if not options.every:
        return row.scope
    default = Scope.MARKETING if options.cause is Cause.COMPLAINT else Scope.ALL
    return options.scope or default
