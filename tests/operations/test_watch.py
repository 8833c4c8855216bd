"""The watch: what is due is looked at, and only changes are told."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bouncewise.ledger import Store, open_store
from bouncewise.net.dnssec import Security, Validated
from bouncewise.net.smtp import Shown
from bouncewise.operations.watch import Watched, watch
from bouncewise.sender.audit import Network
from bouncewise.sender.blocklists import load
from bouncewise.sender.watching import Turn
from support.certificates import issue
from support.cli import bouncewise
from support.postfix import log_lines
from support.reports import RECORD, REPORT, ROWS
from support.zone import SILENT, resolver

NOW = datetime(2026, 11, 27, 4, tzinfo=UTC)
ZONES = """
[[zone]]
name = "bl.listers.example"
asks = "ip"
tier = "B"
codes = { "127.0.0.2" = "spam source" }
delist = "https://bl.listers.example/remove"
"""
GOOD: dict[str, Any] = {
    "shop.example": {"TXT": ["v=spf1 ip4:192.0.2.10 -all"], "MX": ["10 mx.shop.example."]},
    "mx.shop.example": {"A": ["192.0.2.10"]},
    "_dmarc.shop.example": {"TXT": ["v=DMARC1; p=reject; rua=mailto:d@shop.example"]},
    "2.0.0.127.bl.listers.example": {"A": ["127.0.0.2"]},
}
LISTED = {"10.2.0.192.bl.listers.example": {"A": ["127.0.0.2"]}}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "l", create=True) as store:
        yield store


def look(
    ledger: Store, folder: Path, table: dict[str, Any], hours: float, *, everything: bool = True
) -> list[tuple[Turn, str]]:
    (folder / "zones.toml").write_text(ZONES)
    watched = Watched(
        ("shop.example",),
        (ipaddress.ip_address("192.0.2.10"),),
        load(folder / "zones.toml").zone,
        resolver(table),
    )
    found = watch(ledger, watched, NOW + timedelta(hours=hours), everything=everything)
    return [(c.turn, f"{c.problem.part} {c.problem.id}") for c in found.changes]


def test_a_listing_is_told_when_two_runs_agree(ledger: Store, tmp_path: Path) -> None:
    part = "listing 192.0.2.10 bl.listers.example listed"
    look(ledger, tmp_path, GOOD, 0)
    assert look(ledger, tmp_path, GOOD | LISTED, 1) == []
    assert look(ledger, tmp_path, GOOD | LISTED, 2) == [(Turn.BEGAN, part)]
    assert look(ledger, tmp_path, GOOD, 3) == []
    assert look(ledger, tmp_path, GOOD, 4) == [(Turn.ENDED, part)]


def test_a_record_that_breaks_is_told_and_dns_that_is_silent_is_not(
    ledger: Store, tmp_path: Path
) -> None:
    look(ledger, tmp_path, GOOD, 0)
    broken = GOOD | {"_dmarc.shop.example": {"TXT": []}}
    began = look(ledger, tmp_path, broken, 1)
    assert [turn for turn, _ in began] == [Turn.BEGAN]
    assert "records shop.example dmarc" in began[0][1]
    silent = GOOD | {"_dmarc.shop.example": SILENT}
    assert look(ledger, tmp_path, silent, 2) == []
    assert look(ledger, tmp_path, GOOD, 3) == [(Turn.ENDED, began[0][1])]


def test_silence_about_one_record_does_not_hide_that_another_was_repaired(
    ledger: Store, tmp_path: Path
) -> None:
    look(ledger, tmp_path, GOOD | {"_dmarc.shop.example": {"TXT": []}}, 0)
    silent = GOOD | {"_smtp._tls.shop.example": SILENT}
    ended = look(ledger, tmp_path, silent, 1)
    assert ended == [(Turn.ENDED, "records shop.example dmarc-none")]


def test_each_kind_is_looked_at_when_it_is_due(ledger: Store, tmp_path: Path) -> None:
    look(ledger, tmp_path, GOOD, 0)
    broken = GOOD | {"_dmarc.shop.example": {"TXT": []}}
    assert look(ledger, tmp_path, broken, 1, everything=False) == []
    assert len(look(ledger, tmp_path, broken, 7, everything=False)) == 1


def test_a_source_that_falls_silent_is_told(tmp_path: Path) -> None:
    (tmp_path / "mail.log").write_text(log_lines("2026-11-24T09:00:00+00:00", "a@b.example"))
    assert bouncewise(tmp_path, "ingest", "mail.log", "--db", "l").returncode == 0
    with open_store(tmp_path / "l") as ledger:
        found = look(ledger, tmp_path, GOOD, 0)
        assert (Turn.BEGAN, "source postfix silent") in found


def test_a_list_that_our_refusals_name_weighs_more(tmp_path: Path) -> None:
    reply = "554 5.7.1 Client host [192.0.2.10] blocked using bl.listers.example"
    lines = log_lines("2026-11-26T09:00:00+00:00", "a@b.example", reply)
    (tmp_path / "mail.log").write_text(lines)
    assert bouncewise(tmp_path, "ingest", "mail.log", "--db", "l").returncode == 0
    with open_store(tmp_path / "l") as ledger:
        look(ledger, tmp_path, GOOD | LISTED, 0)
        (tmp_path / "zones.toml").write_text(ZONES)
        zones = load(tmp_path / "zones.toml").zone
        address = ipaddress.ip_address("192.0.2.10")
        watched = Watched((), (address,), zones, resolver(GOOD | LISTED))
        found = watch(ledger, watched, NOW + timedelta(hours=1), everything=True)
    (listing,) = [c.problem for c in found.changes if c.problem.is_listing]
    assert listing.level == "error"
    assert "1 addresses refused in 30 days with its name" in listing.words


BEGIN = 1795305600  # 2026-11-22


def report(folder: Path, name: str, day: int, *records: tuple[str, int, str]) -> None:
    """Ingest a report on one day, with (source, mails, aligned result of DKIM)."""
    text = "".join(
        RECORD.format(ip=ip, count=count, dkim=result, spf="fail") for ip, count, result in records
    )
    begin = BEGIN + day * 86400
    whole = REPORT.replace(ROWS, text).replace("r1<", f"{name}<")
    whole = whole.replace("1795305600", str(begin)).replace("1795391999", str(begin + 86399))
    (folder / f"{name}.xml").write_text(whole)
    assert bouncewise(folder, "ingest", f"{name}.xml", "--db", "l").returncode == 0


def alerts(folder: Path, hours: float) -> list[str]:
    with open_store(folder / "l") as ledger:
        watched = Watched((), (), (), resolver({}))
        found = watch(ledger, watched, NOW + timedelta(hours=hours), everything=True)
    assert all(noted.id != "new-source" for noted in found.standing)
    new = [change for change in found.changes if change.problem.id == "new-source"]
    assert all(change.is_worse for change in new)
    return [change.problem.words for change in new]


def test_a_new_source_is_an_alert_once_with_volume_result_and_first_day(tmp_path: Path) -> None:
    report(tmp_path, "a", 0, ("192.0.2.1", 100, "pass"))
    assert alerts(tmp_path, 0) == []
    report(tmp_path, "b", 1, ("192.0.2.1", 100, "pass"), ("203.0.113.66", 20, "fail"))
    report(tmp_path, "c", 2, ("198.51.100.7", 30, "pass"), ("203.0.113.66", 30, "fail"))
    head = "new source of mail as example.com: "
    assert alerts(tmp_path, 12) == [
        f"{head}203.0.113.66, 50 mails (17.9%) since 2026-11-23: all fail DMARC",
        f"{head}198.51.100.7, 30 mails (10.7%) since 2026-11-24: all pass DMARC",
    ]
    assert alerts(tmp_path, 24) == []


def test_a_new_source_of_few_mails_is_an_alert_when_it_comes_to_weigh(tmp_path: Path) -> None:
    report(tmp_path, "a", 0, ("192.0.2.1", 1000, "pass"))
    alerts(tmp_path, 0)
    report(tmp_path, "b", 1, ("203.0.113.66", 5, "fail"))
    assert alerts(tmp_path, 12) == []
    report(tmp_path, "c", 2, ("203.0.113.66", 5, "fail"), ("203.0.113.66", 2, "pass"))
    (words,) = alerts(tmp_path, 24)
    assert "12 mails (1.2%) since 2026-11-23: 2 pass DMARC, 10 fail" in words
    assert alerts(tmp_path, 36) == []


def test_an_old_archive_that_is_read_late_brings_no_new_source(tmp_path: Path) -> None:
    report(tmp_path, "a", 0, ("192.0.2.1", 100, "pass"))
    alerts(tmp_path, 0)
    report(tmp_path, "b", -100, ("203.0.113.66", 500, "fail"))
    assert alerts(tmp_path, 12) == []


def test_without_anything_to_watch_the_command_says_what_to_set(tmp_path: Path) -> None:
    done = bouncewise(tmp_path, "watch", "--db", "l")
    assert done.returncode == 2
    assert b"[watch] domains" in done.stderr


def test_dnssec_and_certificates_are_watched(ledger: Store, tmp_path: Path) -> None:
    certificates = {days: issue(tmp_path, "mx.shop.example", days=days).der for days in (5, 90)}

    def changes(hours: float, security: Security, days: int) -> set[tuple[Turn, str]]:
        network = Network(
            validate=lambda *_: Validated(security),
            connect=lambda *_: Shown("192.0.2.10", "TLSv1.3", certificates[days], ()),
        )
        watched = Watched(("shop.example",), (), (), resolver(GOOD), network)
        found = watch(ledger, watched, NOW + timedelta(hours=hours), everything=True)
        wanted = ("dnssec-bogus", "smtp-certificate-ends")
        return {(c.turn, c.problem.id) for c in found.changes if c.problem.id in wanted}

    assert changes(0, Security.SECURE, 90) == set()
    assert changes(6, Security.BOGUS, 5) == {
        (Turn.BEGAN, "dnssec-bogus"),
        (Turn.BEGAN, "smtp-certificate-ends"),
    }
    assert changes(12, Security.UNKNOWN, 5) == set()
    assert changes(18, Security.SECURE, 90) == {
        (Turn.ENDED, "dnssec-bogus"),
        (Turn.ENDED, "smtp-certificate-ends"),
    }
