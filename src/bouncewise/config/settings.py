"""The settings of bouncewise.toml, each with its description, its check and an example.

``load.py`` reads them, ``describe.py`` lists them; docs/configuration.md explains them. Everything
has a default, and all of it may be missing.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

from bouncewise.config import values
from bouncewise.config.dashboard import Dashboard, User
from bouncewise.config.inputs import Fetch, Folder, Syslog, Tail
from bouncewise.config.outgoing import AlertTarget, Sync
from bouncewise.config.service import (
    Http,
    PostfixPolicy,
    Smtp,
    Socketmap,
    Spool,
    TcpTable,
    Token,
    Webhook,
)
from bouncewise.config.table import Setting, Table


class MailKind(StrEnum):
    """What kind of mail a stream carries."""

    MARKETING = "marketing"
    TRANSACTIONAL = "transactional"


class Redacted(StrEnum):
    """What a feedback loop removes from its reports, or replaces by other text."""

    RECIPIENT = "recipient"
    HEADER = "header"


class Defaults(Table, frozen=True, kw_only=True):
    """Values of options. The option of a command and its environment variable precede them."""

    db: Annotated[
        str,
        Setting(
            "`--db`, `BOUNCEWISE_DB`: the ledger",
            '"/var/lib/bouncewise/ledger.sqlite"',
            values.path,
        ),
    ] = ""
    policy: Annotated[
        str,
        Setting(
            "`--policy`, `BOUNCEWISE_POLICY`: your own policy file (docs/policy.md)",
            '"/etc/bouncewise/policy.toml"',
            values.path,
        ),
    ] = ""
    rules: Annotated[
        tuple[str, ...],
        Setting(
            "`--rules`, `BOUNCEWISE_RULES`: your own rule files or folders (docs/rules.md)",
            '["/etc/bouncewise/rules"]',
            values.path,
        ),
    ] = ()


class Own(Table, frozen=True, kw_only=True):
    """Your own mail system."""

    domains: Annotated[
        tuple[str, ...],
        Setting(
            "domains that you send from; a notice that returns a mail from elsewhere has no effect",
            '["shop.example", "news.shop.example"]',
            values.domain,
        ),
    ] = ()
    mx: Annotated[
        tuple[str, ...],
        Setting(
            "names by which your own mail exchangers call themselves in `Received: … by`",
            '["mx.shop.example"]',
            values.host,
        ),
    ] = ()
    authserv_id: Annotated[
        str,
        Setting(
            "the name at the beginning of the `Authentication-Results` that your own mail "
            "exchanger adds; without it no result counts",
            '"mx.shop.example"',
            values.word,
        ),
    ] = ""
    smart_hosts: Annotated[
        tuple[str, ...],
        Setting(
            "hosts, addresses or networks to which your mail is handed over: acceptance by them "
            "is no delivery",
            '["smtp.provider.example", "198.51.100.0/24"]',
            values.host_or_network,
        ),
    ] = ()
    time_zone: Annotated[
        str,
        Setting(
            "the zone of logs without one; default: that of this machine",
            '"Europe/Berlin"',
            values.time_zone,
        ),
    ] = ""


class Verp(Table, frozen=True, kw_only=True):
    """Signed return addresses (docs/trust.md)."""

    key_file: Annotated[
        str,
        Setting(
            "the file of keys; the variable `BOUNCEWISE_VERP_KEYS` replaces it",
            '"/etc/bouncewise/verp.keys"',
            values.path,
        ),
    ] = ""
    domain: Annotated[
        str,
        Setting("the domain of return addresses", '"bounces.shop.example"', values.domain),
    ] = ""
    prefix: Annotated[
        str,
        Setting(
            "the beginning of return addresses: a mailbox and the separator behind it",
            '"bounces+"',
            values.prefix,
        ),
    ] = "bounces+"
    days: Annotated[
        int,
        Setting("days for which a return address is valid", "30", values.validity),
    ] = 30
    since: Annotated[
        date | None,
        Setting(
            "the day from which on all your mail has a signed return address: notices about later "
            "mail that came to another address have no effect",
            "2026-12-01",
        ),
    ] = None


class Loop(Table, frozen=True, kw_only=True):
    """A feedback loop that you are enrolled in; the name of the table is yours to choose."""

    dkim_domains: Annotated[
        tuple[str, ...],
        Setting(
            "signing domains (`d=`) of the provider's reports",
            '["feedback.provider.example"]',
            values.domain,
        ),
    ] = ()
    senders: Annotated[
        tuple[str, ...],
        Setting(
            "From addresses of its reports, or their domains; default: the signing domain. Where "
            "customers of the provider have mailboxes in the domain, the address is necessary",
            '["reports@feedback.provider.example"]',
            values.address_or_domain,
        ),
    ] = ()
    redacts: Annotated[
        tuple[Redacted, ...],
        Setting(
            "what its reports hide: `recipient` (Original-Rcpt-To and the like are missing or "
            "replaced), `header` (To and Cc of the returned mail likewise)",
            '["recipient"]',
        ),
    ] = ()


class Stream(Table, frozen=True, kw_only=True):
    """A stream of mail; the name of the table is the name of the stream."""

    kind: Annotated[MailKind, Setting("`marketing` or `transactional`", '"transactional"')] = (
        MailKind.MARKETING
    )
    list_ids: Annotated[
        tuple[str, ...],
        Setting("values of List-Id (RFC 2919)", '["offers.shop.example"]', values.word),
    ] = ()
    from_domains: Annotated[
        tuple[str, ...],
        Setting("domains of the From address", '["receipts.shop.example"]', values.domain),
    ] = ()
    headers: Annotated[
        tuple[str, ...],
        Setting(
            "header fields, each with the beginning of its value",
            '["X-Mail-Kind: receipt"]',
            values.header,
        ),
    ] = ()


class TrustSettings(Table, frozen=True, kw_only=True):
    """What else is believed."""

    sns_certificates: Annotated[
        str,
        Setting(
            "a folder with the signing certificates of Amazon SNS; without it events that SNS "
            "sends by mail are claims",
            '"/etc/bouncewise/sns"',
            values.path,
        ),
    ] = ""
    sns_topics: Annotated[
        tuple[str, ...],
        Setting(
            "ARNs of your SNS topics: anybody can let SNS sign for topics of their own",
            '["arn:aws:sns:eu-west-1:123456789012:bounces"]',
        ),
    ] = ()


class Watch(Table, frozen=True, kw_only=True):
    """What `bouncewise watch` looks at."""

    domains: Annotated[
        tuple[str, ...],
        Setting(
            "domains that you send from; default: those of `[own]`",
            '["shop.example"]',
            values.domain,
        ),
    ] = ()
    ips: Annotated[
        tuple[str, ...],
        Setting("IP addresses that you send from", '["192.0.2.10", "2001:db8::25"]', values.ip),
    ] = ()
    smtp: Annotated[
        bool,
        Setting(
            "also connect to port 25 of the MX hosts of the domains, without a mail: STARTTLS, the "
            "certificate, and when it expires",
            "true",
        ),
    ] = False


class Settings(Table, frozen=True, kw_only=True):
    """Everything in bouncewise.toml."""

    defaults: Defaults = Defaults()
    own: Own = Own()
    verp: Verp = Verp()
    feedback: dict[str, Loop] = {}  # noqa: RUF012 - msgspec copies it
    streams: dict[str, Stream] = {}  # noqa: RUF012
    trust: TrustSettings = TrustSettings()
    watch: Watch = Watch()
    spool: Spool = Spool()
    http: Http = Http()
    postfix_policy: PostfixPolicy = PostfixPolicy()
    socketmap: Socketmap = Socketmap()
    tcp_table: TcpTable = TcpTable()
    smtp: Smtp = Smtp()
    webhook: tuple[Webhook, ...] = ()
    token: tuple[Token, ...] = ()
    dashboard: Dashboard = Dashboard()
    user: tuple[User, ...] = ()
    tail: tuple[Tail, ...] = ()
    folder: tuple[Folder, ...] = ()
    fetch: tuple[Fetch, ...] = ()
    syslog: tuple[Syslog, ...] = ()
    sync: tuple[Sync, ...] = ()
    alert: tuple[AlertTarget, ...] = ()
