"""What lies behind a refusal: every hypothesis is found in a plain case, every piece of evidence is
data with a reason.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from bouncewise.classifier.classify import classify, default_classifier
from bouncewise.diagnosis import facts
from bouncewise.diagnosis.evidence import AddressHistory, Facts, NeighbourCounts, observe
from bouncewise.diagnosis.knowledge import load
from bouncewise.diagnosis.rank import Diagnosis, diagnose
from bouncewise.errors import RuleError
from bouncewise.ledger import open_store
from bouncewise.lists.typos import domain_typo, known_domains, local_typos
from bouncewise.model import AbsenceState, Cause, Stage
from bouncewise.net import dns
from support.cli import bouncewise
from support.postfix import ACCEPTED, log_lines

KNOWLEDGE = load()
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
DENIED = (
    "550 5.4.1 Recipient address rejected: Access denied. AS(201806281) "
    "[DB5EUR03FT003.eop-EUR03.prod.protection.outlook.com]"
)
UNKNOWN = (
    "550 5.1.1 <u1@b.example>: Recipient address rejected: User unknown in virtual mailbox table"
)


def case(cause: Cause, **more: Any) -> Diagnosis:
    given = {
        "subject": "u1@b.example",
        "domain": "b.example",
        "confidence": 0.97,
        "as_of": NOW,
        "refused_at": NOW,
    }
    return diagnose(Facts(cause=cause, **(given | more)), KNOWLEDGE)


def chance(found: Diagnosis, name: str) -> float:
    return next(r.probability for r in found.ranking if r.id == name)


# ── the data ────────────────────────────────────────────────────────────────────────────────────


def test_every_piece_of_evidence_is_reached_and_reasoned() -> None:
    assert all(row.why and row.statement for row in KNOWLEDGE.evidence)
    assert all(-30 <= w <= 30 for row in KNOWLEDGE.evidence for w in row.weight.values())
    own = [
        None,
        AddressHistory(),
        AddressHistory(delivered_days=3),
        AddressHistory(delivered_days=90, refused_days=2),
        AddressHistory(delivered_days=9, refused_days=4, refused_for=timedelta(days=20)),
        AddressHistory(delivered_days=3, recovered=True),
    ]
    near = [
        NeighbourCounts(),
        NeighbourCounts(last_delivery_days=3),
        NeighbourCounts(last_delivery_days=90),
        NeighbourCounts(delivered=1),
        NeighbourCounts(delivered=30),
        NeighbourCounts(refused=1),
        NeighbourCounts(refused=4),
        NeighbourCounts(refused=4, delivered=9),
        NeighbourCounts(refused=4, recovered=2, delivered=9),
        NeighbourCounts(refused=2, delivered=30),
    ]
    seen = set()
    for o in own:
        for n in near:
            for m in (*near, None):
                for kind in ("nxdomain", "null-mx", "nothing", "implicit", "elsewhere", "mx"):
                    for extra in (
                        {"stage": Stage.HELO, "refusing_receivers": 2},
                        {
                            "stage": Stage.DATA,
                            "refusing_receivers": 1,
                            "typo": "x",
                            "typo_part": "local",
                        },
                        {"incident": "domain"},
                        {"incident": "receiver"},
                        {"incident": "recovered"},
                        {"incident": "ended"},
                        {"typo": "x"},
                        {"absence": AbsenceState.LEFT, "absence_on": "2026-03-01"},
                        {"absence": AbsenceState.MOVED, "absence_on": "2026-03-01"},
                    ):
                        facts = Facts(
                            subject="u1@b.example",
                            domain="b.example",
                            cause=Cause.MAILBOX_UNKNOWN,
                            confidence=1.0,
                            as_of=NOW,
                            history=o,
                            at_domain=n,
                            at_receiver=m,
                            dns=kind,
                            **extra,
                        )
                        pieces = list(observe(facts))
                        groups = [
                            row.group
                            for id_, _ in pieces
                            for row in KNOWLEDGE.evidence
                            if row.id == id_
                        ]
                        assert len(groups) == len(pieces) == len(set(groups)), pieces
                        seen.update(id_ for id_, _ in pieces)
    assert seen == {row.id for row in KNOWLEDGE.evidence}


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("left = 0.90", "left = 0.95"),
        ("left = 0.90", "lft = 0.90"),
        ('cause = ["mailbox-disabled"]', 'cause = ["mailbox-away"]'),
        ('cause = ["challenge"]', 'cause = ["policy"]'),
        ("weight = { typo = 20 }", "weight = { tipo = 20 }"),
        ('id = "typo.local"', 'id = "typo.domain"'),
    ],
)
def test_a_slip_in_the_data_fails_the_load(was: str, now: str) -> None:
    from importlib import resources

    raw = (resources.files("bouncewise.diagnosis") / "diagnosis.toml").read_text("utf-8")
    assert was in raw
    with pytest.raises(RuleError):
        load(raw.replace(was, now, 1).encode())


@pytest.mark.parametrize("cause", list(Cause))
def test_chances_sum_to_one_and_steps_are_filled(cause: Cause) -> None:
    for found in (
        case(cause),
        case(
            cause,
            subject="",
            domain="",
            history=AddressHistory(),
            at_domain=NeighbourCounts(),
            dns="mx",
        ),
    ):
        assert sum(r.probability for r in found.ranking) == pytest.approx(1)
        assert all(r.step and "{" not in r.step for r in found.ranking)
        assert {r.id for r in found.ranking} == {h.id for h in KNOWLEDGE.hypothesis}
        assert [r.probability for r in found.ranking] == sorted(
            (r.probability for r in found.ranking), reverse=True
        )


# ── plain cases ─────────────────────────────────────────────────────────────────────────────────

GOOD = AddressHistory(delivered_days=2)
PLAIN: list[tuple[str, Cause, dict[str, Any]]] = [
    (
        "left",
        Cause.ACCESS_DENIED,
        {"history": GOOD, "at_domain": NeighbourCounts(delivered=6), "receiver": "microsoft"},
    ),
    (
        "left",
        Cause.MAILBOX_UNKNOWN,
        {
            "history": AddressHistory(delivered_days=60, refused_days=3),
            "at_domain": NeighbourCounts(delivered=40),
        },
    ),
    (
        "typo",
        Cause.MAILBOX_UNKNOWN,
        {"history": AddressHistory(), "typo": "gmail.com", "at_domain": NeighbourCounts()},
    ),
    (
        "typo",
        Cause.MAILBOX_UNKNOWN,
        {
            "history": AddressHistory(),
            "typo": "a@b.example",
            "typo_part": "local",
            "at_domain": NeighbourCounts(delivered=9),
        },
    ),
    (
        "domain-gone",
        Cause.DOMAIN_UNKNOWN,
        {"history": GOOD, "at_domain": NeighbourCounts(refused=3, recent=3), "dns": "nxdomain"},
    ),
    (
        "domain-gone",
        Cause.ACCESS_DENIED,
        {"history": GOOD, "at_domain": NeighbourCounts(refused=9, recent=9), "incident": "ended"},
    ),
    ("domain-gone", Cause.RELAY_DENIED, {"history": GOOD, "dns": "elsewhere"}),
    (
        "not-synchronised",
        Cause.ACCESS_DENIED,
        {"history": GOOD, "at_domain": NeighbourCounts(refused=9, recent=9)},
    ),
    (
        "not-synchronised",
        Cause.ACCESS_DENIED,
        {"history": GOOD, "at_domain": NeighbourCounts(refused=9, recent=9, recovered=4)},
    ),
    (
        "receiver-outage",
        Cause.MAILBOX_UNKNOWN,
        {"history": GOOD, "incident": "receiver", "receiver": "google"},
    ),
    ("receiver-outage", Cause.SERVER_ERROR, {}),
    (
        "restricted",
        Cause.RECIPIENT_RESTRICTED,
        {"history": AddressHistory(), "at_domain": NeighbourCounts(delivered=9)},
    ),
    ("full", Cause.MAILBOX_FULL, {"history": GOOD}),
    (
        "reputation",
        Cause.BLOCKLISTED,
        {"at_domain": NeighbourCounts(refused=90, delivered=2), "refusing_receivers": 1},
    ),
    ("authentication", Cause.AUTH_FAILURE, {"refusing_receivers": 2}),
    (
        "content",
        Cause.SPAM_CONTENT,
        {
            "history": GOOD,
            "refusing_receivers": 4,
            "at_domain": NeighbourCounts(refused=40, delivered=50),
        },
    ),
    ("unknown", Cause.UNKNOWN, {"confidence": 0.0}),
]


@pytest.mark.parametrize(("first", "cause", "more"), PLAIN)
def test_plain_case(first: str, cause: Cause, more: dict[str, Any]) -> None:
    found = case(cause, **more)
    assert found.ranking[0].id == first, [
        (r.id, round(r.probability, 2)) for r in found.ranking[:3]
    ]


def test_every_hypothesis_has_a_plain_case() -> None:
    assert {first for first, _, _ in PLAIN} == {h.id for h in KNOWLEDGE.hypothesis}


def test_one_refused_among_delivering_neighbours_has_left() -> None:
    found = case(Cause.ACCESS_DENIED, history=GOOD, at_domain=NeighbourCounts(delivered=6))
    assert 0.88 < chance(found, "left") < 0.98
    assert found.evidence[1].id == "domain.works"
    assert found.evidence[1].decibans["left"] > 5
    assert found.evidence[1].decibans["not-synchronised"] < -5


def test_a_whole_tenant_is_its_directory_or_its_end() -> None:
    whole = NeighbourCounts(refused=12, recent=12)
    now, past = (
        case(Cause.ACCESS_DENIED, history=GOOD, at_domain=whole, incident=i)
        for i in ("domain", "ended")
    )
    assert chance(now, "left") < 0.1 < chance(now, "domain-gone") < chance(now, "not-synchronised")
    assert chance(past, "not-synchronised") < 0.2 < 0.6 < chance(past, "domain-gone")
    assert "postmaster@b.example" in now.ranking[0].step
    assert "2026-03-27" in now.ranking[0].step


def test_doubt_of_the_verdict_flattens_the_ranking() -> None:
    sure, doubtful = (
        case(Cause.MAILBOX_DISABLED, confidence=0.98),
        case(Cause.MAILBOX_DISABLED, confidence=0.5),
    )
    assert chance(doubtful, "left") < chance(sure, "left")
    assert chance(doubtful, "unknown") > chance(sure, "unknown")


def test_who_has_had_mail_since_is_alive() -> None:
    found = case(
        Cause.MAILBOX_UNKNOWN,
        history=AddressHistory(delivered_days=2, recovered=True),
        at_domain=NeighbourCounts(delivered=9),
    )
    assert chance(found, "left") < chance(found, "receiver-outage")


# ── slips ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("gmial.com", "gmail.com"),
        ("gamil.com", "gmail.com"),
        ("gmai.com", "gmail.com"),
        ("gmaill.com", "gmail.com"),
        ("gmail.con", "gmail.com"),
        ("gmail.cm", "gmail.com"),
        ("gnail.com", "gmail.com"),
        ("GMIAL.com.", "gmail.com"),
        ("hotmial.com", "hotmail.com"),
        ("hotnail.com", "hotmail.com"),
        ("outlok.com", "outlook.com"),
        ("yaho.com", "yahoo.com"),
        ("yahooo.com", "yahoo.com"),
        ("iclud.com", "icloud.com"),
        ("hotmial.co.uk", "hotmail.co.uk"),
        ("aol.con", "aol.com"),
    ],
)
def test_slip_of_a_large_domain(wrong: str, meant: str) -> None:
    typo = domain_typo(wrong)
    assert typo is not None
    assert typo.intended == meant
    assert typo.how


@pytest.mark.parametrize(
    "living",
    [
        "gmx.de",
        "gmx.net",
        "gmx.at",
        "mail.com",
        "ymail.com",
        "email.com",
        "hotmail.fr",
        "hotmail.gr",
        "yahoo.gr",
        "yahoo.se",
        "live.se",
        "live.nl",
        "me.com",
        "mac.com",
        "mail.ru",
        "web.de",
        "fastmail.fm",
        "outlook.ie",
        "yandex.com",
        "example.com",
        "company.example",
        "b.example",
        "gmail.company",
        "",
    ],
)
def test_no_slip(living: str) -> None:
    assert domain_typo(living) is None


def test_who_is_known_to_live_is_never_a_slip() -> None:
    assert domain_typo("gmial.com", {"gmial.com"}) is None
    ours = {d for receiver in default_classifier().ruleset.receivers for d in receiver.domains}
    assert [
        d
        for d in (*known_domains().mailbox_providers, *known_domains().existing, *ours)
        if domain_typo(d, ours)
    ] == []


def test_local_typos_leave_digits_alone() -> None:
    assert {typo.intended for typo in local_typos("jonh12")} == {"ojnh12", "jnoh12", "john12"}
    assert [typo.intended for typo in local_typos("12")] == []
    assert "ana" in {typo.intended for typo in local_typos("anna")}


# ── DNS ─────────────────────────────────────────────────────────────────────────────────────────


def answers(**by_kind: Any) -> dns.Resolver:
    def resolve(name: str, kind: str) -> list[str]:
        found = by_kind.get(kind, dns.NoRecordsError(name))
        if isinstance(found, Exception):
            raise found
        return list(found)

    return resolve


@pytest.mark.parametrize(
    ("resolve", "route"),
    [
        (answers(MX=["20 b.mx.example.", "10 A.mx.example."]), dns.Route.MX),
        (answers(MX=["0 ."]), dns.Route.NULL_MX),
        (answers(MX=dns.NoSuchNameError("x")), dns.Route.NXDOMAIN),
        (answers(A=["192.0.2.1"]), dns.Route.IMPLICIT),
        (answers(AAAA=["2001:db8::1"]), dns.Route.IMPLICIT),
        (answers(), dns.Route.NOTHING),
        (answers(MX=dns.UnansweredError("SERVFAIL")), dns.Route.UNANSWERED),
        (answers(A=dns.UnansweredError("no answer within 3 seconds")), dns.Route.UNANSWERED),
    ],
)
def test_dns(resolve: dns.Resolver, route: dns.Route) -> None:
    found = dns.mail_route("b.example", resolve)
    assert found.route is route
    if route is dns.Route.MX:
        assert found.hosts == ("a.mx.example", "b.mx.example")


def test_dns_of_a_literal_is_not_asked() -> None:
    assert dns.mail_route("[192.0.2.1]", answers(MX=AssertionError())).route is dns.Route.UNANSWERED


def test_the_real_resolver_tells_denial_from_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = pytest.importorskip("dns.resolver")
    system = resolver.Resolver(configure=False)
    monkeypatch.setattr(resolver, "Resolver", lambda: system)
    for raised, route in (
        (resolver.NXDOMAIN(), dns.Route.NXDOMAIN),
        (resolver.NoNameservers(), dns.Route.UNANSWERED),
        (resolver.LifetimeTimeout(timeout=3, errors=[]), dns.Route.UNANSWERED),
        (resolver.NoAnswer(response=_empty()), dns.Route.NOTHING),
    ):

        def fail(*_: Any, raised: Exception = raised, **__: Any) -> None:
            raise raised

        monkeypatch.setattr(system, "resolve", fail)
        assert dns.mail_route("b.example", dns.system_resolver()).route is route
    assert system.lifetime == 3


def _empty() -> Any:
    import dns.message

    return dns.message.make_query("b.example", "MX")


def test_without_dnspython_the_pip_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from bouncewise.errors import InputError

    monkeypatch.setitem(sys.modules, "dns.resolver", None)
    with pytest.raises(InputError, match=r"pip install 'bouncewise\[sender\]'"):
        dns.system_resolver()


def gathered(reply: str, name: str, resolve: dns.Resolver) -> Facts:
    return facts.of_reply(reply, name, facts.Sources(default_classifier(), NOW, None, resolve))


def test_dns_as_evidence() -> None:
    moved = gathered(DENIED, "u1@b.example", answers(MX=["1 aspmx.l.google.com."]))
    assert (moved.dns, moved.dns_hosts) == ("elsewhere", "aspmx.l.google.com")
    assert diagnose(moved, KNOWLEDGE).ranking[0].id == "domain-gone"
    stayed = gathered(
        DENIED, "u1@b.example", answers(MX=["1 b-example.mail.protection.outlook.com."])
    )
    own_host = gathered(DENIED, "u1@b.example", answers(MX=["1 mx.b.example."]))
    assert (stayed.dns, own_host.dns) == (
        "mx",
        "mx",
    )  # a host of its own may stand before the old provider
    silent = gathered(DENIED, "u1@b.example", answers(MX=dns.UnansweredError("SERVFAIL")))
    assert silent.dns is None
    assert "DNS now: SERVFAIL" in silent.missing


# ── from a ledger ───────────────────────────────────────────────────────────────────────────────


class Desk:
    """A ledger that is fed days of a Postfix log, and asked."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0

    def run(self, *args: str, code: int = 0) -> str:
        with patch.dict(os.environ, {"BOUNCEWISE_DB": str(self.folder / "ledger.sqlite")}):
            done = bouncewise(self.folder, *args)
        assert done.returncode == code, done.stderr
        return done.stdout.decode()

    def mail(self, day: float, fates: dict[str, str], mx: str = "mx.b.example") -> None:
        lines = []
        for i, (to, said) in enumerate(fates.items()):
            self.count += 1
            when = (NOW + timedelta(days=day, seconds=i)).isoformat()
            lines.append(log_lines(when, to, said or ACCEPTED, queue=self.count, host=mx))
        file = self.folder / f"{self.count}.log"
        file.write_text("".join(lines))
        self.run("ingest", str(file))

    def ask(self, subject: str, day: float, *more: str) -> dict[str, Any]:
        at = (NOW + timedelta(days=day)).isoformat()
        found: dict[str, Any] = json.loads(
            self.run("diagnose", *subject.split(" ", 1), "--json", "--at", at, *more)
        )
        return found


def first(found: dict[str, Any]) -> tuple[str, float]:
    return found["hypotheses"][0]["hypothesis"], found["hypotheses"][0]["probability"]


def pieces(found: dict[str, Any]) -> set[str]:
    return {e["evidence"] for e in found["evidence"]}


MX = "b-example.mail.protection.outlook.com"


def test_one_and_all_of_a_tenant(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    everybody = [f"u{i}@b.example" for i in range(8)]
    desk.mail(-2, dict.fromkeys(everybody, ""), MX)
    desk.mail(0, dict.fromkeys(everybody, "") | {"u1@b.example": DENIED}, MX)
    one = desk.ask("u1@b.example", 0.1)
    assert first(one)[0] == "left"
    assert first(one)[1] > 0.88
    assert {"own.lately", "domain.works"} <= pieces(one)
    assert one["refusal"]["receiver"] == "microsoft"
    assert one["refusal"]["stage"] == "rcpt"

    desk.mail(1, dict.fromkeys(everybody, DENIED), MX)
    whole = desk.ask("u2@b.example", 1.1)
    assert first(whole)[0] == "not-synchronised"
    of_domain = desk.ask("b.example", 1.1)
    assert first(of_domain)[0] == "not-synchronised"
    assert of_domain["subject"] == "u7@b.example", (
        "whoever was refused last; a domain is never the one to suppress for one"
    )
    desk.mail(3, dict.fromkeys(everybody, ""), MX)
    back = desk.ask("u2@b.example", 3.1)
    assert "own.back" in pieces(back)
    assert next(h["probability"] for h in back["hypotheses"] if h["hypothesis"] == "left") < 0.01
    assert first(desk.ask("u2@b.example", 1.1)) == first(whole), "the past is what was known then"


def test_refusals_for_weeks_beside_deliveries_are_no_outage(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    mx, gone = "gmail-smtp-in.l.google.com", [f"p{i}@gmail.com" for i in range(5)]
    everybody = [*gone, *(f"p{i}@gmail.com" for i in range(5, 40))]
    desk.mail(-7, dict.fromkeys(everybody, ""), mx)
    unknown = "550-5.1.1 The email account that you tried to reach does not exist. - gsmtp"
    for day in (0, 3, 7, 11, 15, 19):
        desk.mail(day, dict.fromkeys(everybody, "") | dict.fromkeys(gone, unknown), mx)
    found = desk.ask("p1@gmail.com", 20)
    assert first(found)[0] == "left"
    assert "own.for-weeks" in pieces(found)
    assert "Suppress p1@gmail.com" in desk.run("diagnose", "p1@gmail.com")
    desk.run("check", "p1@gmail.com", code=1)


def test_slips_are_told_and_nothing_is_rewritten(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.mail(-2, {"john@b.example": "", "ann@gmaill.com": ""})
    desk.mail(0, {"jonh@b.example": UNKNOWN, "jo@gmial.com": UNKNOWN, "jo@gmaill.com": UNKNOWN})
    local, domain, living = (
        desk.ask(a, 0.1) for a in ("jonh@b.example", "jo@gmial.com", "jo@gmaill.com")
    )
    assert first(local)[0] == first(domain)[0] == "typo"
    assert "john@b.example" in local["hypotheses"][0]["step"]
    assert "jo@gmail.com" in domain["hypotheses"][0]["step"]
    assert "typo.domain" not in pieces(living)


def test_a_ledger_of_bounces_alone_draws_nothing_from_silence(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.mail(0, {"u1@b.example": UNKNOWN})
    found = desk.ask("u1@b.example", 0.1)
    assert pieces(found) == {"prior"}
    assert any(gap.startswith("deliveries:") for gap in found["missing"])


def test_a_reply_alone(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    found = desk.ask(DENIED, 0)
    assert first(found)[0] == "left"
    assert first(found)[1] < 0.8
    assert len(found["missing"]) == 4
    assert found["subject"] is None
    shown = desk.run("diagnose", "u1@b.example", DENIED)
    assert "Not known" in shown
    assert "Next" in shown
    assert not (tmp_path / "ledger.sqlite").exists()


def test_no_refusal_is_said(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert desk.run("diagnose", "nobody@b.example", code=2) == ""
    desk.mail(0, {"u1@b.example": ""})
    assert "No bounce on record" in desk.run("diagnose", "b.example", code=1)


def test_the_verdict_is_read_from_the_evidence(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.mail(0, {"u1@b.example": DENIED}, MX)
    with open_store(tmp_path / "ledger.sqlite", create=True) as ledger:
        verdict = ledger.neighbours.verdict("u1@b.example", NOW)
    assert verdict is not None
    assert verdict.confidence == classify(DENIED).confidence


def test_the_simulation_finds_the_chances_honest() -> None:
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from bench.diagnosis import cases, score

    found = cases(5, 600, 40)
    whole, alone = score(found, KNOWLEDGE), score([case.alone() for case in found], KNOWLEDGE)
    assert whole.count > 200
    assert whole.top > 0.85
    assert whole.brier < 0.2
    assert whole.brier < alone.brier
    _, said, true = whole.bins[max(whole.bins)]
    assert true / whole.bins[max(whole.bins)][0] > said - 0.05


def test_a_reply_that_the_person_left_is_weak_evidence() -> None:
    bare = case(Cause.ACCESS_DENIED)
    left = case(Cause.ACCESS_DENIED, absence=AbsenceState.LEFT, absence_on="2026-03-01")
    away = case(Cause.ACCESS_DENIED, absence=AbsenceState.AWAY, absence_on="2026-03-01")
    assert chance(bare, "left") < chance(left, "left") < 0.95
    assert chance(left, "typo") < chance(bare, "typo")
    assert chance(away, "left") == chance(bare, "left")
