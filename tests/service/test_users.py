"""Who may sign in, and configurations of the dashboard that cannot be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from bouncewise.config.load import read
from bouncewise.errors import ConfigError
from bouncewise.service.passwords import hashed
from bouncewise.service.users import Users
from support.cli import bouncewise

PASSWORD = "four random words here"
ANNA = f'[[user]]\nname = "Anna"\nrole = "operator"\npassword = "{hashed(PASSWORD)}"\n'
ON = "[dashboard]\nenabled = true\n"


def users(folder: Path, text: str) -> Users:
    (folder / "bouncewise.toml").write_text(text)
    return Users(read(folder / "bouncewise.toml"))


def test_users_places_and_proxies(tmp_path: Path) -> None:
    found = users(
        tmp_path,
        f'{ON}user_header = "X-Remote-User"\ntrusted_proxies = ["192.0.2.0/30", "unix"]\n{ANNA}'
        '[http]\npublic_url = "https://Bounces.shop.example:8443"\n',
    )
    assert found.find(" ANNA ") is not None
    assert found.find("anna2") is None
    assert found.places["bounces.shop.example:8443"] == (
        "https://bounces.shop.example:8443",
        True,
    )
    assert found.places["localhost:8025"] == ("http://localhost:8025", False)
    assert [found.trusts(p) for p in ("192.0.2.3", "192.0.2.4", "unix", "", "x")] == [
        True,
        False,
        True,
        False,
        False,
    ]


def test_the_usual_port_is_not_written(tmp_path: Path) -> None:
    found = users(
        tmp_path, f'{ON}{ANNA}[http]\npublic_url = "https://b.example"\nlisten = "[::]:80"'
    )
    assert set(found.places) == {"b.example", "b.example:443"}
    assert {place.origin for place in found.places.values()} == {"https://b.example"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ON, "nobody can sign in; `bouncewise users make anna`"),
        (f'{ON}[[user]]\nname = "anna"\n', "no [[user]] has a password, and no user_header"),
        (f'{ON}{ANNA}[http]\nlisten = "off"\n', "needs the HTTP server"),
        (f'{ON}{ANNA}[http]\nlisten = "0.0.0.0:8025"\n', "other machines can connect"),
        (f'{ON}{ANNA}[http]\nlisten = "unix:/run/b"\n', "other machines can connect"),
        (f'{ON}{ANNA}[http]\npublic_url = "http://b.example"\n', "needs https and no path"),
        (f'{ON}{ANNA}[http]\npublic_url = "https://b.example/x"\n', "needs https and no path"),
        (f'{ON}user_header = "X-User"\n{ANNA}', "counts only from a proxy that you name"),
        (f"{ON}{ANNA}{ANNA}", "two users have the same name"),
        (f"{ON}[[user]]\nrole = 'admin'\n", "[[user]] name: missing"),
        ('[dashboard]\nuser_header = "Cookie"\n', "is no field of a proxy"),
        ('[dashboard]\ntrusted_proxies = ["0.0.0.0/0"]\n', "trusts every address"),
        ('[dashboard]\ntrusted_proxies = ["proxy"]\n', "is no IP address or network"),
        ("[dashboard]\nidle_minutes = 0\n", "is not within 1 and 1440"),
        ("[dashboard]\nsession_hours = 10000\n", "is not within 1 and 720"),
        ("[dashboard]\nenable = true\n", "did you mean enabled?"),
        ('[[user]]\nname = "a"\nrole = "root"\n', "role"),
        ('[[user]]\nname = "a b"\n', "is no user name"),
        ('[[user]]\nname = "a"\npassword = "secret"\n', "no scrypt hash"),
    ],
)
def test_what_cannot_be_right_is_an_error_that_tells_what_to_write(
    tmp_path: Path, text: str, expected: str
) -> None:
    with pytest.raises(ConfigError) as bad:
        users(tmp_path, text)
    assert expected in str(bad.value)
    assert "secret" not in str(bad.value)
    done = bouncewise(tmp_path, "serve", "--check-config", "--config", "bouncewise.toml")
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1


def test_a_user_is_made_and_the_service_takes_it(tmp_path: Path) -> None:
    done = bouncewise(
        tmp_path, "users", "make", "Anna", "--role", "operator", stdin=f"{PASSWORD}\n".encode()
    )
    assert done.returncode == 0, done.stderr
    assert PASSWORD.encode() not in done.stdout + done.stderr
    found = users(tmp_path, ON + done.stdout.decode())
    assert found.find("anna") is not None
    done = bouncewise(tmp_path, "serve", "--check-config", "--config", "bouncewise.toml")
    assert b"dashboard http://127.0.0.1:8025" in done.stdout


@pytest.mark.parametrize(("name", "password"), [("a b", PASSWORD), ("anna", "short"), ("anna", "")])
def test_no_user_without_a_name_and_a_long_password(
    tmp_path: Path, name: str, password: str
) -> None:
    done = bouncewise(tmp_path, "users", "make", name, stdin=f"{password}\n".encode())
    assert done.returncode == 2
    assert done.stdout == b""
