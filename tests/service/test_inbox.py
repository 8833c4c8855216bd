"""The way into the spool: the operator learns that it refuses."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bouncewise.service import spool
from bouncewise.service.inbox import Inbox
from bouncewise.service.spool import Record, SpoolFullError, Writer


def test_a_full_spool_is_two_lines_however_much_it_refuses(tmp_path: Path) -> None:
    lines: list[str] = []
    record = Record(1, "webhook", "pm", b"a" * 400)

    async def fill() -> None:
        inbox = Inbox(Writer(tmp_path, 1000), lines.append)
        writing = asyncio.create_task(inbox.run())
        await inbox.put(record)
        await inbox.put(record)
        for _ in range(3):
            with pytest.raises(SpoolFullError):
                await inbox.put(record)
        spool.remove_before(tmp_path, inbox.end, 0, tmp_path.stat().st_mtime + 1)
        await inbox.put(record)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)

    asyncio.run(fill())
    assert len(lines) == 2
    assert "reached its limit; webhooks are answered with 503" in lines[0]
    assert lines[1] == "the spool has room again"
