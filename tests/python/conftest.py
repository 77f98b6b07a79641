"""One lake and one JVM for all tests that need Spark."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the helper modules beside the tests

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

EVENTS = int(os.environ.get("TRACEKEEP_PROVE_EVENTS", "5000"))
"""Events of the generated day; `make prove-order` raises them."""

KILLED_AT = os.environ.get("TRACEKEEP_KILLED_AT", "silver.log_records").split()
"""Tables: the process that builds the lake is killed when it has built one, and begins anew."""


@dataclass(frozen=True)
class BuiltLake:
    """A lake that one `tracekeep run` built: its input, folder, and rows by table."""

    day: Path
    path: Path
    rows: dict[str, Counter[str]]


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated day with late and repeated records, and a file of oddities beside it."""
    import oddities

    from tracekeep.generator import generate

    folder = tmp_path_factory.mktemp("input") / "day"
    generate(folder, events=EVENTS, seed=11, late_share=0.05, duplicate_share=0.05)
    records = [*oddities.timely(), *oddities.late()]
    (folder / "oddities.jsonl").write_text("\n".join(records) + "\n", encoding="utf-8")
    (folder / "changes.jsonl").write_text("\n".join(oddities.changes()), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def killed_lake(day: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake that runs over the day were killed in, once after each table of `KILLED_AT`."""
    import lakes

    folder = tmp_path_factory.mktemp("lake")
    for table in KILLED_AT:
        lakes.run_and_kill(folder, day, table)
    return folder


@pytest.fixture(scope="session")
def spark(killed_lake: Path) -> Iterator[SparkSession]:
    """The Hive session of this process, over the killed lake; Spark fixes the place at its start
    and Derby admits one process, so the killed ones come first."""
    from tracekeep.session import spark_session

    before = os.environ.get("TRACEKEEP_LAKE")
    os.environ["TRACEKEEP_LAKE"] = str(killed_lake)
    # One JVM serves the whole suite, so both of Java's compilers pay.
    os.environ.setdefault("TRACEKEEP_JAVA_OPTIONS", "")
    session = spark_session(hive=True)
    yield session
    session.stop()
    if before is None:
        del os.environ["TRACEKEEP_LAKE"]
    else:
        os.environ["TRACEKEEP_LAKE"] = before


@pytest.fixture(scope="session")
def lake(spark: SparkSession, day: Path) -> BuiltLake:
    """The killed lake, finished by one more run that takes the whole day as one ingest batch.

    Every other road to the same records must lead to its rows.
    """
    import lakes

    from tracekeep.lake import lake_path
    from tracekeep.run import run

    arguments = argparse.Namespace(
        paths=[day], region=None, format=None, max_files_per_batch=10_000
    )
    assert run(arguments) == 0
    return BuiltLake(day, lake_path(), lakes.snapshot(lake_path()))
