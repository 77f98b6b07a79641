"""Files of any bytes, and what must be in Bronze after they were read (R1)."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections import defaultdict
from pathlib import Path
from typing import Any

import oddities
import pyarrow as pa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from reading import TIME, docker, write

from tracekeep.readers.protobuf import ZSTD_MAGIC

TABLES = ("spans", "log_records", "changes", "rejected_records")
_ID = {"traceId": "4bf92f3577b34da6", "id": "abc", "timestamp": 1_768_212_000_000_000}
_JAEGER = {"traceID": "a", "spanID": "b", "startTime": 1_768_212_000_000_000, "duration": 1}
_CHANGE = {"context": {"id": "1", "timestamp": TIME, "type": "t"}, "subject": {"id": "s"}}
FRAGMENTS = st.sampled_from(
    [
        *(line.encode() for line in oddities.timely()[:12]),
        *(json.dumps(value).encode() for value in (
            _ID, [_ID], [[_ID]], _JAEGER, _CHANGE,
            {"data": [{"spans": [_JAEGER], "processes": {}}]},
            {"ts": TIME, "msg": "m", "level": "error"}, {"ts": 0, "msg": "m"}, {"kind": "Event"},
            {"resourceSpans": 7}, {"resourceSpans": []}, {"batches": [{"scopeSpans": [{}]}]},
            {"trace": {"resourceSpans": [{"scopeSpans": [{"spans": [{}]}]}]}}, {}, [], None, "x", 7,
        )),
        *(TIME.encode() + line for line in (
            b" stdout F fine", b" stdout P part", b" stderr F \tat a.B.c(D.java:1)",
            b" stdout F java.lang.Error: x", b" stdout F",
            b" stdout F Traceback (most recent call last):",
        )),
        docker("docker\n").encode(), docker("part").encode(), b'{"log": 7}', b'{"log": "a\\ud83d"}',
        b"{", b"[[[[", b"\x1f\x8b", b"\xff\xfe\x00", b"\xef\xbb\xbf{}", b"\r", b"[" * 2000, b"NaN",
    ]
)  # fmt: skip
LINES = st.lists(st.one_of(FRAGMENTS, st.binary(max_size=40)), max_size=8).map(b"\n".join)
CONTENTS = st.one_of(
    st.binary(max_size=300),
    LINES,
    LINES.map(gzip.compress),
    st.tuples(LINES, st.integers(1, 30)).map(lambda cut: gzip.compress(cut[0])[: -cut[1]]),
)


def write_cases(folder: Path, count: int) -> list[Path]:
    """Files of any bytes, half of them as logs of a pod; returns their paths."""
    paths: list[Path] = []

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(content=CONTENTS, is_pod=st.booleans())
    def write_case(content: bytes, is_pod: bool) -> None:
        number = len(paths)
        name = f"{number % 100}/ns_pod-{number}_uid/app/0.log" if is_pod else f"f{number}.json"
        paths.append(write(folder, name, content))

    write_case()
    return paths


def assert_nothing_lost(lake: Path, paths: list[Path]) -> None:
    """Each line of each file is a Bronze row or a rejected one, or part of one; fails with the
    first files of which something is missing."""
    rows = _rows_by_file(lake)
    formats = {
        row["source_file"]: row["source_format"]
        for row in _table(lake, "ingest_files", ["source_file", "source_format"]).to_pylist()
    }
    wrong = [
        f"{path}: {path.read_bytes()!r:.300}\n  rows: {rows[str(path)]!r:.300}"
        for path in paths
        if not _is_whole(path.read_bytes(), rows[str(path)], formats.get(str(path)))
    ]
    assert not wrong, f"{len(wrong)} of {len(paths)} files:\n" + "\n".join(wrong[:5])


def _table(lake: Path, name: str, columns: list[str]) -> pa.Table:
    from deltalake import DeltaTable

    return DeltaTable(str(lake / "bronze" / name)).to_pyarrow_table(columns=columns)


def _rows_by_file(lake: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for table in TABLES:
        for row in _table(lake, table, ["source_file", "source_position", "raw_text"]).to_pylist():
            found[row["source_file"]].append({**row, "table": table})
    return found


def _is_whole(content: bytes, rows: list[dict[str, Any]], source_format: str | None) -> bool:
    if content.startswith(b"\x1f\x8b"):
        try:
            content = gzip.decompress(content)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            return any(row["table"] == "rejected_records" for row in rows)
    if content.startswith(ZSTD_MAGIC):  # none of these is a whole stream
        return any(row["table"] == "rejected_records" for row in rows)
    # what begins as a message is one, and rejected whole
    if [row["raw_text"] for row in rows] == [base64.b64encode(content).decode()]:
        return True
    lines = [line.rstrip(b"\r\n") for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    lines = [line for line in lines if line.strip()]
    if source_format == "pod_log":
        expected = sorted(line.decode("utf-8", "replace") for line in lines)
        return sorted(line for row in rows for line in row["raw_text"].split("\n")) == expected
    if source_format == "json_document":
        return bool(rows) or _is_empty_request(b"\n".join(lines))
    filled = [line for line in lines if not _is_empty_request(line)]
    return len({row["source_position"] for row in rows}) == len(filled)


def _is_empty_request(text: bytes) -> bool:
    """Whether a text is an export request, or an answer, that holds nothing."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return value in (
        {"resourceSpans": []},
        {"batches": [{"scopeSpans": [{}]}]},
    )
