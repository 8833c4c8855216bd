"""The settings of what bouncewise sends on its own account: `bouncewise sync` (docs/sync.md), and
alerts (docs/sender.md).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from bouncewise.config import values
from bouncewise.config.table import Setting, Table


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


class AlertKind(StrEnum):
    """How an alert is sent."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    TEAMS = "teams"
    MAIL = "mail"


class AlertTarget(Table, frozen=True, kw_only=True):
    """Where the changes go that `bouncewise watch` finds; begin each with `[[alert]]`."""

    name: Annotated[
        str, Setting("a name of your choice, which is shown where it fails", '"ops"', values.name)
    ] = ""
    kind: Annotated[
        AlertKind,
        Setting("`webhook` (Standard Webhooks), `slack`, `teams` or `mail`", '"slack"'),
    ] = AlertKind.WEBHOOK
    url: Annotated[
        str,
        Setting(
            "an https URL, or where it is, for those of Slack and Teams are secrets: `file:` and a "
            "path, or `env:` and the name of a variable",
            '"env:SLACK_URL"',
            values.url_or_place,
        ),
    ] = ""
    secret: Annotated[
        str,
        Setting(
            "for `webhook`: where the secret is that signs; it begins with `whsec_`",
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
        Setting("for `mail`: the program that takes the mail", '"/usr/sbin/sendmail"', values.path),
    ] = "/usr/sbin/sendmail"
