"""Signed return addresses: what we sign comes back as it was, and nothing else is valid."""

from __future__ import annotations

import re
import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bouncewise.config.keys import Keyring
from bouncewise.errors import ConfigError, InputError
from bouncewise.rfc.address import normalise
from bouncewise.verp import MAX_LOCAL_PART, Outcome, address, check, recipient_id, resolve

KEYS = Keyring({"a": b"k" * 32, "b2": b"l" * 32})
OLD, NEW = Keyring({"a": b"k" * 32}), Keyring({"b2": b"l" * 32})
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DOMAIN = "bounces.shop.example"
ATOM = st.text(
    string.ascii_letters + string.digits + "!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=20
)
LABEL = st.from_regex(r"\A[A-Za-z0-9](?:[A-Za-z0-9-]{0,10}[A-Za-z0-9])?\Z")
PLAIN = st.builds(
    lambda atoms, labels: f"{'.'.join(atoms)}@{'.'.join(labels)}",
    st.lists(ATOM, min_size=1, max_size=3),
    st.lists(LABEL, min_size=2, max_size=4),
)
ODD = st.sampled_from(
    [
        '"odd one"@b.example',
        '"a@b"@b.example',
        "josé@b.example",
        "用户@例.example",
        "jo@[192.0.2.1]",
        "a" * 64 + "@" + "long." * 30 + "example",
        "jo@bücher.example",
    ]
)
RECIPIENT = PLAIN | ODD


@given(RECIPIENT)
def test_a_recipient_comes_back_within_64_octets(recipient: str) -> None:
    signed = address(recipient, DOMAIN, KEYS, NOW)
    assert len(signed.rpartition("@")[0].encode()) <= MAX_LOCAL_PART
    assert re.fullmatch(r"[!-~]+", signed)
    checked = check(signed, KEYS, NOW)
    assert checked.outcome is Outcome.VALID
    assert resolve(checked, ["other@b.example", recipient], KEYS) == normalise(recipient)
    assert (checked.issued, checked.key_id) == (NOW.date(), "b2")


@given(RECIPIENT, st.data())
def test_an_address_with_one_other_character_is_not_valid(
    recipient: str, data: st.DataObject
) -> None:
    signed = address(recipient, DOMAIN, KEYS, NOW)
    at = data.draw(st.integers(0, len(signed) - 1))
    other = data.draw(st.characters().filter(lambda c: c.lower() != signed[at]))
    changes = [signed[:at] + other + signed[at + 1 :], signed[:at] + signed[at + 1 :]]
    changes.append(signed[:at] + other + signed[at:])
    for changed in changes:
        if changed != signed:
            assert check(changed, KEYS, NOW).outcome is not Outcome.VALID


def test_letters_that_only_fold_to_ours_are_not_ours() -> None:
    signed = address("kiss@b.example", DOMAIN, KEYS, NOW)
    for odd, plain in (("\u212a", "k"), ("\u017f", "s")):
        assert check(signed.replace(plain, odd, 1), KEYS, NOW).outcome is Outcome.NOT_VERP


@given(RECIPIENT, st.randoms())
def test_the_case_of_letters_does_not_matter(recipient: str, random: object) -> None:
    signed = address(recipient, DOMAIN, KEYS, NOW)
    mixed = "".join(random.choice((c.upper(), c)) for c in signed)  # type: ignore[attr-defined]
    for text in (signed.upper(), mixed):
        assert check(text, KEYS, NOW) == check(signed, KEYS, NOW)


@given(st.text(max_size=400) | st.from_regex(r"\Abounces\+.{0,60}=[a-z2-7]{20}[ab]2?@x\.example\Z"))
def test_what_we_did_not_sign_is_never_valid_and_never_raises(text: str) -> None:
    assert check(text, KEYS, NOW).outcome not in (Outcome.VALID, Outcome.EXPIRED)


def test_a_long_recipient_is_found_among_those_that_may_be_meant() -> None:
    long = "a" * 60 + "@b.example"
    checked = check(address(long, DOMAIN, KEYS, NOW), KEYS, NOW)
    assert (checked.recipient, checked.recipient_id) == (None, recipient_id(long, KEYS))
    assert resolve(checked, ["jo@b.example"], KEYS) is None
    assert resolve(checked, ["jo@b.example", long.upper()], KEYS) == long
    assert resolve(checked, [long], OLD) is None


@pytest.mark.parametrize(
    ("days", "outcome"),
    [
        (0, "valid"),
        (30, "valid"),
        (31, "expired"),
        (3000, "expired"),
        (-1, "valid"),
        (-2, "expired"),
    ],
)
def test_an_address_is_valid_for_its_days(days: int, outcome: str) -> None:
    signed = address("jo@b.example", DOMAIN, KEYS, NOW)
    checked = check(signed, KEYS, NOW + timedelta(days=days))
    assert (checked.outcome, checked.recipient) == (outcome, "jo@b.example")


def test_the_newest_key_signs_and_every_key_verifies() -> None:
    before = address("jo@b.example", DOMAIN, OLD, NOW)
    assert check(before, KEYS, NOW).outcome is Outcome.VALID
    assert check(address("jo@b.example", DOMAIN, KEYS, NOW), KEYS, NOW).key_id == "b2"
    assert check(before, NEW, NOW)[::4] == (Outcome.UNKNOWN_KEY, "a")
    assert check(before, Keyring({}), NOW).outcome is Outcome.UNKNOWN_KEY
    assert check(before, Keyring({"a": b"x" * 32}), NOW).outcome is Outcome.FORGED


@pytest.mark.parametrize("prefix", ["b-", "list-bounces+", "news=", "news.letter-bounces-"])
def test_any_prefix_is_understood(prefix: str) -> None:
    signed = address("ann-lee+x=y@b.example", DOMAIN, KEYS, NOW, prefix=prefix)
    assert signed.startswith(prefix)
    assert check(signed, KEYS, NOW).recipient == "ann-lee+x=y@b.example"


@pytest.mark.parametrize(
    "text", ["", "jo", "@b.example", "jo@", "a@b@c.example", "x" * 400 + "@b.example"]
)
def test_what_is_no_address_is_not_signed(text: str) -> None:
    with pytest.raises(InputError):
        address(text, DOMAIN, KEYS, NOW)


def test_nothing_is_signed_without_a_key() -> None:
    with pytest.raises(ConfigError, match="bouncewise verp key"):
        address("jo@b.example", DOMAIN, Keyring({}), NOW)


@pytest.mark.parametrize(
    "text",
    [
        "bounces+jo=b.example@shop.example",
        "prvs=123=jo@shop.example",
        "jo@shop.example",
        "",
        "@",
        "=@",
    ],
)
def test_other_forms_are_no_signed_addresses(text: str) -> None:
    assert check(text, KEYS, NOW).outcome is Outcome.NOT_VERP
