"""R5: any order, any split, any repetition, a crash and a rebuild give the same rows.

After test_pipeline.py, since these tests empty the lake that those look at.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import lakes
import oddities
import pytest
from conftest import BuiltLake

from tracekeep.lake import PROJECT, lake_path

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CUT_SHORT = ("--exclude", "traces", "error_events", "batch_books")
"""A Silver run that ends after spans and log records: what a crash between two models leaves."""


def deal(lake: BuiltLake, out: Path, batches: int, seed: int | None) -> list[Path]:
    """The lake's input dealt anew, its export requests taken apart into single records."""
    records = [*lakes.single_records(lake.day / "otlp"), *oddities.timely()]
    pods = sorted((lake.day / "pods").rglob("*.log"))
    return lakes.deal(records, oddities.late(), pods, out, batches, seed)


def build(spark: SparkSession, folders: list[Path], runs: dict[int, tuple[str, ...]]) -> None:
    """Load the folders one after the other into an empty lake; after those in `runs` dbt builds
    Silver, with these options, and then Gold unless Silver was cut short."""
    from tracekeep.dbt import dbt
    from tracekeep.ingest import ingest

    lakes.empty_lake(spark)
    for number, folder in enumerate(folders):
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


def test_seven_shuffled_batches_with_a_run_cut_short(
    spark: SparkSession, lake: BuiltLake, tmp_path: Path
) -> None:
    build(spark, deal(lake, tmp_path, 7, seed=3), {2: (), 4: CUT_SHORT, 6: ()})
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


@pytest.mark.parametrize("killed_at", os.environ.get("TRACEKEEP_KILL_AT", "silver.traces").split())
def test_kill_and_rerun_change_no_row(lake: BuiltLake, tmp_path: Path, killed_at: str) -> None:
    folders = deal(lake, tmp_path / "input", 2, seed=8)
    fresh = tmp_path / "lake"
    assert tracekeep_run(fresh, folders, kill_at=killed_at) == -signal.SIGKILL
    assert tracekeep_run(fresh, folders) == 0
    lakes.assert_same_rows(lake.rows, lakes.snapshot(fresh))


def tracekeep_run(lake: Path, paths: list[Path], kill_at: str | None = None) -> int:
    """`python -m tracekeep run` as a process of its own; kill -9 once a line names `kill_at`."""
    process = subprocess.Popen(  # noqa: S603 - the arguments are this test's own
        [sys.executable, "-m", "tracekeep", "run", *map(str, paths)],
        cwd=PROJECT,
        env={**os.environ, "TRACEKEEP_LAKE": str(lake)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    guard = threading.Timer(3000, os.killpg, (process.pid, signal.SIGKILL))
    guard.start()
    lines = []
    for line in process.stderr or []:
        lines.append(line)
        if kill_at and kill_at in line:
            os.killpg(process.pid, signal.SIGKILL)
    guard.cancel()
    code = process.wait()
    if code > 0:
        print("".join(lines))
    return code
