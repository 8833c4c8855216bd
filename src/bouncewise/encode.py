"""Text for where it goes: one function per destination.

Reads: text that others wrote (replies, addresses, file names). Gives: the same text without effects
beyond being read: ``for_terminal``; ``for_json``, a line of JSON that may be shown on a terminal;
``for_storage``, text that has a form in UTF-8;
``for_csv``, a cell that no spreadsheet runs; ``postfix_key`` and ``postfix_text``, the two sides of
an access(5) table. Refuses nothing: what a destination cannot hold is shown as an escape, or None.
"""

from __future__ import annotations

import codecs
import re

# Characters that act instead of being seen: C0, DEL and C1 (ECMA-48); soft hyphen, zero-width and
# invisible characters; separators of lines and paragraphs; controls of direction (UAX 9 §2);
# annotations, tags, noncharacters and lone surrogates (Unicode 16 §23).
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufeff\uffa0\ufff0-\uffff"
    "\ufe00-\ufe0f\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_SURROGATES = re.compile("[\ud800-\udfff]")
_FORMULA = re.compile(r"[\s\0]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")

ESCAPED = "bouncewise.escaped"
"""For the ``errors`` of a stream: characters that its encoding lacks become escapes of JSON."""

# access(5), postmap(1): a key ends at white space, "#" begins a comment, a double quote a quoted
# key. What RFC 5321 §4.1.2 (Atom, Dot-string) and RFC 6531 allow without quotes is written.
_POSTFIX_KEY = re.compile(r"(?!#)[\w!#$%&'*+/=?^`{|}~.-]+@(?:\w[\w.-]*|\[[\w.:]+\])", re.ASCII)
_CODES = re.compile(r"(?:[245]\d\d(?:[ -]+|$))?(?:[245]\.\d{1,3}\.\d{1,3}(?:\s+|$))?")
_MAX_POSTFIX_TEXT = 120


def for_terminal(text: str) -> str:
    """*text* on one line, with every character that would act on a terminal, or hide, as an escape
    like ``\\x1b`` or ``\\u202e``. An octet of an undecodable file name is shown as ``\\xff``.
    """
    return _HIDDEN.sub(_escape, text)


def for_json(line: str) -> str:
    """A line of JSON with the same characters as JSON escapes: the same values when it is read."""
    if line.isascii() and line.isprintable():  # (a twentieth of the time)
        return line
    return _HIDDEN.sub(_json_escape, line)


def for_csv(cell: str) -> str:
    """*cell*, marked as text by ``'`` if a spreadsheet would run it as a formula (OWASP, CSV
    injection: also behind white space, and in full width), without NUL. Not for cells that hold an
    address: it would be another address.
    """
    cell = for_storage(cell).replace("\0", "")
    return f"'{cell}" if _FORMULA.match(cell) else cell


def for_storage(text: str) -> str:
    """*text* with an escape for every lone surrogate, which UTF-8 has no form for (an octet of an
    argument that is no UTF-8, half of a pair in UTF-16).
    """
    return _SURROGATES.sub(_escape, text)


def postfix_key(address: str) -> str | None:
    """*address* as a key of access(5); None where the table cannot hold it."""
    local = address.rpartition("@")[0]
    written = address if address.isascii() else re.sub(r"[^\x00-\x7f]", _as_letter, address)
    return address if local and _POSTFIX_KEY.fullmatch(written) else None


def postfix_text(reply: str) -> str:
    """*reply* as the text after a code in access(5): ASCII, one line, without codes of its own."""
    words = " ".join(_HIDDEN.sub(" ", reply).encode("ascii", "replace").decode().split())
    return _CODES.sub("", words, count=1)[:_MAX_POSTFIX_TEXT].strip() or "suppressed"


def _as_letter(m: re.Match[str]) -> str:
    return "a" if m[0].isprintable() and not m[0].isspace() else " "


def _escape(m: re.Match[str]) -> str:
    code = ord(m[0])
    if 0xDC80 <= code <= 0xDCFF:  # an octet by surrogateescape, PEP 383
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(m: re.Match[str]) -> str:
    return _json_code(ord(m[0]))


def _json_code(code: int) -> str:
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def _lacking(bad: UnicodeError) -> tuple[str, int]:
    if not isinstance(bad, UnicodeEncodeError):
        raise bad
    return "".join(_json_code(ord(c)) for c in bad.object[bad.start : bad.end]), bad.end


codecs.register_error(ESCAPED, _lacking)
