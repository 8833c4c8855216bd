"""The official test suite of SPF (RFC 7208): python -m lab.spf [rfc7208-tests.yml].

Without a file, the suite is taken from the source distribution of pyspf, which pip fetches; it is
not part of this repository. Every case must give one of the results that the suite allows. Needs
PyYAML. Exits 1 otherwise.
"""

from __future__ import annotations

import ipaddress
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from bouncewise.net.dns import NoRecordsError, NoSuchNameError, Resolver, UnansweredError
from bouncewise.sender.spf import Query, evaluate

SUITE = "pyspf==2.0.14"
FILE = "rfc7208-tests.yml"
LEAST = 203
"""Cases of the suite."""

_MAX_ALIASES = 10


def fetched(folder: Path) -> bytes:
    """The suite, from the package index that pip uses."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "pyspf"]
    subprocess.run([*pip, "--dest", str(folder), SUITE], check=True)  # noqa: S603
    [path] = folder.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        member = next(name for name in archive.getnames() if name.endswith(f"/{FILE}"))
        found = archive.extractfile(member)
        assert found is not None
        return found.read()


def zone(data: dict[str, list[Any]]) -> tuple[dict[str, dict[str, list[str]]], set[str]]:
    """The records by name and type, in presentation format, and the names that time out. A record
    of type SPF stands for TXT as well, where the name has no TXT of its own.
    """
    records: dict[str, dict[str, list[str]]] = {}
    silent: set[str] = set()
    for name, entries in data.items():
        own: dict[str, list[str]] = {}
        for entry in entries:
            if entry == "TIMEOUT":
                silent.add(name.lower())
                continue
            for kind, value in entry.items():
                own.setdefault(kind, []).append(shown(kind, value))
        spf = own.pop("SPF", [])
        if "TXT" not in own and spf:
            own["TXT"] = spf
        own["TXT"] = [text for text in own.get("TXT", []) if text != '"NONE"']
        records[name.lower()] = {kind: texts for kind, texts in own.items() if texts}
    return records, silent


def shown(kind: str, value: Any) -> str:
    """A record in presentation format."""
    if kind in ("TXT", "SPF"):
        return " ".join(quoted(text) for text in (value if isinstance(value, list) else [value]))
    if kind == "MX":
        return f"{value[0]} {value[1]}"
    return str(value)


def quoted(text: str) -> str:
    """A string of a TXT record; octets beyond ASCII as ``\\ddd``."""
    octets = text.encode("utf-8")
    return (
        '"'
        + "".join(chr(o) if 32 <= o < 127 and o not in b'"\\' else f"\\{o:03}" for o in octets)
        + '"'
    )


def resolver(data: dict[str, list[Any]]) -> Resolver:
    """A Resolver for the zone of a scenario."""
    records, silent = zone(data)

    def resolve(name: str, record_type: str) -> list[str]:
        host = name.rstrip(".").lower()
        for _ in range(_MAX_ALIASES):
            if host not in records:
                raise NoSuchNameError(name)
            own = records[host]
            if record_type in own:
                return own[record_type]
            if host in silent:
                raise UnansweredError(f"{name}: time-out")
            if "CNAME" not in own:
                raise NoRecordsError(name)
            host = own["CNAME"][0].rstrip(".").lower()
        raise UnansweredError(f"{name}: a circle of aliases")

    return resolve


def cases(suite: bytes) -> Iterator[tuple[str, dict[str, Any], Resolver]]:
    """Each case with its name and zone."""
    for scenario in yaml.safe_load_all(suite):
        resolve = resolver(scenario["zonedata"])
        for name, case in scenario["tests"].items():
            yield f"{scenario['description']}: {name}", case, resolve


def result_of(case: dict[str, Any], resolve: Resolver) -> str:
    """The result of a case. Without an envelope sender, the HELO name is checked (section 2.4)."""
    helo = str(case["helo"])
    sender = case.get("mailfrom") or f"postmaster@{helo}"
    query = Query(ipaddress.ip_address(case["host"]), sender, helo)
    return evaluate(query, sender.rpartition("@")[2] or helo, resolve).result.value


def main() -> int:
    """Run the suite, and print what differs."""
    if len(sys.argv) > 1:
        suite = Path(sys.argv[1]).read_bytes()
    else:
        with tempfile.TemporaryDirectory() as folder:
            suite = fetched(Path(folder))
    number = wrong = 0
    for name, case, resolve in cases(suite):
        number += 1
        allowed = case["result"] if isinstance(case["result"], list) else [case["result"]]
        found = result_of(case, resolve)
        if found not in allowed:
            wrong += 1
            print(f"{name}: {found} instead of {' or '.join(allowed)}")
    print(f"SPF: {number - wrong} of {number} official cases")
    return int(wrong > 0 or number < LEAST)


if __name__ == "__main__":
    sys.exit(main())
