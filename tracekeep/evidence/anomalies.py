"""Whether a model tells the minutes of a faulty service from all others: trained on counts and
latencies (Gold A), on Gold, and on all of Silver; the case that is asked about is never seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tracekeep.evidence import Case, Evidence
from tracekeep.evidence.line_charts import Chart, Line
from tracekeep.evidence.pages import COLORS, LAYERS, table
from tracekeep.evidence.silver_minutes import silver_minutes
from tracekeep.incident.delta_lake import DeltaLake, Row, UnreadableError
from tracekeep.incident.reader import AsOfReader, rows_of
from tracekeep.incident.selection import TimeRange
from tracekeep.incident.suspects import COLUMNS, compared
from tracekeep.incident.windows import starts_in
from tracekeep.lake import project_variables
from tracekeep.session import spark_session

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

LONGEST = 15
"""At most so many windows of a case are asked about, and as many before it."""
GUARD = timedelta(minutes=15)
"""Windows nearer to a case are neither of it nor normal: what it leaves behind may show in them."""
FOLDS = 10
TREES = 50
DRAWS = 1000
KEYS = ["window_start", "environment", "service"]

_COUNTS = (
    "endpoint_count", "request_count", "error_count", "error_log_count", "slow_count",
    "failing_endpoint_count", "error_rate", "slow_rate", "max_error_rate", "max_p50_latency_ms",
    "max_p95_latency_ms", "max_p99_latency_ms", "max_latency_ms",
)  # fmt: skip
_CONTEXT = (
    "pattern_count", "span_count", "log_count", "statement_count", "max_caller_wait_ms",
    "max_callee_wait_ms",
)  # fmt: skip

# What of a service differs from the hours around it, by the steps of gold.root_cause_candidates.
_DIFFERENCES = """
    , differences as (
        select incident, service, evidence_kind || '_change' as name, max(change) as value
        from changes group by all
        union all
        select incident, service, 'change_of_callee', change from callees
        union all
        select incident, service, 'new_statements', count(*)
        from statements where now_count > 0 and then_count = 0 group by all
        union all
        select
            incident, service,
            if(service = source_service, 'growth_to_callee', 'growth_from_caller'), max(growth)
        from ends group by all
        union all
        select incident, service, 'slow_hops', max(touch) from touched group by all
    )
    select incidents.window_start, incidents.environment, service, name, value
    from differences
    inner join incident_windows as incidents on differences.incident = incidents.incident
"""
_CHANGES = (
    "statement_change", "operation_change", "change_of_callee", "new_statements",
    "growth_to_callee", "growth_from_caller", "slow_hops",
)  # fmt: skip
_ALL = (*_COUNTS, *_CONTEXT, *_CHANGES)
FEATURES = {"gold_a": _COUNTS, "gold_b": _ALL, "silver": _ALL}


def measured(lake: DeltaLake, cases: Sequence[Case]) -> Evidence:
    """Figures are shares from 0 to 1. Raises UnreadableError."""
    import pandas as pd

    variables = project_variables()
    length = timedelta(minutes=variables["window_minutes"])
    hours = variables["root_cause_reference_hours"]
    around = timedelta(hours=hours)
    reader = AsOfReader(lake, None)
    free = _whole(rows_of(reader, "gold.anomaly_features", ("window_start", "request_count")))
    culprits = {case.service for case in cases}
    frames: dict[str, list[pd.DataFrame]] = {"gold": [], "silver": []}
    for number, case in enumerate(cases):
        now, before = _asked(case, cases, free, length)
        if not now:
            continue
        gold = _gold_minutes(reader, TimeRange((before or now)[0], now[-1] + length), around)
        silver = silver_minutes((*COLUMNS, "anomaly_features"), reader, case.time, around, length)
        late = (case.time.start - now[0]) % length
        for name, tables, shift in (("gold", gold, timedelta()), ("silver", silver, late)):
            times = [TimeRange(at + shift, at + shift + length) for at in (*before, *now)]
            rows = _features(tables, times, hours)
            rows = rows[rows["service"].isin(culprits)]
            rows["fold"] = number % FOLDS
            rows["case"] = case.name
            rows["culprit"] = case.service
            is_now = rows["window_start"] >= now[0]
            rows["is_anomalous"] = is_now & (rows["service"] == case.service)
            frames[name].append(rows)
    if not frames["gold"]:
        raise UnreadableError("gold.anomaly_features has no window of a case")
    gold_rows, silver_rows = (pd.concat(frames[name], ignore_index=True) for name in frames)
    if gold_rows["fold"].nunique() < 2 or not gold_rows["is_anomalous"].any():
        raise UnreadableError("anomalies need two cases with windows of their culprits")
    by_layer = {"gold_a": gold_rows, "gold_b": gold_rows, "silver": silver_rows}
    figures: Row = {
        "cases": len(frames["gold"]),
        "windows": len(gold_rows),
        "anomalous": int(gold_rows["is_anomalous"].sum()),
        "never_anomalous": {"accuracy": 1 - float(gold_rows["is_anomalous"].mean())},
    }
    spark_session().sparkContext.setLogLevel("ERROR")
    for layer, rows in by_layer.items():
        figures[layer] = _of_models(rows, FEATURES[layer])
    return Evidence(figures, _page(figures), [_chart(figures)])


def _whole(windows: pa.Table) -> list[datetime]:
    """The starts of windows, in order, but those that a recording begins or ends in: with less than
    half of the requests of most windows in the half hours around."""
    requests = windows.to_pandas().groupby("window_start")["request_count"].sum()
    around = timedelta(minutes=30)
    return [
        at.to_pydatetime()
        for at, count in requests.items()
        if count >= requests[at - around : at + around].median() / 2
    ]


def _asked(
    case: Case, cases: Sequence[Case], free: list[datetime], length: timedelta
) -> tuple[list[datetime], list[datetime]]:
    """The first windows of which a case has more than half, and as many before it that are far from
    all cases, each used once: it is taken out of `free`."""
    half = TimeRange(case.time.start - length / 2, case.time.end - length / 2)
    now = [at for at in free if half.start < at < half.end][:LONGEST]
    near = [other.time.widened(GUARD + length, GUARD) for other in cases]
    quiet = [at for at in free if at < case.time.start and not any(t.holds(at) for t in near)]
    before = quiet[len(quiet) - len(now) :]
    for at in before:
        free.remove(at)
    return now, before


def _gold_minutes(reader: AsOfReader, time: TimeRange, around: timedelta) -> dict[str, pa.Table]:
    wanted = {**COLUMNS, "anomaly_features": (*KEYS, *_COUNTS, *_CONTEXT)}
    near = starts_in(time.widened(around, around))
    return {name: rows_of(reader, f"gold.{name}", of, near) for name, of in wanted.items()}


def _features(tables: dict[str, pa.Table], times: Sequence[TimeRange], hours: int) -> pd.DataFrame:
    """One row per window and service: what Gold counts in it and how it differs."""
    rows = tables["anomaly_features"].to_pandas()
    rows = rows[rows["window_start"].isin([time.start for time in times])]
    found = compared(tables, times, hours, _DIFFERENCES).to_pandas()
    wide = found.pivot_table(index=KEYS, columns="name", values="value", aggfunc="max")
    rows = rows.merge(wide.reset_index(), on=KEYS, how="left")
    return rows.reindex(columns=[*KEYS, *FEATURES["silver"]])


def _of_models(rows: pd.DataFrame, features: Sequence[str]) -> Row:
    """What models of these features tell of the windows of cases that they were not trained on, and
    for comparison single features."""
    models = {**_MODELS, **{name: _feature(features.index(of)) for name, of in _BASELINES.items()}}
    scores = _scores(rows, features, "fold", models)
    found = {name: _quality(rows, score, "case") for name, score in scores.items()}
    trees = {**found.pop("gbt"), "curve": _curve(rows, scores["gbt"])}
    if rows["culprit"].nunique() > 1:
        strict = _scores(rows, features, "culprit", {"gbt": _gradient_boosted})["gbt"]
        trees["unseen_service"] = _quality(rows, strict, "culprit")
    return {**trees, "rankings": {name: _ranking(of) for name, of in found.items()}}


def _scores(
    rows: pd.DataFrame, features: Sequence[str], fold: str, models: Mapping[str, Model]
) -> dict[str, np.ndarray]:
    """What each model says of each window, trained on the windows of all other folds."""
    import numpy as np

    scores = {name: np.zeros(len(rows)) for name in models}
    labels = rows["is_anomalous"].to_numpy()
    for own in sorted(rows[fold].unique()):
        is_asked = (rows[fold] == own).to_numpy()
        values = _scaled(rows, features, ~is_asked)
        for name, model in models.items():
            scores[name][is_asked] = model(values[~is_asked], labels[~is_asked], values[is_asked])
    return scores


def _curve(rows: pd.DataFrame, score: np.ndarray) -> list[tuple[float, float]]:
    """Recall and precision at each threshold, from the highest down."""
    from sklearn import metrics

    precision, recall, _ = metrics.precision_recall_curve(rows["is_anomalous"], score)
    return [*zip(recall[::-1].tolist(), precision[::-1].tolist(), strict=True)]


def _ranking(quality: Row) -> Row:
    """The figures that need no threshold."""
    return {name: value for name, value in quality.items() if name.startswith("au")}


def _scaled(rows: pd.DataFrame, features: Sequence[str], is_trained: np.ndarray) -> np.ndarray:
    """Each feature less its median at the service, by its spread there, in normal windows; what
    differs from the hours around is a difference already."""
    import numpy as np

    values = rows[[*features]].astype(float).fillna(0.0)
    normal = values[is_trained & ~rows["is_anomalous"].to_numpy()]
    service = rows.loc[normal.index, "service"]
    spread = (normal - normal.groupby(service).transform("median")).abs()
    center, width = (
        of.groupby(service).median().reindex(rows["service"]).fillna(of.median()).to_numpy()
        for of in (normal, spread)
    )
    scaled: np.ndarray = (values.to_numpy() - center) / (width + 0.05 * np.abs(center) + 0.01)
    is_difference = np.array([name in _CHANGES for name in features])
    scaled[:, is_difference] = values.to_numpy()[:, is_difference]
    return np.clip(scaled, -1000, 1000)


Model = Callable[["np.ndarray", "np.ndarray", "np.ndarray"], "np.ndarray"]


def _gradient_boosted(known: np.ndarray, labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Chance that a window is anomalous, by gradient boosted trees that saw labelled ones."""
    import numpy as np
    from pyspark.ml.classification import GBTClassifier

    if not labels.any():
        return np.zeros(len(asked))
    share = float(labels.mean())
    weights = (1 / (2 * share), 1 / (2 * (1 - share)))
    model = GBTClassifier(
        maxIter=TREES, maxDepth=4, stepSize=0.1, minInstancesPerNode=4, weightCol="weight", seed=1
    ).fit(_vectors(known, [(float(label), weights[not label]) for label in labels.tolist()]))
    found = model.transform(_vectors(asked, [(0.0, 1.0)] * len(asked)))
    return _chances(found.select("number", "probability"))


def _far_from_clusters(known: np.ndarray, labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Distance from the nearest of eight clusters of normal windows."""
    import numpy as np
    from pyspark.ml.clustering import KMeans

    normal = _bounded(known[~labels])
    model = KMeans(k=8, seed=1).fit(_vectors(normal, [(0.0, 1.0)] * len(normal)))
    centers = np.array(model.clusterCenters())
    far = np.linalg.norm(_bounded(asked)[:, None, :] - centers[None, :, :], axis=2)
    nearest: np.ndarray = far.min(axis=1)
    return nearest


def _isolated(known: np.ndarray, labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """How easily a window is told from normal ones, by an isolation forest."""
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(random_state=1).fit(known[~labels])
    found: np.ndarray = -forest.score_samples(asked)
    return found


def _feature(position: int) -> Model:
    """One feature as it is."""
    return lambda _known, _labels, asked: asked[:, position]


_MODELS: dict[str, Model] = {
    "gbt": _gradient_boosted,
    "kmeans": _far_from_clusters,
    "isolation_forest": _isolated,
}


_BASELINES = {
    "error_logs": "error_log_count",
    "errors": "error_count",
    "latency": "max_p95_latency_ms",
}


def _bounded(values: np.ndarray) -> np.ndarray:
    """Signed logarithms: a distance is not of the largest feature alone."""
    import numpy as np

    bounded: np.ndarray = np.sign(values) * np.log1p(np.abs(values))
    return bounded


def _vectors(values: np.ndarray, further: Sequence[tuple[float, float]]) -> Any:
    """A DataFrame of Spark: number, features, label, weight."""
    from pyspark.ml.linalg import Vectors

    spark = spark_session()
    rows = [
        (number, Vectors.dense(row), *more)
        for number, (row, more) in enumerate(zip(values.tolist(), further, strict=True))
    ]
    return (
        spark.createDataFrame(rows, ["number", "features", "label", "weight"]).coalesce(1).cache()
    )


def _chances(found: Any) -> np.ndarray:
    import numpy as np

    rows = sorted((row["number"], float(row["probability"][1])) for row in found.collect())
    return np.array([chance for _, chance in rows])


def _quality(rows: pd.DataFrame, score: np.ndarray, cluster: str) -> Row:
    """Figures with 95 % intervals of a bootstrap over cases, or what the column names."""
    import numpy as np
    from sklearn import metrics

    anomalous = rows["is_anomalous"].to_numpy()

    def figures(chosen: np.ndarray) -> dict[str, float]:
        true, told = anomalous[chosen], score[chosen]
        return {
            "accuracy": metrics.accuracy_score(true, told >= 0.5),
            "balanced_accuracy": metrics.balanced_accuracy_score(true, told >= 0.5),
            "auroc": metrics.roc_auc_score(true, told),
            "auprc": metrics.average_precision_score(true, told),
        }

    chance = np.random.default_rng(1)
    of_case = [*rows.groupby(cluster).indices.values()]
    drawn = []
    for _ in range(DRAWS):
        chosen = np.concatenate(
            [of_case[n] for n in chance.integers(len(of_case), size=len(of_case))]
        )
        if 0 < anomalous[chosen].sum() < len(chosen):
            drawn.append(figures(chosen))
    found: Row = {}
    for name, value in figures(np.arange(len(rows))).items():
        low, high = np.percentile([draw[name] for draw in drawn], [2.5, 97.5])
        found |= {name: float(value), f"{name}_interval": [float(low), float(high)]}
    return found


def _chart(figures: Row) -> Chart:
    """Precision at each recall, as the threshold of the trees falls."""
    lines = [
        Line(title, figures[layer]["curve"], COLORS[layer], is_dashed=layer == "silver")
        for layer, title in LAYERS.items()
    ]
    return Chart("Precision by recall", "recall", "precision", lines)


def _page(figures: Row) -> str:
    lines = [
        "# Anomalies",
        "",
        f"Is a service faulty in a window? {figures['windows']} windows of services that a case",
        f"names, in {figures['cases']} cases and before: {figures['anomalous']} of the culprit",
        "in its case. The models are asked about windows that lie mostly in the case and that the",
        f"recording covers fully; normal windows are {GUARD.seconds // 60} minutes from all cases.",
        f"Gradient boosted trees (MLlib), {FOLDS} folds by case; each feature is scaled by the",
        "normal windows of its service. The 95 % intervals are of a bootstrap over cases, with the",
        "models as they were trained. Cases may repeat a fault, so further lines show the trees",
        "when they saw no case of the culprit, with a bootstrap over culprits.",
        "Gold A: counts and latencies. Gold B: gold.anomaly_features and what differs from the",
        "hours around, as in gold.root_cause_candidates. Silver: the same of all events, in",
        "windows that begin with the case. The last line calls each window normal.",
        "",
    ]
    rows = [
        (title, *(_told(figures[layer], name) for name in _NAMES))
        for layer, title in LAYERS.items()
    ]
    rows += [
        (f"{title}, culprit not seen", *(_told(of, name) for name in _NAMES))
        for layer, title in LAYERS.items()
        if (of := figures[layer].get("unseen_service"))
    ]
    never = figures["never_anomalous"]["accuracy"]
    rows.append(("never anomalous", f"{never:.1%}", "50.0%", ".500", f"{1 - never:.3f}"))
    lines += table(["from", "accuracy", "balanced", "AUROC", "AUPRC"], rows)
    lines += ["", "Without labels: models of normal windows, and single features of a window.", ""]
    rankings = [
        (title, score.replace("_", " "), _told(of, "auroc"), _told(of, "auprc"))
        for layer, title in LAYERS.items()
        for score, of in figures[layer]["rankings"].items()
        if score not in _BASELINES or layer == "gold_a"
    ]
    lines += table(["from", "score", "AUROC", "AUPRC"], rankings)
    return "\n".join(lines) + "\n"


_NAMES = ("accuracy", "balanced_accuracy", "auroc", "auprc")


def _told(quality: Row, name: str) -> str:
    low, high = quality[f"{name}_interval"]
    if name.startswith("au"):
        return f"{quality[name]:.3f} [{low:.2f} to {high:.2f}]"
    return f"{quality[name]:.1%} [{low:.0%} to {high:.0%}]"
