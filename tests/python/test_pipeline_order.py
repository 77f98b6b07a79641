"""R5: any order, any split, any repetition, a crash and a rebuild give the same rows.

They are compared with the lake of conftest.py: one batch, and a process killed on the way there.
After test_pipeline.py, since these tests empty the lake that those look at.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import lakes
import oddities
import pytest
from conftest import BuiltLake

from tracekeep.lake import lake_path

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from tracekeep.ingest.write import WrittenFile

CUT_SHORT = ("--exclude", "traces", "error_events", "service_calls", "changes", "batch_books")
"""A Silver run that ends after spans and log records: what a crash between two models leaves."""


COPIES = int(os.environ.get("TRACEKEEP_PROVE_COPIES", "3"))
"""Copies of the oddities, each in an order of its own; `make prove-order` raises them."""

GIANT_COPIES = 3 if COPIES > 10 else 0
"""Copies that hold traces of 10,000 and 50,000 spans too."""


def deal(lake: BuiltLake, out: Path, batches: int) -> list[Path]:
    """The lake's input dealt anew, its export requests taken apart into single records; and beside
    it copies of the oddities, each dealt in another way, the first with the late records last."""
    folders = lakes.deal(
        [
            *lakes.single_records(lake.day / "otlp"),
            *lakes.lines_below(lake.day / "changes"),
            *oddities.timely(),
            *oddities.changes(),
        ],
        oddities.late(),
        sorted((lake.day / "pods").rglob("*.log")),
        out,
        batches,
        seed=3,
    )
    for copy in range(1, COPIES + 1):
        giants = oddities.giants() if copy <= GIANT_COPIES else []
        timely = [*oddities.timely(), *oddities.changes(), *oddities.foreign(), *giants]
        records, late = (
            [oddities.in_copy(record, copy) for record in part]
            for part in (timely, oddities.late())
        )
        seed = None if copy == 1 else copy
        lakes.deal(records, late, [], out, batches, seed, name=f"copy-{copy}")
    return folders


class DiskGoneError(OSError):
    """What a load meets between two tables."""


@contextmanager
def disk_gone_between_tables() -> Iterator[None]:
    """Loads of ingest batches end when they have written their first table."""
    from tracekeep.ingest import load

    commit_files = load.commit_files

    def commit_and_fail(
        spark: SparkSession, table: str, files: Sequence[WrittenFile], source: str, version: int
    ) -> bool:
        commit_files(spark, table, files, source, version)
        raise DiskGoneError(table)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(DiskGoneError):
        patch.setattr(load, "commit_files", commit_and_fail)
        yield


def build(
    spark: SparkSession, folders: list[Path], runs: dict[int, tuple[str, ...]], failing: int = -1
) -> None:
    """Load the folders one after the other into an empty lake; after those in `runs` dbt builds
    Silver, with these options, and then Gold, which takes a Silver that was cut short again. The
    first load of the folder `failing` ends between two tables. Days are compacted after the first
    run."""
    from tracekeep.compact import compact
    from tracekeep.dbt import dbt
    from tracekeep.ingest import ingest

    lakes.empty_lake(spark)
    for number, folder in enumerate(folders):
        if number == failing:
            with disk_gone_between_tables():
                ingest(spark, [folder])
        ingest(spark, [folder])
        if number in runs:
            dbt("run", "--select", "silver", *runs[number])
            if number == min(runs):
                compact(after_runs=1)
            dbt("run", "--select", "gold")


def test_any_order_and_split_with_runs_cut_short(
    spark: SparkSession, lake: BuiltLake, tmp_path: Path
) -> None:
    folders = deal(lake, tmp_path, 7)
    build(spark, folders, {1: (), 4: CUT_SHORT, 6: ()}, failing=3)
    lakes.assert_same_rows(
        lakes.without_wide_changes(lake.rows),
        lakes.without_wide_changes(lakes.original_rows(lake_path())),
    )
    copies = lakes.rows_by_copy(lake_path())
    assert sorted(copies) == list(range(COPIES + 1))
    for copy in range(2, COPIES + 1):
        with_giants = copy <= GIANT_COPIES
        first = 1 if with_giants or not GIANT_COPIES else GIANT_COPIES + 1
        lakes.assert_same_rows(copies[first], copies[copy])
    for name, rows in copies[1].items():
        assert rows.total() > 3, name


def test_closed_days_were_compacted_and_written_to_again(lake: BuiltLake) -> None:
    """Of the lake that the last test left behind: three builds wrote to the day of the oddities."""
    from deltalake import DeltaTable

    from tracekeep.compact import compact

    def files(name: str) -> int:
        table = DeltaTable(str(lake.path / "silver" / name))
        day = [("partition_date", "=", "2026-01-12")]
        return len(table.file_uris(partition_filters=day))

    operations = DeltaTable(str(lake.path / "control" / "day_builds")).to_pyarrow_table()
    assert "compaction" in operations["operation"].to_pylist()
    before = lakes.snapshot(lake_path())
    compact(after_runs=1)
    lakes.assert_same_rows(before, lakes.snapshot(lake_path()))
    assert {files(name) for name in ("spans", "log_records", "traces", "error_events")} == {1}


def test_late_error_rewrites_its_own_hours_alone(
    spark: SparkSession, lake: BuiltLake, tmp_path: Path
) -> None:
    """Of the lake that the last tests left behind: what `oddities.promoting` says arrives."""
    from tracekeep.dbt import dbt
    from tracekeep.incident.answer import Question, answer
    from tracekeep.incident.delta_lake import DeltaLake
    from tracekeep.ingest import ingest

    def rows_of_trace(table: str) -> list[dict]:
        return [row for row in lakes.table_rows(table) if row["trace_id"] == oddities.LATE]

    def endpoints() -> dict[tuple[str, str], tuple]:
        return {
            (r["service"], r["endpoint"]): (
                r["request_count"], r["error_count"], r["sample_trace_ids"],
            )
            for r in lakes.table_rows("gold.endpoint_minutes")
            if r["service"].startswith("late-") and r["environment"] == "unknown"
        }  # fmt: skip

    def windows_of_last_build(table: str) -> set[str]:
        rows = lakes.table_rows(table)
        newest = max(row["build_id"] for row in rows)
        return {f"{row['window_start']:%H:%M}" for row in rows if row["build_id"] == newest}

    def told_of_trace(as_of: int | None = None) -> tuple[set[tuple], list[list[str]]]:
        """What drill-down tells: services and endpoints of the spans, service paths."""
        told = answer(DeltaLake(lake_path()), Question(trace_id=oddities.LATE, as_of=as_of))
        (trace,) = told["traces"]
        spans = {(span["service"], span["endpoint"]) for span in trace["spans"]}
        return spans, [group["service_path"] for group in told["path_groups"]]

    assert not rows_of_trace("gold.sampled_spans")
    assert endpoints() == {("late-shop", "/old"): (1, 0, [])}
    version = DeltaLake(lake_path())["gold.endpoint_minutes"].version
    assert told_of_trace() == ({("late-shop", "/old")}, [])
    news = tmp_path / "late.jsonl"
    news.write_text("\n".join(oddities.promoting()) + "\n", encoding="utf-8")
    ingest(spark, [news])
    dbt("run", "--select", "silver")
    dbt("run", "--select", "gold")
    kept = rows_of_trace("gold.sampled_spans")
    assert {(r["span_id"], r["sample_class"], r["sample_weight"]) for r in kept} == {
        (oddities.hex_id(1), "error", 1.0),
        (oddities.hex_id(2), "error", 1.0),
    }
    assert [r["body"] for r in rows_of_trace("gold.sampled_log_records")] == ["hello"]
    (path,) = rows_of_trace("gold.incident_paths")
    assert path["service_path"] == ["late-shop", "late-bank"]
    assert endpoints() == {
        ("late-shop", "/new"): (1, 0, [oddities.LATE]),
        ("late-bank", "/debit"): (1, 1, [oddities.LATE]),
    }
    # what is true now, and what was true then (R11)
    now = {("late-shop", "/new"), ("late-bank", "/debit")}
    assert told_of_trace() == (now, [["late-shop", "late-bank"]])
    assert told_of_trace(version) == ({("late-shop", "/old")}, [])
    for table in ("endpoint_minutes", "call_graph_minutes", "anomaly_features", "endpoint_hours"):
        assert {window[:2] for window in windows_of_last_build(f"gold.{table}")} == {"17"}, table


def test_tests_of_the_news_notice_an_older_event_that_was_lost(
    spark: SparkSession, lake: BuiltLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the lake that the last test left behind: its last build touched an older span."""
    from delta.tables import DeltaTable

    from tracekeep.dbt import DbtError, dbt

    builds = sorted({row["build_id"] for row in lakes.table_rows("gold.build_versions")})
    monkeypatch.setenv("TRACEKEEP_TESTS_SINCE", builds[-2])
    dbt("test", "--select", "test_type:data")
    spans = DeltaTable.forName(spark, "silver.spans")
    version = spans.history(1).first()["version"]
    try:
        spans.delete(f"trace_id = '{oddities.LATE}' and service = 'late-shop'")
        with pytest.raises(DbtError, match="older_events_stay_in_silver"):
            dbt("test", "--select", "older_events_stay_in_silver")
    finally:
        spans.restoreToVersion(version)
    # of a build that is not the last one only what came later is looked at
    monkeypatch.setenv("TRACEKEEP_TESTS_SINCE", builds[-1])
    dbt("test", "--select", "test_type:data")


def test_rebuild_changes_no_row(spark: SparkSession, lake: BuiltLake) -> None:
    """Of the lake that the last tests left behind, which grew batch by batch."""
    from tracekeep.rebuild import run

    before = lakes.snapshot(lake_path())
    assert run(argparse.Namespace()) == 0
    lakes.assert_same_rows(before, lakes.snapshot(lake_path()))


def test_rebuild_refuses_when_bronze_has_forgotten_rows(
    spark: SparkSession, lake: BuiltLake, capsys: pytest.CaptureFixture[str]
) -> None:
    from tracekeep.rebuild import run

    before = lakes.snapshot(lake_path())
    spark.sql("delete from bronze.spans where trace_id is null")
    assert run(argparse.Namespace()) == 2
    assert "refused" in capsys.readouterr().err
    lakes.assert_same_rows(before, lakes.snapshot(lake_path()))


def test_model_alone_refuses_news_whose_days_nobody_noted(
    spark: SparkSession, lake: BuiltLake, tmp_path: Path
) -> None:
    from tracekeep.dbt import DbtError, dbt
    from tracekeep.ingest import ingest

    news = tmp_path / "news.jsonl"
    news.write_text(oddities.span("77" * 16, "88" * 8), encoding="utf-8")
    ingest(spark, [news])
    before = lakes.snapshot(lake_path())
    with pytest.raises(DbtError, match="select it too"):
        dbt("run", "--select", "pinned_batches", "spans")
    lakes.assert_same_rows(before, lakes.snapshot(lake_path()))


def test_file_lost_between_two_tries_blocks_no_later_ingest(
    spark: SparkSession, lake: BuiltLake, tmp_path: Path
) -> None:
    from tracekeep.ingest import ingest

    lakes.empty_lake(spark)
    lost, other = tmp_path / "lost.jsonl", tmp_path / "other.jsonl"
    lost.write_text("\n".join(oddities.timely()), encoding="utf-8")
    other.write_text("\n".join(oddities.late()), encoding="utf-8")
    with disk_gone_between_tables():
        ingest(spark, [lost])
    lost.unlink()
    books = ingest(spark, [other])
    kept = sum('"resourceSpans"' in record for record in oddities.timely())
    assert books["bronze"] == kept + len(oddities.late())
    assert (books["rejected"], books["read"]) == (1, books["bronze"] + 1)
    assert books["batches"] == 2
