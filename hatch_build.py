"""The manual pages in a wheel: hatchling adds those that ``make man`` has written to build/man."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManualPages(BuildHookInterface):  # type: ignore[type-arg]
    """Adds build/man to the wheel, where it is there: an installation from a checkout needs none."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the wheel is built; *version* is ``editable`` for a development version."""
        if version != "editable" and (Path(self.root) / "build" / "man").is_dir():
            build_data["shared_data"]["build/man"] = "share/man/man1"
