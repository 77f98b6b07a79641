"""`python -m oracle reports DIR`: inputs after reports of users, against what was expected of them.

Each folder below DIR is a case: files that are ingested and built, all cases in one lake. What a
case expects stands in a file of JSON lines:

    {"case": "02-levels", "what": "levels", "sql": "select …", "expect": [17, null]}

The SQL is DuckDB's. It reads the tables of the lake as `layer_table`, and these of the case's
records alone: `records` (its rows of all Bronze tables; `record` says of which), `spans`,
`log_records`, `traces`, `calls`, `changes` (Silver), `error_events`, `patterns`, `windows` (Gold).
One column gives a list of values, several give lists. `"absent": "text"` expects that no text of
Silver and Gold holds it. Exit codes: 0 all as expected, 1 not, 2 nothing to compare.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from oracle.lake_reading import LakeError

AS_EXPECTED, DIFFERENT, NOTHING_TO_COMPARE = 0, 1, 2
EXPECTED = Path(__file__).parents[1] / "tests" / "reports.jsonl"
_RECORDS = """
    create or replace temp table records as
    select 'span' as record, start_time_unix_nano as time_ns, * exclude (
        start_time_unix_nano, partition_date)
    from bronze_spans where contains(source_file, $place) and not source_file like '%.md'
    union all by name
    select 'log' as record, time_unix_nano as time_ns, * exclude (time_unix_nano, partition_date)
    from bronze_log_records where contains(source_file, $place) and not source_file like '%.md'
    union all by name
    select 'change' as record, time_unix_nano as time_ns, * exclude (time_unix_nano, partition_date)
    from bronze_changes where contains(source_file, $place) and not source_file like '%.md'
    union all by name
    select 'reject' as record, * exclude (partition_date)
    from bronze_rejected_records where contains(source_file, $place) and not source_file like '%.md'
"""
_OF_TRACES = (
    "coalesce(trace_id, record_hash) in (select coalesce(trace_id, record_hash) from records)"
)
_VIEWS = {
    "spans": f"from silver_spans where {_OF_TRACES}",
    "log_records": f"from silver_log_records where {_OF_TRACES}",
    "traces": "from silver_traces where trace_id in (select trace_id from records)",
    "calls": "from silver_service_calls where trace_id in (select trace_id from records)",
    "error_events": f"from gold_error_events where {_OF_TRACES}",
    "patterns": "from gold_error_patterns "
    "where fingerprint in (select fingerprint from error_events)",
    "windows": "from gold_endpoint_minutes where (service, environment) in "
    "(select (service, environment) from spans)",
    "changes": "from silver_changes where change_id in (select change_id from records) or ("
    "change_id is null and attributes in (select attributes from records where record = 'change'))",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.description = (
        "Ingest and build all cases below a folder, and compare with what a file expects of each. "
        "Exit code 0: all as expected; 1: something is not; 2: no folder, or no expectation."
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="folder with a folder a case")
    parser.add_argument(
        "--expect",
        metavar="FILE",
        type=Path,
        default=EXPECTED,
        help="JSON lines (tests/reports.jsonl)",
    )
    parser.add_argument(
        "--lake", metavar="LAKE", type=Path, help="compare with this lake instead of building one"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    try:
        expectations = _expectations(arguments.expect, arguments.folder)
        if arguments.lake:
            wrong = compare(arguments.lake, expectations)
        else:
            with tempfile.TemporaryDirectory(prefix="tracekeep-reports-") as folder:
                lake = Path(folder, "lake")
                _build(lake, arguments.folder)
                wrong = compare(lake, expectations)
    except LakeError as error:
        print(f"reports: {error}", file=sys.stderr)
        return NOTHING_TO_COMPARE
    print(f"\n{len(expectations)} expectations, {wrong} wrong")
    return DIFFERENT if wrong else AS_EXPECTED


def compare(lake: Path, expectations: list[dict[str, Any]]) -> int:
    """Print a table of all expectations and what came out; returns how many are wrong."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    tables = dict(_tables(lake))
    for name, table in tables.items():
        connection.register(name, table)
    wrong, case = 0, None
    print("| case | what | expected | got | |\n|---|---|---|---|---|")
    for each in expectations:
        if each["case"] != case:
            case = each["case"]
            connection.execute(_RECORDS, {"place": f"/{case}/"})
            for name, source in _VIEWS.items():
                connection.execute(f"create or replace temp table {name} as {source}")
        expected, got = _outcome(connection, tables, each)
        is_right = expected == got
        wrong += not is_right
        cells = (
            case,
            each.get("what", ""),
            _shown(expected),
            _shown(got),
            "" if is_right else "WRONG",
        )
        print("| " + " | ".join(cells) + " |")
    return wrong


def _outcome(connection: Any, tables: dict[str, Any], each: dict[str, Any]) -> tuple[Any, Any]:
    if "absent" in each:
        found = [name for name in tables if _holds(connection, name, each["absent"])]
        return [], found
    try:
        rows = connection.execute(each["sql"]).fetchall()
    except Exception as error:  # a wrong expectation is told, and the others still compared
        return each["expect"], f"{type(error).__name__}: {error}"
    values = [row[0] if len(row) == 1 else list(row) for row in rows]
    return each["expect"], json.loads(json.dumps(values, default=str))


def _holds(connection: Any, name: str, text: str) -> bool:
    if not name.startswith(("silver_", "gold_")):
        return False
    query = f"select count(*) from {name} t where contains(cast(to_json(t) as varchar), $text)"  # noqa: S608 - a table of the lake
    return connection.execute(query, {"text": text}).fetchone()[0] > 0


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False).replace("|", "\\|")
    return text if len(text) <= 200 else text[:200] + "…"


def _expectations(path: Path, folder: Path) -> list[dict[str, Any]]:
    if not folder.is_dir():
        raise LakeError(
            f"{folder} is no folder: pass one with cases, as in `make test-reports DIR=FOLDER`"
        )
    if not path.is_file():
        raise LakeError(f"no expectations at {path}: name a file with EXPECT=FILE")
    lines = path.read_text(encoding="utf-8").splitlines()
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            found.append(json.loads(line))
        except ValueError as error:
            raise LakeError(f"{path}, line {number}: {error}") from error
        if not {"case"} <= found[-1].keys() or not (
            "absent" in found[-1] or {"sql", "expect"} <= found[-1].keys()
        ):
            raise LakeError(f"{path}, line {number}: it needs case, and sql and expect, or absent")
    missing = sorted({each["case"] for each in found if not (folder / each["case"]).is_dir()})
    if missing:
        raise LakeError(f"{folder} has no case {', '.join(missing)}")
    if not found:
        raise LakeError(f"{path} expects nothing")
    return found


def _build(lake: Path, folder: Path) -> None:
    outcome = subprocess.run(  # noqa: S603 - our own command on a folder that the user names
        [sys.executable, "-m", "tracekeep", "run", str(folder.resolve())],
        env={**os.environ, "TRACEKEEP_LAKE": str(lake)}, check=False, stdout=sys.stderr,
    )  # fmt: skip
    if outcome.returncode:
        raise LakeError(f"the cases of {folder} could not be built; see above")


def _tables(lake: Path) -> Iterator[tuple[str, Any]]:
    """Name and rows of each table of the lake: `layer_table`."""
    from deltalake import DeltaTable

    for log in sorted(lake.glob("*/*/_delta_log")):
        table = DeltaTable(str(log.parent)).to_pyarrow_table()
        yield f"{log.parent.parent.name}_{log.parent.name}", table
