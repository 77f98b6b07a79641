"""`python -m oracle formats DIR`: format samples, read independently, against Bronze.

Every file below DIR is read twice: by the ingest, into a lake of its own, and by
`format_reading`, which shares no code with it. Exit codes: 0 equal, 1 different, 2 nothing to
compare.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from oracle import fields
from oracle.format_differences import (
    GROUPS,
    FileComparison,
    compare,
    compare_pair,
)
from oracle.format_reading import read_file
from oracle.format_rows import FileReading, Reject, Row
from oracle.span_formats import attributes_told

EQUAL, DIFFERENT, NOTHING_TO_COMPARE = 0, 1, 2
PAIRS_FOLDER = "pairs"
SHOWN_CHARACTERS = 160
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "spans": (
        "trace_id", "span_id", "parent_span_id", "name", "kind", "start_time_unix_nano",
        "end_time_unix_nano", "status_code", "resource_attributes", "attributes", "events",
        "links", "source_file",
    ),
    "log_records": (
        "trace_id", "span_id", "time_unix_nano", "observed_time_unix_nano", "severity_number",
        "severity_text", "body", "resource_attributes", "source_file",
    ),
    "changes": (
        "change_id", "change_type", "time_unix_nano", "resource_attributes", "source_file",
    ),
    "rejected_records": ("reason", "source_file"),
}  # fmt: skip


class NothingToCompareError(Exception):
    """There are no samples, or no lake of them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.description = (
        "Ingest every file below a folder into a lake of its own, read the same files "
        "independently of the ingest, and compare record by record. Prints a table in Markdown. "
        "Exit code 0: equal; 1: different; 2: no folder, no sample or no lake."
    )
    parser.add_argument(
        "folder", metavar="DIR", type=Path,
        help="folder with samples: OTLP, Tempo, Jaeger and Zipkin JSON, CRI and docker logs, flat "
        "JSON lines, CDEvents, Kubernetes events; plain or gzipped",
    )  # fmt: skip
    parser.add_argument("--out", metavar="FILE", type=Path, help="write the table there too")
    parser.add_argument(
        "--lake", metavar="LAKE", type=Path,
        help="compare with this lake instead of building one from DIR",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    folder: Path = arguments.folder
    try:
        raw = read_folder(folder)
        lake = read_lake(arguments.lake, folder) if arguments.lake else _build_and_read(folder)
    except NothingToCompareError as error:
        print(f"formats: {error}", file=sys.stderr)
        return NOTHING_TO_COMPARE
    comparisons = compare_files(raw, lake)
    pairs = compare_pairs(raw, lake)
    text = markdown(folder, comparisons, pairs)
    print(text)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(text + "\n", encoding="utf-8")
    return EQUAL if all(c.is_equal for c in (*comparisons, *pairs)) else DIFFERENT


def read_folder(folder: Path) -> dict[str, FileReading]:
    """Read every file below a folder; keys are paths relative to it.

    Raises NothingToCompareError if there is no folder, or no record of any format in it.
    """
    if not folder.is_dir():
        raise NothingToCompareError(
            f"{folder} is no folder: pass one with format samples, as in "
            "`make test-formats DIR=FOLDER`"
        )
    readings = {str(path.relative_to(folder)): read_file(path) for path in _files_below(folder)}
    if not any(_is_sample(reading) for reading in readings.values()):
        raise NothingToCompareError(f"{folder} holds no file of a known format")
    return readings


def _files_below(folder: Path) -> Iterator[Path]:
    """The files below a folder, but hidden ones and those beside a file `.noingest`."""
    for parent, folders, names in os.walk(folder):
        if ".noingest" in names:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(names) if not name.startswith("."))


def _is_sample(reading: FileReading) -> bool:
    return bool(reading.rows) or reading.format not in ("", "unknown")


# ---------------------------------------------------------------- the lake


def _build_and_read(folder: Path) -> dict[str, FileReading]:
    with tempfile.TemporaryDirectory(prefix="tracekeep-") as lake:
        # A process of its own: the comparison shares nothing with what it compares.
        command = [sys.executable, "-m", "tracekeep", "ingest", str(folder.absolute())]
        ingest = subprocess.run(  # noqa: S603 - no shell, and DIR is an argument
            command, env={**os.environ, "TRACEKEEP_LAKE": lake}, stdout=subprocess.PIPE, check=False
        )
        if ingest.returncode:
            raise NothingToCompareError(
                f"{folder} could not be ingested (exit code {ingest.returncode})"
            )
        return read_lake(Path(lake), folder)


def read_lake(lake: Path, folder: Path) -> dict[str, FileReading]:
    """The Bronze rows of the files below a folder, by path relative to it.

    Raises NothingToCompareError if a table of Bronze is missing.
    """
    readings: dict[str, FileReading] = defaultdict(FileReading)
    roots = (folder.absolute(), folder.resolve())
    for table in COLUMNS:
        for values in _table_rows(lake, table):
            path = Path(values["source_file"])
            root = next((root for root in roots if path.is_relative_to(root)), None)
            if root is not None:
                readings[str(path.relative_to(root))].add([_row_of(table, values)])
    return dict(readings)


def _table_rows(lake: Path, table: str) -> Iterator[dict[str, Any]]:
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    try:
        dataset = DeltaTable(str(lake.absolute() / "bronze" / table)).to_pyarrow_dataset()
    except TableNotFoundError as error:
        raise NothingToCompareError(f"the lake {lake} has no table bronze.{table}") from error
    for batch in dataset.to_batches(columns=list(COLUMNS[table])):
        yield from batch.to_pylist()


def _row_of(table: str, values: dict[str, Any]) -> Row | Reject:
    if table == "rejected_records":
        return Reject(values["reason"])
    service = dict(values["resource_attributes"] or ()).get("service.name")
    if table == "changes":
        return Row(
            "change",
            record_id=values["change_id"],
            start_ns=values["time_unix_nano"],
            name=values["change_type"],
            service=service,
        )
    if table == "log_records":
        severity = values["severity_number"]
        return Row(
            "log",
            trace_id=values["trace_id"],
            span_id=values["span_id"],
            start_ns=values["time_unix_nano"] or values["observed_time_unix_nano"],
            service=service,
            text=values["body"],
            severity=severity or fields.severity_of_word(values["severity_text"]),
        )
    return Row(
        "span",
        trace_id=values["trace_id"],
        span_id=values["span_id"],
        parent_span_id=values["parent_span_id"],
        start_ns=values["start_time_unix_nano"] or values["end_time_unix_nano"],
        end_ns=values["end_time_unix_nano"],
        status=values["status_code"],
        service=service,
        name=values["name"],
        kind=values["kind"],
        events=len(values["events"] or ()),
        links=len(values["links"] or ()),
        attributes=attributes_told(dict(values["attributes"] or ())),
    )


# ---------------------------------------------------------------- comparisons


def compare_files(
    raw: Mapping[str, FileReading], lake: Mapping[str, FileReading]
) -> list[FileComparison]:
    """Compare every file that either side knows."""
    nothing = FileReading()
    return [
        compare(file, raw.get(file, nothing), lake.get(file, nothing))
        for file in sorted(raw.keys() | lake.keys())
    ]


def compare_pairs(
    raw: Mapping[str, FileReading], lake: Mapping[str, FileReading]
) -> list[FileComparison]:
    """Compare the files of each pair `pairs/*-in.*`, `pairs/*-out.*` with each other."""
    nothing = FileReading()
    compared = []
    for first in sorted(raw):
        path = Path(first)
        second = str(path.with_name(f"{path.stem[:-3]}-out{path.suffix}"))
        if path.parent.name == PAIRS_FOLDER and path.stem.endswith("-in") and second in raw:
            name = f"{first} / {Path(second).name}"
            for side, readings in (("read", raw), ("Bronze", lake)):
                pair = readings.get(first, nothing), readings.get(second, nothing)
                compared.append(compare_pair(name, *pair))
                compared[-1].format = side
    return compared


# ---------------------------------------------------------------- Markdown


def markdown(
    folder: Path, comparisons: Iterable[FileComparison], pairs: Iterable[FileComparison]
) -> str:
    """The result as a Markdown document; nothing from a file stands in it unescaped."""
    comparisons, pairs = list(comparisons), list(pairs)
    samples = [c for c in comparisons if c.raw_rows or c.lake_rows or c.format != "unknown"]
    others = [c for c in comparisons if c not in samples]
    is_equal = all(c.is_equal for c in (*comparisons, *pairs))
    lines = [
        "# Input formats against an independent reading",
        "",
        f"Made on {datetime.now(UTC):%Y-%m-%d} by "
        f"{_code(f'make test-formats DIR={os.path.relpath(folder)}')}. "
        f"Result: **{'equal' if is_equal else 'DIFFERENT'}**.",
        "",
        "*Records in* are those that the independent reading found in the file; each is a Bronze "
        "row or a reject.",
        "The columns behind count the rows whose value in Bronze differs from the reading: ids of "
        "trace, span and",
        "change; start or time in ns; end minus start; parent; status; `service.name`; name, kind "
        "and number of events",
        "and links; text and severity of a log record.",
        "",
        *_file_table(samples),
    ]
    if pairs:
        lines += ["", "## One trace in two formats", "", *_pair_table(pairs)]
    if others:
        lines += ["", "## Files of no known format", "", *_other_table(others)]
    differing = [c for c in (*comparisons, *pairs) if c.examples]
    if differing:
        lines += ["", "## Differences", "", *_difference_table(differing)]
    return "\n".join(lines)


def _table(header: Iterable[str], rows: Iterable[Iterable[object]], texts: int = 2) -> list[str]:
    """A table whose first columns hold texts, the others numbers."""
    header = list(header)
    rule = ["---" if position < texts else "---:" for position in range(len(header))]
    return [f"| {' | '.join(map(str, cells))} |" for cells in (header, rule, *rows)]


def _file_table(samples: list[FileComparison]) -> list[str]:
    rows: list[list[object]] = [
        [
            _code(c.file),
            c.format or "-",
            c.records_in,
            _of(c.lake_rows, c.raw_rows),
            _of(c.lake_rejects.total(), c.raw_rejects.total()),
            *(c.differing[group] for group in GROUPS),
            "yes" if c.is_equal else "**NO**",
        ]
        for c in samples
    ]
    total = [
        "all",
        "",
        sum(c.records_in for c in samples),
        sum(c.lake_rows for c in samples),
        sum(c.lake_rejects.total() for c in samples),
        *(sum(c.differing[group] for c in samples) for group in GROUPS),
        "yes" if all(c.is_equal for c in samples) else "**NO**",
    ]
    header = ("file", "format", "records in", "Bronze rows", "rejects", *GROUPS, "equal")
    return _table(header, [*rows, total])


def _of(lake: int, raw: int) -> str:
    return str(lake) if lake == raw else f"**{lake}** for {raw}"


def _pair_table(pairs: list[FileComparison]) -> list[str]:
    return _table(
        ("pair", "side", "rows of the first", "rows of the second", "values that differ", "equal"),
        (
            (
                _code(p.file), p.format, p.raw_rows, p.lake_rows, p.differing.total(),
                "yes" if p.is_equal else "**NO**",
            )
            for p in pairs
        ),
    )  # fmt: skip


def _other_table(others: list[FileComparison]) -> list[str]:
    return _table(
        ("file", "rejects", "equal"),
        (
            (
                _code(c.file),
                _of(c.lake_rejects.total(), c.raw_rejects.total()),
                "yes" if c.is_equal else "**NO**",
            )
            for c in others
        ),
        texts=1,
    )


def _difference_table(comparisons: list[FileComparison]) -> list[str]:
    return _table(
        ("file", "what", "read", "Bronze"),
        (
            (_code(c.file), _escaped(what), _escaped(raw), _escaped(lake))
            for c in comparisons
            for what, raw, lake in c.examples
        ),
        texts=4,
    )


def _code(text: str) -> str:
    """A name as code, escaped instead if it holds more than a name does."""
    is_plain = text.isascii() and all(c.isalnum() or c in " _-./=" for c in text)
    return f"`{text}`" if is_plain else _escaped(text)


def _escaped(text: str) -> str:
    """A text that Markdown and HTML show as it is; long ones are cut off."""
    written = json.dumps(text[:SHOWN_CHARACTERS])[1:-1]  # one line, ASCII
    cut = " ..." if len(text) > SHOWN_CHARACTERS else ""
    return "".join(c if c.isalnum() or c in " ,.-_" else f"&#{ord(c)};" for c in written) + cut
