"""The critical path of a trace (docs/contract.md R9): the spans that its latency is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oracle.events import Span
from oracle.forest import Forest, Place


@dataclass(frozen=True, slots=True)
class CriticalStep:
    """One span on the critical path, and the time in ns that it adds of its own."""

    span: Span
    added_ns: int


def critical_path_of(forest: Forest) -> list[CriticalStep]:
    """The critical path from the trace's root, in the spans' order; empty without spans.

    Spans are clamped to all that stand above them, so the times add up to the root's (clamped)
    latency.
    """
    if forest.root is None:
        return []
    starts, ends = _clamped(forest)
    added: dict[Place, int] = {}
    left = [forest.root]
    while left:
        place = left.pop()
        taken = _taken(forest.children[place], starts, ends, ends[place])
        in_children = sum(ends[child] - starts[child] for child in taken)
        added[place] = max(ends[place] - starts[place], 0) - in_children
        left.extend(taken)
    return [CriticalStep(forest.spans[place], added[place]) for place in sorted(added)]


def _clamped(forest: Forest) -> tuple[list[int], list[int]]:
    """Start and end in ns by place; a span outside its parents ends before it starts."""
    starts = [span.start_ns for span in forest.spans]
    ends = [span.start_ns + span.latency_ns for span in forest.spans]
    for place in forest.downward:
        parent = forest.parents[place]
        if parent is not None:
            starts[place] = max(starts[place], starts[parent])
            ends[place] = min(ends[place], ends[parent])
    return starts, ends


def _taken(
    children: Sequence[Place], starts: Sequence[int], ends: Sequence[int], parent_end: int
) -> list[Place]:
    """Of the children, going backwards from their parent's end: those that do not overlap."""
    taken = []
    before = parent_end
    for child in sorted(children, key=lambda place: (-ends[place], -starts[place], place)):
        if starts[child] < ends[child] <= before:
            taken.append(child)
            before = starts[child]
    return taken
