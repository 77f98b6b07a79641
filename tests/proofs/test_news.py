"""R7: the cost of an incremental run follows the news, not the history, its tests included.

Two lakes hold the same last days, one of them nine times as much before them. Both take the same
10,000 new events, of which 100 are late ones of traces of the last days.
"""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import lakes
import pytest
from lake_costs import Cost, column_bytes, cost_of

from tracekeep.lake import PROJECT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DAYS = 20
SHORT_DAYS = 2
EVENTS_PER_DAY = 50_000
NEW_EVENTS = 10_000
LATE_EVENTS = 100
LOOK_UP, GOLD, TESTS = "look-up", "gold", "tests"
MODELS = (
    "changes", "day_builds", "spans", "log_records", "traces", "error_events", "service_calls",
    "batch_books",
)  # fmt: skip
INDEX = ("trace_id", "event_dates", "linked_trace_ids")
"""Columns of silver.traces by which the days of a touched trace are found."""


@pytest.fixture
def days(tmp_path: Path) -> list[Path]:
    """A folder a day, the day of arrival; one more than the long history."""
    from tracekeep.generator import generate

    events = EVENTS_PER_DAY * (DAYS + 1)
    generate(tmp_path / "input", events=events, seed=5, days=DAYS + 1, late_share=0)
    traces = sorted((tmp_path / "input" / "otlp" / "traces").iterdir())
    assert len(traces) >= DAYS + 1
    folders = []
    for day in traces[: DAYS + 1]:
        folder = tmp_path / "days" / day.name
        folder.mkdir(parents=True)
        day.rename(folder / "traces")
        logs = tmp_path / "input" / "otlp" / "logs" / day.name
        if logs.exists():
            logs.rename(folder / "logs")
        folders.append(folder)
    return folders


def withhold(days: list[Path], count: int) -> list[str]:
    """Take spans of different traces out of the last days' files; returns them."""
    late: dict[str, str] = {}
    for day in days:
        wanted = len(late) + count // len(days)
        kept = []
        for record in lakes.single_records(day):
            spans = json.loads(record).get("resourceSpans")
            trace_id = spans and spans[0]["scopeSpans"][0]["spans"][0]["traceId"]
            if trace_id and trace_id not in late and len(late) < wanted and len(kept) % 50 == 49:
                late[trace_id] = record
            else:
                kept.append(record)
        shutil.rmtree(day)
        day.mkdir()
        (day / "records.jsonl").write_text("\n".join(kept) + "\n", encoding="utf-8")
    assert len(late) == count
    return list(late.values())


def incremental_costs(
    spark: SparkSession, lake: Path, history: list[Path], news: Path
) -> dict[str, Cost]:
    """Build all from the history, then from the news: what looking up where the touched traces
    are costs, each model of Silver, Gold, and the tests of the news."""
    from tracekeep.dbt import dbt
    from tracekeep.ingest import ingest
    from tracekeep.last_run import newest_gold_build

    lakes.empty_lake(spark)
    ingest(spark, history)
    dbt("run")
    tested = newest_gold_build()
    assert tested is not None
    ingest(spark, [news])
    costs = {}
    with cost_of(spark, lake) as costs[LOOK_UP]:
        dbt("run", "--select", "silver", "--exclude", *MODELS)
    for model in MODELS:
        with cost_of(spark, lake) as costs[model]:
            dbt("run", "--select", model)
    with cost_of(spark, lake) as costs[GOLD]:
        dbt("run", "--select", "gold")
    with pytest.MonkeyPatch.context() as patch, cost_of(spark, lake) as costs[TESTS]:
        patch.setenv("TRACEKEEP_TESTS_SINCE", tested)
        dbt("test", "--select", "test_type:data")
    return costs


def rebuild_cost(spark: SparkSession, lake: Path) -> Cost:
    """Build Silver anew from all of Bronze, as `make rebuild` does before it builds Gold."""
    from tracekeep.dbt import dbt

    with cost_of(spark, lake) as cost:
        spark.sql("delete from control.batch_books")
        dbt("run", "--select", "silver", "--full-refresh", "--vars", "rebuild: true")
    return cost


def total(costs: dict[str, Cost]) -> Cost:
    """All of Silver but the look-up."""
    models = [cost for name, cost in costs.items() if name in MODELS]
    return Cost(
        sum(cost.cpu for cost in models),
        sum(cost.bytes_read for cost in models),
        sum(cost.rows_written for cost in models),
        sum(cost.files_rewritten for cost in models),
    )


def test_cost_follows_the_news(days: list[Path], lake: Path, tmp_path: Path) -> None:
    from tracekeep.session import spark_session

    late = withhold(days[DAYS - SHORT_DAYS : DAYS], LATE_EVENTS)
    new = itertools.islice(lakes.single_records(days[DAYS]), NEW_EVENTS - len(late))
    news = tmp_path / "news"
    news.mkdir()
    (news / "records.jsonl").write_text("\n".join([*new, *late]) + "\n", encoding="utf-8")
    spark = spark_session(hive=True)
    try:
        short = incremental_costs(spark, lake, days[DAYS - SHORT_DAYS : DAYS], news)
        long = incremental_costs(spark, lake, days[:DAYS], news)
        traces, _, columns = column_bytes(lake / "silver" / "traces")
        rebuild = rebuild_cost(spark, lake)
    finally:
        spark.stop()
    index = sum(columns[name] for name in INDEX) / traces
    report = _report(short, long, rebuild, traces, index)
    (PROJECT / "docs" / "results" / "news_cost.md").write_text(report, encoding="utf-8")
    print(report)
    assert total(long).bytes_read <= 1.3 * total(short).bytes_read
    assert total(long).rows_written <= 1.3 * total(short).rows_written
    for step in (GOLD, TESTS):
        assert long[step].bytes_read <= 1.3 * short[step].bytes_read, step
    assert rebuild.bytes_read >= 5 * total(long).bytes_read
    assert rebuild.rows_written >= 5 * total(long).rows_written


def _report(
    short: dict[str, Cost], long: dict[str, Cost], rebuild: Cost, traces: int, index: float
) -> str:
    lines = [
        "# What a run costs beside its history",
        "",
        f"Made by `make prove-news`: {NEW_EVENTS:,} new events, {LATE_EVENTS} of them late ones of "
        f"the last {SHORT_DAYS} days, on",
        f"histories of {SHORT_DAYS} and {DAYS} days of {EVENTS_PER_DAY:,} generated events a day. "
        "The look-up of the days of touched",
        f"traces goes by {', '.join(INDEX)} of silver.traces: {index:.1f} bytes a trace of "
        f"{traces:,}.",
        "",
        "| history | step | bytes read | rows written | files rewritten | CPU s |",
        "|---|---|---|---|---|---|",
    ]
    rows = [
        (f"{days} days", step, cost)
        for days, costs in ((SHORT_DAYS, short), (DAYS, long))
        for step, cost in (*costs.items(), ("Silver but for the look-up", total(costs)))
    ]
    for name, step, cost in (*rows, (f"{DAYS} days", "rebuild", rebuild)):
        lines.append(
            f"| {name} | {step} | {cost.bytes_read:,} | {cost.rows_written:,} | "
            f"{cost.files_rewritten:,} | {cost.cpu:.0f} |"
        )
    return "\n".join(lines) + "\n"
