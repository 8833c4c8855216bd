"""From bytes to Reports: one module per format. ``intake.formats`` says in which order they are asked."""

from __future__ import annotations

from bouncewise.readers.base import Finding, Note, Reader

__all__ = ["Finding", "Note", "Reader"]
