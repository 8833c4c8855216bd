"""The settings of the service (``bouncewise serve``); docs/service.md explains them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from bouncewise.config import values, web_values
from bouncewise.config.table import Setting, Table


class TokenScope(StrEnum):
    """What the bearer of a token may do."""

    CHECK = "check"
    METRICS = "metrics"
    READ = "read"
    WRITE = "write"
    VALIDATE = "validate"


class Spool(Table, frozen=True, kw_only=True):
    """Where the service keeps what it received until the ledger has it."""

    folder: Annotated[
        str,
        Setting(
            "the folder; default: `spool` beside the ledger",
            '"/var/lib/bouncewise/spool"',
            values.path,
        ),
    ] = ""
    max_bytes: Annotated[
        int,
        Setting(
            "octets of all its files; more is refused with 503 or 451, so that senders try again. "
            "Files that `keep_days` keeps have at most half of it",
            "2147483648",
            values.at_least_a_megabyte,
        ),
    ] = 2 << 30
    keep_days: Annotated[
        int,
        Setting(
            "days for which files are kept that the ledger has read, if there is room",
            "7",
            values.days,
        ),
    ] = 0


class Http(Table, frozen=True, kw_only=True):
    """The HTTP server: webhooks, questions, health and metrics."""

    listen: Annotated[
        str,
        Setting("host and port, or `unix:` and a path; `off`", '"127.0.0.1:8025"', values.listen),
    ] = "127.0.0.1:8025"
    public_url: Annotated[
        str,
        Setting(
            "the beginning of the URLs as the ESPs know them; Mandrill signs them",
            '"https://bounces.shop.example"',
            values.url,
        ),
    ] = ""


class PostfixPolicy(Table, frozen=True, kw_only=True):
    """The server that Postfix asks before it accepts a recipient (SMTP access policy
    delegation).
    """

    listen: Annotated[
        str,
        Setting("host and port, or `unix:` and a path; `off`", '"127.0.0.1:8026"', values.listen),
    ] = "127.0.0.1:8026"
    action: Annotated[
        str,
        Setting(
            "the answer for an address that must not be mailed; `{why}` becomes the reason",
            '"REJECT 5.1.1 {why}"',
            values.policy_action,
        ),
    ] = "REJECT 5.1.1 {why}"
    marketing_senders: Annotated[
        tuple[str, ...],
        Setting(
            "senders of marketing mail, with `*` for any characters: for them complaints and "
            "unsubscribes count as well; other mail is taken as transactional",
            '["news@*", "*@offers.shop.example"]',
            values.sender_pattern,
        ),
    ] = ()


class Socketmap(Table, frozen=True, kw_only=True):
    """The server for Postfix's tables of type `socketmap`. `[postfix_policy] action` is its answer
    as well.
    """

    listen: Annotated[
        str,
        Setting("host and port, or `unix:` and a path; `off`", '"127.0.0.1:8028"', values.listen),
    ] = "off"


class TcpTable(Table, frozen=True, kw_only=True):
    """The server for Postfix's tables of type `tcp`, and for Exim. `[postfix_policy] action` is
    its answer as well.
    """

    listen: Annotated[
        str,
        Setting("host and port, or `unix:` and a path; `off`", '"127.0.0.1:8029"', values.listen),
    ] = "off"


class Smtp(Table, frozen=True, kw_only=True):
    """The servers to which your mail server delivers the mail of the bounce address."""

    lmtp: Annotated[
        str,
        Setting(
            "where LMTP listens: host and port, or `unix:` and a path; `off`",
            '"127.0.0.1:8027"',
            values.listen,
        ),
    ] = "off"
    listen: Annotated[
        str,
        Setting("the same for SMTP", '"127.0.0.1:8030"', values.listen),
    ] = "off"
    accept: Annotated[
        tuple[str, ...],
        Setting(
            "the recipients that are accepted, with `*` for any characters",
            '["bounces+*@shop.example"]',
            values.sender_pattern,
        ),
    ] = ()


class Webhook(Table, frozen=True, kw_only=True):
    """A webhook; begin each with `[[webhook]]`."""

    name: Annotated[
        str,
        Setting("the name in its URL, `/in/NAME`", '"ses-eu"', values.name),
    ] = ""
    esp: Annotated[
        str,
        Setting("the provider, as in docs/webhooks.md", '"sendgrid"', values.word),
    ] = ""
    secret: Annotated[
        str,
        Setting(
            "where the key or secret is: `file:` and a path, or `env:` and the name of a variable",
            '"file:/etc/bouncewise/sendgrid.pub"',
            values.secret_place,
        ),
    ] = ""
    topics: Annotated[
        tuple[str, ...],
        Setting(
            "for SES: the ARNs of your SNS topics",
            '["arn:aws:sns:eu-west-1:123456789012:bounces"]',
        ),
    ] = ()


class Token(Table, frozen=True, kw_only=True):
    """A token for the HTTP server; `bouncewise tokens make` writes it. Begin each with
    `[[token]]`.
    """

    name: Annotated[str, Setting("who uses it", '"shop"', values.name)] = ""
    sha256: Annotated[
        str,
        Setting(
            "the SHA-256 of the token, as hexadecimal digits",
            '"5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f"',
            values.hexadecimal,
        ),
    ] = ""
    scopes: Annotated[
        tuple[TokenScope, ...],
        Setting(
            "`check`: may this address be mailed; `metrics`: counters; `read`, `write`: what "
            "docs/api.md lists; `validate`: `/v1/validate` without what the ledger knows",
            '["check"]',
        ),
    ] = (TokenScope.CHECK,)
    origins: Annotated[
        tuple[str, ...],
        Setting(
            "the sites whose pages may contain the token, which then has the scope `validate` "
            "only; requests from elsewhere are refused",
            '["https://shop.example"]',
            web_values.origin,
        ),
    ] = ()
    rate: Annotated[
        int,
        Setting(
            "requests a minute; further ones get 429. Default: 600 for a token with `origins`, "
            "else no limit",
            "600",
            web_values.rate,
        ),
    ] = 0
