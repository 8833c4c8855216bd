"""Second opinions: matching rules without those of the place; a filter that is down is noted."""

from __future__ import annotations

import contextlib
import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from bouncewise.sender.review.opinions import OpinionError, ask_rspamd, ask_spamd
from support.cli import bouncewise

MAIL = b"From: a@shop.example\r\nSubject: x\r\n\r\nHello\r\n"
SYMBOLS = b"HTML_IMAGE_ONLY_04,RCVD_IN_XBL,SPF_FAIL,URIBL_BLOCKED,BAYES_99,MISSING_MID"


@contextlib.contextmanager
def spamd(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    seen: list[bytes] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            seen.append(self.rfile.read())
            self.wfile.write(answer)

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], seen
        server.shutdown()


@contextlib.contextmanager
def rspamd(body: bytes, status: int = 200) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            ok = self.path == "/checkv2" and raw == MAIL
            self.send_response(status if ok else 400)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def answer(body: bytes) -> bytes:
    return b"SPAMD/1.1 0 EX_OK\r\nContent-length: %d\r\n\r\n%s" % (len(body), body)


def test_spamd_without_the_rules_of_the_place() -> None:
    with spamd(answer(SYMBOLS + b"\r\n")) as (port, seen):
        found = ask_spamd(MAIL, "127.0.0.1", port, 5)
    assert [s.name for s in found.symbols] == ["HTML_IMAGE_ONLY_04", "MISSING_MID"]
    assert found.dropped == ["RCVD_IN_XBL", "SPF_FAIL", "URIBL_BLOCKED", "BAYES_99"]
    assert seen[0].startswith(b"SYMBOLS SPAMC/")
    assert seen[0].endswith(MAIL)


def test_rspamd_without_the_rules_of_the_place() -> None:
    names = {"PHISHING": 2.0, "R_SPF_FAIL": 1.0, "HFILTER_HOSTNAME_UNKNOWN": 2.5, "MIME_GOOD": -0.1}
    symbols = {name: {"score": score, "description": "x  y"} for name, score in names.items()}
    body = json.dumps({"score": 5.4, "symbols": symbols | {"ZERO": {"score": 0.0}}}).encode()
    with rspamd(body) as url:
        found = ask_rspamd(MAIL, url, 5)
    assert found.symbols == [("PHISHING", 2.0, "x y"), ("MIME_GOOD", -0.1, "x y")]
    assert found.dropped == ["R_SPF_FAIL", "HFILTER_HOSTNAME_UNKNOWN"]


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 400 Bad\r\n\r\n", b"SPAMD/1.0 76 Bad\r\n\r\n"])
def test_what_is_no_spamd_is_an_error(reply: bytes) -> None:
    with spamd(reply) as (port, _), pytest.raises(OpinionError):
        ask_spamd(MAIL, "127.0.0.1", port, 5)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"symbols": 7}', b"{" * 5000])
def test_what_is_no_rspamd_is_an_error(body: bytes) -> None:
    with rspamd(body) as url, pytest.raises(OpinionError):
        ask_rspamd(MAIL, url, 5)


def test_a_filter_that_is_down_is_noted(tmp_path: Path) -> None:
    (tmp_path / "x.eml").write_bytes(MAIL)
    plain = bouncewise(tmp_path, "review", "x.eml", "--json")
    done = bouncewise(
        tmp_path, "review", "x.eml", "--json", "--spamd=127.0.0.1:1", "--rspamd=http://127.0.0.1:1"
    )
    assert (done.stdout, done.returncode) == (plain.stdout, plain.returncode)
    assert done.stderr.count(b"no second opinion") == 2
    assert bouncewise(tmp_path, "review", "x.eml", "--spamd", "here").returncode == 2


def test_the_verb_shows_opinions(tmp_path: Path) -> None:
    (tmp_path / "x.eml").write_bytes(MAIL)
    with spamd(answer(SYMBOLS)) as (port, _):
        done = bouncewise(tmp_path, "review", "x.eml", "--spamd", f"127.0.0.1:{port}")
    assert b"spamassassin also finds (4 rules" in done.stdout
    assert b"MISSING_MID" in done.stdout
    assert b"BAYES_99" not in done.stdout
