"""Incident paths and critical paths of the independent reading (R9)."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest

from oracle.calls import _parent_of, _place
from oracle.critical_paths import CriticalStep, critical_path_of
from oracle.events import Events, LogRecord, Span
from oracle.forest import forest_of
from oracle.messages import Failure, Message
from oracle.paths import IncidentPath, Step, paths_of
from oracle.paths_from_aggregates import AggregatedMinute, rebuilt_path_count
from oracle.told_paths import ToldCriticalPath, ToldPath
from oracle.verdicts import WINDOW_NS, judge

TRACE = "1" * 32
MILLISECOND = 1_000_000
SILENT = Failure(None, None, None)
PATIENCE_SECONDS = 10.0


def span_id(number: int | None) -> str | None:
    return None if number is None else f"{number:016x}"


def span(
    number: int | None,
    parent: int | None = None,
    *,
    start: int = 0,
    latency: int = 100,
    says: str | None = None,
    **changes: Any,
) -> Span:
    """A span of `TRACE`; times in ms from the epoch; it failed if it `says` something."""
    values: dict[str, Any] = {
        "trace_id": TRACE, "span_id": span_id(number), "parent_span_id": span_id(parent),
        "service": "shop", "name": f"op-{number}", "kind": None, "start_ns": start * MILLISECOND,
        "end_ns": (start + latency) * MILLISECOND, "is_error": says is not None,
        "random_value": None, "has_plain_endpoint": True, "digest": f"{number}".encode(),
        "failures": frozenset([] if says is None else [Failure(None, says, None)]),
    }  # fmt: skip
    return Span(**{**values, **changes})


def error_log(
    number: int | None, service: str | None = None, at: int = 0, text: str = "boom", **changes: Any
) -> LogRecord:
    values: dict[str, Any] = {
        "trace_id": TRACE, "span_id": span_id(number), "service": service, "pod": None,
        "time_ns": at * MILLISECOND, "severity_number": 17,
        "messages": frozenset([Message(text, None, SILENT)]),
    }  # fmt: skip
    return LogRecord(**{**values, **changes})


def paths(*told: Span | LogRecord) -> list[IncidentPath]:
    events = Events()
    for number, event in enumerate(told):
        if isinstance(event, Span):
            events.add_span(event)
        else:
            events.add_log(str(number).encode(), event)
    found: list[IncidentPath] = []
    for trace in judge(events).traces.values():
        found += paths_of(trace, forest_of(trace.spans))
    return found


def numbers(path: IncidentPath) -> list[int | None]:
    return [None if step.span_id is None else int(step.span_id, 16) for step in path.steps]


def ways(*told: Span | LogRecord) -> list[tuple[list[int | None], tuple[str, ...]]]:
    return [(numbers(path), path.marks) for path in paths(*told)]


# ---------------------------------------------------------------- paths


def test_a_path_leads_from_the_root_to_the_lowest_failure() -> None:
    (path,) = paths(
        span(1, service="web", kind="server", status_code="Error", says="a"),
        span(2, 1, service="web", kind="client", latency=60),
        span(3, 2, service="pay", kind="server", start=1, latency=50, says="b"),
        span(4, 3, service="pay", start=2, says="refused", has_plain_endpoint=False),
        span(5, 4, service="bank", start=3),
    )
    assert numbers(path) == [1, 2, 3, 4]
    assert path.service_path == ("web", "pay")
    assert (path.path_rank, path.depth, path.marks, path.is_fatal) == (1, 4, (), True)
    top, *_, origin = path.steps
    assert top == Step(
        span_id(1), None, "web", "op-1", "op-1", "server", 0, 100 * MILLISECOND, "Error", True,
        frozenset(["a"]),
    )  # fmt: skip
    assert origin is path.origin and origin.messages == {"refused"}
    assert (origin.endpoint, origin.operation, origin.parent_span_id) == (
        None, "op-4", span_id(3),
    )  # fmt: skip


def test_a_trace_without_failure_has_no_path() -> None:
    assert paths(span(1), span(2, 1), error_log(1, severity_number=13)) == []


def test_each_failure_without_a_failing_descendant_is_an_origin() -> None:
    told = [span(1, says="a"), span(2, 1, start=5, says="b"), span(3, 1, start=4, says="c"),
            span(4, 1), span(5, 4, start=9), span(6, 5, start=20, says="d")]  # fmt: skip
    assert ways(*told) == [([1, 4, 5, 6], ()), ([1, 3], ()), ([1, 2], ())]
    assert [path.path_rank for path in paths(*told)] == [1, 2, 3]
    assert [path.is_fatal for path in paths(*told)] == [True] * 3


def test_ranks_go_by_depth_then_start_then_id() -> None:
    found = paths(
        span(1), span(4, 1, says="x"), span(3, 1, says="x"), span(2, 1, start=-1, says="")
    )
    assert [numbers(path) for path in found] == [[1, 2], [1, 3], [1, 4]]
    assert [path.tied_rank for path in found] == [1, 2, 3]


def test_ranks_that_only_the_order_of_versions_could_tell_are_tied() -> None:
    found = paths(
        span(1),
        span(2, 1, says="x"),
        span(2, 1, says="y", service="pay"),
        span(3, 1, says="z"),
    )
    assert [(path.path_rank, path.tied_rank) for path in found] == [(1, 1), (2, 1), (3, 3)]


def test_services_that_repeat_are_collapsed_where_they_stand_together() -> None:
    services = ["a", "a", "b", "a", "a"]
    chain = [span(n, n - 1 or None, service=s) for n, s in enumerate(services, start=1)]
    (path,) = paths(*chain, error_log(5))
    assert path.service_path == ("a", "b", "a")


def test_a_span_with_an_error_log_fails() -> None:
    (path,) = paths(span(1), span(2, 1), error_log(2))
    assert (numbers(path), path.marks, path.is_fatal) == ([1, 2], (), False)
    assert not path.origin.is_error and path.origin.messages == frozenset()
    assert paths(span(1), error_log(1))[0].is_fatal


@pytest.mark.parametrize(
    ("service", "expected"), [("pay", "pay"), (None, "shop"), ("other", "shop")]
)
def test_a_log_belongs_to_the_span_of_its_service_else_to_the_first(
    service: str | None, expected: str
) -> None:
    found = paths(
        span(1), span(2, 1, start=1), span(2, 1, start=2, service="pay"), error_log(2, service)
    )
    assert [path.origin.service for path in found] == [expected]


# ---------------------------------------------------------------- what is missing


def test_a_missing_parent_is_marked_at_the_top_alone() -> None:
    assert ways(span(1), span(2, 9), span(3, 2, says="x")) == [([2, 3], ("missing_parent",))]
    assert ways(span(1), span(2, 9), span(3, 1, says="x")) == [([1, 3], ())]


def test_roots_are_counted() -> None:
    assert ways(span(1), span(2), span(3, 2, says="x")) == [([2, 3], ("several_roots",))]
    assert ways(span(2, 9, says="x")) == [([2], ("missing_parent", "no_root"))]


@pytest.mark.parametrize("lost", [None, 77])
def test_a_log_whose_span_is_missing_leads_to_the_root(lost: int | None) -> None:
    assert ways(span(1), span(2, 1), error_log(lost)) == [([1], ("missing_span",))]
    assert ways(span(1, says="x"), span(2, 1), error_log(lost)) == [([1], ("missing_span",))]
    assert ways(span(1), span(2, 1, says="x"), error_log(lost)) == [
        ([1, 2], ()),
        ([1], ("missing_span",)),
    ]
    assert ways(span(2, 9, start=5), span(3, 8, start=4), error_log(lost)) == [
        ([3], ("missing_parent", "missing_span", "no_root"))
    ]


def test_several_logs_whose_span_is_missing_are_one_path() -> None:
    assert ways(span(1), error_log(None), error_log(8)) == [([1], ("missing_span",))]


def test_a_trace_of_logs_has_a_path_without_span() -> None:
    (path,) = paths(
        error_log(7, "pay", at=2),
        error_log(None, "web", at=1, text="b"),
        error_log(None, "web", at=1, text="a"),
        error_log(None, "all", at=0, severity_number=9),
    )
    assert (path.path_rank, path.marks, path.service_path) == (1, ("missing_span",), ("web",))
    assert (path.depth, path.origin.span_id, path.origin.has_span) == (1, None, False)
    assert (path.origin.messages, path.origin.start_ns) == ({"a"}, MILLISECOND)
    (of_pod,) = paths(error_log(None, pod="cart-7d9f8b6c5d-h5m2n"))
    assert of_pod.service_path == ("cart",)


def test_spans_without_id_have_paths_but_no_children() -> None:
    assert ways(span(1), span(None, 1, says="x"), span(3, 1)) == [([1, None], ())]


# ---------------------------------------------------------------- parents and circles


def test_a_shared_id_makes_the_client_side_the_parent() -> None:
    (path,) = paths(
        span(1, service="web", kind="server"),
        span(2, 1, service="web", kind="client", start=1),
        span(2, 1, service="pay", kind="server", start=2),
        span(3, 2, service="pay", kind="client", start=3, says="x"),
    )
    assert [(step.service, step.kind) for step in path.steps] == [
        ("web", "server"), ("web", "client"), ("pay", "server"), ("pay", "client"),
    ]  # fmt: skip


def test_a_span_that_names_itself_is_a_circle_of_one() -> None:
    assert ways(span(1), span(2, 2), span(3, 2, says="x")) == [([2, 3], ("cycle",))]
    twins = [span(2, 1, service="pay"), span(2, 2, says="x")]
    assert ways(span(1), *twins) == [([1, 2, 2], ())]


def test_a_circle_is_cut_at_its_first_member() -> None:
    circle = [span(1, 3, start=2), span(2, 1, start=1), span(3, 2, start=3)]
    assert ways(*circle, span(4, 1, start=9, says="x")) == [([2, 3, 1, 4], ("cycle", "no_root"))]
    assert ways(*circle, span(4, 1, says="x"), span(5)) == [([2, 3, 1, 4], ("cycle",))]
    all_fail = [span(n, (n + 1) % 3 + 1, says="x") for n in (1, 2, 3)]
    assert ways(*all_fail) == [([1, 2, 3], ("cycle", "no_root"))]


def test_parents_are_those_that_calls_have() -> None:
    chance = random.Random(7)
    for _ in range(500):
        found = [
            span(
                chance.randint(1, 4),
                chance.choice([None, 1, 2, 3, 4, 5]),
                start=chance.randint(0, 2),
                service=chance.choice("ab"),
                kind=chance.choice([None, "client", "server", "producer", "internal"]),
                digest=b"",
            )
            for _ in range(chance.randint(1, 9))
        ]
        bearers: dict[tuple[str, str], list[Span]] = defaultdict(list)
        for one in sorted(found, key=_place):
            bearers[TRACE, str(one.span_id)].append(one)
        forest = forest_of(found)
        ids = {one.span_id for one in found}
        assert sorted(forest.downward) == list(range(len(found)))
        for place, one in enumerate(forest.spans):
            parent = forest.parents[place]
            expected = _parent_of(one, TRACE, bearers)
            if place in forest.cut:
                assert parent is None
                assert expected is not None or one.parent_span_id == one.span_id
            elif expected is None:
                assert parent is None and (one.parent_span_id not in ids)
            else:
                assert parent is not None and forest.spans[parent] is expected


# ---------------------------------------------------------------- the critical path


def critical(*told: Span) -> list[tuple[int | None, int]]:
    steps = critical_path_of(forest_of(told))
    return [
        (int(step.span.span_id, 16) if step.span.span_id else None, step.added_ns // MILLISECOND)
        for step in steps
    ]


def test_the_critical_path_goes_backwards_from_the_end() -> None:
    found = critical(
        span(1, start=0, latency=100),
        span(2, 1, start=10, latency=30),  # 10-40: before 4
        span(3, 1, start=20, latency=35),  # 20-55: overlaps 4
        span(4, 1, start=50, latency=40),  # 50-90: the last
        span(5, 4, start=60, latency=10),
        span(6, 3, start=21, latency=10),  # its parent is not on the path
        span(7, 1, start=95, latency=0),  # adds nothing
    )
    assert found == [(1, 30), (2, 30), (4, 30), (5, 10)]
    assert sum(added for _, added in found) == 100


def test_children_are_clamped_to_all_above_them() -> None:
    found = dict(
        critical(
            span(1, start=10, latency=50),
            span(2, 1, start=0, latency=100),
            span(3, 2, start=5, latency=80),
            span(4, 3, start=70, latency=10),
        )
    )
    assert found == {1: 0, 2: 0, 3: 50}


def test_children_that_touch_are_both_taken_and_ties_go_to_the_first() -> None:
    assert critical(
        span(1, latency=100),
        span(2, 1, start=0, latency=50),
        span(3, 1, start=50, latency=50),
        span(4, 1, start=50, latency=50),
    ) == [(1, 0), (2, 50), (3, 50)]


def test_the_critical_path_starts_at_the_traces_root() -> None:
    assert critical(span(1, start=5, latency=50), span(2, start=3, latency=10), span(3, 1)) == [
        (2, 10)
    ]
    assert critical(span(1, 9, start=5), span(2, 8, start=3, latency=10)) == [(2, 10)]
    assert critical(span(1, 2, latency=50), span(2, 1, start=1, latency=10)) == [(1, 40), (2, 10)]
    assert critical() == []


# ---------------------------------------------------------------- what holds for any trace


def any_trace(chance: random.Random) -> list[Span]:
    return [
        span(
            chance.randint(1, 8),
            chance.choice([None, *range(1, 10)]),
            start=chance.randint(0, 20),
            latency=chance.randint(0, 20),
            service=chance.choice("ab"),
            kind=chance.choice([None, "client", "server"]),
            says=chance.choice([None, None, "x"]),
            digest=bytes([number]),
        )
        for number in range(chance.randint(1, 12))
    ]


def test_every_failing_span_stands_on_a_path_whatever_the_order() -> None:
    chance = random.Random(3)
    for _ in range(500):
        told = any_trace(chance)
        found = paths(*told)
        failing = {(s.span_id, s.service, s.start_ns) for s in told if s.is_error}
        on_paths = {
            (step.span_id, step.service, step.start_ns) for path in found for step in path.steps
        }
        assert failing <= on_paths
        assert all(path.origin.is_error for path in found)
        assert len({path.steps for path in found}) == len(found)
        # versions of a span are told by their order alone, so none may change places
        if len({s.key for s in told}) == len(told):
            assert paths(*reversed(told)) == found


def test_what_is_added_makes_up_the_roots_latency() -> None:
    chance = random.Random(5)
    for _ in range(500):
        forest = forest_of(any_trace(chance))
        assert forest.root is not None
        steps = critical_path_of(forest)
        assert all(step.added_ns >= 0 for step in steps)
        root = forest.spans[forest.root]
        total = sum(step.added_ns for step in steps)
        if forest.parents[forest.root] is None:
            assert total == root.latency_ns
        else:  # spans above it clamp it
            assert total <= root.latency_ns


# ---------------------------------------------------------------- size


def measured(told: Sequence[Span]) -> tuple[list[IncidentPath], int]:
    """The paths of many spans in any order, and the ms that their critical path adds up to."""
    shuffled = list(told)
    random.Random(1).shuffle(shuffled)
    began = time.monotonic()
    found = paths(*shuffled)
    total = sum(step.added_ns for step in critical_path_of(forest_of(shuffled)))
    assert time.monotonic() - began < PATIENCE_SECONDS
    return found, total // MILLISECOND


def test_a_chain_of_10_000_is_one_path() -> None:
    depth = 10_000
    chain = [span(n, n - 1 or None, start=n, latency=2 * (depth - n)) for n in range(1, depth + 1)]
    (path,), total = measured([*chain[:-1], span(depth, depth - 1, start=depth, says="x")])
    assert numbers(path) == list(range(1, depth + 1))
    assert total == 2 * (depth - 1)


def test_50_000_children_have_a_path_each() -> None:
    count = 50_000
    wide = [span(n, 1, start=n, latency=1, says="x") for n in range(2, count + 2)]
    found, total = measured([span(1, latency=count + 10), *wide])
    assert [path.path_rank for path in found] == list(range(1, count + 1))
    assert numbers(found[-1]) == [1, count + 1]
    assert total == count + 10


def test_50_000_spans_that_share_an_id_are_no_square() -> None:
    found, _ = measured([span(1, 1, start=n, says="x") for n in range(50_000)])
    # all name the first, the first names the second: a circle of two
    assert len(found) == 49_999 and {path.depth for path in found} == {2}


def test_a_circle_of_50_000_is_one_path() -> None:
    size = 50_000
    circle = [span(n, n % size + 1, start=n) for n in range(1, size + 1)]
    found, _ = measured([*circle, span(size + 1, 2, start=0, says="x")])
    ((way, marks),) = [(numbers(path), path.marks) for path in found]
    assert way == [1, *range(size, 1, -1), size + 1]
    assert marks == ("cycle", "no_root")


# ---------------------------------------------------------------- what is compared


def test_a_secret_in_a_step_may_be_masked() -> None:
    (path,) = paths(span(1, name="mail ann@example.com", says="no ann@example.com"))
    raw = ToldPath.of_raw(path)
    (step,) = raw.steps
    masked = step._replace(operation="mail [email]", messages=("no [email]",), endpoint="any")
    assert raw.is_told_by(raw._replace(steps=(masked,), endpoint="any"))
    assert not raw.is_told_by(raw._replace(steps=(masked._replace(operation="mail"),)))


@pytest.mark.parametrize(
    ("name", "is_compared"),
    [
        ("/shop.CartService/AddItem", True),
        ("cart-service_check", True),
        ("GET /cart", False),
        ("HTTP", False),
        ("get", False),
        ("getCart", True),
        ("/cart/deadbeef", False),
        ("/cart/7", False),
        ("select shop", False),
        ("", False),
    ],
)
def test_an_endpoint_is_compared_where_no_template_can_change_it(
    name: str, is_compared: bool
) -> None:
    (path,) = paths(span(1, name=name, says="x"))
    raw = ToldPath.of_raw(path)
    other = raw._replace(steps=(raw.steps[0]._replace(endpoint="other"),))
    assert raw.is_told_by(other) is not is_compared
    assert raw.is_told_by(raw._replace(endpoint="other")) is not is_compared


def test_a_step_without_span_is_compared_by_its_service() -> None:
    (path,) = paths(error_log(None, "web"))
    raw = ToldPath.of_raw(path)
    (step,) = raw.steps
    told = step._replace(latency_ms=0.0, messages=("boom",), operation="", endpoint="web")
    assert raw.is_told_by(raw._replace(steps=(told,)))
    assert not raw.is_told_by(raw._replace(steps=(told._replace(service="pay"),)))


def test_steps_of_a_critical_path_that_tie_stand_in_any_order() -> None:
    tied = [span(2, 1), span(2, 1, service="pay")]
    steps = [CriticalStep(one, 5) for one in tied]
    raw = ToldCriticalPath.of_raw([*steps, CriticalStep(span(3, start=1), 0)])
    assert [len(run) for run in raw.runs] == [2, 1]
    one, other, last = (step for run in raw.runs for step in run)
    assert raw.is_told_by(ToldCriticalPath(((other,), (one,), (last,))))
    assert not raw.is_told_by(ToldCriticalPath(((one,), (last,), (other,))))
    assert not raw.is_told_by(ToldCriticalPath(((one,), (one,), (last,))))
    assert not raw.is_told_by(ToldCriticalPath(((one,), (other,))))


# ---------------------------------------------------------------- from aggregates


def failed_path(
    *services: str, trace: int = 1, minute: int = 0, says: str | None = "x"
) -> list[IncidentPath]:
    trace_id = f"{trace:032x}"
    start = minute * WINDOW_NS // MILLISECOND
    chain = [
        span(n, n - 1 or None, service=service, start=start, trace_id=trace_id,
             says=says if n == len(services) else None)
        for n, service in enumerate(services, start=1)
    ]  # fmt: skip
    logs = [] if says else [error_log(len(services), trace_id=trace_id, at=start)]
    return paths(*chain, *logs)


def test_a_lonely_failure_of_one_service_is_rebuilt_from_counts() -> None:
    rows = [AggregatedMinute(0, "pay", 1), AggregatedMinute(0, "web", 0)]
    assert rebuilt_path_count(failed_path("pay"), rows) == 1
    assert rebuilt_path_count(failed_path("pay", "pay"), rows) == 1
    later = [AggregatedMinute(1, "web", 7), *rows]
    assert rebuilt_path_count(failed_path("pay"), later) == 1


def test_a_path_of_several_services_never_is() -> None:
    rows = [AggregatedMinute(0, "web", 1), AggregatedMinute(0, "pay", 1)]
    assert rebuilt_path_count(failed_path("web", "pay"), rows) == 0
    assert rebuilt_path_count(failed_path("web", "pay"), rows[1:]) == 0


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [AggregatedMinute(0, "pay", 2)],
        [AggregatedMinute(0, "pay", 1), AggregatedMinute(0, "web", 1)],
        [AggregatedMinute(0, "pay", 1), AggregatedMinute(0, "pay", 1)],
        [AggregatedMinute(0, "web", 1)],
        [AggregatedMinute(1, "pay", 1)],
    ],
)
def test_other_counts_rebuild_nothing(rows: list[AggregatedMinute]) -> None:
    assert rebuilt_path_count(failed_path("pay"), rows) == 0


def test_two_paths_in_a_minute_share_no_error() -> None:
    rows = [AggregatedMinute(0, "pay", 1)]
    logged = failed_path("pay", trace=2, says=None)
    assert rebuilt_path_count([*failed_path("pay"), *logged], rows) == 0
    elsewhere = failed_path("pay", trace=2, minute=1)
    assert rebuilt_path_count([*failed_path("pay"), *elsewhere], rows) == 1
