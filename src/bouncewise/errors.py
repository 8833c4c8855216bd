"""What can go wrong for the operator. Bad mail is never an error: it yields no Report and a
note.

The class says what kind of thing it was; the message says what happened and what to do.
"""

from __future__ import annotations


class BouncewiseError(Exception):
    """An error that the operator can correct."""


class RuleError(BouncewiseError):
    """A rule or policy file is not well formed."""


class ConfigError(BouncewiseError):
    """The configuration or a file of keys is not well formed."""


class InputError(BouncewiseError):
    """A file or argument cannot be used as given."""


class NotFoundError(InputError):
    """There is nothing of the name or number that was given."""


class LedgerError(BouncewiseError):
    """The ledger cannot be opened, or was written by another version."""


class OutputError(BouncewiseError):
    """A file cannot be written as asked."""


def missing_extra(extra: str, what: str, libraries: str) -> InputError:
    """The error where *what* needs the *libraries* of an *extra* of this package."""
    return InputError(
        f"{what} needs {libraries}: pip install 'bouncewise[{extra}]', or in a checkout "
        f"pip install '.[{extra}]'"
    )
