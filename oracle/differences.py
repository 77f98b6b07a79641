"""Figures of both sides, and exact comparisons of multisets: what a comparison is made of."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

TOLERANCE = 1e-6


class ToMicrosecond(float):
    """A time in ms that the lake rounds to the µs, perhaps twice."""

    tolerance = 1.001e-3


SHOWN_EXAMPLES = 5
SHOWN_CHARACTERS = 2000

Pairs = Iterable[tuple[Hashable, Any]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of both sides; `raw` None: told for information, not compared."""

    name: str
    raw: int | None
    lake: int

    @property
    def is_equal(self) -> bool:
        """Whether both sides agree, or there is nothing to agree on."""
        return self.raw is None or self.raw == self.lake


@dataclass(slots=True)
class SetDifference:
    """What two multisets of (key, value) do not share. Examples are at most five of each kind."""

    name: str
    compared: int = 0
    only_raw: int = 0
    only_lake: int = 0
    differing: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """The number of differences."""
        return self.only_raw + self.only_lake + self.differing


@dataclass
class Comparison:
    """The whole result."""

    figures: list[Figure] = field(default_factory=list)
    differences: list[SetDifference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        """Whether every figure and every set agrees."""
        return all(f.is_equal for f in self.figures) and not any(d.count for d in self.differences)

    def figure(self, name: str, raw: int | None, lake: int) -> None:
        """Add a figure."""
        self.figures.append(Figure(name, raw, lake))


def same(raw: Any, lake: Any) -> bool:
    """Equality of values or tuples of values; floats within 1e-6, or what they allow."""
    if isinstance(raw, tuple):
        return len(raw) == len(lake) and all(map(same, raw, lake))
    if isinstance(raw, float) and isinstance(lake, int | float):
        return math.isclose(raw, lake, rel_tol=1e-12, abs_tol=getattr(raw, "tolerance", TOLERANCE))
    return raw == lake


def difference_of(
    name: str, raw: Pairs, lake: Pairs, equal: Callable[[Any, Any], bool] = same
) -> SetDifference:
    """Compare two multisets of (key, value); values of the same key are matched by `equal`."""
    expected: dict[Hashable, list[Any]] = defaultdict(list)
    for key, value in raw:
        expected[key].append(value)
    result = SetDifference(name)
    unmatched: list[tuple[Hashable, Any]] = []
    for key, value in lake:
        result.compared += 1
        if not _take(expected, key, lambda held, value=value: equal(held, value)):
            unmatched.append((key, value))
    shown: Counter[str] = Counter()
    for key, value in unmatched:
        held = expected.get(key)
        if held:
            result.differing += 1
            both = f"raw {_cut(held.pop())}, lake {_cut(value)}"
            _show(result, shown, "differs", f"{key}: {both}")
            if not held:
                del expected[key]
        else:
            result.only_lake += 1
            _show(result, shown, "only in the lake", _shown(key, value))
    for key, values in expected.items():
        for value in values:
            result.only_raw += 1
            _show(result, shown, "only in the raw files", _shown(key, value))
    return result


def _take(
    expected: dict[Hashable, list[Any]], key: Hashable, matches: Callable[[Any], bool]
) -> bool:
    held = expected.get(key, ())
    for position, value in enumerate(held):
        if matches(value):
            del held[position]
            if not held:
                del expected[key]
            return True
    return False


def _shown(key: Hashable, value: Any) -> str:
    return str(key) if value is None else f"{key}: {_cut(value)}"


def _cut(value: Any) -> str:
    text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def _show(result: SetDifference, shown: Counter[str], kind: str, text: str) -> None:
    shown[kind] += 1
    if shown[kind] <= SHOWN_EXAMPLES:
        result.examples.append(f"{kind}: {text}")
