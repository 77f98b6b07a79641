"""The list of the lake's tables: rows, files and bytes without Spark."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from commands import finish, start
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from tracekeep import tables
from tracekeep.command_line import OUTPUT_CLOSED
from tracekeep.tables import BrokenTableError, LakeTable, lake_tables

THREE = pa.table({"day": ["a b", "a b", "c/ü"], "number": [1, 2, 3]})


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "lake"
    monkeypatch.setenv("TRACEKEEP_LAKE", str(folder))
    return folder


def write(lake: Path, name: str, rows: pa.Table = THREE, **options: Any) -> Path:
    folder = lake.joinpath(*name.split("."))
    folder.parent.mkdir(parents=True, exist_ok=True)
    write_deltalake(str(folder), rows, **options)
    return folder


def only_table() -> LakeTable:
    (table,) = lake_tables()
    return table


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def forget_statistics(folder: Path) -> None:
    """Take the statistics out of the first commit, as writers leave them out."""
    commit = folder / "_delta_log" / f"{0:020d}.json"
    actions = [json.loads(line) for line in commit.read_text().splitlines()]
    for action in actions:
        action.get("add", {}).pop("stats", None)
    commit.write_text("\n".join(map(json.dumps, actions)))


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    tables.add_arguments(parser)
    return tables.run(parser.parse_args(words))


def test_layers_come_in_their_order_and_tables_by_name(lake: Path) -> None:
    for name in ("gold.a", "silver.b", "silver.a", "bronze.z"):
        write(lake, name)
    lake.joinpath("bronze", "no_table").mkdir()
    lake.joinpath("bronze", ".ingest.lock").touch()
    lake.joinpath("other").mkdir()
    found = lake_tables()
    assert [t.name for t in found] == ["bronze.z", "silver.a", "silver.b", "gold.a"]
    assert [t.layer for t in found] == ["bronze", "silver", "silver", "gold"]
    assert {t.path for t in found} == {
        str(lake / layer / name) for layer, name in (t.name.split(".") for t in found)
    }
    assert {(t.format, t.version, t.rows, t.files) for t in found} == {("delta", 0, 3, 1)}


def test_appended_and_deleted_rows_and_old_files(lake: Path) -> None:
    folder = write(lake, "silver.spans")
    write(lake, "silver.spans", mode="append")
    DeltaTable(str(folder)).delete("number = 2")
    folder.joinpath(".part-0.parquet.crc").write_bytes(b"12345678")
    table = only_table()
    live = [Path(uri) for uri in DeltaTable(str(folder)).file_uris()]
    assert (table.version, table.rows, table.files) == (2, 4, len(live))
    assert table.bytes == sum(path.stat().st_size for path in live)
    assert table.bytes_on_disk == size_of(folder) > table.bytes + 8


def test_an_overwritten_table_keeps_its_old_files_on_disk(lake: Path) -> None:
    folder = write(lake, "gold.a")
    before = only_table()
    write(lake, "gold.a", THREE.slice(0, 1), mode="overwrite")
    after = only_table()
    assert (after.version, after.rows, after.files) == (1, 1, 1)
    assert after.bytes_on_disk == size_of(folder) >= before.bytes + after.bytes


@pytest.mark.parametrize("has_statistics", [True, False])
def test_partitions_whose_names_are_escaped(lake: Path, has_statistics: bool) -> None:
    folder = write(lake, "bronze.spans", partition_by="day")
    if not has_statistics:
        forget_statistics(folder)
    table = only_table()
    assert (table.rows, table.files) == (3, 2)


def test_files_without_statistics_are_counted_by_their_footers(lake: Path) -> None:
    folder = write(lake, "bronze.spans")
    forget_statistics(folder)
    write(lake, "bronze.spans", mode="append")
    counts = DeltaTable(str(folder)).get_add_actions(flatten=True).column("num_records")
    assert sorted(counts.to_pylist(), key=str) == [3, None]
    assert (only_table().rows, only_table().files) == (6, 2)


def test_statistics_count_without_column_statistics(lake: Path) -> None:
    write(lake, "bronze.spans", configuration={"delta.dataSkippingNumIndexedCols": "0"})
    assert only_table().rows == 3


def test_empty_tables(lake: Path) -> None:
    lake.joinpath("bronze").mkdir(parents=True)
    DeltaTable.create(str(lake / "bronze" / "only_schema"), schema=THREE.schema)
    write(lake, "bronze.written_empty", THREE.slice(0, 0))
    folder = write(lake, "bronze.emptied")
    DeltaTable(str(folder)).delete()
    by_name = {table.name: table for table in lake_tables()}
    assert {table.rows for table in by_name.values()} == {0}
    only_schema, emptied = by_name["bronze.only_schema"], by_name["bronze.emptied"]
    assert (only_schema.version, only_schema.files, only_schema.bytes) == (0, 0, 0)
    assert (emptied.version, emptied.files, emptied.bytes) == (1, 0, 0)
    assert emptied.bytes_on_disk == size_of(folder) > 0


def test_a_checkpoint_counts_as_bytes_on_disk(lake: Path) -> None:
    folder = write(lake, "silver.traces")
    DeltaTable(str(folder)).create_checkpoint()
    assert only_table().rows == 3
    assert only_table().bytes_on_disk == size_of(folder)


@pytest.mark.parametrize("damage", ["json", "no_commit", "missing_file", "no_parquet", "vectors"])
def test_a_broken_table_is_named(
    lake: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(lake, "gold.fine")
    folder = write(lake, "silver.spans")
    commit = folder / "_delta_log" / f"{0:020d}.json"
    (data_file,) = folder.glob("*.parquet")
    if damage == "json":
        commit.with_name(f"{1:020d}.json").write_text('{"add": {')
    elif damage == "no_commit":
        commit.unlink()
    elif damage == "missing_file":
        data_file.unlink()
    elif damage == "no_parquet":
        forget_statistics(folder)
        data_file.write_bytes(b"no Parquet")
    else:
        features = {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
        protocol = {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, **features}}
        actions = [json.loads(line) for line in commit.read_text().splitlines()]
        others = [action for action in actions if "protocol" not in action]
        commit.write_text("\n".join(map(json.dumps, [protocol, *others])))
    with pytest.raises(BrokenTableError, match=r"silver\.spans"):
        lake_tables()
    for words in ((), ("--json",)):
        assert run(*words) == 1
        told = capsys.readouterr()
        assert told.out == ""
        assert str(folder) in told.err and told.err.count("\n") == 1


@pytest.mark.parametrize("exists", [True, False])
def test_a_lake_without_tables(
    lake: Path, exists: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    if exists:
        lake.joinpath("bronze").mkdir(parents=True)
    assert run() == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert str(lake) in told.err and "make run" in told.err
    assert run("--json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_json_has_the_fields_that_scripts_rely_on(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(lake, "gold.a")
    assert run("--json") == 0
    (table,) = json.loads(capsys.readouterr().out)
    assert list(table) == [
        "name", "path", "format", "version", "rows", "files", "bytes", "bytes_on_disk",
    ]  # fmt: skip
    assert Path(table["path"]).is_absolute()


def test_people_get_aligned_columns_and_totals(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = pa.table({"number": range(1234)})
    write(lake, "bronze.spans", many)
    write(lake, "gold.a")
    write(lake, "gold.b", many)
    assert run() == 0
    lines = capsys.readouterr().out.splitlines()
    assert len({len(line) for line in lines}) == 1
    cells = {row[0]: row for row in ([c.strip() for c in line.split("|")] for line in lines)}
    assert cells["bronze: 1 table"][2] == "1,234"
    assert cells["gold: 2 tables"][1:4] == ["", "1,237", "2"]
    assert cells["all: 3 tables"][2] == "2,471"


def test_deltalake_still_refuses_tables_with_timestamps_in_commits(tmp_path: Path) -> None:
    """The reason for tracekeep/ingest/commit.py; if this fails, deltalake can take its place."""
    schema = {
        "type": "struct",
        "fields": [{"name": "number", "type": "long", "nullable": True, "metadata": {}}],
    }
    actions = (
        {"commitInfo": {"inCommitTimestamp": 1, "timestamp": 1, "operation": "CREATE TABLE"}},
        {
            "protocol": {
                "minReaderVersion": 1,
                "minWriterVersion": 7,
                "writerFeatures": ["inCommitTimestamp"],
            }
        },
        {
            "metaData": {
                "id": "a table",
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps(schema),
                "partitionColumns": [],
                "configuration": {"delta.enableInCommitTimestamps": "true"},
                "createdTime": 1,
            }
        },
    )
    log = tmp_path / "_delta_log"
    log.mkdir()
    first = log / "00000000000000000000.json"
    first.write_text("\n".join(map(json.dumps, actions)), encoding="utf-8")
    with pytest.raises(CommitFailedError, match="InCommitTimestamp"):
        write_deltalake(str(tmp_path), pa.table({"number": [1]}), mode="append")


def test_a_reader_that_goes_ends_the_command_quietly(lake: Path) -> None:
    write(lake, "bronze.spans")
    command = start("tables")
    assert command.stdout
    command.stdout.close()
    assert command.stderr
    assert command.stderr.read() == ""
    assert command.wait(60) == OUTPUT_CLOSED


def test_a_store_that_cannot_be_reached_is_named() -> None:
    store = {
        "TRACEKEEP_LAKE": "s3a://bucket/lake",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",  # the port "discard", where nobody listens
    }
    code, out, err = finish(start("tables", **store))
    assert (code, out) == (2, "")
    assert err.startswith("tables: the lake s3a://bucket/lake cannot be reached: ")
    assert len(err.splitlines()) == 1
