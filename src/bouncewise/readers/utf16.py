"""Text in UTF-16 as UTF-8: exports of Windows programs.

Reads: octets. Gives: the codec, by the byte order mark or by the NULs beside ASCII characters, and
a stream in UTF-8. Refuses, with None: text that is not UTF-16.
"""

from __future__ import annotations

import codecs
from typing import BinaryIO

_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_INSPECTED = 64  # octets at the beginning that show the NULs


def utf16_codec(head: bytes) -> str | None:
    """The codec of *head*, the first octets of a text; None if it is not UTF-16."""
    if (marked := _MARKS.get(head[:2])) is not None:
        return marked
    start = head[:_INSPECTED]
    if b"\0" not in start:
        return None
    even, odd = start[::2], start[1::2]
    if not any(odd) and all(even[: len(odd)]):
        return "utf-16-le"
    return "utf-16-be" if odd and all(odd) and not any(even) else None


class Utf8Stream:
    """*stream*, in UTF-16 or already in UTF-8, as UTF-8 without a byte order mark. What a *stream*
    with ``is_drained`` gives is passed on before more of it is waited for.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._is_drained = getattr(stream, "is_drained", bool)
        self._stream = stream
        self._first = stream.read(_INSPECTED)
        codec = utf16_codec(self._first)
        self._decoder = codecs.getincrementaldecoder(codec)("replace") if codec else None
        self._rest = b""
        self._is_at_end = False

    def read(self, size: int = -1) -> bytes:
        """At most *size* octets, all that remain if *size* is negative; none at the end."""
        pieces, length = [self._rest], len(self._rest)
        while (size < 0 or length < size) and not self._is_at_end:
            if length and self._is_drained():
                break
            pieces.append(self._more())
            length += len(pieces[-1])
        octets = b"".join(pieces)
        octets, self._rest = (octets, b"") if size < 0 else (octets[:size], octets[size:])
        return octets

    def readline(self, size: int = -1) -> bytes:
        """Up to and including the next LF, at most *size* octets."""
        limit = size if size >= 0 else 1 << 30
        while b"\n" not in self._rest and len(self._rest) < limit and not self._is_at_end:
            self._rest += self._more()
        at = min(self._rest.find(b"\n") + 1 or len(self._rest), limit)
        line, self._rest = self._rest[:at], self._rest[at:]
        return line

    def _more(self) -> bytes:
        chunk, self._first = self._first or self._stream.read(1 << 16), b""
        self._is_at_end = not chunk
        if self._decoder is None:
            return chunk
        text = self._decoder.decode(chunk, not chunk)
        return text.replace("\ufeff", "").encode("utf-8", "replace")
