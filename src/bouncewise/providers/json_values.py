"""JSON values in a text that is no single JSON value.

Reads: values one after another, as jq prints them; an array that is cut short, as a download that
broke off leaves it; and lines of values of which some are damaged. Gives: the complete values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

_DECODER = json.JSONDecoder()
_BETWEEN = re.compile(r"[\s,]*")


def complete_values(text: str) -> Iterator[Any]:
    """The complete values in *text*: all before the first damage, and lines that are one after it.

    Raises ValueError, after the values, where something was damaged or cut. Linear in the length of
    *text*.
    """
    at, is_in_array = _skip(text, 0), False
    while at < len(text):
        value, end = decode_first(text, at)
        if end == at:
            if is_in_array or text[at] != "[":
                break
            at, is_in_array = _skip(text, at + 1), True
            continue
        yield value
        at = _skip(text, end)
    if at < len(text):
        lines, damaged = text[at:].split("\n"), 0
        for line in lines:
            value, end = decode_first(text := line.strip().rstrip(","), 0)
            if text and end == len(text):
                yield value
            else:
                damaged += bool(text)
        raise ValueError(f"no JSON, or cut short: {damaged} line{'s'[: damaged != 1]} not read")
    if is_in_array:
        raise ValueError("an array of JSON values is cut short; those before the cut were read")


def decode_first(text: str, at: int) -> tuple[Any, int]:
    """The value that begins at *at*, and where it ends; *at* itself if there is none."""
    try:
        end = _DECODER.raw_decode(text, at)[1]
        # Only msgspec refuses numbers, nesting and half surrogates that later steps cannot write.
        return msgspec.json.decode(text[at:end].encode()), end
    except (ValueError, RecursionError, msgspec.DecodeError):
        return None, at


def _skip(text: str, at: int) -> int:
    """Where the next value begins."""
    between = _BETWEEN.match(text, at)
    return between.end() if between else at
