"""Second opinions on a mailing: the rules of SpamAssassin (spamd) and rspamd that match it.

Asks: spamd by its protocol (spamd/PROTOCOL in SpamAssassin: SYMBOLS), rspamd by HTTP (POST
/checkv2). Gives: the rules that depend on the message. Rules that depend on where the check runs
(blocklists, SPF, DKIM, names of hosts, statistics learnt there) are dropped and counted, and the
total score, which contains them, is not given. Refuses, with OpinionError: no answer in time, and
answers that are none or too large. No opinion changes a result of ours.
"""

from __future__ import annotations

import http.client
import re
import socket
import time
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from bouncewise.errors import BouncewiseError

TIMEOUT = 30.0
"""Seconds for one answer: SpamAssassin takes seconds for a large page."""

_MAX_ANSWER = 1 << 20
_MAX_RULES = 500
_ENVIRONMENT = re.compile(
    r"""(?:RBL|URIBL|SURBL|DBL|DWL|RWL|DNSWL|RCVD|RECEIVED|R_SPF|SPF|R_DKIM|DKIM|DKIMWL|DMARC|ARC
    |ARC_|HFILTER|MAILSPIKE|SEM|SPAMHAUS|MSBL|RSPAMD_URIBL|RSPAMD_EMAILBL|FUZZY|BAYES|NEURAL|ASN
    |BLACKLIST|WHITELIST|WELCOMELIST|USER_IN|GREYLIST|RATELIMIT|ONCE|DIRECT_TO_MX|RDNS|HELO|FORGED
    |DATE_IN|NO_RELAYS|NO_RECEIVED|ALL_TRUSTED|T_SPF|T_DKIM|HAS_X_(?:SPAM|VIRUS)|PYZOR|RAZOR2|DCC|AWL
    |TXREP|REPUTATION|IP_SCORE|VIOLATED_DIRECT_SPF|AUTH_NA|TO_MATCH_ENVRCPT|FROM_NEQ_ENVFROM)(?:_|$)
    |.*_(?:SURBL|URIBL|SURBL_MULTI|BLOCKED)$""",
    re.VERBOSE,
)


class OpinionError(BouncewiseError):
    """An engine gave no usable answer."""


class Symbol(NamedTuple):
    """A rule that matches; ``score``: its points, None where the engine gives none."""

    name: str
    score: float | None
    words: str


class Opinion(NamedTuple):
    """What one engine says. ``dropped``: rules that depend on where the check ran."""

    engine: str
    symbols: list[Symbol]
    dropped: list[str]


def ask_spamd(raw: bytes, host: str, port: int, timeout: float = TIMEOUT) -> Opinion:
    """The rules of SpamAssassin that match the message *raw*. Raises OpinionError."""
    request = b"SYMBOLS SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(raw)
    where, until = f"spamd at {host}:{port}", time.monotonic() + timeout
    try:
        with socket.create_connection((host, port), timeout) as connection:
            connection.sendall(request + raw)
            connection.shutdown(socket.SHUT_WR)
            answer = bytearray()
            while len(answer) <= _MAX_ANSWER:
                connection.settimeout(max(until - time.monotonic(), 0.001))
                if not (chunk := connection.recv(65536)):
                    break
                answer += chunk
    except OSError as bad:
        raise OpinionError(f"{where}: {bad}") from None
    head, found, body = bytes(answer).partition(b"\r\n\r\n")
    if not found or not re.match(rb"SPAMD/\d\S* 0 ", head) or len(answer) > _MAX_ANSWER:
        raise OpinionError(f"{where}: no answer of spamd: {head[:80].decode('ascii', 'replace')}")
    names = re.findall(r"[A-Z0-9_a-z]{1,80}", body.decode("ascii", "replace"))
    return _opinion("spamassassin", (Symbol(name, None, "") for name in names))


def ask_rspamd(raw: bytes, url: str, timeout: float = TIMEOUT) -> Opinion:
    """The rules of the rspamd at *url* (http) that match the message *raw*. Raises OpinionError."""
    parts = urlsplit(url)
    where = f"rspamd at {url}"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise OpinionError(f"{where}: not an http address")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(parts.hostname, parts.port, timeout=timeout)
        connection.request("POST", f"{parts.path.rstrip('/')}/checkv2", raw)
        response = connection.getresponse()
        body = response.read(_MAX_ANSWER + 1)
        connection.close()
        answer: Any = msgspec.json.decode(body)
    except (OSError, ValueError, http.client.HTTPException, RecursionError) as bad:
        raise OpinionError(f"{where}: {bad or type(bad).__name__}") from None
    symbols = answer.get("symbols") if isinstance(answer, dict) else None
    if response.status != http.HTTPStatus.OK or not isinstance(symbols, dict):
        raise OpinionError(f"{where}: no answer of rspamd (HTTP {response.status})")
    return _opinion("rspamd", (_symbol(name, found) for name, found in symbols.items()))


def _symbol(name: str, found: Any) -> Symbol:
    fields = found if isinstance(found, dict) else {}
    score, words = fields.get("score"), fields.get("description")
    number = float(score) if isinstance(score, int | float) and abs(score) < 1e6 else None
    return Symbol(
        name[:80], number, " ".join(words.split())[:200] if isinstance(words, str) else ""
    )


def _opinion(engine: str, found: Iterable[Symbol]) -> Opinion:
    symbols: list[Symbol] = []
    dropped = []
    for symbol in list(found)[:_MAX_RULES]:
        if _ENVIRONMENT.match(symbol.name):
            dropped.append(symbol.name)
        elif symbol.score != 0:
            symbols.append(symbol)
    return Opinion(engine, sorted(symbols, key=lambda s: (-(s.score or 0), s.name)), dropped)
