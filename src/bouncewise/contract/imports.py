"""What ``suppressions import`` and ``suppressions imports`` write."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import msgspec

from bouncewise.contract.base import Record, about, time

if TYPE_CHECKING:
    from bouncewise.operations.imports import Imported
    from bouncewise.operations.undo_import import ListedImport


class ImportRecord(Record, frozen=True, kw_only=True):
    """``suppressions import``: one object at the end."""

    added: Annotated[int, about("suppressions added")]
    known: Annotated[int, about("suppressions that were there already")]
    skipped: Annotated[
        int, about("entries whose reply or status does not speak against the address")
    ]
    dry_run: Annotated[bool, about("true: nothing was stored")]
    bad: Annotated[int, about("rows that cannot be used; standard error names their lines")] = 0
    id: Annotated[
        int | None,
        about("the number for `suppressions undo`; null: nothing changed, or a dry run"),
    ] = None
    rows: Annotated[
        dict[str, int],
        about(
            "status, cause and scope, such as `bounced mailbox-unknown all`, to how many rows say "
            "so; `skipped` in place of a scope: they are not imported"
        ),
    ] = msgspec.field(default_factory=dict)
    lost_dates: Annotated[
        int, about("rows with a date that cannot be read; the time of the import is recorded")
    ] = 0
    released: Annotated[
        int,
        about("rows without a date whose addresses were released: they stay released"),
    ] = 0

    @classmethod
    def of(cls, done: Imported, *, dry_run: bool) -> ImportRecord:
        """The record of an Imported."""
        groups: Counter[str] = Counter()
        for group, count in done.groups.items():
            said = (group.status, group.cause, group.scope or "skipped")
            groups[" ".join(filter(None, said))] += count
        return cls(
            added=done.added,
            known=done.known,
            skipped=done.skipped,
            dry_run=dry_run,
            bad=done.bad,
            id=done.id,
            rows=dict(groups.most_common()),
            lost_dates=done.lost_dates,
            released=done.released,
        )


class ImportListRow(Record, frozen=True, kw_only=True):
    """``suppressions imports``: one object per import, the latest first."""

    id: Annotated[int, about("the number for `suppressions undo`")]
    at: Annotated[str | None, about("when")]
    names: Annotated[int, about("the addresses and domains that it lists")]
    state: Annotated[str, about("`stands` or `undone`")]
    file: Annotated[str, about("the file, as it was named")]

    @classmethod
    def of(cls, one: ListedImport) -> ImportListRow:
        """The row of an import."""
        return cls(
            id=one.number,
            at=time(one.at),
            names=one.names,
            state="undone" if one.is_undone else "stands",
            file=one.file,
        )
