"""The memory that what is being received may take, of all connections together.

A webhook or a mail is kept in memory until it is in the spool, and anybody can begin many at once.
"""

from __future__ import annotations

from typing import Self

MOST = 256 << 20
"""Octets."""


class Room:
    """What is left of the memory."""

    def __init__(self, octets: int = MOST) -> None:
        self.left = octets

    def take(self) -> Place:
        """A place for one thing, which takes nothing yet."""
        return Place(self)


class Place:
    """What one thing takes, until it is left."""

    def __init__(self, room: Room) -> None:
        self._room, self._octets = room, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._room.left += self._octets
        self._octets = 0

    def grow(self, octets: int) -> bool:
        """Take more, if there is room."""
        if octets > self._room.left:
            return False
        self._room.left -= octets
        self._octets += octets
        return True
