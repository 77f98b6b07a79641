"""Tables of the lake as of a version (R11), read by path and without Spark.

What cannot be travelled to any more raises `GoneError`, by the rules of Delta itself: a version
beyond `delta.deletedFileRetentionDuration`, a log entry that was cleaned up, files that VACUUM or
expiry took. The newest version can always be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracekeep.erased_ids import (
    COLUMNS,
    ERASED_PROPERTY,
    LIST,
    ErasedIds,
    read_erased_ids,
)
from tracekeep.lake import arrow_files, is_local
from tracekeep.tables import LOG_FOLDER

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable, QueryBuilder
    from pyarrow.compute import Expression

Row = dict[str, Any]
"""A row by column name; maps are dicts, timestamps aware and in UTC."""

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_DEFAULT_TRAVEL = timedelta(days=7)


class GoneError(Exception):
    """Rows that can no longer be read as asked; the message says why, `since` when if known."""

    def __init__(self, reason: str, since: datetime | None = None) -> None:
        super().__init__(reason)
        self.since = since


class UnreadableError(Exception):
    """A table that should be readable and is not; the message names it."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A version of a table and when it was committed, UTC."""

    version: int
    at: datetime


_SMALL_GROUPS = "parquet.block.row.count.limit"
"""Property of a table whose files hold groups of few rows."""


def interval(text: str) -> timedelta:
    """Length of a Delta interval such as `interval 7 days`; ValueError for one it cannot read."""
    parts = re.findall(r"(\d+)\s+([a-z]+?)s?\b", text.lower().removeprefix("interval"))
    if not parts or any(unit not in _SECONDS for _, unit in parts):
        raise ValueError(f"{text!r} is no interval of weeks, days, hours, minutes or seconds")
    return timedelta(seconds=sum(int(count) * _SECONDS[unit] for count, unit in parts))


class LakeTable:
    """One Delta table of the lake.

    now: the clock that the travel window is judged by, UTC.
    """

    def __init__(self, name: str, folder: Path, now: datetime) -> None:
        self.name = name
        self.folder = folder
        self.now = now

    @property
    def exists(self) -> bool:
        """Whether there is such a table."""
        return self.folder.joinpath(LOG_FOLDER).is_dir()

    @cached_property
    def newest(self) -> DeltaTable:
        """The table at its newest version. Raises UnreadableError."""
        return self._opened(None)

    @property
    def version(self) -> int:
        """The newest version."""
        return self.newest.version()

    def is_newest(self) -> bool:
        """Whether nothing was committed since the table was opened, as far as can be told."""
        from deltalake.exceptions import DeltaError

        if "newest" not in self.__dict__:
            return True
        version = self.newest.version()
        if is_local(self.folder):  # a look at two entries, of which an erasure takes the first
            log = self.folder / LOG_FOLDER
            opened, following = (log / f"{number:020}.json" for number in (version, version + 1))
            return opened.exists() and not following.exists()
        try:
            self.newest.update_incremental()
        except (DeltaError, OSError):  # who asks next opens it anew, and hears why that fails
            return False
        return self.newest.version() == version

    @cached_property
    def commits(self) -> list[Commit]:
        """The versions that the log still tells of, the oldest first."""
        return sorted(
            (
                Commit(
                    entry["version"],
                    datetime.fromtimestamp(
                        entry.get("inCommitTimestamp", entry["timestamp"]) / 1000, UTC
                    ),
                )
                for entry in self.newest.history()
            ),
            key=lambda commit: commit.version,
        )

    @property
    def travel_window(self) -> timedelta:
        """How far back versions may be read: `delta.deletedFileRetentionDuration`."""
        text = self.newest.metadata().configuration.get("delta.deletedFileRetentionDuration")
        return interval(text) if text else _DEFAULT_TRAVEL

    def version_at(self, time: datetime) -> int:
        """The last version committed at or before a time (R11).

        Raises GoneError if the log tells of none: the table is younger, or its log was cleaned up.
        """
        versions = [commit.version for commit in self.commits if commit.at <= time]
        if versions:
            return versions[-1]
        first = self.commits[0]
        reason = (
            f"{self.name} did not exist before {stamp(first.at)}"
            if first.version == 0
            else f"the log of {self.name} begins with version {first.version}, {stamp(first.at)}"
        )
        raise self._erasure() or GoneError(reason)

    def committed_at(self, version: int) -> datetime | None:
        """When a version was committed; None if the log no longer tells."""
        return next((commit.at for commit in self.commits if commit.version == version), None)

    def check_travel(self, version: int) -> None:
        """Raise GoneError if Delta refuses to travel to a version."""
        if version == self.version:
            return
        if version > self.version:
            raise GoneError(f"{self.name} has no version {version}: the newest is {self.version}")
        at = self.committed_at(version)
        if at is None:
            gone = GoneError(f"the log of {self.name} no longer holds version {version}")
            raise self._erasure() or gone
        if at + self.travel_window < self.now:
            raise GoneError(
                f"version {version} of {self.name} is older than its travel window of "
                f"{days(self.travel_window)}",
                at + self.travel_window,
            )

    def _erasure(self) -> GoneError | None:
        """Why versions before the oldest one are gone if they were erased (R12); else None."""
        text = self.newest.metadata().configuration.get(ERASED_PROPERTY)
        if text is None:
            return None
        at = datetime.fromisoformat(text)
        first = self.commits[0].version
        return GoneError(f"versions of {self.name} before {first} were erased {stamp(at)}", at)

    def column_names(self, version: int | None = None) -> list[str]:
        """Columns of a version, the newest if none is named. Raises GoneError, UnreadableError."""
        if version is None:
            return [field.name for field in self.newest.schema().fields]
        self.check_travel(version)
        return [field.name for field in self._opened(version).schema().fields]

    def rows(
        self,
        columns: Sequence[str] | None = None,
        where: Expression | None = None,
        version: int | None = None,
    ) -> list[Row]:
        """As `arrow`; no rows without a table."""
        if not self.exists:
            return []
        return self.arrow(columns, where, version).to_pylist(maps_as_pydicts="lossy")

    def arrow(
        self,
        columns: Sequence[str] | None = None,
        where: Expression | None = None,
        version: int | None = None,
    ) -> pa.Table:
        """Rows of a version, the newest if none is named.

        Columns that the version does not have are left out. Raises GoneError for a version that
        cannot be read any more, UnreadableError if the newest cannot.
        """
        with self._read(version) as table:
            dataset = self._dataset if table is self.newest else self._dataset_of(table)
            known = set(dataset.schema.names)
            held = None if columns is None else [name for name in columns if name in known]
            return dataset.to_table(columns=held, filter=where)

    def rows_of_traces(
        self,
        trace_ids: Iterable[str],
        columns: Sequence[str],
        days: Iterable[date] = (),
        version: int | None = None,
        without: Iterable[date] = (),
    ) -> list[Row]:
        """Rows of traces, of all days if none are named, in an order that files do not decide; as
        `rows` else, but of the pages that hold them, where `rows` reads whole groups of rows.

        without: days of which no row is asked for.
        """
        import pyarrow as pa

        ids = list(trace_ids)
        if not ids or not self.exists:
            return []
        asked = {
            "trace_id in": ids,
            "partition_date in": map(str, days),
            "partition_date not in": map(str, without),
        }
        where = [f"{test} ({texts})" for test, of in asked.items() if (texts := _literals(of))]
        with self._read(version) as table:
            known = {field.name for field in table.schema().fields}
            held = ", ".join(f'"{name}"' for name in columns if name in known)
            sql = f"select {held} from asked where {' and '.join(where)}"  # noqa: S608 - escaped
            asked = self._queries if table is self.newest else _queries_of(table)
            answer = pa.table(asked.execute(sql))
        return sorted(answer.to_pylist(maps_as_pydicts="lossy"), key=repr)

    @contextmanager
    def _read(self, version: int | None) -> Iterator[DeltaTable]:
        """A version of the table, the newest if none is named, while it is read. Raises GoneError
        and UnreadableError as `arrow`."""
        import pyarrow as pa
        from deltalake.exceptions import DeltaError

        if version is not None:
            self.check_travel(version)
        is_old = version is not None and version != self.version
        try:
            yield self._opened(version) if is_old else self.newest
        except (DeltaError, OSError, pa.ArrowException) as error:
            if is_old:
                raise GoneError(f"files of version {version} of {self.name} are gone") from error
            raise UnreadableError(f"{self.name} cannot be read: {_first_line(error)}") from error

    @cached_property
    def _queries(self) -> QueryBuilder:
        """It keeps the footers of the files that it has read."""
        return _queries_of(self.newest)

    @cached_property
    def _dataset(self) -> Any:
        return self._dataset_of(self.newest)

    def _dataset_of(self, table: DeltaTable) -> Any:
        return table.to_pyarrow_dataset(filesystem=arrow_files(self.folder))

    def _opened(self, version: int | None) -> DeltaTable:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        try:
            return DeltaTable(str(self.folder), version=version)
        except (DeltaError, OSError) as error:
            if version is None:
                raise UnreadableError(
                    f"{self.name} at {self.folder} cannot be read: {_first_line(error)}"
                ) from error
            raise GoneError(f"version {version} of {self.name} cannot be built again") from error


def _queries_of(table: DeltaTable) -> QueryBuilder:
    """Answers SQL about a table `asked`, by DataFusion."""
    from deltalake import QueryBuilder

    queries = QueryBuilder()
    if _SMALL_GROUPS in table.metadata().configuration:
        # where the pages are takes longer to read, each time anew, than a group of few rows
        queries.execute("set datafusion.execution.parquet.enable_page_index = false")
    return queries.register("asked", table)


class DeltaLake:
    """The tables of a lake by name, `layer.table`.

    now: what travel windows are judged by, UTC; the clock if not given.
    """

    def __init__(self, folder: Path, now: datetime | None = None) -> None:
        self.folder = folder
        self.now = now or datetime.now(UTC)
        self._tables: dict[str, LakeTable] = {}

    def __getitem__(self, name: str) -> LakeTable:
        layer, table = name.split(".")
        made = LakeTable(name, self.folder / layer / table, self.now)
        return self._tables.setdefault(name, made)

    def refresh(self) -> None:
        """Take what was committed since; a table without news stays open, which saves its time."""
        for name, table in list(self._tables.items()):
            if not table.is_newest():
                del self._tables[name]
        self.__dict__.pop("erased_ids", None)

    def forget(self) -> None:
        """Open each table anew when it is asked for."""
        self._tables = {}
        self.__dict__.pop("erased_ids", None)

    @cached_property
    def erased_ids(self) -> ErasedIds | None:
        """The list of what was erased; None if nothing was."""
        return read_erased_ids(self[LIST].rows(COLUMNS))


def stamp(time: datetime) -> str:
    """A time as people read it: UTC, to the second."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def days(length: timedelta) -> str:
    """A length of time in days, or in hours where it is no whole number of days."""
    if length % timedelta(days=1):
        return f"{length / timedelta(hours=1):g} hours"
    return f"{length.days} day{'' if length.days == 1 else 's'}"


def _literals(texts: Iterable[str]) -> str:
    """Texts in SQL, where only quotes mean something inside of quotes."""
    return ", ".join("'" + text.replace("'", "''") + "'" for text in texts)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
