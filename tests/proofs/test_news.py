"""R7: the cost of an incremental run follows the news, not the history; Silver alone.

Two lakes hold the same last days, one of them nine times as much before them. Both take the same
10,000 new events, of which 100 are late ones of traces of the last days.
"""

from __future__ import annotations

import argparse
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


def incremental_cost(
    spark: SparkSession, lake: Path, history: list[Path], news: Path
) -> tuple[Cost, Cost]:
    """Build Silver from the history, then from the news: the costs of looking up where the touched
    traces are, and of all the rest."""
    from tracekeep.dbt import dbt
    from tracekeep.ingest import ingest

    lakes.empty_lake(spark)
    ingest(spark, history)
    dbt("run", "--select", "silver")
    ingest(spark, [news])
    with cost_of(spark, lake) as looking:
        dbt("run", "--select", "pinned_batches", "trace_arrivals")
    with cost_of(spark, lake) as rest:
        dbt("run", "--select", "silver")
    return looking, rest


def test_cost_follows_the_news(days: list[Path], lake: Path, tmp_path: Path) -> None:
    from tracekeep.rebuild import run
    from tracekeep.session import spark_session

    late = withhold(days[DAYS - SHORT_DAYS : DAYS], LATE_EVENTS)
    new = itertools.islice(lakes.single_records(days[DAYS]), NEW_EVENTS - len(late))
    news = tmp_path / "news"
    news.mkdir()
    (news / "records.jsonl").write_text("\n".join([*new, *late]) + "\n", encoding="utf-8")
    spark = spark_session(hive=True)
    try:
        short = incremental_cost(spark, lake, days[DAYS - SHORT_DAYS : DAYS], news)
        long = incremental_cost(spark, lake, days[:DAYS], news)
        traces, _, columns = column_bytes(lake / "silver" / "traces")
        with cost_of(spark, lake) as rebuild:
            assert run(argparse.Namespace()) == 0
    finally:
        spark.stop()
    index = sum(columns[name] for name in INDEX) / traces
    report = _report(short, long, rebuild, traces, index)
    (PROJECT / "docs" / "results" / "news_cost.md").write_text(report, encoding="utf-8")
    print(report)
    assert long[1].bytes_read <= 1.3 * short[1].bytes_read
    assert long[1].rows_written <= 1.3 * short[1].rows_written
    assert long[1].files_rewritten <= 1.3 * short[1].files_rewritten
    assert rebuild.bytes_read >= 5 * (long[0].bytes_read + long[1].bytes_read)
    assert rebuild.rows_written >= 5 * long[1].rows_written


def _report(
    short: tuple[Cost, Cost], long: tuple[Cost, Cost], rebuild: Cost, traces: int, index: float
) -> str:
    lines = [
        "# What a run of Silver costs beside its history",
        "",
        f"Made by `make prove-news`: {NEW_EVENTS:,} new events, {LATE_EVENTS} of them late ones of "
        f"the last {SHORT_DAYS} days, on",
        f"histories of {SHORT_DAYS} and {DAYS} days of {EVENTS_PER_DAY:,} generated events a day. "
        "The look-up of the days of touched",
        f"traces reads {', '.join(INDEX)} of silver.traces: {index:.1f} bytes a trace of "
        f"{traces:,}.",
        "",
        "| history | step | bytes read | rows written | files rewritten | CPU s |",
        "|---|---|---|---|---|---|",
    ]
    for name, step, cost in (
        (f"{SHORT_DAYS} days", "look-up", short[0]),
        (f"{DAYS} days", "look-up", long[0]),
        (f"{SHORT_DAYS} days", "all else", short[1]),
        (f"{DAYS} days", "all else", long[1]),
        (f"{DAYS} days", "rebuild of Silver and Gold", rebuild),
    ):
        lines.append(
            f"| {name} | {step} | {cost.bytes_read:,} | {cost.rows_written:,} | "
            f"{cost.files_rewritten:,} | {cost.cpu:.0f} |"
        )
    return "\n".join(lines) + "\n"
