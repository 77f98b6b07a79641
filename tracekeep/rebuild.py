"""`python -m tracekeep rebuild`: Silver and Gold again, from all of Bronze."""

from __future__ import annotations

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments; the description says what the command does to the tables."""
    parser.description = (
        "Build Silver and Gold again from all of Bronze, each table in one commit. Refuses once a "
        "layer below has forgotten rows: what is gone from there cannot be built again."
    )


def run(arguments: argparse.Namespace) -> int:
    """Rebuild both layers; exit 0 if all models were built, 1 if not, 2 if it refuses."""
    from tracekeep.dbt import DbtError, dbt
    from tracekeep.session import spark_session

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
        # Without the marks of what was taken, any later run finishes a rebuild that is cut short.
        if spark.catalog.tableExists("gold.build_versions"):
            spark.sql("delete from gold.build_versions")
        if spark.catalog.tableExists("silver.batch_books"):
            spark.sql("delete from silver.batch_books")
        for layer in ("silver", "gold"):
            dbt("run", "--select", layer, "--full-refresh", "--vars", "rebuild: true")
    except DbtError as error:
        print(f"rebuild: {error}", file=sys.stderr)
        return 1
    return 0
