"""Addresses in replies: what is masked, and that positions are kept where that is asked for."""

from __future__ import annotations

import pytest

from bouncewise.classifier.classify import classify
from bouncewise.text.mask import PLACEHOLDER, mask, mask_same_length

IPV6 = [
    "2001:db8::550",
    "2a01:111:f200:2004::240",
    "2001:db8:0:0:0:0:0:1",
    "2001:DB8:85A3:8D3:1319:8A2E:370:7348",
    "fe80::1",
    "fd12:3456:789a::1:2:3:4",
]


@pytest.mark.parametrize("ip", IPV6)
def test_ipv6_addresses_are_masked(ip: str) -> None:
    for text in ("550 [{}] blocked", "550 [IPv6:{}] blocked", "550 client {}: blocked"):
        assert mask(text.format(ip)) == text.format(PLACEHOLDER)
        same = mask_same_length(text.format(ip))
        assert len(same) == len(text.format(ip))
        assert same.endswith(" blocked")


@pytest.mark.parametrize(
    "text",
    [
        "10:11:12",
        "std::string 550",
        "error::550 no",
        "a:b:c:d:e:f:0:1",
        "::1",
        "2001:db8::",
        "12::5",
    ],
)
def test_what_is_no_ipv6_address(text: str) -> None:
    assert mask(text) == text


def test_an_address_is_no_reply_code() -> None:
    assert classify("blocked: 2001:db8::550 is listed").reply_code is None
    assert mask("2001:0::@") == "2001:0::@"
