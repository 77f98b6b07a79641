"""What each layer can still say of a trace: found, expired, erased, not kept or unknown (R11)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from tracekeep.erased_ids import TRACE
from tracekeep.incident.delta_lake import GoneError, stamp

if TYPE_CHECKING:
    from tracekeep.incident.delta_lake import DeltaLake

Status = Literal["found", "expired", "erased", "not_kept", "unknown"]
EXPIRED_DAYS = "control.expired_days"


@dataclass(frozen=True, slots=True)
class LayerAnswer:
    """What one layer says of a trace.

    version: Delta version of its spans that was read, None if none was. since: when the rows went,
    UTC, None if that is not known. note: a sentence for people, None if there is nothing to add.
    """

    layer: str
    status: Status
    version: int | None = None
    since: datetime | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ExpiredDay:
    """A day of a table that expiry has removed, and when, UTC."""

    table_name: str
    partition_date: date
    expired_at: datetime


def expired_days(lake: DeltaLake) -> list[ExpiredDay]:
    """The days that expiry has recorded, each with the last time; none before the first expiry."""
    if not lake[EXPIRED_DAYS].exists:
        return []
    rows = lake[EXPIRED_DAYS].arrow(("table_name", "partition_date", "expired_at"))
    # it has a row per ingest batch
    last = rows.group_by(["table_name", "partition_date"]).aggregate([("expired_at", "max")])
    return [
        ExpiredDay(row["table_name"], row["partition_date"], row["expired_at_max"])
        for row in last.to_pylist()
    ]


def erased_at(lake: DeltaLake, trace_id: str) -> datetime | None:
    """When a trace was erased, UTC; None if it was not."""
    erased = lake.erased_ids
    return None if erased is None else erased.erased_at(TRACE, trace_id)


def expiry_of(
    expired: Iterable[ExpiredDay], tables: Collection[str], dates: Collection[date] | None
) -> datetime | None:
    """When the last of some days of some tables expired, None if none did. dates: None for all."""
    wanted = None if dates is None else set(dates)
    times = [
        day.expired_at
        for day in expired
        if day.table_name in tables and (wanted is None or day.partition_date in wanted)
    ]
    return max(times, default=None)


def layer_answer(
    layer: str,
    row_count: int,
    *,
    version: int | None,
    gone: GoneError | None = None,
    is_seen: bool = False,
    erased: datetime | None = None,
    expired: datetime | None = None,
) -> LayerAnswer:
    """Judge what reading a layer gave.

    row_count: rows that were found. version: what was read in the end. gone: why the version that
    was asked for could not be read, in which case the newest was. is_seen: whether another layer
    holds the trace, so that rows must have been here. erased, expired: when that was recorded.
    """
    if row_count:
        notes = [f"read as of now, version {version}: {gone}"] if gone else []
        notes += [f"in part, other days of it expired {stamp(expired)}"] if expired else []
        return LayerAnswer(layer, "found", version, expired, "; ".join(notes) or None)
    if erased:
        return LayerAnswer(layer, "erased", None, erased, f"erased {stamp(erased)}")
    if expired or gone or is_seen:
        since = expired or (gone.since if gone else None)
        reasons = [f"expired {stamp(expired)}"] if expired else []
        reasons += [str(gone)] if gone else []
        reasons += [] if reasons else ["no row is left of it; since when was not recorded"]
        return LayerAnswer(layer, "expired", None, since, "; ".join(reasons))
    return LayerAnswer(
        layer, "unknown", version, None, "no row of it, and no sign that it was here"
    )
