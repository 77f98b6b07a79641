"""What Gold weighs against Bronze, by share of errors, length of a window and volume."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from points import Figures, figures_of

from tracekeep.lake import PROJECT

FOLDER = Path(
    os.environ.get("TRACEKEEP_PROVE_FOLDER") or Path(tempfile.gettempdir()) / "tracekeep-storage"
)
SMALLER = 25
BASE_EVENTS = int(os.environ.get("TRACEKEEP_PROVE_EVENTS", "1000000"))
POINTS = (
    (BASE_EVENTS, "-", (5, 1, 60)),
    (BASE_EVENTS, "0.005", (5,)),
    (BASE_EVENTS, "0.02", (5,)),
    (BASE_EVENTS, "0.05", (5,)),
    (BASE_EVENTS, "0.1", (5,)),
    (BASE_EVENTS // 10, "-", (5,)),
    (BASE_EVENTS * 5, "-", (5,)),
)
"""Events, share of spans in error traces (`-`: as generated), minutes of a window."""

CONTEXT = (
    "error_events", "sampled_spans", "sampled_log_records", "incident_paths",
    "incident_path_days", "incident_path_groups",
)  # fmt: skip
"""Tables that hold errors in full and the sample: they grow with the share of errors."""
WINDOWS = (
    "endpoint_minutes", "call_graph_minutes", "endpoint_hours", "operation_minutes",
    "log_statement_minutes",
)  # fmt: skip
"""Tables that grow with windows, endpoints and edges, up to the number of events."""


def size_of(tables: Figures, key: str = "bytes") -> int:
    """Bytes of some tables."""
    return sum(table[key] for table in tables.values())


def ratio_of(point: Figures) -> float:
    """How many times smaller Gold is than Bronze, data files alone."""
    return size_of(point["bronze"]) / size_of(point["gold"])


def line_of(point: Figures) -> str:
    """A point as a line of the table."""
    with_logs = (size_of(point["bronze"]) + size_of(point["bronze"], "log_bytes")) / (
        size_of(point["gold"]) + size_of(point["gold"], "log_bytes")
    )
    return (
        f"| {point['events']:,} | {point['error_span_share']:.2%} | {point['window_minutes']} | "
        f"{size_of(point['bronze']) / 1e6:,.1f} | {size_of(point['silver']) / 1e6:,.1f} | "
        f"{size_of(point['gold']) / 1e6:,.2f} | {size_of(point['option_a']) / 1e6:,.2f} | "
        f"{ratio_of(point):.1f} | {with_logs:.1f} |"
    )


def parts_of(point: Figures) -> str:
    """What Gold consists of at a point, as a line of the table."""
    gold = point["gold"]
    context = size_of({name: gold[name] for name in CONTEXT})
    windows = size_of({name: gold[name] for name in WINDOWS})
    columns = [
        (size, f"{name}.{column}")
        for name, table in gold.items()
        for column, size in table["columns"].items()
    ]
    heaviest = ", ".join(
        f"{name} {size / 1e3:,.0f}" for size, name in sorted(columns, reverse=True)[:6]
    )
    return (
        f"| {point['events']:,}, {point['error_span_share']:.2%}, {point['window_minutes']} min | "
        f"{ratio_of(point):.1f} | {context / 1e6:,.2f} | {windows / 1e6:,.2f} | "
        f"{(size_of(gold) - context - windows) / 1e6:,.2f} | {heaviest} |"
    )


def report_of(points: list[Figures]) -> str:
    """The document."""
    base = points[0]
    lines = [
        "# What Gold weighs",
        "",
        "Made by `make prove-storage`: a generated day, Bronze compacted, live data files (zstd). "
        "Gold is Option B: all tables but Option A, traffic and features. The last column counts "
        "Delta's logs too.",
        "",
        "| events | spans in error traces | window, minutes | Bronze MB | Silver MB | Gold MB | "
        "Option A MB | Bronze / Gold | with logs |",
        "|---|---|---|---|---|---|---|---|---|",
        *map(line_of, points),
        "",
        f"Kept spans at the first point: {base['kept_spans']:,} of those of "
        f"{base['events']:,} events. The files of a day that was generated: "
        f"{base['raw_bytes'] / 1e6:,.0f} MB, packed in part.",
        "",
        f"## Where {SMALLER} is out of reach, and why",
        "",
        "Errors are kept in full with their whole traces, so context grows with their share: the "
        "spans of error traces, at the bytes of a kept span below, are a share of Bronze that "
        "no window saves. Windows of a minute hold few requests each, and the exact percentiles of "
        "each are four doubles that hardly compress. In a small day the fixed bytes of a file "
        "(footer, dictionaries) weigh as much as its rows, and each endpoint has its windows "
        "whether it was called once or a hundred times.",
        "",
        "| point | Bronze / Gold | context MB | windows MB | rest MB | the heaviest columns, kB |",
        "|---|---|---|---|---|---|",
        *(parts_of(point) for point in points if ratio_of(point) < SMALLER or point is base),
        "",
        "## Where the bytes are, at the first point",
        "",
        "| table | rows | kB | bytes a row | the heaviest columns, kB |",
        "|---|---|---|---|---|",
    ]
    for name, table in sorted(base["gold"].items(), key=lambda item: -item[1]["bytes"]):
        columns = sorted(table["columns"].items(), key=lambda item: -item[1])[:8]
        heaviest = ", ".join(f"{column} {size / 1e3:,.1f}" for column, size in columns)
        lines.append(
            f"| {name} | {table['rows']:,} | {table['bytes'] / 1e3:,.1f} | "
            f"{table['bytes'] / max(table['rows'], 1):,.1f} | {heaviest} |"
        )
    return "\n".join(lines) + "\n"


def test_gold_is_25_times_smaller_than_bronze() -> None:
    points: list[Figures] = []
    for events, share, windows in POINTS:
        name = f"{events}-{share}"
        points += figures_of(FOLDER, name, "storage_points.py", events, share, *windows)
        # after each point, so that a proof that is cut short leaves what it found
        report = report_of(points)
        (PROJECT / "docs" / "results" / "storage.md").write_text(report, encoding="utf-8")
        print(report)
    base = points[0]
    assert base["error_span_share"] <= 0.02
    assert ratio_of(base) >= SMALLER
