"""Templates of errors against the log statements that wrote them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest
from raw_sets import docker, read, request, span, span_id, trace_id, write, write_pod_log
from right_lakes import build_lake, lake_rows, replace

from oracle import statement_templates
from oracle.comparison import compare
from oracle.lake_reading import Lake
from oracle.statement_templates import (
    Statement,
    exceptions_of,
    statement_of,
    told_apart_of,
    truth_of,
)

PAIRS = [("a", 1), ("a", 1), ("b", 2), ("b", 3), ("c", 4), ("d", 4), ("e", 4)]
LINE = "20:59:1{}.458 ERROR {} TraceID: {} SpanID: eddec87de37f6762 {}"


def test_the_truth_tells_what_is_split_and_what_is_shared() -> None:
    truth = truth_of(PAIRS)
    assert truth.statements == {"a", "b", "c", "d", "e"}
    assert truth.split == {"b": {2, 3}}
    assert truth.shared == {4: {"c", "d", "e"}}
    assert truth_of([]).statements == frozenset()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (LINE.format(1, "f.m.Basic#415", trace_id(1), "no price"), ("f.m.Basic", 415, "no price")),
        (
            LINE.format(1, "o.a.c.[.[.[d]#175", trace_id(1), "threw [x]\n\tat y"),
            ("o.a.c.[.[.[d]", 175, "threw [x]"),
        ),
        ("2023-01-30 ERROR a.B#7 said", ("a.B", 7, "said")),
        ("ERROR a.B said #7", None),
        ("boom", None),
        (None, None),
    ],
)  # fmt: skip
def test_a_line_names_its_statement(
    body: str | None, expected: tuple[str, int, str] | None
) -> None:
    found = statement_of("pay", body)
    if expected is None:
        assert found is None
    else:
        logger, line, said = expected
        assert found == (Statement("pay", logger, line), said)


def test_an_exception_passed_on_is_another_error() -> None:
    one = Statement("pay", "d", 175)
    names = ("a.b.CError", "a.b.DException$E", "a.b.CError")
    texts = [f"threw [nested is {name}: x]" for name in names]
    told = [(one, text, ("pay", template)) for text, template in zip(texts, "cdc", strict=True)]
    found = told_apart_of(told)
    assert found.told_apart == 1 and found.passing == {one: {("pay", "c"), ("pay", "d")}}
    found = told_apart_of([*told, (one, texts[0], ("pay", "again"))])
    assert found.told_apart == 0 and found.split and not found.passing
    assert exceptions_of("nested exception is java.lang.IllegalStateException: No") == (
        "java.lang.IllegalStateException",
    )
    assert exceptions_of("no Error in a.b.Charge") == ()


@pytest.fixture
def named_set(tmp_path: Path) -> Path:
    """Three statements; two of them say the same."""
    folder = tmp_path / "raw"
    write(folder, request(span(trace_id(1), 1)))
    said = [("a.B#7", "no price of 1"), ("a.B#7", "no price of 2"), ("a.C#8", "no card"),
            ("a.D#9", "no card")]  # fmt: skip
    texts = [LINE.format(n, name, trace_id(n + 1), text) for n, (name, text) in enumerate(said)]
    return write_pod_log(folder, *map(docker, texts))


def lake_of(folder: Path, named_set: Path, templates: dict[str, str]) -> Path:
    """A lake whose patterns have the template of the first part of `templates` in the body."""
    rows = lake_rows(read(named_set))
    for row in rows["gold.error_events"]:
        row["fingerprint"] = next(t for part, t in templates.items() if part in row["body"])
    patterns: dict[str, dict[str, Any]] = {}
    for row in rows["gold.error_events"]:
        fingerprint = row["fingerprint"]
        held = patterns.setdefault(
            fingerprint,
            {
                "pattern_version": 1, "environment": "unknown", "fingerprint": fingerprint,
                "error_template": fingerprint, "event_count": 0, "failure_count": 0,
                "first_seen_at": row["occurred_at"], "last_seen_at": row["occurred_at"],
            },
        )  # fmt: skip
        held["event_count"] += 1
        held["failure_count"] += 1
    rows["gold.error_patterns"] = rows["gold.error_pattern_days"] = list(patterns.values())
    return build_lake(folder, rows)


GOOD = {"price": "a.B#<*> no price of <*>", "a.C": "no card", "a.D": "no card"}


@pytest.mark.parametrize(
    ("templates", "told_apart"),
    [
        (GOOD, 3),
        ({**GOOD, "a.D": "another"}, 3),
        ({"of 1": "one", "of 2": "two", "a.": "no card"}, 2),
        ({"a.B": "<*>", "a.C": "<*>", "a.D": "no card"}, 1),
        ({"a.": "<*>"}, 0),
    ],
)
def test_statements_are_told_apart_or_not(
    tmp_path: Path, named_set: Path, templates: dict[str, str], told_apart: int,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    lake = lake_of(tmp_path / "lake", named_set, templates)
    result = compare(read(named_set), Lake(lake))
    (figure,) = [f for f in result.figures if f.name.endswith("told apart by template")]
    assert (figure.raw, figure.lake) == (3, told_apart)
    parser = argparse.ArgumentParser()
    statement_templates.add_arguments(parser)
    code = statement_templates.run(parser.parse_args(["--lake", str(lake), "--json"]))
    assert code == (told_apart < 3)
    told = json.loads(capsys.readouterr().out)
    assert (told["statements"], told["told_apart"]) == (3, told_apart)


def test_statements_that_say_the_same_are_shown_with_their_text(
    tmp_path: Path, named_set: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = lake_of(tmp_path / "lake", named_set, GOOD)
    parser = argparse.ArgumentParser()
    statement_templates.add_arguments(parser)
    assert statement_templates.run(parser.parse_args(["--lake", str(lake)])) == 0
    out = capsys.readouterr().out
    assert "3 of 3 log statements" in out and "pay a.C#8: no card" in out
    notes = compare(read(named_set), Lake(lake)).notes
    assert "    pay a.D#9: no card" in notes


def test_a_log_that_goes_by_its_span_is_left_out(tmp_path: Path, named_set: Path) -> None:
    lake = lake_of(tmp_path / "lake", named_set, GOOD)
    rows = lake_rows(read(named_set))["gold.error_events"]
    for row in rows:
        row["fingerprint"] = next(t for part, t in GOOD.items() if part in row["body"])
    twin = next(row for row in rows if "a.C" in row["body"])
    replace(lake, "gold.error_events", [*rows, {**twin, "event_type": "span"}])
    found = statement_templates.statements_of_lake(Lake(lake))
    assert found.by_spans == {Statement("pay", "a.C", 8)}
    assert found.told_apart == len(found.statements) == 2


def test_a_lake_without_such_logs_has_nothing_to_tell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "raw", request(span(trace_id(1), 1, status={"code": 2})))
    ids = f"TraceID: {trace_id(1)} SpanID: {span_id(1)}"
    write_pod_log(tmp_path / "raw", docker(f"ERROR {ids} boom"))
    lake = build_lake(tmp_path / "lake", lake_rows(read(tmp_path / "raw")))
    names = [f.name for f in compare(read(tmp_path / "raw"), Lake(lake)).figures]
    assert not any("statements" in name for name in names)
    parser = argparse.ArgumentParser()
    statement_templates.add_arguments(parser)
    assert statement_templates.run(parser.parse_args(["--lake", str(lake)])) == 2
    assert statement_templates.run(parser.parse_args(["--lake", str(tmp_path / "none")])) == 2
    assert "no error log names its statement" in capsys.readouterr().err
