"""Blocklists: a list is tested before it is believed, and only its own codes are listings."""

from __future__ import annotations

from pathlib import Path

import pytest

from bouncewise.errors import InputError
from bouncewise.net.dns import NoSuchNameError, Resolver, UnansweredError
from bouncewise.sender.blocklists import Listing, ListState, Zone, check, load, shipped
from support.cli import bouncewise
from support.zone import SILENT, resolver

IP, REVERSED = "192.0.2.10", "10.2.0.192"
ZONES = """
[[zone]]
name = "bl.example"
asks = "ip"
codes = {{ "127.0.0.2" = "spam source", "127.0.0.4" = "exploited" }}
refusals = ["127.255.255.254"]
good = ["127.0.0.18"]
{}
"""


def zone(tmp_path: Path, more: str = "") -> Zone:
    (tmp_path / "zones.toml").write_text(ZONES.format(more))
    return load(tmp_path / "zones.toml").zone[0]


def answers(*codes: str, test: str = "127.0.0.2", words: str = "") -> dict[str, object]:
    """A list that has its test entry, and gives *codes* for the address."""
    table: dict[str, object] = {"2.0.0.127.bl.example": {"A": [test]}}
    if codes:
        table[f"{REVERSED}.bl.example"] = {"A": list(codes), "TXT": [words]}
    return table


def ask(found: Zone, table: dict[str, object] | Resolver, subject: str = IP) -> Listing:
    resolve = resolver(table) if isinstance(table, dict) else table  # type: ignore[arg-type]
    [listing] = check([subject], [found], resolve)
    return listing


def test_both_codes_of_a_listing_have_their_meaning(tmp_path: Path) -> None:
    found = ask(zone(tmp_path), answers("127.0.0.4", "127.0.0.2", words="see https://bl.example/x"))
    assert (found.state, found.meaning) == (ListState.LISTED, "spam source; exploited")
    assert found.words == "see https://bl.example/x"


@pytest.mark.parametrize("codes", [(), ("127.0.0.18",), ("127.0.0.99",)])
def test_what_is_not_there_praised_or_unknown_is_no_listing(
    tmp_path: Path, codes: tuple[str, ...]
) -> None:
    assert ask(zone(tmp_path), answers(*codes)).state is ListState.CLEAN


@pytest.mark.parametrize("codes", [("203.0.113.80",), ("127.0.0.2", "203.0.113.80")])
def test_an_answer_outside_of_the_loopback_network_is_never_believed(
    tmp_path: Path, codes: tuple[str, ...]
) -> None:
    found = ask(zone(tmp_path), answers(*codes))
    assert found.state is ListState.BROKEN and "203.0.113.80" in found.why


def everything(code: str) -> Resolver:
    return lambda name, _type: [code]


def nothing(name: str, _type: str) -> list[str]:
    raise NoSuchNameError(name)


def silent(name: str, record_type: str) -> list[str]:
    raise UnansweredError(f"{record_type} of {name}: time-out")


@pytest.mark.parametrize(
    ("resolve", "want"),
    [
        (everything("127.255.255.254"), ListState.REFUSED),
        (everything("127.0.0.2"), ListState.BROKEN),
        (everything("203.0.113.80"), ListState.BROKEN),
        (nothing, ListState.BROKEN),
        (silent, ListState.UNANSWERED),
    ],
    ids=["refuses", "lists everything", "is parked", "has no test entry", "is silent"],
)
def test_a_list_that_fails_its_test_says_nothing(
    tmp_path: Path, resolve: Resolver, want: ListState
) -> None:
    found = ask(zone(tmp_path), resolve)
    assert found.state is want and found.why


def test_a_refusal_after_the_test_is_no_listing(tmp_path: Path) -> None:
    assert ask(zone(tmp_path), answers("127.255.255.254")).state is ListState.REFUSED


def test_silence_after_the_test_is_no_listing(tmp_path: Path) -> None:
    table = answers() | {f"{REVERSED}.bl.example": SILENT}
    assert ask(zone(tmp_path), table).state is ListState.UNANSWERED


def test_a_list_may_have_another_test_entry(tmp_path: Path) -> None:
    table: dict[str, object] = {"99.0.0.127.bl.example": {"A": ["127.0.0.2"]}}
    found = zone(tmp_path, 'test = "127.0.0.99"')
    assert ask(found, table).state is ListState.CLEAN


def test_addresses_of_ipv6_are_asked_by_nibbles(tmp_path: Path) -> None:
    name = ".".join(reversed("20010db8" + "0" * 23 + "1"))
    table = answers() | {f"{name}.bl.example": {"A": ["127.0.0.2"]}}
    assert ask(zone(tmp_path), table, "2001:db8::1").state is ListState.LISTED
    assert list(check(["2001:db8::1"], [zone(tmp_path, "ipv6 = false")], nothing)) == []


def test_lists_of_domains_are_never_asked_about_addresses(tmp_path: Path) -> None:
    (tmp_path / "z.toml").write_text(
        '[[zone]]\nname = "dbl.example"\nasks = "domain"\nbits = { 2 = "black", 4 = "grey" }\n'
        'refusals = ["127.0.0.1"]\n'
    )
    found = load(tmp_path / "z.toml").zone[0]
    table: dict[str, object] = {
        "test.dbl.example": {"A": ["127.0.0.14"]},
        "shop.example.dbl.example": {"A": ["127.0.0.6"]},
    }
    assert list(check([IP], [found], resolver(table))) == []  # type: ignore[arg-type]
    assert ask(found, table, "shop.example").meaning == "black; grey"
    refused = table | {"test.dbl.example": {"A": ["127.0.0.1"]}}
    assert ask(found, refused, "shop.example").state is ListState.REFUSED


def test_a_key_stands_in_the_question_and_in_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = zone(tmp_path, 'key = "LIST_KEY"')
    assert list(check([IP], [found], nothing)) == []
    monkeypatch.setenv("LIST_KEY", "secret123")
    listing = ask(found, silent)
    assert listing.state is ListState.UNANSWERED and "secret123" not in listing.why


@pytest.mark.parametrize("name", ["dnsbl.sorbs.net", "bl.nszones.com"])
def test_a_dead_or_dishonest_list_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "z.toml").write_text(f'[[zone]]\nname = "{name}"\nasks = "ip"\n')
    with pytest.raises(InputError, match="remove it"):
        load(tmp_path / "z.toml")


@pytest.mark.parametrize(
    "text", ["", "zone = 1", '[[zone]]\nname = "x"', "[[zone]]\nname = 1", "{"]
)
def test_what_is_no_file_of_zones_is_one_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "z.toml").write_text(text)
    result = bouncewise(tmp_path, "blocklists", IP, "--zones", "z.toml")
    assert result.returncode == 2 and b"z.toml" in result.stderr


def test_the_shipped_zones_name_their_tier_and_where_to_ask_for_removal() -> None:
    for found in shipped().zone:
        assert found.tier in "ABC" and found.delist.startswith("https://")
        assert found.codes or found.bits
        assert not found.refusals.intersection(found.codes)


def test_a_resolver_that_is_silent_is_no_listing(tmp_path: Path) -> None:
    (tmp_path / "z.toml").write_text(ZONES.format(""))
    options = ("--zones", "z.toml", "--resolver", "127.0.0.1:9")
    result = bouncewise(tmp_path, "blocklists", IP, *options)
    assert result.returncode == 0 and b"unanswered: 1" in result.stdout


@pytest.mark.parametrize("code", ["127.255.255.2", "127.255.255.254"])
def test_an_error_code_is_no_listing_even_of_a_bit_mask(tmp_path: Path, code: str) -> None:
    (tmp_path / "z.toml").write_text(
        '[[zone]]\nname = "bl.example"\nasks = "ip"\nbits = { 2 = "black", 4 = "grey" }\n'
    )
    found = load(tmp_path / "z.toml").zone[0]
    assert ask(found, answers(code)).state is ListState.REFUSED
