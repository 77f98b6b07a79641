"""R5: any order, any split, any repetition, a crash and a rebuild give the same rows.

They are compared with the lake of conftest.py: one batch, and a process killed on the way there.
After test_pipeline.py, since these tests empty the lake that those look at.
"""

from __future__ import annotations

import argparse
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


def deal(lake: BuiltLake, out: Path, batches: int, seed: int | None) -> list[Path]:
    """The lake's input dealt anew, its export requests taken apart into single records."""
    records = [
        *lakes.single_records(lake.day / "otlp"),
        *oddities.timely(),
        *oddities.changes(),
    ]
    pods = sorted((lake.day / "pods").rglob("*.log"))
    return lakes.deal(records, oddities.late(), pods, out, batches, seed)


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
    Silver, with these options, and then Gold unless Silver was cut short. The first load of the
    folder `failing` ends between two tables."""
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
            if not runs[number]:
                dbt("run", "--select", "gold")


def test_two_batches_with_late_records_last(
    spark: SparkSession, lake: BuiltLake, tmp_path: Path
) -> None:
    build(spark, deal(lake, tmp_path, 2, seed=None), {0: (), 1: ()})
    lakes.assert_same_rows(lake.rows, lakes.snapshot(lake_path()))


def test_seven_shuffled_batches_with_an_ingest_and_a_run_cut_short(
    spark: SparkSession, lake: BuiltLake, tmp_path: Path
) -> None:
    build(spark, deal(lake, tmp_path, 7, seed=3), {2: (), 4: CUT_SHORT, 6: ()}, failing=3)
    lakes.assert_same_rows(lake.rows, lakes.snapshot(lake_path()))


def test_rebuild_changes_no_row(spark: SparkSession, lake: BuiltLake) -> None:
    """Of the lake that the last test left behind, which grew batch by batch."""
    from tracekeep.rebuild import run

    assert run(argparse.Namespace()) == 0
    lakes.assert_same_rows(lake.rows, lakes.snapshot(lake_path()))


def test_rebuild_refuses_when_bronze_has_forgotten_rows(
    spark: SparkSession, lake: BuiltLake, capsys: pytest.CaptureFixture[str]
) -> None:
    from tracekeep.rebuild import run

    spark.sql("delete from bronze.spans where trace_id is null")
    assert run(argparse.Namespace()) == 2
    assert "refused" in capsys.readouterr().err
    lakes.assert_same_rows(lake.rows, lakes.snapshot(lake_path()))


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
