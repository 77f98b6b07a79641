"""The metastore as an index of the lake: where it was lost, it is filled from the folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracekeep.lake import lake_path
from tracekeep.sql import literal

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def register_tables(spark: SparkSession) -> list[str]:
    """Register the Silver and Gold tables that the metastore lacks; returns their names.

    dbt takes a table that the metastore does not know for one that was never built. Bronze is
    registered by dbt's on-run-start hook.
    """
    registered = []
    for layer in ("silver", "gold"):
        # a table whose making was cut short has a log without a commit: the next run makes it
        commits = (lake_path() / layer).glob("*/_delta_log/*.json")
        folders = sorted({commit.parent.parent for commit in commits})
        if not folders:
            continue
        spark.sql(f"create schema if not exists {layer} location {literal(str(folders[0].parent))}")
        known = {row.tableName for row in spark.sql(f"show tables in {layer}").collect()}
        for folder in folders:
            if folder.name not in known and folder.name.isidentifier():
                name = f"{layer}.{folder.name}"
                spark.sql(f"create table {name} using delta location {literal(str(folder))}")
                registered.append(name)
    return registered
