"""The settings of what bouncewise sends on its own account: `bouncewise sync` (docs/sync.md), and
alerts (docs/sender.md).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from bouncewise.config import values, web_values
from bouncewise.config.inputs import Security
from bouncewise.config.table import Setting, Table


class SyncAct(StrEnum):
    """What is done by itself."""

    PULL = "pull"
    PUSH = "push"


class Sync(Table, frozen=True, kw_only=True):
    """A suppression list elsewhere, for `bouncewise sync NAME`; begin each with `[[sync]]`."""

    name: Annotated[str, Setting("its name on the command line", '"news"', values.name)] = ""
    esp: Annotated[
        str,
        Setting("who has the list, as in docs/sync.md", '"mailgun"', values.word),
    ] = ""
    key: Annotated[
        str,
        Setting(
            "where the key of the API is: `file:` and a path, or `env:` and the name of a "
            "variable; default: the variable in docs/sync.md",
            '"file:/etc/bouncewise/mailgun.key"',
            values.secret_place,
        ),
    ] = ""
    user: Annotated[
        str, Setting("for listmonk and Mautic: the name of the API user", '"bouncewise"')
    ] = ""
    url: Annotated[
        str,
        Setting(
            "the beginning of the API's URLs, where it is not the usual one",
            '"https://api.eu.mailgun.net"',
            values.url,
        ),
    ] = ""
    region: Annotated[str, Setting("for SES: the region", '"eu-west-1"', values.word)] = ""
    domain: Annotated[
        str, Setting("for Mailgun: the domain", '"news.shop.example"', values.domain)
    ] = ""
    stream: Annotated[
        str,
        Setting("for Postmark: the message stream", '"broadcast"', values.word),
    ] = ""
    group: Annotated[
        int,
        Setting(
            "for SendGrid: the number of the unsubscribe group of your marketing mail, for "
            "complaints and unsubscribes",
            "17",
        ),
    ] = 0
    marketing: Annotated[
        bool,
        Setting(
            "this account, domain or stream sends marketing mail only: complaints and unsubscribes "
            "are pushed to it as well, also where its list stops all mail",
            "true",
        ),
    ] = False
    every: Annotated[
        int,
        Setting(
            "seconds between two runs by `bouncewise serve`; list managers get what is suppressed "
            "meanwhile within a minute; default: it runs on the command line only",
            "3600",
            web_values.seconds_between_syncs,
        ),
    ] = 0
    acts: Annotated[
        tuple[SyncAct, ...],
        Setting("what these runs do: `pull`, `push`", '["push"]'),
    ] = (SyncAct.PULL, SyncAct.PUSH)


class AlertKind(StrEnum):
    """How an alert is sent."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    TEAMS = "teams"
    MAIL = "mail"
    APPRISE = "apprise"


class AlertTopic(StrEnum):
    """What an alert is about."""

    INCIDENT = "incident"
    REFUSALS = "refusals"
    SOURCE = "source"
    UNCLASSIFIED = "unclassified"
    SPOOL = "spool"
    POISON = "poison"
    SYNC = "sync"
    RECORDS = "records"
    LISTING = "listing"
    REPORTS = "reports"


class AlertTarget(Table, frozen=True, kw_only=True):
    """Where alerts go: the changes that `bouncewise watch` or the service finds (docs/alerts.md);
    begin each with `[[alert]]`.
    """

    name: Annotated[
        str, Setting("a name of your choice, which is shown where it fails", '"ops"', values.name)
    ] = ""
    kind: Annotated[
        AlertKind,
        Setting(
            "`webhook` (Standard Webhooks), `slack`, `teams`, `mail`, or `apprise` for what "
            "[Apprise](https://github.com/caronc/apprise) knows (the extra `[alerts]`)",
            '"slack"',
        ),
    ] = AlertKind.WEBHOOK
    on: Annotated[
        tuple[AlertTopic, ...],
        Setting(
            "what is sent to it: `incident`, `refusals` (receivers refuse you), `source` (one is "
            "silent), `unclassified`, `spool`, `poison`, `sync`, `records`, `listing`, `reports`; "
            "default: everything",
            '["incident", "refusals"]',
        ),
    ] = ()
    url: Annotated[
        str,
        Setting(
            "an https URL, or where it is, for those of Slack, Teams and Apprise are secrets: "
            "`file:` and a path, or `env:` and the name of a variable",
            '"env:SLACK_URL"',
            values.url_or_place,
        ),
    ] = ""
    allow_private: Annotated[
        bool,
        Setting(
            "whether the host of `url` may be in your own network or on this machine; else only "
            "addresses that are public are connected to",
            "true",
        ),
    ] = False
    secret: Annotated[
        str,
        Setting(
            "for `webhook`: where the secret is that signs; it begins with `whsec_`. For `mail` "
            "with `user`: where the password is",
            '"file:/etc/bouncewise/alerts.secret"',
            values.secret_place,
        ),
    ] = ""
    to: Annotated[
        tuple[str, ...],
        Setting("for `mail`: the recipients", '["postmaster@shop.example"]', values.mail_address),
    ] = ()
    sender: Annotated[
        str,
        Setting("for `mail`: the sender", '"bouncewise@shop.example"', values.mail_address),
    ] = ""
    sendmail: Annotated[
        str,
        Setting(
            "for `mail` without `smtp`: the program that takes the mail",
            '"/usr/sbin/sendmail"',
            values.path,
        ),
    ] = "/usr/sbin/sendmail"
    smtp: Annotated[
        str,
        Setting(
            "for `mail`: the mail server that takes it, host and port",
            '"smtp.shop.example:587"',
            web_values.server,
        ),
    ] = ""
    security: Annotated[
        Security,
        Setting(
            "of `smtp`: `starttls`, `tls`, or `none`, which only this machine itself may have",
            '"starttls"',
        ),
    ] = Security.STARTTLS
    user: Annotated[
        str, Setting("of `smtp`: the name to log in with, if it asks for one", '"bouncewise"')
    ] = ""
