"""What `tracekeep incident` answers about an incident, held against the truth.

The truth is the generator's list of the traces that an incident affected, and their paths and raw
lines as an independent reading of the raw files that had arrived by then tells them.
"""

from __future__ import annotations

import copy
import gzip
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import arrivals
from year_plan import Incident, Tick, arrived_until

from oracle.forest import forest_of
from oracle.paths import paths_of
from oracle.raw_reading import read_set
from oracle.told_paths import ToldPath, ToldStep
from oracle.verdicts import judge
from tracekeep.incident.answer import Question, answer
from tracekeep.incident.delta_lake import DeltaLake
from tracekeep.lake import lake_path

KEPT_DAYS = {"bronze": 7, "silver": 90, "gold": 365}
MOST_TRACES = 200
ARRIVES_WITHIN = timedelta(days=2)
"""All of a day has arrived so long after its beginning."""

Row = dict[str, Any]


@dataclass
class Truth:
    """Of the error traces of an incident that had arrived: paths, and how many of their raw lines
    Bronze still has to hold. `texts`: all raw texts that had arrived."""

    paths: dict[str, list[ToldPath]]
    raw_lines: Counter[str]
    texts: str


@dataclass
class Asked:
    """One question and what came of it; `problems` are sentences, none if all is right.

    age_days: since the end of the incident. statuses: of traces, by layer and what it says.
    """

    incident: str
    age: str
    age_days: float
    status: str = ""
    traces: int = 0
    paths: int = 0
    told_paths: int = 0
    raw_lines: int = 0
    told_raw_lines: int = 0
    statuses: dict[str, dict[str, int]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def ask(year: Path, incident: Incident, age: str, now: datetime, ticks: list[Tick]) -> Row:
    """Ask the lake for an incident and judge the answer. ticks: the full ones so far, with this.

    Returns the fields of `Asked`.
    """
    asked = Asked(incident.id, age, round((now - incident.end) / timedelta(days=1), 2))
    told = answer(
        DeltaLake(lake_path()),
        Question(
            incident.start.replace(second=0),
            incident.end,
            trace_count=MOST_TRACES,
        ),
    )
    asked.status = told["status"]
    if not is_kept("gold", incident.start.date(), now):
        if asked.status != "expired" or "expired" not in told["message"]:
            asked.problems.append(f"its year is over, and it says {asked.status}")
        return asdict(asked)
    truth = truth_of(year, incident, now, ticks)
    judge_answer(told, truth, incident, now, asked)
    for wrong in _spoilt(told):
        control = Asked(asked.incident, age, asked.age_days)
        judge_answer(wrong, truth, incident, now, control)
        if not control.problems:
            asked.problems.append("a spoilt answer passes for right")
    return asdict(asked)


def is_kept(layer: str, day: date, now: datetime) -> bool:
    """Whether a layer keeps a day's rows at a time."""
    return day >= now.date() - timedelta(days=KEPT_DAYS[layer])


# ---------------------------------------------------------------- the truth


def truth_of(year: Path, incident: Incident, now: datetime, ticks: list[Tick]) -> Truth:
    """What is true of an incident by what full ticks had taken up to a time."""
    midnight = incident.start.replace(hour=0, minute=0, second=0)
    until = min(arrived_until(ticks[-1].at), midnight + ARRIVES_WITHIN)
    with tempfile.TemporaryDirectory() as folder:
        arrivals.place(year, Path(folder), midnight, until)
        reading = judge(read_set(Path(folder)))
        texts = "\n".join(_texts(Path(folder)))
    paths = {}
    for trace_id in incident.trace_ids:
        trace = reading.traces.get(trace_id)
        if trace and trace.sample_class == "error":
            found = paths_of(trace, forest_of(trace.spans))
            paths[trace_id] = [ToldPath.of_raw(path) for path in found]
    # what arrived with a tick lies in Bronze under the day of that tick
    alive = [place for place, tick in enumerate(ticks) if is_kept("bronze", tick.at.date(), now)]
    since = midnight
    if not alive:
        since = until
    elif alive[0]:
        since = max(midnight, arrived_until(ticks[alive[0] - 1].at))
    lines: Counter[str] = Counter()
    if since < until:
        with tempfile.TemporaryDirectory() as folder:
            arrivals.place(year, Path(folder), since, until)
            lines.update(_trace_ids(Path(folder)))
    return Truth(paths, lines, texts)


def _texts(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.gz")):
        yield gzip.decompress(path.read_bytes()).decode("ascii")
    for path in sorted(folder.rglob("*.log")):
        yield path.read_text(encoding="ascii")


def _trace_ids(folder: Path) -> Iterator[str]:
    """The trace id of each record of a set, repeated ones too."""
    for path in folder.rglob("*.jsonl.gz"):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            request = json.loads(line)
            for groups, scopes, records in (
                ("resourceSpans", "scopeSpans", "spans"),
                ("resourceLogs", "scopeLogs", "logRecords"),
            ):
                for group in request.get(groups, ()):
                    for scope in group[scopes]:
                        yield from (record["traceId"] for record in scope[records])
    for path in folder.rglob("*.log"):
        for record in arrivals.cri_records(path):
            text = record.decode("ascii")
            for mark in ('"trace_id":"', "[trace_id="):
                if mark in text:
                    yield text.partition(mark)[2][:32]


# ---------------------------------------------------------------- the answer


def judge_answer(told: Row, truth: Truth, incident: Incident, now: datetime, asked: Asked) -> None:
    """Note in `asked` what an answer tells of the truth, and what is wrong with it."""
    say = asked.problems.append
    if told["status"] != "found":
        say(f"it says {told['status']}: {told['message']}")
    if not truth.paths:
        say("the incident has no error trace to ask for")
    found = {trace["trace_id"]: trace for trace in told.get("traces", [])}
    for trace_id, paths in truth.paths.items():
        asked.traces += 1
        asked.paths += len(paths)
        trace = found.get(trace_id)
        if trace is None:
            say(f"{trace_id} is missing")
            continue
        right = _right_paths(trace, paths)
        asked.told_paths += right
        if right < len(paths) or len(list(_told_paths(trace))) != len(paths):
            say(f"{trace_id}: {right} of {len(paths)} paths are right")
        _judge_layers(trace, incident, now, truth.raw_lines[trace_id], asked)
        _judge_raw_lines(trace, truth, asked)


def _told_paths(trace: Row) -> Iterator[list[Row]]:
    """The paths that the tree of an answer shows, each as its steps from the top down."""
    way: list[Row] = []
    for step in trace["steps"]:
        way = [*way[: step["depth"]], step]
        if step["is_end"]:
            yield way


def _right_paths(trace: Row, paths: list[ToldPath]) -> int:
    """How many true paths an answer tells, step by step and as a path of services."""
    left = [tuple(map(ToldStep.of_row, way)) for way in _told_paths(trace)]
    services = [tuple(names) for names in trace["service_paths"]]
    right = 0
    for path in paths:
        match = next(
            (
                way
                for way in left
                if len(way) == len(path.steps) and all(map(ToldStep.is_told_by, path.steps, way))
            ),
            None,
        )
        if match is not None and path.service_path in services:
            left.remove(match)
            services.remove(path.service_path)
            right += 1
    return right


def _judge_layers(
    trace: Row, incident: Incident, now: datetime, raw_lines: int, asked: Asked
) -> None:
    is_there = {
        "gold": True,
        "silver": is_kept("silver", incident.start.date(), now),
        "bronze": bool(raw_lines),
    }
    for layer in trace["layers"]:
        name, status = layer["layer"], layer["status"]
        counts = asked.statuses.setdefault(name, {})
        counts[status] = counts.get(status, 0) + 1
        expected = "found" if is_there[name] else "expired"
        if status != expected:
            asked.problems.append(f"{trace['trace_id']}: {name} is {status}, not {expected}")
        elif status == "expired" and layer["since"] is None:
            asked.problems.append(f"{trace['trace_id']}: {name} does not say since when")


def _judge_raw_lines(trace: Row, truth: Truth, asked: Asked) -> None:
    trace_id, lines = trace["trace_id"], trace["raw_lines"]
    asked.raw_lines += truth.raw_lines[trace_id]
    asked.told_raw_lines += trace["raw_line_count"]
    if trace["raw_line_count"] != truth.raw_lines[trace_id]:
        asked.problems.append(
            f"{trace_id}: {trace['raw_line_count']} raw lines, not {truth.raw_lines[trace_id]}"
        )
    if not all(text in truth.texts for line in lines for text in line["raw_text"].splitlines()):
        asked.problems.append(f"{trace_id}: a raw line that never came")


def _spoilt(told: Row) -> Iterator[Row]:
    """The answer with an error that has to be seen: without a trace, with a wrong step."""
    if told.get("traces"):
        for spoil in (_forget_all, _rename_first_steps):
            wrong = copy.deepcopy(told)
            spoil(wrong["traces"])
            yield wrong


def _forget_all(traces: list[Row]) -> None:
    traces.clear()


def _rename_first_steps(traces: list[Row]) -> None:
    for trace in traces:
        for step in trace["steps"][:1]:
            step["service"] += "-canary"
