"""The head of a line of a log: time stamps, host, level and facility before a server's own words.

Reads: lines. Gives: the same lines behind a single syslog head ``STAMP HOST TAG[PID]: ``, or as
Exim and Haraka write them. Refuses, unchanged: lines of no mail server, and lines in which
something other than a head stands before the tag, because it may quote another line.
"""

from __future__ import annotations

import re

import msgspec

from bouncewise.rfc.date import from_epoch

MAX_HEAD = 400
"""Characters within which the server's own words begin."""

# Where the server's own line begins: at its tag, or at what Exim, Haraka and Postfix print behind.
_TAG = r"(?:[A-Za-z][\w./@-]{0,80}\[\d{1,10}\]|qmail|qmail-send): "
_EXIM_STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d{4})? "
_EXIM_STAMP_START = re.compile(_EXIM_STAMP)
CORE = re.compile(
    rf"(?<!\S)(?:(?P<tag>{_TAG})"
    rf"|(?P<exim>(?:{_EXIM_STAMP})?(?:\[\d+\] )?"
    r"[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4} (?:<=|=>|->|>>|\*\*|==|Completed))"
    r"|(?P<haraka>\[(?:NOTICE|INFO|WARN|ERROR|CRIT|DEBUG|PROTOCOL)\] \[[0-9A-Fa-f.-]{1,60}\] \[)"
    r"|(?P<smtpd>smtpd: )"
    r"|(?P<qmail>(?:\d{10}\.\d{1,9} |@4[0-9a-f]{23} )"
    r"(?:info msg|new msg|end msg|starting delivery|delivery|status:) )"
    r"|(?P<zonemta>Sender/\S{1,80} [0-9a-f]{8,32}\.[0-9a-f]{3} )"
    r"|(?P<postfix>[0-9A-Za-z]{5,25}: to=<?[^\s<>]{1,320}>?, (?:orig_to=|relay=))"
    r"|(?P<object>\{\"))"
)
ISO = r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
ZONE = r"(?:Z|[+-]\d\d:?\d\d)"
STAMP = re.compile(
    rf"(?P<iso>{ISO})(?P<zone> ?{ZONE}(?=\s|$))?"
    r"|(?P<bsd>[A-Z][a-z]{2} +\d{1,2} +(?:\d{4} +)?\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
    r"(?: +\d{4}(?=\s|$))?)"
    r"|(?P<us>\d\d/\d\d/\d{4} \d\d:\d\d:\d\d)"
    r"|(?P<epoch>\d{10}(?:\.\d{1,9})?(?=\s|$))"
    r"|@(?P<tai>4[0-9a-f]{15})[0-9a-f]{8}(?=\s|$)"
)
_IGNORED = re.compile(
    r"(?:\[?(?:trace|debug|info|notice|warn|warning|err|error|crit|critical|alert|emerg)\]?:?"
    r"|(?:auth|cron|daemon|kern|lpr|mail|news|syslog|user|uucp|local\d)\.\w{3,7}:?"
    r"|(?:mon|tue|wed|thu|fri|sat|sun),?|stdout|stderr|f|\||-|\d"
    r"|\[[\w./ -]{1,200}\])(?=\s|$)",
    re.I,
)
_ZONE_NAME = re.compile(r"[A-Z]{2,5}(?=\s)")
_HOST = re.compile(r"[\w.:-]{1,255}(?<!:)(?=\s|$)")  # a word that ends in a colon is a tag
_PRIORITY = re.compile(r"(?:\d{1,6} )?<\d{1,3}>(?:1 (?=\d{4}-|- ))?")
_SOLARIS = re.compile(r"\[ID \d+ \w+\.\w+\] ")


def with_one_head(line: str) -> str:
    """*line* with a single head of stamp and host; unchanged if it has no other, or none is known.

    Of several stamps the last with a zone counts, else the last.
    """
    core = CORE.search(line, 0, MAX_HEAD)
    if core is None:
        return line
    head = _parse_head(line[: core.start()])
    if head is None:
        return line
    text = line[core.start() :]
    if core["tag"]:
        end = core.end() - core.start()
        text = text[:end] + _SOLARIS.sub("", text[end : end + 60]) + text[end + 60 :]
    is_plain = head.stamps and not head.has_more and text == line[core.start() :]
    if core["exim"]:
        return _for_exim(text, head.when())
    if core["object"]:
        return text
    if core["qmail"]:
        return text
    if core["zonemta"] or (core["smtpd"] and not core.start()):
        return line
    if is_plain and (bool(head.host) or core["haraka"]):
        return line
    when_text = str(head.when() or "")
    if core["haraka"]:
        return f"{when_text} {text}" if when_text else text
    tag = "postfix/smtp[0]: " if core["postfix"] else ""
    return f"{when_text or '-'} {head.host or '-'} {tag}{text}"


def _for_exim(text: str, when: _Stamp | None) -> str:
    """*text*, which begins with Exim's message id or its own stamp, behind the better stamp."""
    own = _EXIM_STAMP_START.match(text)
    if when is None or (own is not None and not when.zone):
        return text
    zone = "+0000" if when.zone == "Z" else when.zone.replace(":", "")
    stamp = when.text.replace("T", " ").replace("/", "-")
    return f"{stamp}{f' {zone}' if zone else ''} {text[own.end() if own else 0 :]}"


class _Stamp(msgspec.Struct, frozen=True):
    """A time stamp as it stands in a head, and its zone; '' if it states none."""

    text: str
    zone: str = ""

    def __str__(self) -> str:
        return self.text + self.zone


class _Head(msgspec.Struct):
    """The parts of a head."""

    stamps: list[_Stamp]
    host: str = ""
    has_more: bool = False
    """Whether there is more than one stamp and one host."""

    def when(self) -> _Stamp | None:
        """The last stamp with a zone, else the last; None if there is none."""
        zoned = [stamp for stamp in self.stamps if stamp.zone]
        return (zoned or self.stamps)[-1] if self.stamps else None


def _parse_head(text: str) -> _Head | None:
    """The parts of *text*, which stands before a server's own line; None if it is no head."""
    head = _Head([])
    priority = _PRIORITY.match(text)
    at = priority.end() if priority else 0
    while at < len(text):
        if text[at].isspace():
            at += 1
        elif (m := STAMP.match(text, at)) is not None:
            # What the readers do not know is changed, too.
            head.has_more |= bool(head.stamps or head.host) or not (m["iso"] or m["bsd"])
            head.stamps.append(_stamp_of(m))
            at = m.end()
            if (name := _ZONE_NAME.match(text, at + 1)) is not None and _is_zone(name[0]):
                head.has_more = True
                if name[0] in ("UTC", "GMT") and m["iso"] and not m["zone"]:
                    head.stamps[-1] = _Stamp(m["iso"], "+00:00")
                at = name.end()
        elif (m := _IGNORED.match(text, at)) is not None:
            head.has_more, at = True, m.end()
        elif (m := _HOST.match(text, at)) is not None:
            head.has_more |= bool(head.host) or not head.stamps
            head.host, at = m[0], m.end()
        else:
            return None
    return head


def _is_zone(name: str) -> bool:
    return name not in ("INFO", "WARN", "ERROR", "DEBUG", "CRIT", "ALERT", "TRACE", "ERR", "F", "P")


def unix_stamp(text: str) -> str | None:
    """A Unix time or a TAI64N label (https://cr.yp.to/libtai/tai64.html) in RFC 3339; None if it is
    neither.
    """
    if (m := STAMP.match(text)) is None or not (m["epoch"] or m["tai"]):
        return None
    seconds = m["epoch"] or str(int(m["tai"], 16) - (1 << 62) - 37)
    at = from_epoch(seconds)
    return at.isoformat() if at else None


def _stamp_of(m: re.Match[str]) -> _Stamp:
    if m["iso"]:
        return _Stamp(m["iso"].replace(",", "."), (m["zone"] or "").strip())
    if m["epoch"] or m["tai"]:
        stamp = unix_stamp(m[0])
        return _Stamp(stamp.removesuffix("+00:00"), "+00:00") if stamp else _Stamp("-")
    if m["us"]:
        first, second, year, time = re.split("[/ ]", m["us"])
        month, day = (first, second) if int(first) <= 12 else (second, first)
        return _Stamp(f"{year}-{month}-{day} {time}")
    return _Stamp(m[0])
