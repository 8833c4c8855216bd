"""The command line: one file per verb, loaded when it is called."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from importlib import import_module
from io import StringIO, TextIOWrapper
from typing import TYPE_CHECKING

import click

from bouncewise import __version__
from bouncewise.encode import ESCAPED, for_terminal
from bouncewise.errors import BouncewiseError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

GROUPS = {
    "Bounces": {
        "classify": "classify SMTP replies, one per line",
        "explain": "explain a reply, a code, a cause or an address",
        "read": "read bounces, logs and feedback, and print verdicts",
        "ingest": "read into the ledger, and decide",
        "follow": "read logs into the ledger while they are written",
        "fetch": "read a mailbox into the ledger, by IMAP",
        "status": "what the ledger holds, what changed, what needs you",
        "dashboard": "show the ledger in the browser",
        "batch": "classify files of millions of replies",
    },
    "Addresses and lists": {
        "check": "may these addresses be mailed?",
        "clean": "drop the addresses of a list that must not be mailed",
        "validate": "is it worth mailing these addresses? by ledger, DNS and lists",
        "gate": "what will this list cost? should this mailing be stopped?",
        "segment": "who of a list still reads? by opens, clicks and other acts",
        "suppressions": "list, add, remove, import or export suppressions",
        "sync": "compare ESPs' suppression lists with the ledger; pull, push",
        "confirm": "record a sign of life of an address",
        "forget": "remove everything about an address",
    },
    "Why, and undo": {
        "history": "the log of an address or @domain",
        "diagnose": "rank the likely reasons for a refusal; name the next step",
        "audit": "who did what, when and why; undo it",
        "incidents": "outages of recipient directories; blocks of your mail",
        "missed": "who did not get which message, after an outage or a block",
        "release": "undo suppressions and holds by incident, time, cause …",
        "replay": "re-evaluate all stored evidence",
        "compare": "what other policies would have done with your history",
        "domains": "list dead domains, and look them up in DNS",
    },
    "Your own sending": {
        "sender": "check a sending domain; what receivers report about it",
        "review": "check a mailing before it is sent",
        "blocklists": "ask DNS blocklists about your addresses and domains",
        "contact": "where to ask about refused mail, and a letter to send there",
        "watch": "what changed in records, blocklists, reports and sources",
        "alerts": "alerts that wait or were given up; try a target",
        "verp": "make and check signed return addresses, and their keys",
    },
    "Service and settings": {
        "serve": "run the service: webhooks and mail in, answers out",
        "mcp": "the same operations as tools for an assistant (MCP)",
        "doctor": "check what the service stands on, and say what to do",
        "copy": "copy a ledger into a new one, in a file or in PostgreSQL",
        "migrate": "bring an older ledger up to date, with a copy kept",
        "spool": "what waits in the service's spool; unreadable records",
        "tokens": "make tokens for the service's HTTP server",
        "users": "make users of the service's dashboard",
        "config": "show, find and check the configuration file",
        "policy": "show the decision policy; check your own",
        "rules": "list rules; check and test your own",
        "help": "show the documentation, without a network",
    },
}
"""The verbs by what they are for, each with one line."""

VERBS = {verb: text for verbs in GROUPS.values() for verb, text in verbs.items()}


class Verbs(click.Group):
    """A group whose commands are modules of this package; --help needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which people meet them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of that name."""
        if name not in VERBS:
            return None
        command: click.Command = import_module(f"bouncewise.cli.{name}").command
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The verbs; none of them is loaded."""
        from click.shell_completion import CompletionItem

        options = click.Command.shell_complete(self, ctx, incomplete)
        verbs = ((verb, text) for verb, text in VERBS.items() if verb.startswith(incomplete))
        return [*(CompletionItem(verb, help=text) for verb, text in verbs), *options]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it; for a misspelt verb the error names the nearest one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as bad:
            from bouncewise.cli.spelling import did_you_mean

            raise click.UsageError(f"{bad.message}{did_you_mean(args[0], VERBS)}", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line per verb, by what they are for."""
        for title, verbs in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl(list(verbs.items()))


@click.group(
    cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, "-V", "--version", message="bouncewise %(version)s")
def bouncewise() -> None:
    """Know why mail bounced, and do the right thing about it.

    \b
    bouncewise classify <<< "550 5.4.1 Recipient address rejected: Access denied"
    bouncewise read /var/log/mail.log ~/Maildir/.bounces
    bouncewise ingest /var/log/mail.log && bouncewise clean list.csv -o clean.csv
    bouncewise explain 5.4.1

    `bouncewise help command-line` describes exit codes, environment and shell completion.
    """


def main() -> None:
    """Entry point. Exit codes: docs/command-line.md."""
    gc.set_threshold(100_000)  # no cycles to find, and looking took a fifteenth of an ingest
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=ESCAPED)
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        if signal.getsignal(number) is signal.SIG_DFL:  # (nohup ignores SIGHUP)
            signal.signal(number, _end)
    try:
        sys.exit(_run())
    except BrokenPipeError:  # whoever read standard output has gone; so has any use of the rest
        _silence()
        sys.exit(128 + 13)


def _run() -> int:
    """The exit code of the command line."""
    try:
        return bouncewise.main(prog_name="bouncewise", standalone_mode=False) or 0
    except BouncewiseError as bad:
        return _complain(2, f"bouncewise: {bad}")
    except (click.exceptions.Abort, KeyboardInterrupt):
        return 130
    except click.ClickException as bad:
        shown = StringIO()
        bad.show(shown)
        return _complain(bad.exit_code, *shown.getvalue().rstrip("\n").split("\n"))
    except BrokenPipeError:
        raise
    except OSError as bad:  # a full disk, a folder that is not there, a file without permission
        name = f"{bad.filename}: " if bad.filename else ""
        words = " ".join(str(bad.strerror or bad).split())
        return _complain(2, f"bouncewise: {name}{words}")
    except Exception as defect:
        if os.environ.get("BOUNCEWISE_DEBUG"):
            raise
        words = " ".join(f"{type(defect).__name__}: {defect}"[:300].split())
        return _complain(
            70,
            f"bouncewise: internal error: {words}. Please report it with the output of the same "
            "command under BOUNCEWISE_DEBUG=1.",
        )


def _end(number: int, _frame: object) -> None:
    """End as by Ctrl-C: what is half-written is removed, an open transaction undone."""
    signal.signal(number, signal.SIG_DFL)
    sys.exit(128 + number)


def _complain(code: int, *lines: str) -> int:
    """Print *lines* on standard error, where that is possible; *code*."""
    with contextlib.suppress(OSError):
        for line in lines:
            click.echo(for_terminal(line), err=True)
    return code


def _silence() -> None:
    """Suppress Python's own message about a stream that cannot be written when it is closed."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
