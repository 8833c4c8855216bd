"""What ``sync`` writes."""

from __future__ import annotations

from typing import Annotated

from bouncewise.contract.base import Record, about, time
from bouncewise.operations.sync_rows import WORDS, Difference


class SyncRow(Record, frozen=True, kw_only=True):
    """One object per address that one side suppresses and the other would mail."""

    side: Annotated[str, about("who suppresses it: `theirs` `ours`")]
    address: Annotated[str, about("the address, or `@domain`")]
    lists: Annotated[
        tuple[str, ...], about("the lists there that have it, or to which it would be added")
    ]
    because: Annotated[str, about("why the other side would mail it (docs/sync.md)")]
    words: Annotated[str, about("the same in words")]
    step: Annotated[str, about("what can be done: `pull` `push` `remove` `none`")]
    kind: Annotated[str, about("`bounce` `complaint` `unsubscribe`")]
    reason: Annotated[str, about("why it is suppressed, in the words of who does")]
    since: Annotated[str | None, about("since when")]

    @classmethod
    def of(cls, d: Difference) -> SyncRow:
        """The row of a Difference."""
        return cls(
            side=d.side,
            address=d.address,
            lists=d.lists,
            because=d.because,
            words=WORDS[d.because],
            step=d.step,
            kind=d.kind,
            reason=d.reason,
            since=time(d.at),
        )


class SyncRecord(Record, frozen=True, kw_only=True):
    """One object at the end."""

    account: Annotated[str, about("the name of the account")]
    entries: Annotated[dict[str, int], about("entries by list there")]
    theirs: Annotated[int, about("addresses that only they suppress")]
    ours: Annotated[int, about("addresses that only bouncewise suppresses")]
    imports: Annotated[tuple[int, ...], about("the IDs of the imports that `--pull` made")]
    imported: Annotated[int, about("suppressions that `--pull` added here")]
    changed: Annotated[dict[str, int], about("entries that were added or removed there, by list")]
    refused: Annotated[dict[str, str], about("addresses that they refused, and their reason")]
    fault: Annotated[str | None, about("why the rest was not tried")]
    dry_run: Annotated[bool, about("whether nothing was changed")]
