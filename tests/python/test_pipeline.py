"""From files to Gold in one process: figures, repeats, and tests that can fail."""

from __future__ import annotations

import argparse
import datetime
import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import oddities
import pytest
from conftest import BuiltLake

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from tracekeep.tables import LakeTable


def versions(tables: list[LakeTable]) -> dict[str, tuple[int, int, int, int]]:
    return {table.name: (table.version, table.rows, table.files, table.bytes) for table in tables}


def test_second_run_prints_figures_and_changes_no_table(
    lake: BuiltLake, capsys: pytest.CaptureFixture[str]
) -> None:
    from tracekeep.run import run
    from tracekeep.tables import lake_tables

    before = versions(lake_tables())
    arguments = argparse.Namespace(
        paths=[lake.day], region=None, format=None, max_files_per_batch=10_000, full=True
    )
    assert run(arguments) == 0
    printed = capsys.readouterr().out
    books = json.loads(printed.splitlines()[0])
    assert (books["read"], books["bronze"], books["rejected"]) == (0, 0, 0)
    assert books["skipped_files"] > 10
    table = {line.split()[0]: line.split() for line in printed.splitlines() if line}
    assert table["silver"][4] == table["silver"][5] == table["gold"][4] == table["gold"][5]
    assert "dbt docs generate" in printed
    assert versions(lake_tables()) == before


def test_expire_says_what_would_go_and_changes_no_table(
    lake: BuiltLake, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bronze goes by arrival: it stays."""
    from tracekeep.expire import expire
    from tracekeep.tables import lake_tables

    before = versions(lake_tables())
    capsys.readouterr()
    expire(datetime.datetime(2026, 5, 1), dry_run=True)
    due = {line.partition(":")[0] for line in capsys.readouterr().out.splitlines()}
    silver = {"changes", "error_events", "log_records", "service_calls", "spans", "traces"}
    assert due >= {"gold.call_graph_minutes", "gold.endpoint_minutes"}
    assert {name for name in due if not name.startswith("gold.")} == {f"silver.{n}" for n in silver}
    assert versions(lake_tables()) == before


def test_dbt_run_without_news_asks_the_books_alone(
    spark: SparkSession, lake: BuiltLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No model is planned: what is sent are the questions of has_news and dbt's own (R7)."""
    from tracekeep.dbt import dbt
    from tracekeep.tables import lake_tables

    before = versions(lake_tables())
    sent: list[str] = []
    send = type(spark).sql
    monkeypatch.setattr(
        type(spark),
        "sql",
        lambda session, text, *more: sent.append(text) or send(session, text, *more),
    )
    dbt("run")
    assert 5 < len(sent) <= 40, sent
    assert not [text for text in sent if re.search(r"\b(merge|insert|create or replace)\b", text)]
    assert versions(lake_tables()) == before


def test_plain_dbt_registers_what_the_metastore_lacks(spark: SparkSession, lake: BuiltLake) -> None:
    """As after a kill between the first commit of a table and its entry, or with a lost metastore
    after `expire` has set properties of Bronze's tables.
    """
    from dbt.cli.main import dbtRunner

    from tracekeep.tables import lake_tables

    spark.sql("alter table bronze.changes set tblproperties ('tracekeep.test' = 'set')")
    before = versions(lake_tables())
    for name in ("bronze.changes", "silver.changes", "gold.build_versions"):
        spark.sql(f"drop table {name}")
    outcome = dbtRunner().invoke(["--quiet", "run", "--select", "changes", "build_versions"])
    assert outcome.success, outcome.exception or outcome.result
    for name in ("bronze.changes", "silver.changes", "gold.build_versions"):
        assert spark.catalog.tableExists(name)
    assert versions(lake_tables()) == before


def test_input_is_anything_but_clean(lake: BuiltLake) -> None:
    assert sum('"trace_id": null' in row for row in lake.rows["silver.error_events"]) >= 4
    assert sum('"is_orphan": true' in row for row in lake.rows["silver.spans"]) >= 2
    assert any(oddities.DROPPED in row for row in lake.rows["gold.sampled_spans"])


def test_layers_equal_an_independent_reading_of_the_files(lake: BuiltLake) -> None:
    from oracle.comparison import compare
    from oracle.lake_reading import Lake
    from oracle.raw_reading import read_set
    from oracle.verdicts import judge

    comparison = compare(judge(read_set(lake.day)), Lake(lake.path))
    assert comparison.is_equal, comparison


def test_each_error_event_of_the_truth_is_in_gold(lake: BuiltLake) -> None:
    from deltalake import DeltaTable

    columns = ["event_type", "trace_id", "span_id"]
    table = DeltaTable(str(lake.path / "gold" / "error_events")).to_pyarrow_table(columns=columns)
    held = Counter(tuple(row.values()) for row in table.to_pylist())
    path = lake.day / "truth" / "error_events.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        truth = Counter(
            (event["event"], event["trace_id"], event["span_id"])
            for event in map(json.loads, lines)
        )
    assert truth
    assert not truth - held


def test_exception_that_a_span_and_its_log_tell_is_one_failure(lake: BuiltLake) -> None:
    rows = [json.loads(row) for row in lake.rows["silver.error_events"]]
    told = [row for row in rows if row["trace_id"] == oddities.trace(27)]
    (span,) = (row["failure_id"] for row in told if row["event_type"] == "span")
    assert [row["body"] for row in told if row["failure_id"] == span and row["body"]] == [
        "c.Timeout: bank"
    ]
    assert len(told) == 5
    assert len({row["failure_id"] for row in told}) == 4


def test_a_suspect_is_named_by_its_service_and_not_by_its_host(lake: BuiltLake) -> None:
    rows = [json.loads(row) for row in lake.rows["gold.incident_paths"]]
    suspects = {row["suspected_root_cause"] for row in rows}
    assert suspects and not [name for name in suspects if name.endswith(".svc.cluster.local")]


def test_each_build_of_gold_names_the_versions_of_all_tables(lake: BuiltLake) -> None:
    from deltalake import DeltaTable

    rows = DeltaTable(str(lake.path / "gold" / "build_versions")).to_pyarrow_table().to_pylist()
    assert len({row["table_name"] for row in rows}) == len(rows) >= 9
    (build_id,) = {row["build_id"] for row in rows}
    for row in rows:
        layer, name = row["table_name"].split(".")
        table = DeltaTable(str(lake.path / layer / name), version=row["table_version"])
        if layer == "gold":
            assert set(table.to_pyarrow_table(columns=["build_id"])["build_id"].to_pylist()) == {
                build_id
            }
        else:
            assert table.to_pyarrow_dataset().count_rows() > 0


def test_unit_tests_of_the_models_pass(lake: BuiltLake) -> None:
    from tracekeep.dbt import dbt

    outcome = dbt("test", "--select", "test_type:unit")
    assert len(outcome.result.results) >= 15


TAKEN_AWAY = {
    "bronze_error_events_are_in_silver": ("silver.error_events", "trace_id is not null"),
    "silver_error_events_are_in_gold": ("gold.error_events", "event_type = 'log'"),
    "error_traces_are_whole_in_gold": (
        "gold.sampled_spans",
        "sample_class = 'error' and trace_id is not null",
    ),
    "bronze_holds_what_was_read": ("bronze.log_records", "trace_id is not null"),
    "silver_books_add_up": ("silver.spans", "trace_id is not null"),
    "bronze_events_are_in_silver": ("silver.log_records", "trace_id is null"),
    "traces_hold_all_events": ("silver.log_records", "trace_id is not null"),
    "windows_hold_all_requests": ("gold.endpoint_minutes", "request_count = 1"),
    "error_traces_keep_their_logs_in_gold": (
        "gold.sampled_log_records",
        "sample_class = 'error' and trace_id is not null",
    ),
    "error_traces_have_paths": ("gold.incident_paths", "path_count = 1"),
    "error_events_have_patterns": ("gold.error_patterns", "pattern_version = 2"),
    "hours_hold_all_minutes": ("gold.endpoint_minutes", "request_count = 1"),
    "call_graph_holds_all_calls": ("gold.call_graph_minutes", "call_count = 1"),
}
"""By test: the table that a row is taken from, and which rows may be."""

KEYS = (
    "trace_id", "span_id", "record_hash", "service", "started_at", "occurred_at", "logged_at",
    "body", "error_message", "raw_text", "source_file", "source_position", "source_index",
    "window_start", "environment", "region", "endpoint", "fingerprint", "source_service",
    "target_service", "target_type",
)  # fmt: skip
"""Columns that tell the rows of these tables apart, each table has some."""


def failures_of(
    spark: SparkSession, test_name: str, table: str | None = None, instead: str = ""
) -> int:
    """Rows that a dbt test of the project returns: the SQL that dbt compiled for the last run,
    reading another relation `instead` of a table."""
    (path,) = Path("target/compiled/tracekeep/tests").rglob(f"{test_name}.sql")
    query = path.read_text(encoding="utf-8")
    if table:
        query, count = re.subn(rf"\b{re.escape(table)}\b", instead, query)
        assert count
    return spark.sql(query).count()


@pytest.mark.parametrize("test_name", TAKEN_AWAY)
def test_invariant_fails_when_a_row_is_taken_away(
    spark: SparkSession, lake: BuiltLake, test_name: str
) -> None:
    from pyspark.sql import functions as f

    table, condition = TAKEN_AWAY[test_name]
    rows = spark.table(table)
    key = f.to_json(f.struct(*[name for name in KEYS if name in rows.columns]))
    victim = rows.where(condition).select(f.min(key)).first()[0]
    rows.where(~(f.expr(condition) & (key == f.lit(victim)))).createOrReplaceTempView("one_less")
    assert spark.table("one_less").count() == rows.count() - 1
    assert failures_of(spark, test_name, table, instead="one_less") > 0


ALTERED = {
    "class_rates_are_binomial": (
        "silver.traces",
        "select * except (is_kept), true as is_kept from silver.traces",
    ),
    # as if all but one in a hundred traces had been kept
    "weighted_estimates_meet_exact_numbers": (
        "silver.traces",
        "select * except (sample_weight), 1.01d as sample_weight from silver.traces",
    ),
    "percentiles_of_buckets_are_near": (
        "gold.endpoint_hours",
        "select * except (latency_buckets), transform(latency_buckets, held -> struct("
        "held.bucket + 1 as bucket, held.request_count)) as latency_buckets"
        " from gold.endpoint_hours",
    ),
}
"""By test: the table that it reads, and the same with other figures."""


@pytest.mark.parametrize("test_name", ALTERED)
def test_statistics_fail_when_figures_are_altered(
    spark: SparkSession, lake: BuiltLake, test_name: str
) -> None:
    table, query = ALTERED[test_name]
    assert failures_of(spark, test_name) == 0
    spark.sql(query).createOrReplaceTempView("altered")
    assert failures_of(spark, test_name, table, instead="altered") > 0


@pytest.mark.parametrize(("alike", "nameless"), [(0, 0), (1, 0), (0, 1)])
def test_logs_that_look_like_errors_or_have_no_service_are_told(
    spark: SparkSession, lake: BuiltLake, alike: int, nameless: int
) -> None:
    spark.sql(
        "select * except (like_error_count, without_service_count), "  # noqa: S608 - numbers
        f"{alike} as like_error_count, {nameless} as without_service_count "
        "from control.log_coverage"
    ).createOrReplaceTempView("altered")
    found = failures_of(spark, "log_records_have_levels", "control.log_coverage", "altered")
    assert (found > 0) == (alike + nameless > 0)


def test_invariant_fails_when_a_row_waits_for_a_build_that_nobody_booked(
    spark: SparkSession, lake: BuiltLake
) -> None:
    from delta.tables import DeltaTable

    from tracekeep.dbt import DbtError, dbt

    delta = DeltaTable.forName(spark, "silver.traces")
    version = delta.history(1).first()["version"]
    try:
        delta.update(f"trace_id = '{oddities.DROPPED}'", {"build_id": "'nobody'"})
        with pytest.raises(DbtError, match="silver_rows_are_booked"):
            dbt("test", "--select", "silver_rows_are_booked")
    finally:
        delta.restoreToVersion(version)
    assert failures_of(spark, "silver_rows_are_booked") == 0


def test_docs_describe_every_model_and_column_from_sources_to_gold(lake: BuiltLake) -> None:
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


def test_run_refuses_a_path_that_is_not_there(
    lake: BuiltLake, capsys: pytest.CaptureFixture[str]
) -> None:
    from tracekeep.run import run

    missing = lake.day / "no-such-folder"
    assert (
        run(argparse.Namespace(paths=[missing], region=None, format=None, max_files_per_batch=1))
        == 2
    )
    assert "no such file or folder" in capsys.readouterr().err
