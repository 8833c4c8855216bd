"""Know why mail bounced, and do the right thing about it.

The names listed in ``__all__`` are the public library; docs/library.md describes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bouncewise.classifier.classify import Classifier, classify
    from bouncewise.errors import (
        BouncewiseError,
        ConfigError,
        InputError,
        LedgerError,
        OutputError,
        RuleError,
    )
    from bouncewise.intake.reading import ClassifiedFinding
    from bouncewise.library import Ledger, check, diagnose, ingest, read
    from bouncewise.lists.validation import Validation
    from bouncewise.model import (
        Advice,
        Cause,
        Decision,
        Event,
        Incident,
        Kind,
        Party,
        Permanence,
        Report,
        Scope,
        Stage,
        State,
        Verdict,
    )
    from bouncewise.operations.check import Answer
    from bouncewise.operations.explain import Page, explain
    from bouncewise.operations.validate import validate
    from bouncewise.readers import Note

__version__ = "0.1.0"

_MODULES = {
    "classifier.classify": ("Classifier", "classify"),
    "errors": (
        "BouncewiseError",
        "ConfigError",
        "InputError",
        "LedgerError",
        "OutputError",
        "RuleError",
    ),
    "intake.reading": ("ClassifiedFinding",),
    "library": ("Ledger", "check", "diagnose", "ingest", "read"),
    "lists.validation": ("Validation",),
    "model": (
        "Advice",
        "Cause",
        "Decision",
        "Event",
        "Incident",
        "Kind",
        "Party",
        "Permanence",
        "Report",
        "Scope",
        "Stage",
        "State",
        "Verdict",
    ),
    "operations.check": ("Answer",),
    "operations.explain": ("Page", "explain"),
    "operations.validate": ("validate",),
    "readers": ("Note",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Advice",
    "Answer",
    "BouncewiseError",
    "Cause",
    "ClassifiedFinding",
    "Classifier",
    "ConfigError",
    "Decision",
    "Event",
    "Incident",
    "InputError",
    "Kind",
    "Ledger",
    "LedgerError",
    "Note",
    "OutputError",
    "Page",
    "Party",
    "Permanence",
    "Report",
    "RuleError",
    "Scope",
    "Stage",
    "State",
    "Validation",
    "Verdict",
    "__version__",
    "check",
    "classify",
    "diagnose",
    "explain",
    "ingest",
    "read",
    "validate",
]


def __getattr__(name: str) -> object:
    """Public names, loaded at first use: ``import bouncewise`` alone costs no time."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'bouncewise' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"bouncewise.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted({*globals(), *__all__})
