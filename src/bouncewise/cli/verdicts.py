"""A list of addresses and what becomes of its rows: kept as they are, rejected with reasons, or
written into a file per verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from itertools import tee
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from bouncewise.cli.common import echo, echo_error
from bouncewise.cli.screen import progress
from bouncewise.cli.tables import open_like, row_writer
from bouncewise.contract import dumps, time
from bouncewise.contract.validations import ValidationRow, ValidationSummary
from bouncewise.encode import for_csv
from bouncewise.lists.table import Table
from bouncewise.lists.worth import Reason, Worth

if TYPE_CHECKING:
    from bouncewise.lists.validation import Validation
    from bouncewise.operations.validate import Validator

COLUMNS = (
    "bouncewise_verdict",
    "bouncewise_reasons",
    "bouncewise_suggestion",
    "bouncewise_words",
    "bouncewise_last_delivered",
)
SERVICE_COLUMN = "bouncewise_service"
_PROGRESS = 1000


class Outputs(NamedTuple):
    """Where the rows go. ``keep``: the verdicts whose rows ``output`` gets; ``is_counted``: the
    answer is the counts, else a row for each address.
    """

    output: Path | None
    rejected: Path | None
    folder: Path | None
    keep: frozenset[Worth]
    as_json: bool
    is_counted: bool


class ListRun:
    """A list, validated."""

    def __init__(
        self, validator: Validator, outputs: Outputs, service: Path | None, *, with_ledger: bool
    ) -> None:
        self._validator, self._outputs, self._with_ledger = validator, outputs, with_ledger
        self.counts: Counter[Worth] = Counter()
        self._reasons: Counter[Reason] = Counter()
        self._kept = 0
        self._service: dict[str, Worth] | None = None
        self._compared: dict[Worth, Counter[str]] = {}
        if service is not None:
            from bouncewise.lists.services import service_verdicts

            self._service = service_verdicts(service)

    def write(self, table: Table, files: ExitStack) -> None:
        """Write every row where it belongs."""
        write = self._writer(table, files)
        advance = files.enter_context(progress(None, "validate", "rows"))
        rows, again = tee(table.readable())
        cells = (table.address_in(row.cells) for row in again)
        for found, row in zip(self._validator.validations(cells), rows, strict=True):
            self._count(found)
            write(found, row.cells, row.text)
            if (number := self.counts.total()) % _PROGRESS == 0:
                advance(number, number)

    def _count(self, found: Validation) -> None:
        self.counts[found.verdict] += 1
        self._reasons.update(found.reasons)
        self._kept += found.verdict in self._outputs.keep
        if self._service is not None:
            theirs = self._service.get(found.name)
            compared = self._compared.setdefault(found.verdict, Counter())
            compared[str(theirs) if theirs else "none"] += 1

    def _writer(
        self, table: Table, files: ExitStack
    ) -> Callable[[Validation, list[str], str], None]:
        """A function that writes a row to every output that it belongs to."""
        o = self._outputs
        columns = COLUMNS if self._service is None else (*COLUMNS, SERVICE_COLUMN)
        annotated = open_like(None if o.as_json or o.is_counted else Path("-"), table, files)
        annotate = row_writer(annotated, table, columns)
        reject = row_writer(open_like(o.rejected, table, files), table, columns)
        kept = open_like(o.output, table, files)
        parts = (
            {w: open_like(o.folder / f"{w}.csv", table, files) for w in Worth} if o.folder else {}
        )
        plain: list[IO[str]] = [file for file in (kept, *parts.values()) if file is not None]
        for file in plain:
            file.write(table.preamble)

        def write(found: Validation, cells: list[str], text: str) -> None:
            if o.as_json and not o.is_counted:
                echo(dumps(ValidationRow.of(found, with_ledger=self._with_ledger)))
                return
            if part := parts.get(found.verdict):
                part.write(text)
            if kept and found.verdict in o.keep:
                kept.write(text)
            if o.rejected and found.verdict not in o.keep:
                reject(cells, self._added(found))
            if not o.is_counted:
                annotate(cells, self._added(found))

        return write

    def _added(self, found: Validation) -> list[str]:
        cells = [
            found.verdict,
            ";".join(found.reasons),
            found.suggestion,
            found.words,
            time(found.last_delivered) or "",
        ]
        if self._service is not None:
            cells.append(self._service.get(found.name, ""))
        return [for_csv(str(cell)) for cell in cells]

    def report(self) -> None:
        """The counts: on standard error, or as a record."""
        o, total = self._outputs, self.counts.total()
        if o.as_json:
            if o.is_counted:
                echo(dumps(self._summary()))
            return
        why = ", ".join(f"{n:,} {reason}" for reason, n in self._reasons.most_common())
        parts = ", ".join(f"{self.counts[w]:,} {w}" for w in reversed(Worth))
        echo_error(f"{parts}: {why}")
        if o.output or o.rejected:
            echo_error(f"kept {self._kept:,}, rejected {total - self._kept:,}")
        for verdict, theirs in self._compared.items():
            words = ", ".join(f"{n:,} {word}" for word, n in theirs.most_common())
            echo_error(f"of {self.counts[verdict]:,} {verdict}, by the service: {words}")

    def _summary(self) -> ValidationSummary:
        compared = {str(w): dict(theirs) for w, theirs in self._compared.items()}
        return ValidationSummary(
            kept=self._kept,
            rejected=self.counts.total() - self._kept,
            reasons={str(reason): n for reason, n in self._reasons.most_common()},
            service=compared if self._service is not None else None,
            **{str(w): self.counts[w] for w in Worth},
        )
