"""`python -m tracekeep rebuild`: Silver and Gold again, from all of Bronze."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments; the description says what the command does to the tables."""
    parser.description = (
        "Build Silver and Gold again from all of Bronze, each table in one commit. Refuses once "
        "Bronze or Silver has forgotten rows: what is gone from there cannot be built again. "
        "gold.build_versions begins anew: versions of Gold of before belong to no build any more. "
        "Exit code 0: built; 1: a model failed, run it again; 2: refused, nothing has changed."
    )


def run(arguments: argparse.Namespace) -> int:
    """Rebuild both layers; exit 0 if all models were built, 1 if not, 2 if it refuses."""
    from tracekeep.dbt import DbtError, dbt
    from tracekeep.session import spark_session, take_both_compilers

    take_both_compilers()
    spark = spark_session(hive=True)
    try:
        dbt("run", "--select", "pinned_batches")  # registers Bronze in a new metastore too
        missing = spark.sql("""
            with held as (

                select ingest_batch, count(*) as record_count from bronze.spans group by 1
                union all
                select ingest_batch, count(*) as record_count from bronze.log_records group by 1

            )

            select
                books.ingest_batch,
                any_value(books.span_count + books.log_record_count)
                    - coalesce(sum(held.record_count), 0) as missing_count
            from bronze.ingest_batches as books
            left join held
                on books.ingest_batch = held.ingest_batch
            group by 1
            having missing_count <> 0
            order by 1
        """).collect()
        if missing:
            print(
                f"rebuild: refused. Bronze no longer holds {sum(row[1] for row in missing):,} "
                f"records of ingest batches {missing[0][0]} to {missing[-1][0]}; Silver and Gold "
                "would lose them.",
                file=sys.stderr,
            )
            return 2
        expired = _expired(spark)
        if expired:
            print(
                f"rebuild: refused. {expired} have expired; what Gold keeps of those days would be "
                "lost.",
                file=sys.stderr,
            )
            return 2
        # Without the marks of what was taken, any later run finishes a rebuild that is cut short.
        if spark.catalog.tableExists("gold.build_versions"):
            spark.sql("delete from gold.build_versions")
        if spark.catalog.tableExists("control.batch_books"):
            spark.sql("delete from control.batch_books")
        for layer in ("silver", "gold"):
            dbt("run", "--select", layer, "--full-refresh", "--vars", "rebuild: true")
    except DbtError as error:
        print(f"rebuild: {error}", file=sys.stderr)
        return 1
    return 0


def _expired(spark: SparkSession) -> str:
    """The days that have expired from tables which a rebuild reads, for people; empty if none."""
    if not spark.catalog.tableExists("control.expired_days"):
        return ""
    rows = spark.sql("""
        select table_name, min(partition_date) as first_date, max(partition_date) as last_date
        from control.expired_days
        where phase = 'delete' and table_name not like 'gold.%'
        group by 1
        order by 1
    """).collect()
    return ", ".join(f"{row.table_name} of {row.first_date} to {row.last_date}" for row in rows)
