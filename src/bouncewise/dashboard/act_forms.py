"""What an act of the pages is made of: its form, what was entered, and the operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import msgspec

from bouncewise.config.dashboard import Role
from bouncewise.dashboard.effects import Effect
from bouncewise.errors import InputError
from bouncewise.service.api.backend import Call
from bouncewise.service.spool import Record

S = TypeVar("S", bound=msgspec.Struct)


class Field(NamedTuple):
    """A field of the form of an act. ``kind``: ``text``, ``date``, ``file``, ``select``, or
    ``fixed`` where the page that led here filled it in; ``choices``: values and their words.
    """

    name: str
    label: str
    kind: str = "text"
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    optional: bool = False

    @property
    def default(self) -> str:
        """The value where none was entered."""
        return self.choices[0][0] if self.choices else ""


class Entered(NamedTuple):
    """What was entered, by field; the name and the octets of an uploaded file; what puts a record
    back into the spool.
    """

    fields: dict[str, str]
    octets: bytes
    store: Callable[[Record], None]

    def of(self, kind: type[S], *names: str, **more: Any) -> S:
        """The parameters or the body of a request, as ``/v1`` takes them. Raises InputError."""
        given = {name: self.fields[name] for name in names if self.fields.get(name)}
        given |= {"why": self.fields["why"], **more}
        try:
            return msgspec.convert(given, kind, strict=False)
        except msgspec.ValidationError as bad:
            text, _, place = str(bad).partition(" - at `$.")
            raise InputError(f"{place.rstrip('`') or 'the form'}: {text}") from None


class Act(NamedTuple):
    """``title``: what the form is headed with; ``verb``: what the button says; ``run``: does it, or
    a dry run; ``page``: where the browser goes afterwards.
    """

    title: str
    verb: str
    role: Role
    fields: tuple[Field, ...]
    run: Callable[[Call, Entered, bool], Effect]
    page: Callable[[dict[str, str]], str]
    about: str = ""

    @property
    def has_file(self) -> bool:
        """Whether a file is uploaded."""
        return any(field.kind == "file" for field in self.fields)
