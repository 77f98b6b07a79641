"""Ends the history of a Delta table: what its old versions held is gone from disk (R12)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tracekeep.erased_ids import ERASED_PROPERTY
from tracekeep.lake import table_path
from tracekeep.tables import LOG_FOLDER

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def end_history(spark: SparkSession, name: str, at: str) -> int:
    """Remove all files, log entries and checkpoints of a table but those of its newest version.

    at: ISO time that the table's property says. Returns the oldest version that is left. Safe to
    repeat; not beside a writer, whose files no version names yet.
    """
    path = table_path(name)
    check = "spark.databricks.delta.retentionDurationCheck.enabled"
    spark.conf.set(check, "false")
    try:
        spark.sql(f"vacuum delta.`{path}` retain 0 hours").collect()
    finally:
        spark.conf.set(check, "true")
    # a commit of its own: those before may tell ids in what they say of themselves
    spark.sql(f"alter table delta.`{path}` set tblproperties ('{ERASED_PROPERTY}' = '{at}')")
    newest = _checkpoint(spark, str(path))
    for entry in sorted(path.joinpath(LOG_FOLDER).rglob("*")):
        version = re.match(r"\.?(\d{20})\.", entry.name)
        if entry.is_file() and version and int(version[1]) < newest:
            entry.unlink()
    spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
    return newest


def _checkpoint(spark: SparkSession, path: str) -> int:
    """Write a checkpoint of the newest version; returns the version."""
    delta = spark._jvm.org.apache.spark.sql.delta
    log = delta.DeltaLog.forTable(spark._jsparkSession, path)
    none = spark._jvm.scala.Option.empty()
    snapshot = log.update(False, none, none)
    log.checkpoint(snapshot, none)
    return int(snapshot.version())


def added_bytes(name: str, after: int) -> int:
    """Bytes of the data files that commits after a version added, as long as the log tells."""
    total = 0
    for entry in sorted(table_path(name).joinpath(LOG_FOLDER).glob("*.json")):
        if entry.stem.isdigit() and int(entry.stem) > after:
            for line in entry.read_text(encoding="utf-8").splitlines():
                total += json.loads(line).get("add", {}).get("size", 0)
    return total
