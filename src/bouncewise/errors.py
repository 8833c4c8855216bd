"""What can go wrong for the operator. Bad mail is never an error: it yields no Report and a
note.

The class says what kind of thing it was; the message says what happened and what to do.
"""

from __future__ import annotations


class BouncewiseError(Exception):
    """Anything bouncewise asks its operator to mend."""


class RuleError(BouncewiseError):
    """A rule or policy file does not say what it must."""


class ConfigError(BouncewiseError):
    """The configuration or a file of keys does not say what it must."""


class InputError(BouncewiseError):
    """A file or argument cannot be used as given."""


class LedgerError(BouncewiseError):
    """The ledger cannot be opened, or was written by another version."""


class OutputError(BouncewiseError):
    """A file cannot be written as asked."""
