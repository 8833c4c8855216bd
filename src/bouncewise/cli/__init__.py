"""The command line: one file per verb, loaded when it is called."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from io import StringIO

import click

from bouncewise import __version__
from bouncewise.encode import for_terminal
from bouncewise.errors import BouncewiseError

VERBS = {
    "classify": "say what SMTP replies mean, one per line",
    "read": "read bounces, logs and feedback, and judge them",
    "ingest": "read, record in the ledger, and decide",
    "check": "may these addresses be mailed?",
    "clean": "remove addresses from a list that must not be mailed",
    "status": "count the ledger's addresses by state, cause and trust",
    "suppressions": "list, add, remove, import or export suppressions",
    "batch": "judge files of millions of replies",
    "confirm": "record a sign of life of an address",
    "history": "the log of an address or @domain",
    "incidents": "outages of recipient directories; blocks of your mail",
    "domains": "look up domains that are suppressed as dead",
    "release": "undo suppressions by incident, time, receiver, cause, rule or trust",
    "replay": "judge all stored evidence again",
    "explain": "explain a reply, a code, a cause or an address",
    "diagnose": "rank the explanations of a refusal; say what to do next",
    "policy": "show the decision policy; check your own",
    "rules": "list rules; check and test your own",
    "verp": "make and check signed return addresses, and their keys",
    "config": "show, find and check the configuration file",
}


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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line per verb."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(
    cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, "-V", "--version", message="%(version)s")
def bouncewise() -> None:
    """Know why mail bounced, and do the right thing about it.

    \b
    bouncewise classify <<< "550 5.4.1 Recipient address rejected: Access denied"
    bouncewise read /var/log/mail.log ~/Maildir/.bounces
    bouncewise ingest /var/log/mail.log && bouncewise clean list.csv -o clean.csv
    bouncewise explain 5.4.1
    """


def main() -> None:
    """Entry point: exits 0, or 1 for a finding, or 2 where something is asked of the operator."""
    gc.set_threshold(100_000)  # no cycles to find, and looking took a fifteenth of an ingest
    try:
        sys.exit(bouncewise.main(standalone_mode=False) or 0)
    except BouncewiseError as bad:
        _complain(f"bouncewise: {bad}")
        sys.exit(2)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as bad:
        shown = StringIO()
        bad.show(shown)
        _complain(*shown.getvalue().rstrip("\n").split("\n"))
        sys.exit(bad.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as bad:  # a full disk, a folder that is not there, a file without permission
        name = f"{bad.filename}: " if bad.filename else ""
        _complain(f"bouncewise: {name}{bad.strerror or bad}")
        sys.exit(2)
    except Exception as defect:
        if os.environ.get("BOUNCEWISE_DEBUG"):
            raise
        words = f"{type(defect).__name__}: {defect}"[:300]
        _complain(
            f"bouncewise: internal error: {words}. Please report it with the output of the same "
            "command under BOUNCEWISE_DEBUG=1."
        )
        sys.exit(70)  # EX_SOFTWARE of sysexits.h


def _complain(*lines: str) -> None:
    for line in lines:
        click.echo(for_terminal(line), err=True)
