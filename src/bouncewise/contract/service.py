"""What ``serve --check-config``, ``doctor``, ``migrate``, ``copy``, ``tokens``, ``users``,
``dashboard`` and ``spool`` write.
"""

from __future__ import annotations

from typing import Annotated

from bouncewise.contract.base import Record, about


class TokenRecord(Record, frozen=True, kw_only=True):
    """One object."""

    name: Annotated[str, about("who uses it")]
    token: Annotated[str, about("the token, for `Authorization: Bearer`; it is stored nowhere")]
    lines: Annotated[str, about("what to add to bouncewise.toml")]


class UserRecord(Record, frozen=True, kw_only=True):
    """``users make``: one object."""

    name: Annotated[str, about("the name to sign in with")]
    role: Annotated[str, about("`viewer` `operator` `admin`")]
    lines: Annotated[str, about("what to add to bouncewise.toml; the password is stored nowhere")]


class ServeRecord(Record, frozen=True, kw_only=True):
    """``serve --check-config``: one object."""

    ledger: Annotated[str, about("the ledger's file")]
    spool: Annotated[str, about("the folder of the spool")]
    http: Annotated[str, about("where HTTP listens; `off`")]
    postfix_policy: Annotated[str, about("where the policy server for Postfix listens; `off`")]
    socketmap: Annotated[str, about("where the server for socketmap tables listens; `off`")]
    tcp_table: Annotated[str, about("where the server for tcp tables and Exim listens; `off`")]
    lmtp: Annotated[str, about("where LMTP listens; `off`")]
    smtp: Annotated[str, about("where SMTP listens; `off`")]
    accept: Annotated[tuple[str, ...], about("the recipients that LMTP and SMTP accept")]
    webhooks: Annotated[dict[str, str], about("name to provider")]
    tokens: Annotated[tuple[str, ...], about("the names of the tokens")]
    dashboard: Annotated[str, about("where the dashboard is; `off`")]
    inputs: Annotated[tuple[str, ...], about("what is followed and fetched")]
    alerts: Annotated[tuple[str, ...], about("the names of the [[alert]]s")]
    sync: Annotated[tuple[str, ...], about("the accounts that are kept in step")]


class FeedRecord(Record, frozen=True, kw_only=True):
    """``follow`` and ``fetch``: one object at the end."""

    reports: Annotated[int, about("reports read")]
    new: Annotated[int, about("of those that are no deliveries, how many the ledger did not have")]
    failed: Annotated[tuple[str, ...], about("what could not be read, and why")]


class DashboardRecord(Record, frozen=True, kw_only=True):
    """``dashboard``: one object, before the pages are served."""

    url: Annotated[str, about("the address to open; it contains the token")]
    ledger: Annotated[str, about("the ledger's file")]


class SpoolRecord(Record, frozen=True, kw_only=True):
    """``spool list``: first this object, then a row per record that could not be read."""

    folder: Annotated[str, about("the folder of the spool")]
    waiting: Annotated[int, about("records that the ledger has not read")]
    octets: Annotated[int, about("their octets")]


class DoctorRow(Record, frozen=True, kw_only=True):
    """``doctor``: a check."""

    check: Annotated[str, about("what was looked at")]
    outcome: Annotated[str, about("`ok` `finding` `unknown`")]
    text: Annotated[str, about("what was found")]
    todo: Annotated[str | None, about("what to do")]


class MigrateRecord(Record, frozen=True, kw_only=True):
    """``migrate``: one object."""

    ledger: Annotated[str, about("the ledger's file")]
    before: Annotated[int, about("its schema before")]
    after: Annotated[int, about("its schema afterwards")]
    copy: Annotated[str | None, about("the copy of the ledger before; null where it was current")]
    dry_run: Annotated[bool, about("whether nothing was done")]


class CopyRecord(Record, frozen=True, kw_only=True):
    """``copy``: one object."""

    ledger: Annotated[str, about("the ledger that was copied")]
    to: Annotated[str, about("the new ledger")]
    rows: Annotated[dict[str, int], about("table to the number of its rows")]
    digest: Annotated[
        str | None, about("of all rows, equal in both ledgers; null: nothing was written")
    ]
    dry_run: Annotated[bool, about("whether nothing was done")]


class PoisonRow(Record, frozen=True, kw_only=True):
    """``spool``: a record that could not be read."""

    number: Annotated[int, about("its number")]
    kind: Annotated[str, about("`webhook` `lmtp` `smtp`")]
    source: Annotated[str, about("the name of the webhook")]
    at: Annotated[str | None, about("when it was received")]
    octets: Annotated[int, about("its octets")]
    why: Annotated[str, about("why it could not be read")]


class ToolRow(Record, frozen=True, kw_only=True):
    """``mcp --list``: a tool."""

    name: Annotated[str, about("its name")]
    about: Annotated[str, about("what it answers or does")]
    acts: Annotated[bool, about("whether it changes something")]
