"""Checks of single values of the configuration.

Each function gives a value in the form in which it is compared, or raises ValueError with a text
that says what is expected.
"""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_PREFIX = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,18}[a-z0-9])?[+=-]")
_FIELD_NAME = re.compile(r"[!-9;-~]{1,100}")
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/?^_`{|}~.=-]{1,64}")
_MAX_TEXT = 255


def host(text: str) -> str:
    """A host name in lower case; an international one as A-labels (RFC 5890)."""
    name = text.strip().lower().rstrip(".")
    if not name.isascii():
        import idna  # its tables load slowly, and few names need them

        try:
            name = idna.encode(name, uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            raise ValueError(f"{text!r} is not a host name") from None
    if len(name) > _MAX_TEXT or not _HOST.fullmatch(name):
        raise ValueError(f"{text!r} is not a host name")
    return name


def domain(text: str) -> str:
    """A domain of mail addresses, which has at least two labels; in the form of ``host``."""
    try:
        name = host(text)
    except ValueError:
        name = ""
    if "." not in name or name.rpartition(".")[2].isdigit():
        raise ValueError(f"{text!r} is not a domain; write example.org, without @")
    return name


def address_or_domain(text: str) -> str:
    """A mail address or a domain, in lower case."""
    local, at, name = text.strip().lower().rpartition("@")
    if at and not _LOCAL.fullmatch(local):
        raise ValueError(f"{text!r} is neither an address nor a domain")
    return f"{local}{at}{domain(name)}"


def host_or_network(text: str) -> str:
    """A host name, or an IP address or network (192.0.2.0/24)."""
    try:
        return str(ip_network(text.strip(), strict=False))
    except ValueError:
        pass
    name = text.strip().lower().rstrip(".")
    if "/" in name or name.rpartition(".")[2].isdigit():
        raise ValueError(f"{text!r} is neither a host name nor an IP address or network")
    return host(text)


def word(text: str) -> str:
    """One word, such as an authserv-id (RFC 8601 section 2.5), in lower case."""
    name = text.strip().lower()
    if not name or len(name) > _MAX_TEXT or re.search(r'[\s;()"]', name):
        raise ValueError(f"{text!r} is not one word")
    return name


def time_zone(text: str) -> str:
    """A name of the time zone database."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{text!r} is no time zone; write a name such as Europe/Berlin") from None
    return text


def prefix(text: str) -> str:
    """The beginning of signed return addresses: 2 to 21 octets, of which the last separates."""
    name = text.lower()
    if not _PREFIX.fullmatch(name):
        raise ValueError(
            f"{text!r} cannot begin a return address; write 1 to 20 letters or digits and +, - or ="
        )
    return name


def header(text: str) -> str:
    """A header field and the value that it begins with: ``X-Kind: news``; without a value any."""
    name, _, value = text.partition(":")
    if not _FIELD_NAME.fullmatch(name.strip()) or len(value) > _MAX_TEXT:
        raise ValueError(f"{text!r} is no header field; write 'X-Kind: news' or 'X-Kind'")
    return f"{name.strip().lower()}:{value.strip().lower()}"


def path(text: str) -> str:
    """A path, relative to the folder of the configuration file; a ledger's URL stays as it is."""
    if not text or "\0" in text:
        raise ValueError("an empty path")
    return text


def validity(days: int) -> int:
    """How long a return address is valid: 1 to 366 days."""
    if not 1 <= days <= 366:
        raise ValueError(f"{days} is not within 1 and 366")
    return days


def ip(text: str) -> str:
    """An IP address."""
    try:
        return str(ip_address(text.strip()))
    except ValueError:
        raise ValueError(f"{text!r} is no IP address") from None


def days(number: int) -> int:
    """0 to 3650 days."""
    if not 0 <= number <= 3650:
        raise ValueError(f"{number} is not within 0 and 3650")
    return number


def at_least_a_megabyte(octets: int) -> int:
    """1 MiB or more."""
    if octets < 1 << 20:
        raise ValueError(f"{octets} is less than 1048576")
    return octets


def listen(text: str) -> str:
    """``HOST:PORT``, ``[IPv6]:PORT``, ``unix:PATH`` or ``off``."""
    if text == "off" or (text.startswith("unix:/") and "\0" not in text):
        return text
    name, colon, port = text.rpartition(":")
    if not colon or not name or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is no place to listen; write 127.0.0.1:8025, unix:/path or off")
    return text


def url(text: str) -> str:
    """An http or https URL without query, and without a slash at its end."""
    if not re.fullmatch(r"https?://[^\s/?#]+(?:/[^\s?#]*)?", text):
        raise ValueError(f"{text!r} is no URL; write https://host.example")
    return text.rstrip("/")


def policy_action(text: str) -> str:
    """One line of an access(5) action; ``{why}`` is the only placeholder."""
    if not text.strip() or not text.isprintable() or re.search(r"[{}]", text.replace("{why}", "")):
        raise ValueError(f"{text!r} is no action of access(5)")
    return text.strip()


def sender_pattern(text: str) -> str:
    """An address in lower case in which ``*`` stands for any characters."""
    name = text.strip().lower()
    if name.count("@") != 1 or not re.fullmatch(r"[^\s<>]{3,320}", name) or name.count("*") > 8:
        raise ValueError(f"{text!r} is no address; write bounces+*@example.org")
    return name


def name(text: str) -> str:
    """1 to 64 small letters, digits, ``-``, ``_`` or ``.``."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", text):
        raise ValueError(f"{text!r} is no name; write small letters, digits, -, _ or .")
    return text


def secret_place(text: str) -> str:
    """Where a secret is: ``file:PATH`` or ``env:VARIABLE``. No message repeats the text: it may be
    the secret itself.
    """
    if not re.fullmatch(r"file:/.+|env:[A-Za-z_][A-Za-z0-9_]*", text):
        raise ValueError("write file: and an absolute path, or env: and the name of a variable")
    return text


def url_or_place(text: str) -> str:
    """An https URL, or where one is: ``file:PATH`` or ``env:VARIABLE``. No message repeats the
    text: it may be a secret.
    """
    if not re.fullmatch(r"https?://[!-~]{1,2000}|file:/.+|env:[A-Za-z_][A-Za-z0-9_]*", text):
        raise ValueError("write an https URL, file: and an absolute path, or env: and a variable")
    return text


def mail_address(text: str) -> str:
    """A mail address of ASCII letters, in lower case."""
    local, at, _ = text.strip().lower().rpartition("@")
    if not at or local.startswith("-"):
        raise ValueError(f"{text!r} is no mail address")
    return address_or_domain(text)


def hexadecimal(text: str) -> str:
    """64 hexadecimal digits."""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise ValueError("write the 64 hexadecimal digits that `bouncewise tokens make` shows")
    return text.lower()


def unit(text: str) -> str:
    """A unit of systemd, with ``*`` for any characters (systemd.unit(5))."""
    if not re.fullmatch(r"[A-Za-z0-9:_.\\@*?-]{1,255}", text) or text.startswith("-"):
        raise ValueError(f"{text!r} is no unit; write postfix.service or postfix*")
    return text


def port(number: int) -> int:
    """1 to 65535."""
    if not 1 <= number <= 65535:
        raise ValueError(f"{number} is not within 1 and 65535")
    return number


def seconds(number: int) -> int:
    """5 seconds to 24 minutes: after 29, servers end an IDLE (RFC 2177)."""
    if not 5 <= number <= 1440:
        raise ValueError(f"{number} is not within 5 and 1440")
    return number


def line(text: str) -> str:
    """One line of text."""
    if not text.strip() or not text.isprintable():
        raise ValueError("one line of text is necessary")
    return text


def mailbox(text: str) -> str:
    """The name of a folder as IMAP writes it (RFC 3501 section 5.1.3)."""
    if not re.fullmatch(r"[ -~]{1,500}", text):
        raise ValueError(f"{text!r}: write other letters than ASCII in modified UTF-7: &APw-")
    return text


def session_minutes(number: int) -> int:
    """1 minute to a day."""
    if not 1 <= number <= 1440:
        raise ValueError(f"{number} is not within 1 and 1440")
    return number


def session_hours(number: int) -> int:
    """1 hour to 30 days."""
    if not 1 <= number <= 720:
        raise ValueError(f"{number} is not within 1 and 720")
    return number


def field_name(text: str) -> str:
    """The name of a header field, in lower case, that no browser sends by itself."""
    found = text.strip().lower()
    if not re.fullmatch(r"[a-z0-9-]{1,64}", found) or found in _OF_BROWSERS:
        raise ValueError(f"{text!r} is no field of a proxy; write X-Remote-User")
    return found


_OF_BROWSERS = ("authorization", "cookie", "host", "origin", "referer", "user-agent")


def peer(text: str) -> str:
    """An IP address or network, or ``unix``."""
    if text == "unix":
        return text
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is no IP address or network; write 127.0.0.1 or unix") from None
    if not network.prefixlen:
        raise ValueError(f"{text!r} trusts every address; name that of the proxy")
    return str(network)


def user_name(text: str) -> str:
    """1 to 64 letters, digits and ``-``, ``_``, ``.``, ``@``, ``+``, as people and proxies write
    them; in lower case.
    """
    found = text.strip().lower()
    if not re.fullmatch(r"[a-z0-9][a-z0-9._@+-]{0,63}", found):
        raise ValueError(f"{text!r} is no user name; write letters, digits, -, _, ., @ or +")
    return found


def password_hash(text: str) -> str:
    """What ``bouncewise users make`` writes. No message repeats the text: it may be a password."""
    if not re.fullmatch(r"scrypt\$1[4-9]\$8\$[1-9]\$[A-Za-z0-9_-]{22}\$[A-Za-z0-9_-]{43}", text):
        raise ValueError("no scrypt hash; write the line that `bouncewise users make` prints")
    return text
