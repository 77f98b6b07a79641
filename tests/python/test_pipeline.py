"""From files to Gold in one process: figures, repeats, and tests that can fail."""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import lakes
import oddities
import pytest

from tracekeep.generator import generate
from tracekeep.lake import lake_path

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from tracekeep.tables import LakeTable

EVENTS = 5_000


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small generated day, with a file of oddities beside it."""
    folder = tmp_path_factory.mktemp("input") / "day"
    generate(folder, events=EVENTS, seed=11, late_share=0.05, duplicate_share=0.05)
    records = [*oddities.timely(), *oddities.late()]
    (folder / "oddities.jsonl").write_text("\n".join(records) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def lake(spark: SparkSession, day: Path) -> Path:
    """A lake that `run` built from the day."""
    from tracekeep.run import run

    lakes.empty_lake(spark)
    assert run(arguments(day)) == 0
    return lake_path()


def arguments(*paths: Path) -> argparse.Namespace:
    return argparse.Namespace(paths=paths, region=None, max_files_per_batch=1000)


def versions(tables: list[LakeTable]) -> dict[str, tuple[int, int, int, int]]:
    return {table.name: (table.version, table.rows, table.files, table.bytes) for table in tables}


def test_run_prints_books_figures_and_next_commands(
    lake: Path, day: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tracekeep.run import run
    from tracekeep.tables import lake_tables

    before = versions(lake_tables())
    assert run(arguments(day)) == 0
    printed = capsys.readouterr().out
    books = json.loads(printed.splitlines()[0])
    assert (books["read"], books["bronze"], books["rejected"]) == (0, 0, 0)
    assert books["skipped_files"] > 10
    table = {line.split()[0]: line.split() for line in printed.splitlines() if line}
    assert table["silver"][4] == table["silver"][5] == table["gold"][4] == table["gold"][5]
    assert "dbt docs generate" in printed
    assert versions(lake_tables()) == before, "a run without news must not change a table"


def test_layers_equal_an_independent_reading_of_the_files(lake: Path, day: Path) -> None:
    from tracekeep.validation.comparison import compare
    from tracekeep.validation.lake_reading import Lake
    from tracekeep.validation.raw_reading import read_set
    from tracekeep.validation.verdicts import judge

    comparison = compare(judge(read_set(day)), Lake(lake))
    assert comparison.is_equal, comparison


def test_each_error_event_of_the_truth_is_in_gold(lake: Path, day: Path) -> None:
    from deltalake import DeltaTable

    columns = ["event_type", "trace_id", "span_id"]
    held = Counter(
        tuple(row[column] for column in columns)
        for row in DeltaTable(str(lake / "gold" / "error_events"))
        .to_pyarrow_table(columns=columns)
        .to_pylist()
    )
    with gzip.open(day / "truth" / "error_events.jsonl.gz", "rt", encoding="utf-8") as lines:
        truth = Counter(
            (event["event_type"], event["trace_id"], event["span_id"])
            for event in map(json.loads, lines)
        )
    assert truth.total() > 50
    assert not truth - held


def test_unit_tests_of_the_models_pass(lake: Path) -> None:
    from tracekeep.dbt import dbt

    outcome = dbt("test", "--select", "test_type:unit")
    assert len(outcome.result.results) >= 15


TAKEN_AWAY = {
    "bronze_error_events_are_in_silver": ("silver.error_events", "trace_id is not null"),
    "silver_error_events_are_in_gold": ("gold.error_events", "event_type = 'log'"),
    "error_traces_are_whole_in_gold": ("gold.sampled_spans", "sample_class = 'error'"),
    "bronze_holds_what_was_read": ("bronze.log_records", "trace_id is not null"),
    "silver_books_add_up": ("silver.spans", "trace_id is not null"),
    "bronze_events_are_in_silver": ("silver.log_records", "trace_id is null"),
    "silver_rows_are_booked": ("silver.batch_books", "true"),
    "traces_hold_all_events": ("silver.log_records", "trace_id is not null"),
    "windows_hold_all_requests": ("gold.endpoint_minutes", "request_count = 1"),
}
"""By test: the table that a row is taken from, and which rows may be."""

KEYS = (
    "trace_id", "span_id", "record_hash", "service", "started_at", "occurred_at", "logged_at",
    "body", "error_message", "raw_text", "source_file", "source_position", "source_index",
    "window_start", "environment", "region", "endpoint", "ingest_batch",
)  # fmt: skip
"""Columns that tell the rows of these tables apart, each table has some."""


@pytest.mark.parametrize("test_name", TAKEN_AWAY)
def test_invariant_fails_when_a_row_is_taken_away(
    spark: SparkSession, lake: Path, test_name: str
) -> None:
    from delta.tables import DeltaTable
    from pyspark.sql import functions as f

    from tracekeep.dbt import DbtError, dbt

    table, condition = TAKEN_AWAY[test_name]
    delta = DeltaTable.forName(spark, table)
    version = delta.history(1).first()["version"]
    rows = spark.table(table).where(condition)
    key = f.to_json(f.struct(*[name for name in KEYS if name in rows.columns]))
    victim = rows.select(f.min(key)).first()[0]
    before = spark.table(table).count()
    try:
        delta.delete(f.expr(condition) & (key == f.lit(victim)))
        assert before - spark.table(table).count() == 1
        with pytest.raises(DbtError, match=test_name):
            dbt("test", "--select", test_name)
    finally:
        delta.restoreToVersion(version)
    dbt("test", "--select", test_name)


def test_docs_describe_every_model_and_column_from_sources_to_gold(lake: Path) -> None:
    from tracekeep.dbt import dbt

    catalog = dbt("docs", "generate").result
    tables = {**catalog.nodes, **catalog.sources}
    manifest = json.loads(Path("target/manifest.json").read_text(encoding="utf-8"))
    described = {**manifest["nodes"], **manifest["sources"]}
    assert len(tables) >= 20
    missing = [
        f"{unique_id}.{column}"
        for unique_id, table in tables.items()
        for column in table.columns
        if not described[unique_id]["columns"].get(column, {}).get("description")
    ] + [unique_id for unique_id in tables if not described[unique_id]["description"]]
    assert not missing
    ancestors = {"model.tracekeep.endpoint_minutes"}
    for _ in range(10):
        ancestors |= {
            parent for child in ancestors for parent in manifest["parent_map"].get(child, [])
        }
    assert "source.tracekeep.bronze.spans" in ancestors
