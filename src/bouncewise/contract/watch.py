"""What ``watch`` writes."""

from __future__ import annotations

from typing import Annotated

from bouncewise.contract.base import Record, about


class WatchRow(Record, frozen=True, kw_only=True):
    """One object per change."""

    turn: Annotated[
        str, about("`began` `worse` `better` `ended`; with `--standing` always `stands`")
    ]
    part: Annotated[
        str,
        about("what was looked at: `records DOMAIN`, `listing IP ZONE`, `new-source DOMAIN IP` …"),
    ]
    id: Annotated[str, about("the check")]
    level: Annotated[str, about("`error` `warning`")]
    words: Annotated[str, about("what was found")]
    fix: Annotated[str, about("what to do")]
    since: Annotated[str | None, about("when it was found first")]
