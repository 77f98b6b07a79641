"""The rows of one file, read independently, against its rows in Bronze: exact multisets."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from oracle.format_rows import FileReading, Row
from oracle.messages import silver_text

T = TypeVar("T", bound=Hashable)

SHOWN_EXAMPLES = 5
# What is compared, and the properties of a row that say it.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "ids": ("trace_id", "span_id", "record_id"),
    "times": ("start_ns",),
    "durations": ("duration_ns",),
    "parents": ("parent_span_id",),
    "status": ("status",),
    "service": ("service",),
    "names": ("name", "kind", "events", "links"),
    "texts": ("text", "severity"),
}
PAIR_PROPERTIES = (
    "trace_id", "span_id", "parent_span_id", "name", "kind", "start_ns", "duration_ns", "status",
    "service", "attributes",
)  # fmt: skip
# What two rows that differ are still recognised by, the most telling first.
_KEYS: tuple[tuple[str, ...], ...] = (
    *(tuple(g for g in GROUPS if g != left_out) for left_out in GROUPS),
    ("ids", "times"),
    ("ids", "names", "texts"),
    ("times", "names", "texts"),
    ("ids",),
    ("times",),
    ("names", "texts"),
    (),
)
_TIME_REASONS = frozenset({"no_time", "absurd_time"})


@dataclass
class FileComparison:
    """One file: what was read, what Bronze holds, and what differs.

    `differing` counts, by group, pairs of one read and one Bronze row that do not say the same;
    `only_raw` and `only_lake` count rows without a counterpart. Examples are at most five a group.
    """

    file: str
    format: str
    raw_rows: int
    lake_rows: int
    raw_rejects: Counter[str]
    lake_rejects: Counter[str]
    only_raw: int = 0
    only_lake: int = 0
    differing: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def records_in(self) -> int:
        """The records of the file, rejected ones included, by the independent reading."""
        return self.raw_rows + self.raw_rejects.total()

    @property
    def is_equal(self) -> bool:
        """Whether Bronze holds what was read, and nothing else."""
        return not (
            self.only_raw
            or self.only_lake
            or self.differing.total()
            or reasons_of(self.raw_rejects) != reasons_of(self.lake_rejects)
        )

    def show(self, group: str, raw: str, lake: str) -> None:
        """Keep an example, unless there are enough of its kind."""
        if sum(shown == group for shown, _, _ in self.examples) < SHOWN_EXAMPLES:
            self.examples.append((group, raw, lake))


def reasons_of(rejects: Mapping[str, int]) -> Counter[str]:
    """Rejects by what the contract names: an unusable time, or a record that cannot be read."""
    reasons: Counter[str] = Counter()
    for reason, count in rejects.items():
        reasons[reason if reason in _TIME_REASONS else "unreadable"] += count
    return reasons


def compare(file: str, raw: FileReading, lake: FileReading) -> FileComparison:
    """Compare the rows of one file, whatever their order; each row has one counterpart at most."""
    result = FileComparison(
        file, raw.format, len(raw.rows), len(lake.rows), raw.rejects, lake.rejects
    )
    left_raw, left_lake = _without_equals(map(comparable, raw.rows), map(comparable, lake.rows))
    for groups in _KEYS:
        left_raw, left_lake = _pair(left_raw, left_lake, groups, result)
    result.only_raw, result.only_lake = len(left_raw), len(left_lake)
    for row in left_raw[:SHOWN_EXAMPLES]:
        result.show("only in the file", _shown_row(row), "")
    for row in left_lake[:SHOWN_EXAMPLES]:
        result.show("only in Bronze", "", _shown_row(row))
    raw_reasons, lake_reasons = reasons_of(raw.rejects), reasons_of(lake.rejects)
    if raw_reasons != lake_reasons:
        result.show("rejects", _shown_counts(raw.rejects), _shown_counts(lake.rejects))
    return result


def compare_pair(file: str, first: FileReading, second: FileReading) -> FileComparison:
    """Compare two files that hold one trace in two formats; their rows say the same."""
    result = FileComparison(
        file, first.format, len(first.rows), len(second.rows), first.rejects, second.rejects
    )
    left_first, left_second = _without_equals(
        map(_pair_view, first.rows), map(_pair_view, second.rows)
    )
    for one, other in zip(left_first, left_second, strict=False):
        for name, mine, theirs in zip(PAIR_PROPERTIES, one, other, strict=True):
            if mine != theirs:
                result.differing[name] += 1
                result.show(name, str(mine), str(theirs))
    result.only_raw = max(0, len(left_first) - len(left_second))
    result.only_lake = max(0, len(left_second) - len(left_first))
    return result


def _pair_view(row: Row) -> tuple[Any, ...]:
    row = comparable(row)
    return tuple(getattr(row, name) for name in PAIR_PROPERTIES)


def comparable(row: Row) -> Row:
    """The row with what means the same written the same."""
    return replace(
        row,
        service=row.service or None,
        name=silver_text(row.name or ""),
        kind=row.kind or None,
        text=_comparable_text(row.text or ""),
        attributes=tuple(sorted(row.attributes)),
    )


def _comparable_text(text: str) -> str:
    """A text, or the one way to write its JSON; a line's end does not count."""
    clean = silver_text(text).rstrip("\r\n")
    if not clean.startswith(("{", "[")):
        return clean
    try:
        return json.dumps(json.loads(clean), sort_keys=True, ensure_ascii=False)
    except (ValueError, RecursionError):
        return clean


def _without_equals(raw: Iterable[T], lake: Iterable[T]) -> tuple[list[T], list[T]]:
    raw_counts, lake_counts = Counter(raw), Counter(lake)
    return (
        list((raw_counts - lake_counts).elements()),
        list((lake_counts - raw_counts).elements()),
    )


def _said(row: Row, group: str) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in GROUPS[group])


def _pair(
    raw: list[Row], lake: list[Row], groups: Iterable[str], result: FileComparison
) -> tuple[list[Row], list[Row]]:
    """Note what differs in rows that agree in `groups`; returns the rows that found no other."""
    groups = tuple(groups)

    def key_of(row: Row) -> Hashable:
        return row.record, *(_said(row, group) for group in groups)

    waiting: dict[Hashable, list[Row]] = defaultdict(list)
    for row in reversed(raw):
        waiting[key_of(row)].append(row)
    left_lake = []
    for row in lake:
        held = waiting.get(key_of(row))
        if held:
            _note(held.pop(), row, result)
        else:
            left_lake.append(row)
    return [row for rows in waiting.values() for row in rows], left_lake


def _note(raw: Row, lake: Row, result: FileComparison) -> None:
    for group, names in GROUPS.items():
        if _said(raw, group) != _said(lake, group):
            result.differing[group] += 1
            result.show(group, _shown(raw, names, lake), _shown(lake, names, raw))


def _shown(row: Row, names: Iterable[str], other: Row) -> str:
    differing = [n for n in names if getattr(row, n) != getattr(other, n)]
    return ", ".join(f"{name} {getattr(row, name)}" for name in differing)


def _shown_row(row: Row) -> str:
    said = {name: getattr(row, name) for names in GROUPS.values() for name in names}
    told = (f"{name} {value}" for name, value in said.items() if value)
    return f"{row.record}: " + ", ".join(told)


def _shown_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items())) or "none"
