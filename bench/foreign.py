"""Measures the public reading path against mails, payloads, logs and bug reports of other projects.

Reads: FOLDER/foreign.jsonl (file, group, fault, sure, and what is expected of each report:
recipients, kind, cause, status, reply_code; one value stands for all reports, "*" for any) and
FOLDER/foreign/. Prints tables and always exits 0: this is a measure, not a gate.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from replies import share

from bouncewise.classifier.classify import default_classifier
from bouncewise.intake import files
from bouncewise.intake.reading import classify_finding
from bouncewise.model import Finding, Kind
from bouncewise.readers import Note

ANY = "*"


class Row(NamedTuple):
    """What is expected of one report, or what was read of it."""

    recipient: str
    kind: str | None
    cause: str | None
    status: str | None
    reply_code: int | None
    alternates: tuple[str, ...] = ()


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("folder", type=Path)
    args.add_argument("--misses", action="store_true", help="list every input read otherwise")
    args.add_argument("--only", default="", help="only inputs of this group, kind or file name")
    options = args.parse_args()
    file = options.folder / "foreign.jsonl"
    if not file.exists():
        print(f"no labelled inputs at {file}: nothing measured")
        return
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    wanted = [r for r in rows if options.only in (*(r[k] or "" for k in ("group", "fault")), "")]
    wanted = wanted or [r for r in rows if options.only in r["file"]]
    measure(wanted, options.folder / "foreign", options.misses)


def measure(rows: list[dict], folder: Path, misses: bool) -> None:
    by_fault: dict[str, list[bool]] = defaultdict(list)
    by_group: dict[str, list[bool]] = defaultdict(list)
    sure, unsure, recipients, silent, false = [], [], [], [], []
    for row in rows:
        got, notes = read(folder / row["file"])
        want = expected(row["expect"])
        ok = matches(want, got)
        (sure if row["sure"] else unsure).append(ok)
        by_fault[row["fault"] or "none"].append(ok)
        by_group[row["group"]].append(ok)
        names = sorted(w.recipient for w in want)
        recipients.append(ANY in names or names == sorted(g.recipient for g in got))
        if not want and got:
            false.append(row["file"])
        if want and not got and not notes:
            silent.append(row["file"])
        if misses and not ok:
            show(row, want, got, notes)
    print(f"{len(rows)} foreign inputs")
    print(f"  sure rows as expected     {share(sure)}")
    print(f"  other rows as expected    {share(unsure)}")
    print(f"  recipients exact          {share(recipients)}")
    print(f"  read where nothing is     {len(false)} {false or ''}")
    print(f"  nothing read, no note     {len(silent)} {silent or ''}")
    for name, groups in (("group", by_group), ("kind of fault", by_fault)):
        print(f"by {name}:  " + "  ".join(f"{k} {share(v)}" for k, v in sorted(groups.items())))


def read(path: Path) -> tuple[list[Row], list[str]]:
    """What is read of the file, and the notes."""
    classifier = default_classifier()
    got: list[Row] = []
    notes: list[str] = []
    for item in files.read(str(path)):
        if isinstance(item, Note):
            notes.append(item.text)
        elif isinstance(item, Finding):
            report, verdict = item.report, classify_finding(item, classifier).verdict
            reply = report.reply if report.kind in (Kind.FAILED, Kind.DELAYED) else None
            got.append(
                Row(
                    report.recipient.casefold(),
                    str(report.kind),
                    str(verdict.cause) if verdict else None,
                    reply.status if reply else None,
                    reply.reply_code if reply else None,
                    tuple(map(str, verdict.alternates)) if verdict else (),
                )
            )
    return got, notes


def expected(expect: dict) -> list[Row]:
    """The expected reports. A list as long as the recipients has a value for each of them; another
    list, or a list in such a list, has values that are all right.
    """
    names = [(name or "").casefold() for name in expect["recipients"]]
    columns = [
        value if isinstance(value, list) and len(value) == len(names) else [value] * len(names)
        for value in (expect[k] for k in ("kind", "cause", "status", "reply_code"))
    ]
    return [Row(*values) for values in zip(names, *columns, strict=True)]


def matches(want: list[Row], got: list[Row]) -> bool:
    """Whether each expected report was read, and nothing else. One report for any recipient stands
    for any number of them.
    """
    if len(want) == 1 and want[0].recipient == ANY:
        return bool(got) and all(fits(want[0], report) for report in got)
    left = list(got)
    for row in sorted(want, key=lambda row: row.count(ANY)):
        found = next((i for i, report in enumerate(left) if fits(row, report)), None)
        if found is None:
            return False
        del left[found]
    return not left


def fits(want: Row, got: Row) -> bool:
    return (
        want.recipient in (ANY, got.recipient)
        and want.kind in (ANY, got.kind)
        and is_one_of(want.cause, got.cause, *got.alternates)
        and is_one_of(want.status, got.status)
        and is_one_of(want.reply_code, got.reply_code)
    )


def is_one_of(want: object, *got: object) -> bool:
    """Whether one of the values is wanted; None wants nothing in particular."""
    wanted = want if isinstance(want, list) else [want]
    return any(value in (ANY, None) or value in got for value in wanted)


def show(row: dict, want: list[Row], got: list[Row], notes: list[str]) -> None:
    print(f"{row['fault'] or '-'} {'sure' if row['sure'] else 'unsure'} {row['file']}")
    unmatched = [w for w in want if not any(fits(w, g) for g in got)]
    other = [g for g in got if not any(fits(w, g) for w in want)]
    for name, reports in (("want", unmatched), ("got ", other)):
        for report in reports[:8]:
            print(f"     {name} {' '.join(str(value) for value in report[:5])}")
    if len(want) != len(got):
        print(f"     {len(want)} expected, {len(got)} read")
    for note in notes[:3]:
        print(f"     note {note[:150]}")


if __name__ == "__main__":
    main()
