"""Which terms of an SPF record the reported mail needed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bouncewise.ledger import Store, open_store
from bouncewise.operations.spf_use import SpfUse, TermUse, spf_use
from support.cli import bouncewise
from support.reports import RECORD, REPORT, ROWS
from support.zone import SILENT, resolver

SINCE = datetime(2000, 1, 1, tzinfo=UTC)
ZONE = {
    "example.com": {
        "TXT": ["v=spf1 ip4:192.0.2.0/24 include:used.example include:unused.example -all"]
    },
    "used.example": {"TXT": ["v=spf1 include:inner.example -all"]},
    "inner.example": {"TXT": ["v=spf1 ip4:198.51.100.0/24 -all"]},
    "unused.example": {"TXT": ["v=spf1 a:host.unused.example -all"]},
    "host.unused.example": {"A": ["203.0.113.200"]},
}
SOURCES = (
    ("192.0.2.7", 5, "pass", "pass"),
    ("198.51.100.9", 40, "fail", "pass"),
    ("203.0.113.9", 3, "pass", "fail"),
    ("203.0.113.66", 9, "fail", "fail"),
)


def use(folder: Path, zone: dict[str, object]) -> SpfUse | None:
    records = "".join(
        RECORD.format(ip=ip, count=count, dkim=dkim, spf=spf) for ip, count, dkim, spf in SOURCES
    )
    (folder / "a.xml").write_text(REPORT.replace(ROWS, records))
    assert bouncewise(folder, "ingest", "a.xml", "--db", "l").returncode == 0
    ledger: Store
    with open_store(folder / "l") as ledger:
        return spf_use(ledger, "example.com", resolver(zone), SINCE)  # type: ignore[arg-type]


def test_a_term_that_no_mail_needed_is_named_with_its_cost(tmp_path: Path) -> None:
    found = use(tmp_path, dict(ZONE))
    assert found is not None
    assert found.terms == [
        TermUse("include:used.example", 2, 1, 40),
        TermUse("ip4:192.0.2.0/24", 0, 1, 5),
        TermUse("include:unused.example", 2, 0, 0),
    ]


def test_mail_that_passes_by_dkim_alone_is_outside_and_forged_mail_is_not(tmp_path: Path) -> None:
    found = use(tmp_path, dict(ZONE))
    assert found is not None
    assert found.outside == [("203.0.113.9", 3)]
    assert found.sources == 3


def test_dns_that_is_silent_says_nothing_about_a_source(tmp_path: Path) -> None:
    found = use(tmp_path, ZONE | {"inner.example": SILENT})
    assert found is not None
    assert found.silent == 2
    assert found.outside == []


@pytest.mark.parametrize("record", [[], ["v=spf1 -all", "v=spf1 +all"]])
def test_without_a_record_nothing_is_said(tmp_path: Path, record: list[str]) -> None:
    assert use(tmp_path, ZONE | {"example.com": {"TXT": record}}) is None
