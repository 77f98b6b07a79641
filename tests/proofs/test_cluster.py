"""A Spark cluster on this machine: the rows of one process, on a folder and in an object store."""

from __future__ import annotations

import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import commands
import lakes
import pyspark
import pytest
from upath import UPath

from tracekeep.lake import PROJECT

SUBMIT = Path(pyspark.__file__).parent / "bin" / "spark-submit"


def dbt(*arguments: str) -> str:
    """What dbt prints on the target `cluster`; it must succeed."""
    return commands.python("-m", "dbt.cli.main", *arguments, "--target", "cluster")


@pytest.mark.parametrize("cluster", ["folder", "store"], indirect=True)
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
    dbt("run-operation", "register_tables")
    dbt("source", "freshness")


OWN_DRIVER = (
    "-c", "from tracekeep.session import spark_session; print(spark_session().range(7).count())"
)  # fmt: skip
OVER_CONNECT = (
    "-c",
    "import os; from pyspark.sql import SparkSession as S; "
    "print(S.builder.remote(os.environ['TRACEKEEP_REMOTE']).getOrCreate().range(7).count())",
)
DATABASE_QUESTION = (
    "-c",
    "import subprocess, sys; sys.exit(subprocess.run(['psql', '-h', '127.0.0.1', '-p', '15432', "
    "'-U', 'tracekeep', 'postgres', '-tAc', 'select 7']).returncode)",
)


@pytest.mark.parametrize("cluster", ["folder"], indirect=True)
def test_strangers_are_refused(cluster: Path, tmp_path: Path) -> None:
    secrets = {
        path.stem: path.read_text(encoding="utf-8")
        for path in (PROJECT / ".cluster").glob("*.secret")
    }
    settings = (PROJECT / ".cluster" / "conf" / "spark-defaults.conf").read_text(encoding="utf-8")
    (tmp_path / "spark-defaults.conf").write_text(
        settings.replace(secrets["cluster"], "another"), encoding="utf-8"
    )
    for question, own, foreign, words in (
        (OWN_DRIVER, {}, {"SPARK_CONF_DIR": str(tmp_path)}, "stopped SparkContext"),
        (OVER_CONNECT, {}, {"SPARK_CONNECT_AUTHENTICATE_TOKEN": "another"}, "UNAUTHENTICATED"),
        (
            DATABASE_QUESTION, {"PGPASSWORD": secrets["metastore"]}, {"PGPASSWORD": "another"},
            "password authentication failed",
        ),
    ):  # fmt: skip
        assert commands.python(*question, **own).split()[-1] == "7"
        with pytest.raises(AssertionError, match=words):
            commands.python(*question, **foreign)
    for port in (8080, 8081, 8082):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/")
