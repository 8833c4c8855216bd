"""The sources of the documentation's site: every page is in the navigation, every link leads
somewhere.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lab.site import NAVIGATION, ROOT, write


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write(folder)
    return folder


def test_every_page_of_docs_is_in_the_navigation() -> None:
    named = [page for pages in NAVIGATION.values() for page in pages]
    assert sorted(named) == sorted(path.stem for path in (ROOT / "docs").glob("*.md"))


def test_every_page_in_the_navigation_exists_and_every_page_is_in_it(site: Path) -> None:
    text = (site / "mkdocs.yml").read_text()
    named = set(re.findall(r": (\S+\.md)$|- (\S+\.md)$", text, re.M))
    pages = {a or b for a, b in named}
    assert pages == {str(p.relative_to(site / "docs")) for p in (site / "docs").rglob("*.md")}


def test_every_link_leads_to_a_page_or_outside(site: Path) -> None:
    for path in (site / "docs").rglob("*.md"):
        for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
            if not target.startswith(("http", "#", "mailto:")):
                assert (path.parent / target.partition("#")[0]).exists(), f"{path}: {target}"


def test_causes_and_codes_have_pages_with_what_to_do(site: Path) -> None:
    page = (site / "docs" / "codes" / "550-5.4.1.md").read_text()
    assert "Directory-Based Edge Blocking" in page
    cause = (site / "docs" / "causes" / "access-denied.md").read_text()
    assert cause.startswith("# access-denied: ")
    assert "## What to do" in cause or "## Do" in cause
    command = (site / "docs" / "commands" / "suppressions.md").read_text()
    assert "## suppressions import" in command
