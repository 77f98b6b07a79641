"""The document about the simulated year, and its plot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import year_plan

from tracekeep.evidence.line_charts import Chart, Line, svg
from tracekeep.lake import LAYERS, SCHEMAS

HYPOTHESIS = 0.74
YEAR, SHORT = 365, 90
COLORS = {"bronze": "#9a6700", "silver": "#57606a", "gold": "#bf8700"}
BASELINES = {
    "bronze_added": "Delta Bronze, zstd",
    "gzipped": "gz JSON, a file an hour",
    "plain": "plain JSON and log lines",
}

Figures = dict[str, Any]


def size_of(tick: Figures, key: str = "bytes_on_disk") -> int:
    """Bytes of all layers after a tick."""
    return sum(tick["layers"][layer][key] for layer in SCHEMAS)


def arrived(ticks: Sequence[Figures], key: str, days: float) -> float:
    """Bytes of the raw data that had arrived in so many days until the last full tick; of a tick
    that took days before these too, a part."""
    full = [tick for tick in ticks if tick["is_full"]]
    first, before, total = full[-1]["day"] - days, -1, 0.0
    for tick in full:
        share = min(1.0, max(0.0, tick["day"] - first) / (tick["day"] - before))
        total += share * tick["raw"].get(key, tick["bronze_added"])
        before = tick["day"]
    return total


def problems_of(ticks: Sequence[Figures]) -> list[str]:
    """What was wrong with answers."""
    return [
        f"day {tick['day']}, {asked['incident']} at {asked['age']}: {problem}"
        for tick in ticks
        for asked in tick["asked"]
        for problem in asked["problems"]
    ]


def document(ticks: Sequence[Figures], plot: str) -> str:
    """The document; `plot` is the name of its picture."""
    full = [tick for tick in ticks if tick["is_full"]]
    of_year = [tick for tick in ticks if tick["day"] <= full[-1]["day"]]
    minutes = sum(sum(tick["seconds"].values()) for tick in ticks) / 60
    return "\n".join(
        [
            "# A year, simulated",
            "",
            f"Made by `make prove-year`: days 0 to {full[-1]['day']}, {year_plan.EVENTS_A_DAY:,} "
            f"events a day on average, an incident each {year_plan.INCIDENT_EVERY} days. "
            f"{len(full)} ticks of ingest, dbt, expiry and tests, each under a clock of its own "
            f"(faketime), and {len(ticks) - len(full)} looks that only expire, test and ask. "
            "Events arrive in the hour they happen, some late; where ticks are a week apart, the "
            "days between arrive together and lie in Bronze under the day of the tick. "
            f"{sum(tick['tests'] for tick in ticks):,} data tests held, all of them on days "
            f"{', '.join(map(str, year_plan.ALL_TESTS))}, those of retention and conservation at "
            f"each tick. {minutes:,.0f} minutes.",
            "",
            *_answers(ticks),
            "",
            "## Bytes",
            "",
            f"![Bytes of the layers over the year]({plot})",
            "",
            *_layers(of_year),
            "",
            *_savings(of_year),
            "",
        ]
    )


def _answers(ticks: Sequence[Figures]) -> list[str]:
    lines = [
        "## What the drill-down answers",
        "",
        "Each incident is asked for by its time at the first tick at or after each age, and all of "
        "them on the last day. Its error traces are those of the generator's truth; their paths "
        "and raw lines are what an independent reading of the raw files that had arrived tells. A "
        "path is right if all its steps are.",
        "",
        "| asked at | age, days | incidents | error traces | paths | right | raw lines in Bronze | "
        "told | Bronze says | Silver says | Gold says |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    asked = [one for tick in ticks for one in tick["asked"]]
    for age in (*year_plan.AGES, year_plan.AT_THE_END):
        ones = [one for one in asked if one["age"] == age and one["status"] == "found"]
        if not ones:
            continue
        days = [one["age_days"] for one in ones]
        sums = Counter()
        for one in ones:
            for key in ("traces", "paths", "told_paths", "raw_lines", "told_raw_lines"):
                sums[key] += one[key]
        share = sums["told_paths"] / sums["paths"] if sums["paths"] else 0.0
        lines.append(
            f"| {age} | {min(days):.2f} to {max(days):.2f} | {len(ones)} | {sums['traces']:,} | "
            f"{sums['paths']:,} | {share:.2%} | {sums['raw_lines']:,} | "
            f"{sums['told_raw_lines']:,} | "
            f"{' | '.join(_statuses(ones, layer) for layer in LAYERS)} |"
        )
    gone = [one for one in asked if one["status"] != "found"]
    if gone:
        told = ", ".join(sorted({one["status"] for one in gone}))
        lines += [
            "",
            f"Of the {len(gone)} incidents that were older than a year on the last day it says: "
            f"{told}, and since when.",
        ]
    wrong = problems_of(ticks)
    lines += ["", f"Wrong: {len(wrong)}.", *(f"- {problem}" for problem in wrong[:20])]
    return lines


def _statuses(ones: Sequence[Figures], layer: str) -> str:
    counts: Counter[str] = Counter()
    for one in ones:
        counts.update(one["statuses"].get(layer, {}))
    return ", ".join(f"{status} {count:,}" for status, count in sorted(counts.items())) or "-"


def _layers(ticks: Sequence[Figures]) -> list[str]:
    lines = [
        "On disk are all files of the tables: old versions, logs and checksums too; live is what "
        "the newest versions need. kB.",
        "",
        "| day | Bronze on disk | live | Silver on disk | live | Gold on disk | live | all on disk "
        "| live |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    days = {0, 8, 31, 91, 182, 273, 365}
    for place, tick in enumerate(ticks):
        following = ticks[place + 1]["day"] if place + 1 < len(ticks) else tick["day"] + 1
        if not days & set(range(tick["day"], following)):
            continue
        cells = [tick["layers"][layer][key] for layer in LAYERS for key in KEYS]
        cells += [size_of(tick, key) for key in KEYS]
        lines.append(f"| {tick['day']} | " + " | ".join(f"{c / 1e3:,.0f}" for c in cells) + " |")
    return lines


KEYS = ("bytes_on_disk", "bytes")


def _savings(ticks: Sequence[Figures]) -> list[str]:
    days = ticks[-1]["day"] + 1
    return [
        *_against(
            ticks,
            min(YEAR, days),
            f"The hypothesis is that the three layers take {HYPOTHESIS:.0%} less than a year of "
            "raw data. All layers after the last tick, on disk with old versions and logs, and "
            "live:",
        ),
        "",
        *_against(
            ticks,
            min(SHORT, days),
            "Who keeps raw data no longer than Silver lives need not save anything:",
        ),
        "",
        f"At {year_plan.EVENTS_A_DAY:,} events a day what tables cost by themselves (logs, files "
        "of a few rows) weighs more than at a million; [storage.md](storage.md) has the layers at "
        "other volumes.",
    ]


def _against(ticks: Sequence[Figures], days: int, said: str) -> list[str]:
    """All layers after the last tick beside the raw data of so many days."""
    disk, live = size_of(ticks[-1]), size_of(ticks[-1], "bytes")
    lines = [
        f"## Against {days} days of raw data",
        "",
        said,
        "",
        "| raw data kept as | MB | layers on disk MB | saved | layers live MB | saved |",
        "|---|---|---|---|---|---|",
    ]
    for key, name in BASELINES.items():
        raw = arrived(ticks, key, days)
        lines.append(
            f"| {name} | {raw / 1e6:,.1f} | {disk / 1e6:,.1f} | {1 - disk / raw:.1%} | "
            f"{live / 1e6:,.1f} | {1 - live / raw:.1%} |"
        )
    return lines


def plot(ticks: Sequence[Figures]) -> str:
    """Bytes of the layers over the year, and of all of them beside what raw data would take."""
    ticks = [tick for tick in ticks if tick["day"] <= year_plan.LAST_DAY]
    layers = [
        Line(
            f"{layer.title()}, {name}",
            [(tick["day"], tick["layers"][layer][key] / 1e6) for tick in ticks],
            COLORS[layer],
            is_dashed=key == "bytes",
        )
        for layer in LAYERS
        for key, name in (("bytes_on_disk", "on disk"), ("bytes", "live"))
    ]
    raw = []
    for (key, name), color in zip(
        BASELINES.items(), ("#1a7f37", "#0969da", "#8250df"), strict=True
    ):
        total, points = 0, []
        for tick in ticks:
            if tick["is_full"]:
                total += tick["raw"].get(key, tick["bronze_added"])
            points.append((tick["day"], total / 1e6))
        raw.append(Line(name.partition(",")[0], points, color))
    whole = [
        Line(
            f"all layers, {name}",
            [(tick["day"], size_of(tick, key) / 1e6) for tick in ticks],
            "#cf222e",
            is_dashed=key == "bytes",
        )
        for key, name in (("bytes_on_disk", "on disk"), ("bytes", "live"))
    ]
    return svg(
        [
            Chart("What each layer holds", "day", "MB", layers),
            Chart("All layers, and raw data that is kept", "day", "MB", [*whole, *raw]),
        ]
    )
