"""Every page in Chromium, light and dark, at 360 and 1,400 px: axe-core, the console, the width,
and the keyboard. Skipped where the browser, playwright or npm are not installed.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from bench.world.shown import fill
from lab import screens

pytestmark = pytest.mark.skipif(bool(screens.missing()), reason=screens.missing() or "-")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[screens.Screen]:
    folder = tmp_path_factory.mktemp("screens")
    try:
        source = screens.axe(folder)
    except (OSError, subprocess.CalledProcessError) as bad:
        pytest.skip(f"npm cannot fetch {screens.AXE}: {bad}")
    with screens.dashboard(fill(folder)) as url:
        return list(screens.screens(url, source, None))


def test_no_page_has_a_fault(found: list[screens.Screen]) -> None:
    faults = [(s.name, s.theme, s.width, fault) for s in found for fault in s.faults]
    assert faults == []


def test_every_page_was_opened(found: list[screens.Screen], tmp_path: Path) -> None:
    seen = {(s.name, s.theme, s.width) for s in found}
    wanted = {(p, t, w) for p in screens.PAGES for t in screens.THEMES for w in screens.WIDTHS}
    assert seen == wanted
