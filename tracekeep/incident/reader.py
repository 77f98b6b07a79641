"""Tables of Gold as of what a question asks for, and what is noted on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from tracekeep.incident.delta_lake import (
    DeltaLake,
    GoneError,
    Row,
    UnreadableError,
    stamp,
)
from tracekeep.incident.layers import ExpiredDay

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.compute import Expression


Read = TypeVar("Read")
BUILD_TIME = len("20260112T101500Z")
"""What a build id begins with: when the build began, UTC."""


class AsOfReader:
    """Reads a lake as of a version of gold.endpoint_minutes or a time, UTC; as it is for None.

    `notes` are sentences for people, `versions` what was read of which table, `old` the tables of
    which an older version was read, `cut` those of them that lack the days which have expired
    since.
    """

    def __init__(
        self, lake: DeltaLake, as_of: int | datetime | None, expired: Sequence[ExpiredDay] = ()
    ) -> None:
        self.lake = lake
        self.as_of = as_of
        self.expired = expired
        self.notes: list[str] = []
        self.versions: dict[str, int] = {}
        self.old: set[str] = set()
        self.cut: set[str] = set()
        self._builds: dict[str, dict[str, int]] = {}

    def rows(self, name: str, columns: Sequence[str], where: Expression | None = None) -> list[Row]:
        """As `arrow`; no rows without a table."""
        rows = self.arrow(name, columns, where)
        return [] if rows is None else rows.to_pylist(maps_as_pydicts="lossy")

    def arrow(
        self, name: str, columns: Sequence[str], where: Expression | None = None
    ) -> pa.Table | None:
        """Rows of a table as of what the question asks for, without the days that have expired
        since if their files are gone; as of now, and noted, if that cannot be read any more. None
        without a table."""
        import pyarrow.compute as pc

        def read(version: int | None, without: Sequence[date]) -> pa.Table:
            if not without:
                return self.lake[name].arrow(columns, where, version)
            is_left = ~pc.field("partition_date").isin(without)
            is_asked = is_left if where is None else where & is_left
            return self.lake[name].arrow(columns, is_asked, version)

        return self._read(name, read)

    def rows_of_traces(
        self, name: str, trace_ids: Sequence[str], columns: Sequence[str], days: Sequence[date] = ()
    ) -> list[Row]:
        """Rows of traces, of all days if none are named, as of what `arrow` reads; no rows without
        a table."""

        def read(version: int | None, without: Sequence[date]) -> list[Row]:
            table = self.lake[name]
            return table.rows_of_traces(trace_ids, columns, days, version, without=without)

        return self._read(name, read) or []

    def _read(self, name: str, read: Callable[[int | None, Sequence[date]], Read]) -> Read | None:
        """What `read` finds of a table in a version, without some days; notes what that is."""
        table = self.lake[name]
        if not table.exists:
            return None
        version = None
        try:
            version = self.version_of(name)
            found = self._as_of(name, read, version)
        except GoneError as gone:
            self.notes.append(f"{name} is read as of now: {gone}.")
            version, found = None, read(None, ())
        self.versions[name] = table.version if version is None else version
        if self.versions[name] < table.version:
            self.old.add(name)
        return found

    def _as_of(
        self,
        name: str,
        read: Callable[[int | None, Sequence[date]], Read],
        version: int | None,
    ) -> Read:
        try:
            return read(version, ())
        except GoneError:
            days = {day.partition_date for day in self.expired if day.table_name == name}
            if not days:
                raise
        found = read(version, sorted(days))
        self.cut.add(name)
        self.notes.append(f"{name} is read without the days that have expired since.")
        return found

    def version_of(self, name: str) -> int | None:
        """The version of a table that the question asks for; None if it asks for none.

        Raises GoneError.
        """
        as_of = self.as_of
        if as_of is None or not self.lake[name].exists:
            return None
        if isinstance(as_of, datetime):
            return self.lake[name].version_at(as_of)
        if name == "gold.endpoint_minutes":
            return as_of
        build = self.build_asked_for
        version = self.build(build).get(name) if build else None
        if version is None:
            raise GoneError(
                f"gold.build_versions does not say which version of {name} belongs to version "
                f"{as_of} of gold.endpoint_minutes"
            )
        return version

    def too_early(self) -> str | None:
        """Why there is no answer as of a time before the first commit; None if that is not so."""
        as_of, table = self.as_of, self.lake["gold.endpoint_minutes"]
        if not isinstance(as_of, datetime) or not table.exists:
            return None
        first = table.commits[0]
        if first.version or first.at <= as_of:
            return None
        return f"There was no Gold as of {stamp(as_of)}: its first build is of {stamp(first.at)}."

    def build(self, build_id: str) -> dict[str, int]:
        """By table the version that a build of Gold made or read; empty for one that is unknown."""
        import pyarrow.compute as pc

        if build_id not in self._builds:
            rows = self._build_versions(pc.field("build_id") == build_id)
            self._builds[build_id] = {row["table_name"]: row["table_version"] for row in rows}
        return self._builds[build_id]

    def _build_versions(self, where: Expression) -> list[Row]:
        import pyarrow.compute as pc

        columns = ("build_id", "table_name", "table_version")
        is_there = pc.field("table_version").is_valid()
        return self.lake["gold.build_versions"].rows(columns, where & is_there)

    @cached_property
    def build_asked_for(self) -> str | None:
        """The build that a version of gold.endpoint_minutes belongs to: the first that ended at it
        or later and had begun by then, else, as expiry commits too, the last that had ended. None
        if there is none."""
        import pyarrow.compute as pc

        name = "gold.endpoint_minutes"
        rows = self._build_versions(pc.field("table_name") == name)
        ends = sorted((row["table_version"], row["build_id"]) for row in rows)
        later = [build for version, build in ends if version >= self.as_of]
        ended = [build for version, build in ends if version < self.as_of]
        at = self.lake[name].committed_at(self.as_of)
        if later and ended and at and f"{at:%Y%m%dT%H%M%SZ}" < later[0][:BUILD_TIME]:
            return ended[-1]
        return next(iter(later), None)


def rows_of(
    reader: AsOfReader, table: str, columns: Sequence[str], where: Expression | None = None
) -> pa.Table:
    """Columns of a table of the lake. Raises UnreadableError if the lake has no such table."""
    rows = reader.arrow(table, columns, where)
    if rows is None:
        raise UnreadableError(f"the lake has no {table}")
    return rows


def all_rows(
    reader: AsOfReader, wanted: Mapping[str, tuple[str, Sequence[str]]]
) -> dict[str, pa.Table]:
    """By name the columns of a table each. Raises UnreadableError."""
    return {name: rows_of(reader, table, columns) for name, (table, columns) in wanted.items()}


def queried(
    tables: Mapping[str, pa.Table | None], sql: str, parameters: Mapping[str, Any]
) -> pa.Table:
    """What DuckDB answers about tables by name; it reads nothing else."""
    import duckdb

    with duckdb.connect(config={"enable_external_access": "false"}) as connection:
        connection.execute("set timezone = 'UTC'")
        for name, rows in tables.items():
            connection.register(name, rows)
        return connection.execute(sql, dict(parameters)).to_arrow_table()
