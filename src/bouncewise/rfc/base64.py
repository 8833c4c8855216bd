"""Base64 as it occurs in mail (RFC 2045 section 6.8).

Reads: the body of a part. Gives: the octets that it encodes. Refuses nothing: from the first line
that cannot be base64 on, the body is kept as it is.
"""

from __future__ import annotations

import binascii
import re

_NOT_IN_ALPHABET = re.compile(rb"[^A-Za-z0-9+/]+")
# A line that cannot be base64: words separated by blanks, or a rule such as "____" or "-- ".
_NOT_BASE64 = re.compile(
    rb"^(?=.)(?:[^\s\n]+[ \t]+[^\s\n]|(?:[-_*~#]{2,}|={3,})[ \t]*$"
    rb"|.{0,80}[^A-Za-z0-9+/=\s][^A-Za-z0-9+/=\s]).*",
    re.M,
)


def from_base64(body: bytes) -> bytes:
    """The octets that *body* encodes in base64 (RFC 2045 §6.8), with correct padding or without.

    From the first line on that cannot be base64, the text is kept as it is: it is a footer that a
    mailing list added, or the part is labelled as base64 without being encoded.
    """
    m = _NOT_BASE64.search(body)
    encoded, plain = (body, b"") if m is None else (body[: m.start()], body[m.start() :])
    # Padding ends a group, not the body: some senders join encoded pieces, against RFC 2045.
    groups = (_NOT_IN_ALPHABET.sub(b"", piece) for piece in encoded.split(b"="))
    decoded = b"".join(map(_from_group, groups))
    return decoded if not plain else b"\n".join(filter(None, (decoded, plain)))


def _from_group(letters: bytes) -> bytes:
    """The octets of *letters* of base64; a single last letter has six bits, which are no octet."""
    complete = letters[: len(letters) - (len(letters) % 4 == 1)]
    return binascii.a2b_base64(complete + b"=" * (-len(letters) % 4))
