"""`clean` writes the list as it was, without the rows that must not be mailed, or nothing."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from support.cli import bouncewise

pytestmark = pytest.mark.sqlite  # (the ledger matters little here)

DEAD = "dead@x.example"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ledger")
    assert not bouncewise(folder, "suppressions", "add", DEAD, "--why", "x", "--db", "l").returncode
    return folder / "l"


def clean(folder: Path, ledger: Path, data: bytes, *args: object) -> tuple[int, bytes, str]:
    """Exit code, what is in out.csv (b"" if it is not there), and standard error."""
    (folder / "in.csv").write_bytes(data)
    done = bouncewise(folder, "clean", "in.csv", "-o", "out.csv", "--db", ledger, *args)
    out = folder / "out.csv"
    return done.returncode, out.read_bytes() if out.exists() else b"", done.stderr.decode()


UTF16_LE, UTF16_BE = b"\xff\xfe", b"\xfe\xff"
LISTS = {
    "plain": (b"email,n\na@x.example,1\n%b,2\nb@x.example,3\n", "utf-8", b""),
    "windows": (b"email;n\r\na@x.example;1\r\n%b;2\r\nb@x.example;3\r\n", "utf-8", b""),
    "old mac": (b"email,n\ra@x.example,1\r%b,2\rb@x.example,3\r", "utf-8", b""),
    "tabs": (b"n\tE-Mail\n1\ta@x.example\n2\t%b\n3\tb@x.example\n", "utf-8", b""),
    "quotes kept": (b'"email","n"\n"a@x.example","1"\n"%b","2"\nb@x.example,3\n', "utf-8", b""),
    "lines in a cell": (b'email,n\na@x.example,"1\n""x"" of y"\n%b,"2\n2"\n', "utf-8", b""),
    "no header": (b"1,a@x.example\n2,%b\n3,b@x.example", "utf-8", b""),
    "byte order mark": (b"email,n\na@x.example,\xc3\xa9\n%b,2\n", "utf-8", b"\xef\xbb\xbf"),
    "utf-16-le": (b"email,n\r\na@x.example,1\r\n%b,2\r\n", "utf-16-le", UTF16_LE),
    "utf-16-be": (b"email,n\na@x.example,1\n%b,2\n", "utf-16-be", UTF16_BE),
    "cp1252": (b"email,n\na@x.example,J\xfcrgen \x80\n%b,2\n", "cp1252", b""),
    "mixed octets": (b"email,n\na@x.example,\x81\xff\xfe\n%b,2\n", "latin-1", b""),
    "hint of excel": (b"sep=;\nemail;n\na@x.example;1,5\n%b;2\n", "utf-8", b""),
    "at in the header": (b"E-Mail @work,email\nx,a@x.example\ny,%b\n", "utf-8", b""),
    "address in the header": (b"email,ask me@x.example\na@x.example,1\n%b,2\n", "utf-8", b""),
    "delimiter in a quoted name": (
        (b'"Last, first, title";email\nx;a@x.example\ny;%b\n'),
        "utf-8",
        b"",
    ),
    "formulas stay": (b"email,n\na@x.example,=1+1\n%b,2\n", "utf-8", b""),
}


@pytest.mark.parametrize("name", LISTS)
def test_kept_rows_are_what_they_were(tmp_path: Path, ledger: Path, name: str) -> None:
    template, encoding, mark = LISTS[name]
    text = (template % DEAD.encode()).decode(encoding if "16" not in encoding else "utf-8")
    lines = text.splitlines(keepends=True)
    start = next(i for i, line in enumerate(lines) if DEAD in line)
    end = start + (2 if name == "lines in a cell" else 1)
    kept = "".join(lines[:start] + lines[end:])
    code, out, err = clean(tmp_path, ledger, mark + text.encode(encoding))
    assert (code, out) == (0, mark + kept.encode(encoding)), err
    done = bouncewise(tmp_path, "clean", "in.csv", "-o", "-", "--db", ledger)
    assert done.stdout == out


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (f'email,n\na@x.example,"A\n{DEAD},K\nb@x.example,B\n', 2),
        (f'email,n\na@x.example,"A\n{DEAD},K\nb@x.example,"B"\n', 2),
        (f'email,n\na@x.example,"A\n{DEAD},K"\nb@x.example,B\n', 2),
        (f'email,n\na@x.example,"A\n{DEAD},""\nb@x.example,"B\n', 2),
        (f'email\n"a@x.example\n{DEAD}\nb@x.example"\n', 2),
        (f'n,email\n1,a@x.example\n2,"b@x.example\n3,{DEAD}\n', 3),
        (f'email,n\na@x.example,"{"x" * (1 << 20)}x"\n{DEAD},1\n', 2),
        (f'email,n\na@x.example,"A"B\n{DEAD},1\n', 2),
        (f'email,n\r\na@x.example,"A\r\n{DEAD},K\r\n' + "b@x.example,B\r\n" * 99_999, 2),
    ],
    ids=[
        "to the end",
        "closed later",
        "closed in the row",
        "escaped",
        "one column",
        "address",
        "long cell",
        "text behind",
        "large",
    ],
)
def test_list_that_cannot_be_read_is_refused_with_the_line(
    tmp_path: Path, ledger: Path, data: str, line: int
) -> None:
    code, out, err = clean(tmp_path, ledger, data.encode(), "--rejected", "no.csv")
    assert (code, out) == (2, b"")
    assert f"in.csv, line {line}: " in err
    assert err.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["in.csv"]


ADVICE = (
    "save it as CSV",
    "save the sheet as CSV",
    "decompress it first",
    "export the list as CSV",
)
"""What to do with a file that is no table."""


@pytest.mark.parametrize(
    "start", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b'{"a@x.example":1}', b"[\n"]
)
def test_what_is_no_csv_is_named(tmp_path: Path, ledger: Path, start: bytes) -> None:
    code, out, err = clean(tmp_path, ledger, start + b"\0\1\2 rest")
    assert (code, out) == (2, b"")
    assert any(advice in err for advice in ADVICE)


def test_private_list_stays_private(tmp_path: Path, ledger: Path) -> None:
    (tmp_path / "out.csv").write_text("old")
    (tmp_path / "out.csv").chmod(0o600)
    code, out, _ = clean(tmp_path, ledger, b"email\na@x.example\n")
    assert (code, out) == (0, b"email\na@x.example\n")
    assert stat.S_IMODE((tmp_path / "out.csv").stat().st_mode) == 0o600


@pytest.mark.parametrize("rejected", ["out.csv", "./out.csv", "in.csv", "/dev/stdout", "link.csv"])
def test_rejected_rows_need_a_file_of_their_own(
    tmp_path: Path, ledger: Path, rejected: str
) -> None:
    (tmp_path / "in.csv").write_text("email\na@x.example\n")
    (tmp_path / "link.csv").symlink_to("out.csv")
    output = "-" if rejected == "/dev/stdout" else "out.csv"
    done = bouncewise(
        tmp_path, "clean", "in.csv", "-o", output, "--rejected", rejected, "--db", ledger
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"same file" in done.stderr
    assert not (tmp_path / "out.csv").exists()
    assert (tmp_path / "in.csv").read_text() == "email\na@x.example\n"


def test_ledger_is_not_overwritten(tmp_path: Path, ledger: Path) -> None:
    before = ledger.read_bytes()
    (tmp_path / "in.csv").write_text("email\na@x.example\n")
    done = bouncewise(tmp_path, "clean", "in.csv", "-o", ledger, "--db", ledger)
    assert done.returncode == 2
    assert ledger.read_bytes() == before


@pytest.mark.parametrize("target", ["/dev/full", "missing/out.csv", "."])
def test_output_that_cannot_be_written_is_one_line(
    tmp_path: Path, ledger: Path, target: str
) -> None:
    (tmp_path / "in.csv").write_text("email\na@x.example\n")
    done = bouncewise(tmp_path, "clean", "in.csv", "-o", target, "--db", ledger)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert target.encode() in done.stderr


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Name;Adresse", "A;%s"),
        ("Name,Address,Work e-mail", "A,Main St 1,%s"),
        ("To,Mail", "friend,%s"),
        ("Kontakt,Ort", "A <%s>,Bonn"),
        ("courriel,nom", "%s,A"),
        ("Email Opt In,Contact Email Address", "yes,%s"),
        ("email,email", "%s,"),
        ("Email 1,Email 2", ",%s"),
        ('"Email"\tn', "%s\t1"),
        ("  E-MAIL ,n", "%s,1"),
        ("address,recipient", "Main St 1,%s"),
    ],
)
def test_column_of_addresses_is_found_by_name_and_content(
    tmp_path: Path, ledger: Path, header: str, row: str
) -> None:
    kept = f"{header}\n{row % 'a@x.example'}\n"
    code, out, err = clean(tmp_path, ledger, f"{kept}{row % DEAD}\n".encode())
    assert (code, out.decode()) == (0, kept), err


@pytest.mark.parametrize(
    "data",
    [
        f"email,email\na@x.example,{DEAD}\n",
        f"Email 1,Email 2\na@x.example,{DEAD}\n",
        f"a@x.example;{DEAD}\n",
        f"email\na@x.example,{DEAD}\n",
        f"email,n\na@x.example,1,{DEAD}\n",
        f"Kontakt,Ersatz\na@x.example,{DEAD}\n",
        "2026-03-03 mx postfix/smtp[1]: Q1: to=<a@x.example>, relay=mx, status=sent\n",
        "please mail a@x.example and b@x.example\n",
        "n\nx\n",
    ],
)
def test_list_whose_addresses_are_not_certain_is_refused(
    tmp_path: Path, ledger: Path, data: str
) -> None:
    code, out, err = clean(tmp_path, ledger, data.encode())
    assert (code, out) == (2, b"")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "start",
    [
        b"\xef\xbb\xbf[1]",
        b" \n{}",
        b"BZh9",
        b"\xfd7zXZ\0",
        b"%PDF-1.4",
        b"<html>",
        b"SQLite format 3\0",
        '\ufeff{"a":1}'.encode("utf-16-le"),
    ],
)
def test_other_formats_are_named(tmp_path: Path, ledger: Path, start: bytes) -> None:
    code, out, err = clean(tmp_path, ledger, start + b"\na@x.example\n")
    assert (code, out) == (2, b"")
    assert any(advice in err for advice in ADVICE)


def test_addresses_in_angle_brackets_are_no_html(tmp_path: Path, ledger: Path) -> None:
    data = f"<a@x.example>\n<{DEAD}>\n".encode()
    assert clean(tmp_path, ledger, data)[:2] == (0, b"<a@x.example>\n")
