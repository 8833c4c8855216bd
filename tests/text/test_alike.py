"""Replies that differ only in addresses, hosts' numbers and ids become one text."""

from __future__ import annotations

import pytest

from bouncewise.text.alike import alike


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("550 5.1.1 <jo@a.example>: User unknown", "550 5.1.1 <…>: User unknown"),
        ("550 5.1.1 jo@a.example unknown", "550 5.1.1 @ unknown"),
        ("weren't sent from [192.0.2.7] (S3140).", "weren't sent from […] (S3140)."),
        ("no such user - gsmtp d2e1a72fcca58-12", "no such user - gsmtp …"),
        ("451 queue 88231 is full", "451 queue … is full"),
        ("too   many\n recipients", "too many recipients"),
        ("", ""),
    ],
)
def test_what_differs_is_left_out(text: str, found: str) -> None:
    assert alike(text) == found
    assert alike(found) == found
