"""silver.spans of a million events: bytes a span, CPU against DuckDB, the layouts side by side."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import commands
import duckdb
import pytest
from lake_costs import column_bytes, cost_of

from tracekeep.lake import PROJECT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

EVENTS = int(os.environ.get("TRACEKEEP_PROVE_EVENTS", "1000000"))
SET = os.environ.get("TRACEKEEP_PROVE_SET")
"""A folder of real files, for the bytes of their spans too."""

BYTES = 36
TIMES = 6
ATTRIBUTES = ("attributes", "resource_attributes")
UNREDACTED = "redaction_policy: {parts: {}, rules: []}"

DUCKDB = """
    with spans as (
        select
            *,
            coalesce(element_at(resource_attributes, 'service.name')[1], 'unknown_service')
                as service,
            coalesce(
                element_at(attributes, 'http.route')[1],
                element_at(attributes, 'rpc.method')[1],
                element_at(attributes, 'messaging.destination.name')[1],
                name
            ) as endpoint,
            coalesce(element_at(resource_attributes, 'deployment.environment.name')[1], 'unknown')
                as environment,
            try_cast(coalesce(
                element_at(attributes, 'http.response.status_code')[1],
                element_at(attributes, 'http.status_code')[1]
            ) as integer) as http_status_code,
            kind in ('server', 'consumer') as is_server_side,
            status_code = 'Error' as is_error,
            (end_time_unix_nano - start_time_unix_nano) / 1e6 as latency_ms
        from read_parquet({files})
    ),
    resolved as (
        select *
        from spans
        qualify row_number() over (
            partition by trace_id, span_id, record_hash, is_server_side, service,
                start_time_unix_nano
            order by is_error desc, end_time_unix_nano desc, attributes::varchar desc
        ) = 1
    ),
    parents as (
        select trace_id, span_id, list(distinct service) as services from resolved group by all
    )
    select
        r.* exclude (raw_text, source_file, source_position, ingested_at),
        coalesce(r.kind in ('server', 'consumer'), not list_contains(p.services, r.service))
            as is_request,
        r.parent_span_id is not null and p.services is null as is_orphan,
        make_timestamp(r.start_time_unix_nano // 1000)::date as partition_date
    from resolved as r
    left join parents as p on r.trace_id = p.trace_id and r.parent_span_id = p.span_id
    order by r.trace_id, r.start_time_unix_nano
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A lake of its own with a generated day in Bronze."""
    folder = tmp_path_factory.mktemp("proof")
    before = os.environ.get("TRACEKEEP_LAKE")
    os.environ["TRACEKEEP_LAKE"] = str(folder / "lake")
    day = folder / "day"
    for words in (("generate", day, "--events", EVENTS, "--seed", 1), ("ingest", day)):
        code, _, err = commands.finish(commands.start(*words))
        assert code == 0, err
    yield folder / "lake"
    if before is None:
        del os.environ["TRACEKEEP_LAKE"]
    else:
        os.environ["TRACEKEEP_LAKE"] = before


@pytest.fixture(scope="module")
def spark(lake: Path) -> Iterator[SparkSession]:
    """The session over that lake."""
    from tracekeep.session import spark_session

    session = spark_session(hive=True)
    yield session
    session.stop()


def build_spans(*variables: str) -> None:
    """Build silver.spans anew from all of Bronze, with variables of the project."""
    from tracekeep.dbt import dbt

    written = "{" + ", ".join(["rebuild: true", *variables]) + "}"
    dbt("run", "--select", "stg_spans", "spans", "--full-refresh", "--vars", written)


def test_cpu_is_at_most_six_times_that_of_duckdb(
    spark: SparkSession, lake: Path, tmp_path: Path
) -> None:
    from deltalake import DeltaTable

    from tracekeep.dbt import dbt

    files = DeltaTable(str(lake / "bronze" / "spans")).file_uris()
    query = DUCKDB.format(files=[uri.removeprefix("file://") for uri in files])
    peer = []
    for _ in range(2):
        connection = duckdb.connect()
        started = time.process_time()
        out = tmp_path / "peer.parquet"
        connection.execute(f"copy ({query}) to '{out}' (format parquet, compression zstd)")
        peer.append(time.process_time() - started)
    costs = {}
    with cost_of(spark, lake) as costs["all of Silver, cold"]:
        dbt("run", "--select", "silver")
    for name, variables in (
        ("spans, redacted", []),
        ("spans, redacted, again", []),
        ("spans without redaction", [UNREDACTED]),
        ("spans without redaction, again", [UNREDACTED]),
    ):
        with cost_of(spark, lake) as costs[name]:
            build_spans(*variables)
    rows = spark.table("silver.spans").count()
    assert rows == duckdb.read_parquet(str(out)).count("*").fetchone()[0]
    warm = costs["spans without redaction, again"].cpu
    lines = [
        f"DuckDB {duckdb.__version__} (the better of two runs): {min(peer):.1f} CPU s, "
        f"{out.stat().st_size / rows:.1f} bytes a span",
        *(f"{name}: {cost.cpu:.1f} CPU s" for name, cost in costs.items()),
        f"times: {warm / min(peer):.1f}; redaction "
        f"{costs['spans, redacted, again'].cpu - warm:.1f} CPU s",
    ]
    write("CPU", lines)
    assert warm <= TIMES * min(peer)


def test_bytes_a_span(spark: SparkSession, lake: Path) -> None:
    sizes = {"generated day": spans_size(lake)}
    if SET:
        import lakes

        from tracekeep.dbt import dbt
        from tracekeep.ingest import ingest

        lakes.empty_lake(spark)
        ingest(spark, [Path(SET)])
        dbt("run", "--select", "silver")
        sizes[Path(SET).name] = spans_size(lake)
    write(
        "Bytes a span",
        [
            f"{name}: {rows:,} spans, {rest:.1f} bytes each, and {attributes:.1f} of attributes"
            for name, (rows, rest, attributes) in sizes.items()
        ],
    )
    for name, (_, rest, _) in sizes.items():
        assert rest <= BYTES, name


def spans_size(lake: Path) -> tuple[int, float, float]:
    """Spans, bytes of each without attributes, bytes of its attributes."""
    rows, size, columns = column_bytes(lake / "silver" / "spans")
    attributes = sum(columns[name] for name in ATTRIBUTES)
    return rows, (size - attributes) / rows, attributes / rows


REPORT = PROJECT / "docs" / "results" / "silver_spans.md"


def write(title: str, lines: list[str]) -> None:
    """Print a part of the report, and put it in the place of the part of its name."""
    print(title, *lines, sep="\n")
    parts = REPORT.read_text(encoding="utf-8").split("\n## ") if REPORT.exists() else []
    head = (
        "# silver.spans: size and speed\n\n"
        f"Made by `make prove-silver`: a generated day of {EVENTS:,} events, on 2 cores.\n"
    )
    kept = [part for part in parts[1:] if not part.startswith(title)]
    body = [f"{title}\n\n" + "\n".join(f"- {line}" for line in lines) + "\n"]
    REPORT.write_text("\n## ".join([head, *sorted(kept + body)]), encoding="utf-8")
