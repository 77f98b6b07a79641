"""R5: any order, any split, any repetition, a crash and a rebuild give the same rows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import lakes
import oddities
import pytest

from tracekeep.generator import generate
from tracekeep.lake import PROJECT, lake_path

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

EVENTS = int(os.environ.get("TRACEKEEP_PROVE_EVENTS", "5000"))
"""`make prove-order` raises it to 200,000."""


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[Path]]:
    """Single records of a generated day with the oddities, and the day's pod log files."""
    folder = tmp_path_factory.mktemp("input") / "day"
    generate(folder, events=EVENTS, seed=5, late_share=0.05, duplicate_share=0.05)
    exported = list(lakes.single_records(folder / "otlp"))
    return exported + oddities.timely(), sorted((folder / "pods").rglob("*.log"))


@pytest.fixture(scope="module")
def at_once(
    spark: SparkSession, records: tuple[list[str], list[Path]],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Counter[str]]:  # fmt: skip
    """The rows that one batch gives: what every other road must lead to."""
    exported, pods = records
    folders = lakes.deal(exported, oddities.late(), pods, tmp_path_factory.mktemp("one"), 1, None)
    return build(spark, folders, runs_after={0})


def build(
    spark: SparkSession, folders: list[Path], runs_after: set[int]
) -> dict[str, Counter[str]]:
    """Load the folders one after the other into an empty lake, with dbt runs between them."""
    from tracekeep.dbt import dbt
    from tracekeep.ingest import ingest

    lakes.empty_lake(spark)
    for number, folder in enumerate(folders):
        ingest(spark, [folder])
        if number in runs_after:
            dbt("run", "--select", "silver")
            dbt("run", "--select", "gold")
    dbt("test", "--select", "test_type:data")
    return lakes.snapshot(lake_path())


def test_input_is_anything_but_clean(at_once: dict[str, Counter[str]]) -> None:
    assert at_once["silver.spans"].total() > EVENTS / 2
    assert sum('"trace_id": null' in row for row in at_once["silver.error_events"]) >= 4
    assert sum('"is_orphan": true' in row for row in at_once["silver.spans"]) >= 3
    assert any(oddities.DROPPED in row for row in at_once["gold.sampled_spans"])


@pytest.mark.parametrize(
    ("batches", "seed", "runs_after"),
    [(2, None, {0, 1}), (7, 3, {0, 2, 3, 6})],
    ids=["two batches, late records last", "seven batches, shuffled"],
)
def test_split_and_order_change_no_row(
    spark: SparkSession, records: tuple[list[str], list[Path]], at_once: dict[str, Counter[str]],
    tmp_path: Path, batches: int, seed: int | None, runs_after: set[int],
) -> None:  # fmt: skip
    exported, pods = records
    folders = lakes.deal(exported, oddities.late(), pods, tmp_path, batches, seed)
    lakes.assert_same_rows(at_once, build(spark, folders, runs_after))


def test_rebuild_changes_no_row(spark: SparkSession, at_once: dict[str, Counter[str]]) -> None:
    """Of the lake that the last test left behind, which grew batch by batch."""
    import argparse

    from tracekeep.rebuild import run

    assert run(argparse.Namespace()) == 0
    lakes.assert_same_rows(at_once, lakes.snapshot(lake_path()))


@pytest.mark.parametrize("killed_at", ["silver.traces"])
def test_kill_and_rerun_change_no_row(
    records: tuple[list[str], list[Path]], at_once: dict[str, Counter[str]], tmp_path: Path,
    killed_at: str,
) -> None:  # fmt: skip
    exported, pods = records
    folders = lakes.deal(exported, oddities.late(), pods, tmp_path / "input", 2, 8)
    lake = tmp_path / "lake"
    assert tracekeep_run(lake, folders[:1]) == 0
    assert tracekeep_run(lake, folders, kill_at=killed_at) == -signal.SIGKILL
    assert tracekeep_run(lake, folders) == 0
    lakes.assert_same_rows(at_once, lakes.snapshot(lake))


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
