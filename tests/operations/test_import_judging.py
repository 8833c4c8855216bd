"""What a row of an imported list says is judged: replies outrank labels, blocks are not for ever,
dates are kept or their loss is said, and what is no list is refused with the right advice.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bouncewise.lists.dates import Order, order_of, parse_time
from bouncewise.lists.reasons import is_reply, joined
from support.cli import bouncewise

LOGS = Path(__file__).parents[1] / "fixtures" / "logs"


def imported(folder: Path, data: str | bytes, *args: str) -> tuple[int, dict, str]:
    (folder / "in").write_bytes(data.encode() if isinstance(data, str) else data)
    done = bouncewise(folder, "suppressions", "import", "in", "--json", "--db", "l", *args)
    return done.returncode, json.loads(done.stdout or b"{}"), done.stderr.decode()


def rows(folder: Path) -> list[dict]:
    done = bouncewise(folder, "suppressions", "list", "--json", "--db", "l")
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    "text",
    [
        "550",
        "550 no such user",
        "550-5.1.1 x",
        "5.1.1 x",
        "smtp; 550 x",
        "SMTP;550 x",
        "550: 5.1.1",
    ],
)
def test_text_with_a_code_before_it_is_a_reply(text: str) -> None:
    assert is_reply(text)


@pytest.mark.parametrize(
    "text",
    [
        "Mr. X left the company",
        "a.b@x.example asked by phone",
        "e.g. by phone",
        "1.2.3 release",
        "2026-03-02 asked by phone",
        "550th customer",
        "5.1 percent",
        "5.1.1.1",
        "",
    ],
)
def test_text_with_a_dot_or_a_digit_at_its_beginning_is_no_reply(text: str) -> None:
    assert not is_reply(text)


def test_text_with_a_dot_is_not_classified(tmp_path: Path) -> None:
    data = "email,why\na@x.example,ca. 1 Jahr voll: spam blocked by zen.spamhaus.org\n"
    assert imported(tmp_path, data)[1]["added"] == 1


def test_codes_of_other_columns_are_joined_once() -> None:
    assert joined(["550", "5.1.1"], "user unknown") == "550 5.1.1 user unknown"
    assert joined(["5.1.1", "550"], "user unknown") == "550 5.1.1 user unknown"
    assert joined(["550"], "550 5.1.1 user unknown") == "550 5.1.1 user unknown"
    assert joined(["", "hard"], "user unknown") == "user unknown"


@pytest.mark.parametrize("word", ["dropped", "blocked", "rejected", "Block"])
def test_blocks_suppress_nobody_unless_their_reply_speaks_against_the_address(
    tmp_path: Path, word: str
) -> None:
    data = (
        f"email,event,reason\na@x.example,{word},\n"
        f"b@x.example,{word},550 5.7.1 blocked using zen.spamhaus.org\n"
        f"c@x.example,{word},550 5.1.1 user unknown\n"
    )
    code, done, _ = imported(tmp_path, data)
    assert (code, done["added"], done["skipped"]) == (0, 1, 2)
    assert [r["address"] for r in rows(tmp_path)] == ["c@x.example"]


def test_mail_that_was_dropped_for_a_wish_keeps_the_wish(tmp_path: Path) -> None:
    data = (
        "email,event,reason\na@x.example,dropped,Unsubscribed Address\n"
        "b@x.example,dropped,Spam Reporting Address\nc@x.example,dropped,Bounced Address\n"
    )
    imported(tmp_path, data)
    assert [(r["scope"], r["cause"]) for r in rows(tmp_path)] == [
        ("marketing", None),
        ("marketing", "complaint"),
        ("all", None),
    ]


def test_one_temporary_failure_suppresses_nobody_whatever_the_list_calls_it(tmp_path: Path) -> None:
    data = (
        "email,status,reason\na@x.example,bounced,452 4.2.2 mailbox full\n"
        "b@x.example,bounced,4.2.2 mailbox full\nc@x.example,bounced,550 5.1.1 user unknown\n"
    )
    done = imported(tmp_path, data)[1]
    assert (done["added"], done["skipped"]) == (1, 2)
    assert done["rows"]["bounced mailbox-full skipped"] == 2


def test_the_status_decides_about_a_list_that_is_called_by_its_columns(tmp_path: Path) -> None:
    data = "created,email,reason\n1772442900,a@x.example,unsubscribed\n"
    imported(tmp_path, data)
    assert [r["scope"] for r in rows(tmp_path)] == ["marketing"]


@pytest.mark.parametrize("header", ["email,created", "email,ip,created", "address,created_at"])
def test_a_list_of_addresses_and_times_does_not_say_why(tmp_path: Path, header: str) -> None:
    values = {"ip": "192.0.2.1"}
    cells = [
        values.get(c, "1772442900" if "created" in c else "a@x.example") for c in header.split(",")
    ]
    data = f"{header}\n{','.join(cells)}\n"
    code, _, err = imported(tmp_path, data)
    assert code == 2
    assert "--format" in err
    assert "--scope" in err
    assert imported(tmp_path, data, "--scope", "marketing")[1]["added"] == 1


# ── dates ──────────────────────────────────────────────────────────────────────────────────────

TIMES = {
    "2026-03-04T09:15:00+01:00": "2026-03-04T08:15:00",
    "Wed, 04 Mar 2026 09:15:00 UTC": "2026-03-04T09:15:00",
    "1772615700": "2026-03-04T09:15:00",
    "1772615700.5": "2026-03-04T09:15:00.500000",
    "1772615700123": "2026-03-04T09:15:00.123000",
    "March 4, 2026, 10:15 (UTC+01:00)": "2026-03-04T09:15:00",
    "2026-03-04 09:15:00 UTC": "2026-03-04T09:15:00",
    "04.03.2026": "2026-03-04T00:00:00",
    "03/14/2026 9:15 PM": "2026-03-14T21:15:00",
    "14/03/2026 12:15 am": "2026-03-14T00:15:00",
    "14-03-2026": "2026-03-14T00:00:00",
    "14/03/2026, 22:11:05": "2026-03-14T22:11:05",
    "2026/03/04": "2026-03-04T00:00:00",
    "2026/03/04 09:15:00 PM": "2026-03-04T21:15:00",
    "2026.03.04": "2026-03-04T00:00:00",
    "2026-3-4": "2026-03-04T00:00:00",
    "20260304": "2026-03-04T00:00:00",
    "20260304091500": "2026-03-04T09:15:00",
    "2026年3月4日": "2026-03-04T00:00:00",
    "4 Mar 2026": "2026-03-04T00:00:00",
    "04-Mar-2026 09:15": "2026-03-04T09:15:00",
    "Mar 4, 2026 9:15AM": "2026-03-04T09:15:00",
    "Wednesday, March 4, 2026 9:15 PM": "2026-03-04T21:15:00",
    "Wed Mar  4 09:15:00 2026": "2026-03-04T09:15:00",
    "4. März 2026": "2026-03-04T00:00:00",
    "Mi, 04.03.2026 09:15 Uhr": "2026-03-04T09:15:00",
    "1er mars 2026 à 9h15": "2026-03-01T09:15:00",
    "4 de marzo de 2026": "2026-03-04T00:00:00",
    "2026-03-04 10:15:00 CET": "2026-03-04T09:15:00",
    "2026-03-04 10:15:00.345 +0100": "2026-03-04T09:15:00",
}


@pytest.mark.parametrize("text", TIMES)
def test_time_is_read_as_it_is_meant(text: str) -> None:
    found = parse_time(text)
    assert found is not None
    assert found == datetime.fromisoformat(TIMES[text]).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    (
        "|soon|03/04/2026|03-04-2026|13/14/2026|00/00/2026|04.03.26|4-Mar-26|4 Foo 2026|2026-02-30|"
        "2026-03-04 25:00|2026-03-04 10:15 XYZ|2026/13/04|Wed Wed Wed 4|2026130|2026|45965|1.5|"
        f"{'9' * 99}|{'1' * 50}{' ' * 50}"
    ).split("|"),
)
def test_what_is_no_time_or_could_be_two_is_none(text: str) -> None:
    assert parse_time(text) is None


def test_order_of_day_and_month_is_that_of_the_whole_list() -> None:
    assert order_of(["03/04/2026", "03/14/2026"]) is Order.MONTH
    assert order_of(["03/04/2026", "14/03/2026"]) is Order.DAY
    assert order_of(["14/03/2026", "03/14/2026"]) is None
    assert order_of(["03/04/2026", "14.03.2026", "x"]) is None
    march = parse_time("03/04/2026", Order.MONTH)
    assert march is not None
    assert march.month == 3


def test_dates_of_a_list_are_read_in_its_order(tmp_path: Path) -> None:
    data = "email,status,date\na@x.example,hard,03/04/2026\nb@x.example,hard,03/14/2026 9:00 AM\n"
    assert imported(tmp_path, data)[1]["lost_dates"] == 0
    assert [r["since"] for r in rows(tmp_path)] == ["2026-03-04T00:00:00Z", "2026-03-14T09:00:00Z"]


def test_a_date_that_could_be_two_is_lost_aloud(tmp_path: Path) -> None:
    data = "email,status,date\na@x.example,bounced,03/04/2026\nb@x.example,bounced,05/06/2026\n"
    code, done, err = imported(tmp_path, data)
    assert (code, done["added"], done["lost_dates"]) == (0, 2, 2)
    assert "2 rows with a date" in err
    assert "line 2: the date 03/04/2026 may have the day or the month first" in err
    assert "03/04/2026" in err
    assert imported(tmp_path, data)[1]["known"] == 2


def test_a_date_that_cannot_be_is_lost_aloud(tmp_path: Path) -> None:
    data = "email,status,date\na@x.example,bounced,2999-01-01\nb@x.example,bounced,1969-01-01\n"
    done = imported(tmp_path, data)[1]
    assert (done["added"], done["lost_dates"]) == (2, 2)


def test_an_empty_date_is_not_lost(tmp_path: Path) -> None:
    data = "email,status,date\na@x.example,bounced,\nb@x.example,bounced,0000-00-00 00:00:00\n"
    assert imported(tmp_path, data)[1]["lost_dates"] == 0


# ── what is no list ────────────────────────────────────────────────────────────────────────────


def _tar() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("list.csv"), io.BytesIO())
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        (gzip.compress(b"email\na@x.example\n"), "gunzip"),
        (b"\x28\xb5\x2f\xfd....", "unzstd"),
        (b"BZh9....", "bunzip2"),
        (b"\xfd7zXZ....", "unxz"),
        (b"PK\x03\x04....", "save the sheet as CSV"),
        (b"\xd0\xcf\x11\xe0....", "save it as CSV"),
        (_tar(), "unpack"),
        (b"7z\xbc\xaf\x27\x1c....", "unpack"),
        (b"%PDF-1.7", "export the list"),
    ],
    ids=range(9),
)
def test_a_file_that_is_no_table_is_refused_with_what_to_do(
    tmp_path: Path, data: bytes, advice: str
) -> None:
    code, _, err = imported(tmp_path, data)
    assert code == 2
    assert advice in err
    assert err.count("\n") == 1
    assert rows(tmp_path) == []


@pytest.mark.parametrize(
    "log", [p for p in sorted(LOGS.iterdir()) if p.suffix != ".toml"], ids=lambda p: p.name
)
def test_a_log_is_refused(tmp_path: Path, log: Path) -> None:
    code, _, err = imported(tmp_path, log.read_bytes(), "--scope", "all")
    assert code == 2
    assert "bouncewise ingest" in err
    assert rows(tmp_path) == []


DAMAGED = [
    b"{",
    b"[1, 2]",
    b'{"a": 1}',
    b'{"a": ["a@x.example"], "b": ["b@x.example"]}',
    b"[" * 100_000,
    b'[{"email": "a@x.example"',
    b'[{"x": "a@x.example", "y": "b@x.example"}]',
    b'{"email": "a@x.example"}\n{"email": ',
]


@pytest.mark.parametrize("data", DAMAGED, ids=range(len(DAMAGED)))
def test_json_without_a_list_of_addresses_suppresses_nobody(tmp_path: Path, data: bytes) -> None:
    code, _, err = imported(tmp_path, data)
    assert code in (1, 2)
    assert "Traceback" not in err
    assert len(rows(tmp_path)) == (1 if code == 1 else 0)


@pytest.mark.parametrize("data", ["[]", '{"Suppressions": []}', "email\n"])
def test_a_list_without_entries_changes_nothing(tmp_path: Path, data: str) -> None:
    code, done, err = imported(tmp_path, data)
    assert (code, done["added"], done["id"], err) == (0, 0, None, "")


def test_json_is_read_line_by_line_and_in_other_encodings(tmp_path: Path) -> None:
    lines = (
        '{"email": "a@x.example", "status": "bounced"}\n{"email": "none", "status": "bounced"}\n'
    )
    code, done, err = imported(tmp_path, lines)
    assert (code, done["added"], done["bad"]) == (1, 1, 1)
    assert "line 2: not an address" in err
    whole = '[{"email": "b@x.example", "status": "bounced", "tags": [{"x": [1]}], "n": null}]'
    assert imported(tmp_path, whole.encode("utf-16"))[1]["added"] == 1
    bad = '[{"email": "none", "status": "bounced"}]'
    assert "entry 1: not an address" in imported(tmp_path, bad)[2]


def test_a_preview_by_reason_is_shown_and_needs_no_ledger(tmp_path: Path) -> None:
    data = (
        "email,status,reason\na@x.example,bounced,550 5.1.1 user unknown\n"
        "b@x.example,unsubscribed,\nc@x.example,active,\n"
    )
    (tmp_path / "in").write_text(data)
    done = bouncewise(tmp_path, "suppressions", "import", "in", "--dry-run", "--db", "l")
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0
    assert [line.split() for line in lines[1:4]] == [
        ["1", "bounced", "mailbox-unknown", "all", "mail", "line", "2:", "a@x.example"],
        ["1", "unsubscribed", "marketing", "mail", "line", "3:", "b@x.example"],
        ["1", "deliverable", "not", "imported", "line", "4:", "c@x.example"],
    ]
    assert "2 would be imported" in lines[4]
    assert not (tmp_path / "l").exists()


def test_a_list_is_read_from_standard_input(tmp_path: Path) -> None:
    done = bouncewise(
        tmp_path, "suppressions", "import", "-", "--db", "l", stdin=b"email\na@x.example\n"
    )
    assert (done.returncode, len(rows(tmp_path))) == (0, 1), done.stderr
