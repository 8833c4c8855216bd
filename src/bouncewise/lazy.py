"""An attribute that is computed when it is first read, and then kept.

``lazy_property`` is ``functools.cached_property`` without the lock that Python 3.11 takes; that
lock costs more than most of the values computed here (Python 3.12 removed it). Two threads that
read an attribute at the same time may both compute it; both values are equal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class lazy_property(Generic[T]):  # noqa: N801 (a decorator, named as @property is)
    """Turn a method without arguments into an attribute that is computed when it is first read."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> lazy_property[T]: ...

    @overload
    def __get__(self, owner: object, kind: type) -> T: ...

    def __get__(self, owner: object | None, kind: type) -> T | lazy_property[T]:
        """Compute the value and store it in the object's ``__dict__``.

        A descriptor without ``__set__`` is only consulted when ``__dict__`` has no such key.
        """
        if owner is None:
            return self
        value = owner.__dict__[self._name] = self._compute(owner)
        return value
