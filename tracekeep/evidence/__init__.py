"""`python -m tracekeep evidence`: what the layers are worth, on cases with a known culprit."""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tracekeep.evidence.line_charts import Chart, svg
from tracekeep.incident import as_json
from tracekeep.incident.arguments import time_of
from tracekeep.incident.delta_lake import DeltaLake, Row, UnreadableError
from tracekeep.incident.selection import TimeRange
from tracekeep.lake import lake_path

KINDS = ("root-cause", "anomalies", "novelty", "sampling", "changes", "forecast", "paths")
HEADER = ["case", "start", "end", "service"]
ANSWERED, FAILED, WRONG = 0, 1, 2
_DESCRIPTION = """\
Asks the lake about each case of a file and compares the answers with the case's service. The file
is CSV with the header `case,start,end,service`; times are ISO 8601, UTC. Nothing else knows the
culprit. Writes FOLDER/<kind>.json and FOLDER/<kind>.md, and for some kinds FOLDER/<kind>.svg.
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A time in which something was wrong, and the service that caused it."""

    name: str
    time: TimeRange
    service: str


def in_cases(cases: Sequence[Case]) -> tuple[str, dict[str, datetime]]:
    """That `started_at` lies in a case, as SQL with parameters."""
    times = {f"start_{n}": case.time.start for n, case in enumerate(cases)}
    times |= {f"end_{n}": case.time.end for n, case in enumerate(cases)}
    clauses = (f"started_at >= $start_{n} and started_at < $end_{n}" for n in range(len(cases)))
    return " or ".join(f"({clause})" for clause in clauses), times


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a kind of evidence says: figures for machines, a page and charts for people."""

    figures: Row
    page: str
    charts: Sequence[Chart] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.description = _DESCRIPTION
    parser.add_argument("kind", nargs="+", choices=KINDS, help="what is measured")
    parser.add_argument("--cases", type=Path, required=True, metavar="FILE", help="the cases, CSV")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="for the results")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    try:
        cases = cases_of(arguments.cases)
    except (OSError, ValueError) as error:
        print(f"evidence: {arguments.cases}: {error}", file=sys.stderr)
        return WRONG
    lake = DeltaLake(lake_path())
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in (kind.replace("-", "_") for kind in arguments.kind):
        measure = importlib.import_module(f"tracekeep.evidence.{name}")
        try:
            found: Evidence = measure.measured(lake, cases)
        except UnreadableError as error:
            print(f"evidence: {error}", file=sys.stderr)
            return FAILED
        _write(arguments.out, name, found)
        print(found.page)
    return ANSWERED


def _write(folder: Path, name: str, found: Evidence) -> None:
    texts = {
        ".json": json.dumps(found.figures, indent=2, default=as_json) + "\n",
        ".md": found.page,
    }
    if found.charts:
        texts[".svg"] = svg(found.charts)
        texts[".md"] += f"\n![{found.charts[0].title}]({name}.svg)\n"
    for ending, text in texts.items():
        folder.joinpath(name + ending).write_text(text, encoding="utf-8")


def cases_of(path: Path) -> list[Case]:
    """The cases of a file. Raises ValueError, with the line, for what is none; OSError."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        if next(rows, None) != HEADER:
            raise ValueError(f"the first line has to be {','.join(HEADER)}")
        cases = []
        for row in rows:
            try:
                name, start, end, service = row
                time = TimeRange(time_of(start), time_of(end))
            except (ValueError, argparse.ArgumentTypeError) as error:
                raise ValueError(f"line {rows.line_num}: {error}") from error
            if time.start >= time.end or not service:
                raise ValueError(f"line {rows.line_num}: no time, or no service")
            cases.append(Case(name, time, service))
    if not cases:
        raise ValueError("no case")
    return cases
