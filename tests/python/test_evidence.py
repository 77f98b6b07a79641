"""`tracekeep evidence`: each kind on a built lake and the incidents of its day."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import BuiltLake

from tracekeep import evidence
from tracekeep.evidence import anomalies, forecast
from tracekeep.lake import PROJECT


@pytest.fixture(scope="module")
def cases(lake: BuiltLake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The incidents of the day, as scripts/cases.py writes them."""
    words = [sys.executable, PROJECT / "scripts/cases.py", lake.day / "truth" / "incidents.json"]
    path = tmp_path_factory.mktemp("evidence") / "cases.csv"
    path.write_bytes(subprocess.run(words, check=True, capture_output=True).stdout)  # noqa: S603
    return path


def told(kind: str, cases: Path) -> tuple[dict[str, Any], str]:
    """The figures and the page of a kind of evidence."""
    parser = argparse.ArgumentParser()
    evidence.add_arguments(parser)
    words = [kind, "--cases", str(cases), "--out", str(cases.parent)]
    assert evidence.run(parser.parse_args(words)) == 0
    name = kind.replace("-", "_")
    figures: dict[str, Any] = json.loads((cases.parent / f"{name}.json").read_text())
    return figures, (cases.parent / f"{name}.md").read_text()


def test_paths_are_told_by_gold(cases: Path) -> None:
    figures, page = told("paths", cases)
    assert figures["all"]["paths"]["number"] > 10
    assert figures["all"]["paths"]["gold_b"] == 1.0
    assert figures["in_cases"]["paths_of_several_steps"]["gold_b"] == 1.0
    # one trace gives one id to spans of three services, and only Gold tells them apart
    assert 0.9 < figures["all"]["ends"]["gold_b"] < 1.0
    assert "| all | of several steps |" in page


def test_kept_traces_cover_all_errors(cases: Path) -> None:
    figures, _ = told("sampling", cases)
    for kind in ("error_patterns", "path_shapes"):
        found = figures["all"][kind]
        assert found["kept"] == 1.0 > found["random"], kind
    assert 0 < figures["kept_traces"] < figures["traces"]


def test_new_patterns_are_counted_by_case(cases: Path) -> None:
    figures, page = told("novelty", cases)
    found = figures["warm_up_1_h"]
    assert found["new_patterns"]["alarms"] > 0
    assert 0 < found["new_patterns"]["precision"] <= 1
    assert 0 < found["any_minute"]["precision"] < 1
    assert page.count("| any minute |") == 3


def test_changes_before_cases_are_found(cases: Path) -> None:
    figures, _ = told("changes", cases)
    assert figures["cases"] == len(figures["found"])
    assert figures["has_change_of_culprit"] >= figures["last_is_culprit"]


def test_hours_are_forecast_from_the_hours_before(cases: Path) -> None:
    figures, page = told("forecast", cases)
    assert figures["asked"] > 0
    for name in ("last_hour", "last_day", "gold_a", "gold_b"):
        assert figures[name]["mean_absolute_error"] >= 0, name
    assert "| as a day ago |" in page


def test_a_day_alone_is_not_forecast(cases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = forecast.rows_of
    monkeypatch.setattr(forecast, "rows_of", lambda *asked: read(*asked).slice(0, 0))
    assert told("forecast", cases)[0] == {"hours": 0}


def test_models_of_each_layer_are_asked_about_cases_they_did_not_see(
    cases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, few in {"FOLDS": 2, "TREES": 2, "DRAWS": 20}.items():
        monkeypatch.setattr(anomalies, name, few)
    figures, page = told("anomalies", cases)
    assert figures["windows"] > figures["anomalous"] > 0
    for layer in ("gold_a", "gold_b", "silver"):
        low, high = figures[layer]["auprc_interval"]
        assert 0 <= low <= figures[layer]["auprc"] <= high <= 1, layer
        assert set(figures[layer]["rankings"]) >= {"kmeans", "isolation_forest", "latency"}
        assert figures[layer]["curve"][-1][0] == 1.0, layer
    assert "![Precision by recall](anomalies.svg)" in page
    assert "| never anomalous |" in page
