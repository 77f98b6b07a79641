"""How many incident paths counts alone give back (Option A against Option B)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from oracle.paths import IncidentPath
from oracle.verdicts import WINDOW_NS

Minute = int


class AggregatedMinute(NamedTuple):
    """The errors of a row of `gold.endpoint_minutes_aggregated`; the window counts since 1970."""

    minute: Minute
    service: str
    error_count: int


def rebuilt_path_count(
    paths: Sequence[IncidentPath], rows: Iterable[AggregatedMinute], window_ns: int = WINDOW_NS
) -> int:
    """How many of all `paths` of a set can be rebuilt from the aggregated rows of that set alone.

    Aggregates hold no ids and no edges: nothing in them says which service called which. So a path
    of two services or more can never be told from its reverse, or from two failures side by side.
    A path counts as rebuilt only if exactly one sequence of services fits the rows, that is if

    - its service path is a single service,
    - the rows of its minutes (those in which its steps start) count one error (`error_count`)
      altogether, and that is the service's,
    - no other path fails in these minutes: else the one error could be either's.

    A path fails in the minutes in which its error steps and its origin start. What is rebuilt is
    the sequence of services; ids, endpoints of the other steps and messages are lost in any case.
    """
    errors: dict[Minute, list[AggregatedMinute]] = defaultdict(list)
    for row in rows:
        if row.error_count > 0:
            errors[row.minute].append(row)
    failing: dict[Minute, set[int]] = defaultdict(set)
    for number, path in enumerate(paths):
        for minute in _failing_minutes(path, window_ns):
            failing[minute].add(number)
    return sum(
        _is_rebuilt(number, path, errors, failing, window_ns) for number, path in enumerate(paths)
    )


def _failing_minutes(path: IncidentPath, window_ns: int) -> set[Minute]:
    failed = (step for step in path.steps if step.is_error or step is path.origin)
    return {step.start_ns // window_ns for step in failed}


def _is_rebuilt(
    number: int,
    path: IncidentPath,
    errors: Mapping[Minute, Sequence[AggregatedMinute]],
    failing: Mapping[Minute, set[int]],
    window_ns: int,
) -> bool:
    if len(path.service_path) != 1:
        return False
    minutes = {step.start_ns // window_ns for step in path.steps}
    rows = [row for minute in minutes for row in errors.get(minute, ())]
    if [(row.service, row.error_count) for row in rows] != [(path.origin.service, 1)]:
        return False
    return all(failing.get(minute, set()) <= {number} for minute in minutes)
