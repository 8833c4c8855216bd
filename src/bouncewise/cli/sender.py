"""``bouncewise sender``: the health of our own sending."""

from __future__ import annotations

import click

from bouncewise.cli.complaints import complaints
from bouncewise.cli.sender_audit import audit
from bouncewise.cli.sender_reports import reports
from bouncewise.cli.signals import signals
from bouncewise.cli.volume import volume


class _Targets(click.Group):
    """``sender reports`` is a command of its own; every other first argument is a target."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The subcommand named first, else the audit with all arguments."""
        if args and args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return "audit", audit, args

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Options before the target are the audit's."""
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["audit", *args]
        return super().parse_args(ctx, args)


@click.group("sender", cls=_Targets)
def command() -> None:
    """Check the records of a sending DOMAIN, the names of an IP address, or the authentication of
    a MESSAGE: SPF, DKIM, DMARC, PTR, MX.

    `sender reports` summarises what receivers report about your mail, `sender complaints` shows
    complaint rates and feedback loops, `sender signals` the figures of SNDS and Postmaster Tools,
    `sender volume` the mail at each receiver against its history.

    \b
    bouncewise sender example.com --ip 192.0.2.10
    bouncewise sender example.com --selector s1 --smtp
    bouncewise sender 192.0.2.10
    bouncewise sender received.eml --ip 192.0.2.10
    bouncewise sender example.com --zone example.com.zone
    bouncewise sender reports example.com
    bouncewise sender complaints
    bouncewise sender signals
    bouncewise sender volume
    """


for _command in (audit, complaints, reports, signals, volume):
    command.add_command(_command)
