"""`python -m tracekeep tables`: the Delta tables of the lake with versions, rows and bytes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tracekeep.lake import SCHEMAS, file_sizes, lake_path

if TYPE_CHECKING:
    from deltalake import DeltaTable

LOG_FOLDER = "_delta_log"
OK, FAILED = 0, 1
_FIGURES = ("version", "rows", "files", "bytes", "bytes_on_disk")


@dataclass(frozen=True, slots=True)
class LakeTable:
    """A Delta table at its newest version.

    `name` is `layer.table`, `path` absolute. `files` and `bytes` count the live data files alone;
    `bytes_on_disk` counts every file below `path`: old versions, the log and checksums too.
    """

    name: str
    path: str
    format: str
    version: int
    rows: int
    files: int
    bytes: int
    bytes_on_disk: int

    @property
    def layer(self) -> str:
        """The layer that the table lies in."""
        return self.name.partition(".")[0]


class BrokenTableError(Exception):
    """A folder with a Delta log that cannot be read as a table; the message names the table."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.description = (
        "List the Delta tables of the lake ($TRACEKEEP_LAKE, else .lake in the project): version, "
        "rows, live files and their bytes, and the bytes on disk of all files with old versions "
        "and logs. Starts no Spark. Exit code 0: listed; 1: a table is broken, or there is no "
        "table. With --json a lake without a table is an empty array and exit code 0."
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON array; empty if there is no table"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    try:
        tables = lake_tables()
    except BrokenTableError as error:
        print(f"tables: {error}", file=sys.stderr)
        return FAILED
    if not tables:
        print(f"tables: {_why_none(lake_path())}", file=sys.stderr)
    if arguments.json:
        print(json.dumps([asdict(table) for table in tables], indent=2))
        return OK
    if not tables:
        return FAILED
    _print_tables(tables)
    return OK


def lake_tables() -> list[LakeTable]:
    """The lake's Delta tables: layers in their order, tables by name; empty without a lake.

    Rows come from the statistics in the Delta log, and from the Parquet footer of each file that
    has none. Raises BrokenTableError for the first table that cannot be read.
    """
    lake = lake_path()
    return [
        _read_table(f"{layer}.{log.parent.name}", log.parent)
        for layer in SCHEMAS
        for log in sorted(lake.joinpath(layer).glob(f"*/{LOG_FOLDER}"))
        if log.is_dir()
    ]


def _why_none(lake: Path) -> str:
    what = "holds no table" if lake.is_dir() else "does not exist"
    return (
        f"the lake {lake} {what}: fill it with `make run` (or `python -m tracekeep ingest PATH`), "
        "or name another folder in TRACEKEEP_LAKE"
    )


# ---------------------------------------------------------------- one table


def _read_table(name: str, folder: Path) -> LakeTable:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        table = DeltaTable(str(folder))
        _refuse_deletion_vectors(table)
        held = file_sizes(folder)
        sizes, rows = _live_files(table, folder, held)
        return LakeTable(
            name=name,
            path=str(folder),
            format="delta",
            version=table.version(),
            rows=rows,
            files=len(sizes),
            bytes=sum(sizes),
            bytes_on_disk=sum(held.values()),
        )
    except (DeltaError, OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise BrokenTableError(
            f"{name} at {folder} cannot be read: {reason}. Run this again if maintenance was at "
            "work meanwhile; else restore the folder, or build Silver and Gold again from Bronze "
            "(`python -m tracekeep rebuild`)"
        ) from error


def _refuse_deletion_vectors(table: DeltaTable) -> None:
    """Raise ValueError if rows may be deleted inside live files: their statistics count them."""
    if "deletionVectors" in (table.protocol().reader_features or ()):
        raise ValueError("it allows deletion vectors, which the tables of a lake must not have")


def _live_files(table: DeltaTable, folder: Path, held: Mapping[str, int]) -> tuple[list[int], int]:
    """Sizes (bytes) of the newest version's data files, and the rows in all of them.

    held: the files in the folder. Raises FileNotFoundError for one that the log names and the
    folder lacks, and pyarrow.ArrowInvalid (a ValueError) for one without statistics that is no
    Parquet file.
    """
    actions = table.get_add_actions(flatten=True)
    # the log holds URIs: a folder `a b` stands there as `a%20b`; an absolute path stays one
    paths = [unquote(path.removeprefix("file://")) for path in actions.column("path").to_pylist()]
    for path in paths:
        if path.removeprefix(f"{folder}/") not in held:
            raise FileNotFoundError(f"its live file {folder / path} is missing")
    counts = actions.column("num_records").to_pylist()
    rows = sum(
        _footer_rows(folder / path) if count is None else count
        for path, count in zip(paths, counts, strict=True)
    )
    return actions.column("size_bytes").to_pylist(), rows


def _footer_rows(path: Path) -> int:
    from pyarrow import parquet

    with path.open("rb") as file:
        return parquet.read_metadata(file).num_rows


# ---------------------------------------------------------------- for people


def _print_tables(tables: Sequence[LakeTable]) -> None:
    header = ("table", "version", "rows", "files", "bytes", "bytes on disk")
    blocks: list[list[tuple[str, ...]]] = []
    for layer, members in groupby(tables, lambda table: table.layer):
        held = list(members)
        rows = [_cells(table.name, (getattr(table, f) for f in _FIGURES)) for table in held]
        blocks.append([*rows, _total(layer, held)])
    if len(blocks) > 1:
        blocks.append([_total("all", tables)])
    lines = [header, *(row for block in blocks for row in block)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    rule = tuple("-" * width for width in widths)
    for line in (header, *(line for block in blocks for line in (rule, *block))):
        first, *others = line
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        print(" | ".join(cells))


def _cells(name: str, figures: Iterable[int | None]) -> tuple[str, ...]:
    return (name, *("" if figure is None else f"{figure:,}" for figure in figures))


def _total(name: str, tables: Sequence[LakeTable]) -> tuple[str, ...]:
    sums = (sum(getattr(table, figure) for table in tables) for figure in _FIGURES[1:])
    noun = "table" if len(tables) == 1 else "tables"
    return _cells(f"{name}: {len(tables)} {noun}", (None, *sums))
