"""bouncewise.toml and the file of keys: read strictly, found in the usual places, or missing."""

from __future__ import annotations

import os
import pickle
from datetime import date
from pathlib import Path

import pytest

from bouncewise.config.describe import page, rows, values
from bouncewise.config.keys import Keyring, create_key, load_keyring, read_keys
from bouncewise.config.load import MAX_FILE, find, load, read
from bouncewise.config.settings import MailKind, Settings
from bouncewise.config.streams import stream_of
from bouncewise.errors import ConfigError

WHOLE = """
[own]
domains = ["Shop.example", "bücher.example."]
mx = ["MX.shop.example"]
authserv_id = "mx.shop.example"
smart_hosts = ["smtp.provider.example", "198.51.100.7/24", "2001:db8::1"]
time_zone = "Europe/Berlin"

[verp]
key_file = "keys"
domain = "bounces.shop.example"
prefix = "Bounces-"
days = 14
since = 2026-12-01

[feedback.one]
dkim_domains = ["fbl.one.example"]
redacts = ["recipient"]

[streams.offers]
list_ids = ["offers.shop.example"]

[streams.receipts]
kind = "transactional"
from_domains = ["receipts.shop.example"]
headers = ["X-Kind: Receipt"]

[trust]
sns_certificates = "/etc/sns"
"""


@pytest.fixture
def whole(tmp_path: Path) -> Settings:
    path = tmp_path / "bouncewise.toml"
    path.write_text(WHOLE, "utf-8")
    return read(path)


def test_every_setting_is_read_in_the_form_in_which_it_is_compared(
    whole: Settings, tmp_path: Path
) -> None:
    assert whole.own.domains == ("shop.example", "xn--bcher-kva.example")
    assert whole.own.mx == ("mx.shop.example",)
    assert whole.own.smart_hosts == ("smtp.provider.example", "198.51.100.0/24", "2001:db8::1/128")
    assert whole.verp.key_file == str(tmp_path / "keys")
    assert (whole.verp.prefix, whole.verp.days, whole.verp.since) == (
        "bounces-",
        14,
        date(2026, 12, 1),
    )
    assert whole.feedback["one"].dkim_domains == ("fbl.one.example",)
    assert whole.trust.sns_certificates == "/etc/sns"
    assert pickle.loads(pickle.dumps(whole)) == whole


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[own]\ndomain = []", "[own] domain: unknown key; did you mean domains?"),
        ("[onw]", "onw: unknown key; did you mean own?"),
        ("[own]\nzzz = 1", "known are domains, mx"),
        ("own = 3", "own: not a table; begin it with [own]"),
        ("feedback = 3", "feedback: not a table"),
        ("[feedback]\nyahoo = 3", "feedback.yahoo: not a table"),
        ("[feedback.y]\ndkim = []", "[feedback.y] dkim: unknown key; did you mean dkim_domains?"),
        (
            "[own]\ndomains = 'shop.example'",
            ('example: domains = ["shop.example", "news.shop.example"]'),
        ),
        ("[own]\ndomains = ['@shop.example']", "write example.org, without @"),
        ("[own]\ndomains = ['example']", "is not a domain"),
        (
            "[own]\nsmart_hosts = ['10.0.0.0/33']",
            ("neither a host name nor an IP address or network"),
        ),
        ("[own]\ntime_zone = 'Mars'", "Europe/Berlin"),
        ("[own]\ntime_zone = '../../etc/passwd'", "Europe/Berlin"),
        ("[own]\nauthserv_id = 'a b'", "not one word"),
        ("[verp]\nsince = 2026-12-01\ndays = 0", "[verp] days: 0 is not within 1 and 366"),
        ("[verp]\nsince = 2026-12-01\ndays = true", "[verp] days"),
        ("[verp]\nsince = 2026-12-01\nprefix = 'bounces'", "cannot begin a return address"),
        ("[verp]\nsince = 'soon'", "example: since = 2026-12-01"),
        ("[verp]\ndomain = 'b.example'", "[verp] since: missing"),
        ("[streams.x]\nkind = 'news'", "[streams.x] kind"),
        ("[streams.x]\nheaders = ['a b: c']", "no header field"),
        ("[own", "not TOML"),
        ("own = " + "[" * 100_000, "not TOML"),
        ("\x00", "not TOML"),
    ],
)
def test_what_is_wrong_is_one_line_with_file_and_key(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as bad:
        read(path)
    assert str(bad.value).startswith(f"{path}: ")
    assert words in str(bad.value)
    assert "\n" not in str(bad.value) and len(str(bad.value)) < 700


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    large, fifo = tmp_path / "large.toml", tmp_path / "fifo.toml"
    large.write_text("#" * (MAX_FILE + 1))
    os.mkfifo(fifo)
    for path, words in (
        (large, f"larger than {MAX_FILE} octets"),
        (fifo, "not a regular file"),
        (tmp_path, "directory"),
        (tmp_path / "none.toml", "No such file"),
        (tmp_path / "none" / "x", "No such file"),
    ):
        with pytest.raises(ConfigError, match=words):
            load(path)


def test_the_first_place_with_a_file_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    if not Path("/etc/bouncewise/bouncewise.toml").exists():
        assert load() == (Settings(), None, frozenset())
    user = tmp_path / "xdg" / "bouncewise" / "bouncewise.toml"
    user.parent.mkdir(parents=True)
    user.write_text("")
    assert find(None) == user
    (tmp_path / "bouncewise.toml").write_text("")
    assert find(None) == Path("bouncewise.toml")
    assert find(user) == user


def test_a_key_file_is_made_for_its_owner_alone_and_the_newest_key_is_last(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    first, second = create_key(path), create_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert (first.newest, second.newest, second.ids) == ("a", "b", ("a", "b"))
    assert second.key("a") == first.key("a") != second.key("b")
    for _ in range(30):
        last = create_key(path)
    assert len(set(last.ids)) == 32 and last.newest == "f1"
    with pytest.raises(ConfigError, match="delete old ones"):
        create_key(path)


def test_keys_that_others_may_read_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    create_key(path)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod o="):
        read_keys(path)
    path.chmod(0o640)  # for the group of a service
    assert read_keys(path)


@pytest.mark.parametrize(
    "text",
    ["a", "a xyz", "a " + "0" * 31, "A " + "0" * 32, "toolong " + "0" * 32, "a " + "0" * 32 + " x"],
)
def test_a_line_that_is_no_key_is_an_error_that_does_not_show_it(text: str) -> None:
    with pytest.raises(ConfigError) as bad:
        Keyring.parse(f"# comment\n\n{text}", "keys")
    assert str(bad.value).startswith("keys, line 3: ")
    assert "0000" not in str(bad.value)


def test_two_keys_of_one_id_are_an_error() -> None:
    with pytest.raises(ConfigError, match="there already"):
        Keyring.parse("a " + "0" * 32 + "\na " + "1" * 32, "keys")


def test_the_variable_replaces_the_file(whole: Settings) -> None:
    both = load_keyring(whole, {"BOUNCEWISE_VERP_KEYS": "a " + "0" * 32 + ", b " + "1" * 32})
    assert (both.newest, both.key("a")) == ("b", bytes(16))
    assert "0000" not in repr(both)
    with pytest.raises(ConfigError, match="keys: No such file"):
        load_keyring(whole, {})
    assert not load_keyring(Settings(), {})


@pytest.mark.parametrize(
    ("arguments", "name", "kind"),
    [
        ({}, "default", "marketing"),
        (
            {"esp_stream": "receipts", "list_id": "<offers.shop.example>"},
            "receipts",
            "transactional",
        ),
        ({"esp_stream": "outbound"}, "outbound", "marketing"),
        ({"list_id": "Offers <OFFERS.shop.example>"}, "offers", "marketing"),
        (
            {"list_id": "<other.shop.example>", "from_domain": "receipts.shop.example"},
            "other.shop.example",
            "marketing",
        ),
        ({"from_domain": "Receipts.shop.example."}, "receipts", "transactional"),
        ({"headers": {"x-kind": "receipt; v=1"}}, "receipts", "transactional"),
        ({"headers": {"x-kind": "other"}, "from_domain": "shop.example"}, "default", "marketing"),
        ({"list_id": "no identifier here <"}, "default", "marketing"),
        ({"esp_stream": "a\x1b[31m" + "b" * 500}, "a[31m" + "b" * 95, "marketing"),
    ],
)
def test_the_stream_of_a_mail(
    whole: Settings, arguments: dict[str, object], name: str, kind: str
) -> None:
    assert stream_of(whole, **arguments) == (name, MailKind(kind))  # type: ignore[arg-type]


def test_every_example_is_a_value_that_is_read(tmp_path: Path) -> None:
    path = tmp_path / "all.toml"
    text, table = "", ""
    for row in rows():
        name = row.table.replace("PROVIDER", "one").replace("NAME", "two")
        text += f"[{name}]\n" if name != table else ""
        text, table = f"{text}{row.key} = {row.example}\n", name
    path.write_text(text)
    assert {value.name for value in values(load(path)) if value.is_stated} >= {
        "own.mx",
        "streams.two.kind",
    }


def test_the_configuration_page_is_written_from_the_settings() -> None:
    text = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text("utf-8")
    assert page().strip() in text, (
        "run: python -m bouncewise.config.describe, and put it into the page"
    )
