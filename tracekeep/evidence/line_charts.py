"""Line charts as SVG, for docs/results: no script, no style from outside, all text escaped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 900, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 190, 44, 40
LABEL_GAP = 15
FONT = "font-family='sans-serif' font-size='12'"


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its name at its right end. points: (x, y) in the units of the axes."""

    name: str
    points: Sequence[tuple[float, float]]
    color: str
    is_dashed: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart; both axes begin at 0."""

    title: str
    x_name: str
    y_name: str
    lines: Sequence[Line]


def svg(charts: Sequence[Chart]) -> str:
    """The charts below each other as one picture."""
    height = HEIGHT * len(charts)
    drawn = "\n".join(_chart(chart, HEIGHT * place) for place, chart in enumerate(charts))
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' "
        f"width='{WIDTH}' height='{height}' {FONT} fill='#24292f'>\n"
        f"<rect width='{WIDTH}' height='{height}' fill='#ffffff'/>\n{drawn}\n</svg>\n"
    )


def _chart(chart: Chart, top: int) -> str:
    points = [point for line in chart.lines for point in line.points] or [(1.0, 1.0)]
    x_step, y_step = (_step(max(values)) for values in zip(*points, strict=True))
    x_end = max(x for x, _ in points) or 1.0
    y_end = math.ceil(max(y for _, y in points) / y_step) * y_step or 1.0
    left, right, up, down = LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        return left + x / x_end * (right - left), down - y / y_end * (down - up)

    parts = [
        f"<g transform='translate(0 {top})'>",
        f"<text x='{left}' y='20' font-weight='bold'>{escape(chart.title)}</text>",
        f"<text x='{left}' y='{up - 8}' fill='#57606a'>{escape(chart.y_name)}</text>",
        f"<text x='{right}' y='{HEIGHT - 6}' text-anchor='end' fill='#57606a'>"
        f"{escape(chart.x_name)}</text>",
    ]
    for number in range(round(y_end / y_step) + 1):
        y = place(0, number * y_step)[1]
        parts.append(f"<path d='M{left} {y:.1f}H{right}' stroke='#d0d7de'/>")
        parts.append(
            f"<text x='{left - 8}' y='{y + 4:.1f}' text-anchor='end'>{number * y_step:g}</text>"
        )
    for number in range(int(x_end / x_step) + 1):
        x = place(number * x_step, 0)[0]
        parts.append(
            f"<text x='{x:.1f}' y='{down + 16}' text-anchor='middle'>{number * x_step:g}</text>"
        )
    for line in chart.lines:
        way = "L".join("{:.1f} {:.1f}".format(*place(x, y)) for x, y in line.points)
        dashes = " stroke-dasharray='5 4'" if line.is_dashed else ""
        parts.append(
            f"<path d='M{way}' fill='none' stroke='{escape(line.color)}' stroke-width='2'{dashes}/>"
        )
    for y, line in _labels([(place(*line.points[-1])[1], line) for line in chart.lines]):
        parts.append(
            f"<text x='{right + 8}' y='{y + 4:.1f}' fill='{escape(line.color)}'>"
            f"{escape(line.name)}</text>"
        )
    return "\n".join([*parts, "</g>"])


def _step(greatest: float) -> float:
    """A round step of an axis that has four to nine of them up to its greatest value."""
    if greatest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(greatest / 4))
    return next(step for step in (power, 2 * power, 5 * power, 10 * power) if greatest / step <= 9)


def _labels(ends: Sequence[tuple[float, Line]]) -> list[tuple[float, Line]]:
    """Where names stand: at the ends of their lines, moved down where they would overlap."""
    placed: list[tuple[float, Line]] = []
    for y, line in sorted(ends, key=lambda end: end[0]):
        placed.append((max(y, placed[-1][0] + LABEL_GAP) if placed else y, line))
    surplus = max(0.0, placed[-1][0] - (HEIGHT - BOTTOM)) if placed else 0.0
    return [(y - surplus, line) for y, line in placed]
