"""Writes the README's table of formats from the readers themselves: python
tests/support/formats.py.
"""

from __future__ import annotations

import re
from pathlib import Path

from bouncewise.intake.formats import FORMATS

README = Path(__file__).parents[2] / "README.md"

if __name__ == "__main__":
    rows = "\n".join(f"| {reader.name} | {reader.about} |" for reader in FORMATS)
    table = f"<!-- formats -->\n| format | what |\n|---|---|\n{rows}\n<!-- /formats -->"
    text = README.read_text("utf-8")
    README.write_text(
        re.sub(r"<!-- formats -->.*?<!-- /formats -->", lambda _: table, text, flags=re.S), "utf-8"
    )
