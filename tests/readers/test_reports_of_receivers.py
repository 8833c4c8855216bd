"""DMARC aggregate reports and SMTP TLS reports in files, archives and mail; damaged; hostile."""

from __future__ import annotations

import base64
import gzip
import io
import json
import subprocess
import sys
import time
import zipfile
import zlib
from pathlib import Path

import pytest

from bouncewise.intake import files
from bouncewise.model import DmarcReport, TlsReport
from bouncewise.readers import Note
from bouncewise.readers.base import Item
from support.reports import REPORT, TLS

XML = REPORT.encode()


def read(tmp_path: Path, octets: bytes, name: str = "report") -> list[Item]:
    (tmp_path / name).write_bytes(octets)
    return list(files.read(str(tmp_path / name)))


def only(items: list[Item]) -> DmarcReport:
    [report] = items
    assert isinstance(report, DmarcReport)
    return report


def zipped(*documents: bytes, folder: str = "") -> bytes:
    octets = io.BytesIO()
    with zipfile.ZipFile(octets, "w", zipfile.ZIP_DEFLATED) as archive:
        if folder:
            archive.writestr(f"{folder}/._0.xml", b"\0\5\x16\7")
        for number, document in enumerate(documents):
            archive.writestr(f"{number}.xml", document)
    return octets.getvalue()


def mailed(octets: bytes, content_type: str) -> bytes:
    encoded = base64.encodebytes(octets)
    return (
        b"From: dmarc@there.example\nTo: reports@example.com\nSubject: Report domain: example.com\n"
        b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
        b"Content-Type: text/plain\n\nThis is a report.\n--b\nContent-Type: "
        + content_type.encode()
        + b"\nContent-Transfer-Encoding: base64\n\n"
        + encoded
        + b"\n--b--\n"
    )


def test_a_report_has_its_period_policy_and_rows(tmp_path: Path) -> None:
    report = only(read(tmp_path, XML))
    assert (report.reporter, report.report_id, report.domain) == (
        "there.example",
        "r1",
        "example.com",
    )
    assert (report.policy.p, report.policy.sp, report.begin.day) == ("none", "reject", 22)
    first, second = report.rows
    assert (first.source_ip, first.count, first.dkim, first.spf) == ("192.0.2.1", 7, "pass", "fail")
    assert (first.header_from, first.envelope_from) == ("example.com", "")
    assert [(r.domain, r.selector, r.result) for r in first.dkim_results] == [
        ("example.com", "s1", "pass")
    ]
    assert first.reasons == ("mailing_list",) and second.source_ip == "2001:db8::1"


@pytest.mark.parametrize(
    "octets",
    [
        gzip.compress(XML),
        zipped(XML),
        zipped(XML, folder="__MACOSX"),
        b"\xef\xbb\xbf" + XML,
        REPORT.replace("UTF-8", "UTF-16").encode("utf-16"),
        b"\n  " + XML,
        XML.replace(b"<feedback>", b'<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">'),
        XML.replace(b"<feedback>", b"<d:feedback xmlns:d='urn:x'>").replace(
            b"</feedback>", b"</d:feedback>"
        ),
        mailed(XML, "application/xml"),
        mailed(gzip.compress(XML), "application/gzip"),
        mailed(gzip.compress(XML), "application/octet-stream"),
        mailed(zipped(XML), "application/gzip"),
        mailed(XML, "text/xml"),
    ],
    ids=[
        *("gzip", "zip", "zip of a Mac", "byte order mark", "UTF-16", "blanks", "namespace"),
        *("prefix", "mail", "mail gzip", "mail octets", "mail wrong type", "mail text"),
    ],
)
def test_a_report_is_read_in_every_form(tmp_path: Path, octets: bytes) -> None:
    assert len(only(read(tmp_path, octets)).rows) == 2


@pytest.mark.parametrize("word", ["pass", "Pass", "none", "", "delivered"])
def test_any_disposition_is_kept_as_it_is_written(tmp_path: Path, word: str) -> None:
    changed = f"<disposition>{word}</disposition>".encode()
    report = only(read(tmp_path, XML.replace(b"<disposition>none</disposition>", changed)))
    assert [row.disposition for row in report.rows] == [word.lower()] * 2
    assert [row.count for row in report.rows] == [7, 1]


def test_an_archive_may_hold_several_reports(tmp_path: Path) -> None:
    others = [XML.replace(b"r1", f"r{n}".encode()) for n in range(3)]
    for octets in (zipped(*others), mailed(zipped(*others), "application/zip")):
        found = [item for item in read(tmp_path, octets) if isinstance(item, DmarcReport)]
        assert [report.report_id for report in found] == ["r0", "r1", "r2"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"there.example</org_name>", b"AT&T</org_name>"),
        (b"there.example</org_name>", b"\xfc\x0b</org_name>"),
        (b"<email>dmarc@there.example</email>", b"<email><dmarc@there.example></email>"),
        (b"<feedback>", b"<xs:schema xmlns:xs='urn:x'><feedback>"),
    ],
)
def test_what_is_not_well_formed_is_repaired(tmp_path: Path, old: bytes, new: bytes) -> None:
    items = read(tmp_path, XML.replace(old, new))
    [report] = [item for item in items if isinstance(item, DmarcReport)]
    assert len(report.rows) == 2
    assert [item for item in items if isinstance(item, Note)]


def test_the_records_before_a_cut_are_kept_with_a_note(tmp_path: Path) -> None:
    note, report = read(tmp_path, XML[:-150])
    assert isinstance(note, Note) and note.ends_early
    assert isinstance(report, DmarcReport) and len(report.rows) == 1


@pytest.mark.parametrize("count", ["-1", "9" * 23, "", "x"])
def test_a_count_that_is_none_refuses_its_record_alone(tmp_path: Path, count: str) -> None:
    note, report = read(tmp_path, XML.replace(b"<count>7", f"<count>{count}".encode()))
    assert isinstance(note, Note) and "count: 1" in note.text
    assert isinstance(report, DmarcReport) and [row.count for row in report.rows] == [1]


LAUGHS = b"<!DOCTYPE f [<!ENTITY a 'ha'>%s]>" % b"".join(
    b"<!ENTITY %c '%s'>" % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
)
HOSTILE = {
    "laughs": XML.replace(b"<feedback>", LAUGHS + b"<feedback>").replace(b"r1", b"&j;"),
    "entity": XML.replace(
        b"<feedback>", b"<!DOCTYPE f [<!ENTITY x SYSTEM 'file:///etc/hostname'>]><feedback>"
    ).replace(b"r1", b"&x;"),
    "deep": XML.replace(b"<org_name>", b"<a>" * 200_000),
    "tag": XML.replace(b"<feedback>", b"<feedback a='" + b"g" * 20_000_000 + b"'>"),
    "bomb": gzip.compress(XML.replace(b"r1", b"g" * 200_000_000)),
    "zip bomb": zipped(XML.replace(b"r1", b"g" * 200_000_000)),
    "mail bomb": mailed(gzip.compress(XML.replace(b"r1", b"g" * 200_000_000)), "application/gzip"),
    "elements": XML.replace(b"<row>", b"<x/>" * 500_000 + b"<row>"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_is_refused_quickly(tmp_path: Path, name: str) -> None:
    began = time.process_time()
    items = read(tmp_path, HOSTILE[name])
    assert time.process_time() - began < 4
    assert [item for item in items if isinstance(item, Note)]
    assert not [r for r in items if isinstance(r, DmarcReport) and len(r.rows) > 1]


_MEASURE = """
import resource, sys, time
from bouncewise.intake import files
from bouncewise.readers import Note
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
list(files.read(sys.argv[1]))
small, began = peak(), time.process_time()
assert any(isinstance(item, Note) for item in files.read(sys.argv[2]))
print(time.process_time() - began, peak() - small)
"""


@pytest.mark.parametrize("name", ["bomb", "laughs"])
def test_a_bomb_of_a_gibibyte_and_entities_in_entities_cost_little(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "small").write_bytes(XML)
    if name == "laughs":
        (tmp_path / name).write_bytes(HOSTILE[name])
    else:
        packer = zlib.compressobj(1, wbits=31)
        before, after = XML.split(b"r1")
        with (tmp_path / name).open("wb") as file:
            file.write(packer.compress(before))
            for _ in range(1 << 10):
                file.write(packer.compress(b"g" * (1 << 20)))
            file.write(packer.compress(after) + packer.flush())
    paths = [str(tmp_path / "small"), str(tmp_path / name)]
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, *paths], capture_output=True, text=True, check=True
    )
    seconds, mebibytes = done.stdout.split()
    assert float(seconds) < 4  # (alone: 0.15 s and 0.3 ms)
    assert int(mebibytes) < 100


@pytest.mark.parametrize("form", ["plain", "gzip", "mail"])
def test_a_tls_report_is_read(tmp_path: Path, form: str) -> None:
    octets = json.dumps(TLS).encode()
    packed = {
        "plain": octets,
        "gzip": gzip.compress(octets),
        "mail": mailed(gzip.compress(octets), "application/tlsrpt+gzip"),
    }
    [report] = read(tmp_path, packed[form])
    assert isinstance(report, TlsReport)
    assert (report.domain, report.policy, report.sessions, report.failed) == (
        "example.com",
        "sts",
        100,
        10,
    )
    [failure] = report.failures
    assert (failure.result, failure.mx, failure.count) == (
        "certificate-expired",
        "mx.example.com",
        10,
    )


@pytest.mark.parametrize("change", [{"policies": 1}, {"date-range": []}, {"date-range": None}])
def test_what_is_no_tls_report_gives_a_note(tmp_path: Path, change: dict[str, object]) -> None:
    [note] = read(tmp_path, json.dumps(TLS | change).encode())
    assert isinstance(note, Note)
