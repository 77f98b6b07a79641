"""A lake folder that was copied or renamed is a lake of its own; the original keeps every byte."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tracekeep.lake import PROJECT, SCHEMAS

Files = dict[str, tuple[int, int, str]]


def files_below(folder: Path, *without: str) -> Files:
    """Size, time of change (ns) and hash of each file, but of those below some folders."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_size,
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in without
    }


def in_process(lake: Path, program: str) -> Any:
    """What a Python program prints as JSON in its last line; `spark` is a Hive session."""
    start = "import json; from tracekeep.session import spark_session; "
    done = subprocess.run(  # noqa: S603 - the arguments are the tests' own
        [sys.executable, "-c", f"{start}spark = spark_session(hive=True)\n{program}"],
        cwd=PROJECT, env={**os.environ, "TRACEKEEP_LAKE": str(lake)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


LAST_RELEASE = """
import os
lake = os.environ["TRACEKEEP_LAKE"]
for name in ("bronze.spans", "silver.spans", "silver.batch_books", "silver.day_builds",
             "gold.expired_days"):
    schema, table = name.split(".")
    spark.sql(f"create schema if not exists {schema} location '{lake}/{schema}'")
    place = f"{lake}/{schema}/{table}"
    spark.sql(f"create table {name} using delta location '{place}' as select 1 as a")
spark.sql("create view silver.stg_spans as select * from bronze.spans")
print(1)
"""

AS_A_COMMAND = """
from tracekeep.catalog import register_tables, schema_places
places = schema_places(spark)
registered = register_tables(spark)
spark.sql("insert into silver.spans select 2 as a")
spark.sql("insert into control.batch_books select 2 as a")
tables = {}
for schema in schema_places(spark):
    for row in spark.sql(f"show tables in {schema}").collect():
        name = f"{schema}.{row.tableName}"
        place = "" if name == "silver.stg_spans" else (
            spark.sql(f"describe detail {name}").first().location)
        tables[name] = [place, spark.table(name).count()]
print(json.dumps([places, registered, tables]))
"""


def test_metastore_follows_a_copy_of_a_lake_of_the_last_release(tmp_path: Path) -> None:
    lake, copy = tmp_path / "lake", tmp_path / "lake_2"
    in_process(lake, LAST_RELEASE)
    original = files_below(lake)
    shutil.copytree(lake, copy)
    # as if a first try had been cut short
    (copy / "control").mkdir()
    (copy / "silver" / "day_builds").rename(copy / "control" / "day_builds")

    places, registered, tables = in_process(copy, AS_A_COMMAND)
    assert places == {name: f"file:{copy}/{name}" for name in ("bronze", "silver", "gold")}
    moved = ["control.batch_books", "control.day_builds", "control.expired_days"]
    assert registered == moved
    rows = {"silver.spans": 2, "control.batch_books": 2}
    assert tables == {
        "silver.stg_spans": ["", 1],
        **{
            name: [f"file:{copy}/{name.replace('.', '/')}", rows.get(name, 1)]
            for name in ("bronze.spans", "silver.spans", *moved)
        },
    }
    assert not (copy / "silver" / "batch_books").exists()

    places, registered, tables = in_process(copy, AS_A_COMMAND)
    assert (registered, tables["silver.spans"][1], len(tables)) == ([], 3, 6)
    assert files_below(lake) == original

    renamed = copy.rename(tmp_path / "renamed")
    places, registered, tables = in_process(renamed, AS_A_COMMAND)
    assert set(places.values()) == {f"file:{renamed}/{name}" for name in SCHEMAS}
    assert (registered, tables["silver.spans"][1], len(tables)) == ([], 4, 6)
    assert not copy.exists()
