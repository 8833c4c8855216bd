"""Where the service listens."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bouncewise.errors import BouncewiseError
from bouncewise.service.sockets import listening


def test_a_unix_socket_is_made_and_one_of_before_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "policy"
    for _ in range(2):
        with listening(f"unix:{path}"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert path.is_socket()


def test_what_is_no_socket_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "policy"
    path.write_text("mine")
    with pytest.raises(BouncewiseError, match="no socket"):
        listening(f"unix:{path}")
    assert path.read_text() == "mine"
