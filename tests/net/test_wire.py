"""Octets of DNS: what dnspython reads in a message is what is read here; whatever arrives, nothing
but MalformedError is raised, and soon.
"""

from __future__ import annotations

import time

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from dns.rdtypes.ANY.MX import MX
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bouncewise.net.wire import (
    NXDOMAIN,
    MalformedError,
    Reply,
    name_at,
    query,
    question_for,
    read_reply,
)

LABEL = st.one_of(
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True).map(str.encode),
    st.binary(min_size=1, max_size=12),
)
NAME = st.lists(LABEL, min_size=1, max_size=6).map(lambda labels: dns.name.Name([*labels, b""]))
OWNER = "b.example."


@st.composite
def replies(draw: st.DrawFn) -> dns.message.Message:
    """Replies to a question for MX, A or AAAA of b.example, with aliases and other people's
    records.
    """
    kind = draw(st.sampled_from(["MX", "A", "AAAA"]))
    reply = dns.message.make_response(dns.message.make_query(OWNER, kind), recursion_available=True)
    reply.set_rcode(draw(st.sampled_from([0, 0, 0, NXDOMAIN])))
    names = [dns.name.from_text(OWNER), *draw(st.lists(NAME, min_size=2, max_size=4))]
    used = set()
    for _ in range(draw(st.integers(0, 6))):
        owner = draw(st.sampled_from(names))
        made = draw(st.sampled_from(["CNAME", kind, kind, "TXT"]))
        if owner in used:
            continue
        used.add(owner)
        ttl = draw(st.integers(0, 100_000))
        rrset = dns.rrset.RRset(owner, dns.rdataclass.IN, dns.rdatatype.from_text(made))
        for text in _texts(draw, made, names):
            rrset.add(dns.rdata.from_text("IN", made, text), ttl)
        reply.answer.append(rrset)
    return reply


def _texts(draw: st.DrawFn, kind: str, names: list[dns.name.Name]) -> list[str]:
    host = draw(st.sampled_from(names)).to_text()
    if kind == "MX":
        return [
            f"{n} {draw(st.sampled_from(names)).to_text()}"
            for n in draw(st.sets(st.integers(0, 9), min_size=1))
        ]
    return [{"A": "192.0.2.7", "AAAA": "2001:db8::7", "CNAME": host, "TXT": '"x"'}[kind]]


def by_dnspython(wire: bytes) -> tuple[set[str], int | None] | None:
    """The records and the shortest time to live; None where it reads no message."""
    try:
        message = dns.message.from_wire(wire, ignore_trailing=True)
        chain = message.resolve_chaining()  # type: ignore[attr-defined]
    except (dns.exception.DNSException, ValueError, AttributeError):  # (an update is no reply)
        return None
    if chain.answer is None:
        return set(), None
    texts = {_text(record) for record in chain.answer}
    return {text.lower() for text in texts}, min([chain.answer.ttl, *(c.ttl for c in chain.cnames)])


def _text(record: dns.rdata.Rdata) -> str:
    if not isinstance(record, MX):
        return record.to_text()
    host = record.exchange.to_text(omit_final_dot=True)
    return f"{record.preference} {'' if host == '.' else host}"


def ours(wire: bytes, question: bytes) -> Reply | None:
    try:
        return read_reply(wire, question)
    except MalformedError:
        return None


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(replies())
def test_the_records_are_those_that_dnspython_reads(reply: dns.message.Message) -> None:
    kind = dns.rdatatype.to_text(reply.question[0].rdtype)
    found = ours(reply.to_wire(), question_for("b.example", kind))
    expected = by_dnspython(reply.to_wire())
    if expected is None:
        assert found is None or not found.records
    else:
        assert found is not None and found.rcode == reply.rcode()
        assert set(found.records) == expected[0]
        assert not expected[0] or found.ttl == expected[1]


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(replies(), st.data())
def test_damaged_octets_give_what_dnspython_reads_or_nothing(
    reply: dns.message.Message, data: st.DataObject
) -> None:
    wire = bytearray(reply.to_wire())
    for _ in range(data.draw(st.integers(1, 4))):
        wire[data.draw(st.integers(2, len(wire) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(wire[: data.draw(st.integers(0, len(wire)))])
    kind = dns.rdatatype.to_text(reply.question[0].rdtype)
    found, expected = ours(damaged, question_for("b.example", kind)), by_dnspython(damaged)
    if found is not None and found.records and expected is not None:
        assert set(found.records) == expected[0]


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=600))
def test_no_octets_raise_anything_else(data: bytes) -> None:
    question = question_for("b.example", "MX")
    head = b"\0\1\x81\x80\0\1" + data[:1].rjust(2, b"\0") + b"\0\0\0\0"
    for octets in (data, head + question + data):
        ours(octets, question)


def test_names_that_point_at_each_other_cost_no_time() -> None:
    question = question_for("b.example", "MX")
    record = b"\xc0\x0c\0\x0f\0\1\0\0\0\x3c\0\4\0\x0a"
    start = 12 + len(question)
    ring = record + b"\xc0" + bytes((start + 14,))
    head = b"\0\1\x81\x80\0\1\xff\xff\0\0\0\0"
    begun = time.perf_counter()
    with pytest.raises(MalformedError):
        read_reply(head + question + ring * 4000, question)
    # (the deepest chain that is allowed, for as many records as are read)
    labels = b"\1a" * 120 + b"\0"
    long = record[:10] + len(b"\0\x0a" + labels).to_bytes(2) + b"\0\x0a" + labels
    back = record + b"\xc0" + bytes((start + 14,))
    found = read_reply(head + question + long + back * 4000, question)
    assert found is not None and len(found.records) == 512
    assert time.perf_counter() - begun < 0.5


def test_a_question_is_what_dnspython_writes() -> None:
    made = query(7, question_for("B.Example", "MX"))
    message = dns.message.from_wire(made)
    assert message.id == 7 and message.flags == dns.flags.RD and message.payload == 1232
    assert message.question[0].to_text() == "b.example. IN MX"


def test_names_longer_than_a_name_can_be_are_refused() -> None:
    with pytest.raises(MalformedError):
        name_at(b"\x3f" + b"a" * 63 + b"\xc0\x00", 64)
    with pytest.raises(ValueError):
        question_for(".".join(["x" * 60] * 5), "MX")
