"""Readers: from bytes to Reports. One module per format; ``intake.formats`` states their order."""

from __future__ import annotations

from bouncewise.readers.base import Note, Reader

__all__ = ["Note", "Reader"]
