"""Lists as people export them: titles above the header, no header, counters, other languages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.cli import bouncewise


def imported(folder: Path, data: str | bytes, *args: str) -> tuple[int, list[str], str]:
    """Exit status, whom the list suppresses for which mail, and standard error."""
    (folder / "in.csv").write_bytes(data if isinstance(data, bytes) else data.encode())
    done = bouncewise(folder, "suppressions", "import", "in.csv", "--db", "l", *args)
    listed = bouncewise(folder, "suppressions", "list", "--json", "--db", "l")
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    names = [f"{row['address'].partition('@')[0]} {row['scope']}" for row in rows]
    return done.returncode, names, done.stderr.decode()


COUNTERS = {
    "ActiveCampaign": "email,bounced_hard,bounced_soft,bounced_date",
    "flags": "Email,Hard bounced,Soft bounced,Bounced at",
    "counts": "email,hard_bounces,soft_bounces,bounced_on",
}


@pytest.mark.parametrize("header", COUNTERS.values(), ids=COUNTERS)
def test_a_date_does_not_make_a_bounce_of_what_a_counter_denies(
    tmp_path: Path, header: str
) -> None:
    data = (
        f"{header}\nnone@x.example,0,0,2026-03-04\nhard@x.example,1,0,2026-03-04\n"
        "soft@x.example,0,3,2026-03-04\nboth@x.example,2,1,2026-03-04\nempty@x.example,,,\n"
    )
    assert imported(tmp_path, data)[:2] == (0, ["both all", "hard all"])


def test_a_date_of_a_bounce_beside_soft_ones_alone_is_that_of_a_soft_one(tmp_path: Path) -> None:
    data = "email,soft_bounces,bounced_at\na@x.example,3,2026-03-04\nb@x.example,0,2026-03-04\n"
    assert imported(tmp_path, data)[:2] == (0, ["b all"])


def test_the_strictest_of_several_status_columns_decides(tmp_path: Path) -> None:
    data = (
        "email,status,event,status\na@x.example,bounced,delivered,\nb@x.example,active,,bounced\n"
        "c@x.example,delivered,complained,active\nd@x.example,active,opened,subscribed\n"
    )
    assert imported(tmp_path, data)[:2] == (0, ["a all", "b all", "c marketing"])


NO_HEADER = {
    "the status first": "bounced,a@x.example\ndelivered,b@x.example\n",
    "a date first": "2026-03-04,a@x.example,bounced\n2026-03-04,b@x.example,delivered\n",
    "a reply last": "1,a@x.example,550 5.1.1 no such user\n2,b@x.example,451 4.7.1 later\n",
    "the status far": "a@x.example,Jo,bounced\nb@x.example,Al,active\n",
}


@pytest.mark.parametrize("data", NO_HEADER.values(), ids=NO_HEADER)
def test_columns_without_a_header_are_known_by_their_content(tmp_path: Path, data: str) -> None:
    assert imported(tmp_path, data)[:2] == (0, ["a all"])


@pytest.mark.parametrize(
    "data", ["1,Jo,a@x.example\n2,Al,b@x.example\n", "a@x.example,2026-03-04\n"]
)
def test_a_list_without_a_header_that_does_not_say_why_is_refused(
    tmp_path: Path, data: str
) -> None:
    code, names, err = imported(tmp_path, data)
    assert (code, names) == (2, [])
    assert "no header, and no column says why" in err
    assert imported(tmp_path, data, "--scope", "all")[0] == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "titles",
    ["", "Suppressions of Acme\n", "Report by jo@acme.example\n\nas of,2026-03-04\n"],
    ids=["none", "one", "three"],
)
def test_lines_above_the_header_are_no_rows(
    tmp_path: Path, titles: str, delimiter: str, encoding: str
) -> None:
    rows = "email,status\n a@x.example ,bounced\nb@x.example,delivered\n".replace(",", delimiter)
    assert imported(tmp_path, f"{titles}{rows}".encode(encoding))[:2] == (0, ["a all"])


def test_lines_above_the_header_stay_where_a_list_is_cleaned(tmp_path: Path) -> None:
    bouncewise(tmp_path, "suppressions", "add", "a@x.example", "--why", "x", "--db", "l")
    (tmp_path / "in.csv").write_text("List of Acme\n\nemail,name\na@x.example,A\nb@x.example,B\n")
    bouncewise(tmp_path, "clean", "in.csv", "-o", "out.csv", "--db", "l")
    assert (tmp_path / "out.csv").read_text() == "List of Acme\n\nemail,name\nb@x.example,B\n"


def test_rows_above_what_looks_like_a_header_are_not_lost(tmp_path: Path) -> None:
    data = "a@x.example,bounced\nemail,bounced\nb@x.example,bounced\n"
    code, names, err = imported(tmp_path, data)
    assert (code, names) == (1, ["a all", "b all"])
    assert "line 2: not an address" in err


def test_a_header_over_two_lines_is_one(tmp_path: Path) -> None:
    data = '"full\nname",email,status\nJo,a@x.example,bounced\n'
    assert imported(tmp_path, data)[:2] == (0, ["a all"])


LANGUAGES = {
    "de": "E-Mail-Adresse;Grund;Datum|Hardbounce|Abgemeldet|Beschwerde|Zugestellt",
    "fr": "Adresse e-mail;Statut;Date|Rebond permanent|Désabonné|Plainte|Livré",
    "es": "Correo electrónico;Estado;Fecha|Rebotado|Dado de baja|Queja|Entregado",
}


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)
def test_lists_in_other_languages_are_read(tmp_path: Path, words: str, form: str) -> None:
    from unicodedata import normalize

    header, *found = words.split("|")
    lines = [
        f"{name}@x.example;{word};14.03.2026" for name, word in zip("abcd", found, strict=True)
    ]
    code, names, err = imported(tmp_path, normalize(form, "\n".join([header, *lines])))
    assert (code, names) == (0, ["a all", "b marketing", "c marketing"]), err
    assert "date" not in err


@pytest.mark.parametrize("value", ["true", "TRUE", "2026-03-04"])
def test_opt_outs_of_hubspot_from_one_type_are_none_from_all(tmp_path: Path, value: str) -> None:
    columns = "Email,Email hard bounce reason,Unsubscribed from all email"
    data = (
        f"{columns},Opted out of email: Newsletter v2.0\na@x.example,,false,{value}\n"
        f"b@x.example,,true,{value}\n"
    )
    code, names, err = imported(tmp_path, data)
    assert (code, names) == (0, ["b marketing"])
    assert "1 row opts out of types of mail" in err
    alone = f"Email,Opted out of email: Newsletter\na@x.example,{value}\n"
    code, _, err = imported(tmp_path, alone)
    assert code == 2
    assert "opt-outs from types of mail" in err


def test_imports_are_listed_with_the_ids_that_undo_takes(tmp_path: Path) -> None:
    verb = ("suppressions", "imports", "--db", "l")
    assert bouncewise(tmp_path, *verb).returncode == 2
    imported(tmp_path, "email\na@x.example\nb@x.example\n")
    imported(tmp_path, "email,status\nc@x.example,bounced\n")
    found = [json.loads(x) for x in bouncewise(tmp_path, *verb, "--json").stdout.splitlines()]
    assert [(x["names"], x["state"], x["file"]) for x in found] == [
        (1, "stands", "in.csv"),
        (2, "stands", "in.csv"),
    ]
    undo = bouncewise(tmp_path, "suppressions", "undo", found[1]["id"], "--db", "l")
    assert undo.returncode == 0
    header, last, first = bouncewise(tmp_path, *verb).stdout.decode().splitlines()
    assert header.split() == ["ID", "when", "names", "state", "file"]
    assert last.split()[0] == str(found[0]["id"])
    assert first.split()[-3:] == ["2", "undone", "in.csv"]


LISTS = {
    "in.csv": "Email address,Reason,Last update time\na@x.example,BOUNCE,2026-03-04\n",
    "in.json": '[{"email": "a@x.example", "reason": "550 5.1.1 no such user", "created": 1}]',
    "plain.txt": "a@x.example\nb@x.example\n",
}


@pytest.mark.parametrize("name", LISTS)
def test_ingest_names_the_verb_that_reads_a_list(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(LISTS[name])
    done = bouncewise(tmp_path, "ingest", name, "--db", "l")
    assert done.returncode == 1
    assert f"{name}: a list of addresses".encode() in done.stderr
    assert b"suppressions import" in done.stderr


def test_what_is_no_list_is_of_unknown_format(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("name,city\nJo,Bern\n")
    assert b"unknown format" in bouncewise(tmp_path, "ingest", "x.csv", "--db", "l").stderr
