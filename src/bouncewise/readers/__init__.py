"""From bytes to Reports: one file per format, one ordered tuple READERS that says which is asked first."""

from __future__ import annotations

from bouncewise.readers.base import Finding, Note, Reader
from bouncewise.readers.mail import MboxReader, MessageReader
from bouncewise.readers.postfix import PostfixReader
from bouncewise.readers.replies import RepliesReader

__all__ = ["READERS", "Finding", "Note", "Reader", "reader_for"]

# From the format that is hardest to mistake to the one that nearly anything could be.
READERS: tuple[Reader, ...] = (PostfixReader(), MboxReader(), MessageReader(), RepliesReader())


def reader_for(head: bytes) -> Reader | None:
    """The first reader that knows the format of *head*, the first octets of a file."""
    return next((reader for reader in READERS if reader.sniff(head)), None)
