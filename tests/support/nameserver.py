"""A name server in this process, UDP and TCP on one port of the loopback interface, with a zone
and a temper.

The zone maps a name to its records (``{"b.example": {"MX": ["10 mx.b.example."]}}``); a name that
is not there is NXDOMAIN. The first label of a name may be that of a behaviour: a server that keeps
silent, answers late, lies, or sends octets that are no message.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from bouncewise.net.servers import Server

Zone = Mapping[str, Mapping[str, list[str]]]
Reply = dns.message.Message
TTL = 7200


class NameServer:
    """What a running server is asked, and what it answers."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.questions: Counter[tuple[str, str]] = Counter()
        self.by_tcp: Counter[tuple[str, str]] = Counter()
        self.server = Server("127.0.0.1", 0)
        self.delay = 0.0
        self.ignored = 0
        """Datagrams that are lost before any is answered."""
        self.secure: set[str] = set()
        """Names whose answers DNSSEC protects; "" is the root."""
        self.bogus: set[str] = set()
        """Names whose signatures do not hold."""

    def answer(self, query: Reply) -> Reply:
        """By the zone."""
        name = query.question[0].name.to_text().rstrip(".").lower()
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        reply = dns.message.make_response(query, recursion_available=True)
        if name in self.bogus and not query.flags & dns.flags.CD:
            reply.set_rcode(dns.rcode.SERVFAIL)
            return reply
        if name in self.secure:
            reply.flags |= dns.flags.AD
        if not name:
            return reply
        for _ in range(8):
            records = self.zone.get(name)
            if records is None:
                reply.set_rcode(dns.rcode.NXDOMAIN)
                return reply
            wanted = "CNAME" if "CNAME" in records else kind
            for text in records.get(wanted, []):
                rrset = dns.rrset.from_text(f"{name}.", TTL, "IN", wanted, text)
                found = reply.find_rrset(
                    reply.answer, rrset.name, rrset.rdclass, rrset.rdtype, create=True
                )
                found.update(rrset)
            if wanted == kind:
                return reply
            name = records["CNAME"][0].rstrip(".")
        return reply


Behaviour = Callable[[NameServer, Reply, bytes, bool], tuple[bytes | None, float]]
"""(server, query, its octets, whether by TCP) to the octets of the answer, None for none, and the
seconds after which they are sent."""


def _failing(rcode: int) -> Behaviour:
    def behave(server: NameServer, query: Reply, _: bytes, __: bool) -> tuple[bytes | None, float]:
        reply = dns.message.make_response(query, recursion_available=True)
        reply.set_rcode(dns.rcode.Rcode(rcode))
        return reply.to_wire(), 0

    return behave


def _mx(query: Reply, host: str = "mx.b.example.") -> Reply:
    reply = dns.message.make_response(query, recursion_available=True)
    if query.question[0].rdtype == dns.rdatatype.MX:
        name = query.question[0].name
        reply.answer.append(dns.rrset.from_text(name, TTL, "IN", "MX", f"10 {host}"))
    return reply


def _other_id(_: NameServer, query: Reply, __: bytes, ___: bool) -> tuple[bytes | None, float]:
    reply = _mx(query, "forged.example.")
    reply.id ^= 1
    return reply.to_wire(), 0


def _other_question(
    _: NameServer, query: Reply, __: bytes, ___: bool
) -> tuple[bytes | None, float]:
    reply = _mx(dns.message.make_query("other.example.", "MX"), "forged.example.")
    reply.id = query.id
    return reply.to_wire(), 0


def _no_question(_: NameServer, query: Reply, __: bytes, ___: bool) -> tuple[bytes | None, float]:
    reply = _mx(query, "forged.example.")
    reply.question = []
    return reply.to_wire(), 0


def _no_edns(_: NameServer, query: Reply, octets: bytes, __: bool) -> tuple[bytes | None, float]:
    if query.edns >= 0:
        return octets[:2] + b"\x81\x81" + bytes(8), 0  # a head alone: FORMERR
    return _mx(query).to_wire(), 0


def _truncated(_: NameServer, query: Reply, __: bytes, tcp: bool) -> tuple[bytes | None, float]:
    reply = _mx(query)
    if not tcp:
        reply.answer = []
        reply.flags |= dns.flags.TC
    return reply.to_wire(), 0


def _referral(_: NameServer, query: Reply, __: bytes, ___: bool) -> tuple[bytes | None, float]:
    reply = dns.message.make_response(query)
    reply.authority.append(dns.rrset.from_text("example.", TTL, "IN", "NS", "ns.example."))
    return reply.to_wire(), 0


def _loop(_: NameServer, query: Reply, octets: bytes, __: bool) -> tuple[bytes | None, float]:
    question = octets[12 : 12 + len(query.question[0].name.to_wire()) + 4]
    here = 12 + len(question) + 12 + 2
    rdata = b"\0\x0a\xc0" + bytes((here,))
    record = b"\xc0\x0c\0\x0f\0\1\0\0\0\x3c" + len(rdata).to_bytes(2) + rdata
    return octets[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question + record, 0


def _upper(_: NameServer, query: Reply, octets: bytes, __: bool) -> tuple[bytes | None, float]:
    wire = _mx(query, "MX.B.EXAMPLE.").to_wire()
    end = 12 + len(query.question[0].name.to_wire())
    return wire[:12] + wire[12:end].upper() + wire[end:], 0


BEHAVIOURS: dict[str, Behaviour] = {
    "servfail": _failing(2),
    "refused": _failing(5),
    "formerr": _failing(1),
    "notimp": _failing(4),
    "yxdomain": _failing(6),
    "silent": lambda *_: (None, 0),
    "slow": lambda _s, query, _o, _t: (_mx(query).to_wire(), 2.5),
    "otherid": _other_id,
    "otherquestion": _other_question,
    "noquestion": _no_question,
    "noedns": _no_edns,
    "truncated": _truncated,
    "cutbytcp": lambda _s, q, _o, _t: (_truncated(_s, q, _o, False)[0], 0),
    "referral": _referral,
    "garbage": lambda _s, _q, octets, _t: (octets[:2] + b"\x81\x80" + b"\xff" * 40, 0),
    "short": lambda _s, _q, octets, _t: (octets[:5], 0),
    "loop": _loop,
    "upper": _upper,
}


def _sockets_of_one_port() -> tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket of the same port; a free UDP port may be taken for TCP."""
    for _ in range(100):
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        connections = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            datagrams.bind(("127.0.0.1", 0))
            connections.bind(datagrams.getsockname())
        except OSError:
            datagrams.close()
            connections.close()
            continue
        return datagrams, connections
    raise OSError("no port is free for both UDP and TCP")


@contextmanager
def nameserver(zone: Zone | None = None) -> Iterator[NameServer]:
    """A server that runs until the block ends."""
    running = NameServer(zone or {})
    datagrams, connections = _sockets_of_one_port()
    running.server = Server("127.0.0.1", datagrams.getsockname()[1])
    loop = asyncio.new_event_loop()
    ready = threading.Event()

    async def serve() -> None:
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(running), sock=datagrams
        )
        streams = await asyncio.start_server(
            lambda reader, writer: _stream(running, reader, writer), sock=connections
        )
        ready.set()
        await stopped.wait()
        transport.close()
        streams.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    stopped = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield running
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(10)
        loop.close()


def _respond(running: NameServer, octets: bytes, tcp: bool) -> tuple[bytes | None, float]:
    query = dns.message.from_wire(octets)
    name = query.question[0].name.to_text().rstrip(".").lower()
    (running.by_tcp if tcp else running.questions)[
        name, dns.rdatatype.to_text(query.question[0].rdtype)
    ] += 1
    behave = BEHAVIOURS.get(name.partition(".")[0])
    if behave is not None:
        return behave(running, query, octets, tcp)
    reply = running.answer(query)
    if tcp:
        return reply.to_wire(max_size=65535), running.delay
    wire = reply.to_wire(max_size=65535)
    if len(wire) > (query.payload if query.edns >= 0 else 512):
        reply.answer, reply.flags = [], reply.flags | dns.flags.TC
        wire = reply.to_wire()
    return wire, running.delay


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, running: NameServer) -> None:
        self.running = running

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.DatagramTransport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.running.ignored:
            self.running.ignored -= 1
            return
        wire, seconds = _respond(self.running, data, False)
        if wire is not None:
            asyncio.get_running_loop().call_later(seconds, self.transport.sendto, wire, addr)


async def _stream(
    running: NameServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        octets = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
        wire, seconds = _respond(running, octets, True)
        await asyncio.sleep(seconds)
        if wire is not None:
            writer.write(len(wire).to_bytes(2) + wire)
            await writer.drain()
    except asyncio.IncompleteReadError:
        pass
    finally:
        writer.close()
