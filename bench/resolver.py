"""The resolver for many questions beside dnspython's asynchronous one and, where it is installed,
aiodns: the MX of distinct domains, at a name server on this machine.

Run as: python bench/resolver.py [--domains N]. Each client runs in a process of its own. Prints
domains per second, processor seconds for 100,000 domains, memory, and how many answers were wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import multiprocessing
import resource
import sys
import time
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import NamedTuple

from nameserver import MX, NO_NAME, NO_RECORDS, NULL, kind_of, nameserver

AT_ONCE = 300


class Result(NamedTuple):
    """Domains per second, processor seconds per 100,000, MiB, wrong answers."""

    rate: float
    cpu: float
    memory: int
    wrong: int


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--domains", type=int, default=100_000)
    count = args.parse_args().domains
    clients: list[tuple[str, Callable[[list[str], int], dict[str, str]], int]] = [
        ("bouncewise", ours, count),
        ("dnspython, async", dnspython, count // 5),
    ]
    if importlib.util.find_spec("aiodns"):
        clients.append(("aiodns", aiodns, count // 2))
    costs = {}
    with nameserver() as port:
        for name, client, number in clients:
            found = measured(client, number, port)
            costs[name] = found.cpu
            print(
                f"{name:18} {found.rate:10,.0f} domains/s {found.cpu:8.1f} s of the processor for "
                f"100,000 {found.memory:6,} MiB {found.wrong:6,} wrong",
                flush=True,
            )
            if name == "bouncewise" and found.wrong:
                sys.exit("wrong answers")
    for name, cost in costs.items():
        if name != "bouncewise":
            print(f"bouncewise takes 1/{cost / costs['bouncewise']:.1f} of the time of {name}")


def measured(client: Callable[[list[str], int], dict[str, str]], count: int, port: int) -> Result:
    """One client, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours_end, theirs = context.Pipe()
    process = context.Process(target=_run, args=(client, count, port, theirs))
    process.start()
    result: Result = ours_end.recv()
    process.join()
    return result


def _run(
    client: Callable[[list[str], int], dict[str, str]], count: int, port: int, end: Connection
) -> None:
    warnings.simplefilter("ignore")
    names = [f"d{n}.example.com" for n in range(count)]
    client(names[:10], port)  # (imports)
    start, cpu = time.perf_counter(), time.process_time()
    found = client(names, port)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    wrong = sum(found.get(name) != kind_of(name) for name in names)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    end.send(Result(count / seconds, cpu * 100_000 / count, memory, wrong))


def ours(names: list[str], port: int) -> dict[str, str]:
    from bouncewise.net.answers import Outcome, Question
    from bouncewise.net.bulk import bulk_lookup
    from bouncewise.net.servers import Server

    kinds = {Outcome.NO_NAME: NO_NAME, Outcome.NO_RECORDS: NO_RECORDS, Outcome.ANSWERED: MX}
    lookup = bulk_lookup((Server("127.0.0.1", port),))
    return {
        question.name: NULL if answer.records == ("0 ",) else kinds.get(answer.outcome, "silent")
        for question, answer in lookup(Question(name, "MX") for name in names)
    }


def dnspython(names: list[str], port: int) -> dict[str, str]:
    import dns.asyncresolver
    import dns.exception
    import dns.resolver

    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port, resolver.lifetime = ["127.0.0.1"], port, 5.0

    async def kind(name: str) -> str:
        try:
            answer = await resolver.resolve(f"{name}.", "MX")
            return NULL if answer[0].exchange.to_text() == "." else MX
        except dns.resolver.NXDOMAIN:
            return NO_NAME
        except dns.resolver.NoAnswer:
            return NO_RECORDS
        except dns.exception.DNSException:
            return "silent"

    return _all(names, kind)


def aiodns(names: list[str], port: int) -> dict[str, str]:
    import aiodns as library
    import pycares

    async def every() -> dict[str, str]:
        resolver = library.DNSResolver(
            nameservers=["127.0.0.1"], udp_port=port, tcp_port=port, timeout=5, tries=2
        )

        async def kind(name: str) -> str:
            try:
                answer = (await resolver.query_dns(name, "MX")).answer
                return NULL if answer[0].data.exchange in ("", ".") else MX
            except library.error.DNSError as error:
                codes = {
                    pycares.errno.ARES_ENOTFOUND: NO_NAME,
                    pycares.errno.ARES_ENODATA: NO_RECORDS,
                }
                return codes.get(error.args[0], "silent")

        return await _workers(names, kind)

    return asyncio.run(every())


def _all(names: list[str], kind: Callable[[str], object]) -> dict[str, str]:
    return asyncio.run(_workers(names, kind))


async def _workers(names: list[str], kind: Callable[[str], object]) -> dict[str, str]:
    found: dict[str, str] = {}
    remaining = iter(names)

    async def work() -> None:
        for name in remaining:
            found[name] = await kind(name)  # type: ignore[misc]

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return found


if __name__ == "__main__":
    main()
