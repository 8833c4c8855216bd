"""The time that reading takes grows with the size of the input, whatever the input is."""

from __future__ import annotations

import gc
import io
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bouncewise.classifier.classify import Classifier, default_classifier
from bouncewise.intake.formats import FORMATS
from bouncewise.model import Finding, Reply
from bouncewise.readers.base import MAX_LINE, Reader
from bouncewise.readers.messages import mbox
from bouncewise.rfc import auth_results
from bouncewise.rules.load import load

FIXTURES = Path(__file__).parents[1] / "fixtures"
HEADER = (
    b"Return-Path: <>\nFrom: MAILER-DAEMON@x.example\nTo: a@s.example\nSubject: Undelivered Mail\n"
    b"Date: Mon, 02 Mar 2026 09:00:00 +0000\n"
)
PARTS = HEADER + b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
GROUP = b"Final-Recipient: rfc822; u%d@b.example\nAction: failed\nStatus: 5.0.0\n\n"
TEXT = b"a550 hello world this is text and more text here and there it goes on and on and on\n"

Make = Callable[[int], bytes]
FEW = 0.05
LONGEST = MAX_LINE // 4


def seconds(run: Callable[[], object], times: int) -> float:
    """The shortest of some times of the processor that *run* takes."""
    best = float("inf")
    for _ in range(times):
        begun = time.process_time()
        run()
        best = min(best, time.process_time() - begun)
    return best


def assert_linear(run: Callable[[bytes], object], make: Make, n: int) -> None:
    """Four times the input takes less than eight times as long. Quadratic time takes sixteen.

    What takes less than FEW seconds is too little to compare. What seems too long is measured
    again, the best of three, for another process may have disturbed the first measurement.
    """
    small, large = make(n), make(4 * n)
    after = seconds(lambda: run(large), 1)
    if after < FEW or after < 8 * seconds(lambda: run(small), 1) + FEW:
        return
    gc.collect()
    before, after = (seconds(lambda raw=raw: run(raw), 3) for raw in (small, large))  # type: ignore[misc]
    assert after < 8 * before + FEW, f"{n}: {before:.3f} s, {4 * n}: {after:.3f} s"


def judge_message(raw: bytes) -> None:
    for item in mbox.findings(raw, "", 0):
        if isinstance(item, Finding):
            default_classifier().classify_report(item.report)


def html(piece: bytes, end: bytes = b"") -> Make:
    return lambda n: HEADER + b"Content-Type: text/html\n\n" + piece * n + end


def field(name: bytes, piece: bytes, begin: bytes = b"", end: bytes = b"") -> Make:
    """A message with one long field."""
    return lambda n: name + b": " + begin + piece * n + end + b"\n" + HEADER + b"\ntext\n"


def failed_recipients(n: int) -> bytes:
    names = b",".join(b"u%d@b.example" % i for i in range(n))
    return HEADER + b"X-Failed-Recipients: " + names + b"\n\n" + TEXT * n


def groups_and_text(n: int) -> bytes:
    return (
        PARTS
        + b"--b\nContent-Type: text/plain\n\n"
        + TEXT * (10 * n)
        + b"\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns;x\n\n"
        + b"".join(GROUP % i for i in range(n))
        + b"\n--b--\n"
    )


def groups_and_attachment(n: int) -> bytes:
    attachment = b"--b\nContent-Type: application/octet-stream\n\n" + b"QUJD\n" * (800 * n)
    return groups_and_text(n).replace(b"--b--\n", attachment + b"--b--\n")


def groups_and_returned_recipients(n: int) -> bytes:
    to = b",\n ".join(b"u%d@b.example" % i for i in range(n))
    returned = b"--b\nContent-Type: message/rfc822\n\nTo: " + to + b"\n\n--b--\n"
    return groups_and_text(n).replace(b"--b--\n", returned)


def feedback(n: int) -> bytes:
    names = b"".join(b"Original-Rcpt-To: u%d@b.example\n" % i for i in range(n))
    return (
        PARTS.replace(b"delivery-status", b"feedback-report")
        + b"--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n"
        + names
        + b"\n--b\nContent-Type: message/rfc822\n\nTo: x@y.example\n\n--b--\n"
    )


MESSAGES: dict[str, tuple[Make, int]] = {
    "style": (html(b"<style>"), 16_000),
    "style without end": (html(b"<style "), 16_000),
    "style and script": (html(b"<style><script><head>"), 6000),
    "closed styles": (html(b"<style></style><script>"), 6000),
    "comments": (html(b"<!--"), 30_000),
    "comments that end oddly": (html(b"<!-- -> -- >"), 10_000),
    "< and spaces": (html(b"<" + b" " * 50), 2000),
    "< only": (html(b"<"), 40_000),
    "tags without end": (html(b"<a href='"), 12_000),
    "one digit reference": (html(b"9", b";"), 50_000),
    "digit references": (html(b"&#" + b"9" * 100), 1000),
    "& only": (html(b"&"), 40_000),
    "breaks": (html(b"<br>\n<p>"), 5000),
    "X-Failed-Recipients and text": (failed_recipients, 250),
    "groups and text": (groups_and_text, 125),
    "groups and attachment": (groups_and_attachment, 250),
    "groups and returned recipients": (groups_and_returned_recipients, 125),
    "feedback": (feedback, 400),
    "entries": (lambda n: HEADER + b"\n" + b"<u@b.example>: 550 5.1.1 no\n" * n, 1000),
    "addresses": (lambda n: HEADER + b"\n" + b"undeliverable a@b.co " * n, 3000),
    "@ only": (lambda n: HEADER + b"\n" + b"@" * n, 50_000),
    "address of many labels": (lambda n: HEADER + b"\na@" + b"b." * n, 20_000),
    "local part without end": (lambda n: HEADER + b"\n" + b"a." * n + b"@b.example", 20_000),
    "spaces": (lambda n: HEADER + b"\nundeliverable" + b" " * n + b"x", 50_000),
    "blank lines": (lambda n: HEADER + b"\n" + b"\n" * n + b"x", 50_000),
    "received lines": (lambda n: HEADER + b"\n" + b"Received: x\nfoo bar\n\n" * n, 3000),
    "forwards": (
        lambda n: (
            HEADER.replace(b"Und", b"Fwd: Und")
            + b"\n"
            + b"---------- Forwarded message ---------\nSubject: Fwd: x\nFrom: mailer-daemon@x\n\n"
            * n
        ),
        800,
    ),
    "quoted replies": (lambda n: HEADER + b"\n" + b"host x said: 550 5.1.1 (" * n, 4000),
    "boundaries": (lambda n: PARTS + b"--b\n" * n, 20_000),
    "lines almost a boundary": (lambda n: PARTS + b"--bx\n" * n, 20_000),
    "nested parts": (
        lambda n: HEADER + b"Content-Type: message/rfc822\n\n" * n,
        4000,
    ),
    "base64": (
        lambda n: HEADER + b"Content-Transfer-Encoding: base64\n\n" + b"!A=" * n,
        20_000,
    ),
    "quoted-printable": (
        lambda n: HEADER + b"Content-Transfer-Encoding: quoted-printable\n\n" + b"=3D=\n" * n,
        10_000,
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_messages(name: str) -> None:
    make, n = MESSAGES[name]
    assert_linear(judge_message, make, n)


FIELDS = [
    *("From", "To", "Subject", "Date", "Message-ID", "References", "In-Reply-To", "Return-Path"),
    *("Received", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition"),
    *("X-Failed-Recipients", "Delivered-To", "X-Original-To", "Envelope-To", "List-Id"),
    *("List-Unsubscribe", "Auto-Submitted", "Precedence", "Authentication-Results", "Feedback-ID"),
    *("Final-Recipient", "Original-Recipient", "Diagnostic-Code", "Status", "Action"),
    *("Remote-MTA", "Reporting-MTA", "Last-Attempt-Date", "X-HmXmrOriginalRecipient"),
]
PIECES = [
    b"=?utf-8?q?a?= ",
    b"=?x?q?",
    b"a ",
    b"(",
    b'"',
    b"\\",
    b"<",
    b"a@b.",
    b"; a=",
    b"1 ",
    b",",
]


@pytest.mark.parametrize("name", FIELDS)
def test_fields_of_a_message(name: str) -> None:
    """Each piece is repeated in a field of the header, and in one of a delivery status."""
    status = b"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n"
    for piece in PIECES:
        line = field(name.encode(), piece)
        assert_linear(
            judge_message,
            lambda n, line=line: (  # type: ignore[misc]
                line(n).partition(b"\n")[0]
                + b"\n"
                + PARTS
                + status
                + GROUP % 1
                + line(n).partition(b"\n")[0]
                + b"\n\n--b--\n"
            ),
            LONGEST // len(piece),
        )


@pytest.mark.parametrize("piece", [b"(", b"dkim=pass ", b"; ", b'"', b"a=b;", b"\\", b"(\\"])
def test_authentication_results(piece: bytes) -> None:
    text = "mx.s.example; " + piece.decode()
    assert_linear(lambda raw: auth_results.parse(raw.decode()), lambda n: text.encode() * n, 3000)
    head = field(b"Authentication-Results", piece, b"mx; ")
    assert_linear(lambda raw: list(auth_results.top_fields(raw)), head, 3000)


READERS = {reader.name: reader for reader in FORMATS}


def logs() -> list[tuple[str, bytes]]:
    """The name of each reader of logs, events and replies, with a file that it reads."""
    found = [(p, p.read_bytes()) for p in sorted((FIXTURES / "logs").iterdir())]
    found = [(p, raw) for p, raw in found if p.suffix != ".toml"]
    named = [(next(r.name for r in FORMATS if r.sniff(raw[: 1 << 16])), raw) for _, raw in found]
    return [*named, ("replies", (FIXTURES / "replies.txt").read_bytes()[:20_000])]


def read_all(reader: Reader, raw: bytes) -> None:
    for item in reader.read(io.BytesIO(raw), "x"):
        if isinstance(item, Finding):
            assert item.report


@pytest.mark.parametrize(("name", "raw"), logs(), ids=lambda v: v if isinstance(v, str) else "")
def test_logs(name: str, raw: bytes) -> None:
    """The log again and again, its longest line with each piece many times, and half of a line."""
    reader = READERS[name]
    begin, _, rest = raw.partition(b"\n")
    assert_linear(lambda data: read_all(reader, data), lambda n: raw * n, 10)
    longest = max(rest.split(b"\n"), key=len)
    middle = len(longest) // 2
    for piece in (b"to=<a@b.co>, ", b"(", b'"', b"status=bounced (", b" ", b"<", b"\\", b"relay="):
        hostile = (longest[:middle], longest[middle:])
        assert_linear(
            lambda data: read_all(reader, data),
            lambda n, h=hostile, p=piece: begin + b"\n" + h[0] + p * n + h[1] + b"\n",  # type: ignore[misc]
            LONGEST // len(piece),
        )
    half = longest[:middle]
    assert_linear(
        lambda data: read_all(reader, data), lambda n: begin + b"\n" + (half + b"\n") * n, 100
    )


def test_events_on_one_line() -> None:
    event = {"event": "bounce", "email": "u@b.example", "timestamp": 1772442000, "reason": "550 no"}
    reader = READERS["events"] if "events" in READERS else FORMATS[-2]
    assert_linear(
        lambda data: read_all(reader, data), lambda n: json.dumps([event] * n).encode(), 500
    )
    assert_linear(lambda data: read_all(reader, data), lambda n: b"[" * n + b"\n", 20_000)


def test_an_event_with_many_recipients_and_headers() -> None:
    def event(n: int) -> bytes:
        names = [{"emailAddress": f"u{i}@b.example"} for i in range(n)]
        mail = {"messageId": "m", "headers": [{"name": "X", "value": "y" * 400}] * n}
        bounce = {"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": names}
        return json.dumps({"notificationType": "Bounce", "mail": mail, "bounce": bounce}).encode()

    assert_linear(lambda data: read_all(READERS["esp-payload"], data), event, 1000)


@pytest.mark.parametrize("gaps", [2, 4, 6, 8])
def test_own_rules_with_many_gaps(tmp_path: Path, gaps: int) -> None:
    phrase = " * ".join([*["user"] * gaps, "unknown"])
    example = "550 " + "user " * gaps + "unknown"
    file = tmp_path / "own.toml"
    file.write_text(
        'title = "own"\n[[rule]]\n'
        f'id = "own.gaps"\ncause = "mailbox-unknown"\n'
        f'when = {{ phrase = ["{phrase}"] }}\nsource = "https://b.example"\n'
        f'why = "the server reports that nobody has this name"\nexample = ["{example}"]\n'
    )
    classifier = Classifier(load((file,)))

    def judge(raw: bytes) -> None:
        classifier.classify(Reply(550, None, raw.decode()).text)

    piece = b"user " * 8 + b"x " * 14
    assert_linear(judge, lambda n: b"550 " + piece * n + b"user " * gaps + b"unknown", 7)


def test_quadratic_time_is_noticed() -> None:
    """The measurement itself: what looks at the rest of the input from each of its places fails."""
    with pytest.raises(AssertionError, match="s, "):
        assert_linear(
            lambda raw: [max(raw[at:]) for at in range(len(raw))], lambda n: b"a" * n, 4000
        )
