"""Bars by day as SVG, without script: each day has a title, and the numbers stand in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

WIDTH, HEIGHT = 720, 160
_NAMES = {
    "address": "about recipients",
    "domain": "about domains",
    "sender": "about you",
    "other": "other",
}
_CLIP = 6.0  # a bar this many times the usual height is cut, so that the others can be seen


def bars(days: Sequence[Mapping[str, Any]], parts: Sequence[str], about: str) -> Markup:
    """The chart of *days*: rows with a ``day`` and a number for each of *parts*, which are the
    names of their colours; *about*: what it shows, for those who cannot see it.
    """
    top, is_cut = _top([sum(row[name] for name in parts) for row in days])
    step = WIDTH / max(1, len(days))
    shapes = [
        shape for n, row in enumerate(days) for shape in _bar(row, parts, n * step, step, top)
    ]
    # (three marks, which stand at the left, in the middle and at the right)
    shown = [days[0], days[len(days) // 2], days[-1]] if len(days) > 2 else days
    marks = "".join(f"<span>{row['day']:%Y-%m-%d}</span>" for row in shown)
    cut = ", higher bars are cut" if is_cut else ""
    return Markup(  # noqa: S704 - numbers and dates, and what is escaped
        f'<p class="scale">up to {top:,.0f} a day{cut}</p>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(about)}" '
        f'preserveAspectRatio="none" class="bars">{"".join(shapes)}</svg>'
        f'<div class="axis" aria-hidden="true">{marks}</div>'
    )


def _top(totals: list[int]) -> tuple[float, bool]:
    """The height of the chart, and whether some bars are higher."""
    highest = max(totals, default=0)
    usual = sorted(totals)[int(len(totals) * 0.75)] if totals else 0
    if usual and highest > _CLIP * usual:
        return _CLIP * usual, True
    return float(max(highest, 1)), False


def _bar(
    row: Mapping[str, Any], parts: Sequence[str], x: float, step: float, top: float
) -> list[str]:
    title = f"{row['day']}: " + ", ".join(f"{row[name]:,} {_NAMES[name]}" for name in parts)
    shapes, below = [f"<g><title>{escape(title)}</title>"], 0.0
    gap = min(2.0, step / 5)
    for name in parts:
        height = min(row[name] / top, max(0.0, 1 - below)) * HEIGHT
        if height > 0:
            y = HEIGHT - below * HEIGHT - height
            shapes.append(
                f'<rect class="{escape(name)}" x="{x + gap / 2:.1f}" y="{y:.1f}" '
                f'width="{step - gap:.1f}" height="{height:.1f}"/>'
            )
        below += row[name] / top
    # An empty day can be pointed at as well.
    shapes.append(f'<rect class="day" x="{x:.1f}" y="0" width="{step:.1f}" height="{HEIGHT}"/></g>')
    return shapes


def spark(counts: Sequence[int], about: str) -> Markup:
    """A small line of *counts*; *about*: what it shows, for those who cannot see it."""
    top = max(counts, default=0) or 1
    step = 100 / max(1, len(counts) - 1)
    points = " ".join(f"{n * step:.1f},{23 - 21 * c / top:.1f}" for n, c in enumerate(counts))
    return Markup(  # noqa: S704 - numbers, and what is escaped
        f'<svg viewBox="0 0 100 24" role="img" aria-label="{escape(about)}" class="spark" '
        f'preserveAspectRatio="none"><polyline points="{points}"/></svg>'
    )
