"""How well the next hour's requests of an endpoint are told from gold.endpoint_hours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tracekeep.evidence import Case, Evidence
from tracekeep.evidence.pages import percent, table
from tracekeep.incident.delta_lake import DeltaLake, Row
from tracekeep.incident.reader import AsOfReader, queried, rows_of
from tracekeep.session import spark_session

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = (
    "window_start", "environment", "region", "service", "endpoint", "request_count", "error_count",
    "error_log_count", "slow_count", "max_latency_ms",
)  # fmt: skip
# Each endpoint in each whole hour, with what was before it; the first and last hour are cut.
_HOURS = """
    with hours as (
        select unnest(generate_series(
            (select min(window_start) + interval 1 hour from endpoint_hours),
            (select max(window_start) - interval 1 hour from endpoint_hours), interval 1 hour
        )) as window_start
    ),
    endpoints as (select distinct environment, region, service, endpoint from endpoint_hours),
    filled as (
        select
            hours.window_start, endpoints.*,
            coalesce(request_count, 0) as request_count,
            coalesce(error_count, 0) as error_count,
            coalesce(error_log_count, 0) as error_log_count,
            coalesce(slow_count, 0) as slow_count,
            coalesce(max_latency_ms, 0) as max_latency_ms
        from hours cross join endpoints
        left join endpoint_hours using (window_start, environment, region, service, endpoint)
    )
    select
        window_start, request_count,
        hour(window_start)::double as hour_of_day,
        {lags}
    from filled
    window one as (
        partition by environment, region, service, endpoint order by window_start
    )
    qualify row_number() over one > 24
    order by window_start, environment, region, service, endpoint
"""
_LAGS = ", ".join(
    f"lag({name}, {hours}) over one::double as {name}_{hours}"
    for name in _COLUMNS[5:]
    for hours in (1, 24)
)
FEATURES = {
    "gold_a": ("hour_of_day", "request_count_1", "request_count_24"),
    "gold_b": (
        "hour_of_day", "request_count_1", "request_count_24", "error_count_1", "error_log_count_1",
        "slow_count_1", "max_latency_ms_1",
    ),
}  # fmt: skip
TITLES = {
    "last_hour": "as in the last hour",
    "last_day": "as a day ago",
    "gold_a": "trees: counts (Gold A)",
    "gold_b": "trees: counts, errors, latency (Gold B)",
}


def measured(lake: DeltaLake, _cases: Sequence[Case]) -> Evidence:
    """Of the second half of the hours, by models of the first. Raises UnreadableError."""
    reader = AsOfReader(lake, None)
    hours = rows_of(reader, "gold.endpoint_hours", _COLUMNS)
    rows = queried({"endpoint_hours": hours}, _HOURS.format(lags=_LAGS), {}).to_pandas()
    times = sorted(rows["window_start"].unique()) if len(rows) else []
    if len(times) < 4:
        page = "# Forecast\n\nThe lake has no two days in a row, so there is nothing to forecast.\n"
        return Evidence({"hours": len(times)}, page)
    is_late = rows["window_start"] >= times[len(times) // 2]
    known, asked = rows[~is_late], rows[is_late]
    told = {"last_hour": asked["request_count_1"], "last_day": asked["request_count_24"]}
    told |= {name: _of_trees(known, asked, [*of]) for name, of in FEATURES.items()}
    figures: Row = {"hours": len(times), "asked": len(asked)}
    volume = asked["request_count"].sum()
    for name, values in told.items():
        wrong = (values - asked["request_count"]).abs()
        figures[name] = {
            "mean_absolute_error": float(wrong.mean()),
            "share_of_volume": float(wrong.sum() / volume) if volume else None,
        }
    return Evidence(figures, _page(figures))


def _of_trees(known: pd.DataFrame, asked: pd.DataFrame, features: list[str]) -> pd.Series:
    """What gradient boosted trees (MLlib) expect."""
    import pandas as pd
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.regression import GBTRegressor

    spark = spark_session()
    names = [*features, "request_count"]
    vectors = VectorAssembler(inputCols=features, outputCol="features")
    model = GBTRegressor(labelCol="request_count", maxIter=30, seed=1).fit(
        vectors.transform(spark.createDataFrame(known[names]).coalesce(1)).cache()
    )
    numbered = asked[names].assign(number=range(len(asked)))
    found = model.transform(vectors.transform(spark.createDataFrame(numbered)))
    expected = sorted((row["number"], row["prediction"]) for row in found.collect())
    return pd.Series([value for _, value in expected], index=asked.index)


def _page(figures: Row) -> str:
    rows = [
        (title, f"{figures[name]['mean_absolute_error']:.2f}",
         percent(figures[name]["share_of_volume"]))
        for name, title in TITLES.items()
    ]  # fmt: skip
    lines = [
        "# Forecast",
        "",
        "Requests of an endpoint in an hour, from the hours before: the second half of",
        f"{figures['hours']} hours after the first day ({figures['asked']} hours of endpoints), by",
        "gradient boosted trees (MLlib) of the first half.",
        "",
        *table(["expected", "mean absolute error, requests", "error by volume"], rows),
    ]
    return "\n".join(lines) + "\n"
