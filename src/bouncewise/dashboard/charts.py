"""Bars by day as SVG, without script: each day has a title, and the numbers stand in a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from markupsafe import Markup, escape

WIDTH, HEIGHT = 720, 160
_CLIP = 6.0  # a bar this many times the usual height is cut, so that the others can be seen


class Bar(NamedTuple):
    """One day: the heights of its parts, by the names of their colours."""

    day: date
    parts: dict[str, int]

    @property
    def total(self) -> int:
        """The whole height."""
        return sum(self.parts.values())


def bars(days: Sequence[Bar], about: str) -> Markup:
    """The chart of *days*; *about*: what it shows, for those who cannot see it."""
    top, is_cut = _top([bar.total for bar in days])
    step = WIDTH / max(1, len(days))
    shapes = [shape for n, bar in enumerate(days) for shape in _bar(bar, n * step, step, top)]
    marks = "".join(f"<span>{bar.day:%b %-d}</span>" for bar in days[::7])
    cut = ", higher bars are cut" if is_cut else ""
    return Markup(  # noqa: S704 - numbers and dates, and what is escaped
        f'<p class="scale">{top:,.0f}{cut}</p>'
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


def _bar(bar: Bar, x: float, step: float, top: float) -> list[str]:
    title = f"{bar.day}: " + ", ".join(f"{n:,} {name}" for name, n in bar.parts.items())
    shapes, below = [f"<g><title>{escape(title)}</title>"], 0.0
    for name, count in bar.parts.items():
        height = min(count / top, max(0.0, 1 - below)) * HEIGHT
        if height > 0:
            y = HEIGHT - below * HEIGHT - height
            shapes.append(
                f'<rect class="{escape(name)}" x="{x + 1:.1f}" y="{y:.1f}" '
                f'width="{max(1.0, step - 2):.1f}" height="{height:.1f}"/>'
            )
        below += count / top
    # An empty day can be pointed at as well.
    shapes.append(f'<rect class="day" x="{x:.1f}" y="0" width="{step:.1f}" height="{HEIGHT}"/></g>')
    return shapes
