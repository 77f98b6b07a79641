"""What the raw files and the lake tell of an incident path, in one shape to be compared (R9)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from oracle.critical_paths import CriticalStep
from oracle.messages import is_masked, short_form, silver_text
from oracle.paths import IncidentPath, Step

NS_PER_MS = 1_000_000
TOLERANCE_MS = 1e-6
STEP_FIELDS = (
    "span_id", "parent_span_id", "service", "endpoint", "operation", "kind", "latency_ms",
    "status_code", "is_error", "error_message",
)  # fmt: skip
CRITICAL_FIELDS = ("span_id", "service", "endpoint", "added_ms")

# Words of letters alone: what no template changes (docs/contract.md 'endpoint')
_PLAIN_NAME = re.compile(r"/?[A-Za-z]+(?:[./_-][A-Za-z]+)*")
_METHOD = re.compile(
    r"(?i)/?(?:http|get|head|post|put|patch|delete|options|trace|connect)(?![A-Za-z])"
)
_HEX_WORD = re.compile(r"(?i)(?<![a-z])[a-f]{6,}(?![a-z])")


def _told_endpoint(name: str | None) -> str | None:
    """The endpoint of a span that is called by its name; None if a template may change it."""
    if name is None or not _PLAIN_NAME.fullmatch(name):
        return None
    return None if _METHOD.match(name) or _HEX_WORD.search(name) else name


def _word(value: str | None) -> str | None:
    """A kind or status in lower case; what says that there is none is None."""
    lower = (value or "").lower()
    return None if lower in ("", "unset", "unspecified") else lower


def _is_near(stated_ms: float, told_ms: float | None) -> bool:
    return told_ms is not None and math.isclose(
        stated_ms, told_ms, rel_tol=1e-12, abs_tol=TOLERANCE_MS
    )


def _is_endpoint(stated: str | None, told: str | None) -> bool:
    return stated is None or is_masked(told, stated)


class ToldStep(NamedTuple):
    """One step.

    Of the raw files: `endpoint` None where it is not compared, `latency_ms` None where there is no
    span, and all `messages` that the span's versions have.
    """

    span_id: str | None
    parent_span_id: str | None
    service: str
    endpoint: str | None
    operation: str
    kind: str | None
    latency_ms: float | None
    status_code: str | None
    is_error: bool
    messages: tuple[str | None, ...]

    @classmethod
    def of_raw(cls, step: Step) -> ToldStep:
        """A step as the raw files tell it."""
        return cls(
            step.span_id,
            step.parent_span_id,
            step.service,
            _told_endpoint(step.endpoint),
            silver_text(step.operation or ""),
            _word(step.kind),
            None if step.latency_ns is None else step.latency_ns / NS_PER_MS,
            _word(step.status_code),
            step.is_error,
            tuple(sorted(step.messages, key=lambda text: text or "")),
        )

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> ToldStep:
        """A step as the lake tells it: a struct of STEP_FIELDS."""
        span_id, parent, service, endpoint, operation, kind, latency, status, is_error, message = (
            row[name] for name in STEP_FIELDS
        )
        return cls(
            span_id, parent, service, endpoint, operation or "", _word(kind), latency,
            _word(status), bool(is_error), (short_form(message),),
        )  # fmt: skip

    def is_told_by(self, told: ToldStep) -> bool:
        """Whether a step of the lake is this one, secrets masked; messages of error spans alone."""
        if (self.span_id, self.service) != (told.span_id, told.service):
            return False
        if self.latency_ms is None:
            return True
        return (
            (self.parent_span_id, self.kind, self.status_code, self.is_error)
            == (told.parent_span_id, told.kind, told.status_code, told.is_error)
            and _is_near(self.latency_ms, told.latency_ms)
            and is_masked(told.operation, self.operation)
            and _is_endpoint(self.endpoint, told.endpoint)
            and (
                not self.is_error
                or any(is_masked(told.messages[0], text) for text in self.messages)
            )
        )


class ToldPath(NamedTuple):
    """One path; `service` and `endpoint` are the origin's."""

    service: str
    endpoint: str | None
    service_path: tuple[str, ...]
    marks: tuple[str, ...]
    is_fatal: bool
    depth: int
    steps: tuple[ToldStep, ...]

    @classmethod
    def of_raw(cls, path: IncidentPath) -> ToldPath:
        """A path as the raw files tell it."""
        steps = tuple(map(ToldStep.of_raw, path.steps))
        return cls(
            path.origin.service, steps[-1].endpoint, path.service_path, path.marks, path.is_fatal,
            path.depth, steps,
        )  # fmt: skip

    @classmethod
    def of_row(
        cls, service: str, endpoint: str | None, service_path: Sequence[str] | None,
        steps: Sequence[Mapping[str, Any]] | None, marks: Sequence[str] | None, is_fatal: bool,
        depth: int,
    ) -> ToldPath:  # fmt: skip
        """A path as the lake tells it."""
        return cls(
            service, endpoint, tuple(service_path or ()), tuple(marks or ()), bool(is_fatal), depth,
            tuple(map(ToldStep.of_row, steps or ())),
        )  # fmt: skip

    def is_told_by(self, told: ToldPath) -> bool:
        """Whether a path of the lake is this one."""
        return (
            (self.service, *self[2:6]) == (told.service, *told[2:6])
            and _is_endpoint(self.endpoint, told.endpoint)
            and len(self.steps) == len(told.steps)
            and all(map(ToldStep.is_told_by, self.steps, told.steps))
        )


class ToldCriticalStep(NamedTuple):
    """One span of a critical path; `endpoint` None in the raw files where it is not compared."""

    span_id: str | None
    service: str
    endpoint: str | None
    added_ms: float | None

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> ToldCriticalStep:
        """A step as the lake tells it: a struct of CRITICAL_FIELDS."""
        return cls(*(row[name] for name in CRITICAL_FIELDS))

    def is_told_by(self, told: ToldCriticalStep) -> bool:
        """Whether a step of the lake is this one."""
        return (
            (self.span_id, self.service) == (told.span_id, told.service)
            and _is_near(self.added_ms or 0.0, told.added_ms)
            and _is_endpoint(self.endpoint, told.endpoint)
        )


class ToldCriticalPath(NamedTuple):
    """A critical path as runs of steps; what has the same start and id is one run, in any order."""

    runs: tuple[tuple[ToldCriticalStep, ...], ...]

    @classmethod
    def of_raw(cls, steps: Sequence[CriticalStep]) -> ToldCriticalPath:
        """A critical path as the raw files tell it."""
        tied = groupby(steps, key=lambda step: (step.span.start_ns, step.span.span_id or ""))
        return cls(tuple(tuple(map(_critical_step, run)) for _, run in tied))

    @classmethod
    def of_row(cls, steps: Sequence[Mapping[str, Any]]) -> ToldCriticalPath:
        """A critical path as the lake tells it: each step a run of its own."""
        return cls(tuple((ToldCriticalStep.of_row(step),) for step in steps))

    def is_told_by(self, told: ToldCriticalPath) -> bool:
        """Whether a critical path of the lake is this one."""
        left = [step for run in told.runs for step in run]
        if len(left) != sum(map(len, self.runs)):
            return False
        position = 0
        for run in self.runs:
            found = left[position : position + len(run)]
            position += len(run)
            for step in run:
                match = next((other for other in found if step.is_told_by(other)), None)
                if match is None:
                    return False
                found.remove(match)
        return True


def _critical_step(step: CriticalStep) -> ToldCriticalStep:
    span = step.span
    endpoint = _told_endpoint(span.name) if span.has_plain_endpoint else None
    return ToldCriticalStep(span.span_id, span.service, endpoint, step.added_ns / NS_PER_MS)
