"""Figures as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

LAYERS = {"gold_b": "Gold B", "gold_a": "Gold A", "silver": "Silver"}
"""What is compared, with its title."""
COLORS = {"gold_b": "#bf8700", "gold_a": "#0969da", "silver": "#57606a", "view": "#bf8700"}
"""Of a layer in a chart."""
_Z = 1.96
"""Of a 95 % interval."""


def table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table."""
    lines = (names, ["---"] * len(names), *rows)
    return [f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |" for cells in lines]


def percent(part: float | None) -> str:
    """A share, from 0 to 1, in %; a dash of nothing."""
    return "-" if part is None else f"{part:.1%}"


def share(part: float | None, count: int) -> str:
    """A share of a count, from 0 to 1, with its Wilson interval, in %; a dash of nothing."""
    if part is None or not count:
        return "-"
    middle = (part + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    half = _Z / (1 + _Z**2 / count)
    half *= math.sqrt(part * (1 - part) / count + _Z**2 / (4 * count**2))
    return f"{part:.1%} [{max(middle - half, 0):.0%} to {min(middle + half, 1):.0%}]"
