"""The pages of the dashboard in Chromium: python -m lab.screens [FOLDER].

Starts the dashboard over the demo ledger (bench/world/shown.py), opens every page in light and dark
at 360 and 1,400 px, and writes a screenshot of each into FOLDER (build/screens). Prints what the
accessibility rules of axe-core find, messages of the console, pages wider than the window, and
links that the keyboard does not reach; exits 1 where there are any. Needs Debian's chromium, the
Python package playwright, and npm, which fetches axe-core.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

AXE = "axe-core@4.14.1"
WIDTHS, THEMES = (360, 1400), ("light", "dark")
ROOT = Path(__file__).parents[1]
PAGES = {
    "today": "/",
    "incidents": "/incidents",
    "incident": "/incidents/google",
    "receivers": "/receivers",
    "receiver": "/receivers/microsoft",
    "replies": "/replies",
    "reply": "{reply}",
    "senders": "/senders",
    "suppressions": "/suppressions",
    "address": "{address}",
    "sources": "/sources",
    "audit": "/audit",
    "missing": "/incidents/nobody",
}
"""Every page with its path; in braces: the first link of that kind."""

_REACHED = """() => {
  const wanted = [...document.querySelectorAll('a[href], button, input, select, summary')]
    .filter(e => e.checkVisibility());
  return wanted.filter(e => e.tabIndex < 0).map(e => e.outerHTML.slice(0, 80));
}"""


class Screen(NamedTuple):
    """One page in one theme at one width, and what is wrong with it."""

    name: str
    theme: str
    width: int
    faults: list[str]


def missing() -> str:
    """What is not installed here; "" where all is there."""
    if chromium() is None:
        return "no chromium: apt-get install chromium"
    if shutil.which("npm") is None:
        return "no npm, which fetches axe-core: apt-get install npm"
    try:
        import playwright  # noqa: F401 - only looked for
    except ImportError:
        return "no playwright: pip install playwright"
    return ""


def chromium() -> str | None:
    """The path of the browser."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


def axe(folder: Path) -> str:
    """The source of axe-core, fetched into *folder* once. Raises OSError or CalledProcessError
    where it cannot be fetched.
    """
    file = folder / "axe.min.js"
    if not file.exists():
        npm = [shutil.which("npm") or "npm", "pack", AXE, "--silent"]
        subprocess.run(npm, cwd=folder, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        with tarfile.open(next(folder.glob("axe-core-*.tgz"))) as packed:
            found = packed.extractfile("package/axe.min.js")
            file.write_bytes(found.read() if found else b"")
    return file.read_text("utf-8")


@contextmanager
def dashboard(ledger: Path) -> Iterator[str]:
    """A dashboard over *ledger* at a free port; the address with its token."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    run = [sys.executable, "-m", "bouncewise", "dashboard", "--json", "--db", str(ledger)]
    run += ["--listen", f"127.0.0.1:{port}"]
    with subprocess.Popen(run, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        try:
            yield url
        finally:
            process.terminate()


def screens(url: str, source: str, folder: Path | None) -> Iterator[Screen]:
    """Every page in every theme and width; *source*: that of axe-core; *folder*: for PNG files."""
    from playwright.sync_api import sync_playwright

    base = url.split("/?", 1)[0]
    with sync_playwright() as tool:
        browser = tool.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-background-networking"]
        )
        try:
            for theme in THEMES:
                for width in WIDTHS:
                    context = browser.new_context(
                        color_scheme=theme,  # type: ignore[arg-type]
                        viewport={"width": width, "height": 900},
                    )
                    page = context.new_page()
                    _first(page, url)
                    for name, path in _paths(page, base).items():
                        faults = _faults(page, f"{base}{path}", source, name)
                        if folder is not None:
                            file = folder / f"{name}-{theme}-{width}.png"
                            page.screenshot(path=file, full_page=True)
                        yield Screen(name, theme, width, faults)
                    context.close()
        finally:
            browser.close()


def _first(page: Any, url: str) -> None:
    """The first request gets the cookie; the server may not listen yet."""
    from playwright.sync_api import Error

    for attempt in range(50):
        try:
            page.goto(url)
        except Error:
            if attempt == 49:
                raise
            page.wait_for_timeout(200)
        else:
            return


def _paths(page: Any, base: str) -> dict[str, str]:
    """PAGES with the paths of the first links."""
    found = {}
    for kind, start in (("reply", "/replies"), ("address", "/suppressions")):
        page.goto(f"{base}{start}")
        found[kind] = page.locator("tbody th a").first.get_attribute("href")
    return {name: path.format(**found) for name, path in PAGES.items()}


def _faults(page: Any, url: str, source: str, name: str) -> list[str]:
    """What is wrong with a page."""
    console: list[str] = []
    listen = lambda message: console.append(f"console: {message.text}")  # noqa: E731
    page.on("console", listen)
    page.goto(url)
    page.remove_listener("console", listen)
    if name == "missing":  # (the browser itself notes the status 404)
        console = [line for line in console if "404" not in line]
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    page.evaluate(source)
    results = page.evaluate("axe.run().then(found => found.violations)")
    return [
        *console,
        *([f"{wide} px wider than the window"] if wide > 0 else []),
        *(f"not reached by keyboard: {each}" for each in page.evaluate(_REACHED)),
        *(f"axe {v['id']}: {v['nodes'][0]['html'][:120]} ({len(v['nodes'])})" for v in results),
    ]


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("folder", nargs="?", type=Path, default=ROOT / "build" / "screens")
    folder = args.parse_args().folder
    if problem := missing():
        sys.exit(problem)
    from bench.world.shown import fill

    folder.mkdir(parents=True, exist_ok=True)
    faults = 0
    with tempfile.TemporaryDirectory() as name, dashboard(fill(Path(name))) as url:
        for screen in screens(url, axe(folder), folder):
            for fault in screen.faults:
                faults += 1
                print(f"{screen.name} {screen.theme} {screen.width}: {fault}")
    print(f"{len(list(folder.glob('*.png')))} screenshots in {folder}, {faults} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
