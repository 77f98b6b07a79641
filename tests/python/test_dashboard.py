"""The pages of `tracekeep serve`: what they say of a lake known to the row, and hostile text."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
import small_lakes
from small_lakes import FAILED, HOSTILE, START
from starlette.datastructures import QueryParams

from tracekeep.incident.delta_lake import DeltaLake, UnreadableError
from tracekeep.lake import project_variables
from tracekeep.serve import pages
from tracekeep.serve.dashboard import figures
from tracekeep.serve.requests import WrongRequestError

NOW = START + timedelta(hours=2)
VARIABLES = project_variables()


class Shown(HTMLParser):
    """Elements and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    def links(self) -> list[str]:
        return [of["href"] or "" for tag, of in self.elements if tag == "a"]


def made(lake: Path, text: str = "disk full") -> DeltaLake:
    """The small lake with all that the dashboard reads; a text stands wherever one can stand."""
    small_lakes.make(lake, text)
    name = text if text == HOSTILE else "db"
    small_lakes.write(
        lake,
        "gold.endpoint_minutes",
        [{**small_lakes.window(2, name, 4, 1), "endpoint": text, "environment": text}],
    )
    hours = [(0, 50), (24, 40), (168, 10)]
    small_lakes.write(
        lake,
        "gold.endpoint_hours",
        [
            {
                **small_lakes.window(0, name, requests, 0),
                "window_start": START.replace(minute=0) - timedelta(hours=ago),
                "partition_date": (START - timedelta(hours=ago)).date(),
            }
            for ago, requests in hours
        ],
    )
    pattern = {
        "environment": "production", "fingerprint": "f" * 16, "pattern_version": 2,
        "first_seen_at": START, "service": name, "error_type": text, "error_template": text,
        "trace_id": FAILED, "partition_date": START.date(),
    }  # fmt: skip
    small_lakes.write(lake, "gold.error_pattern_days", [pattern])
    closed = {"ingest_batch": 1, "committed_at": NOW - timedelta(minutes=3)}
    small_lakes.write(lake, "bronze.ingest_batches", [closed | {"partition_date": NOW.date()}])
    return DeltaLake(lake, NOW)


def asked(**query: str) -> QueryParams:
    return QueryParams(query)


def test_figures_are_those_of_gold(tmp_path: Path) -> None:
    told = figures(made(tmp_path), VARIABLES, 1, NOW)
    assert told["totals"] == {
        "request_count": 9, "error_count": 3, "error_rate": 3 / 9, "error_log_count": 0,
    }  # fmt: skip
    assert told["closed"] == "3 min ago"
    assert [(row["service"], row["error_count"]) for row in told["endpoints"]] == [
        ("db", 2), ("db", 1),
    ]  # fmt: skip
    (path,) = told["paths"]
    assert (path["service_path"], path["trace_id"]) == (["gateway", "shop", "db"], FAILED)
    (change,) = told["changes"]
    assert change["service_version"] == "disk full"
    (error,) = told["new_errors"]
    assert (error["kind"], error["link"]) == ("new error", f"/traces/{FAILED}")


def test_the_sample_stands_for_all(tmp_path: Path) -> None:
    lake = made(tmp_path)
    kept = [
        {**small_lakes.span(trace, number, "a"), "sample_class": "normal", "sample_weight": 100.0}
        for trace in ("1" * 32, "2" * 32)
        for number in (1, 2)
    ]
    small_lakes.write(tmp_path, "gold.sampled_spans", kept)
    assert figures(lake, VARIABLES, 1, NOW)["sample"] == [
        {"sample_class": "error", "trace_count": 1, "estimated_trace_count": 1.0},
        {"sample_class": "normal", "trace_count": 3, "estimated_trace_count": 300.0},
    ]


def test_the_forecast_is_as_a_week_ago_else_as_a_day_ago(tmp_path: Path) -> None:
    lake = made(tmp_path)
    hour = START.replace(minute=0)

    def told() -> dict[datetime, tuple[int | None, int | None]]:
        rows = figures(lake, VARIABLES, 1, NOW)["traffic"]
        return {
            row["starts_at"]: (row["request_count"], row["forecast_request_count"]) for row in rows
        }

    # the environment is watched for a day, and the last hour is not over
    assert told()[hour] == (None, 40)
    assert told()[hour - timedelta(hours=24)] == (40, None)
    assert told()[hour - timedelta(hours=1)] == (0, None)
    assert max(told()) == hour + timedelta(hours=23)
    first = {"environment": "production", "first_event_at": START - timedelta(days=8)}
    small_lakes.write(tmp_path, "gold.environment_days", [first])
    lake.refresh()
    assert told()[hour] == (None, 10)


def test_the_page_leads_to_the_incident_and_to_its_trace(tmp_path: Path) -> None:
    lake = made(tmp_path)
    links = Shown(pages.dashboard(lake, VARIABLES, asked(hours="1")).text).links()
    assert f"/traces/{FAILED}" in links
    link = next(it for it in links if it.startswith("/incident") and "service=db" in it)
    query = QueryParams(link.partition("?")[2])
    shown = pages.incident(lake, VARIABLES, query)
    assert shown.status == 200
    assert "disk full" in shown.text
    assert pages.RAW_LINES in shown.text
    assert '{"name":"GET /db"}' not in shown.text.replace("\\", "")
    assert pages.trace(lake, VARIABLES, asked(trace_id=FAILED)).status == 200
    assert pages.trace(lake, VARIABLES, asked(trace_id="e" * 32)).status == 404


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-01-12T10:00"}, {"from": "yesterday", "to": "today"},
        {"from": "2026-01-12T11:00", "to": "2026-01-12T10:00"}, {"service": "\ud800"},
    ],
)  # fmt: skip
def test_a_question_that_is_none_is_told(tmp_path: Path, query: dict[str, str]) -> None:
    with pytest.raises(WrongRequestError):
        pages.incident(made(tmp_path), VARIABLES, QueryParams(query))


@pytest.mark.parametrize("hours", ["0", "-1", "169", "many", "9" * 5_000])
def test_hours_that_are_none_are_told(tmp_path: Path, hours: str) -> None:
    with pytest.raises(WrongRequestError):
        pages.dashboard(made(tmp_path), VARIABLES, asked(hours=hours))


def test_a_lake_without_a_table_is_told(tmp_path: Path) -> None:
    small_lakes.make(tmp_path)
    with pytest.raises(UnreadableError, match=r"gold\.endpoint_hours"):
        pages.dashboard(DeltaLake(tmp_path), VARIABLES, asked())


def test_hostile_text_is_text(tmp_path: Path) -> None:
    calm = Shown(pages.dashboard(made(tmp_path / "calm"), VARIABLES, asked(hours="1")).text)
    page = pages.dashboard(made(tmp_path / "hostile", HOSTILE), VARIABLES, asked(hours="1"))
    hostile = Shown(page.text)
    names = {tag for tag, _ in hostile.elements}
    assert names == {tag for tag, _ in calm.elements}
    assert "script" not in names
    assert not any(name.startswith("on") for _, of in hostile.elements for name in of)
    assert all(it.startswith("/") and not it.startswith("//") for it in hostile.links())
    assert "document.title='owned'" in "".join(hostile.said)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", page.text)
    assert "script-src" not in page.policy and "default-src 'none'" in page.policy
    error = Shown(pages.error(400, HOSTILE).text)
    assert "script" not in {tag for tag, _ in error.elements}
