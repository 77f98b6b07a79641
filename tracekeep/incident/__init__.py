"""`python -m tracekeep incident`: from an alert to the raw line."""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracekeep.incident.arguments import count_to, name_of, time_of, trace_id_of
from tracekeep.lake import lake_path, project_variables

if TYPE_CHECKING:
    from tracekeep.incident.answer import Question
    from tracekeep.incident.delta_lake import DeltaLake, Row

ANSWERED, FAILED, WRONG, UNKNOWN, GONE = 0, 1, 2, 3, 4
MOST_TRACES = 200
_DESCRIPTION = """\
From an alert to the raw line: the windows of an incident and its error paths (Gold), its whole
traces (Silver) and its raw lines (Bronze), each as of the Delta version that the rows of Gold name.

Without --from, --to and --trace the worst window is looked for (most errors at an error rate above
--min-error-rate, else most errors), and what fails around it is shown. Reads the tables by path,
so it runs beside dbt and ingest.

What a layer no longer holds is told as `expired`, since when if that was recorded, `erased` or
`unknown`, and answered from what Gold kept: of error traces, all. The console shows one screen;
--details shows more. Raw lines are shown by --raw-lines and on the page, masked by the project's
redaction policy, for which a JVM is started (about four seconds).
"""
_EPILOG = """\
examples:
  python -m tracekeep incident --html incident.html
  python -m tracekeep incident --details --raw-lines
  python -m tracekeep incident --from 2026-01-12T10:15 --to 2026-01-12T10:35 --service checkout
  python -m tracekeep incident --trace 4bf92f3577b34da6a3ce929d0e0e4736
  python -m tracekeep incident --trace 4bf92f3577b34da6a3ce929d0e0e4736 --format otlp > trace.json
  python -m tracekeep incident --as-of 12     # as Gold's version 12 was; or a time after a build

Exit code 0: answered, also if there was no error; 1: the lake could not be read or has no Gold yet,
or raw lines could not be masked; 2: wrong arguments; 3: nothing is known of it, no data at all; 4:
it is expired or erased, and nothing of it is left.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.description = _DESCRIPTION
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--from",
        dest="start",
        type=time_of,
        metavar="TIME",
        help="start of the time range, ISO 8601, UTC unless it names a zone; with --to",
    )
    parser.add_argument(
        "--to", dest="end", type=time_of, metavar="TIME", help="end of the range, itself left out"
    )
    parser.add_argument(
        "--service", type=name_of, metavar="NAME", help="windows and paths of one service"
    )
    parser.add_argument(
        "--environment", type=name_of, metavar="NAME", help="what happened in one environment"
    )
    parser.add_argument(
        "--trace",
        type=trace_id_of,
        metavar="ID",
        help="one trace, 32 hex digits (fewer are padded)",
    )
    parser.add_argument(
        "--as-of",
        type=_version_or_time,
        metavar="VERSION|TIME",
        help="all as it was then: a Delta version of gold.endpoint_minutes, or a time, which means "
        "the last commit at or before it (when it was built, not when it happened)",
    )
    parser.add_argument(
        "--min-error-rate",
        type=_rate,
        default=0.5,
        metavar="R",
        help="error rate above which a window counts as failing, 0 to 1 (default 0.5)",
    )
    parser.add_argument(
        "--traces",
        type=count_to(MOST_TRACES),
        default=None,
        metavar="N",
        help="traces to show in full (default 1, with --details or --json 5, in a file 20; at most "
        f"{MOST_TRACES})",
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write one self-contained page")
    parser.add_argument("--json", action="store_true", help="print the answer as one JSON object")
    parser.add_argument(
        "--format",
        choices=("otlp", "jaeger", "perfetto"),
        help="write the one trace of --trace for another tool: OTLP/JSON (Grafana, collectors), "
        "Jaeger's JSON, Perfetto's trace; masked, as Silver is",
    )
    parser.add_argument(
        "--details", action="store_true", help="print all that the answer holds, not one screen"
    )
    parser.add_argument(
        "--raw-lines",
        nargs="?",
        const="masked",
        choices=("masked", "unmasked"),
        help="print the raw lines of the traces too, masked unless said otherwise; a page is "
        "masked all the same",
    )
    parser.add_argument(
        "--vars",
        type=_variables,
        metavar="YAML",
        help="variables of dbt, as the layers are built with; default: those of dbt_project.yml",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from tracekeep.incident.answer import answer
    from tracekeep.incident.delta_lake import DeltaLake, UnreadableError
    from tracekeep.incident.masking import MaskingError

    lake = DeltaLake(lake_path())
    try:
        question = _question(arguments)
        wrong = _complaint(lake, question, arguments)
    except UnreadableError as error:
        return _fail(str(error), FAILED)
    if wrong:
        return _fail(wrong, WRONG)
    if not lake["gold.endpoint_minutes"].exists:
        return _fail(
            f"the lake {lake.folder} has no Gold: fill it with `make run`, or name another folder "
            "in TRACEKEEP_LAKE",
            FAILED,
        )
    try:
        if arguments.format:
            return _export(lake, arguments)
        told = answer(lake, question)
        is_masked = arguments.html or arguments.raw_lines == "masked"
        safe = with_masked_lines(told, arguments.vars) if is_masked else told
        if arguments.html:
            from tracekeep.incident.page import page

            arguments.html.write_text(page(safe), encoding="utf-8")
    except (UnreadableError, MaskingError, OSError) as error:
        return _fail(str(error), FAILED)
    if arguments.raw_lines is None:
        printed = with_raw_lines(told, lambda _: [])
    else:
        printed = told if arguments.raw_lines == "unmasked" else safe
    _print(printed, arguments)
    return {"found": ANSWERED, "unknown": UNKNOWN}.get(told["status"], GONE)


def _export(lake: DeltaLake, arguments: argparse.Namespace) -> int:
    from tracekeep.incident.delta_lake import stamp
    from tracekeep.incident.export import FORMATS
    from tracekeep.incident.export.whole_trace import whole_traces
    from tracekeep.incident.layers import erased_at

    spans = whole_traces(lake, [arguments.trace])[arguments.trace]
    if at := erased_at(lake, arguments.trace):
        return _fail(f"{arguments.trace} was erased {stamp(at)}", GONE)
    if not spans:
        return _fail(f"neither Silver nor Gold has a span of {arguments.trace}", UNKNOWN)
    sys.stdout.buffer.write(FORMATS[arguments.format](arguments.trace, spans))
    return ANSWERED


def with_masked_lines(told: Row, variables: Row | None = None) -> Row:
    """The answer with its raw lines masked (R13). variables: dbt's; those of dbt_project.yml if not
    given. Raises MaskingError."""
    from tracekeep.incident.masking import masked

    lines = [line for trace in told.get("traces", []) for line in trace["raw_lines"]]
    texts = iter(masked([line["raw_text"] for line in lines], variables))
    return with_raw_lines(told, lambda lines: [{**line, "raw_text": next(texts)} for line in lines])


def with_raw_lines(told: Row, changed: Callable[[list[Row]], list[Row]]) -> Row:
    """The answer with other raw lines in each trace."""
    traces = [
        {**trace, "raw_lines": changed(trace["raw_lines"])} for trace in told.get("traces", [])
    ]
    return {**told, "traces": traces}


def as_json(value: Any) -> str:
    """What JSON does not know, as text: times in ISO 8601 with a Z, days as they are written."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in an answer")


def _print(told: Row, arguments: argparse.Namespace) -> None:
    if arguments.json:
        # ASCII alone: what a terminal would obey stands there as \u001b
        print(json.dumps(told, default=as_json))
        return
    from tracekeep.incident.console import DETAILS, ONE_SCREEN, text

    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal need not know all characters
        sys.stdout.reconfigure(errors="backslashreplace")
    limits = DETAILS if arguments.details else ONE_SCREEN
    print(text(told, replace(limits, traces=arguments.traces or limits.traces)))
    if arguments.html:
        print(f"\nPage: {arguments.html}")


def _question(arguments: argparse.Namespace) -> Question:
    from tracekeep.incident.answer import Question

    variables = project_variables() if arguments.vars is None else arguments.vars
    question = Question.under(
        variables,
        start=arguments.start,
        end=arguments.end,
        service=arguments.service,
        environment=arguments.environment,
        trace_id=arguments.trace,
        as_of=arguments.as_of,
        min_error_rate=arguments.min_error_rate,
    )
    count = 5 if arguments.details or arguments.json else 1
    count = arguments.traces or (question.trace_count if arguments.html else count)
    return replace(question, trace_count=count)


def _complaint(lake: DeltaLake, question: Question, arguments: argparse.Namespace) -> str | None:
    """What is wrong with the arguments together; None for nothing."""
    if (question.start is None) != (question.end is None):
        return "--from and --to belong together"
    if question.start and question.end and question.start >= question.end:
        return "--from has to be before --to"
    if question.trace_id and question.start:
        return "--trace finds its own time: leave --from and --to away"
    if arguments.format and not question.trace_id:
        return "--format writes one trace: name it by --trace"
    if arguments.format and (arguments.html or arguments.json or question.as_of is not None):
        return "--format writes the trace as it is now, and nothing else: leave the others away"
    if arguments.html and arguments.html.is_dir():
        return f"{arguments.html} is a folder: name a file"
    if arguments.html and not arguments.html.absolute().parent.is_dir():
        return f"{arguments.html.absolute().parent} is no folder"
    table = lake["gold.endpoint_minutes"]
    if isinstance(question.as_of, int) and table.exists and question.as_of > table.version:
        return f"gold.endpoint_minutes has no version {question.as_of}: its last is {table.version}"
    return None


def _fail(message: str, code: int) -> int:
    print(f"incident: {message}", file=sys.stderr)
    return code


def _variables(text: str) -> dict[str, Any]:
    try:
        variables = project_variables(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    for name in ("window_minutes", "new_pattern_warm_up_minutes"):
        if not isinstance(variables[name], int):
            raise argparse.ArgumentTypeError(f"{name} is no number of minutes: {variables[name]!r}")
    return variables


def _version_or_time(text: str) -> int | datetime:
    return int(text) if re.fullmatch(r"[0-9]{1,7}", text) else time_of(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no rate: it lies between 0 and 1")
    return rate
