"""What mailbox providers ask for, as ``sender`` shows it."""

from __future__ import annotations

from collections.abc import Iterator

from bouncewise.cli.common import BAD, DIM, GOOD, HEAD, style
from bouncewise.contract.sender import RequirementRow
from bouncewise.operations.unmet import Share
from bouncewise.sender.requirements import Judged, Met

DAYS = 30
"""Days of refusals that requirements explain."""

_NEEDS = {"message": "a message (.eml)", "ip": "--ip", "domain": "the domain"}
_MARKS = {Met.MET: ("✓", GOOD), Met.UNMET: ("✗", BAD), Met.NOT_CHECKED: ("?", DIM)}


def requirement_row(item: Judged, explained: dict[str, Share]) -> RequirementRow:
    """The row of a requirement; *explained*: shares of refusals by provider and id."""
    r = item.requirement
    share = explained.get(f"{r.provider} {r.id}")
    return RequirementRow(
        provider=r.provider,
        requirement=r.id,
        met=item.met,
        words=r.words,
        applies=r.applies,
        since=r.since or None,
        failed_by=item.by,
        missing=item.missing or None,
        explained=share.explained if share else None,
        refused=share.refused if share else None,
        source=r.source,
        looked=r.looked,
    )


def requirement_lines(judged: list[Judged], explained: dict[str, Share]) -> Iterator[str]:
    """A line per requirement, by provider."""
    for provider in dict.fromkeys(item.requirement.provider for item in judged):
        yield ""
        yield style(f"What {provider.capitalize()} asks for", HEAD)
        for item in judged:
            if item.requirement.provider != provider:
                continue
            mark, colour = _MARKS[item.met]
            r = item.requirement
            why = f": {', '.join(item.by)}" if item.by else ""
            missing = f"  (not checked: needs {_NEEDS.get(item.missing, item.missing)})"
            yield f"  {style(mark, colour)} {r.words}{why}{missing if item.missing else ''}"
            if item.met is Met.UNMET:
                since = f", since {r.since}" if r.since else ""
                yield style(f"      for {r.applies}{since}  {r.source}", DIM)
                share = explained.get(f"{r.provider} {r.id}")
                if share is not None:
                    yield (
                        f"      explains {share.explained:,} of {share.refused:,} addresses "
                        f"that it refused in {DAYS} days"
                    )
