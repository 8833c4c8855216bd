"""Files are written completely or not at all, and never over what is no file."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from bouncewise.errors import InputError, OutputError
from bouncewise.output import open_output, require_distinct

pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX files")


def write(path: Path, text: str = "new\n") -> None:
    with open_output(path) as target:
        target.write(text)


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_new_file_gets_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write(tmp_path / "a")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_replaced_file_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "a"
    file.write_text("old")
    file.chmod(mode)
    write(file)
    assert file.read_text() == "new\n"
    assert stat.S_IMODE(file.stat().st_mode) == mode


def test_file_is_private_while_a_private_file_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("old")
    file.chmod(0o600)
    with open_output(file) as target:
        target.write("new")
        (other,) = [p for p in tmp_path.iterdir() if p != file]
        assert stat.S_IMODE(other.stat().st_mode) == 0o600
        assert file.read_text() == "old"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_replaced_file_keeps_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("old")
    os.chown(file, 12345, 23456)
    write(file)
    assert (file.stat().st_uid, file.stat().st_gid) == (12345, 23456)


@pytest.mark.parametrize("links", [1, 3])
def test_symlink_stays_and_its_target_is_replaced(tmp_path: Path, links: int) -> None:
    real = tmp_path / "deep" / "real"
    real.parent.mkdir()
    real.write_text("old")
    here = tmp_path / "l0"
    here.symlink_to("deep/real")
    for i in range(1, links):
        there = tmp_path / f"l{i}"
        there.symlink_to(here.name)
        here = there
    write(here)
    assert here.is_symlink()
    assert real.read_text() == "new\n"
    assert names(real.parent) == ["real"]


def test_dangling_symlink_creates_its_target(tmp_path: Path) -> None:
    (tmp_path / "l").symlink_to("new")
    write(tmp_path / "l")
    assert (tmp_path / "l").is_symlink()
    assert (tmp_path / "new").read_text() == "new\n"


def test_fifo_is_written_into(tmp_path: Path) -> None:
    fifo = tmp_path / "f"
    os.mkfifo(fifo)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(fifo.read_text()))
    reader.start()
    write(fifo)
    reader.join(10)
    assert got == ["new\n"]
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_device_is_written_into(tmp_path: Path) -> None:
    (tmp_path / "null").symlink_to("/dev/null")
    write(tmp_path / "null")
    write(Path("/dev/null"))
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert names(tmp_path) == ["null"]


@pytest.mark.parametrize("form", ["/dev/fd/{}", "/proc/self/fd/{}", "/proc/{pid}/fd/{}"])
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc")
def test_descriptor_is_written_where_it_stands(tmp_path: Path, form: str) -> None:
    file = tmp_path / "a"
    with file.open("wb") as open_file:
        os.write(open_file.fileno(), b"before\n")
        write(Path(form.format(open_file.fileno(), pid=os.getpid())))
        os.write(open_file.fileno(), b"after\n")
    assert file.read_text() == "before\nnew\nafter\n"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit, GeneratorExit])
@pytest.mark.parametrize("old", ["old", None])
def test_failure_leaves_what_was_there_and_no_temporary_file(
    tmp_path: Path, error: type[BaseException], old: str | None
) -> None:
    file = tmp_path / "a"
    if old is not None:
        file.write_text(old)
    with pytest.raises(error), open_output(file) as target:
        target.write("x" * 100_000)
        raise error
    assert names(tmp_path) == (["a"] if old else [])
    assert old is None or file.read_text() == old


def test_full_device_is_one_line() -> None:
    with pytest.raises(OutputError, match=r"\A/dev/full: cannot be written: No space left[^\n]*\Z"):
        write(Path("/dev/full"), "x" * 1_000_000)
    with pytest.raises(OutputError):  # noticed only when the buffer is written at the end
        write(Path("/dev/full"), "x")


@pytest.mark.parametrize("name", ["folder", "missing/file", "file/below", "loop"])
def test_what_cannot_be_written_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OutputError, match=name) as caught:
        write(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == ["file", "folder", "loop"]


def test_character_that_the_encoding_lacks_leaves_no_partial_file(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError), open_output(tmp_path / "a", encoding="cp1252") as t:
        t.write("fine, then \u4e2d")
    assert names(tmp_path) == []


def alias(folder: Path, kind: str) -> Path:
    file = folder / "a.csv"
    if kind == "symlink":
        (folder / "b.csv").symlink_to("a.csv")
        return folder / "b.csv"
    if kind == "hard link":
        (folder / "b.csv").hardlink_to(file)
        return folder / "b.csv"
    if kind == "folder link":
        (folder / "d").symlink_to(".")
        return folder / "d" / "a.csv"
    return folder / ".." / folder.name / "a.csv" if kind == "dots" else file


@pytest.mark.parametrize("kind", ["same", "symlink", "hard link", "folder link", "dots"])
def test_one_file_for_two_purposes_is_refused(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text("old")
    other = alias(tmp_path, kind)
    with pytest.raises(InputError, match="same file"):
        require_distinct({"--output": file, "--rejected": other}, {})
    with pytest.raises(InputError, match="same file"):
        require_distinct({"--output": other}, {"the list": file})


def test_one_new_file_for_two_purposes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d").symlink_to(".")
    outputs = {"--output": tmp_path / "x", "--rejected": tmp_path / "d" / "x"}
    with pytest.raises(InputError, match="same file"):
        require_distinct(outputs, {})


def test_null_device_may_take_everything(tmp_path: Path) -> None:
    (tmp_path / "n").symlink_to("/dev/null")
    outputs = {"--output": Path("/dev/null"), "--rejected": tmp_path / "n"}
    require_distinct(outputs, {"the list": Path("/dev/null")})
