"""What a row of an imported list says: whether its address is suppressed, why, for which mail."""

from __future__ import annotations

import re
from typing import NamedTuple

from bouncewise.classifier.classify import NO_RULE, Classifier
from bouncewise.classifier.combine import MODEL_RULE
from bouncewise.lists.imports import ListRow
from bouncewise.lists.layouts import Meaning, knowledge
from bouncewise.lists.reasons import folded_word, is_reply
from bouncewise.model import Advice, Cause, Party, Scope, Verdict

_WISHES = (Meaning.UNSUBSCRIBED, Meaning.COMPLAINED)
_WISH = re.compile(r"unsubscri|complain|opt(?:ed)?[ -]?out|\basked", re.I)
_PARTS = re.compile(r"[():;,/]")
_SUPPRESSING = (Advice.SUPPRESS_ADDRESS, Advice.SUPPRESS_DOMAIN)


class ImportOptions(NamedTuple):
    """How a list is read: its format and column of addresses, where they are not detected; the
    author of its suppressions; scope or cause of every row, whatever its columns say; who imports
    it, and why.
    """

    format: str | None = None
    column: str | None = None
    by: str | None = None
    scope: Scope | None = None
    cause: Cause | None = None
    author: tuple[str, str] = ("", "")

    @property
    def every(self) -> bool:
        """Whether every row is meant."""
        return self.scope is not None or self.cause is not None


class Judged(NamedTuple):
    """What a row comes to: what it says, its cause, and the mail for which its address is
    suppressed, None for none.
    """

    meaning: Meaning | None
    cause: Cause | None
    scope: Scope | None


def judge(row: ListRow, options: ImportOptions, classifier: Classifier) -> Judged:
    """What a row comes to: a reply outranks the status of the list, but a wish of the recipient is
    one whatever else it says.
    """
    found = _reason(row, classifier)
    cause = options.cause or row.cause or (found.cause if found else None)
    if options.every:
        cause = cause if found is None or found.is_against else options.cause or row.cause
        return Judged(row.meaning, cause, _scope_of_all(options))
    if row.meaning is Meaning.BLOCKED:
        is_meant = found is not None and found.suppresses
    else:
        is_meant = row.meaning is not Meaning.DELIVERABLE
    if is_meant and (found is None or found.is_against):
        return Judged(row.meaning, cause, row.scope)
    if row.wish:
        return Judged(row.wish, row.wish.cause, row.wish.scope)
    return Judged(row.meaning, cause, None)


class _Reason(NamedTuple):
    """What the reason of a row says of its address."""

    cause: Cause
    suppresses: bool
    is_against: bool
    """Whether it speaks against the address, for good."""


def _reason(row: ListRow, classifier: Classifier) -> _Reason | None:
    """What the reply of a row says, or its reason in words; None where neither says anything."""
    if row.meaning in _WISHES:
        return None
    if is_reply(row.reason):
        return _judged(classifier.classify(row.reason), is_decided=row.is_decided)
    is_remark = row.is_remark or row.cause is not None or _WISH.search(row.reason)
    if not row.reason or is_remark or row.meaning not in (None, Meaning.BOUNCED, Meaning.BLOCKED):
        return None
    causes = knowledge().bounce_reasons.causes
    parts = map(folded_word, _PARTS.split(row.reason))
    cause = next((causes[part] for part in parts if part in causes), None)
    if cause is not None:
        facts = classifier.ruleset.causes[cause]
        return _Reason(cause, facts.advice in _SUPPRESSING, _is_against(facts.party, facts.advice))
    verdict = classifier.classify(row.reason.replace("_", " "))
    # (a label of a list is not a reply, from which the model learned)
    return None if verdict.rule in (NO_RULE, MODEL_RULE) else _judged(verdict)


def _judged(verdict: Verdict, *, is_decided: bool = False) -> _Reason:
    """What a verdict says of the address: one temporary failure suppresses nobody, unless it *is
    decided* that several do.
    """
    code = str(verdict.reply_code or verdict.status or "")
    advice = Advice.REVIEW if is_decided else verdict.advice
    is_against = _is_against(verdict.party, advice) and not code.startswith("4")
    return _Reason(verdict.cause, verdict.advice in _SUPPRESSING, is_against)


def _is_against(party: Party, advice: Advice) -> bool:
    ours = (Party.SENDER, Party.MESSAGE, Party.SYSTEM)
    return party not in ours and advice not in (Advice.RETRY_LATER, Advice.NONE)


def _scope_of_all(options: ImportOptions) -> Scope:
    """The mail for which every address is suppressed."""
    default = Scope.MARKETING if options.cause is Cause.COMPLAINT else Scope.ALL
    return options.scope or default
