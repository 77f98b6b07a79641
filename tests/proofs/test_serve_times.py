"""How long `tracekeep serve` takes for one trace by its id, over HTTP; writes
docs/results/serve.md.

TRACEKEEP_SERVE_LAKE names a lake; without it, a day of TRACEKEEP_PROVE_EVENTS is built, and each of
its traces written COPIES more times (more_traces.py).
"""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path
from urllib.request import urlopen

import commands
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable
from served import serving

from tracekeep.lake import PROJECT

EVENTS = int(os.environ.get("TRACEKEEP_PROVE_EVENTS", "300000"))
COPIES = 47
"""Of a day of 300,000 events, of which 210,000 are spans: 10 million spans."""
TRACES = 300
NEEDED_MS = 100
"""What a user is promised for 95 of 100 traces, on an idle machine of two cores."""


def test_one_trace_by_its_id(tmp_path: Path) -> None:
    lake = Path(os.environ.get("TRACEKEEP_SERVE_LAKE") or tmp_path / "lake")
    origin = "a lake that was there"
    if not lake.exists():
        origin = f"a generated day of {EVENTS:,} events, its traces under {COPIES} more ids each"
        commands.python("-m", "tracekeep", "generate", tmp_path / "day", "--events", EVENTS)
        commands.python("-m", "tracekeep", "run", tmp_path / "day", TRACEKEEP_LAKE=str(lake))
        commands.python(
            Path(__file__).with_name("more_traces.py"), COPIES, TRACEKEEP_LAKE=str(lake)
        )
    table = DeltaTable(str(lake / "silver" / "spans"))
    held = pc.value_counts(table.to_pyarrow_table(columns=["trace_id"])["trace_id"])
    counts = {
        row["values"].as_py(): row["counts"].as_py() for row in held if row["values"].is_valid
    }
    spans = sum(counts.values())
    asked = random.Random(1).sample(sorted(counts), TRACES + 1)
    took = []
    with serving(lake) as address:
        for trace_id in asked:
            started = time.perf_counter()
            with urlopen(f"{address}/api/traces/{trace_id}") as answer:  # noqa: S310 - http
                text = answer.read()
            took.append((time.perf_counter() - started) * 1000)
            (trace,) = json.loads(text)["data"]
            assert len(trace["spans"]) == counts[trace_id]
    first, *warm = took
    warm.sort()
    files = table.file_uris()
    groups = sum(pq.ParquetFile(file.removeprefix("file://")).num_row_groups for file in files)
    p50, p95 = warm[TRACES // 2], warm[TRACES * 95 // 100]
    line = (
        f"| {spans:,} | {len(counts):,} | {len(files)} | {groups:,} | {first:,.0f} | {p50:,.0f} | "
        f"{p95:,.0f} | {warm[-1]:,.0f} |"
    )
    report = [
        "# One trace by its id, from `tracekeep serve`",
        "",
        f"Made by `make prove-serve` of {origin}: {TRACES} traces of silver.spans, each asked of "
        "`/api/traces/{id}` by a new connection; the first request opens the tables. Each answer "
        f"has as many spans as Silver has rows. What is promised: p95 of {NEEDED_MS} ms on an "
        "idle machine of two cores.",
        "",
        "| spans | traces | files of silver.spans | groups of rows | first, ms | p50, ms | p95, ms "
        "| longest, ms |",
        "|---|---|---|---|---|---|---|---|",
        line,
    ]
    (PROJECT / "docs" / "results" / "serve.md").write_text("\n".join(report) + "\n", "utf-8")
    print(line)
