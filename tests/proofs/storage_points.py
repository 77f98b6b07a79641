"""What the layers weigh for one generated input; a process, since a session has one lake.

`python storage_points.py FOLDER EVENTS SHARE WINDOWS…` builds a lake in FOLDER from EVENTS events
of one day, SHARE of whose spans are in error traces (`-`: as generated), and prints one JSON line
per length of a window in minutes.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import commands
from lake_costs import column_bytes

OPTION_B = (
    "build_versions", "call_graph_minutes", "change_effects", "endpoint_hours", "endpoint_minutes",
    "environment_days", "error_events", "error_pattern_days", "error_patterns",
    "incident_path_days", "incident_path_groups", "incident_paths", "log_statement_days",
    "log_statement_minutes", "operation_minutes", "sampled_log_records", "sampled_spans",
    "service_version_days",
)  # fmt: skip
OPTION_A = ("endpoint_minutes_aggregated",)
FURTHER = ("anomaly_features", "anomaly_features_aggregated", "endpoint_traffic_hours")
VIEWS = ("endpoint_minutes_aggregated", "anomaly_features_aggregated", "endpoint_traffic_hours")
"""Views of Gold, which are weighed as the tables that they would be."""
BRONZE = ("spans", "log_records", "changes", "rejected_records", "ingest_batches", "ingest_files")


def main(folder: Path, events: int, share: str, windows: list[int]) -> None:
    """Build the lake and print what it weighs."""
    lake, day = folder / "lake", folder / "day"
    os.environ["TRACEKEEP_LAKE"] = str(lake)
    wanted = [] if share == "-" else ["--error-share", share]
    for words in (("generate", day, "--events", events, "--seed", 1, *wanted), ("ingest", day)):
        code, _, err = commands.finish(commands.start(*words))
        assert code == 0, err
    counts = json.loads((day / "truth" / "manifest.json").read_text(encoding="utf-8"))["counts"]
    raw = sum(path.stat().st_size for path in day.rglob("*") if path.is_file())
    raw -= sum(path.stat().st_size for path in (day / "truth").rglob("*"))
    shutil.rmtree(day)

    from tracekeep.dbt import dbt
    from tracekeep.session import spark_session

    spark = spark_session(hive=True)
    dbt("run", "--select", "silver")
    for table in BRONZE[:2]:
        spark.sql(f"optimize bronze.{table}")
    for number, minutes in enumerate(windows):
        again = ["--full-refresh"] if number else []
        variables = f"{{window_minutes: {minutes}, rebuild: {'true' if again else 'false'}}}"
        dbt("run", "--select", "gold", *again, "--vars", variables)
        for view in VIEWS:
            rows = spark.table(f"gold.{view}").write.format("delta").mode("overwrite")
            rows.option("parquet.compression.codec.zstd.level", "9").save(str(lake / "gold" / view))
        print(
            json.dumps({
                "events": events,
                "share": share,
                "error_span_share": counts["error_trace_spans"] / counts["spans"],
                "kept_spans": weights(lake, "gold", ["sampled_spans"])["sampled_spans"]["rows"],
                "window_minutes": minutes,
                "raw_bytes": raw,
                "bronze": weights(lake, "bronze", BRONZE),
                "silver": weights(lake, "silver", names(lake, "silver")),
                "gold": weights(lake, "gold", OPTION_B),
                "option_a": weights(lake, "gold", OPTION_A),
                "further": weights(lake, "gold", FURTHER),
            }),
            flush=True,
        )  # fmt: skip


def names(lake: Path, layer: str) -> list[str]:
    """The tables of a layer."""
    return sorted(log.parent.name for log in (lake / layer).glob("*/_delta_log"))


def weights(lake: Path, layer: str, tables: Any) -> dict[str, dict[str, Any]]:
    """By table its rows, live bytes, bytes of its log, and compressed bytes by column."""
    found = {}
    for name in tables:
        rows, size, columns = column_bytes(lake / layer / name)
        log = sum(
            path.stat().st_size
            for path in (lake / layer / name / "_delta_log").rglob("*")
            if path.is_file()
        )
        found[name] = {"rows": rows, "bytes": size, "log_bytes": log, "columns": dict(columns)}
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], [int(word) for word in sys.argv[4:]])
