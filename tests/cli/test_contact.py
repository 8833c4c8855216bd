"""``contact``: where to ask, and a letter of what the ledger and the sources contain."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bouncewise.rules.receivers import receivers
from bouncewise.sender.contacts import FILL_IN, addresses_in, contacts
from support.cli import bouncewise
from support.postfix import UNKNOWN, log_lines

NOW = datetime.now(UTC) - timedelta(days=2)
LISTED = (
    "550 5.7.1 Unfortunately, messages from [198.51.100.7] weren't sent. Please contact your "
    "Internet service provider since part of their network is on our block list (S3150)."
)
BANNED = "550 5.7.606 Access denied, banned sending IP [198.51.100.7]. To request removal, go on"
HOST = "hotmail-com.olc.protection.outlook.com"


def ledger(folder: Path, *lines: str) -> None:
    (folder / "mail.log").write_text("".join(lines))
    done = bouncewise(folder, "ingest", "mail.log")
    assert done.returncode == 0, done.stderr


def refusals(count: int, reply: str, first: int = 0) -> list[str]:
    return [
        log_lines(NOW + timedelta(minutes=n), f"u{n}@hotmail.com", reply, queue=n, host=HOST)
        for n in range(first, first + count)
    ]


def test_the_letter_has_ips_times_and_full_replies(tmp_path: Path) -> None:
    ledger(tmp_path, *refusals(4, LISTED), *refusals(2, BANNED, 10), *refusals(9, UNKNOWN, 20))
    done = bouncewise(tmp_path, "contact", "microsoft", "--ip", "2001:db8::1", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["receiver"] == "microsoft"
    assert sum(found["causes"].values()) == 6  # a mailbox that is unknown is not the sender's fault
    assert found["ips"] == ["2001:db8::1", "198.51.100.7"]  # not 192.0.2.1, the receiver's server
    replies = [row["reply"] for row in found["replies"]]
    assert len(replies) == 3  # one of each text, and one more
    assert any(LISTED in reply for reply in replies)
    assert any(BANNED in reply for reply in replies)
    assert all(LISTED in reply or BANNED in reply for reply in replies)
    assert {row["host"] for row in found["replies"]} == {HOST}
    assert f"{NOW:%Y-%m-%d %H:%M}" in found["letter"]
    for reply in replies:
        assert reply in found["letter"]
    assert found["letter"].count(FILL_IN) >= 3  # company, cause, and what was changed
    assert "https://olcsupport.office.com/" in {row["address"] for row in found["contacts"]}
    assert all(row["source"] for row in found["contacts"])


def test_a_host_or_address_of_a_receiver_names_it(tmp_path: Path) -> None:
    ledger(tmp_path, *refusals(1, LISTED))
    for name in ("jo@hotmail.com", "HOTMAIL.COM", HOST, "Microsoft"):
        done = bouncewise(tmp_path, "contact", name, "--json")
        assert json.loads(done.stdout)["receiver"] == "microsoft"


def test_nothing_is_invented(tmp_path: Path) -> None:
    ledger(tmp_path, *refusals(1, UNKNOWN))
    done = bouncewise(tmp_path, "contact", "rambler")
    assert b"No form or address is known" in done.stdout
    assert b"No refusal of your mail" in done.stdout
    assert b"Subject:" not in done.stdout
    own = json.loads(bouncewise(tmp_path, "contact", "small.example", "--json").stdout)
    assert [row["address"] for row in own["contacts"]] == ["postmaster@small.example"]
    assert own["letter"] == ""


@pytest.mark.parametrize("name", ["nobody", "a b", ""])
def test_no_receiver_is_a_usage_error(tmp_path: Path, name: str) -> None:
    ledger(tmp_path, *refusals(1, UNKNOWN))
    assert bouncewise(tmp_path, "contact", name).returncode == 2


def test_a_bad_ip_is_a_usage_error(tmp_path: Path) -> None:
    done = bouncewise(tmp_path, "contact", "google", "--ip", "192.0.2.300")
    assert done.returncode == 2
    assert b"not an IP address" in done.stderr


def test_each_contact_belongs_to_a_receiver_and_has_a_source() -> None:
    known = {receiver.id for receiver in receivers()}
    assert {contact.receiver for contact in contacts()} <= known
    assert all(contact.source and contact.use for contact in contacts())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("blocked [198.51.100.7].", ["198.51.100.7"]),
        ("554 5.7.1 client 2001:DB8::7 at 12:30:01", ["2001:db8::7"]),
        ("127.0.0.2 and 224.0.0.1 and 0.0.0.0", []),
        ("::" * 50_000, []),
    ],
)
def test_addresses_in_replies(text: str, found: list[str]) -> None:
    assert addresses_in(text) == found
