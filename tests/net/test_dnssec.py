"""The state of DNSSEC: what a resolver states, and when that counts."""

from __future__ import annotations

import pytest

from bouncewise.net.dnssec import Security, validator
from support.nameserver import NameServer, nameserver

ZONE = {"signed.example": {"MX": ["10 mx.signed.example."]}, "plain.example": {"A": ["192.0.2.1"]}}


def state(running: NameServer, name: str) -> tuple[Security, str]:
    return validator(str(running.server), 1)(name, "MX")


def test_the_bits_of_a_validating_resolver_on_this_host_count() -> None:
    with nameserver(ZONE) as running:
        running.secure = {"", "signed.example", "absent.example"}
        running.bogus = {"broken.example", "plain.example"}
        assert state(running, "signed.example") == (Security.SECURE, "")
        assert state(running, "absent.example") == (Security.SECURE, "")
        assert state(running, "other.example") == (Security.INSECURE, "")
        assert state(running, "plain.example") == (Security.BOGUS, "")
        assert state(running, "broken.example") == (Security.BOGUS, "")


def test_a_server_that_is_down_is_not_bogus() -> None:
    with nameserver(ZONE) as running:
        running.secure = {""}
        for name in ("servfail.example", "refused.example", "silent.example"):
            found, why = state(running, name)
            assert found is Security.UNKNOWN and f"MX of {name}" in why


def test_a_resolver_that_does_not_validate_the_root_knows_nothing() -> None:
    with nameserver(ZONE) as running:
        assert state(running, "plain.example") == (
            Security.UNKNOWN,
            "the resolver 127.0.0.1 does not validate",
        )


def test_the_ad_bit_of_a_resolver_over_a_network_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import dns.query

    ask = dns.query.udp_with_fallback
    with nameserver(ZONE) as running:
        running.secure, running.bogus = {"", "signed.example"}, {"plain.example"}

        def redirected(query: object, _: str, timeout: float, port: int) -> object:
            return ask(query, "127.0.0.1", timeout, running.server.port)  # type: ignore[arg-type]

        monkeypatch.setattr(dns.query, "udp_with_fallback", redirected)
        validate = validator("192.0.2.53", 1)
        found, why = validate("signed.example", "MX")
        assert found is Security.UNKNOWN and "192.0.2.53 is not on this host" in why
        assert validate("other.example", "MX").security is Security.UNKNOWN
        assert validate("plain.example", "MX").security is Security.BOGUS
