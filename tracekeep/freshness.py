"""How old the newest event was when Gold showed it; read from Delta logs, without Spark."""

from __future__ import annotations

import datetime
from collections.abc import Collection

from tracekeep.lake import has_table, read_table, table_path
from tracekeep.last_run import newest_commit
from tracekeep.summary import BOOKS

EVENT_TIMES = {"spans": "start_time_unix_nano", "log_records": "time_unix_nano"}
"""When an event happened (ns since 1970 UTC), by Bronze table; ingest notes its maximum."""


def booked_batches() -> set[int]:
    """The ingest batches that Silver has taken."""
    if not has_table(BOOKS):
        return set()
    return set(read_table(BOOKS, ["ingest_batch"])["ingest_batch"].to_pylist())


def newest_event(batches: Collection[int]) -> datetime.datetime | None:
    """Time (UTC) of the newest span or log record of some ingest batches; None if they have none.

    The maxima are those that the Delta log has of each data file, and a file is of one batch.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    from deltalake import DeltaTable

    newest = 0
    for table, column in EVENT_TIMES.items():
        actions = DeltaTable(str(table_path(f"bronze.{table}"))).get_add_actions(flatten=True)
        files = pa.table(actions)
        if {f"max.{column}", "max.ingest_batch"} <= set(files.column_names):
            wanted = pa.array(list(batches), pa.int64())
            is_wanted = pc.is_in(files["max.ingest_batch"], value_set=wanted)
            newest = max(newest, pc.max(files.filter(is_wanted)[f"max.{column}"]).as_py() or 0)
    return datetime.datetime.fromtimestamp(newest / 1e9, datetime.UTC) if newest else None


def gold_committed_at() -> datetime.datetime:
    """When the newest build of Gold was committed (UTC): its last table is `build_versions`.

    Raises FileNotFoundError before the first build.
    """
    log = table_path("gold.build_versions") / "_delta_log"
    commit = newest_commit(log)
    if commit is None:
        raise FileNotFoundError(f"no commit in {log}")
    return datetime.datetime.fromtimestamp(commit.stat().st_mtime, datetime.UTC)
