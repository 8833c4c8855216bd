"""Tokens by rate and by origin: what a page may contain, and how often it may ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bouncewise.config.service import Token, TokenScope
from bouncewise.config.settings import Settings
from bouncewise.errors import ConfigError
from bouncewise.service.rates import Rates
from bouncewise.service.tokens import Tokens, digest, make
from support.api import TOKENS, Api
from support.cli import bouncewise

PAGE = "https://shop.example"
KEY = make("forms", (TokenScope.VALIDATE,)).token
ADDRESSES = {"json": {"addresses": ["u1@out.example", "jo@gmial.com"]}}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    made = Api(tmp_path)
    forms = Token(
        name="forms",
        sha256=digest(KEY),
        scopes=(TokenScope.VALIDATE,),
        origins=(PAGE,),
        rate=5,
    )
    made.state.configure(Settings(token=(*made.state.settings.token, forms)))
    with made.running():
        yield made


def ask(api: Api, origin: str = PAGE, **more: Any) -> Any:
    headers = {"Origin": origin} if origin else {}
    return api.ask("POST", "/v1/validate", KEY, headers=headers, **(more or ADDRESSES))


def test_a_page_of_the_site_gets_an_answer_without_the_ledger(api: Api) -> None:
    answer = ask(api)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["vary"] == "Origin"
    known, misspelt = answer.json()["validations"]
    assert known["ledger"] is None and "550" not in answer.text
    assert misspelt["suggestion"] == "jo@gmail.com"
    whole = api.json("POST", "/v1/validate", **ADDRESSES)["validations"]
    assert whole[0]["ledger"] is not None  # a token of scope read


@pytest.mark.parametrize("origin", ["", "null", "https://evil.example", f"{PAGE}.evil.example"])
def test_another_origin_is_refused_and_cannot_read_the_answer(api: Api, origin: str) -> None:
    answer = ask(api, origin)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_a_browser_may_ask_first(api: Api) -> None:
    wish = {"Access-Control-Request-Method": "POST", "Origin": PAGE}
    answer = api.client.options("/v1/validate", headers=wish)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-headers"] == "Authorization, Content-Type"
    other = api.client.options("/v1/validate", headers={**wish, "Origin": "https://x.example"})
    assert other.status_code == 403
    assert api.client.options("/v1/suppressions", headers=wish).status_code == 405


def test_a_token_has_a_rate(api: Api) -> None:
    answers = [ask(api) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert answers[0].headers["ratelimit-policy"] == '"minute";q=5;w=60'
    assert answers[0].headers["ratelimit"] == '"minute";r=4;t=0'
    refused = answers[-1]
    assert 1 <= int(refused.headers["retry-after"]) <= 12
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["access-control-allow-origin"] == PAGE
    assert api.ask("GET", "/v1/status", TOKENS[TokenScope.READ]).status_code == 200


def test_a_bucket_fills_again_and_does_not_overflow() -> None:
    now = [0.0]
    rates, token = Rates(lambda: now[0]), Token(name="t", rate=60)
    assert [rates.take(token).is_allowed for _ in range(61)] == [True] * 60 + [False]
    now[0] = 2.0
    assert [rates.take(token).is_allowed for _ in range(3)] == [True, True, False]
    now[0] = 10_000.0
    assert sum(rates.take(token).is_allowed for _ in range(100)) == 60
    other = replace(token, name="other", rate=0)
    assert rates.take(other) == (True, {})


def test_a_token_of_pages_has_no_other_scope() -> None:
    both = Token(
        name="t", sha256="5" * 64, scopes=(TokenScope.VALIDATE, TokenScope.READ), origins=(PAGE,)
    )
    with pytest.raises(ConfigError, match="whoever sees the page"):
        Tokens((both,))


def test_the_command_makes_one(tmp_path: Path) -> None:
    done = bouncewise(tmp_path, "tokens", "make", "forms", "--origin", PAGE, "--rate", "60")
    (tmp_path / "bouncewise.toml").write_bytes(done.stdout)
    assert b'origins = ["https://shop.example"]\nrate = 60' in done.stdout
    assert bouncewise(tmp_path, "config", "check").returncode == 0
    args = ("tokens", "make", "x", "--origin", PAGE, "--scope", "write")
    assert bouncewise(tmp_path, *args).returncode == 2
    assert bouncewise(tmp_path, "tokens", "make", "x", "--origin", "shop").returncode == 2
