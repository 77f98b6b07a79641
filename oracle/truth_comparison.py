"""A generated set tells its own truth: verdicts and incidents in `truth/`, against the lake.

The generator wrote them while it made the events, before anybody read these.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oracle.differences import Comparison, difference_of
from oracle.lake_reading import Lake
from oracle.raw_reading import UnreadableSetError

VERDICTS, INCIDENTS = "verdicts.jsonl.gz", "incidents.json"

Verdict = tuple[str, bool, bool, str]


@dataclass(frozen=True, slots=True)
class Truth:
    """Class, is_fatal, is_kept and threshold by trace; trace ids by incident."""

    verdicts: dict[str, Verdict]
    incidents: dict[str, list[str]]


def read_truth(folder: Path) -> Truth | None:
    """Read `truth/` below a folder of raw files; None if there is none.

    Raises UnreadableSetError if a file of it cannot be read.
    """
    path = folder / "truth" / VERDICTS
    if not path.is_file():
        return None
    incidents = folder / "truth" / INCIDENTS
    try:
        told = json.loads(incidents.read_text("utf-8")) if incidents.is_file() else []
        return Truth(dict(_verdicts(path)), {one["id"]: one["affected_trace_ids"] for one in told})
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise UnreadableSetError(f"{path.parent} cannot be read: {error!r}") from error


def _verdicts(path: Path) -> Iterator[tuple[str, Verdict]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            told: dict[str, Any] = json.loads(line)
            yield told["trace_id"], (
                told["sample_class"], told["is_fatal"], told["is_kept"],
                told["sampling_threshold"],
            )  # fmt: skip


def compare_truth(truth: Truth, lake: Lake, comparison: Comparison) -> None:
    """Compare the verdicts with `silver.traces`, the incidents with `gold.incident_paths`."""
    comparison.differences.append(
        difference_of(
            "silver.traces (trace), against the truth: class, is_fatal, is_kept, threshold",
            truth.verdicts.items(),
            (
                (trace_id, (sample_class, bool(is_fatal), bool(is_kept), threshold))
                for trace_id, sample_class, is_kept, is_fatal, threshold, *_ in lake.rows(
                    "silver.traces"
                )
            ),
        )
    )
    found = {row[0] for row in lake.rows("gold.incident_paths")}
    for incident, trace_ids in truth.incidents.items():
        failed = {t for t in trace_ids if t in truth.verdicts and truth.verdicts[t][0] == "error"}
        comparison.figure(
            f"gold.incident_paths: error traces of incident {incident}",
            len(failed),
            len(failed & found),
        )
