"""What each step costs for one generated day; a process, since a session has one lake.

`python growth_point.py FOLDER EVENTS` builds a lake in FOLDER and prints one JSON line.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import commands
import processes
from lake_costs import column_bytes

LAYERS = ("bronze", "silver", "gold")


def main(folder: Path, events: int) -> None:
    """Build the lake step by step and print the figures of each step and layer."""
    day, lake = folder / "day", folder / "lake"
    os.environ["TRACEKEEP_LAKE"] = str(lake)
    code, _, err = commands.finish(commands.start("generate", day, "--events", events, "--seed", 1))
    assert code == 0, err
    from tracekeep.dbt import dbt
    from tracekeep.ingest import Options, ingest
    from tracekeep.session import spark_session

    spark = spark_session(hive=True)
    steps = {
        "ingest": lambda: ingest(spark, [day], Options()),
        "silver": lambda: dbt("run", "--select", "silver"),
        "gold": lambda: dbt("run", "--select", "gold"),
        "tests": lambda: dbt("test", "--select", "test_type:data"),
        "nothing new": lambda: dbt("run"),
    }
    figures = {name: cost_of(step) for name, step in steps.items()}
    layers = {layer: weights(lake / layer) for layer in LAYERS}
    print(json.dumps({"events": events, "steps": figures, "layers": layers}), flush=True)


def cost_of(step: Callable[[], object]) -> dict[str, Any]:
    """Wall and CPU seconds, and peak resident bytes of the processes by name."""
    started, cpu = time.monotonic(), processes.cpu_seconds(os.getpid())
    for pid in processes.family(os.getpid()):
        with suppress(FileNotFoundError):  # it ended meanwhile
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak so far is forgotten
    with processes.peak_memory(os.getpid()) as peaks:
        step()
    return {
        "wall": time.monotonic() - started,
        "cpu": processes.cpu_seconds(os.getpid()) - cpu,
        "peaks": peaks,
    }


def weights(layer: Path) -> dict[str, dict[str, int]]:
    """By table its rows, live bytes and live files."""
    from deltalake import DeltaTable

    found = {}
    for log in sorted(layer.glob("*/_delta_log")):
        rows, size, _ = column_bytes(log.parent)
        files = len(DeltaTable(str(log.parent)).file_uris())
        found[log.parent.name] = {"rows": rows, "bytes": size, "files": files}
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
