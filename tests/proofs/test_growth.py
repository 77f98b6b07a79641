"""What each step costs and each layer weighs, by the events of a day; then larger days on paper."""

from __future__ import annotations

import os
import tempfile
from itertools import pairwise
from pathlib import Path

from points import Figures, figures_of

from tracekeep.lake import PROJECT

FOLDER = Path(
    os.environ.get("TRACEKEEP_PROVE_FOLDER") or Path(tempfile.gettempdir()) / "tracekeep-growth"
)
SIZES = [
    int(size)
    for size in os.environ.get("TRACEKEEP_PROVE_SIZES", "300000 1000000 3000000 10000000").split()
]
ON_PAPER = (100_000_000, 10_000_000_000)
"""Events a day that are computed, not measured."""

AGGREGATES = (
    "endpoint_minutes", "endpoint_hours", "call_graph_minutes", "operation_minutes",
    "log_statement_minutes", "log_statement_days", "environment_days", "service_version_days",
    "change_effects", "incident_path_groups", "error_patterns",
)  # fmt: skip
"""Tables of Gold whose rows are bounded by windows, endpoints, edges, statements and patterns."""
KEPT_DAYS = {"bronze": 7, "silver": 90, "gold": 365}
VCPU_HOUR = 0.1632 / 4
GIGABYTE_MONTH = 0.023
"""US dollars, list prices of Amazon in us-east-1: an m7g.xlarge on demand, S3 Standard."""


def bytes_of(point: Figures, layer: str, tables: tuple[str, ...] = ()) -> int:
    """Live bytes of a layer, or of some of its tables."""
    found = point["layers"][layer]
    return sum(table["bytes"] for name, table in found.items() if not tables or name in tables)


def files_of(point: Figures, layer: str) -> int:
    """Live files of a layer."""
    return sum(table["files"] for table in point["layers"][layer].values())


def cpu_of(point: Figures) -> float:
    """CPU seconds of all that a new event costs."""
    steps = ("ingest", "silver", "gold", "tests")
    return sum(point["steps"][step]["cpu"] for step in steps)


def step_lines(point: Figures) -> list[str]:
    """A line a step."""
    lines = []
    for name, step in point["steps"].items():
        java = step["peaks"].get("java", 0) / 2**30
        python = max(
            (size for process, size in step["peaks"].items() if process.startswith("python")),
            default=0,
        )
        lines.append(
            f"| {point['events']:,} | {name} | {step['wall']:,.0f} | {step['cpu']:,.0f} | "
            f"{step['cpu'] / point['events'] * 1e6:,.0f} | {java:.2f} | {python / 2**30:.2f} |"
        )
    return lines


def layer_line(point: Figures) -> str:
    """A line of bytes and files."""
    cells = [
        f"{bytes_of(point, layer) / 1e6:,.1f} | {files_of(point, layer):,}"
        for layer in ("bronze", "silver", "gold")
    ]
    aggregates = bytes_of(point, "gold", AGGREGATES)
    return (
        f"| {point['events']:,} | {' | '.join(cells)} | {aggregates / 1e6:,.2f} | "
        f"{aggregates / point['events']:,.2f} |"
    )


def paper_lines(small: Figures, large: Figures, events: int) -> list[str]:
    """A larger day, from the two largest that were measured: what grows goes on growing by the
    slope between them."""
    times = (events - large["events"]) / (large["events"] - small["events"])

    def grown(before: float, now: float) -> float:
        return now + (now - before) * times

    lines = []
    stored = 0.0
    for layer, days in KEPT_DAYS.items():
        day = grown(bytes_of(small, layer), bytes_of(large, layer))
        stored += day * days
        lines.append(
            f"| {events:,} | {layer} | {day / 1e9:,.1f} | {days} | {day * days / 1e12:,.2f} |"
        )
    hours = grown(cpu_of(small), cpu_of(large)) / 3600
    dollars = hours * VCPU_HOUR, stored / 1e9 * GIGABYTE_MONTH / 30.4
    lines.append(
        f"| {events:,} | all | {hours:,.0f} vCPU-hours a day, {hours / 24:,.1f} vCPUs | | "
        f"${dollars[0]:,.0f} + ${dollars[1]:,.0f} a day |"
    )
    return lines


def report_of(points: list[Figures]) -> str:
    """The document."""
    lines = [
        "# Growth",
        "",
        "Made by `make prove-growth`: a generated day through all layers, in one process with a "
        "driver of 2 GB. CPU is of all processes; memory is the greatest resident size of the JVM "
        "(its heap is bounded by 2 GB; code and class data come on top) and of a Python worker.",
        "",
        "| events | step | wall s | CPU s | CPU s per million events | JVM GiB | Python GiB |",
        "|---|---|---|---|---|---|---|",
        *(line for point in points for line in step_lines(point)),
        "",
        "| events | Bronze MB | files | Silver MB | files | Gold MB | files | of which aggregates, "
        "MB | bytes an event |",
        "|---|---|---|---|---|---|---|---|---|",
        *map(layer_line, points),
        "",
    ]
    if len(points) > 1:
        lines += [
            "## Larger days, on paper",
            "",
            "Computed by the slope between the two largest days above, so aggregates that are "
            "saturated there count as such. The services and endpoints are those of the generated "
            "platform: more of them move the bound of the aggregates, a row a window and endpoint. "
            f"List prices: ${VCPU_HOUR:.4f} a vCPU-hour (m7g.xlarge on demand), "
            f"${GIGABYTE_MONTH} a GB and month (S3 Standard), both us-east-1, without requests and "
            "traffic.",
            "",
            "| events a day | layer | GB a day | days kept | TB kept |",
            "|---|---|---|---|---|",
            *(line for size in ON_PAPER for line in paper_lines(*points[-2:], size)),
            "",
            "- Linear: ingest, Bronze, Silver, errors and the sample of Gold.",
            "- Saturates: aggregates, at a row a window and endpoint, edge, operation, statement.",
            "- What to switch: from about 10 million events a day `silver_layout: "
            "date_trace_prefix` or `clustered`, so that a trace is found in a few files, and "
            "`spark.sql.shuffle.partitions` to two to four times the cores.",
            "- 10 billion a day do not fit one driver: the lists of what changed are small, but "
            "Silver's files of 90 days are millions of rows of Delta's log. Split by region or "
            "environment, one lake each; Gold's windows add up.",
        ]
    return "\n".join(lines) + "\n"


def test_growth() -> None:
    points: list[Figures] = []
    for events in SIZES:
        points += figures_of(FOLDER, str(events), "growth_point.py", events)
        report = report_of(points)
        (PROJECT / "docs" / "results" / "growth.md").write_text(report, encoding="utf-8")
        print(report)
    first = points[0]
    for before, point in pairwise(points):
        growth = point["events"] / first["events"]
        assert cpu_of(point) <= 1.1 * growth * cpu_of(first), "CPU grows faster than events"
        share = (bytes_of(lake, "gold", AGGREGATES) / lake["events"] for lake in (before, point))
        assert next(share) > next(share), "aggregates of Gold do not saturate"
