"""A list and what becomes of its rows: the segment added, or a file per segment; and the counts."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from itertools import tee
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from bouncewise.cli.common import Moment, echo, echo_error
from bouncewise.cli.screen import progress
from bouncewise.cli.tables import open_like, row_writer
from bouncewise.contract import dumps, time
from bouncewise.contract.segments import SegmentCostRow, SegmentRow, SegmentSummary
from bouncewise.encode import for_csv
from bouncewise.lists.table import Table
from bouncewise.policy.segment import Segment
from bouncewise.times import day_start

if TYPE_CHECKING:
    from bouncewise.ledger import Store
    from bouncewise.operations.segment import Segmented, Segmenter
    from bouncewise.policy.load import Policy

COLUMNS = ("bouncewise_segment", "bouncewise_last_act", "bouncewise_mails_since")
_PROGRESS = 1000


class SegmentOutputs(NamedTuple):
    """Where the rows go; ``is_counted``: the answer is the counts."""

    output: Path | None
    folder: Path | None
    as_json: bool
    is_counted: bool


class SegmentRun:
    """A list, segmented."""

    def __init__(
        self,
        ledger: Store,
        policy: Policy,
        moment: Moment,
        gap: float | None,
        outputs: SegmentOutputs,
    ) -> None:
        from bouncewise.operations.segment import Segmenter

        self._gap, self._outputs = gap, outputs
        self._factor = 1.0 if gap is None else policy.segment.factor(gap)
        self._span = ledger.engagement.span()
        self._segmenter: Segmenter = Segmenter(
            ledger, policy, moment.at, self._factor, past=moment.past
        )
        self._counts: Counter[Segment] = Counter()
        self._rows = 0

    def write(self, table: Table, files: ExitStack) -> None:
        """Write every row where it belongs."""
        o = self._outputs
        to = Path("-") if not (o.as_json or o.is_counted) else o.output
        added = row_writer(open_like(to, table, files), table, COLUMNS)
        parts: dict[Segment, IO[str] | None] = {}
        for segment in Segment if o.folder else ():
            assert o.folder is not None
            parts[segment] = open_like(o.folder / f"{segment}.csv", table, files)
        for part in filter(None, parts.values()):
            part.write(table.preamble)
        advance = files.enter_context(progress(None, "segment", "rows"))
        rows, again = tee(table.readable())
        cells = (table.address_in(row.cells) for row in again)
        for found, row in zip(self._segmenter.segments(cells), rows, strict=True):
            self._rows += 1
            if found.segment is not None:
                self._counts[found.segment] += 1
                if file := parts.get(found.segment):
                    file.write(row.text)
            if o.as_json and not o.is_counted:
                echo(dumps(SegmentRow.of(found)))
            else:
                added(row.cells, _added(found))
            if self._rows % _PROGRESS == 0:
                advance(self._rows, self._rows)

    def report(self) -> None:
        """The counts and rates: on standard error, or as records."""
        costs = [self._cost(segment) for segment in Segment]
        first, last = (time(day_start(day)) for day in self._span) if self._span else (None, None)
        invalid = self._rows - self._counts.total()
        if self._outputs.as_json:
            summary = SegmentSummary(
                rows=self._rows,
                invalid=invalid,
                acts_from=first,
                acts_until=last,
                cadence=None if self._gap is None else round(self._gap, 2),
                factor=round(self._factor, 3),
            )
            echo(*map(dumps, costs), dumps(summary))
            return
        echo_error(f"{'segment':>10} {'rows':>10} {'mails':>10}  bounces      complaints")
        for cost in costs:
            bounced, complained = (
                "–" if rate is None else f"{rate:.2%}"
                for rate in (cost.bounce_rate, cost.complaint_rate)
            )
            echo_error(
                f"{cost.segment:>10} {cost.rows:>10,} {cost.mails:>10,}  {bounced:<12} {complained}"
            )
        if invalid:
            echo_error(f"{invalid:,} rows without an address are in no segment")
        if self._span is None:
            echo_error(
                "note: the ledger knows no opens or clicks: nobody can be called dormant or never. "
                "Give --activity, or ingest the events of your ESP"
            )

    def _cost(self, segment: Segment) -> SegmentCostRow:
        from bouncewise.operations.segment import Cost

        mails, bounces, complaints = self._segmenter.costs.get(segment, Cost())
        return SegmentCostRow(
            segment=segment,
            rows=self._counts[segment],
            mails=mails,
            bounces=bounces,
            bounce_rate=round(bounces / mails, 6) if mails else None,
            complaints=complaints,
            complaint_rate=round(complaints / mails, 6) if mails else None,
        )


def _added(found: Segmented) -> list[str]:
    day = found.last_act.date().isoformat() if found.last_act else ""
    cells = (found.segment or "", day, str(found.mails_since) if found.segment else "")
    return [for_csv(cell) for cell in cells]
