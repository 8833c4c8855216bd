"""Files that `batch` cannot read are named in one line and leave nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bouncewise.cli import bouncewise
from bouncewise.errors import InputError

pytest.importorskip("polars")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.csv", b""),
        ("broken.parquet", b"junk"),
        ("cut.parquet", b"PAR1" + bytes(40) + b"PAR1"),
        ("zeros.csv", bytes(2000)),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    args = ["batch", str(tmp_path / name), "-o", str(tmp_path / "out"), "--jobs", "1"]
    done = CliRunner().invoke(bouncewise, args)
    assert isinstance(done.exception, InputError), done.exc_info
    assert name in str(done.exception)
    assert "\n" not in str(done.exception)
    assert list((tmp_path / "out").iterdir()) == []
