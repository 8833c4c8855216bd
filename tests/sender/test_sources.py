"""The class of mail in DMARC reports, by the results of SPF and DKIM."""

from __future__ import annotations

import pytest

from bouncewise.model.sender_report import AuthResult
from bouncewise.sender.sources import SourceClass, class_of, passes_dmarc

OURS, ESP = "shop.example", "esp.example"


@pytest.mark.parametrize(
    ("dkim", "spf", "signed", "mailed", "reasons", "want"),
    [
        ("pass", "pass", [(OURS, "pass")], [(OURS, "pass")], (), SourceClass.OWN),
        ("fail", "pass", [], [(f"b.{OURS}", "pass")], (), SourceClass.OWN),
        ("pass", "fail", [(OURS, "pass")], [(ESP, "pass")], (), SourceClass.OWN),
        (
            "pass",
            "fail",
            [(OURS, "pass")],
            [("f.example", "softfail")],
            (),
            SourceClass.FORWARDED,
        ),
        ("fail", "fail", [(OURS, "fail")], [("list.example", "pass")], (), SourceClass.MODIFIED),
        ("fail", "fail", [], [("list.example", "pass")], ("mailing_list",), SourceClass.MODIFIED),
        ("fail", "fail", [(ESP, "pass")], [(ESP, "pass")], (), SourceClass.UNALIGNED),
        ("fail", "fail", [], [("evil.example", "pass")], (), SourceClass.UNALIGNED),
        ("fail", "fail", [], [(OURS, "fail")], (), SourceClass.FAILING),
        ("fail", "fail", [], [], ("local_policy",), SourceClass.FAILING),
        ("", "", [], [], (), SourceClass.FAILING),
    ],
)
def test_the_results_decide_the_class(
    dkim: str,
    spf: str,
    signed: list[tuple[str, str]],
    mailed: list[tuple[str, str]],
    reasons: tuple[str, ...],
    want: SourceClass,
) -> None:
    dkim_results = tuple(AuthResult(*row) for row in signed)
    spf_results = tuple(AuthResult(*row) for row in mailed)
    assert class_of(dkim, spf, dkim_results, spf_results, reasons, OURS) is want


@pytest.mark.parametrize(
    ("dkim", "spf", "want"),
    [("pass", "fail", True), ("fail", "pass", True), ("fail", "fail", False), ("", "", False)],
)
def test_dmarc_passes_where_one_aligned_result_does(dkim: str, spf: str, want: bool) -> None:
    assert passes_dmarc(dkim, spf) is want
