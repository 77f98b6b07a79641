"""The charts of the dashboard, drawn by Vega-Lite as SVG: no script, all text escaped.

Names of fields are the code's own, never text of the lake: Vega takes them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup

from tracekeep.incident.delta_lake import Row
from tracekeep.incident.masking import harmless
from tracekeep.serve.dashboard import iso

WIDTH, HEIGHT = 480, 180
"""Of a chart's inner part, px."""
_TEXT = {"labelColor": "var(--dim)", "labelFontSize": 12, "labelFont": "system-ui, sans-serif"}
_LOOK = {
    "view": {"stroke": None},
    "axis": {
        **_TEXT, "domain": False, "ticks": False, "gridColor": "var(--line)", "labelPadding": 6,
    },
    "legend": {**_TEXT, "orient": "bottom", "title": None, "columns": 3},
    "range": {
        "category": [
            "var(--bar-ink)", "var(--mark)", "var(--good)", "var(--bad)", "var(--dim)",
        ],
    },
}  # fmt: skip
"""In the colours of page.css, light and dark."""


def error_chart(told: Mapping[str, Any]) -> Markup:
    """Error rates by environment, with incidents as shades and changes as lines, of `figures`."""
    incidents = [{"at": iso(start), "end": iso(end)} for start, end in told["incidents"]]
    changes = [{"at": iso(change["changed_at"])} for change in told["changes"]]
    points = [
        {"at": iso(row["starts_at"]), "environment": harmless(row["environment"]),
         "y": row["error_rate"]}
        for row in told["error_rates"]
    ]  # fmt: skip
    at = _time_axis(told["since"], told["until"])
    return _chart(
        {"data": {"values": incidents}, "mark": {"type": "rect", "color": "var(--shade)"},
         "encoding": {"x": at, "x2": {"field": "end"}}},
        {"data": {"values": changes},
         "mark": {"type": "rule", "color": "var(--mark)", "strokeDash": [3, 3]},
         "encoding": {"x": at}},
        {"data": {"values": points}, "mark": {"type": "line", "strokeWidth": 1.8},
         "encoding": {"x": at, "y": _number_axis("~%"), "color": {"field": "environment"}}},
    )  # fmt: skip


def traffic_chart(told: Mapping[str, Any]) -> Markup:
    """Requests an hour, and what the same hour of the week or day before lets expect."""
    hours = told["traffic"]
    points = [
        {"at": iso(row["starts_at"]), "y": row[column], "what": what}
        for column, what in (("request_count", "requests"), ("forecast_request_count", "forecast"))
        for row in hours
        if row[column] is not None
    ]
    at = _time_axis(hours[0]["starts_at"], hours[-1]["starts_at"]) if hours else {"field": "at"}
    what = ["requests", "forecast"]
    colors = {"domain": what, "range": ["var(--bar-ink)", "var(--dim)"]}
    dashes = {"domain": what, "range": [[1, 0], [4, 3]]}
    return _chart(
        {"data": {"values": points}, "mark": {"type": "line", "strokeWidth": 1.8},
         "encoding": {
             "x": at,
             "y": _number_axis("~s"),
             "color": {"field": "what", "scale": colors},
             "strokeDash": {"field": "what", "scale": dashes},
         }},
    )  # fmt: skip


def _time_axis(start: datetime, end: datetime) -> Row:
    form = "%H:%M" if end - start <= timedelta(days=1) else "%a %H:%M"
    return {
        "field": "at",
        "type": "temporal",
        "title": None,
        "scale": {"type": "utc", "domain": [iso(start), iso(end)]},
        "axis": {"format": form, "tickCount": 5, "labelFlush": True, "labelOverlap": "greedy"},
    }


def _number_axis(form: str) -> Row:
    return {"field": "y", "type": "quantitative", "title": None, "axis": {"format": form}}


def _chart(*layers: Row) -> Markup:
    import vl_convert

    spec = {"width": WIDTH, "height": HEIGHT, "layer": layers, "config": _LOOK, "background": None}
    drawn: str = vl_convert.vegalite_to_svg(spec)
    return Markup(drawn)  # noqa: S704 - Vega escapes what it writes
