"""From the first mail to the decision, by commands: smart hosts that accept and bounce later, and
return addresses that are all signed.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bouncewise.config.settings import Own, Settings
from bouncewise.model import Finding, Proof
from bouncewise.operations.context import Context
from bouncewise.operations.ingest import Session
from bouncewise.readers.messages.mbox import findings
from support.cli import bouncewise
from support.postfix import log_lines

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
DEAD = "dead@gone.example"
LIVING = tuple(f"u{n}@d{n}.example" for n in range(12))


def sent(name: str, at: datetime, queue: str, relay: str) -> str:
    """A mail with its Message-ID, and a host that accepted it."""
    return log_lines(at, name, queue=queue, host=relay, message_id=f"{queue}@s.example")


def notice(name: str, at: datetime, message_id: str, to: str = "news@s.example") -> str:
    """What a server sends that could not deliver the mail *message_id* to *name*."""
    stamp = at.strftime("%a, %d %b %Y %H:%M:%S +0000")
    return (
        "Return-Path: <>\n"
        f"Received: from mx.gone.example by mx.s.example with ESMTP id A1 for <{to}>; {stamp}\n"
        f"From: MAILER-DAEMON@mx.gone.example\nTo: {to}\nDelivered-To: {to}\nDate: {stamp}\n"
        "Subject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        f"--b\nContent-Type: text/plain\n\n<{name}>: 550 5.1.1 User unknown\n\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.gone.example\n\n"
        f"Final-Recipient: rfc822; {name}\nAction: failed\nStatus: 5.1.1\n"
        "Diagnostic-Code: smtp; 550 5.1.1 User unknown\n\n"
        f"--b\nContent-Type: text/rfc822-headers\n\nFrom: news@s.example\nTo: {name}\n"
        f"Date: {stamp}\nMessage-ID: <{message_id}>\n\n--b--\n"
    )


def may_be_mailed(folder: Path, name: str, at: datetime) -> bool:
    done = bouncewise(folder, "check", name, "--json", "--db", "l", "--at", at.isoformat())
    return bool(json.loads(done.stdout)["send"])


def ingest(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    done = bouncewise(folder, "ingest", name, "--db", "l", "--jobs", "1")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("named", [True, False], ids=["configured", "recognised"])
@pytest.mark.parametrize("every", [1, 7], ids=["daily", "weekly"])
def test_a_dead_address_behind_a_smart_host_gets_at_most_two_further_mails(
    tmp_path: Path, named: bool, every: int
) -> None:
    own = '[own]\ndomains = ["s.example"]\n'
    hosts = 'smart_hosts = ["smtp.provider.example"]\n' if named else ""
    (tmp_path / "bouncewise.toml").write_text(own + hosts)
    mailed = 0
    for day in range(0, 20 * every, every):
        at = T0 + timedelta(days=day)
        log = [
            sent(name, at + timedelta(seconds=n), f"4{day:04}{n:04}A", "smtp.provider.example")
            for n, name in enumerate(LIVING)
        ]
        is_mailed = not day or may_be_mailed(tmp_path, DEAD, at)
        queue = f"4{day:04}9999A"
        if is_mailed:
            log.append(sent(DEAD, at + timedelta(minutes=1), queue, "smtp.provider.example"))
        ingest(tmp_path, f"{day}.log", "".join(log))
        if is_mailed:
            mailed += 1
            back = notice(DEAD, at + timedelta(minutes=9), f"{queue}@s.example")
            ingest(tmp_path, f"{day}.eml", back)
    assert mailed <= 3
    assert all(may_be_mailed(tmp_path, name, at + timedelta(days=1)) for name in LIVING)


def test_a_finding_that_is_added_alone_is_examined_as_one_of_a_file(tmp_path: Path) -> None:
    """By the address of its sender a notice is implausible, whatever way it comes."""
    raw = notice(DEAD, T0, "x@foreign.example").replace("From: news@s.example", "From: a@f.example")
    settings = Settings(own=Own(domains=("s.example",)))
    with Context.open(tmp_path / "l", create=True, settings=settings) as context:
        session = Session(context, "socket")
        for item in findings(raw.encode(), "socket", 0):
            assert isinstance(item, Finding)
            session.add(item)
        session.settle()
        [event] = context.ledger.history(DEAD)
        assert event.proof == Proof.IMPLAUSIBLE


def test_where_all_mail_is_signed_only_notices_to_signed_addresses_count(tmp_path: Path) -> None:
    (tmp_path / "bouncewise.toml").write_text(
        '[own]\ndomains = ["s.example"]\n\n[verp]\nkey_file = "verp.keys"\n'
        'domain = "bounces.s.example"\nsince = 2026-01-01\n'
    )
    assert bouncewise(tmp_path, "verp", "key", "verp.keys").returncode == 0
    made = bouncewise(tmp_path, "verp", "address", DEAD)
    assert made.returncode == 0, made.stderr
    now = datetime.now(UTC)
    mailed = now - timedelta(minutes=6)
    log = [sent(DEAD, mailed, "4Q1A", "mx.gone.example")]
    log += [
        sent(name, mailed - timedelta(days=n), f"4Q{n}B", f"mx.d{n}.example")
        for n, name in enumerate(LIVING)
    ]
    ingest(tmp_path, "mail.log", "".join(log))
    soon = mailed + timedelta(minutes=5)
    ingest(tmp_path, "1.eml", notice(DEAD, mailed, "4Q1A@s.example"))
    for n, name in enumerate(LIVING):
        at = mailed - timedelta(days=n) + timedelta(minutes=5)
        ingest(tmp_path, f"living-{n}.eml", notice(name, at, f"4Q{n}B@s.example"))
    assert all(may_be_mailed(tmp_path, name, now) for name in (DEAD, *LIVING))
    signed = made.stdout.decode().strip()
    ingest(tmp_path, "2.eml", notice(DEAD, soon, "4Q1A@s.example", signed))
    assert not may_be_mailed(tmp_path, DEAD, now)
    assert not may_be_mailed(tmp_path, DEAD, now + timedelta(days=300))
    assert all(may_be_mailed(tmp_path, name, now) for name in LIVING)
