"""Know why mail bounced, and do the right thing about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bouncewise.classifier.classify import classify
    from bouncewise.model import Advice, Cause, Report, Verdict
    from bouncewise.operations.explain import explain

__version__ = "0.1.0"
__all__ = ["Advice", "Cause", "Report", "Verdict", "__version__", "classify", "explain"]

_MODULES = {
    "classify": "classifier.classify",
    "explain": "operations.explain",
    "Advice": "model",
    "Cause": "model",
    "Report": "model",
    "Verdict": "model",
}


def __getattr__(name: str) -> object:
    """Public names, loaded at first use: ``import bouncewise`` alone costs no time."""
    if name not in _MODULES:
        raise AttributeError(f"module 'bouncewise' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"bouncewise.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted({*globals(), *__all__})
