"""The JSON that bouncewise writes: a stable contract, one Struct per kind of object.
docs/json.md is generated from it.

Keys keep their names, types and order; new keys may be added at the end. Times are RFC 3339 in
UTC. What is not known is null.
"""

from __future__ import annotations

from bouncewise.contract.base import Record, dumps, time

__all__ = ["Record", "dumps", "time"]
