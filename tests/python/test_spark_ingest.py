"""Ingest through Spark: any bytes, replays, files that are followed, lakes of older releases.

After the tests of the pipeline, whose lake these empty.
"""

from __future__ import annotations

import datetime
import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import any_bytes
import lakes
import oddities
import pytest
from reading import POD, TIME, write

from tracekeep import lake as lake_module
from tracekeep.ingest import Options, follow, ingest
from tracekeep.lake import bronze_tables, lake_path

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CASES = 300


@pytest.fixture
def empty(spark: SparkSession) -> SparkSession:
    """The session over an empty lake."""
    lakes.empty_lake(spark)
    return spark


def test_any_bytes_are_read_or_rejected(empty: SparkSession, tmp_path: Path) -> None:
    paths = any_bytes.write_cases(tmp_path, CASES)
    books = ingest(empty, [tmp_path])
    assert books["read"] == books["bronze"] + books["rejected"] > CASES
    any_bytes.assert_nothing_lost(lake_path(), paths)
    lost = next(path for path in paths if path.suffix == ".log" and path.read_bytes()[:1] == b"{")
    lost.write_bytes(lost.read_bytes() + b"\nmore")
    with pytest.raises(AssertionError, match="1 of"):  # it can fail
        any_bytes.assert_nothing_lost(lake_path(), paths)


def test_replay_reads_what_can_be_read_now_once(empty: SparkSession, tmp_path: Path) -> None:
    from tracekeep.ingest import replay

    write(tmp_path, "spans.jsonl", "\n".join([*oddities.late(), "{torn"]))
    write(tmp_path, POD, f"{TIME} stdout F ERROR boom\n")
    books = ingest(empty, [tmp_path], Options(named_format="zipkin", region="eu"))
    count = len(oddities.late()) + 1
    assert (books["bronze"], books["rejected"]) == (0, count + 1)

    class StoppedError(Exception):
        pass

    def stop(*_: Any) -> None:
        raise StoppedError

    with pytest.MonkeyPatch.context() as patch, pytest.raises(StoppedError):
        patch.setattr(replay, "_marking", lambda *_: stop)
        replay.replay_rejected(empty)
    books = replay.replay_rejected(empty)
    assert (books["bronze"], books["rejected"], books["replayed"]) == (count, 0, count)
    assert replay.replay_rejected(empty)["read"] == 0
    rows = lakes.bronze_rows("log_records")
    assert {row["region"] for row in rows} == {"eu"}
    (pod,) = [row for row in rows if row["source_file"].endswith(POD)]
    assert dict(pod["resource_attributes"])["k8s.pod.name"] == "cart-7d9f8b6c5d-x2x4z"
    marks = [row["replayed_in_batch"] for row in lakes.bronze_rows("rejected_records")]
    assert sorted(marks, key=str) == [2] * count + [None]


def test_followed_files_are_read_as_they_grow(empty: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path, POD, "".join(f"{TIME} stdout F {n}\n" for n in range(3)))
    ended = threading.Event()
    books: dict[str, int] = {}
    options = Options(is_live=True)

    def run() -> None:
        books.update(follow(empty, [tmp_path], options, 0.1, ended))

    thread = threading.Thread(target=run)
    thread.start()
    wait_for_rows(2)  # the third is the last of its stream: a stack trace might follow
    with path.open("a") as file:
        file.write(f"{TIME} stdout F 3\n{TIME} stdout F torn")
    wait_for_rows(3)
    ended.set()
    thread.join(60)
    assert (books["log_records"], books["rejected"]) == (3, 0)


def wait_for_rows(count: int) -> None:
    """Until bronze.log_records holds so many rows; fails after a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (lake_path() / "bronze/log_records/_delta_log" / f"{0:020}.json").exists():
            rows = lakes.bronze_rows("log_records")
            if len(rows) >= count:
                assert len(rows) == count
                return
        time.sleep(0.5)
    pytest.fail(f"no {count} rows in a minute")


def test_a_column_that_an_older_lake_lacks_is_added(
    empty: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a.jsonl", json.dumps({"ts": TIME, "msg": "old"}))
    tables = bronze_tables()
    ingest(empty, [tmp_path])
    newer = {**tables, "log_records": {**tables["log_records"], "added": "string"}}
    for module in ("tracekeep.ingest.ledger", "tracekeep.ingest.write"):
        monkeypatch.setattr(f"{module}.bronze_tables", lambda: newer)
    write(tmp_path, "b.jsonl", json.dumps({"ts": TIME, "msg": "new"}))
    ingest(empty, [tmp_path])
    assert lake_module.bronze_tables() == tables
    rows = lakes.bronze_rows("log_records")
    assert sorted((row["body"], row["added"]) for row in rows) == [("new", None), ("old", None)]


def test_levels_of_an_older_lake_get_their_numbers(
    empty: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = bronze_tables()
    columns = {k: v for k, v in tables["log_records"].items() if k != "severity_source"}
    for module in ("tracekeep.ingest.ledger", "tracekeep.ingest.write"):
        monkeypatch.setattr(f"{module}.bronze_tables", lambda: {**tables, "log_records": columns})
    write(tmp_path, "a.jsonl", json.dumps({"ts": TIME, "msg": "old", "level": "Error"}))
    ingest(empty, [tmp_path])
    place = f"delta.`{lake_path()}/bronze/log_records`"
    # as releases before this one left it
    empty.sql(f"update {place} set severity_number = null")  # noqa: S608 - our own path
    monkeypatch.undo()
    write(tmp_path, "b.jsonl", json.dumps({"ts": TIME, "msg": "new", "level": "Error"}))
    ingest(empty, [tmp_path])
    names = ("body", "severity_number", "severity_source")
    rows = sorted(tuple(row[n] for n in names) for row in lakes.bronze_rows("log_records"))
    assert rows == [("new", 17, "stated"), ("old", 17, None)]


def test_two_plans_of_one_number_are_one(empty: SparkSession, tmp_path: Path) -> None:
    from tracekeep.ingest.ledger import Ledger
    from tracekeep.ingest.plan import plan_file

    ledger = Ledger(empty)
    ledger.create_tables()
    file = plan_file(str(write(tmp_path, "a.jsonl", "{}")), None)
    assert file is not None
    now = datetime.datetime.now(datetime.UTC)
    ledger.store_plan({1: [file]}, None, now)
    with pytest.raises(RuntimeError, match="another ingest"):
        ledger.store_plan({1: [file]}, None, now)
    assert ledger.open_batches() == [1]


def test_a_batch_of_another_source_does_not_hide_an_older_one(
    empty: SparkSession, tmp_path: Path
) -> None:
    """A replay that was stopped keeps its number while files are loaded under a greater one."""
    from tracekeep.ingest import replay

    write(tmp_path, "a.jsonl", json.dumps({"ts": TIME, "msg": "old"}))
    ingest(empty, [tmp_path], Options(named_format="zipkin"))
    with pytest.MonkeyPatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(replay, "_load", lambda *_: 1 // 0)
        replay.replay_rejected(empty)
    write(tmp_path, "b.jsonl", json.dumps({"ts": TIME, "msg": "new"}))
    assert ingest(empty, [tmp_path])["log_records"] == 1
    assert replay.replay_rejected(empty)["log_records"] == 1
    assert sorted(row["body"] for row in lakes.bronze_rows("log_records")) == ["new", "old"]
    assert replay.replay_rejected(empty)["read"] == 0
