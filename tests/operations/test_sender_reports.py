"""``sender reports``: reports counted once, sources, what a stricter policy would stop."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from support import cli
from support.reports import RECORD, REPORT, ROWS, TLS

DAYS = "--days=3000"


def bouncewise(folder: Path, *arguments: str) -> str:
    """The output of a command."""
    return cli.bouncewise(folder, *arguments).stdout.decode()


def rows(tmp_path: Path, *arguments: str) -> list[dict[str, Any]]:
    result = bouncewise(tmp_path, "sender", "reports", "--json", DAYS, *arguments)
    return [json.loads(line) for line in result.splitlines()]


def write(tmp_path: Path, name: str, *replaced: tuple[str, str]) -> None:
    text = REPORT
    for old, new in replaced:
        text = text.replace(old, new)
    (tmp_path / "reports").mkdir(exist_ok=True)
    (tmp_path / "reports" / name).write_text(text)


def test_a_report_counts_once_whatever_way_it_comes(tmp_path: Path) -> None:
    write(tmp_path, "a.xml")
    write(tmp_path, "b.xml")
    first = bouncewise(tmp_path, "ingest", "reports")
    assert "2 reports" in first and "1 new" in first
    assert "0 new" in bouncewise(tmp_path, "ingest", "reports")
    summary = rows(tmp_path)[0]
    assert (summary["domain"], summary["reports"], summary["mails"]) == ("example.com", 1, 8)


def test_only_mail_for_which_both_fail_would_be_refused(tmp_path: Path) -> None:
    write(tmp_path, "a.xml")
    bouncewise(tmp_path, "ingest", "reports")
    summary, *sources = rows(tmp_path, "--what-if", "reject")
    assert summary["passed"] == 7
    assert summary["failed_by_class"] == {"modified": 1}
    assert [(s["source"], s["failed"]) for s in sources] == [("2001:db8::1", 1)]


def test_quarantine_and_reject_concern_the_same_mails_and_differ_in_what_becomes_of_them(
    tmp_path: Path,
) -> None:
    write(tmp_path, "a.xml")
    bouncewise(tmp_path, "ingest", "reports")
    found = {policy: rows(tmp_path, "--what-if", policy)[0] for policy in ("quarantine", "reject")}
    assert [summary["failed_by_class"] for summary in found.values()] == [{"modified": 1}] * 2
    assert [found[p]["would"] for p in ("quarantine", "reject")] == ["spam-folder", "refuse"]
    assert rows(tmp_path)[0]["would"] is None
    shown = bouncewise(tmp_path, "sender", "reports", DAYS, "--what-if", "quarantine")
    assert "into the spam folder: 1 mails (12.5%)" in shown
    shown = bouncewise(tmp_path, "sender", "reports", DAYS, "--what-if", "reject")
    assert "refused, with a bounce to the sender: 1 mails (12.5%)" in shown


WEEK_BEFORE = (("1795305600", "1794614400"), ("1795391999", "1794700799"), ("r1<", "r0<"))


def test_a_source_that_older_reports_do_not_name_is_new(tmp_path: Path) -> None:
    known = RECORD.format(ip="192.0.2.1", count=5, dkim="pass", spf="pass")
    write(tmp_path, "old.xml", (ROWS, known), *WEEK_BEFORE)
    write(tmp_path, "new.xml")
    bouncewise(tmp_path, "ingest", "reports")
    sources = [row for row in rows(tmp_path) if row["kind"] == "source"]
    assert {s["source"]: s["new"] for s in sources} == {"192.0.2.1": False, "2001:db8::1": True}
    shown = bouncewise(tmp_path, "sender", "reports", DAYS)
    assert re.search(r"1  2001:db8::1 +0 pass, 1 fail, since 2026-11-22", shown)


def test_no_source_of_the_first_reports_is_new(tmp_path: Path) -> None:
    write(tmp_path, "a.xml")
    bouncewise(tmp_path, "ingest", "reports")
    assert not any(row["new"] for row in rows(tmp_path) if row["kind"] == "source")
    assert "new sources" not in bouncewise(tmp_path, "sender", "reports", DAYS)


def test_forty_reporters_that_see_forwarded_mail_are_no_reason_to_widen_spf(tmp_path: Path) -> None:
    forwarded = RECORD.format(ip="203.0.113.9", count=3, dkim="pass", spf="fail")
    for n in range(40):
        write(tmp_path, f"{n}.xml", (ROWS, forwarded), ("there.example</org", f"r{n}.example</org"))
    bouncewise(tmp_path, "ingest", "reports")
    summary, source, _ = rows(tmp_path)
    assert (summary["reporters"], summary["by_class"]) == (40, {"forwarded": 120})
    assert source["source_class"] == "forwarded"
    assert "do not add forwarders to SPF" in bouncewise(tmp_path, "sender", "reports", DAYS)


def stream(
    count: int, aligned: tuple[str, str], signed: tuple[str, str], mailed: tuple[str, str], ip: str
) -> str:
    """A record: aligned results of DKIM and SPF, and what was checked, as (domain, result)."""
    text = RECORD.format(ip=ip, count=count, dkim=aligned[0], spf=aligned[1])
    text = text.replace("<domain>example.com<", f"<domain>{signed[0]}<")
    text = text.replace("<result>Pass<", f"<result>{signed[1]}<")
    text = text.replace("b.example.com", mailed[0]).replace("softfail", mailed[1])
    return text.replace("<type>mailing_list</type>", "<type>other</type>")


OWN = ("example.com", "pass")
ESP, ESP_BOUNCE = ("esp.example", "pass"), ("b.esp.example", "pass")


def test_alignment_is_counted_by_stream(tmp_path: Path) -> None:
    records = (
        stream(50, ("pass", "pass"), OWN, ("b.example.com", "pass"), "192.0.2.1"),
        stream(7, ("fail", "pass"), OWN, ("b.example.com", "pass"), "192.0.2.2"),
        stream(30, ("pass", "fail"), OWN, ESP_BOUNCE, "192.0.2.3"),
        stream(9, ("fail", "fail"), ESP, ESP_BOUNCE, "192.0.2.3"),
        stream(4, ("pass", "fail"), OWN, ("b.example.com", "fail"), "203.0.113.9"),
        stream(99, ("fail", "fail"), ("", "fail"), ("b.example.com", "fail"), "203.0.113.66"),
    )
    write(tmp_path, "a.xml", (ROWS, "".join(records)))
    bouncewise(tmp_path, "ingest", "reports")
    found = [row for row in rows(tmp_path) if row["kind"] == "alignment"]
    keys = ("signed", "mailed", "mails", "both", "dkim", "spf", "neither", "sources")
    assert [tuple(row[key] for key in keys) for row in found] == [
        ("example.com", "b.example.com", 57, 50, 0, 7, 0, 2),
        ("example.com", "b.esp.example", 30, 0, 30, 0, 0, 1),
        ("esp.example", "b.esp.example", 9, 0, 0, 0, 9, 1),
        ("example.com", None, 4, 0, 4, 0, 0, 1),
    ]
    assert {row["header_from"] for row in found} == {"example.com"}
    shown = bouncewise(tmp_path, "sender", "reports", DAYS)
    assert re.search(r"30 +0 +30 +0 +0  example\.com; example\.com; b\.esp\.example\n", shown)
    sources = {row["source"]: row for row in rows(tmp_path) if row["kind"] == "source"}
    assert (sources["192.0.2.2"]["dkim"], sources["192.0.2.2"]["spf"]) == (0, 7)


def test_tls_reports_are_summed_by_policy(tmp_path: Path) -> None:
    (tmp_path / "tls.json").write_text(json.dumps(TLS))
    bouncewise(tmp_path, "ingest", "tls.json")
    [summary] = rows(tmp_path, "example.com")
    assert (summary["kind"], summary["sessions"], summary["failed"]) == ("tls", 100, 10)
    assert summary["failures"] == [
        {"result": "certificate-expired", "mx": "mx.example.com", "count": 10}
    ]


def test_no_report_is_a_finding(tmp_path: Path) -> None:
    write(tmp_path, "a.xml")
    bouncewise(tmp_path, "ingest", "reports")
    result = cli.bouncewise(tmp_path, "sender", "reports", "other.example", DAYS)
    assert result.returncode == 1 and b"no reports about other.example" in result.stdout


def test_read_shows_a_report_without_a_ledger(tmp_path: Path) -> None:
    write(tmp_path, "a.xml")
    assert "8 mails, 7 pass DMARC; p=none" in bouncewise(tmp_path, "read", "reports")
    [row] = [json.loads(x) for x in bouncewise(tmp_path, "read", "--json", "reports").splitlines()]
    assert (row["kind"], row["policy"]["sp"], row["rows"][0]["mails"]) == ("dmarc", "reject", 7)
