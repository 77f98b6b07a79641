"""Error patterns: do the days, the totals and the error events of a lake agree (R10)?

What a template has to be the contract leaves open, so the patterns are held against the error
events, and their templates against the log statements that some logs name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from oracle.differences import Comparison, difference_of
from oracle.lake_reading import Lake
from oracle.messages import Message
from oracle.statement_templates import lines_of, raw_statements, statements_of_lake
from oracle.verdicts import Reading, service_of, span_of

DAYS, TOTALS, EVENTS = "gold.error_pattern_days", "gold.error_patterns", "gold.error_events"

# environment and fingerprint
Pattern = tuple[str, str]

_DIGIT = re.compile(r"[0-9]")


class Seen(NamedTuple):
    """How often a pattern was seen, and between which times, in µs."""

    event_count: int
    failure_count: int
    first_seen_us: int
    last_seen_us: int

    def and_also(self, other: Seen) -> Seen:
        """Both together."""
        return Seen(
            self.event_count + other.event_count,
            self.failure_count + other.failure_count,
            min(self.first_seen_us, other.first_seen_us),
            max(self.last_seen_us, other.last_seen_us),
        )


def compare_patterns(reading: Reading, lake: Lake, comparison: Comparison) -> None:
    """Compare the patterns of the rule in use, which is the one with the greatest version."""
    rows = [row[1:3] for row in lake.other_rows(EVENTS)]
    expected = _seen_in_events(lake)
    version = max((row[0] for row in lake.rows(TOTALS)), default=None)
    # the raw files say how many error events there are: so many rows of gold.error_events
    stated = sum(len(s.failures) for s in reading.spans if s.is_error)
    stated += sum(r.is_error for r in reading.logs)
    for table in (DAYS, TOTALS):
        told: dict[Pattern, Seen] = {}
        backward = digits = 0
        for v, environment, fingerprint, template, failed, counted, first, last in lake.rows(table):
            backward += first > last
            digits += _DIGIT.search(template) is not None
            if v == version:
                seen = Seen(counted, failed, first, last)
                held = told.get((environment, fingerprint))
                told[environment, fingerprint] = held.and_also(seen) if held else seen
        counted_events = sum(seen.event_count for seen in told.values())
        comparison.figure(f"{table}: event_count", stated, counted_events)
        comparison.figure(f"{table}: rows seen last before first", 0, backward)
        comparison.figure(f"{table}: templates with a digit", 0, digits)
        comparison.differences.append(
            difference_of(
                f"{table} (environment, fingerprint), against {EVENTS}: events, failures, first "
                "seen, last seen µs",
                expected.items(),
                told.items(),
            )
        )
    known = {(e, f) for v, e, f, *_ in lake.rows(TOTALS) if v == version}
    comparison.figure(
        f"{EVENTS}: rows whose fingerprint is in {TOTALS} of their environment",
        len(rows),
        sum(row in known for row in rows),
    )
    _compare_statements(reading, lake, comparison)


def _seen_in_events(lake: Lake) -> dict[Pattern, Seen]:
    """What the error events say of each pattern.

    A failure that a span and log records tell of is one, and counts where its span does.
    """
    environments: dict[str, str] = {}
    for event_type, environment, _, failure_id, *_ in lake.other_rows(EVENTS):
        if event_type == "span":
            environments[failure_id] = environment
    seen: dict[Pattern, Seen] = {}
    known: set[tuple[Pattern, str]] = set()
    for _, environment, fingerprint, failure_id, _, _, at in lake.other_rows(EVENTS):
        key = (environments.get(failure_id, environment), fingerprint)
        one = Seen(1, (key, failure_id) not in known, at, at)
        known.add((key, failure_id))
        seen[key] = seen[key].and_also(one) if key in seen else one
    return seen


def _compare_statements(reading: Reading, lake: Lake, comparison: Comparison) -> None:
    """Only of a set whose error logs name the statement that wrote them."""

    def records() -> Iterator[tuple[str, frozenset[Message]]]:
        for record in reading.logs:
            if record.is_error:
                span = span_of(record, reading.traces)
                yield service_of(record, span), record.messages

    stated = raw_statements(records())
    if not stated:
        return
    found = statements_of_lake(lake)
    comparison.figure(
        f"{TOTALS}: log statements told apart by template",
        len(stated - found.by_spans),
        found.told_apart,
    )
    comparison.notes += lines_of(found)[1:]
