"""`python -m tracekeep compact`: rewrite the closed days that many runs have written to."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tracekeep.lake import delta_tables, project_variables

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import SparkSession

OK, FAILED = 0, 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.description = (
        "Rewrite the days of Silver and Gold that many runs have written to in few files, sorted "
        "by what `meta.compacted_by` of a model names. A day is closed once a batch was ingested "
        "on a later one. `tracekeep run` does it after each build. Must not run beside dbt. Exit "
        "code 0: done; 1: a statement failed; run it again."
    )
    parser.add_argument(
        "--after-runs",
        type=int,
        metavar="N",
        help="runs that make a day worth it (default: the variable compact_after_runs)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    from tracekeep.catalog import register_tables
    from tracekeep.session import spark_session

    register_tables(spark_session(hive=True))
    try:
        days = compact(arguments.after_runs)
    except (PySparkException, Py4JError) as error:
        print(f"compact: {error}", file=sys.stderr)
        return FAILED
    print(f"{len(days)} days compacted{': ' if days else ''}{', '.join(map(str, days))}")
    return OK


def compact(after_runs: int | None = None) -> list[date]:
    """Compact the days that are due and note them in control.day_builds; returns the days.

    Cut short, it begins anew with the first day that it has not noted. Raises PySparkException or
    Py4JError if a statement fails.
    """
    from tracekeep.dbt import table_meta
    from tracekeep.session import spark_session

    spark = spark_session(hive=True)
    built = set(delta_tables())
    if not {"control.day_builds", "control.pinned_batches"} <= built:
        return []
    runs = after_runs or project_variables()["compact_after_runs"]
    days = [row.partition_date for row in spark.sql(CLOSED_DAYS).where(f"runs >= {runs}").collect()]
    if days:
        tables = {name: meta for name, meta in table_meta().items() if "compacted_by" in meta}
        orders = {name: meta["compacted_by"] for name, meta in tables.items() if name in built}
        _compact(spark, days, orders)
    return days


CLOSED_DAYS = """
    with arrivals as (

        select to_date(max(planned_at)) as newest_date from control.pinned_batches

    ),

    compactions as (

        select partition_date, max(build_id) as build_id
        from control.day_builds
        where operation = 'compaction'
        group by 1

    )

    select
        builds.partition_date,
        count(*) as runs
    from control.day_builds as builds
    cross join arrivals
    left join compactions
        on builds.partition_date = compactions.partition_date
    where
        builds.operation = 'build'
        and builds.partition_date < arrivals.newest_date
        and (compactions.build_id is null or builds.build_id > compactions.build_id)
    group by 1
    order by 1
"""
"""The closed days, and how many runs have written to each since it was compacted. The ledger says
that a day is closed, not the clock."""


def _compact(
    spark: SparkSession, days: Sequence[date], orders: Mapping[str, Sequence[str]]
) -> None:
    """orders: by table, the columns of its Z-order."""
    zorders = {}
    for name, order in orders.items():
        (detail,) = spark.sql(f"describe detail {name}").collect()
        if detail.clusteringColumns:  # has no partitions
            spark.sql(f"optimize {name}")
            continue
        columns = [column for column in order if column not in detail.partitionColumns]
        zorders[name] = f"zorder by ({', '.join(columns)})" if columns else ""
    for day in days:
        for name, zorder in zorders.items():
            spark.sql(f"optimize {name} where partition_date = date'{day}' {zorder}")
        spark.sql(f"""
            insert into control.day_builds (build_id, partition_date, operation)
            select max(build_id), date'{day}', 'compaction'
            from control.day_builds
            where operation = 'build'
        """)
