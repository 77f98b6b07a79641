"""Error templates on public logs with known templates; writes docs/results/templates.md.

Loghub-2k (corrected), read where it lies: TRACEKEEP_PROVE_SET, else ../shared/data/loghub.
Grouping accuracy (GA): lines whose template has exactly the lines of a true one. FGA: the same by
templates, as F1. PA, FTA: also the text of the template is the true one, by lines and by templates.
"""

from __future__ import annotations

import csv
import os
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tracekeep.lake import PROJECT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SET = Path(os.environ.get("TRACEKEEP_PROVE_SET") or PROJECT.parent / "shared/data/loghub")
TUNED = ("HDFS", "Hadoop", "Linux", "OpenSSH")
ALARMS = {"warn", "warning", "error", "err", "fatal", "severe", "critical"}
REPORT = PROJECT / "docs/results/templates.md"
_JOINED = re.compile(r"<\*>(?:(?:\s*[-.,:;@+|/]+\s*|\s+)<\*>)+")


@pytest.mark.usefixtures("lake")
def test_templates_tell_the_statements_of_public_logs_apart() -> None:
    from tracekeep.session import spark_session

    spark = spark_session(hive=True)
    names = sorted(path.stem for path in SET.glob("*.csv"))
    if not names:
        pytest.fail(f"no logs in {SET}: name their folder in TRACEKEEP_PROVE_SET")
    versions = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"][
        "error_pattern_rules"
    ]
    lines = [
        "# Error templates on Loghub-2k",
        "",
        f"Version 2 was tuned on {', '.join(TUNED)}. GA, FGA, PA and FTA by version of the rule;",
        "GA of lines of WARN and above where the set has levels.",
        "",
        "| set | lines | version | GA | FGA | PA | FTA | GA of WARN+ |",
        "|---|---|---|---|---|---|---|---|",
    ]
    means: dict[tuple[str, int], list[list[float]]] = defaultdict(list)
    for name in names:
        rows = list(csv.DictReader((SET / f"{name}.csv").open(encoding="utf-8", newline="")))
        for version in versions:
            told = templates_of(spark, [row["Content"] for row in rows], version)
            figures = accuracies(told, [row["EventTemplate"] for row in rows])
            alarms = [i for i, row in enumerate(rows) if row.get("Level", "").lower() in ALARMS]
            of_alarms = accuracies(
                [told[i] for i in alarms], [rows[i]["EventTemplate"] for i in alarms]
            )[0] if alarms else None  # fmt: skip
            kind = "tuned on" if name in TUNED else "checked on"
            means[kind, version].append(figures)
            cells = [f"{figure:.3f}" for figure in figures]
            cells.append("" if of_alarms is None else f"{of_alarms:.3f}")
            lines.append(f"| {name} | {len(rows):,} | {version} | {' | '.join(cells)} |")
            if version == max(versions) and of_alarms is not None:
                assert of_alarms >= 0.98
    for (kind, version), figures_of in sorted(means.items()):
        cells = [f"{sum(each) / len(figures_of):.3f}" for each in zip(*figures_of, strict=True)]
        lines.append(f"| mean of {kind} | | {version} | {' | '.join(cells)} | |")
    REPORT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def templates_of(spark: SparkSession, texts: list[str], version: int) -> list[str]:
    """What the macro makes of texts."""
    from tracekeep.dbt import dbt

    query = (
        f"select {{{{ error_template('text', {version}) }}}} as text "  # noqa: S608 - a number
        "from texts order by place"
    )
    (outcome,) = dbt("compile", "--inline", query).result.results
    frame: Any = spark.createDataFrame(list(enumerate(texts)), "place int, text string")
    frame.createOrReplaceTempView("texts")
    return [row.text for row in spark.sql(outcome.node.compiled_code).collect()]


def accuracies(told: list[str], true: list[str]) -> list[float]:
    """GA, FGA, PA and FTA."""
    by_told, by_true = groups(told), groups(true)
    true_groups = {frozenset(lines): text for text, lines in by_true.items()}
    right = {text: lines for text, lines in by_told.items() if frozenset(lines) in true_groups}
    whole = [
        text for text, lines in right.items()
        if normal(text) == normal(true_groups[frozenset(lines)])
    ]  # fmt: skip
    same = sum(normal(a) == normal(b) for a, b in zip(told, true, strict=True))
    return [
        sum(map(len, right.values())) / len(told),
        f1(len(right), len(by_told), len(by_true)),
        same / len(told),
        f1(len(whole), len(by_told), len(by_true)),
    ]


def groups(texts: list[str]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for line, text in enumerate(texts):
        found[text].add(line)
    return found


def f1(right: int, told: int, true: int) -> float:
    return 2 * right / (told + true)


def normal(template: str) -> str:
    return _JOINED.sub("<*>", " ".join(template.split())).strip()
