"""Where the service listens."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from bouncewise.errors import BouncewiseError
from bouncewise.service import sockets
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


@pytest.mark.parametrize("place", ["127.0.0.1:0", "[::1]:0", "unix:{}/http"])
def test_a_socket_of_systemd_with_that_address_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    with listening(place.format(tmp_path)) as passed, listening("127.0.0.1:0") as other:
        where = sockets._place(passed)
        monkeypatch.setattr(sockets, "FIRST_PASSED", passed.fileno())
        monkeypatch.setenv("LISTEN_FDS", "1")
        monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
        with listening(where) as taken:
            assert os.path.sameopenfile(taken.fileno(), passed.fileno())
            assert taken.fileno() != passed.fileno()
        elsewhere = sockets._place(other)
        with pytest.raises(BouncewiseError, match="cannot listen there"):
            listening(elsewhere)
        monkeypatch.setenv("LISTEN_PID", "1")
        if not where.startswith("unix:"):
            with pytest.raises(BouncewiseError, match="cannot listen there"):
                listening(where)
