"""Rows of the lake for evidence: whole tables or a message, and what of them is in a case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tracekeep.evidence import Case
from tracekeep.incident.delta_lake import UnreadableError
from tracekeep.incident.reader import AsOfReader

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.compute import Expression


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


def in_cases(cases: Sequence[Case]) -> tuple[str, dict[str, datetime]]:
    """That `started_at` lies in a case, as SQL with parameters."""
    times = {f"start_{n}": case.time.start for n, case in enumerate(cases)}
    times |= {f"end_{n}": case.time.end for n, case in enumerate(cases)}
    clauses = (f"started_at >= $start_{n} and started_at < $end_{n}" for n in range(len(cases)))
    return " or ".join(f"({clause})" for clause in clauses), times
