"""`python -m tracekeep replay-rejected`: reads rejected records again, after a fix."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tracekeep.ingest import as_books, one_ingest_at_a_time
from tracekeep.lake import table_path
from tracekeep.readers.files import read_text
from tracekeep.readers.records import Record

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from tracekeep.ingest.ledger import Ledger
    from tracekeep.ingest.write import Stamp

_PLACE = ("ingest_batch", "source_file", "source_position", "source_index", "reason")
_WITHOUT_TEXT = ("source_changed",)
"""Reasons of rejects that hold no text: ingest itself finds such a file again."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command has no arguments."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """Replay; prints the books as one JSON line. Exit 0 only if they add up."""
    from tracekeep.session import spark_session

    del arguments
    books = replay_rejected(spark_session())
    print(json.dumps(books))
    return 0 if books["read"] == books["bronze"] + books["rejected"] else 1


def replay_rejected(spark: SparkSession) -> dict[str, int]:
    """Read the text of rejected records again, by its content, and load what can be read now.

    Rejects that still cannot be read stay as they are; the others stay too, for the books of their
    batch, with the number of the batch that read them. Safe to repeat after a crash anywhere.
    Returns the books of the replay and `replayed`, the rejects that were read.
    """
    from tracekeep.ingest.ledger import REPLAY, Ledger

    ledger = Ledger(spark)
    totals: Counter[str] = Counter()
    replayed = 0
    with one_ingest_at_a_time():
        ledger.create_tables()
        batches = ledger.open_batches((REPLAY,)) or _new_batch(ledger)
        for batch in batches:
            books, count = _load(ledger, batch)
            totals.update(books)
            replayed += count
    return {**as_books(totals), "replayed": replayed}


def _new_batch(ledger: Ledger) -> list[int]:
    """Plan a replay of all rejects so far; no batch if there are none."""
    from tracekeep.ingest.ledger import REPLAY

    if not _rejects(ledger.spark, ledger.last_batch() + 1).limit(1).count():
        print("replay-rejected: nothing was rejected", file=sys.stderr)
        return []
    return [ledger.plan_without_files(REPLAY, str(table_path("bronze.rejected_records")))]


def _rejects(spark: SparkSession, batch: int) -> DataFrame:
    """The rejects that a replay batch reads: those of earlier batches that no other one took."""
    from pyspark.sql import functions as f

    taken = f.col("replayed_in_batch")
    return (
        spark.read.format("delta")
        .load(str(table_path("bronze.rejected_records")))
        .where((f.col("ingest_batch") < batch) & (taken.isNull() | (taken == batch)))
        .where(~f.col("reason").isin(*_WITHOUT_TEXT))
        .where(f.col("raw_text").isNotNull())  # what was erased has none
        .select(*_PLACE, "raw_text", "source_format", "region")
    )


def _load(ledger: Ledger, batch: int) -> tuple[dict[str, int], int]:
    from pyspark import StorageLevel
    from pyspark.sql import functions as f

    from tracekeep.ingest.load import WRITTEN, commit_batch
    from tracekeep.ingest.write import WrittenFile

    _, stamp = ledger.read_plan(batch)
    places = ", ".join(
        f"replayed_{name} {'string' if name in ('source_file', 'reason') else 'bigint'}"
        for name in _PLACE
    )
    rows = _rejects(ledger.spark, batch).mapInArrow(_worker(stamp), f"{WRITTEN}, {places}")
    rows = rows.persist(StorageLevel.DISK_ONLY)  # a second reading would write second files
    try:
        files = [
            WrittenFile(*row)
            for row in rows.where("path is not null")
            .select(*WrittenFile.__dataclass_fields__)
            .collect()
        ]
        read = rows.where("path is null").select(
            *(f.col(f"replayed_{name}").alias(name) for name in _PLACE)
        )
        is_repeated = ledger.held_rows("spans", batch) + ledger.held_rows("log_records", batch) > 0
        books = commit_batch(
            ledger, stamp, files, "replays", 1, is_repeated, _marking(ledger, read, batch)
        )
        return books, read.count()
    finally:
        rows.unpersist()


def _marking(ledger: Ledger, read: DataFrame, batch: int) -> Any:
    """What notes on the rejects that they were read, once their records are committed."""

    def mark() -> None:
        from delta.tables import DeltaTable

        rejects = DeltaTable.forPath(ledger.spark, str(table_path("bronze.rejected_records")))
        same = " and ".join(f"rejects.{name} <=> read.{name}" for name in _PLACE)
        (
            rejects.alias("rejects")
            .merge(read.distinct().alias("read"), same)
            .whenMatchedUpdate(
                "rejects.replayed_in_batch is null", {"replayed_in_batch": f"{batch:d}"}
            )
            .execute()
        )

    return mark


def _worker(stamp: Stamp) -> Any:
    from tracekeep.erased_ids import read_erased_ids
    from tracekeep.ingest.load import as_arrow
    from tracekeep.ingest.write import BronzeWriter

    erased = read_erased_ids()

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        writer = BronzeWriter(stamp, erased)
        for rows in batches:
            read = []
            for reject in rows.to_pylist():
                records = records_of(reject)
                if any(record["table"] != "rejected_records" for record in records):
                    read.append(reject)
                    for record in records:
                        writer.add(record)
            yield _places(read)
        yield _padded(as_arrow(writer.close()))

    return work


def records_of(reject: dict[str, Any]) -> list[Record]:
    """What the readers make of a reject's text now, with the place that the reject has."""
    records = list(read_text(reject["source_file"], reject["raw_text"].encode()))
    region = reject["region"]
    for number, record in enumerate(records):
        record.setdefault("source_format", reject["source_format"])
        record["source_file"] = reject["source_file"]
        record["source_position"] = reject["source_position"]
        record["source_index"] = reject["source_index"] + number
        record["region"] = None if region == "unknown" else region
    return records


def _places(rejects: list[dict[str, Any]]) -> pa.RecordBatch:
    """Output rows that name rejects which were read."""
    empty = as_empty(len(rejects))
    columns = [
        pa.array(
            [reject[name] for reject in rejects],
            pa.string() if name in ("source_file", "reason") else pa.int64(),
        )
        for name in _PLACE
    ]
    names = [*empty.schema.names, *(f"replayed_{name}" for name in _PLACE)]
    return pa.RecordBatch.from_arrays([*empty.columns, *columns], names)


def _padded(files: pa.RecordBatch) -> pa.RecordBatch:
    """Output rows that name written files."""
    columns = [
        pa.nulls(files.num_rows, pa.string() if name in ("source_file", "reason") else pa.int64())
        for name in _PLACE
    ]
    names = [*files.schema.names, *(f"replayed_{name}" for name in _PLACE)]
    return pa.RecordBatch.from_arrays([*files.columns, *columns], names)


def as_empty(count: int) -> pa.RecordBatch:
    """Rows of written files that name none."""
    from tracekeep.ingest.load import as_arrow

    none = as_arrow([])
    columns = [pa.nulls(count, column.type) for column in none.columns]
    return pa.RecordBatch.from_arrays(columns, schema=none.schema)
