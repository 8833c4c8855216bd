"""Header sections that a gateway has broken: continuation lines that are not indented (RFC 5322
section 2.2.3), and an mbox's "From " line inside.

Reads: octets with LF as newline, and where a line that is no field ends the header section. Gives:
the header section with such lines indented, and where the body begins. Refuses, with None: a body
that begins without a blank line, because no usual fields of mail follow in it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_MAX_HEAD = 1 << 17  # octets of a broken header section that are read
_FIELD = re.compile(rb"[!-9;-~]{1,100}[ \t]*:")
_MAIL_FIELD = re.compile(
    rb"(?:received|from|to|cc|subject|date|message-id|mime-version|content-type|return-path|"
    rb"content-transfer-encoding|delivered-to|x-[\w-]{2,60})[ \t]*:",
    re.I,
)
_USUAL = 2  # usual fields that must follow


class Mended(NamedTuple):
    """A header section, and the position behind it."""

    head: bytes
    end: int


def mend(raw: bytes, at: int) -> Mended | None:
    """The header section of *raw*, which goes on behind *at*; None if the body begins there."""
    end = raw.find(b"\n\n", at, at + _MAX_HEAD)
    if end < 0:
        end = min(len(raw), at + _MAX_HEAD)
    lines = raw[at:end].split(b"\n")
    if sum(_MAIL_FIELD.match(line) is not None for line in lines) < _USUAL:
        return None
    kept = [line for line in lines if not line.startswith((b"From ", b">From "))]
    mended = [
        line if line[:1] in (b" ", b"\t") or _FIELD.match(line) else b" " + line for line in kept
    ]
    return Mended(raw[:at] + b"\n".join(mended) + b"\n", end + 1)
