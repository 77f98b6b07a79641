"""When the simulated year is looked at, and what its incidents are asked at which age."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

FIRST_DAY = date(2024, 1, 1)
"""Long enough ago that no file of the year is younger than the real clock says."""

LAST_DAY = 366
WEEKS_AFTER = 7
"""Weeks after the year, without news, until which its first incidents come to their last age."""

EVENTS_A_DAY = int(os.environ.get("TRACEKEEP_PROVE_EVENTS", "2000"))
INCIDENT_EVERY = 7
DENSE = (range(0, 10), range(29, 33), range(89, 93), range(363, 367))
"""Days that are ticks each; between them the days of the incidents are."""

ALL_TESTS = (0, 8, 91, 364)
"""Days after whose tick all data tests are run."""

EVENING = time(22, 30)
DELIVERY = timedelta(minutes=5)
"""What happens in an hour has arrived so long after it."""

AGES = {
    "1 hour": timedelta(hours=1),
    "8 days": timedelta(days=8),
    "91 days": timedelta(days=91),
    "364 days": timedelta(days=364),
}
AT_THE_END = "the last day"


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident of the truth that fails requests, UTC."""

    id: str
    start: datetime
    end: datetime
    trace_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A look at the year. `day` counts from 0. is_full: with ingest and dbt; else the day only
    expires what is due, and is asked."""

    day: int
    at: datetime
    is_full: bool

    @property
    def has_all_tests(self) -> bool:
        """Whether all data tests are run, not only those of retention and conservation."""
        return self.day in ALL_TESTS


def incidents_of(year: Path) -> list[Incident]:
    """The incidents of a generated year that affected a trace, in time order."""
    told = json.loads((year / "truth" / "incidents.json").read_text(encoding="utf-8"))
    return [
        Incident(
            one["id"],
            datetime.fromisoformat(one["start"]),
            datetime.fromisoformat(one["end"]),
            tuple(one["affected_trace_ids"]),
        )
        for one in told
        if one["affected_trace_count"]
    ]


def arrived_until(now: datetime) -> datetime:
    """The hour up to which everything has arrived."""
    return (now - DELIVERY).replace(minute=0, second=0, microsecond=0)


def ticks_of(incidents: Sequence[Incident]) -> list[Tick]:
    """The ticks in their order; TRACEKEEP_PROVE_TICKS, such as `0-9,31,91`, names other days.

    The tick of a day with an incident is an hour after it, or as soon as its hour has arrived.
    Where no tick is, a look eight days after each incident sees it without its Bronze, and one
    after the year those that come to 364 days.
    """
    by_day = {(one.start.date() - FIRST_DAY).days: one for one in incidents}
    full = {day for days in DENSE for day in days} | {day for day in by_day if day <= LAST_DAY}
    end = LAST_DAY + 7 * WEEKS_AFTER
    looks = {day + 8 for day in by_day} - full
    looks |= {day + 364 for day in by_day if LAST_DAY < day + 364 <= end}
    wanted = _days(os.environ.get("TRACEKEEP_PROVE_TICKS", "")) or sorted(full | looks)
    return [Tick(day, _time_of(day, by_day.get(day)), day not in looks) for day in wanted]


def _time_of(day: int, incident: Incident | None) -> datetime:
    if incident is None:
        return datetime.combine(FIRST_DAY + timedelta(days=day), EVENING, UTC)
    hour = incident.end.replace(minute=0) + timedelta(hours=1)
    return max(incident.end + AGES["1 hour"], hour + 2 * DELIVERY)


def _days(text: str) -> list[int]:
    days: set[int] = set()
    for part in filter(None, text.replace(" ", "").split(",")):
        first, _, last = part.partition("-")
        days.update(range(int(first), int(last or first) + 1))
    return sorted(days)


def due(incidents: Iterable[Incident], ticks: Sequence[Tick], tick: Tick) -> list[
    tuple[str, Incident]
]:  # fmt: skip
    """What is asked at a tick: each incident at the first tick at or after each age, and all that
    have happened at the last full one."""
    before = [other.at for other in ticks if other.at < tick.at]
    last = max(before, default=datetime.min.replace(tzinfo=UTC))
    asked = [
        (name, incident)
        for incident in incidents
        for name, age in AGES.items()
        if last < incident.end + age <= tick.at
    ]
    if tick == [other for other in ticks if other.is_full][-1]:
        asked += [(AT_THE_END, one) for one in incidents if one.end + AGES["1 hour"] <= tick.at]
    return asked
