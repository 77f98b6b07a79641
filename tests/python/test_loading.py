"""Tables for models."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import commands
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import small_lakes
from deltalake import write_deltalake
from small_lakes import DAY

import tracekeep


@pytest.fixture(autouse=True)
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRACEKEEP_LAKE", str(tmp_path))
    for day, weight in ((DAY, 1.0), (DAY + timedelta(days=1), 100.0)):
        rows = {"latency_ms": [2.0], "sample_weight": [weight], "partition_date": [day]}
        write_deltalake(
            str(tmp_path / "gold" / "sampled_spans"), pa.table(rows), mode="append",
            partition_by=["partition_date"],
        )  # fmt: skip
    return tmp_path


def test_rows_come_with_their_weights_and_version() -> None:
    rows = tracekeep.load("gold.sampled_spans", ["latency_ms"])
    assert sorted(rows.column_names) == ["latency_ms", "sample_weight"]
    assert sorted(rows["sample_weight"].to_pylist()) == [1.0, 100.0]
    assert rows.schema.metadata == {b"delta_table": b"gold.sampled_spans", b"delta_version": b"1"}


def test_an_older_version_is_read_as_it_was() -> None:
    frame = tracekeep.load("gold.sampled_spans", version=0, to="pandas")
    assert frame["sample_weight"].tolist() == [1.0]
    assert frame.attrs == {"delta_table": "gold.sampled_spans", "delta_version": "0"}


def test_days_and_conditions_narrow() -> None:
    later = tracekeep.load("gold.sampled_spans", start=DAY + timedelta(days=1))
    assert later["sample_weight"].to_pylist() == [100.0]
    earlier = tracekeep.load("gold.sampled_spans", end=DAY + timedelta(days=1))
    assert earlier["sample_weight"].to_pylist() == [1.0]
    heavy = tracekeep.load("gold.sampled_spans", start=DAY, where=pc.field("sample_weight") > 1)
    assert heavy["sample_weight"].to_pylist() == [100.0]


@pytest.mark.parametrize("table", ["sampled_spans", "gold.missing", "gold.../x", "attic.spans"])
def test_a_table_that_is_not_there_is_named(table: str) -> None:
    with pytest.raises(KeyError, match="table"):
        tracekeep.load(table)


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(KeyError, match="colour"):
        tracekeep.load("gold.sampled_spans", ["colour"])


def test_another_form_is_named() -> None:
    with pytest.raises(ValueError, match="numpy"):
        tracekeep.load("gold.sampled_spans", to="numpy")  # type: ignore[arg-type]


def test_a_script_that_has_loaded_ends_well(lake: Path) -> None:
    """A thread of pyarrow that calls Python while it ends aborted half of such processes."""
    for file in range(20):
        spans = [small_lakes.span(f"{file:032x}", number, "db") for number in range(1, 200)]
        small_lakes.write(lake, "silver.spans", spans)
    script = "import tracekeep; tracekeep.load('silver.spans')"
    for _ in range(8):
        commands.python("-c", script)


def test_a_command_leaves_no_temporary_folder(tmp_path: Path) -> None:
    script = (
        "import tempfile; from tracekeep.command_line import end_process; "
        "held = tempfile.TemporaryDirectory(); end_process(0)"
    )
    folder = tmp_path / "temporary"
    folder.mkdir()
    commands.python("-c", script, TMPDIR=str(folder))
    assert not list(folder.iterdir())
