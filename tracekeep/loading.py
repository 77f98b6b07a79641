"""Tables of the lake for models: rows with their weights and the Delta version they are from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pyarrow.compute import Expression

WEIGHTS = ("sample_weight", "adjusted_weight")


def load(
    table: str,
    columns: Sequence[str] | None = None,
    *,
    start: date | None = None,
    end: date | None = None,
    where: Expression | None = None,
    version: int | None = None,
    to: Literal["arrow", "pandas", "polars"] = "arrow",
) -> Any:
    """Rows of a table such as `gold.anomaly_features`, without Spark.

    columns: all if not given; the weights of a sample come with any choice, so that no estimate is
    made without them. start, end: days of `partition_date`, UTC, the end itself left out. where:
    of pyarrow. version: of the Delta table, the newest if not given. to: a pyarrow.Table, whose
    schema's metadata has `delta_table` and `delta_version`; a pandas.DataFrame with the same in
    `attrs`; or a polars.DataFrame, which has no place for them (polars is yours to install).

    Raises KeyError for a table or column that is not there, ValueError for another `to`, GoneError
    for a version that can no longer be read, UnreadableError for a table that cannot, LakeError for
    a lake that cannot.
    """
    import pyarrow.compute as pc

    from tracekeep.incident.delta_lake import DeltaLake
    from tracekeep.lake import SCHEMAS, lake_path

    layer, _, name = table.partition(".")
    if layer not in SCHEMAS or not name.isidentifier():
        raise KeyError(f"{table!r} is no table: its name is one of {', '.join(SCHEMAS)}, and a dot")
    if to not in ("arrow", "pandas", "polars"):
        raise ValueError(f"{to!r} is none of arrow, pandas and polars")
    source = DeltaLake(lake_path())[table]
    if not source.exists:
        raise KeyError(f"the lake has no table {table}")
    known = source.column_names(version)
    asked = [*(columns or ()), *(("partition_date",) if start or end else ())]
    if unknown := sorted(set(asked) - set(known)):
        raise KeyError(f"{table} has no column {', '.join(unknown)}")
    if columns is not None:
        columns = [*columns, *(it for it in WEIGHTS if it in known and it not in columns)]
    day = pc.field("partition_date")
    for limit in (None if start is None else day >= start, None if end is None else day < end):
        if limit is not None:
            where = limit if where is None else where & limit
    read = source.version if version is None else version
    rows = source.arrow(columns, where, version)
    facts = {"delta_table": table, "delta_version": str(read)}
    if to == "polars":
        import polars

        return polars.from_arrow(rows)
    if to == "pandas":
        frame = rows.to_pandas()
        frame.attrs.update(facts)
        return frame
    return rows.replace_schema_metadata(facts)
