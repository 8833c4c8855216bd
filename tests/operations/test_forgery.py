"""Mail that anybody can send decides nothing where own logs cover the time: it suppresses no
address, concerns no domain and releases nobody.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from bouncewise import Ledger
from bouncewise.cli import bouncewise
from bouncewise.model import State
from support.postfix import ACCEPTED, UNKNOWN, log_lines

pytestmark = pytest.mark.sqlite  # (it copies the file of a ledger)

FROM_MAILER = "Return-Path: <>\nFrom: Mail Delivery <mailer-daemon@b.example>\nTo: n@s.example\n"
T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
VICTIM, DEAD, OTHER = "victim@b.example", "dead@c.example", "eve@evil.example"
GONE = "Host or domain name not found. Name service error for name=b.example type=AAAA"


def logged(name: str, at: datetime, number: int, *, mid: str = "", sent: bool = True) -> str:
    return log_lines(at, name, ACCEPTED if sent else UNKNOWN, queue=number, message_id=mid)


def date(days: float = 0) -> str:
    return (T0 + timedelta(days=days)).strftime("%a, %d %b %Y %H:%M:%S +0000")


def dsn(  # noqa: PLR0913 - each part of a notice may differ
    final: str = VICTIM,
    *,
    words: str = UNKNOWN,
    action: str = "failed",
    header: str = FROM_MAILER,
    when: str = "",
    original: str = "Message-ID: <guess@s.example>",
    extra: str = "",
) -> str:
    return (
        f"{header}Date: {when or date()}\nSubject: Undelivered Mail\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        f"--b\nContent-Type: text/plain\n\n<{final}>: {words}\n\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; b.example\n"
        f"{extra}\nFinal-Recipient: rfc822; {final}\nAction: {action}\nStatus: 5.1.1\n"
        f"Diagnostic-Code: smtp; {words}\n\n--b\nContent-Type: text/rfc822-headers\n\n"
        f"From: n@s.example\nTo: {final}\n{original}\n\n--b--\n"
    )


def arf(kind: str = "abuse", *, who: str = VICTIM, extra: str = "", auth: str = "") -> str:
    return (
        f"{auth}From: fbl@isp.example\nTo: f@s.example\nDate: {date()}\nSubject: FW: spam\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="a"\n\n'
        "--a\nContent-Type: text/plain\n\nreport\n\n--a\nContent-Type: message/feedback-report\n\n"
        f"Feedback-Type: {kind}\nUser-Agent: X/1\nVersion: 1\nOriginal-Rcpt-To: {who}\n{extra}\n"
        f"--a\nContent-Type: message/rfc822\n\nFrom: n@s.example\nTo: {who}\n\nhello\n\n--a--\n"
    )


def text(body: str, header: str = "") -> str:
    base = "Return-Path: <eve@evil.example>\nFrom: Eve <eve@evil.example>\nTo: n@s.example\n"
    return f"{header or base}Date: {date()}\nSubject: Undelivered\n\n{body}\n"


FIELDS = f"Final-Recipient: rfc822; {VICTIM}\nAction: failed\nStatus: 5.1.1\n"
POSTMASTER = 'Return-Path: <eve@evil.example>\nFrom: "Postmaster" <eve@evil.example>\n'
QUOTED_LOG = logged(VICTIM, T0, 999, sent=False)
SES = json.dumps(
    {
        "notificationType": "Bounce",
        "bounce": {
            "bounceType": "Permanent",
            "bounceSubType": "General",
            "bouncedRecipients": [{"emailAddress": VICTIM, "diagnosticCode": f"smtp; {UNKNOWN}"}],
            "timestamp": "2026-03-02T09:00:00Z",
        },
        "mail": {"messageId": "m", "timestamp": "2026-03-02T09:00:00Z"},
    }
)
AUTH = "Authentication-Results: mx.s.example; dkim=pass header.d=b.example\n"

FORGED: dict[str, str] = {
    "dsn": dsn(),
    "dsn to VERP address": dsn(
        header="Return-Path: <>\nFrom: mailer-daemon@b.example\nTo: b+victim=b.example@s.example\n"
    ),
    "dsn with bulk Message-ID": dsn(original="Message-ID: <bulk@s.example>"),
    "dsn with the Message-ID of another": dsn(original="Message-ID: <one@s.example>"),
    "dsn with guessed queue id": dsn(extra="X-Postfix-Queue-ID: 4Q000000777\n"),
    "dsn with the queue id of another": dsn(extra="X-Postfix-Queue-ID: 4Q000000001\n"),
    "dsn with original recipient": dsn(OTHER).replace(
        "Final-Recipient", f"Original-Recipient: rfc822; {VICTIM}\nFinal-Recipient"
    ),
    "dsn with forged Authentication-Results": AUTH + dsn(),
    "dsn by postmaster": dsn(header=POSTMASTER),
    "dsn by a person": dsn(header="Return-Path: <eve@evil.example>\nFrom: eve@evil.example\n"),
    "dsn of 1970": dsn(when="Thu, 01 Jan 1970 00:00:00 +0000"),
    "dsn of year 1": dsn(when="Mon, 01 Jan 0001 00:00:00 +0000"),
    "dsn of 2035": dsn(when="Mon, 01 Jan 2035 00:00:00 +0000"),
    "dsn of 9999": dsn(when="Fri, 31 Dec 9999 23:00:00 +0000"),
    "dsn undated": dsn().replace("Date: ", "X-Date: "),
    "dsn without original": dsn(original=""),
    "dsn mailbox full": dsn(words="552 5.2.2 Mailbox full"),
    "dsn of a domain": dsn(words=GONE),
    "dsn of a null MX": dsn(words="556 5.1.10 Recipient address has null MX"),
    "dsn access denied": dsn(words="550 5.4.1 Recipient address rejected: Access denied"),
    "dsn in upper case": dsn(VICTIM.upper()),
    "dsn delivered": dsn(DEAD, action="delivered"),
    "dsn relayed": dsn(DEAD, action="relayed"),
    "dsn expanded": dsn(DEAD, action="expanded"),
    "many recipients": dsn().replace(
        FIELDS,
        "".join(f"{FIELDS}\n".replace(VICTIM, f"v{n}@b.example") for n in range(30)) + FIELDS,
    ),
    "fields in text": text(FIELDS),
    "fields in text of postmaster": text(FIELDS, POSTMASTER),
    "X-Failed-Recipients": text(
        "bounced", f"X-Failed-Recipients: {VICTIM}\nFrom: e@evil.example\n"
    ),
    "X-Failed-Recipients, null path": text(
        UNKNOWN, f"Return-Path: <>\nX-Failed-Recipients: {VICTIM}\nFrom: mailer-daemon@x.example\n"
    ),
    "qmail text": text(
        f"Hi. This is the qmail-send program at b.example.\n\n<{VICTIM}>:\n{UNKNOWN}\n",
        "Return-Path: <>\nFrom: MAILER-DAEMON@b.example\n",
    ),
    "postmaster's text": text(f"could not be delivered\n\n<{VICTIM}>: {UNKNOWN}", POSTMASTER),
    "forwarded bounce": text("---------- Forwarded message ----------\n" + dsn()),
    "attached bounce": text("see below").replace(
        "Subject: Undelivered\n",
        'Subject: Fwd: bounce\nContent-Type: multipart/mixed; boundary="m"\n',
    )
    + "--m\nContent-Type: message/rfc822\n\n"
    + dsn()
    + "\n--m--\n",
    "log line in text": text(QUOTED_LOG),
    "delivery line in text": text(logged(DEAD, T0, 998)),
    "json in text": text(SES),
    "sns mail": text(SES, "x-amz-sns-message-id: 1\nFrom: no-reply@sns.amazonaws.com\n"),
    "arf": arf(),
    "arf opt-out": arf("opt-out"),
    "arf not spam": arf("not-spam", who=DEAD),
    "arf with forged Authentication-Results": arf(auth=AUTH),
    "arf auth-failure": arf("auth-failure", who=DEAD),
    "arf auth-failure delivered": arf(
        "auth-failure", who=DEAD, extra="Delivery-Result: delivered\n"
    ),
    "JMRP header": text("x", f"X-HmXmrOriginalRecipient: {VICTIM}\nFrom: staff@hotmail.com\n"),
    "unsubscribe": text("x", f"From: {VICTIM}\nAuto-Submitted: auto-replied\n").replace(
        "Undelivered", "unsubscribe"
    ),
    "automatic reply with a pasted notice": text(
        FIELDS, f"From: {VICTIM}\nAuto-Submitted: auto-replied\n"
    ).replace("Undelivered", "Automatic reply: away"),
}


@pytest.fixture(scope="module")
def covered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger whose own log covers ten days around T0: mail to many is delivered daily, the victim
    got a bulk mail and was not mailed alone, and one address is dead.
    """
    folder = tmp_path_factory.mktemp("covered")
    lines = [logged(DEAD, T0 - timedelta(days=3), 500, sent=False)]
    for day in range(-5, 6):
        at = T0 + timedelta(days=day)
        lines += [logged(f"u{n}@d{n}.example", at, 1000 + day * 20 + n) for n in range(15)]
    lines.append(logged("one@d1.example", T0 - timedelta(hours=1), 1, mid="one@s.example"))
    for number, name in enumerate((VICTIM, "u1@d1.example", "u2@d2.example"), 2):
        lines.append(logged(name, T0 - timedelta(hours=1), number, mid="bulk@s.example"))
    (folder / "mail.log").write_text("".join(lines))
    invoke("ingest", folder / "mail.log", "--db", folder / "l")
    return folder / "l"


def invoke(*args: object) -> None:
    done = CliRunner().invoke(bouncewise, list(map(str, args)))
    assert done.exit_code == 0, done.output


def with_mail(covered: Path, folder: Path, *mails: str) -> Path:
    db = folder / "l"
    db.write_bytes(covered.read_bytes())
    for number, mail in enumerate(mails):
        (folder / f"{number}.eml").write_text(mail)
        invoke("ingest", folder / f"{number}.eml", "--db", db)
    return db


def test_at_least_forty_kinds_are_tried() -> None:
    assert len(FORGED) >= 40


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_mail_decides_nothing(covered: Path, tmp_path: Path, kind: str) -> None:
    with Ledger.open(with_mail(covered, tmp_path, FORGED[kind])) as ledger:
        names = dict(ledger.suppressions())
        assert names.keys() == {DEAD}, "nobody is suppressed, nobody is released"
        for name, decision in ledger.suppressions(State.HELD):
            assert not name.startswith("@")
            assert decision.until is not None and decision.since is not None
            assert decision.until - decision.since <= timedelta(hours=24)


def test_a_second_claim_within_a_month_holds_nobody(covered: Path, tmp_path: Path) -> None:
    later = [dsn(when=date(days)) for days in (0, 1.5, 3)]
    with Ledger.open(with_mail(covered, tmp_path, *later)) as ledger:
        assert ledger.check(VICTIM, at=T0 + timedelta(hours=12)).send is False
        assert ledger.check(VICTIM, at=T0 + timedelta(days=3, hours=1)).send is True


def test_many_claims_of_a_day_hold_nobody_and_are_an_alert(covered: Path, tmp_path: Path) -> None:
    box = "".join(
        f"From x@y.example Mon Mar  2 09:00:00 2026\n{dsn(f'v{n}@b.example')}\n" for n in range(80)
    )
    db = with_mail(covered, tmp_path, box)
    with Ledger.open(db) as ledger:
        held = [n for n in range(80) if not ledger.check(f"v{n}@b.example", at=T0).send]
        assert held == []
    done = CliRunner().invoke(bouncewise, ["incidents", "--json", "--db", str(db)])
    assert "claims" in [json.loads(line).get("alert") for line in done.stdout.splitlines()]


def test_a_notice_of_a_mail_that_the_log_recorded_has_full_effect(
    covered: Path, tmp_path: Path
) -> None:
    mail = dsn("one@d1.example", original="Message-ID: <one@s.example>")
    with Ledger.open(with_mail(covered, tmp_path, mail)) as ledger:
        (event,) = [e for e in ledger.history("one@d1.example") if e.kind == "failed"]
        assert event.trust == "matched"
        assert not ledger.check("one@d1.example", at=T0 + timedelta(days=2)).send


def test_without_any_log_a_plausible_notice_counts_and_is_listed(tmp_path: Path) -> None:
    (tmp_path / "m.eml").write_text(dsn())
    invoke("ingest", tmp_path / "m.eml", "--db", tmp_path / "l")
    with Ledger.open(tmp_path / "l") as ledger:
        assert not ledger.check(VICTIM).send
    done = CliRunner().invoke(bouncewise, ["status", "--json", "--db", str(tmp_path / "l")])
    assert json.loads(done.stdout.splitlines()[0])["on_claims_alone"] == 1
    invoke("release", "--trust", "claimed", "--why", "forged", "--db", tmp_path / "l")
    with Ledger.open(tmp_path / "l") as ledger:
        assert ledger.check(VICTIM).send
