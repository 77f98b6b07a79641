"""`python -m oracle compare SET`: an independent reading of raw files against the lake.

The reading is written from docs/contract.md alone and shares no code with ingest and models, so
an error in them cannot repeat itself here. Exit codes: 0 equal, 1 different, 2 nothing to compare.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from oracle.events import Events
from oracle.raw_reading import UnreadableSetError, read_set
from oracle.verdicts import Reading, judge, raw_figures

if TYPE_CHECKING:
    from oracle.differences import Comparison

PROGRESS_SECONDS = 5.0
NS_PER_MINUTE = 60_000_000_000
EQUAL, DIFFERENT, NOTHING_TO_COMPARE = 0, 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.description = (
        "Read a folder of raw files (OTLP/JSON, kubelet pod logs) independently of the pipeline "
        "and compare it with the lake that was built from it and from nothing else. "
        "Exit code 0: equal; 1: different; 2: SET or lake missing, or nothing to compare."
    )
    parser.add_argument("set", metavar="SET", type=Path, help="folder with the raw files")
    parser.add_argument(
        "--lake", type=Path, default=Path(os.environ.get("TRACEKEEP_LAKE") or ".lake"),
        help="folder of the lake (default: $TRACEKEEP_LAKE, else .lake)",
    )  # fmt: skip
    parser.add_argument(
        "--raw-only", action="store_true", help="print the figures of the raw files alone"
    )
    parser.add_argument(
        "--build", action="store_true",
        help="if the lake was built from other files, build one from SET for the comparison",
    )  # fmt: skip
    parser.add_argument(
        "--window-minutes", type=_positive, default=1, metavar="N",
        help="length of a Gold window, as the variable window_minutes (default: 1)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least 1")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    try:
        reading = _read(arguments.set, arguments.window_minutes)
        if arguments.raw_only:
            _print_raw(arguments.set, reading, arguments.json)
            return EQUAL
        if arguments.build and not is_built_from(arguments.lake, arguments.set):
            return _build_and_compare(arguments, reading)
        return _compare(arguments, reading)
    except UnreadableSetError as error:
        return _nothing(str(error))


def _build_and_compare(arguments: argparse.Namespace, reading: Reading) -> int:
    print(
        f"{arguments.lake} was not built from {arguments.set} alone: building a lake for the "
        "comparison",
        file=sys.stderr,
    )
    with tempfile.TemporaryDirectory(prefix="tracekeep-") as folder:
        # A process of its own: the comparison shares nothing with what it compares.
        command = [sys.executable, "-m", "tracekeep", "run", str(arguments.set.absolute())]
        built = subprocess.run(  # noqa: S603 - no shell, and SET is an argument
            command, env={**os.environ, "TRACEKEEP_LAKE": folder}, check=False
        )
        if built.returncode:
            return _nothing(f"the lake could not be built (exit code {built.returncode})")
        arguments.lake = Path(folder)
        return _compare(arguments, reading)


def is_built_from(lake: Path, folder: Path) -> bool:
    """Whether all files that a lake's ingest ever planned lie below a folder."""
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    try:
        ledger = DeltaTable(str(lake.absolute() / "bronze" / "ingest_files"))
    except TableNotFoundError:
        return False
    files = set(ledger.to_pyarrow_table(columns=["source_file"])["source_file"].to_pylist())
    root = folder.absolute()
    return bool(files) and all(Path(file).is_relative_to(root) for file in files)


def _compare(arguments: argparse.Namespace, reading: Reading) -> int:
    from oracle.comparison import compare
    from oracle.lake_reading import Lake, LakeError
    from oracle.truth_comparison import read_truth

    try:
        result = compare(reading, Lake(arguments.lake), read_truth(arguments.set))
    except LakeError as error:
        return _nothing(str(error))
    if arguments.json:
        print(json.dumps(_as_json(arguments, reading, result), indent=2, ensure_ascii=False))
    else:
        _print_comparison(reading.events, result)
    return EQUAL if result.is_equal else DIFFERENT


def _nothing(message: str) -> int:
    print(f"compare: {message}", file=sys.stderr)
    return NOTHING_TO_COMPARE


def _read(folder: Path, window_minutes: int) -> Reading:
    events = read_set(folder, _progress())
    if not events.records:
        raise UnreadableSetError(
            f"{folder} holds no span, no log record and no rejected line: expected OTLP/JSON files "
            "or <namespace>_<pod>_<uid>/<container>/N.log somewhere below it"
        )
    return judge(events, window_minutes * NS_PER_MINUTE)


def _progress() -> Callable[[int, int, Events], None]:
    told = time.monotonic()

    def tell(done: int, files: int, events: Events) -> None:
        nonlocal told
        if time.monotonic() - told >= PROGRESS_SECONDS:
            told = time.monotonic()
            print(f"read {done} of {files} files, {events.records:,} records", file=sys.stderr)

    return tell


def _warnings(events: Events) -> list[str]:
    warnings = []
    if events.unread_files:
        some = ", ".join(events.unread_files[:5])
        warnings.append(f"{len(events.unread_files)} files of other kinds were not read: {some}")
    if events.torn_files:
        warnings.append(f"{len(events.torn_files)} gzip files are cut off: {events.torn_files[0]}")
    if events.tied_spans:
        warnings.append(
            f"{events.tied_spans} spans arrived in versions that only their content orders; the "
            "contract leaves the canonical text open, so parent or kind may differ for these"
        )
    return warnings


def _print_raw(folder: Path, reading: Reading, is_json: bool) -> None:
    figures = raw_figures(reading)
    if is_json:
        print(json.dumps({"set": str(folder), **figures}))
        return
    _print_table(("figure", "raw files"), [(k, f"{v:,}") for k, v in figures.items()])
    for warning in _warnings(reading.events):
        print(f"note: {warning}")


def _print_comparison(events: Events, result: Comparison) -> None:
    rows = [
        (
            figure.name,
            "-" if figure.raw is None else f"{figure.raw:,}",
            f"{figure.lake:,}",
            "-" if figure.raw is None else "yes" if figure.is_equal else "NO",
        )
        for figure in result.figures
    ]
    _print_table(("figure", "raw files", "lake", "equal"), rows)
    print()
    for difference in result.differences:
        print(f"{difference.count:>9,} differences in {difference.name}")
        for example in difference.examples:
            print(f"{'':>9} {example}")
    for warning in (*result.notes, *_warnings(events)):
        print(f"note: {warning}")
    print("equal" if result.is_equal else "DIFFERENT")


def _print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    for row in (header, ["-" * width for width in widths], *rows):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print(" | ".join(cells))


def _as_json(
    arguments: argparse.Namespace, reading: Reading, result: Comparison
) -> dict[str, object]:
    return {
        "set": str(arguments.set),
        "lake": str(arguments.lake),
        "is_equal": result.is_equal,
        "figures": [{**asdict(f), "is_equal": f.is_equal} for f in result.figures],
        "differences": [{**asdict(d), "count": d.count} for d in result.differences],
        "raw": raw_figures(reading),
        "notes": result.notes,
        "warnings": _warnings(reading.events),
    }
