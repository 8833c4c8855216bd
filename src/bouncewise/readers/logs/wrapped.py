"""What container runtimes, log daemons and collectors put before or around a server's own line.

Reads: lines behind the name of a container (``postfix-1  | ``, ``[pod/mail-0/postfix] ``), the
stamps of Docker and of the Kubernetes CRI (``… stdout F ``), RFC 5424 heads, journalctl's
short-full form, a level or facility beside the tag (``INFO    postfix/smtp[1]:``, ``mail.info``,
Solaris' ``[ID 1 mail.info]``), several heads in a row, no head at all; JSON objects that hold the
line (Docker's json-file, journald, fluentd, vector, Logstash). Gives: the server's line behind one
syslog head ``STAMP HOST TAG[PID]: ``; a line that has such a head, and a line of no mail server, as
it is. Refuses: whatever is no head; a line that quotes another line is not taken for it. Source:
https://docs.docker.com/engine/logging/drivers/json-file/, RFC 5424 section 6,
https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md,
journalctl(1), systemd.journal-fields(7).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from bouncewise.readers.base import HEAD, MAX_LINE
from bouncewise.readers.logs.heads import CORE, ISO, MAX_HEAD, ZONE, with_one_head
from bouncewise.rfc.date import from_epoch

_LAYERS = 4  # heads of different kinds around one line
_SNIFFED_LINES = 1000
_MAX_JSON = 1 << 18  # octets of a line that may be an object

_STRUCTURED_DATA = r"(?:-|(?:\[(?:[^\]\\\"]|\\.|\"(?:[^\"\\]|\\.)*+\")*+\])++)"
_RFC5424 = re.compile(
    r"(?:\d{1,6} )?<\d{1,3}>1 (?P<stamp>\S+) (?P<host>\S+) "
    r"(?P<app>[^\s\[]+)(?:\[(?P<in_app>\d+)\])? (?P<pid>\S+) \S+ "
    rf"{_STRUCTURED_DATA}(?: \ufeff?(?P<text>.*))?$"
)
_COLOUR = re.compile(r"\x1b\[[\d;]{0,20}m")
_CONTAINER = re.compile(r"(?:[\w.@/-]{1,120} +\| |\[pod/[\w./-]{1,200}\] )")
_CRI = re.compile(rf"(?P<stamp>{ISO}{ZONE}) std(?:out|err) (?P<flag>[FP])(?: |$)")
# What may be a wrapper, by the beginning of a line; the first test, which nearly all lines fail.
_MAY_BE_WRAPPED = re.compile(
    rb"[ \t]*(?:\{|\x1b|[\w.@/-]{1,120} +\| |\[pod/|(?:\d{1,6} )?<\d{1,3}>"
    rb"|\d{4}[-/]\d\d|\d\d/\d\d/\d{4}|\d{10}[. ]|@4|[A-Z][a-z]{2} |\[\w{3,9}\] "
    rb"|[0-9A-Za-z]{5,25}: to=|(?:[\w.-]{1,255} )?[A-Za-z][\w./@-]{0,80}\[\d+\]: )"
)

_MESSAGE_KEYS = (
    "log message msg line @message short_message full_message _raw textpayload body content event"
).split()
_INNER_KEYS = ("_source", "result", "jsonpayload")  # Elasticsearch, Splunk, Google Cloud
_STAMP_KEYS = (
    "_source_realtime_timestamp __realtime_timestamp time @timestamp timestamp timestamp_ns"
    " timereported date ts"
).split()
_HOST_KEYS = ("_hostname", "hostname", "host", "fromhost", "computer")
_TAG_KEYS = (
    "syslog_identifier syslogtag program programname appname app_name app-name ident tag"
    " process.name _comm"
).split()
_CONTAINER_KEYS = ("container_id", "container_name", "kubernetes", "docker")
# What runs mail servers in the foreground, and container runtimes: the line has the server's tag.
_LOGGER = re.compile(
    r"(?:postfix|postlogd|master|exim|sendmail|haraka|zone-?mta|qmail"
    r"|docker|podman|conmon|containerd|crio)",
    re.I,
)
# Keys of mails and forms that a web service stores: their texts are the words of strangers.
_FOREIGN_KEYS = frozenset(("subject", "from", "sender", "email", "textbody", "headers"))
_PID_KEYS = ("_pid", "syslog_pid", "pid", "procid", "proc_id")


def unwrap(line: str) -> str:
    """The server's own line behind one syslog head; *line* itself where nothing is around it."""
    if "\x1b" in line:
        line = _COLOUR.sub("", line)
    for _ in range(_LAYERS):
        inner = _unwrap_once(line)
        if inner == line:
            break
        line = inner
    return with_one_head(line)


def _unwrap_once(line: str) -> str:
    if line.startswith("{"):
        return _from_object(line) or line
    if (m := _CONTAINER.match(line)) is not None:
        return line[m.end() :]
    if (m := _CRI.match(line)) is not None:
        return _stamped(line[m.end() :], m["stamp"])
    if (m := _RFC5424.match(line)) is not None:
        pid = m["in_app"] or (m["pid"] if m["pid"].isdecimal() else "0")
        stamp = m["stamp"] if m["stamp"] != "-" else ""
        return f"{stamp or '-'} {m['host']} {m['app']}[{pid}]: {m['text'] or ''}"
    return line


def _stamped(line: str, stamp: str) -> str:
    """*line* behind *stamp*, unless it is an object, which has stamps of its own."""
    return line if line.startswith("{") else f"{stamp} {line}"


# ── JSON ───────────────────────────────────────────────────────────────────────────────────────


def _from_object(line: str) -> str | None:
    """The line that an object holds; None if it holds none."""
    try:
        value = msgspec.json.decode(line[:_MAX_JSON])
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    record = {key.casefold(): item for key, item in value.items()}
    inner = next((i for key in _INNER_KEYS if isinstance(i := record.get(key), dict)), {})
    record |= {key.casefold(): item for key, item in inner.items()}
    text = next((t for key in _MESSAGE_KEYS if (t := _text(record.get(key)))), "")
    text = " ".join(text.splitlines()).strip()
    stamp = next((s for key in _STAMP_KEYS if (s := _rfc3339(record.get(key)))), "")
    tag = next((t for key in _TAG_KEYS if (t := _text(record.get(key)))), "").rstrip(": ")
    if not text or (text.startswith("{") and "type" in record):
        return None  # the envelope of an event, e.g. of Amazon SNS
    if not (stamp or tag) or not _FOREIGN_KEYS.isdisjoint(record):
        return None
    if tag and not text.startswith("{") and not _is_of(text, tag, record):
        host = next((t for key in _HOST_KEYS if (t := _text(record.get(key)))), "-").split()[0]
        pid = next((t for key in _PID_KEYS if (t := _text(record.get(key)))), "0")
        tag = tag if tag.endswith("]") else f"{tag}[{pid if pid.isdecimal() else 0}]"
        text = f"{host} {tag}: {text}"
    return _stamped(text, stamp) if stamp else text


def _is_of(text: str, tag: str, record: dict[str, Any]) -> bool:
    """Whether *text* is a server's whole line, which needs no *tag* in front of it.

    A program's own text may imitate the line of a mail server, so a tag in *text* counts only if it
    is that of the *record*, or if the record is of a container or of a mail server's own logger.
    """
    core = CORE.search(text, 0, MAX_HEAD)
    if core is None or core["tag"] is None:
        return False
    program = tag.partition("[")[0]
    return (
        core["tag"].startswith(program)
        or _LOGGER.match(program) is not None
        or any(key in record for key in _CONTAINER_KEYS)
    )


def _text(value: Any) -> str:
    """A text or number as text; journald writes octets that are no UTF-8 as a list of numbers."""
    if isinstance(value, list) and all(type(item) is int and 0 <= item < 256 for item in value):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)


def _rfc3339(value: Any) -> str:
    """A Unix time in any unit, or a time stamp, in RFC 3339; '' if it is neither."""
    text = _text(value).strip()
    if text.replace(".", "", 1).isdecimal():
        at = from_epoch(text)
        return at.isoformat() if at else ""
    return text if re.fullmatch(rf"{ISO}(?: ?{ZONE})?", text) else ""


# ── streams ────────────────────────────────────────────────────────────────────────────────────


def is_wrapped(head: bytes) -> bool:
    """Whether *head*, the first octets of a file, has lines of a mail server within something.

    At least half of the first lines, or of those with a mail server's own words, must be wrapped.
    """
    plain = wrapped = 0
    found = [line for line in head.split(b"\n", _SNIFFED_LINES)[:_SNIFFED_LINES] if line.strip()]
    for octets in found[:-1] if len(head) >= HEAD and len(found) > 1 else found:
        if _MAY_BE_WRAPPED.match(octets) is None:
            continue
        line = octets[:MAX_LINE].decode("utf-8", "replace").strip()
        inner = unwrap(line)
        if CORE.search(inner, 0, MAX_HEAD) is not None:
            wrapped, plain = wrapped + (inner != line), plain + (inner == line)
        if wrapped + plain >= 20:
            break
    return wrapped > 0 and wrapped >= plain


class UnwrappedStream:
    """The lines of *stream*, each without what is around it; their number does not change.

    Parts of a line that the container runtime has split (CRI's flag P) are joined in the last. What
    a *stream* with ``is_drained`` gives is passed on before more of it is waited for.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._is_drained = getattr(stream, "is_drained", bool)
        self._lines = self._unwrapped(stream)
        self._rest = b""

    def _unwrapped(self, stream: BinaryIO) -> Iterator[bytes]:
        begun = ""
        while octets := stream.readline(MAX_LINE * 4):
            line = octets.decode("utf-8", "replace")
            text = line.rstrip("\r\n")
            end = "\n" if line.endswith("\n") else ""
            if (m := _CRI.match(text)) is not None:
                joined = f"{begun}{text[m.end() :]}"[: MAX_LINE * 2]
                if m["flag"] == "P":
                    begun, text = joined, ""
                else:
                    begun, text = "", f"{text[: m.end()]}{joined}"
            yield (unwrap(text) + end).encode("utf-8", "replace")

    def read(self, size: int = -1) -> bytes:
        """About *size* octets, all that remain if *size* is negative; none at the end."""
        pieces, length = [self._rest], len(self._rest)
        while size < 0 or length < size:
            if (length and self._is_drained()) or not (piece := next(self._lines, b"")):
                break
            pieces.append(piece)
            length += len(piece)
        octets = b"".join(pieces)
        octets, self._rest = (octets, b"") if size < 0 else (octets[:size], octets[size:])
        return octets

    def readline(self, size: int = -1) -> bytes:
        """The next line."""
        line = self._rest or next(self._lines, b"")
        at = line.find(b"\n") + 1 or len(line)
        at = at if size < 0 else min(at, size)
        self._rest = line[at:]
        return line[:at]
