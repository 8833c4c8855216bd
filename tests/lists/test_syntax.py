"""What is taken for an address at first sight is one for the library as well."""

from __future__ import annotations

import email_validator
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bouncewise.lists import syntax
from bouncewise.lists.syntax import syntax_error

PARTS = (
    "a",
    "Z9",
    "-",
    "_",
    "+",
    ".",
    "..",
    "@",
    "xn--",
    "a--b",
    "example",
    ".com",
    ".org",
    ".local",
    ".test",
    ".c",
    "é",
    " ",
    "'",
    '"',
    "x" * 60,
    "\n",
)


def in_the_library(address: str) -> bool:
    try:
        email_validator.validate_email(
            address, check_deliverability=False, allow_quoted_local=True, test_environment=True
        )
    except email_validator.EmailNotValidError:
        return False
    return True


@settings(max_examples=2000)
@given(
    st.lists(st.sampled_from(PARTS), min_size=1, max_size=12).map("".join),
    st.sampled_from(["", "@b.com", ".com"]),
)
def test_first_sight_is_never_wrong(text: str, tail: str) -> None:
    assert (syntax_error(text + tail) is None) == in_the_library(text + tail)


@pytest.mark.parametrize(
    "plain",
    [
        "jo@b.example",
        "Jo.New_2+x-y@mail.b-2.co.uk",
        "a@b.museum",
        f"{'a' * 64}@b.org",
        f"a@{'b' * 63}.org",
    ],
)
def test_ordinary_addresses_are_seen_at_once(plain: str) -> None:
    assert syntax._PLAIN.fullmatch(plain)
    assert in_the_library(plain)


@pytest.mark.parametrize(
    "bad", ["jo@b.local", "jo@b", "jo@@b.com", "jo.@b.com", "@b.com", "a@-b.com", "a@b.com\n", ""]
)
def test_what_is_no_address(bad: str) -> None:
    assert syntax_error(bad)
