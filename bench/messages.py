"""Measures readers against labelled messages: recipients found exactly, status and code, and the
kind of each message.

Reads: FOLDER/messages.jsonl (file, family, kind, reports with recipient, status, reply, reason …)
and FOLDER/messages/. Prints tables and always exits 0: this is a measure, not a gate.
"""

from __future__ import annotations

import argparse
import io
import json
from collections import defaultdict
from pathlib import Path

from replies import share

from bouncewise.classifier.classify import default_classifier
from bouncewise.intake.formats import reader_for
from bouncewise.model import Finding, Kind, Report

# Reasons of the labels that say: the person is fine. Suppressing on one of these loses a living
# address.
LIVING = {
    "mailboxfull",
    "blocked",
    "authfailure",
    "expired",
    "networkerror",
    "badreputation",
    "requireptr",
    "toomanyconn",
    "speeding",
    "spamdetected",
    "virusdetected",
    "systemerror",
    "systemfull",
    "mesgtoobig",
    "exceedlimit",
    "norelaying",
    "failedstarttls",
    "notcompliantrfc",
    "ratelimited",
    "syntaxerror",
    "mailererror",
    "policyviolation",
}
WANTED = {
    "bounce": {Kind.FAILED, Kind.DELAYED},
    "feedback": set(Kind),
    "vacation": {Kind.AUTO_REPLY},
}


def read(raw: bytes, path: str, _index: int) -> list[Report]:
    reader = reader_for(raw[:65536])
    found = reader.read(io.BytesIO(raw), path) if reader else []
    return [item.report for item in found if isinstance(item, Finding)]


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("folder", type=Path)
    args.add_argument(
        "--misses", action="store_true", help="list every message that was read otherwise"
    )
    options = args.parse_args()
    file = options.folder / "messages.jsonl"
    if not file.exists():
        print(f"no labelled messages at {file}: nothing measured")
        return
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    measure(rows, options.folder / "messages", options.misses)


def measure(rows: list[dict], folder: Path, misses: bool) -> None:
    exact: dict[str, list[bool]] = defaultdict(list)
    families: dict[str, list[bool]] = defaultdict(list)
    status, code, newlines, lost, from_none = [], [], [], [], []
    for row in rows:
        raw = (folder / row["file"]).read_bytes().replace(b"\r\n", b"\n")
        reports = read(raw, row["file"], 0)
        newlines += [
            key(read(raw.replace(b"\n", nl), row["file"], 0)) == key(reports)
            for nl in (b"\r\n", b"\r")
        ]
        if row["kind"] == "none":
            from_none += [(row["file"], r.kind.value, r.recipient) for r in reports]
            continue
        wanted = {r["recipient"].casefold() for r in row["reports"] if r["recipient_in_message"]}
        got = {r.recipient.casefold(): r for r in reports if r.kind in WANTED[row["kind"]]}
        ok = set(got) == wanted
        exact[row["kind"]].append(ok)
        families[row["family"]].append(ok)
        if misses and not ok:
            print(
                f"{row['file']}: want {sorted(wanted)} got {sorted(got)} "
                f"{[r.source.reader for r in reports]}"
            )
        for label in row["reports"]:
            report = got.get(label["recipient"].casefold())
            if report is None:
                continue
            say = compare(label, report, status, code)
            verdict = default_classifier().classify_report(report)
            if label["reason"] in LIVING and verdict and verdict.advice.startswith("suppress"):
                lost.append(row["file"])
                say.append(f"SUPPRESSES {label['reason']} by {verdict.rule}")
            if misses and say:
                print(
                    f"{row['file']}: {'; '.join(say)}\n      "
                    f"{report.reply.text[:200] if report.reply else None}"
                )
    print(f"{len(rows)} labelled messages")
    for kind, hits in exact.items():
        print(f"  recipients exact, {kind:9} {share(hits)}")
    print(f"  status where it stands    {share(status)}")
    print(f"  code where it stands      {share(code)}")
    print(f"  living suppressed         {len(lost)} {lost or ''}")
    print(f"  CRLF and CR read as LF    {share(newlines)}")
    print(f"  read from kind 'none'     {len(from_none)} {from_none or ''}")
    print(
        "below 100 %: "
        + "  ".join(
            f"{name} {share(hits)}" for name, hits in sorted(families.items()) if not all(hits)
        )
    )


def compare(label: dict, report: Report, status: list[bool], code: list[bool]) -> list[str]:
    say = []
    got_status = report.reply.status if report.reply else None
    got_code = str(report.reply.reply_code or "") if report.reply else ""
    if label["status_in_message"]:
        status.append(got_status == label["status"])
        if got_status != label["status"]:
            say.append(f"status want {label['status']} got {got_status}")
    if label["reply_in_message"]:
        code.append(got_code == label["reply"])
        if got_code != label["reply"]:
            say.append(f"code want {label['reply']} got {got_code}")
    return say


def key(reports: list[Report]) -> list[tuple]:
    return [
        (r.kind, r.recipient, r.reply and (r.reply.reply_code, r.reply.status)) for r in reports
    ]


if __name__ == "__main__":
    main()
