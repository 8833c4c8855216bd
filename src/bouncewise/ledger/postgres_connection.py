"""A connection to a PostgreSQL server, and what its errors say in one line without a password."""

from __future__ import annotations

from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.adapt import Buffer, Loader
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int8Dumper

from bouncewise.errors import LedgerError
from bouncewise.ledger.database import SILENCE, Row
from bouncewise.ledger.location import Location, unusable_url

T = TypeVar("T")

ERRORS = (psycopg.Error, UnicodeError)
"""What psycopg raises; also for text that has no form in UTF-8."""

_DEFAULTS = {
    "fallback_application_name": "bouncewise",
    "connect_timeout": "10",
    # A server that is silent is given up after half a minute, not after hours.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "4",
    "tcp_user_timeout": "30000",
}


class _Connection(psycopg.Connection[Row]):
    """One whose statements may take SILENCE seconds, if that is set where it was opened."""

    silence: float | None = None

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """See psycopg. Closes the connection where the server was silent for too long."""
        limit = self.silence if timeout is None else timeout
        try:
            return super().wait(gen, interval, limit)
        except psycopg.OperationalError:
            if (
                limit
                and timeout is None
                and self.pgconn.transaction_status == TransactionStatus.ACTIVE
            ):
                self.pgconn.finish()
                raise psycopg.OperationalError(f"the server was silent for {limit:g} s") from None
            raise


class _Whole(Loader):
    """``sum`` of BIGINT is NUMERIC, and always a whole number."""

    def load(self, data: Buffer) -> int:
        return int(bytes(data))


def connect(location: Location) -> psycopg.Connection[Row]:
    """A connection without a transaction. Raises LedgerError where there is no such server, it
    refuses, or the database is not in UTF-8.
    """
    try:
        given = conninfo_to_dict(location.url)
    except psycopg.Error:  # its message repeats the password
        raise unusable_url() from None
    settings: dict[str, Any] = {**_DEFAULTS, **given, "client_encoding": "UTF8"}
    try:
        connection = _Connection.connect(autocommit=True, **settings)
    except ERRORS as bad:
        raise LedgerError(f"{location.name}: cannot be opened: {reason(bad)}") from None
    if connection.info.parameter_status("server_encoding") != "UTF8":
        connection.close()
        raise LedgerError(f"{location.name}: the database is not in UTF-8; create one that is")
    connection.silence = SILENCE.get(None)
    # One type for all numbers, so that a query is planned once.
    connection.adapters.register_dumper(int, Int8Dumper)
    connection.adapters.register_loader("numeric", _Whole)
    return connection


def storable(value: Any) -> Any:
    """*value*; PostgreSQL's text cannot hold NUL."""
    return value.replace("\0", "\\x00") if isinstance(value, str) and "\0" in value else value


def reason(bad: Exception) -> str:
    """What the server says, or the first line of the client: further lines repeat statements."""
    stated = bad.diag.message_primary if isinstance(bad, psycopg.Error) else None
    return (stated or next(iter(str(bad).splitlines()), "") or type(bad).__name__).rstrip(".")
