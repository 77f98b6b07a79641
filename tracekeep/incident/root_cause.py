"""`python -m tracekeep root-cause`: which service caused what happened in a time."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from tracekeep.incident import as_json
from tracekeep.incident.arguments import count_to, name_of, time_of
from tracekeep.incident.delta_lake import DeltaLake, Row, UnreadableError, stamp
from tracekeep.incident.layers import expired_days
from tracekeep.incident.masking import harmless
from tracekeep.incident.reader import AsOfReader
from tracekeep.incident.selection import TimeRange
from tracekeep.incident.suspects import COLUMNS, suspects_of
from tracekeep.incident.windows import starts_in, windows_of
from tracekeep.lake import lake_path, project_variables

ANSWERED, FAILED, WRONG, UNKNOWN = 0, 1, 2, 3
_DESCRIPTION = """\
Ranks the services of a time by how much their log statements, their operations and the waits of
their calls differ from the hours around (gold.log_statement_minutes, gold.operation_minutes,
gold.call_graph_minutes), and says what differs. Reads the tables by path, without Spark.
"""
_EPILOG = """\
Exit code 0: answered; 1: the lake could not be read, or its Gold lacks the tables; 2: wrong
arguments; 3: Gold holds nothing of that time, or nothing around it to compare with.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.description = _DESCRIPTION
    parser.epilog = _EPILOG
    parser.add_argument(
        "--from", dest="start", type=time_of, metavar="TIME", required=True,
        help="start of the time, ISO 8601, UTC unless it names a zone",
    )  # fmt: skip
    parser.add_argument(
        "--to", dest="end", type=time_of, metavar="TIME", required=True,
        help="end of the time, itself left out",
    )  # fmt: skip
    parser.add_argument("--environment", type=name_of, metavar="NAME", help="of one environment")
    parser.add_argument(
        "--top", type=count_to(100), default=5, metavar="N", help="suspects to show (default 5)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    if arguments.start >= arguments.end:
        print("root-cause: --from has to be before --to", file=sys.stderr)
        return WRONG
    time, lake = TimeRange(arguments.start, arguments.end), DeltaLake(lake_path())
    try:
        told = answer(lake, project_variables(), time, arguments.environment, arguments.top)
    except UnreadableError as error:
        print(f"root-cause: {error}", file=sys.stderr)
        return FAILED
    # ASCII alone: what a terminal would obey stands there as \u001b
    print(json.dumps(told, default=as_json) if arguments.json else text(told))
    return ANSWERED if told["status"] == "found" else UNKNOWN


def answer(
    lake: DeltaLake,
    variables: Mapping[str, Any],
    time: TimeRange,
    environment: str | None = None,
    most: int = 5,
) -> Row:
    """The suspects of a time, at most so many: `status` (found, unknown), `message`, `range`,
    `reference_hours`, `candidates`, `candidate_count`, `notes`. Raises UnreadableError, also for a
    lake without one of the tables."""
    incident = windows_of(time, timedelta(minutes=variables["window_minutes"]))
    if missing := [name for name in _TABLES if not lake[name].exists]:
        raise UnreadableError(f"the lake {lake.folder} has no {missing[0]}: build Gold")
    hours = variables["root_cause_reference_hours"]
    reader = AsOfReader(lake, None, expired_days(lake))
    suspects = suspects_of(reader, incident, environment, hours)
    status, message = _status(reader, incident, hours, suspects)
    return {
        "status": status,
        "message": message,
        "range": {"start": incident.start, "end": incident.end},
        "reference_hours": hours,
        "candidates": suspects[:most],
        "candidate_count": len(suspects),
        "notes": reader.notes,
    }


def text(answer: Row) -> str:
    """The answer as lines of text, which a terminal shows and does not obey."""
    return "\n".join(harmless(line) for line in _lines(answer))


_TABLES = tuple(f"gold.{name}" for name in COLUMNS)


def _status(
    reader: AsOfReader, incident: TimeRange, hours: int, suspects: list[Row]
) -> tuple[str, str]:
    """Whether there is an answer, and why not or what it says."""
    times = f"from {stamp(incident.start)} to {stamp(incident.end)}"
    if suspects:
        return "found", ""
    around = timedelta(hours=hours)
    for name in _TABLES[:2]:
        if reader.rows(name, ("window_start",), starts_in(incident)):
            break
    else:
        return "unknown", f"Gold holds no minute {times}."
    before = TimeRange(incident.start - around, incident.start)
    after = TimeRange(incident.end, incident.end + around)
    if not any(reader.rows(_TABLES[0], ("window_start",), starts_in(s)) for s in (before, after)):
        return "unknown", f"Gold holds no minute within {hours} hours {times} to compare with."
    return "found", f"No service differs {times} from the {hours} hours around it."


def _lines(answer: Row) -> Iterator[str]:
    times = answer["range"]
    yield f"Root cause, {stamp(times['start'])} to {stamp(times['end'])}"
    if answer["message"]:
        yield f"  {answer['message']}"
    for place, row in enumerate(answer["candidates"], 1):
        yield f"{place:>3}  {row['service']} ({row['environment']}), score {row['score']:.2f}"
        yield f"     because {row['because']}"
        yield f"     path {' -> '.join(row['service_path'])}"
    yield from (f"  {note}" for note in answer["notes"])
