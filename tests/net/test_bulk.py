"""Many questions to DNS: who is denied, who is silent, and that no hostile or slow server makes an
existing domain anything else.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from bouncewise.net.answers import Answer, Outcome, Question
from bouncewise.net.bulk import bulk_lookup
from bouncewise.net.servers import Server
from support.nameserver import NameServer, nameserver

ZONE = {
    "b.example": {"MX": ["10 mx.b.example."], "A": ["192.0.2.7"]},
    "null.example": {"MX": ["0 ."]},
    "text.example": {"TXT": ["hello"]},
    "six.example": {"AAAA": ["2001:db8::7"]},
    "big.example": {"MX": [f"{n} m{n}.a-very-long-name-of-a-host.big.example." for n in range(60)]},
    "alias.example": {"CNAME": ["b.example."]},
    "gone.example": {"CNAME": ["nowhere.example."]},
    "bare.example": {"CNAME": ["text.example."]},
    "ring.example": {"CNAME": ["ring.example."]},
}
QUICK = ((0.1, 0.2), (0.3, 0.6))


@pytest.fixture
def running() -> Iterator[NameServer]:
    with nameserver(ZONE) as server:
        yield server


def ask(
    server: NameServer, *names: str, kind: str = "MX", passes: tuple[tuple[float, ...], ...] = QUICK
) -> dict[str, Answer]:
    lookup = bulk_lookup((server.server,), passes)
    return {q.name: answer for q, answer in lookup(Question(name, kind) for name in names)}


def test_records_denials_and_aliases(running: NameServer) -> None:
    names = ("b", "null", "text", "alias", "gone", "bare", "ring", "nobody")
    found = ask(running, *(f"{name}.example" for name in names))
    assert found["b.example"] == Answer(Outcome.ANSWERED, ("10 mx.b.example",), 7200)
    assert found["null.example"].records == ("0 ",)
    assert found["text.example"].outcome is Outcome.NO_RECORDS
    assert found["alias.example"].records == ("10 mx.b.example",)
    assert found["gone.example"].outcome is Outcome.NO_NAME
    assert found["bare.example"].outcome is Outcome.NO_RECORDS
    assert found["ring.example"].outcome is Outcome.SILENT, "aliases in a ring deny nothing"
    assert found["nobody.example"].outcome is Outcome.NO_NAME
    assert ask(running, "b.example", kind="A")["b.example"].records == ("192.0.2.7",)
    assert ask(running, "six.example", kind="AAAA")["six.example"].records == ("2001:db8::7",)


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("servfail", "SERVFAIL"),
        ("refused", "REFUSED"),
        ("formerr", "FORMERR"),
        ("notimp", "NOTIMP"),
        ("yxdomain", "response code 6"),
        ("silent", "time-out"),
        ("otherid", "time-out"),
        ("otherquestion", "time-out"),
        ("noquestion", "time-out"),
        ("garbage", "time-out"),
        ("short", "time-out"),
        ("loop", "malformed"),
        ("referral", "referral"),
        ("cutbytcp", "cut short"),
    ],
)
def test_a_server_that_gives_no_answer_denies_nothing(
    running: NameServer, behaviour: str, words: str
) -> None:
    found = ask(running, f"{behaviour}.example", "b.example")
    assert found[f"{behaviour}.example"].outcome is Outcome.SILENT
    assert words in found[f"{behaviour}.example"].reason
    assert found["b.example"].records == ("10 mx.b.example",)


@pytest.mark.parametrize("behaviour", ["noedns", "truncated", "upper"])
def test_what_old_servers_do_is_followed(running: NameServer, behaviour: str) -> None:
    name = f"{behaviour}.example"
    assert ask(running, name)[name].records == ("10 mx.b.example",)


def test_an_answer_that_fits_no_datagram_comes_by_tcp(running: NameServer) -> None:
    assert len(ask(running, "big.example")["big.example"].records) == 60
    assert running.by_tcp["big.example", "MX"] == 1


def test_an_answer_after_two_seconds_and_a_half_is_one(running: NameServer) -> None:
    lookup = bulk_lookup((running.server,))
    found = dict(lookup([Question("slow.example", "MX"), Question("b.example", "MX")]))
    assert {answer.outcome for answer in found.values()} == {Outcome.ANSWERED}


def test_lost_datagrams_are_sent_again(running: NameServer) -> None:
    running.ignored = 5
    names = [f"x{n}.b.example" for n in range(20)]
    found = ask(running, *names)
    assert {answer.outcome for answer in found.values()} == {Outcome.NO_NAME}


def test_what_one_server_refuses_the_next_one_answers(running: NameServer) -> None:
    with nameserver() as other:
        other.answer = lambda query: _refusal(query)  # type: ignore[method-assign]
        lookup = bulk_lookup((other.server, running.server), QUICK)
        start = time.monotonic()
        (_, answer), *_ = lookup([Question("b.example", "MX")])
        assert answer.records == ("10 mx.b.example",)
        assert time.monotonic() - start < QUICK[0][0], "no waiting for a server that refuses"
        assert other.questions["b.example", "MX"] == 1


def test_a_closed_port_ends_at_once_and_everything_is_silent() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    start = time.monotonic()
    questions = [Question(f"d{n}.example", "MX") for n in range(5000)]
    found = list(bulk_lookup((Server("127.0.0.1", port),))(questions))
    assert len(found) == 5000
    assert {answer.outcome for _, answer in found} == {Outcome.SILENT}
    assert time.monotonic() - start < 5


def test_where_no_server_answers_anything_few_questions_are_sent(running: NameServer) -> None:
    running.ignored = 1 << 30
    start = time.monotonic()
    found = ask(running, *(f"d{n}.example" for n in range(5000)))
    assert len(found) == 5000
    assert {answer.outcome for answer in found.values()} == {Outcome.SILENT}
    assert (1 << 30) - running.ignored < 500
    assert time.monotonic() - start < 5


def test_many_silent_domains_first_cost_no_existing_domain_its_answer(
    running: NameServer,
) -> None:
    dead = [f"silent.d{n}.example" for n in range(300)]
    others = [f"x{n}.b.example" for n in range(300)]
    found = ask(running, *dead, *others, "b.example")
    assert {found[name].outcome for name in dead} == {Outcome.SILENT}
    assert {found[name].outcome for name in others} == {Outcome.NO_NAME}
    assert found["b.example"].outcome is Outcome.ANSWERED


def test_what_is_no_name_in_dns_is_silent_and_not_sent(running: NameServer) -> None:
    names = ("a..b", "x" * 64 + ".example", ".".join(["x" * 60] * 5), "müller.example", "")
    found = ask(running, *names[:4])
    assert {answer.outcome for answer in found.values()} == {Outcome.SILENT}
    assert set(running.questions) == {("", "NS")}


def _refusal(query):  # type: ignore[no-untyped-def]
    import dns.message
    import dns.rcode

    reply = dns.message.make_response(query)
    reply.set_rcode(dns.rcode.REFUSED)
    return reply
