"""The same tests on both databases: ``conftest.py`` of a folder imports the two names below.

On PostgreSQL a path stands for a schema of the tests' own server: a file at the path names it, so
that removing the file removes the ledger. A test marked ``sqlite`` is about files, and runs once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bouncewise.ledger import Location, opening
from bouncewise.ledger import store as ledger_store
from support import postgres

KINDS = ("sqlite", "postgresql")


class Databases:
    """Which database ledgers are in."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._schemas: list[str] = []

    def db(self, path: Path) -> str:
        """What a process of its own is given as --db for the ledger of *path*."""
        return self.url(path, create=True) or str(path)

    def url(self, path: Path, *, create: bool) -> str:
        """The URL for the ledger of *path*; '' on SQLite."""
        if self.kind == "sqlite":
            return ""
        if path.is_file():
            return postgres.server().url(path.read_text())
        if not create:
            return postgres.server().url("nothing")
        url = postgres.server().new_url()
        schema = postgres.schema_of(url)
        self._schemas.append(schema)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(schema)
        return url

    def remove(self) -> None:
        """Remove the schemas that were made."""
        for schema in self._schemas:
            postgres.server().sql(f"DROP SCHEMA {schema} CASCADE")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Once for each kind of database."""
    is_about_files = metafunc.definition.get_closest_marker("sqlite") is not None
    metafunc.parametrize("databases", KINDS[: 1 if is_about_files else 2], indirect=True)


@pytest.fixture(autouse=True)
def databases(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Databases]:
    """Every ledger that is opened is in this kind of database."""
    found = Databases(request.param)

    def opened(location: Location, *, create: bool = False, read_only: bool = False):
        if not location.url:
            location = location._replace(url=found.url(location.path, create=create))
        return opening.open_database(location, create=create, read_only=read_only)

    if found.kind != "sqlite":
        postgres.server()  # or the test is skipped
        monkeypatch.setattr(ledger_store, "open_database", opened)
    yield found
    found.remove()
