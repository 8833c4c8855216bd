"""A value of an object that is found when it is first asked for, and kept.

``functools.cached_property`` without the lock that it takes until Python 3.12, which costs more than most of the values
here. Two threads may both find the value; it is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class once(Generic[T]):  # noqa: N801 (it stands where @property would)
    """Makes a method of no arguments an attribute."""

    def __init__(self, find: Callable[[Any], T]) -> None:
        self._find = find
        self._name = find.__name__
        self.__doc__ = find.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> once[T]: ...

    @overload
    def __get__(self, owner: object, kind: type) -> T: ...

    def __get__(self, owner: object | None, kind: type) -> T | once[T]:
        """The value: this descriptor has no ``__set__``, so what it keeps in the object's own dict is found before it."""
        if owner is None:
            return self
        value = owner.__dict__[self._name] = self._find(owner)
        return value
