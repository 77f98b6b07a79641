"""A Spark cluster on this machine: the rows of one process, on a folder and in an object store."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import lakes
import pyspark
import pytest
from upath import UPath

from tracekeep.lake import PROJECT

SUBMIT = Path(pyspark.__file__).parent / "bin" / "spark-submit"


@pytest.fixture(params=["folder", "store"])
def cluster(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path | UPath]:
    """A running cluster over an empty lake, which the environment names; it ends with the test."""
    place: Path | UPath = tmp_path / "lake"
    if request.param == "store":
        for name, value in request.getfixturevalue("store").items():
            monkeypatch.setenv(name, value)
        place = UPath("s3a://lake/cluster", use_listings_cache=False)
    monkeypatch.setenv("TRACEKEEP_LAKE", str(place))
    monkeypatch.setenv("TRACEKEEP_STATE", str(tmp_path / "state"))
    cluster_command("start")
    try:
        for line in (PROJECT / ".cluster" / "env").read_text(encoding="utf-8").splitlines():
            for pair in line.removeprefix("export ").split():
                monkeypatch.setenv(*pair.split("=", 1))
        yield place
    finally:
        cluster_command("stop")


def cluster_command(command: str) -> None:
    told("scripts/cluster.py", command)


def told(*arguments: object) -> str:
    """What a Python program of the project prints; it must succeed."""
    done = subprocess.run(  # noqa: S603 - the project's own programs
        [sys.executable, *map(str, arguments)],
        cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return done.stdout


def dbt(*arguments: str) -> str:
    """What dbt prints on the target `cluster`; it must succeed."""
    return told("-m", "dbt.cli.main", *arguments, "--target", "cluster")


def test_same_rows_as_in_one_process(
    cluster: Path | UPath, two_days: list[Path], disk_lake: Path
) -> None:
    for day in two_days:
        done = subprocess.run(  # noqa: S603 - Spark's own program
            [SUBMIT, "--master", os.environ["TRACEKEEP_MASTER"],
             "--jars", ",".join(map(str, (PROJECT / ".jars").glob("delta-*.jar"))),
             PROJECT / "tracekeep" / "__main__.py", "ingest", day],
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout  # spark-submit sends both there
        dbt("run")
    lakes.assert_same_rows(lakes.snapshot(disk_lake), lakes.snapshot(cluster))
    print(dbt("test", "--select", "test_type:data").splitlines()[-1])
    dbt("docs", "generate")
    dbt("run-operation", "register_bronze_sources")
    dbt("source", "freshness")
