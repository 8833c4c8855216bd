"""Genuine notices have their effect where the own log recorded the mail that they return.

Run as: python bench/genuine.py FOLDER... It reads the messages (*.eml) of each folder. For every
failure that a message reports, it writes a Postfix log that records the returned mail for that
recipient, an hour before its Date and that of the notice, and other mail every six hours, so that
the ledger covers the time. Log and message are ingested into a ledger of their own. A notice has
full effect where its events have a trust above ``claimed``. Notices that return no Message-ID, or
name several recipients of one mail, cannot be matched; they are counted apart. Prints the counts,
and each notice without effect; exits 0.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bouncewise import ClassifiedFinding, Kind, Ledger, Report, read

HOUR = timedelta(hours=1)


def entry(at: datetime, recipient: str, number: int, message_id: str) -> str:
    """A mail that was accepted by the recipient's server, as Postfix logs it."""
    stamp, queue = at.isoformat(), f"4Q{number:09}"
    return (
        f"{stamp} out postfix/cleanup[1]: {queue}: message-id=<{message_id}>\n"
        f"{stamp} out postfix/smtp[2]: {queue}: to=<{recipient}>, "
        f"relay=mx.{recipient.rpartition('@')[2]}[192.0.2.9]:25, delay=1, dsn=2.0.0, status=sent "
        "(250 2.0.0 Ok)\n"
    )


def log_for(reports: list[Report], now: datetime) -> str:
    """A log that has the mail of each report, and other mail of those days."""
    lines = []
    for number, report in enumerate(reports):
        at = min(report.at or now, report.provenance.sent or now, now) - HOUR
        for step in range(-40, 40):
            other = at + step * 6 * HOUR
            if other < now:
                n = 1000 * (number + 1) + step + 40
                lines.append((other, entry(other, "other@d1.example", n, f"{n}@s.example")))
        name = report.original_recipient or report.recipient
        mid = (report.message_id or "").strip().strip("<>")
        lines.append((at, entry(at, name, number, mid)))
    return "".join(line for _, line in sorted(lines))


def trusts(path: Path, reports: list[Report]) -> list[str]:
    """The trust of each failure of the notice at *path*, once the log of its mails was read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "mail.log").write_text(log_for(reports, datetime.now(UTC)))
        with Ledger.open(folder / "ledger", create=True) as ledger:
            ledger.ingest(folder / "mail.log", path)
            return [
                event.trust
                for report in reports
                for event in ledger.history(report.original_recipient or report.recipient)
                if event.kind in ("failed", "delayed")
            ]


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    counts: Counter[str] = Counter()
    for path in sorted(p for f in parser.parse_args().folders for p in f.rglob("*.eml")):
        found = [i.finding.report for i in read(path) if isinstance(i, ClassifiedFinding)]
        reports = [r for r in found if r.kind is Kind.FAILED and "@" in (r.recipient or "")]
        if not reports:
            counts["no failure"] += 1
        elif any(not r.message_id for r in reports):
            counts["no Message-ID returned"] += 1
        elif len({r.message_id for r in reports}) < len(reports):
            counts["several recipients of one mail"] += 1
        else:
            got = trusts(path, reports)
            full = bool(got) and "claimed" not in got
            counts["full effect" if full else "no full effect"] += 1
            if not full:
                print(f"{path.name}: {', '.join(got) or 'no event'}")
    tried = counts["full effect"] + counts["no full effect"]
    share = counts["full effect"] / max(tried, 1)
    sys.stdout.write(f"{dict(counts)}\nfull effect: {share:.1%} of {tried} notices\n")


if __name__ == "__main__":
    main()
