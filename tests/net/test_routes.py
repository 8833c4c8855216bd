"""Where mail is routed by DNS: what no public sender can reach is not taken for a route."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bouncewise.errors import InputError
from bouncewise.net.answers import Answer, Lookup, Outcome, Question
from bouncewise.net.bulk import bulk_lookup
from bouncewise.net.cache import LEAST, cached
from bouncewise.net.dns import MailRoute, Route, mail_routes
from bouncewise.net.servers import Server, server, system_servers
from support.nameserver import NameServer, nameserver

PUBLIC = "192.88.98.1"
"""An address outside every registry of special ones; nothing is sent there."""

ZONE = {
    "b.example": {"MX": ["10 mx.b.example.", "20 old.b.example."]},
    "mx.b.example": {"A": [PUBLIC]},
    "six.example": {"MX": ["10 mx.six.example."]},
    "mx.six.example": {"A": ["10.0.0.1"], "AAAA": ["2600::1"]},
    "null.example": {"MX": ["0 ."]},
    "nullplus.example": {"MX": ["0 .", "10 mx.b.example."]},
    "literal.example": {"MX": ["10 192.0.2.1."]},
    "local.example": {"MX": ["10 localhost."]},
    "single.example": {"MX": ["10 mailserver."]},
    "private.example": {"MX": ["10 mx.private.example."]},
    "mx.private.example": {"A": ["10.0.0.1", "127.0.0.1"], "AAAA": ["fe80::1"]},
    "dangling.example": {"MX": ["10 mx.gone.example.", "20 text.example."]},
    "doubtful.example": {"MX": ["10 mx.gone.example.", "20 servfail.example."]},
    "text.example": {"TXT": ["v=spf1 -all"]},
    "implicit.example": {"A": [PUBLIC]},
    "implicit6.example": {"AAAA": ["2600::1"]},
    "inside.example": {"A": ["192.168.0.1"]},
    "many.example": {"MX": [f"{n} gone{n}.example." for n in range(40)]},
}


@pytest.fixture(scope="module")
def running() -> Iterator[NameServer]:
    with nameserver(ZONE) as started:
        yield started


@pytest.fixture
def lookup(running: NameServer) -> Lookup:
    return bulk_lookup((running.server,), ((0.2,), (0.3,)))


def routes(lookup: Lookup, *names: str, check: bool = True) -> dict[str, MailRoute]:
    domains = (f"{name}.example" for name in names)
    found = mail_routes(domains, lookup, check_hosts=check)
    return {domain.partition(".")[0]: route for domain, route in found}


def test_each_route_is_distinguished(lookup: Lookup) -> None:
    expected = {
        "b": Route.MX,
        "six": Route.MX,
        "null": Route.NULL_MX,
        "nullplus": Route.MX,
        "literal": Route.UNUSABLE,
        "local": Route.UNUSABLE,
        "single": Route.UNUSABLE,
        "private": Route.UNUSABLE,
        "inside": Route.UNUSABLE,
        "dangling": Route.DANGLING,
        "text": Route.NOTHING,
        "implicit": Route.IMPLICIT,
        "implicit6": Route.IMPLICIT,
        "nobody": Route.NXDOMAIN,
    }
    found = routes(lookup, *expected)
    assert {name: route.route for name, route in found.items()} == expected
    assert found["b"].hosts == ("mx.b.example", "old.b.example")


def test_what_is_not_certain_is_not_unusable(lookup: Lookup) -> None:
    found = routes(lookup, "doubtful", "many", "servfail", "silent")
    assert found["doubtful"].route is Route.MX
    assert found["many"].route is Route.MX, "not all of its hosts are looked up"
    assert found["servfail"] == MailRoute(Route.UNANSWERED, reason="SERVFAIL")
    assert found["silent"] == MailRoute(Route.UNANSWERED, reason="time-out")


def test_hosts_are_looked_up_once_and_only_on_request(running: NameServer, lookup: Lookup) -> None:
    running.questions.clear()
    routes(lookup, "b", "nullplus", check=False)
    assert {kind for name, kind in running.questions if name} == {"MX"}
    routes(lookup, "b", "nullplus")
    assert running.questions["mx.b.example", "A"] == 1
    assert running.questions["mx.b.example", "AAAA"] == 0


def test_answers_are_kept_and_silence_is_not(running: NameServer, tmp_path: Path) -> None:
    path, names = tmp_path / "cache" / "dns.sqlite", ("b", "nobody", "text", "servfail")
    lookup = bulk_lookup((running.server,), ((0.2,), (0.3,)))
    with cached(lookup, path, "here") as keeping:
        first = routes(keeping, *names)
    running.questions.clear()
    with cached(lookup, path, "here") as keeping:
        assert routes(keeping, *names) == first
    assert {name for name, _ in running.questions if name} == {"servfail.example"}
    with cached(lookup, path, "elsewhere") as keeping:
        assert routes(keeping, "b")["b"].route is Route.MX
    assert running.questions["b.example", "MX"] == 1, "another resolver may know another DNS"


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (Answer(Outcome.ANSWERED, ("10 mx.b.example",), 5), 3600),
        (Answer(Outcome.ANSWERED, ("10 mx.b.example",), 7200), 7200),
        (Answer(Outcome.ANSWERED, ("10 mx.b.example",), 10**9), 86400),
        (Answer(Outcome.NO_NAME), 3600),
        (Answer(Outcome.NO_RECORDS), 3600),
    ],
)
def test_how_long_an_answer_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer, seconds: int
) -> None:
    asked: list[str] = []
    now = [1_000_000.0]
    monkeypatch.setattr("bouncewise.net.cache.time.time", lambda: now[0])

    def lookup(questions):  # type: ignore[no-untyped-def]
        for question in questions:
            asked.append(question.name)
            yield question, answer

    def ask() -> Answer:
        with cached(lookup, tmp_path / "dns.sqlite", "r") as keeping:
            return next(iter(dict(keeping([Question("b.example", "MX")])).values()))

    assert LEAST == 3600
    ask()
    now[0] += seconds - 1
    assert ask().records == answer.records
    assert len(asked) == 1
    now[0] += 1
    ask()
    assert len(asked) == 2


def test_a_cache_that_cannot_be_used_costs_the_cache_only(lookup: Lookup, tmp_path: Path) -> None:
    path = tmp_path / "dns.sqlite"
    path.write_bytes(b"this is no database" * 500)
    for place in (path, tmp_path, tmp_path / "dns.sqlite" / "x", None):
        with cached(lookup, place, "here") as keeping:
            assert routes(keeping, "b")["b"].route is Route.MX
    assert path.read_bytes()[:6] == b"SQLite"


def test_resolver_addresses(tmp_path: Path) -> None:
    assert server("192.0.2.53") == Server("192.0.2.53", 53)
    assert server("192.0.2.53:5353") == Server("192.0.2.53", 5353)
    assert server("2001:db8::53") == Server("2001:db8::53", 53)
    assert server("[2001:db8::53]:5353") == Server("2001:db8::53", 5353)
    for text in ("dns.example", "192.0.2.53:0", "192.0.2.53:65536", "", "[x]:53", "1.2.3"):
        with pytest.raises(InputError, match="--resolver"):
            server(text)
    conf = tmp_path / "resolv.conf"
    conf.write_text(
        "# ours\nsearch b.example\nnameserver 192.0.2.1\nnameserver x\nnameserver ::1\n"
    )
    assert system_servers(conf) == (Server("192.0.2.1"), Server("::1"))
    conf.write_text("nameserver\n")
    with pytest.raises(InputError, match="--resolver ADDRESS"):
        system_servers(conf)
