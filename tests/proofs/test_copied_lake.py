"""A whole lake that is copied and built on: the original keeps every byte."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import commands
from deltalake import DeltaTable
from test_moved_lake import files_below, in_process

from tracekeep.lake import PROJECT


def test_run_on_a_copy_changes_the_copy_alone_and_plain_dbt_changes_neither(
    tmp_path: Path,
) -> None:
    from tracekeep.generator import generate

    generate(tmp_path / "day", events=300, seed=1)
    generate(tmp_path / "day_2", events=100, seed=2)
    lake, copy, untouched = (tmp_path / name for name in ("lake", "copy", "untouched"))
    commands_of = {"TRACEKEEP_LAKE": str(lake)}
    code, _, err = commands.finish(commands.start("run", tmp_path / "day", **commands_of))
    assert code == 0, err
    original = files_below(lake)
    for place in (copy, untouched):
        shutil.copytree(lake, place)

    commands_of["TRACEKEEP_LAKE"] = str(copy)
    code, out, err = commands.finish(commands.start("run", tmp_path / "day_2", **commands_of))
    assert code == 0, err
    assert f"Building: the lake was at {lake} in the last run" in err
    assert json.loads(out.splitlines()[0])["read"] > 50
    assert files_below(lake) == original
    for table in ("bronze.spans", "silver.spans", "gold.build_versions", "control.batch_books"):
        assert rows_of(copy, table) > rows_of(lake, table)
    places = in_process(
        copy,
        "print(json.dumps([spark.sql(f'describe detail {s}.{row.tableName}').first().location "
        "for s in ('bronze', 'silver', 'gold', 'control') "
        "for row in spark.sql(f'show tables in {s}').collect() "
        "if spark.catalog.getTable(f'{s}.{row.tableName}').tableType != 'VIEW']))",
    )
    assert len(places) > 20
    assert all(place.startswith(f"file:{copy}/") for place in places)

    before = files_below(untouched, "metastore", "logs")
    for command in ("run", "test"):
        done = subprocess.run(  # noqa: S603 - the arguments are the tests' own
            [Path(sys.executable).parent / "dbt", command, "--target-path", tmp_path / "target"],
            cwd=PROJECT, env={**os.environ, "TRACEKEEP_LAKE": str(untouched)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode != 0
        assert "the lake was copied or moved" in done.stdout
        assert "python -m tracekeep run" in done.stdout
    assert files_below(untouched, "metastore", "logs") == before
    assert files_below(lake) == original


def rows_of(lake: Path, table: str) -> int:
    return DeltaTable(str(lake.joinpath(*table.split(".")))).to_pyarrow_dataset().count_rows()
