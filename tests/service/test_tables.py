"""Tables over a socket: Postfix's socketmap and tcp, and plain lines for Exim."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bouncewise.config.service import PostfixPolicy
from bouncewise.service import tables
from bouncewise.service.connections import Connections
from bouncewise.service.conversation import MAX_REQUEST, Conversation, Protocol
from bouncewise.service.policy import PolicyAnswers
from service.test_postfix_policy import check


def answers() -> PolicyAnswers:
    return PolicyAnswers(PostfixPolicy(), check)


def netstring(text: bytes) -> bytes:
    return b"%d:%s," % (len(text), text)


def ask(protocol: Protocol, *parts: bytes) -> bytes:
    """What is answered to *parts*, sent one after another, until the client ends its side."""

    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: Conversation(protocol, Connections()), "127.0.0.1", 0
        )
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        found = b""
        with contextlib.suppress(OSError):  # (the server may end the connection first)
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.002)
            writer.write_eof()
            found = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        server.close()
        await asyncio.sleep(0.01)
        return found

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (b"transactional ok@x.example", b"NOTFOUND "),
        (b"transactional dead@x.example", b"OK REJECT 5.1.1 dead@x.example: "),
        (b"transactional complained@x.example", b"NOTFOUND "),
        (b"marketing complained@x.example", b"OK REJECT 5.1.1 complained@x.example: "),
        (b"transactional broken@x.example", b"TEMP the ledger cannot be read"),
        (b"transactional x.example", b"NOTFOUND "),
        (b"transactional ", b"NOTFOUND "),
        (b"transactional", b"PERM "),
        (b"other dead@x.example", b"PERM "),
        (b"\xff\x00", b"PERM "),
        (b"", b"PERM "),
    ],
)
def test_a_socketmap_answers(request_: bytes, reply: bytes) -> None:
    found = ask(tables.socketmap(answers()), netstring(request_))
    length, _, rest = found.partition(b":")
    assert rest.startswith(reply)
    assert len(rest) == int(length) + 1
    assert rest.endswith(b",")
    assert rest.isascii()
    assert b"\n" not in rest


def test_requests_of_a_socketmap_follow_one_another_in_any_pieces() -> None:
    sent = netstring(b"transactional dead@x.example") + netstring(b"transactional ok@x.example") * 2
    whole = ask(tables.socketmap(answers()), sent)
    assert whole.count(b"9:NOTFOUND ,") == 2
    assert ask(tables.socketmap(answers()), *(sent[n : n + 1] for n in range(len(sent)))) == whole


@pytest.mark.parametrize(
    "data", [b"x", b"01:a,", b"1:ab", b"-1:a,", b" 1:a,", b"999999:", b"1 :a,", b"\xff"]
)
def test_what_is_no_netstring_ends_the_connection(data: bytes) -> None:
    good = netstring(b"transactional ok@x.example")
    assert ask(tables.socketmap(answers()), data, good) == b""


@given(st.lists(st.binary(max_size=50), max_size=5), st.integers(0, 60))
def test_netstrings_are_read_as_they_are_written(texts: list[bytes], cut: int) -> None:
    data = b"".join(map(netstring, texts))
    assert tables.netstrings(data) == (texts, b"")
    first, rest = tables.netstrings(data[:cut])
    second, nothing = tables.netstrings(rest + data[cut:])
    assert (first + second, nothing) == (texts, b"")


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"get ok@x.example", b"500 not%20found\n"),
        (b"get dead@x.example", b"200 REJECT%205.1.1%20dead@x.example:%20"),
        (b"get d%65ad@x.example\r", b"200 REJECT%205.1.1%20dead@x.example:%20"),
        (b"get broken@x.example", b"400 the%20ledger%20cannot%20be%20read\n"),
        (b"get complained@x.example", b"500 not%20found\n"),
        (b"get %", b"500 not%20found\n"),
        (b"put a b", b"400 "),
        (b"", b"400 "),
        (b"transactional ok@x.example", b"ok\n"),
        (b"transactional dead@x.example", b"no REJECT 5.1.1 dead@x.example: "),
        (b"transactional broken@x.example", b"unknown the ledger cannot be read\n"),
        (b"marketing complained@x.example", b"no REJECT 5.1.1 complained@x.example: "),
        (b"marketing a b%@\xff\x00", b"ok\n"),
    ],
)
def test_a_line_is_answered_by_a_line(line: bytes, reply: bytes) -> None:
    found = ask(tables.tcp_table(answers()), line + b"\n")
    assert found.startswith(reply)
    assert found.endswith(b"\n")
    assert found.count(b"\n") == 1
    assert found.isascii()
    if line.startswith(b"get"):
        assert len(found.split()) == 2
        assert len(found) <= 4096


def test_replies_of_a_tcp_table_are_bounded() -> None:
    action = PostfixPolicy(action="REJECT " + "ü" * 5000)
    found = ask(tables.tcp_table(PolicyAnswers(action, check)), b"get dead@x.example\n")
    assert len(found) <= 4096


@pytest.mark.parametrize("protocol", [tables.socketmap, tables.tcp_table])
def test_a_request_without_end_ends_the_connection(protocol: object) -> None:
    assert callable(protocol)
    begin = b"99999:" if protocol is tables.socketmap else b"get "
    assert ask(protocol(answers()), begin, *[b"a" * 8192] * (MAX_REQUEST // 8192 + 1)) == b""


def test_questions_to_tables_are_counted() -> None:
    counted = answers()
    ask(tables.tcp_table(counted), b"get ok@x.e\nget dead@x.e\ntransactional broken@x.e\n")
    assert (counted.asked, counted.refused, counted.failed) == (3, 1, 1)
