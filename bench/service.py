"""The service under load: what a question of Postfix, a webhook and a bulk question cost.

Run as: python bench/service.py [--names N] [--seconds S]. Starts ``bouncewise serve`` over a ledger
with N suppressed addresses and asks it from this process. Prints requests per second and the
processor time of the front process for each, beside a floor measured in the same run: a server of
the same kind that answers without looking at anything.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.check import fill, suppressed

CONNECTIONS = 32
HITS = 0.05
SECRET = "a-long-secret"  # noqa: S105
CONFIG = """
[http]
listen = "127.0.0.1:{http}"
[postfix_policy]
listen = "127.0.0.1:{policy}"
[[webhook]]
name = "pm"
esp = "postmark"
secret = "env:PM_SECRET"
"""
REQUEST = (
    "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nhelo_name=web1.shop.example"
    "\nqueue_id=\nsender=news@shop.example\nrecipient={}\nrecipient_count=0\nclient_address=192.0.2.7"
    "\nclient_name=web1.shop.example\nreverse_client_name=web1.shop.example\ninstance=1b2c.5f.0\n"
    "sasl_method=\nsasl_username=\nsasl_sender=\nsize=4711\nccert_subject=\nccert_issuer=\n"
    "ccert_fingerprint=\nencryption_protocol=\nencryption_cipher=\nencryption_keysize=0\netrn_domain="
    "\nstress=\n\n"
)
FLOOR = """
import asyncio, sys, uvloop
class Answer(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.waiting = transport, b""
    def data_received(self, data):
        *requests, self.waiting = (self.waiting + data).split(b"\\n\\n")
        self.transport.write(b"action=DUNNO\\n\\n" * len(requests))
async def main():
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()
uvloop.install()
asyncio.run(main())
"""


class Measured(NamedTuple):
    """Requests, the seconds they took, and the processor time of the server."""

    requests: int
    seconds: float
    cpu: float

    def __str__(self) -> str:
        return (
            f"{self.requests / self.seconds:8,.0f} /s  {self.cpu / self.requests * 1e6:7.1f} µs CPU"
        )


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def cpu_of(pid: int) -> float:
    """Seconds of processor time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_for(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"nothing listens at port {port}")


async def load(
    pid: int, port: int, seconds: float, talk: Callable[..., Awaitable[int]]
) -> Measured:
    """Let *talk* use CONNECTIONS connections at once; it gives how many requests it made."""
    begun, before = time.perf_counter(), cpu_of(pid)
    done = await asyncio.gather(*(talk(port, n, begun + seconds) for n in range(CONNECTIONS)))
    return Measured(sum(done), time.perf_counter() - begun, cpu_of(pid) - before)


def questions(names: int) -> Callable[..., Awaitable[int]]:
    async def talk(port: int, number: int, until: float) -> int:
        draw = random.Random(number)  # noqa: S311
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        count = 0
        while time.perf_counter() < until:
            hit = draw.random() < HITS
            name = suppressed(draw.randrange(names)) if hit else f"u{draw.random()}@alive.example"
            writer.write(REQUEST.format(name).encode())
            await reader.readuntil(b"\n\n")
            count += 1
        writer.close()
        return count

    return talk


def http(
    method: str, path: str, body: Callable[[int], bytes], headers: str = ""
) -> Callable[..., Awaitable[int]]:
    async def talk(port: int, number: int, until: float) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        count = 0
        while time.perf_counter() < until:
            data = body(number * 10_000_000 + count)
            length = f"Content-Length: {len(data)}"
            head = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}{length}\r\n\r\n"
            writer.write(head.encode() + data)
            answer = (await reader.readuntil(b"\r\n\r\n")).lower()
            if not answer.startswith(b"http/1.1 20"):
                raise SystemExit(answer.decode())
            size = answer.partition(b"content-length: ")[2].partition(b"\r")[0]
            await reader.readexactly(int(size or 0))
            count += 1
        writer.close()
        return count

    return talk


def event(number: int) -> bytes:
    return json.dumps(
        {
            "RecordType": "Bounce",
            "Type": "HardBounce",
            "Email": f"u{number}@d{number % 4999}.example",
            "ID": number,
            "BouncedAt": "2026-11-23T10:00:00Z",
            "Details": "smtp;550 5.1.1 User unknown",
        }
    ).encode()


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--names", type=int, default=1_000_000)
    args.add_argument("--seconds", type=float, default=5)
    options = args.parse_args()
    uvloop.install()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder / "ledger", options.names)
        policy, web, bare = free_port(), free_port(), free_port()
        token = subprocess.run(
            [sys.executable, "-m", "bouncewise", "tokens", "make", "bench", "--json"],
            capture_output=True,
            check=True,
        ).stdout
        made = json.loads(token)
        (folder / "bouncewise.toml").write_text(
            CONFIG.format(http=web, policy=policy) + made["lines"]
        )
        server = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "bouncewise", "serve", "--db", str(folder / "ledger")],
            cwd=folder,
            env={**os.environ, "PM_SECRET": SECRET},
            stderr=subprocess.DEVNULL,
        )
        floor = subprocess.Popen([sys.executable, "-c", FLOOR, str(bare)])  # noqa: S603
        try:
            for port in (policy, web, bare):
                wait_for(port)
            time.sleep(3)
            run(options, server.pid, floor.pid, (policy, web, bare), made["token"])
        finally:
            server.send_signal(signal.SIGTERM)
            floor.kill()
            server.wait(60)


def run(
    options: argparse.Namespace, pid: int, bare_pid: int, ports: tuple[int, int, int], token: str
) -> None:
    policy, web, bare = ports
    asked = questions(options.names)
    least = asyncio.run(load(bare_pid, bare, options.seconds, asked))
    print(f"floor: a constant answer to Postfix     {least}")
    found = asyncio.run(load(pid, policy, options.seconds, asked))
    ratio = found.cpu / found.requests / (least.cpu / least.requests)
    print(
        f"Postfix policy, {HITS:.0%} of {options.names:,} names  {found}  {ratio:.2f} x the floor"
    )
    # (before the webhooks: while the ledger reads those, questions cost more)
    addresses = [f"u{n}@d{n % 4999}.example" for n in range(1000)]
    body = json.dumps({"addresses": addresses}).encode()
    bulk = asyncio.run(
        load(
            pid,
            web,
            options.seconds,
            http("POST", "/v1/check", lambda _: body, f"Authorization: Bearer {token}\r\n"),
        )
    )
    rate = bulk.requests * len(addresses) / bulk.cpu
    print(f"1,000 addresses in one question         {bulk}  {rate:,.0f} addresses per CPU second")
    ping = asyncio.run(load(pid, web, options.seconds, http("GET", "/healthz", lambda _: b"")))
    print(f"floor: GET /healthz                     {ping}")
    hooks = asyncio.run(load(pid, web, options.seconds, http("POST", f"/in/pm/{SECRET}", event)))
    ratio = hooks.cpu / hooks.requests / (ping.cpu / ping.requests)
    print(f"webhook, verified and on disk           {hooks}  {ratio:.2f} x the floor")


if __name__ == "__main__":
    main()
