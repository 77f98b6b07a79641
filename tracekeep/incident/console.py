"""The answer about an incident as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tracekeep.incident.delta_lake import Row, stamp
from tracekeep.incident.masking import harmless

WIDTH = 160
"""Longest text of a step; raw lines are cut at `LONGEST_LINE`."""

LONGEST_LINE = 800
LEVELS = 20
"""Levels of a tree that are drawn."""
LINES = 8
"""Error logs and raw lines of a trace."""
MORE = "--details or --html FILE"
WINDOW_HEAD = (
    "time", "environment", "region", "service", "endpoint", "requests", "failed", "rate",
    "error logs", "p95 ms", "silver", "bronze",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """How many rows of each kind are printed; steps: of a trace."""

    suspects: int
    windows: int
    groups: int
    patterns: int
    changes: int
    edges: int
    traces: int
    steps: int
    has_logs: bool


ONE_SCREEN = Limits(1, 5, 3, 3, 3, 3, traces=1, steps=10, has_logs=False)
DETAILS = Limits(5, 12, 8, 10, 10, 10, traces=5, steps=400, has_logs=True)


def text(answer: Row, limits: Limits = ONE_SCREEN) -> str:
    """The answer as lines of text. No control character of a log text is left in it."""
    return "\n".join(harmless(line) for line in _lines(answer, limits))


def _lines(answer: Row, limits: Limits) -> Iterator[str]:
    if answer["status"] != "found":
        yield f"{answer['status']}: {answer['message']}"
        yield from _notes(answer)
        return
    found = answer["range"]
    environments = ", ".join(answer["environments"])
    yield (
        f"Incident {stamp(found['start'])} to {stamp(found['end'])}"
        f"{f', environment {environments}' if environments else ''}"
    )
    yield (
        f"  {answer['request_count']:,} requests, {answer['error_count']:,} failed, "
        f"{answer['error_log_count']:,} error logs, {answer['error_trace_count']:,} error traces"
    )
    if answer["message"]:
        yield f"  {answer['message']}"
    yield from _suspects(answer, limits.suspects)
    yield from _windows(answer, limits.windows)
    yield from _paths(answer, limits.groups)
    yield from _patterns(answer, limits.patterns)
    yield from _changes(answer, limits.changes)
    yield from _edges(answer, limits.edges)
    for trace in answer["traces"][: limits.traces]:
        yield from _trace(trace, limits)
    more = len(answer["traces"]) - limits.traces
    failing = sum(trace["path_count"] > 0 for trace in answer["traces"][: limits.traces])
    if answer["error_trace_count"] > failing:
        more = answer["error_trace_count"] - failing
        yield from _more(more, "error trace", "--traces N or --html FILE")
    else:
        yield from _more(more, "trace", "--traces N or --html FILE")
    yield from _notes(answer)


def _suspects(answer: Row, limit: int) -> Iterator[str]:
    for row in answer["suspects"][:limit]:
        yield ""
        where = f" ({row['environment']})" if len(answer["environments"]) > 1 else ""
        yield f"Suspected: {row['service']}{where}, because {_short(row['because'])}"
        yield f"  path {' -> '.join(row['service_path'])}, score {row['score']:.2f}"


def _windows(answer: Row, limit: int) -> Iterator[str]:
    rows = answer["windows"][:limit]
    if not rows:
        return
    yield ""
    yield f"Windows of {answer['window_minutes']:g} min with errors (Gold)"
    yield from _table(
        WINDOW_HEAD,
        [
            (
                _clock(row["window_start"]),
                row["environment"],
                row["region"],
                row["service"],
                row["endpoint"],
                f"{row['request_count']:,}",
                f"{row['error_count']:,}",
                _share(row["error_rate"]),
                f"{row['error_log_count']:,}",
                _ms(row["p95_latency_ms"]),
                f"v{row['silver_version']}",
                f"v{row['bronze_version']}",
            )
            for row in rows
        ],
        left=5,
    )
    yield from _more(answer["window_count"] - len(rows), "window", MORE)


def _paths(answer: Row, limit: int) -> Iterator[str]:
    rows = answer["path_groups"][:limit]
    if not rows:
        return
    yield ""
    yield "Error paths (gold.incident_paths)"
    for row in rows:
        where = f"  ({row['environment']})" if len(answer["environments"]) > 1 else ""
        yield f"  {row['trace_count']:>5,} x  {' -> '.join(row['service_path'])}{where}"
        what = ": ".join(filter(None, (row["error_type"], _short(row["error_message"]))))
        yield f"           {what or 'no message'}"
        yield f"           suspected: {row['suspected_root_cause']}   e.g. {row['trace_ids'][0]}"
    yield from _more(answer["path_group_count"] - len(rows), "kind of path", MORE, "kinds of path")


def _patterns(answer: Row, limit: int) -> Iterator[str]:
    rows = answer["patterns"][:limit]
    if not rows:
        return
    yield ""
    yield "Error patterns"
    for row in rows:
        mark = "NEW" if row["is_new"] else "   "
        where = f"  ({row['environment']})" if len(answer["environments"]) > 1 else ""
        template = _short(row["error_template"] or row["error_message"] or "")
        yield (
            f"  {mark} {row['failures_in_range']:>5,} x  {row['service'] or '?'}  "
            f"{row['error_type'] or ''}  {template}{where}"
        )
    yield from _more(answer["pattern_count"] - len(rows), "pattern", MORE)


def _changes(answer: Row, limit: int) -> Iterator[str]:
    rows = answer["changes"][:limit]
    if not rows:
        return
    yield ""
    yield "Changes near the start (gold.change_effects)"
    start = answer["range"]["start"]
    for row in rows:
        minutes = (row["changed_at"] - start).total_seconds() / 60
        when = f"{abs(minutes):.0f} min {'before' if minutes < 0 else 'after'}"
        rates = f"{_share(row['error_rate_before'])} -> {_share(row['error_rate_after'])}"
        mark = "*" if row["is_on_path"] else " "
        yield (
            f"  {mark} {_clock(row['changed_at'])}  {when:>14}  {row['change_kind']}  "
            f"{row['service'] or 'all services'} {row['service_version'] or ''}  error rate {rates}"
        )
    yield "  * its service is on an error path"
    yield from _more(answer["change_count"] - len(rows), "change", MORE)


def _edges(answer: Row, limit: int) -> Iterator[str]:
    failing = [edge for edge in answer["graph"] if edge["error_count"]]
    rows = failing[:limit]
    if not rows:
        return
    yield ""
    yield "Failing calls between services (gold.call_graph_minutes)"
    for row in rows:
        yield (
            f"  {row['source_service']} -> {row['target_service']}: {row['error_count']:,} of "
            f"{row['call_count']:,} failed ({_share(row['error_rate'])})"
        )
    yield from _more(len(failing) - len(rows), "failing call", MORE, "failing calls")


def _trace(trace: Row, limits: Limits) -> Iterator[str]:
    yield ""
    kind = "fatal" if trace["is_fatal"] else "inner error" if trace["has_error"] else "no error"
    yield f"Trace {trace['trace_id']}  ({kind}, {trace['span_count']:,} spans)"
    yield "  " + ", ".join(_layer(layer) for layer in trace["layers"])
    if trace["marks"]:
        yield f"  marks: {', '.join(trace['marks'])}"
    if trace["steps"]:
        shown = trace["steps"][: limits.steps]
        yield from step_lines(shown)
        yield from _more(trace["step_count"] - len(shown), "step", MORE)
        yield from _more(
            trace["path_count"] - trace["told_path_count"], "path of it", plural="paths of it"
        )
    else:
        shown = trace["spans"][: limits.steps]
        for span in shown:
            yield f"  {'  ' * min(span['depth'], 20)}{_step(span)}"
        yield from _more(trace["span_count"] - len(shown), "span", MORE)
    if trace["critical_path"]:
        slowest = sorted(trace["critical_path"], key=lambda step: -step["added_ms"])[:3]
        yield "  critical path, most time in: " + ", ".join(
            f"{step['service']} {step['endpoint']} {_ms(step['added_ms'])} ms" for step in slowest
        )
    if limits.has_logs:
        yield from _logs(trace)
    if trace["raw_lines"]:
        yield from _raw_lines(trace)


def _layer(layer: Row) -> str:
    version = "" if layer["version"] is None else f" at version {layer['version']}"
    note = f" ({layer['note']})" if layer["note"] else ""
    return f"{layer['layer']} {layer['status']}{version}{note}"


def _logs(trace: Row) -> Iterator[str]:
    logs = [row for row in trace["log_records"] if row["is_error"]][:LINES]
    for record in logs:
        yield f"  log {_precise(record['logged_at'])} {record['service']}: {_short(record['body'])}"
    yield from _more(trace["log_record_count"] - len(logs), "log record", "--html FILE")


def _raw_lines(trace: Row) -> Iterator[str]:
    yield "  raw lines (Bronze)"
    shown = sorted(trace["raw_lines"], key=lambda line: not line["is_of_error"])[:LINES]
    for line in shown:
        raw = line["raw_text"] or ""
        more = f" … {len(raw) - LONGEST_LINE:,} more characters" if len(raw) > LONGEST_LINE else ""
        yield f"    {line['record']:4} {raw[:LONGEST_LINE]}{more}"
    yield from _more(trace["raw_line_count"] - len(shown), "raw line", "--html FILE", indent="    ")


def step_lines(steps: Sequence[Row]) -> Iterator[str]:
    """Steps with the lines of a tree before them; deep ones show their last levels alone."""
    is_last: list[bool] = []
    for step in steps:
        del is_last[step["depth"] :]
        bars = "".join("   " if last else "│  " for last in is_last[-LEVELS:])
        is_last.append(step["is_last"])
        yield f"  {bars}{'└─' if step['is_last'] else '├─'} {_step(step)}"


def _step(step: Row) -> str:
    status = step["http_status_code"] or step["rpc_status_code"] or step["status_code"] or ""
    parts = [
        step["service"],
        step["endpoint"] or step["operation"] or "",
        step["kind"] or "",
        f"{_ms(step['latency_ms'])} ms",
        str(status),
        # a path that ends at a step that did not fail ends at an error log of it
        "ERROR" if step["is_error"] else "ERROR LOG" if step.get("is_end") else "",
        step.get("error_type") or "",
        _short(step["error_message"]),
    ]
    return "  ".join(part for part in parts if part)


def _notes(answer: Row) -> Iterator[str]:
    if answer["notes"]:
        yield ""
    for note in answer["notes"]:
        yield f"Note: {note}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> Iterator[str]:
    """Aligned columns, the first `left` of them to the left."""
    cells = [[_short(cell, 48) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        aligned = (
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  " + "  ".join(aligned).rstrip()


def _more(
    count: int, what: str, how: str = "", plural: str | None = None, indent: str = "  "
) -> Iterable[str]:
    if count > 0:
        name = what if count == 1 else plural or f"{what}s"
        yield f"{indent}… {count:,} more {name}{f' ({how})' if how else ''}"


def _short(value: str | None, width: int = WIDTH) -> str:
    """A text on one line, cut."""
    line = " ".join((value or "").split())
    return line if len(line) <= width else f"{line[: width - 1]}…"


def _share(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1%}"


def _ms(latency: float | None) -> str:
    return "-" if latency is None else f"{latency:,.1f}"


def _clock(time: datetime) -> str:
    return f"{time.astimezone(UTC):%m-%d %H:%M}"


def _precise(time: datetime) -> str:
    return f"{time.astimezone(UTC):%H:%M:%S.%f}"[:-3]
