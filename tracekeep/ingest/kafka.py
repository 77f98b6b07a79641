"""Kafka topics into Bronze by Structured Streaming, with the readers and books of files."""

from __future__ import annotations

import datetime
import hashlib
import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tracekeep.ingest import Options, as_books, one_ingest_at_a_time
from tracekeep.lake import PROJECT, lake_path
from tracekeep.readers.files import read_text
from tracekeep.readers.records import Record

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from tracekeep.ingest.ledger import Ledger

MESSAGES_PER_BATCH = 500_000
_JARS = ("spark-sql-kafka", "spark-token-provider-kafka", "kafka-clients", "commons-pool2")


def kafka_session() -> SparkSession:
    """The Spark session with Kafka's client; under spark-submit the JARs that were given there."""
    from tracekeep.session import spark_session

    jars = [path for name in _JARS for path in sorted((PROJECT / ".jars").glob(f"{name}*.jar"))]
    return spark_session(jars=jars)


def ingest_topics(
    spark: SparkSession,
    servers: str,
    topics: Sequence[str],
    options: Options,
    poll_seconds: float | None,
    ended: threading.Event,
) -> dict[str, int]:
    """Read what is new in the topics, from their beginning the first time; returns the books.

    poll_seconds None: read what is there and end; else go on until `ended` is set. Each micro-batch
    is an ingest batch, planned with its offsets: one that Spark delivers again after a crash is
    loaded under the same number, so nothing counts twice.
    Raises RuntimeError if the stream ended with an error.
    """
    from pyspark.errors import StreamingQueryException

    from tracekeep.ingest.ledger import Ledger

    ledger = Ledger(spark)
    with one_ingest_at_a_time():
        ledger.create_tables()
    totals: Counter[str] = Counter()
    checkpoint = _checkpoint(servers, topics)
    trigger: dict[str, Any] = (
        {"availableNow": True}
        if poll_seconds is None
        else {"processingTime": f"{poll_seconds} seconds"}
    )
    query = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", servers)
        .option("subscribe", ",".join(topics))
        .option("startingOffsets", "earliest")
        .option("failOnDataLoss", "true")
        .option("maxOffsetsPerTrigger", MESSAGES_PER_BATCH)
        .load()
        .writeStream.foreachBatch(_loader(ledger, options, checkpoint, totals))
        .option("checkpointLocation", str(checkpoint))
        .trigger(**trigger)
        .start()
    )
    try:
        while query.isActive and not ended.wait(0.5):
            pass
        query.stop() if ended.is_set() else query.awaitTermination()
    except StreamingQueryException as error:
        raise RuntimeError(f"the topics could not be read: {error}") from error
    return {**as_books(totals), "skipped_files": 0, "batches": totals["batches"]}


def _checkpoint(servers: str, topics: Sequence[str]) -> Path:
    """Where the stream keeps its offsets: in the lake, one folder for these topics."""
    name = hashlib.sha256(json.dumps([servers, sorted(topics)]).encode()).hexdigest()[:16]
    return lake_path() / "bronze" / ".kafka" / name


def _loader(ledger: Ledger, options: Options, checkpoint: Path, totals: Counter[str]) -> Any:
    def load(messages: DataFrame, epoch: int) -> None:
        # The stream's id is that of its checkpoint: without that, epochs begin anew.
        stream = json.loads((checkpoint / "metadata").read_text(encoding="utf-8"))["id"]
        with one_ingest_at_a_time():
            books = _load(ledger, messages, f"{stream}:{epoch}", options)
        if books:
            totals.update(books)
            totals["batches"] += 1
            print(f"ingest: {totals['read_count']:,} records from Kafka", file=sys.stderr)

    return load


def _load(
    ledger: Ledger, messages: DataFrame, delivery: str, options: Options
) -> dict[str, int] | None:
    """Load one delivery; None if there is nothing in it or its books are closed."""
    from tracekeep.ingest.load import commit_batch, write_records

    messages = messages.where("value is not null").select("topic", "partition", "offset", "value")
    batch = ledger.planned(delivery)
    is_repeated = batch is not None
    if batch is None:
        batch = _plan(ledger, messages, delivery, options)
        if batch is None:
            return None
    elif ledger.is_committed(batch):
        return None
    parts, stamp = ledger.read_plan(batch)
    named = options.named_format

    def records(rows: pa.RecordBatch) -> Iterator[Record]:
        for message in rows.to_pylist():
            yield from message_records(message, named)

    counter = ledger.spark.sparkContext.accumulator(0)
    files = write_records(messages, records, stamp, counter)
    stream, _, _ = delivery.partition(":")
    return commit_batch(ledger, stamp, files, stream, len(parts), is_repeated)


def _plan(ledger: Ledger, messages: DataFrame, delivery: str, options: Options) -> int | None:
    from pyspark.sql import functions as f

    from tracekeep.ingest.ledger import KAFKA
    from tracekeep.ingest.plan import PlannedFile
    from tracekeep.readers.files import FilePart

    ranges = (
        messages.groupBy("topic", "partition")
        .agg(f.min("offset").alias("first"), f.max("offset").alias("last"))
        .collect()
    )
    if not ranges:
        return None
    batch = ledger.last_batch() + 1
    parts = [
        FilePart(
            source_file=f"kafka:{row['topic']}/{row['partition']}",
            source_format=KAFKA,
            named_format=options.named_format,
            compression="none",
            fingerprint=delivery,
            fingerprint_bytes=0,
            from_position=row["first"],
            to_position=row["last"] + 1,
        )
        for row in ranges
    ]
    plan = {batch: [PlannedFile(part, 0) for part in parts]}
    ledger.store_plan(plan, options.region, datetime.datetime.now(datetime.UTC))
    return batch


def message_records(message: dict[str, Any], named: str | None) -> Iterator[Record]:
    """Records of one message: a JSON value, or lines of a pod log. A blank one holds none."""
    for index, record in enumerate(read_text("", message["value"], named)):
        record.setdefault("source_format", "kafka")
        record["source_file"] = f"kafka:{message['topic']}/{message['partition']}"
        record["source_position"] = message["offset"]
        record["source_index"] = index
        yield record
