"""Line charts for docs/results, drawn by Vega-Lite as SVG: no script, all text escaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 640, 270
"""Of a chart's inner part, px."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its name. points: (x, y) in the units of the axes."""

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
    import vl_convert

    drawn: str = vl_convert.vegalite_to_svg({
        "vconcat": [_chart(chart) for chart in charts],
        "resolve": {"scale": {"color": "independent", "strokeDash": "independent"}},
        "config": {"view": {"stroke": None}, "title": {"anchor": "start"}},
        "background": "white",
    })  # fmt: skip
    return drawn + "\n"


def _chart(chart: Chart) -> dict[str, Any]:
    points = [
        {"line": line.name, "place": place, "x": x, "y": y}
        for line in chart.lines
        for place, (x, y) in enumerate(line.points)
    ]
    names = [line.name for line in chart.lines]
    colors = [line.color for line in chart.lines]
    dashes = [[5, 4] if line.is_dashed else [1, 0] for line in chart.lines]

    def named(range_: list[Any]) -> dict[str, Any]:
        return {"field": "line", "title": None, "scale": {"domain": names, "range": range_}}

    return {
        "title": chart.title, "width": WIDTH, "height": HEIGHT, "data": {"values": points},
        "mark": {"type": "line", "strokeWidth": 2},
        "encoding": {
            "x": _axis("x", chart.x_name),
            "y": _axis("y", chart.y_name),
            "order": {"field": "place"},
            "color": named(colors),
            "strokeDash": named(dashes),
        },
    }  # fmt: skip


def _axis(field: str, title: str) -> dict[str, Any]:
    axis = {"tickCount": 8}
    return {"field": field, "type": "quantitative", "title": title or None, "axis": axis}
