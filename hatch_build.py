"""What a wheel carries beside the package: the pages of docs/, for ``bouncewise help``, and the
manual pages, if ``make man`` has written them to build/man.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Documentation(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the files to the wheel; an editable installation reads them in the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the wheel is built; *version* is ``editable`` for a development version."""
        if version == "editable":
            return
        for page in sorted(Path(self.root, "docs").glob("*.md")):
            build_data["force_include"][f"docs/{page.name}"] = f"bouncewise/docs/{page.name}"
        if Path(self.root, "build", "man").is_dir():
            build_data["shared_data"]["build/man"] = "share/man/man1"
