"""Know why mail bounced, and do the right thing about it."""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["Advice", "Cause", "Report", "Verdict", "__version__", "classify", "explain"]

_HOMES = {
    "classify": "judge",
    "explain": "explanation",
    "Advice": "model",
    "Cause": "model",
    "Report": "model",
    "Verdict": "model",
}


def __getattr__(name: str) -> object:
    """Public names, loaded when first asked for: importing bouncewise costs nothing."""
    if name not in __all__:
        raise AttributeError(f"module 'bouncewise' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"bouncewise.{_HOMES.get(name, 'model')}"), name)
