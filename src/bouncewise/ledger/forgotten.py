"""Names that were forgotten: of each a keyed hash, and what was decided when it was forgotten.

Nobody can tell from the ledger alone whose they are. The key is in a file beside the ledger:
whoever has both can test a name. Where the key is missing, no question is answered: LedgerError.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import msgspec

from bouncewise.errors import LedgerError
from bouncewise.ledger.database import Database
from bouncewise.ledger.overview_parts import ForgottenRows
from bouncewise.model import Basis, Decision, Decisions, Scope, State
from bouncewise.times import Micros, datetime_of, micros

RULE = "forgotten"
"""The rule of Decisions that outlive what they followed from."""

_OCTETS = 16
_KEY_OCTETS = 32


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """A Decision without anything that tells about the person."""

    state: State
    basis: Basis
    scope: Scope
    stream: str
    until: int | None


class Forgotten:
    """The forgotten names of a ledger."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._key: bytes | None = None
        self._rows: ForgottenRows | None = None

    @property
    def key_path(self) -> Path:
        """The file with the key."""
        return self._db.path.with_name(f"{self._db.path.name}.key")

    def refresh(self) -> None:
        """Read them again at the next question."""
        self._rows = None

    def rows(self) -> ForgottenRows:
        """All of them."""
        return self._all()

    def use(self, rows: ForgottenRows) -> None:
        """Take *rows* for all of them, until ``refresh``."""
        self._rows = rows

    def __bool__(self) -> bool:
        return bool(self._all())

    def decisions(self, names: Iterable[str]) -> dict[str, Decisions]:
        """What was decided on those of *names* that were forgotten."""
        rows = self._all()
        if not rows:
            return {}
        found = {name: rows.get(self._hash(name)) for name in names}
        return {name: _read(*row) for name, row in found.items() if row is not None}

    def since(self, name: str) -> Micros | None:
        """When *name* was forgotten; None where it was not."""
        rows = self._all()
        row = rows.get(self._hash(name)) if rows else None
        return row[0] if row else None

    def add(self, name: str, decisions: Decisions, at: datetime) -> None:
        """Keep that *name* was forgotten, and the *decisions* that were in force."""
        kept = [
            _Kept(d.state, d.basis, d.scope, d.stream, micros(d.until) if d.until else None)
            for d in decisions
        ]
        self._db.run(
            "forgotten_put",
            hash=self._hash(name, create=True),
            at=micros(at),
            decisions=msgspec.msgpack.encode(kept),
        )
        self.refresh()

    def drop(self, name: str) -> None:
        """Forget even that it was forgotten."""
        if self._all():
            self._db.run("forgotten_delete", hash=self._hash(name))
            self.refresh()

    def _all(self) -> ForgottenRows:
        if self._rows is None:
            self._rows = {
                bytes(key): (Micros(at), bytes(data))
                for key, at, data in self._db.all("forgotten_all")
            }
        return self._rows

    def _hash(self, name: str, *, create: bool = False) -> bytes:
        key = self._load_key(create=create)
        return hmac.digest(key, name.encode("utf-8", "surrogatepass"), "sha256")[:_OCTETS]

    def _load_key(self, *, create: bool) -> bytes:
        if self._key is None:
            path = self.key_path
            if create and not path.exists() and not self._all():
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with contextlib.suppress(FileExistsError):
                    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                    with os.fdopen(file, "wb") as stream:
                        stream.write(secrets.token_bytes(_KEY_OCTETS))
            try:
                self._key = path.read_bytes()
            except OSError as bad:
                raise LedgerError(
                    f"{path}: {bad.strerror}. It is the key of the forgotten addresses; without it"
                    " nobody knows which may be mailed. Restore it, or copy it from the machine on"
                    " which it was made."
                ) from None
            if len(self._key) != _KEY_OCTETS:
                raise LedgerError(f"{path}: not a key of forgotten addresses. Restore it.")
        return self._key


def _read(at: Micros, data: bytes) -> Decisions:
    when = datetime_of(at)
    return tuple(
        Decision(
            state=kept.state,
            basis=kept.basis,
            scope=kept.scope,
            stream=kept.stream,
            since=when,
            until=datetime_of(Micros(kept.until)) if kept.until is not None else None,
            why=f"decided before it was forgotten on {when:%Y-%m-%d}",
            rule=RULE,
        )
        for kept in msgspec.msgpack.decode(data, type=list[_Kept])
    )
