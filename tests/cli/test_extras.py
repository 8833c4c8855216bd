"""A verb whose libraries are not installed says which extra it needs, in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_MAIN = """
import sys
for name in sys.argv.pop(1).split(","):
    sys.modules[name] = None  # as if it were not installed
from bouncewise.cli import main
main()
"""
BOUNCEWISE_TOML = "[own]\ndomains = ['shop.example']\n"


@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [
        ("polars", ["batch", "list.csv", "-o", "out"], "scale"),
        ("pyarrow", ["batch", "list.csv", "-o", "out"], "scale"),
        ("starlette,uvicorn", ["serve"], "service"),
        ("prometheus_client", ["serve"], "service"),
        ("jinja2", ["dashboard"], "service"),
        ("dns,dns.resolver", ["diagnose", "--dns", "x.example"], "sender"),
        ("dns,dns.resolver", ["sender", "x.example"], "sender"),
        ("dns,dns.resolver", ["blocklists", "192.0.2.1"], "sender"),
        ("dns,dns.resolver", ["watch"], "sender"),
        ("dns,dns.zone", ["sender", "x.example", "--zone", "list.csv"], "sender"),
    ],
)
def test_a_missing_extra_is_named(
    missing: str, arguments: list[str], extra: str, tmp_path: Path
) -> None:
    (tmp_path / "list.csv").write_text("reply\n550 5.1.1 User unknown\n")
    (tmp_path / "bouncewise.toml").write_text(f"{BOUNCEWISE_TOML}[defaults]\ndb = 'l'\n")
    add = ["suppressions", "add", "@gone.example", "--why", "x"]
    for command in (["zzz", *add], [missing, *arguments]):
        done = subprocess.run(
            [sys.executable, "-c", _MAIN, *command], cwd=tmp_path, capture_output=True, text=True
        )
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert f"pip install 'bouncewise[{extra}]'" in done.stderr
