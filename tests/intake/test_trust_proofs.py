"""What proves a notice: the operator's configuration, signed return addresses, our own mail
exchanger's word. And what a forger can do without them.
"""

from __future__ import annotations

import json
import pickle
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bouncewise import verp
from bouncewise.classifier.classify import default_classifier
from bouncewise.cli import bouncewise as group
from bouncewise.config.keys import Keyring
from bouncewise.config.settings import Loop, Own, Redacted, Settings, Stream, TrustSettings, Verp
from bouncewise.errors import ConfigError
from bouncewise.intake.formats import reader_for
from bouncewise.intake.provenance import Examiner, examiner_of
from bouncewise.intake.reading import ClassifiedFinding, read_paths
from bouncewise.ledger.entries import SMART_HOST, DeliveryEntry, entry
from bouncewise.model import Finding, Kind, Proof
from bouncewise.times import Micros
from support import signing

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
KEYS = Keyring({"a": b"k" * 32})
DOMAIN = "bounces.shop.example"
OWN = Own(mx=("mx.shop.example",), authserv_id="mx.shop.example")
NOTHING = Settings()
DATE = "Thu, 26 Nov 2026 11:00:00 +0000"
RECEIVED = (
    "from mx.b.example (mx.b.example [203.0.113.9]) by mx.shop.example with ESMTPS id 1; " + DATE
)


def signed(recipient: str, at: datetime = NOW) -> str:
    return verp.address(recipient, DOMAIN, KEYS, at)


def notice(  # noqa: PLR0913 - each field of a notice may differ
    to: str = "bounces@shop.example",
    *,
    final: str = "jo@b.example",
    orcpt: str = "",
    sender: str = "mailer-daemon@b.example",
    results: str = "",
    path: str = "bounces@shop.example",
    original: str = "From: news@shop.example",
    date: str = DATE,
) -> bytes:
    """A DSN as our own mail exchanger stores it."""
    results = f"Authentication-Results: mx.shop.example; {results}\n" if results else ""
    orcpt = f"Original-Recipient: rfc822; {orcpt}\n" if orcpt else ""
    return f"""\
Return-Path: <>
Delivered-To: {to}
Received: {RECEIVED}
{results}From: Mail Delivery <{sender}>
To: {to}
Subject: Undelivered
Message-ID: <n1@b.example>
Date: {DATE}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="x"

--x
Content-Type: text/plain

Your mail could not be delivered.
--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.b.example

{orcpt}Final-Recipient: rfc822; {final}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown
--x
Content-Type: message/rfc822

Return-Path: <{path}>
{original}
To: {final}
Message-ID: <m1@shop.example>
Date: {date}

Hello
--x--
""".encode()


def feedback(
    *, domain: str = "fbl.one.example", sender: str = "", to: str = "jo@b.example", header: str = ""
) -> bytes:
    """An ARF report, with a signature that our own mail exchanger checked."""
    return f"""\
Received: {RECEIVED}
Authentication-Results: mx.shop.example; dkim=pass header.d={domain}
From: <{sender or f"reports@{domain}"}>
To: fbl@shop.example
Subject: complaint
Date: {DATE}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="x"

--x
Content-Type: text/plain

An abuse report.
--x
Content-Type: message/feedback-report

Feedback-Type: abuse
Version: 1
Original-Rcpt-To: {to}
--x
Content-Type: message/rfc822

From: news@shop.example
To: {header or to}
Message-ID: <m1@shop.example>
Date: {DATE}

Hello
--x--
""".encode()


def findings(raw: bytes) -> list[Finding]:
    reader = reader_for(raw)
    assert reader is not None
    return [item for item in reader.read(BytesIO(raw), "x.eml") if isinstance(item, Finding)]


def examine(
    raw: bytes, settings: Settings = NOTHING, keyring: Keyring = KEYS
) -> tuple[Proof, str | None]:
    found = [Examiner(settings, keyring, NOW).examine(item).report for item in findings(raw)]
    assert found
    return found[0].provenance.proof, found[0].verp_recipient


ALL_SIGNED = Settings(verp=Verp(domain=DOMAIN, since=date(2026, 1, 1)))


# ── signed return addresses ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("settings", [Settings(), ALL_SIGNED])
def test_a_notice_to_a_signed_address_names_the_recipient_that_was_mailed(
    settings: Settings,
) -> None:
    raw = notice(signed("ann@b.example"), final="jsmith@other.example")
    assert examine(raw, settings) == (Proof.VERP, "ann@b.example")
    (report,) = [Examiner(settings, KEYS, NOW).examine(item).report for item in findings(raw)]
    assert report.recipient == "jsmith@other.example"


def test_the_address_counts_in_capitals_and_where_it_is_only_returned() -> None:
    assert examine(notice(signed("jo@b.example").upper()))[0] is Proof.VERP
    assert examine(notice(path=signed("jo@b.example")), ALL_SIGNED) == (Proof.VERP, "jo@b.example")


def test_a_recipient_that_does_not_fit_is_found_among_the_names_of_the_notice() -> None:
    long = "a" * 50 + "@b.example"
    assert examine(notice(signed(long), final=long), ALL_SIGNED) == (Proof.VERP, long)
    assert examine(notice(signed(long), final="x@c.example", orcpt=long)) == (Proof.VERP, long)
    proof, _ = examine(notice(signed(long), final="x@c.example"), ALL_SIGNED)
    assert proof is Proof.NONE  # it is signed, and the recorded mail may tell the recipient


FORGERIES = {
    "no signature": notice(),
    "another recipient": notice(signed("jo@b.example").replace("jo", "ann")),
    "the plain form": notice("bounces+jo=b.example@bounces.shop.example"),
    "another key": notice(verp.address("jo@b.example", DOMAIN, Keyring({"a": b"x" * 32}), NOW)),
    "a key that we do not know": notice(
        verp.address("jo@b.example", DOMAIN, Keyring({"b": b"k" * 32}), NOW)
    ),
    "expired": notice(signed("jo@b.example", NOW - timedelta(days=40))),
    "an old date in the returned mail": notice(date="Thu, 26 Nov 2020 11:00:00 +0000"),
    "only in the text": notice().replace(b"Hello", signed("jo@b.example").encode()),
}


@pytest.mark.parametrize("raw", FORGERIES.values(), ids=FORGERIES.keys())
def test_what_is_not_signed_has_no_effect_where_all_our_mail_is(raw: bytes) -> None:
    assert examine(raw, ALL_SIGNED)[0] is Proof.UNSIGNED
    assert examine(raw, Settings())[0] is Proof.NONE


def test_a_notice_about_mail_from_before_the_first_signed_one_is_as_any_other() -> None:
    settings = Settings(verp=Verp(since=date(2026, 11, 20)))
    assert examine(notice(date="Wed, 18 Nov 2026 11:00:00 +0000"), settings)[0] is Proof.NONE
    assert examine(notice(), settings)[0] is Proof.UNSIGNED
    assert examine(notice(), settings, Keyring({}))[0] is Proof.NONE  # nothing could be signed


def test_an_old_notice_is_read_as_of_its_arrival() -> None:
    raw = notice(signed("jo@b.example"))
    later = Examiner(ALL_SIGNED, KEYS, NOW + timedelta(days=400))
    assert [later.examine(item).report.provenance.proof for item in findings(raw)] == [Proof.VERP]


# ── what our own mail exchanger states ──────────────────────────────────────────────────────────

DKIM = Settings(own=OWN)
PASS = "dkim=pass header.d=b.example"


@pytest.mark.parametrize(
    ("raw", "proof"),
    [
        (notice(results=PASS), Proof.DKIM),
        (notice(results=PASS, final="jo@mail.b.example"), Proof.DKIM),
        (
            notice(
                results="dkim=pass header.d=googlemail.com",
                sender="mailer-daemon@googlemail.com",
                final="jo@gmail.com",
            ),
            Proof.DKIM,
        ),
        (notice(results="dkim=fail header.d=b.example"), Proof.NONE),
        (
            notice(results="dkim=pass header.d=evil.example", sender="mailer-daemon@evil.example"),
            Proof.NONE,
        ),
        (notice(results="dkim=pass header.d=evil.example"), Proof.NONE),
        (
            notice(results="dkim=pass header.d=evil.b.example", sender="postmaster@evil.b.example"),
            Proof.NONE,
        ),
        (
            notice(
                results="dkim=pass header.d=gmail.com", sender="eve@gmail.com", final="jo@gmail.com"
            ),
            Proof.NONE,
        ),
        (notice(results="dkim=pass header.d=example", sender="mailer-daemon@example"), Proof.NONE),
        (notice(results=PASS, orcpt="victim@c.example"), Proof.NONE),
        (notice("bounces+victim=c.example@shop.example", results=PASS), Proof.NONE),
        (notice(results=PASS).replace(b"s: mx.shop", b"s: mx.evil"), Proof.NONE),
        (
            notice(results=PASS).replace(b"From: Mail", b"From: postmaster@b.example, Mail"),
            Proof.NONE,
        ),
    ],
)
def test_a_notice_is_matched_by_the_signature_of_the_recipients_mail_system_alone(
    raw: bytes, proof: Proof
) -> None:
    assert examine(raw, DKIM, Keyring({}))[0] is proof
    assert examine(raw, Settings(own=Own(domains=("shop.example",))), Keyring({}))[0] is Proof.NONE


def loops(loop: Loop) -> Settings:
    return Settings(own=OWN, feedback={"one": loop})


ONE = Loop(dkim_domains=("fbl.one.example",))


@pytest.mark.parametrize(
    ("raw", "loop", "proof"),
    [
        (feedback(), ONE, Proof.FEEDBACK),
        (feedback(), Loop(dkim_domains=("two.example",)), Proof.NONE),
        (feedback(), Loop(), Proof.NONE),
        (feedback(domain="evil.example"), ONE, Proof.NONE),
        (feedback(sender="reports@evil.example"), ONE, Proof.NONE),
        (
            feedback(sender="r@one.example"),
            Loop(dkim_domains=("fbl.one.example",), senders=("one.example",)),
            Proof.FEEDBACK,
        ),
        (
            feedback(domain="yahoo.com", sender="eve@yahoo.com"),
            Loop(dkim_domains=("yahoo.com",)),
            Proof.NONE,
        ),
        (
            feedback(domain="yahoo.com", sender="feedback@yahoo.com"),
            Loop(dkim_domains=("yahoo.com",), senders=("feedback@yahoo.com",)),
            Proof.FEEDBACK,
        ),
        (
            feedback(to="8f14e45f@b.example", header="jo@b.example"),
            Loop(dkim_domains=("fbl.one.example",), redacts=(Redacted.RECIPIENT,)),
            Proof.NONE,
        ),
        (
            feedback(),
            Loop(dkim_domains=("fbl.one.example",), redacts=(Redacted.RECIPIENT,)),
            Proof.FEEDBACK,
        ),
        (
            feedback(),
            Loop(dkim_domains=("fbl.one.example",), redacts=(Redacted.RECIPIENT, Redacted.HEADER)),
            Proof.NONE,
        ),
    ],
)
def test_feedback_is_verified_where_the_loop_is_enrolled(
    raw: bytes, loop: Loop, proof: Proof
) -> None:
    assert examine(raw, loops(loop), Keyring({}))[0] is proof


def test_feedback_counts_where_all_our_mail_is_signed() -> None:
    settings = Settings(own=OWN, feedback={"one": ONE}, verp=ALL_SIGNED.verp)
    assert examine(feedback(), settings)[0] is Proof.FEEDBACK
    assert examine(feedback(domain="two.example"), settings)[0] is Proof.UNSIGNED


def test_a_notice_that_returns_mail_of_others_is_implausible() -> None:
    settings = Settings(own=Own(domains=("shop.example",)))
    others = notice(original="From: news@other.example", path="b@esp.example")
    assert examine(others, settings)[0] is Proof.IMPLAUSIBLE
    for ours in (
        notice(original="From: news@mail.shop.example", path="b@esp.example"),
        notice(original="From: x@other.example", path="b@shop.example"),
        notice(original="X: no sender", path=""),
    ):
        assert examine(ours, settings)[0] is Proof.NONE
    assert examine(notice(original="From: a@evilshop.example", path=""), settings)[0] is (
        Proof.IMPLAUSIBLE
    )


# ── streams, smart hosts, and the whole path ────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("original", "stream"),
    [
        ("From: a@shop.example", None),
        ("From: a@shop.example\nList-Id: News <news.shop.example>", "news.shop.example"),
        ("From: a@shop.example\nList-Id: <offers.shop.example>", "offers"),
        ("From: a@receipts.shop.example", "receipts"),
        ("From: a@shop.example\nX-Kind: receipt 7", "receipts"),
    ],
)
def test_a_notice_has_the_stream_of_the_mail_that_it_returns(
    original: str, stream: str | None
) -> None:
    streams = {
        "offers": Stream(list_ids=("offers.shop.example",)),
        "receipts": Stream(from_domains=("receipts.shop.example",), headers=("x-kind:receipt",)),
    }
    examiner = Examiner(Settings(streams=streams), Keyring({}), NOW)
    found = [examiner.examine(item).report.stream for item in findings(notice(original=original))]
    assert found == [stream]


@pytest.mark.parametrize(
    ("hosts", "handed_over"),
    [
        ((), False),
        (("provider.example",), True),
        (("smtp.provider.example",), True),
        (("203.0.113.0/24",), True),
        (("vider.example", "203.0.112.0/24", "2001:db8::/32"), False),
    ],
)
def test_a_delivery_to_a_smart_host_is_a_hand_over(
    hosts: tuple[str, ...], handed_over: bool
) -> None:
    line = (
        b"2026-11-26T11:00:00+00:00 mx postfix/smtp[1]: 4F1A2B3C5D: to=<jo@b.example>, "
        b"relay=smtp.provider.example[203.0.113.7]:25, delay=1, dsn=2.0.0, status=sent (250 ok)\n"
    )
    examiner = Examiner(Settings(own=Own(smart_hosts=hosts)), Keyring({}), NOW)
    (report,) = [examiner.examine(item).report for item in findings(line)]
    assert report.kind is Kind.DELIVERED
    assert report.provenance.handed_over is handed_over
    found = entry(Finding(report, b"", b""), None, "", Micros(0))
    assert isinstance(found, DeliveryEntry)
    assert (found.relay == SMART_HOST) is handed_over


def same(found: ClassifiedFinding) -> ClassifiedFinding:
    return found


def test_a_log_without_a_zone_is_read_as_of_the_zone_of_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    path.write_text(
        "Jan 10 08:00:03 mx postfix/smtp[1]: 4F1A2B3C5D: to=<jo@b.example>, "
        "relay=b[203.0.113.7]:25, "
        "delay=1, dsn=2.0.0, status=sent (250 ok)\n"
    )
    hours = {}
    for zone in ("Asia/Tokyo", "America/New_York", "Asia/Tokyo"):
        examiner = Examiner(Settings(own=Own(time_zone=zone)), Keyring({}), NOW)
        ((_, items),) = read_paths([str(path)], default_classifier(), same, 1, examiner)
        (found,) = [item for item in items if isinstance(item, ClassifiedFinding)]
        assert found.finding.report.at
        hours[zone] = found.finding.report.at.hour
    assert hours == {"Asia/Tokyo": 23, "America/New_York": 13}
    assert not list(read_paths([], default_classifier(), same))  # (this machine's again)


def test_nothing_is_examined_where_nothing_is_configured() -> None:
    assert examiner_of(Settings(), Keyring({}), NOW) is None
    assert examiner_of(Settings(), KEYS, NOW) is not None


def test_other_processes_can_examine() -> None:
    examiner = pickle.loads(pickle.dumps(Examiner(ALL_SIGNED, KEYS, NOW)))
    (item,) = findings(notice(signed("jo@b.example")))
    assert examiner.examine(item).report.provenance.proof is Proof.VERP


@given(st.data())
def test_damaged_notices_are_examined_without_an_error(data: st.DataObject) -> None:
    settings = Settings(
        own=Own(domains=("shop.example",), authserv_id="mx.shop.example"),
        feedback={"one": ONE},
        verp=ALL_SIGNED.verp,
        streams={"x": Stream(headers=("x-kind:",))},
    )
    raw = data.draw(st.sampled_from([notice(signed("jo@b.example"), results=PASS), feedback()]))
    at = data.draw(st.integers(0, len(raw)))
    junk = data.draw(st.binary(max_size=40))
    damaged = raw[:at] + junk + raw[at + data.draw(st.integers(0, 40)) :]
    reader = reader_for(damaged)
    examiner = Examiner(settings, KEYS, NOW)
    for item in reader.read(BytesIO(damaged), "x") if reader else ():
        if isinstance(item, Finding):
            assert examiner.examine(item).report.provenance.proof in Proof


def test_read_and_ingest_use_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOUNCEWISE_VERP_KEYS", "a " + (b"k" * 32).hex())
    Path("bouncewise.toml").write_text(f'[verp]\ndomain = "{DOMAIN}"\nsince = 2026-01-01\n')
    Path("signed.eml").write_bytes(notice(signed("ann@b.example"), final="jsmith@c.example"))
    Path("forged.eml").write_bytes(notice().replace(b"jo@b", b"eve@b").replace(b"<n1", b"<n2"))

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(group, list(words))
        return done.exit_code, done.output

    rows = [json.loads(line) for line in run("read", "--json", ".")[1].splitlines() if "{" in line]
    assert {row["verp_recipient"]: row["provenance"]["proof"] for row in rows} == {
        "ann@b.example": "verp",
        None: "unsigned",
    }
    assert run("ingest", "--db", "ledger", "signed.eml", "forged.eml")[0] == 0
    assert run("check", "--db", "ledger", "ann@b.example")[0] == 1
    for name in ("eve@b.example", "jsmith@c.example"):
        assert run("check", "--db", "ledger", name)[0] == 0, name
    Path("bouncewise.toml").write_text("[onw]\n")
    assert run("ingest", "--db", "ledger", "signed.eml")[0] != 0


# ── events that SNS sends by mail ───────────────────────────────────────────────────────────────

SES_EVENT = {
    "notificationType": "Bounce",
    "bounce": {
        "bounceType": "Permanent",
        "bouncedRecipients": [{"emailAddress": "jo@b.example", "diagnosticCode": "550 5.1.1"}],
        "timestamp": "2026-11-23T10:00:00.000Z",
    },
    "mail": {"messageId": "m1", "source": "news@shop.example"},
}


def sns_mail(body: bytes) -> bytes:
    return b"From: no-reply@sns.amazonaws.com\nx-amz-sns-message-id: 1\nSubject: x\n\n" + body


@pytest.mark.parametrize(
    ("topics", "change", "proof"),
    [
        ((signing.TOPIC,), (b"", b""), Proof.SIGNATURE),
        ((), (b"", b""), Proof.NONE),
        (("arn:aws:sns:eu-west-1:123456789012:other",), (b"", b""), Proof.NONE),
        ((signing.TOPIC,), (b"jo@b.example", b"eve@b.example"), Proof.NONE),
        ((signing.TOPIC,), (b"0123abcd", b"0123abce"), Proof.NONE),
    ],
)
def test_an_event_that_sns_sent_by_mail_is_signed_by_a_certificate_of_the_folder(
    topics: tuple[str, ...], change: tuple[bytes, bytes], proof: Proof, tmp_path: Path
) -> None:
    pytest.importorskip("cryptography")
    name = signing.CERTIFICATE.rpartition("/")[2]
    (tmp_path / name).write_bytes(signing.certificate())
    trust = TrustSettings(sns_certificates=str(tmp_path), sns_topics=topics)
    raw = sns_mail(signing.sns(Message=json.dumps(SES_EVENT)).body.replace(*change))
    assert examine(raw, Settings(trust=trust))[0] is proof


def test_what_is_wrong_with_the_settings_of_sns_is_an_error(tmp_path: Path) -> None:
    for trust in (
        TrustSettings(sns_certificates=str(tmp_path / "none"), sns_topics=(signing.TOPIC,)),
        TrustSettings(sns_certificates=str(tmp_path), sns_topics=("bounces",)),
    ):
        with pytest.raises(ConfigError, match="sns_"):
            Examiner(Settings(trust=trust), KEYS, NOW)
