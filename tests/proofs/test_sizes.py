"""Bounded memory: a million events, one file of 2 GiB, 100,000 small files."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import commands
import oddities
import processes

GIB = 1 << 30
WORKER_BYTES = 1 * GIB
DRIVER = "2g"


def ingested(folder: Path) -> tuple[dict[str, int], dict[str, int]]:
    """Books of an ingest with 2 GB of driver heap, and peak memory by process name."""
    process = commands.start("ingest", folder, TRACEKEEP_DRIVER_MEMORY=DRIVER)
    with processes.peak_memory(process.pid) as peaks:
        code, out, err = commands.finish(process, 3000)
    assert code == 0, err
    books = json.loads(out.splitlines()[-1])
    shown = {name: f"{size / GIB:.2f} GiB" for name, size in peaks.items()}
    print(books, shown, err.splitlines()[-1], sep="\n")
    assert books["read"] == books["bronze"] + books["rejected"]
    workers = [size for name, size in peaks.items() if name.startswith("python")]
    assert max(workers) < WORKER_BYTES, shown
    return books, peaks


def test_a_million_events(tmp_path: Path, lake: Path) -> None:
    day = tmp_path / "day"
    code, _, err = commands.finish(
        commands.start("generate", day, "--events", 1_000_000, "--seed", 1)
    )
    assert code == 0, err
    books, _ = ingested(day)
    assert books["bronze"] >= 1_000_000


def test_one_file_of_two_gibibytes(tmp_path: Path, lake: Path) -> None:
    path = tmp_path / "input" / "big.jsonl"
    path.parent.mkdir()
    line = oddities.span("ab" * 16, "cd" * 8, attributes={"text": "x" * 2000}).encode() + b"\n"
    count = 2 * GIB // len(line) + 1
    with path.open("wb") as file:
        block = line * 1000
        for _ in range(count // 1000):
            file.write(block)
        file.write(line * (count % 1000))
    assert os.path.getsize(path) >= 2 * GIB
    books, _ = ingested(path.parent)
    assert books["spans"] == count


def test_a_compressed_file_of_two_gibibytes(tmp_path: Path, lake: Path) -> None:
    """One task reads it from its start: its memory must not grow with it."""
    path = tmp_path / "input" / "ns_pod_uid" / "app" / "0.log.20260112-100000.gz"
    path.parent.mkdir(parents=True)
    noise = os.urandom(600).hex()
    line = f"2026-01-12T10:00:00.000000001Z stdout F {noise}\n".encode()
    count = 2 * GIB // len(line) + 1
    with gzip.open(path, "wb", compresslevel=1) as file:
        block = line * 1000
        for _ in range(count // 1000):
            file.write(block + os.urandom(8 << 10).hex().encode() + b"\n")
        file.write(line * (count % 1000))
    books, _ = ingested(path.parents[2])
    assert books["log_records"] == count
    assert books["rejected"] == count // 1000


def test_a_hundred_thousand_small_files(tmp_path: Path, lake: Path) -> None:
    count = 100_000
    folder = tmp_path / "input"
    text = oddities.span("ab" * 16, "cd" * 8)
    for number in range(count):
        path = folder / f"{number % 100}" / f"{number}.json"
        if number < 100:
            path.parent.mkdir(parents=True)
        path.write_text(text)
    books, _ = ingested(folder)
    assert (books["spans"], books["files"]) == (count, count)
    again = commands.books_of("ingest", folder)
    assert (again["read"], again["skipped_files"]) == (0, count)
