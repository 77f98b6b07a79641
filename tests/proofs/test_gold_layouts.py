"""The layouts of gold.endpoint_minutes side by side: one endpoint, and one hour of all.

Figures alone, no gate: which layout is the best depends on what is asked.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import commands
import pytest
from lake_costs import cost_of
from test_layouts import files_read, seconds_of

from tracekeep.lake import PROJECT

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

EVENTS = int(os.environ.get("TRACEKEEP_PROVE_EVENTS", "200000"))
DAYS = 2
TRIES = 5
LAYOUTS = ("date", "date_service_endpoint", "clustered")
QUESTIONS = {
    "one endpoint": "service = 'payment' and endpoint = '/v1/payments'",
    "one hour of all": "window_start >= '2026-01-12 10:00' and window_start < '2026-01-12 11:00'"
    " and partition_date = '2026-01-12'",
}


@pytest.fixture
def spark(lake: Path, tmp_path: Path) -> Iterator[SparkSession]:
    """The session over a lake whose Bronze holds some generated days."""
    from tracekeep.session import spark_session

    day = tmp_path / "input"
    for words in (
        ("generate", day, "--events", EVENTS, "--days", DAYS, "--seed", 1),
        ("ingest", day),
    ):
        code, _, err = commands.finish(commands.start(*words))
        assert code == 0, err
    session = spark_session(hive=True)
    yield session
    session.stop()


def test_windows_by_layout(spark: SparkSession, lake: Path) -> None:
    from tracekeep.dbt import dbt

    dbt("run", "--select", "silver")
    dbt("run", "--select", "gold")
    lines = []
    expected = None
    for layout in LAYOUTS:
        dbt(
            *("run", "--select", "endpoint_minutes", "--full-refresh"),
            *("--vars", f"{{rebuild: true, gold_layout: {layout}}}"),
        )
        size = spark.sql("describe detail gold.endpoint_minutes").first()
        counts = []
        for name, condition in QUESTIONS.items():

            def query(condition: str = condition) -> DataFrame:
                return spark.table("gold.endpoint_minutes").where(condition)

            seconds_of(query)  # the first time compiles
            times = []
            for _ in range(TRIES):
                with cost_of(spark, lake) as cost:
                    seconds, rows = seconds_of(query)
                times.append(seconds)
            counts.append(rows.count())
            lines.append(
                f"| {layout} | {size.numFiles:,} | {size.sizeInBytes / 1e3:,.0f} | {name} | "
                f"{files_read(rows)} | {cost.bytes_read / 1e3:,.0f} | "
                f"{statistics.median(times) * 1e3:.0f} |"
            )
            print(lines[-1], flush=True)
        assert expected in (None, counts)
        expected = counts
    report = [
        "# Layouts of gold.endpoint_minutes",
        "",
        f"Made by `make prove-gold-layouts`: {EVENTS:,} generated events of {DAYS} days, windows "
        f"of a minute, as one build wrote them. Time is the median of {TRIES}, planning included.",
        "",
        "| layout | files of the table | kB | asked for | files read | kB read | ms |",
        "|---|---|---|---|---|---|---|",
        *lines,
    ]
    (PROJECT / "docs" / "results" / "gold_layouts.md").write_text(
        "\n".join(report) + "\n", encoding="utf-8"
    )
