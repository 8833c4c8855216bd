"""Logs behind the heads of container runtimes, log daemons and collectors."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bouncewise.intake.formats import reader_for
from bouncewise.model import Finding
from bouncewise.readers import Note
from bouncewise.readers.logs.wrapped import unwrap

FOLDER = Path(__file__).parents[1] / "fixtures" / "logs"
STAMP = "2026-11-23T10:00:00.123456Z"
SYSLOG = re.compile(r"^([A-Z][a-z]{2} [ \d]\d [\d:]{8}) (\S+) ([\w./-]+?)(?:\[(\d+)\])?: (.*)")


def rfc5424(line: str) -> str:
    m = SYSLOG.match(line)
    if m is None:
        return line
    return f'<22>1 {STAMP} {m[2]} {m[3]} {m[4] or "-"} - [x@1 a="]\\""] \ufeff{m[5]}'


def journal_json(line: str) -> str:
    m = SYSLOG.match(line)
    if m is None:
        return json.dumps({"MESSAGE": line, "__REALTIME_TIMESTAMP": "1795428000123456"})
    fields = {"SYSLOG_IDENTIFIER": m[3], "_PID": m[4] or "1", "_HOSTNAME": m[2], "MESSAGE": m[5]}
    return json.dumps({"__REALTIME_TIMESTAMP": "1795428000123456", **fields})


def short_full(line: str) -> str:
    m = SYSLOG.match(line)
    return line if m is None else f"Mon 2026-11-23 10:00:00 CET {line[len(m[1]) + 1 :]}"


WRAPPERS: dict[str, Callable[[str], str]] = {
    "compose": lambda line: f"mail-1  | {line}",
    "compose with stamps": lambda line: f"mail-1  | {STAMP} {line}",
    "cri": lambda line: f"{STAMP} stdout F {line}",
    "pod": lambda line: f"[pod/mail-0/smtp] {line}",
    "docker": lambda line: json.dumps({"log": line + "\n", "stream": "stdout", "time": STAMP}),
    "vector": lambda line: json.dumps({"message": line, "timestamp": STAMP, "host": "h"}),
    "journal": journal_json,
    "elasticsearch": lambda line: json.dumps({"_source": {"message": line, "@timestamp": STAMP}}),
    "gelf": lambda line: json.dumps({"version": "1.1", "short_message": line, "timestamp": 1.5}),
    "colours": lambda line: f"\x1b[36mmail-1  | \x1b[0m{line}",
    "short-full": short_full,
    "rfc5424": rfc5424,
    "relayed": lambda line: f"Nov 23 10:00:01 192.0.2.10 {line}",
}
LOGS = [
    "postfix.log",
    "exim.log",
    "exim-syslog.log",
    "sendmail.log",
    "opensmtpd.log",
    "haraka.log",
    "qmail.log",
    "zonemta-lines.log",
    "kumomta.jsonl",
]


def told(text: str) -> list[tuple[object, ...]]:
    reader = reader_for(text.encode()[:65536])
    assert reader is not None
    found = []
    for item in reader.read(io.BytesIO(text.encode()), "x"):
        if isinstance(item, Finding):
            report, reply = item.report, item.report.reply
            codes = (reply.reply_code, reply.status, reply.text) if reply else ()
            found.append((report.kind, report.recipient, report.sender, *codes))
    return found


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("name", LOGS)
def test_a_wrapped_log_says_what_the_log_says(name: str, wrapper: str) -> None:
    lines = (FOLDER / name).read_text("utf-8").splitlines()[:400]
    native = told("\n".join(lines) + "\n")
    assert native
    assert told("".join(WRAPPERS[wrapper](line) + "\n" for line in lines)) == native


NATIVE = "Nov 23 10:00:00 mx postfix/smtp[1]: 4ABC0DEF: to=<a@b.example>, relay=none, delay=1, dsn=4.4.1, status=deferred (timed out)"  # noqa: E501


@pytest.mark.parametrize(
    "head",
    [
        "",
        "2026-11-23T10:00:00.940525+02:00 INFO    ",
        "mx ",
        "Nov 23 10:00:00 mx mail.info ",
        "11/23/2026 10:00:00 mx ",
        "1795428000.123 mx ",
        "2026-11-23 10:00:00 UTC mx ",
        "[info] ",
    ],
)
def test_a_head_of_any_form_is_replaced(head: str) -> None:
    line = head + NATIVE[NATIVE.index("postfix") :]
    assert told(line + "\n") == told(NATIVE + "\n")


def test_a_line_without_head_and_tag_is_read() -> None:
    assert told(NATIVE[NATIVE.index("4ABC0DEF") :] + "\n") == told(NATIVE + "\n")


@pytest.mark.parametrize("wrapper", ["compose", "cri", "docker", "journal"])
def test_the_time_of_a_wrapper_with_a_zone_is_used(wrapper: str) -> None:
    text = WRAPPERS[wrapper](NATIVE) + "\n"
    reader = reader_for(text.encode())
    assert reader is not None
    item = next(iter(reader.read(io.BytesIO(text.encode()), "x")))
    assert isinstance(item, Finding) and item.report.at is not None
    assert item.report.at.year == 2026 or wrapper == "compose"


def test_a_line_that_quotes_a_log_line_is_not_one() -> None:
    quoted = f'Nov 23 10:00:00 mx app[1]: saw "{NATIVE}"'
    assert unwrap(quoted) == quoted
    web = f"Nov 23 10:00:00 mx web: GET /?q={NATIVE}"
    assert "postfix/smtp[1]: 4ABC0DEF" in unwrap(web) and unwrap(web) == web


def test_parts_of_a_split_line_are_joined() -> None:
    half = len(NATIVE) // 2
    text = f"{STAMP} stdout P {NATIVE[:half]}\n{STAMP} stdout F {NATIVE[half:]}\n"
    assert told(text) == told(NATIVE + "\n")


def test_lines_with_an_outcome_that_are_not_read_are_counted() -> None:
    bad = "Nov 23 10:00:00 mx postfix/smtp[1]: 4ABC0DEF: to=<a@b.example>, x status=bounced (gone)"
    text = f"{NATIVE}\n{bad}\n{bad}\n".encode()
    reader = reader_for(text)
    assert reader is not None
    notes = [item for item in reader.read(io.BytesIO(text), "x") if isinstance(item, Note)]
    assert [note.text for note in notes] == [
        "2 lines with the outcome of a delivery could not be read; the first is line 2"
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_text_in_utf16_is_read(encoding: str) -> None:
    reader = reader_for(f"{NATIVE}\r\n".encode(encoding))
    assert reader is not None
    items = list(reader.read(io.BytesIO(f"{NATIVE}\r\n".encode(encoding)), "x"))
    assert [i.report.recipient for i in items if isinstance(i, Finding)] == ["a@b.example"]


HOSTILE = [
    "<22>1 - - - - - [" + '"' * 60000,
    "<22>1 - - - - - [" + "[a]" * 20000,
    "[" * 60000,
    "mail-1 | " * 7000,
    '{"log":' * 8000,
    "a " * 30000,
    "2026-11-23 10:00:00 " * 3000,
]


@pytest.mark.parametrize("line", HOSTILE)
def test_hostile_heads_take_no_time(line: str) -> None:
    start = time.perf_counter()
    unwrap(line)
    assert time.perf_counter() - start < 0.5


FORGED = NATIVE[NATIVE.index("postfix") :].replace("a@b", "victim@b")
JOURNAL = {"__REALTIME_TIMESTAMP": "1795428000000000", "_HOSTNAME": "mx", "_PID": "1"}
BSD = "Nov 23 10:00:00 mx"
OTHERS: dict[str, list[str]] = {
    "plain": [
        f"{head} {tag}: {FORGED}"
        for head in (BSD, f"{STAMP} mx", STAMP)
        for tag in ("webapp", "webapp[3]", "web.app/worker[3]", "kernel")
    ],
    "journal": [
        json.dumps({**JOURNAL, "SYSLOG_IDENTIFIER": "webapp", "MESSAGE": text})
        for text in (FORGED, f"{BSD} {FORGED}", f"{STAMP} mx {FORGED}", FORGED.split(": ", 1)[1])
    ],
    "docker": [
        json.dumps({"log": f"{BSD} {tag}: {FORGED}\n", "stream": "stdout", "time": STAMP})
        for tag in ("webapp", "webapp[1]")
    ],
    "rfc5424": [f"<22>1 {STAMP} mx webapp 1 - - {text}" for text in (FORGED, f"{BSD} {FORGED}")],
    "cri": [f"{STAMP} stdout F {BSD} {tag}: {FORGED}" for tag in ("webapp", "webapp[1]")],
    "fluent": [
        json.dumps({"time": STAMP, "host": "mx", key: "webapp", "message": text})
        for text in (FORGED, f"{BSD} {FORGED}")
        for key in ("ident", "appname", "program", "tag")
    ],
    "mails": [json.dumps({"date": STAMP, "subject": "x", "body": f"{BSD} {FORGED}"})],
}


@pytest.mark.parametrize("form", OTHERS)
def test_the_text_of_another_program_is_no_line_of_a_mail_server(form: str) -> None:
    wrap = WRAPPERS.get(form, str)
    for line in OTHERS[form]:
        text = "".join(wrap(NATIVE) + "\n" for _ in range(20)) + line + "\n"
        assert {row[1] for row in told(text)} == {"a@b.example"}, line


EXIM = "1a2B3c-000000-0A ** {} R=dnslookup T=remote_smtp: 550 5.1.1 User unknown"
HARAKA = (
    "[NOTICE] [5A8E2B5C-1D7A-4B5E-9C3C-0123456789AB.1] [outbound] recipient <{}> rejected: 550 gone"
)
SENDMAIL = "5AN9xxxx000001: to=<{}>, delay=0, mailer=esmtp, dsn=5.1.1, stat=User unknown"
SMTPD = (
    "5a1f0c2b3d4e5f61 mta delivery evpid=9b8a7c6d5e4f3a21 from=<l@s.example> to=<{}> rcpt=<-> "
    'relay="192.0.2.20" result="PermFail" stat="550 5.1.1 gone"'
)


@pytest.mark.parametrize(
    ("tag", "event"),
    [("exim[1]", EXIM), ("haraka[1]", HARAKA), ("sm-mta[1]", SENDMAIL), ("smtpd[1]", SMTPD)],
)
def test_no_server_is_read_behind_the_tag_of_another_program(tag: str, event: str) -> None:
    genuine = f"{BSD} {tag}: {event.format('a@b.example')}\n"
    for forged in (f"{BSD} webapp[3]: {tag}: {event}", f"{BSD} webapp[3]: {event}"):
        text = genuine * 3 + forged.format("victim@b.example") + "\n"
        assert {row[1] for row in told(text)} == {"a@b.example"}, forged
