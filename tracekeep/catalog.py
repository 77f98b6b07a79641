"""The metastore as an index of the lake: it is made to agree with the folders.

It names absolute places. Where it was lost it is filled from the folders; where the lake was copied
or moved, its places are moved too.
"""

from __future__ import annotations

import os
from itertools import groupby
from typing import TYPE_CHECKING

from tracekeep.lake import SCHEMAS, delta_tables, is_local, lake_path, table_path
from tracekeep.sql import literal

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MOVED_TO_CONTROL = {
    "silver": ("pinned_batches", "batch_books", "day_builds", "frozen_traces", "trace_arrivals"),
    "gold": ("expired_days",),
}
"""Tables that the release before kept in the layers."""

_settled: set[str] = set()  # Spark applications whose metastore was looked at


def settle_metastore(spark: SparkSession) -> None:
    """Make the metastore agree with the place of the lake, once for each Spark application.

    Belongs before all that reads or writes a table by its name: a copied lake's metastore names the
    tables of the original. Nothing at the old place is read or written.
    Raises RuntimeError if the metastore is not the lake's own Derby database.
    """
    application = spark.sparkContext.applicationId
    if application not in _settled:
        _move_places(spark)
        _move_to_control(spark)
        _settled.add(application)


def schema_places(spark: SparkSession) -> dict[str, str]:
    """Where the metastore says that the schemas of the lake are, as URIs; those that it knows."""
    known = {row.namespace for row in spark.sql("show schemas").collect()}
    return {
        schema: row.info_value
        for schema in SCHEMAS
        if schema in known
        for row in spark.sql(f"describe schema {schema}").collect()
        if row.info_name == "Location"
    }


def _move_places(spark: SparkSession) -> None:
    lake = lake_path()
    here = f"file:{os.path.normpath(lake)}" if is_local(lake) else str(lake)
    roots = {place.removesuffix(f"/{name}") for name, place in schema_places(spark).items()}
    for root in roots - {here}:
        _replace_root(spark, root, here)


def _replace_root(spark: SparkSession, old: str, new: str) -> None:
    """Put `new` for `old` in front of all places of the metastore, in one transaction.

    By SQL on Derby, as Hive's `metatool -updateLocation` does it: this version of Hive's metastore
    has no `alter database … set location`, and `drop database` deletes the files.
    """
    url = spark.conf.get("spark.hadoop.javax.jdo.option.ConnectionURL", "") or ""
    if not url.startswith("jdbc:derby:;databaseName="):
        raise RuntimeError(f"the metastore at {url} says that the lake is at {old}, not at {new}")
    connection = spark._jvm.java.sql.DriverManager.getConnection(url)
    try:
        connection.setAutoCommit(False)
        statement = connection.createStatement()
        for table, column in (
            ("DBS", "DB_LOCATION_URI"), ("SDS", "LOCATION"), ("SERDE_PARAMS", "PARAM_VALUE"),
        ):  # fmt: skip
            statement.executeUpdate(
                f"update APP.{table} set {column} = "  # noqa: S608 - the names stand above
                f"{_derby_literal(new)} || substr({column}, {len(old) + 1}) "
                f"where locate({_derby_literal(old + '/')}, {column} || '/') = 1"
            )
        connection.commit()
    finally:
        connection.rollback()  # nothing after a commit; a connection with open changes cannot close
        connection.close()


def _derby_literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _move_to_control(spark: SparkSession) -> None:
    """Move the tables of runs to where this release has them; a Delta log names no place."""
    control = lake_path() / "control"
    for schema, names in MOVED_TO_CONTROL.items():
        for folder in (lake_path() / schema / name for name in names):
            if (folder / "_delta_log").is_dir() and not (control / folder.name).exists():
                control.mkdir(exist_ok=True)
                folder.rename(control / folder.name)
        if spark.catalog.databaseExists(schema):
            for row in spark.sql(f"show tables in {schema}").collect():
                # its files are at the new place, also when an earlier try ended before this
                if row.tableName in names and not (lake_path() / schema / row.tableName).exists():
                    spark.sql(f"drop table {schema}.{row.tableName}")


def register_tables(spark: SparkSession) -> list[str]:
    """Register the tables of the lake that the metastore lacks; returns their names.

    dbt takes a table that the metastore does not know for one that was never built.
    """
    registered = []
    for schema, names in groupby(delta_tables(), key=lambda name: name.partition(".")[0]):
        place = literal(str(lake_path() / schema))
        spark.sql(f"create schema if not exists {schema} location {place}")
        known = {row.tableName for row in spark.sql(f"show tables in {schema}").collect()}
        for name in names:
            table = name.partition(".")[2]
            if table not in known and table.isidentifier():
                place = literal(str(table_path(name)))
                spark.sql(f"create table {name} using delta location {place}")
                registered.append(name)
    return registered
