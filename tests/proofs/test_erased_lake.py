"""R12: erased traces and a subject leave every file of a lake, and all counts stay.

A generated day is built by `tracekeep run`, traces and a subject are erased, and all tests hold. Of
a tenth of it an erasure is killed and goes on, a second one runs through; then the same files are
ingested again under another name, and all is built from Bronze.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import commands
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from tracekeep.lake import PROJECT

EVENTS = int(os.environ.get("TRACEKEEP_PROVE_EVENTS", "1000000"))
TRACES, KILLED = 50, 5
"""Traces that are erased by their ids, and how many of them by the erasure that is killed."""
KEYS = {
    "gold.endpoint_minutes": "window_start environment region service endpoint",
    "gold.endpoint_hours": "window_start environment region service endpoint",
    "gold.call_graph_minutes":
        "window_start environment region source_service target_service target_type",
    "gold.environment_days": "environment partition_date",
    "gold.service_version_days": "environment partition_date service service_version",
}  # fmt: skip
CHANGING = {
    "bronze_version", "silver_version", "kept_trace_count", "pattern_count",
}  # fmt: skip
"""Numbers that are no counts of what happened: versions; what the sample keeps; patterns, of which
those of erased failures become one."""


def table(lake: Path, name: str, columns: list[str] | None = None) -> list[dict[str, Any]]:
    folder = lake.joinpath(*name.split("."))
    rows = DeltaTable(str(folder)).to_pyarrow_table(columns=columns)
    return rows.to_pylist(maps_as_pydicts="lossy")


def numbers(lake: Path) -> dict[tuple[str, ...], dict[str, Any]]:
    """By table and key: all numbers of a row, to nine digits."""
    found = {}
    for name, keys in KEYS.items():
        for row in table(lake, name):
            key = (name, *(str(row[column]) for column in keys.split()))
            found[key] = {
                column: round(value, 9) if isinstance(value, float) else value
                for column, value in row.items()
                if isinstance(value, int | float) and column not in CHANGING
            }
    return found


def chosen(lake: Path) -> list[str]:
    """Traces to erase: a fifth with errors, the others without, some with links."""
    traces = table(lake, "silver.traces", ["trace_id", "sample_class", "linked_trace_ids"])
    traces.sort(key=lambda trace: trace["trace_id"])
    failed = [t["trace_id"] for t in traces if t["sample_class"] == "error"]
    linking = [t["trace_id"] for t in traces if t["linked_trace_ids"]]
    first = list(dict.fromkeys([*failed[: TRACES // 5], *linking[:2]]))
    others = (t["trace_id"] for t in traces if t["trace_id"] not in first)
    return [*first, *others][:TRACES]


def span_ids(lake: Path, traces: Iterable[str]) -> set[str]:
    wanted = set(traces)
    rows = table(lake, "bronze.spans", ["trace_id", "span_id"])
    return {row["span_id"] for row in rows if row["trace_id"] in wanted}


def files_with(lake: Path, texts: Iterable[str]) -> Counter[str]:
    """How many files of the lake's layers hold each text, values of Parquet decoded as JSON."""
    found: Counter[str] = Counter()
    for path in sorted(path for layer in ("bronze", "silver", "gold") for path in
                       (lake / layer).rglob("*") if path.is_file()):  # fmt: skip
        found.update(those_in(said_by(path), texts))
    return found


def those_in(said: Iterable[str], texts: Iterable[str]) -> set[str]:
    """Which of the texts something says. GNU grep looks for hundreds of them at once."""
    words = [word for text in texts for word in ("-e", text)]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as matches:
        with subprocess.Popen(  # noqa: S603 - ids as arguments, no shell
            ["grep", "-aoF", *words],  # noqa: S607 - wherever it is installed
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=matches,
            encoding="utf-8",
            errors="replace",
        ) as grep:
            assert grep.stdin is not None
            for part in said:
                grep.stdin.write(part + "\n")
        assert grep.returncode in (0, 1)
        matches.seek(0)
        return set(matches.read().split("\n")) - {""}


def said_by(path: Path) -> Iterator[str]:
    if path.suffix != ".parquet":
        yield path.read_bytes().decode("utf-8", "replace")
        return
    with pq.ParquetFile(path) as parquet:
        for group in range(parquet.metadata.num_row_groups):
            for column in range(parquet.metadata.num_columns):
                yield str(parquet.metadata.row_group(group).column(column).statistics)
        for rows in parquet.iter_batches(10_000):
            yield json.dumps(rows.to_pylist(), default=str)


def finished(*words: object) -> str:
    code, out, err = commands.finish(commands.start(*words), seconds=5400)
    assert code == 0, f"{words}: {out[-3000:]}{err[-3000:]}"
    # on generated data the statistics of the sample are a gate
    assert "statistics warn" not in err, err[-3000:]
    return out


def words_of(traces: Iterable[str]) -> list[str]:
    return [word for trace in traces for word in ("--trace", trace)]


@dataclass(frozen=True)
class Asked:
    """What is to be erased of a lake: traces by their ids, others by an order that they name; the
    spans and records of all of them; a trace that stays."""

    traces: list[str]
    order: str
    everyone: set[str]
    spans: set[str]
    record_count: int
    bystander: str


def built(lake: Path, day: Path, events: int) -> tuple[Asked, dict[tuple[str, ...], Any]]:
    """Build a lake of a generated day; returns what is to be erased of it, and its numbers."""
    finished("generate", day, "--events", events, "--seed", 1)
    shutil.rmtree(day / "truth")
    finished("run", day)
    traces = chosen(lake)
    order = next(
        row["attributes"]["payments.order"]
        for row in table(lake, "silver.log_records", ["trace_id", "attributes"])
        if row["trace_id"] not in traces and "payments.order" in row["attributes"]
    )
    logs = table(lake, "bronze.log_records", ["trace_id", "attributes"])
    subjects = {row["trace_id"] for row in logs if row["attributes"].get("payments.order") == order}
    everyone = {*traces, *subjects}
    records = sum(
        row["trace_id"] in everyone
        for name in ("bronze.spans", "bronze.log_records")
        for row in table(lake, name, ["trace_id"])
    )
    bystander = next(
        row["trace_id"]
        for row in table(lake, "silver.traces", ["trace_id"])
        if row["trace_id"] not in everyone
    )
    assert len(files_with(lake, {*everyone, bystander})) == len(everyone) + 1
    asked = Asked(traces, order, everyone, span_ids(lake, everyone), records, bystander)
    return asked, numbers(lake)


def assert_gone(lake: Path, asked: Asked) -> None:
    found = files_with(lake, {*asked.everyone, *asked.spans, asked.order, asked.bystander})
    assert set(found) == {asked.bystander}, found


@pytest.mark.usefixtures("lake")
def test_what_is_erased_is_gone_and_all_counts_stay(lake: Path, tmp_path: Path) -> None:
    asked, before = built(lake, tmp_path / "day", EVENTS)
    out = finished("erase", *words_of(asked.traces), "--subject", f"payments.order={asked.order}")
    assert f"{len(asked.everyone):,} traces" in out and "nothing of it is left" in out
    report(out)
    assert_gone(lake, asked)
    assert numbers(lake) == before
    # there is nothing new; all data tests of the project hold
    finished("run", tmp_path / "day")
    assert numbers(lake) == before


@pytest.mark.usefixtures("lake")
def test_an_erasure_that_was_killed_goes_on_and_outlives_the_same_records(
    lake: Path, tmp_path: Path
) -> None:
    day, again = tmp_path / "day", tmp_path / "again"
    asked, before = built(lake, day, EVENTS // 10)
    process = commands.start("erase", *words_of(asked.traces[:KILLED]))
    for line in process.stderr or []:
        if "gold.endpoint_minutes" in line:
            break
    os.killpg(process.pid, 9)
    process.wait()
    # without being told what
    out = finished("erase")
    assert f"erased: {KILLED} traces" in out and "nothing of it is left" in out
    assert numbers(lake) == before

    rest = words_of(asked.traces[KILLED:])
    out = finished("erase", *rest, "--subject", f"payments.order={asked.order}")
    assert "nothing of it is left" in out
    assert_gone(lake, asked)
    assert numbers(lake) == before

    # the same records again, under another name: refused, and the windows are as they were
    shutil.copytree(day, again)
    finished("run", again)
    reasons = Counter(row["reason"] for row in table(lake, "bronze.rejected_records", ["reason"]))
    assert reasons["erased"] == asked.record_count
    assert numbers(lake) == before
    # but for what records of other traces name, which came again too: a limit of docs/erasure.md
    named = {
        link["trace_id"]
        for row in table(lake, "bronze.spans", ["trace_id", "links"])
        if row["trace_id"] not in asked.everyone
        for link in row["links"] or []
    } & asked.everyone
    assert set(files_with(lake, {*asked.everyone, asked.order, asked.bystander})) == {
        asked.bystander, *named,
    }  # fmt: skip

    code, out, _ = commands.finish(commands.start("incident", "--trace", asked.traces[0]))
    assert code == 4 and "erased" in out

    finished("rebuild")
    assert numbers(lake) == before


def report(out: str) -> None:
    """Write what an erasure told, without the names of raw files."""
    heads = ("erased: ", "table ", "on disk: ", "proof: ", "bronze.", "silver.", "gold.")
    lines = [
        "# What an erasure costs",
        "",
        f"Told by `tracekeep erase` on a generated day of {EVENTS:,} events: rows that became "
        "anonymous in place, bytes of the files that were written for it, the oldest version that "
        "can be read.",
        "",
        "```",
        *(line for line in out.splitlines() if line.startswith(heads)),
        "```",
    ]
    (PROJECT / "docs" / "results" / "erasure.md").write_text(
        "\n".join(lines) + "\n", encoding="utf-8"
    )
