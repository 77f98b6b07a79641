"""Commits of written Parquet files to Delta tables, through the Delta library of the session."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tracekeep.ingest.write import WrittenFile
from tracekeep.lake import table_path

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def commit_files(
    spark: SparkSession, table: str, files: Sequence[WrittenFile], source: str, version: int
) -> bool:
    """Add files to a Bronze table, all in one commit; False if a commit of this source with this
    version or a later one was made before (Delta's transaction id), and then nothing is changed.

    A source loads its batches in the order of their numbers; another one's may lie between them.

    The workers wrote the files, so Spark need not move each row through the JVM again. The actions
    are those of Delta's protocol, and Delta itself checks and orders the commit.
    """
    delta = spark._jvm.org.apache.spark.sql.delta
    none = spark._jvm.scala.Option.empty
    app = f"tracekeep-ingest-{table}-{source}"
    log = delta.DeltaLog.forTable(spark._jsparkSession, str(table_path(f"bronze.{table}")))
    transaction = log.startTransaction(none(), none())
    if transaction.txnVersion(app) >= version:
        return False
    now = int(time.time() * 1000)
    actions: list[dict[str, Any]] = [
        {"txn": {"appId": app, "version": version, "lastUpdated": now}},
        *({"add": _added(file, now)} for file in files),
    ]
    parsed = spark._jvm.java.util.ArrayList()
    for action in actions:
        parsed.add(delta.actions.Action.fromJson(json.dumps(action)))
    converters = spark._jvm.scala.jdk.javaapi.CollectionConverters
    operation = getattr(getattr(delta, "DeltaOperations$ManualUpdate$"), "MODULE$")
    transaction.commit(converters.asScala(parsed).toSeq(), operation)
    return True


def _added(file: WrittenFile, now: int) -> dict[str, Any]:
    folder = file.path.split("/")[0]
    column, _, value = folder.partition("=")
    return {
        "path": file.path,
        "partitionValues": {column: value},
        "size": file.byte_count,
        "modificationTime": now,
        "dataChange": True,
        "stats": file.stats,
    }
