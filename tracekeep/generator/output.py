"""``generate``: plan the slices, run them in worker processes, join what belongs together."""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from .changes import cdevent, changes_by_day, truth_of
from .incidents import hour_of
from .slices import SliceJob, SliceResult, days_from, plan_and_world, plan_slices, run_slice
from .writers import (
    Counts,
    Shares,
    Slot,
    merge_pod_log,
    pod_log_path,
    write_gzip,
    write_json,
)

DEFAULT_START = date(2026, 1, 12)
MAX_DAYS = 3660
_OWNED = ("otlp", "pods", "changes", "truth", ".parts")
_COUNTED = (
    "events",
    "spans",
    "logs",
    "traces",
    "error_events",
    "error_spans",
    "error_logs",
    "error_traces",
    "error_trace_spans",
    "fatal_traces",
    "kept_traces",
    "warn_logs",
    "slow_traces",
    "pod_logs",
    "otlp_logs",
    "requests",
    "duplicates",
    "duplicate_requests",
    "late",
    "late_spans",
    "late_logs",
    "late_traces",
    "late_error_traces",
    "out_of_order_spans",
    "incidents",
    "changes",
)
_MAX_IDS = 10_000

Progress = Callable[[int, int], None]


def default_workers() -> int:
    """One worker per core, at most eight."""
    return min(8, os.cpu_count() or 1)


def generate(
    out: Path,
    events: int,
    seed: int,
    days: int = 1,
    start: date = DEFAULT_START,
    late_share: float = 0.01,
    duplicate_share: float = 0.005,
    out_of_order_share: float = 0.02,
    error_share: float | None = None,
    incident_every: int | None = None,
    is_quiet: bool = False,
    workers: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Write ``days`` days of a payments platform to ``out``: its spans, logs and changes.

    The same arguments give the same bytes, whatever ``workers`` is.

    Args:
        out: Folder to write; created, or empty, or replaced if ``force`` (only ``otlp``, ``pods``,
            ``changes`` and ``truth`` in it).
        events: Exact number of unique spans and log records, about 70 and 30 percent.
        seed: Any integer.
        days: Number of days, from ``start`` on, UTC.
        start: First day.
        late_share: Share of traces of which one pod's OTLP records arrive 1 to 24 hours later
            (traces with an error span: eight times this share).
        duplicate_share: Share of OTLP requests (lines) that are delivered twice.
        out_of_order_share: Share of spans that stand after later ones in the files.
        error_share: Aimed share of spans that stand in error traces. Measured with 200,000 events:
            hit within a twentieth from 0.05 on, within a quarter below, where few traces fail.
            Above what comes by itself more traces fail at a random handler in one of its usual
            ways; below, all faults and incidents get rarer, so that incidents fail fewer calls
            than their descriptions say. None: as it comes, about 0.0165.
        incident_every: Days from one incident to the next, from the first day on, its kinds in
            turn. So that few events a day show it, its hour has three times its traffic, of which
            it fails the first traces. No changes on the days between. None: every kind each day.
        is_quiet: Quiet incidents instead of loud ones: a log statement goes missing, a hop gets
            slow, a few requests fail.
        workers: Number of processes; None: one per core, at most eight.
        force: Replace an earlier output.
        progress: Called with (finished, all) slices.

    Returns:
        Counts: events, spans, logs, traces, error_events, error_spans, error_logs, error_traces,
        error_trace_spans (spans in error traces), duplicates, late, changes and more; the same as
        ``counts`` in ``truth/manifest.json``.

    Raises:
        ValueError: An argument is out of range.
        FileExistsError: ``out`` has content and ``force`` is not set, or is a file.
    """
    shares = Shares(late_share, duplicate_share, out_of_order_share)
    _check(events, days, start, shares, error_share, incident_every, workers)
    out = Path(out)
    _prepare(out, force)
    parts = out / ".parts"
    parts.mkdir(parents=True)
    dates = days_from(start, days)
    plan, world = plan_and_world(seed, start, days, incident_every, is_quiet)
    busy = {hour_of(incident.start) for incident in plan.incidents} if incident_every else ()
    jobs = [
        SliceJob(
            seed,
            start,
            days,
            slot,
            n,
            shares,
            error_share,
            str(out),
            str(parts),
            incident_every,
            is_quiet,
        )
        for slot, n in plan_slices(events, dates, busy)
        if n
    ]
    counts = Counts(dict.fromkeys(_COUNTED, 0))
    affected: dict[str, list[str]] = {}
    for done, result in enumerate(_results(jobs, workers or default_workers()), start=1):
        counts.merge(result.counts)
        for incident, traces in result.affected.items():
            affected.setdefault(incident, []).extend(traces)
        if progress:
            progress(done, len(jobs))
    slots = [job.slot for job in jobs]
    for pod in world.pods:
        if (parts / f"pod-{pod.index}").exists():
            merge_pod_log(parts / f"pod-{pod.index}", pod_log_path(out, pod), slots)
    totals = counts.values
    totals["events"] = totals["spans"] + totals["logs"]
    totals["error_events"] = totals["error_spans"] + totals["error_logs"]
    totals["late"] = totals["late_spans"] + totals["late_logs"]
    totals["incidents"] = len(plan.incidents)
    totals["changes"] = len(plan.changes)
    (out / "changes").mkdir()
    for day, changes in changes_by_day(plan.changes).items():
        lines = "".join(f"{cdevent(change)}\n" for change in changes)
        (out / "changes" / f"{day}.jsonl").write_text(lines, encoding="ascii")
    truth = out / "truth"
    truth.mkdir()
    (truth / ".noingest").touch()
    write_gzip(truth / "error_events.jsonl.gz", _parts_of(parts, slots, "truth"))
    write_gzip(truth / "verdicts.jsonl.gz", _parts_of(parts, slots, "verdicts"))
    write_json(truth / "changes.json", [truth_of(change) for change in plan.changes])
    write_json(
        truth / "incidents.json",
        [
            {
                "id": incident.id,
                "kind": incident.kind,
                "service": incident.service,
                "root_cause_service": incident.service,
                "start": _utc(incident.start),
                "end": _utc(incident.end),
                "start_unix_nano": incident.start,
                "end_unix_nano": incident.end,
                "description": incident.of.description,
                "change_ids": [c.id for c in plan.changes if c.incident_id == incident.id],
                "affected_trace_count": len(affected.get(incident.id, [])),
                # at most _MAX_IDS of them; the count is of all
                "affected_trace_ids": sorted(affected.get(incident.id, []))[:_MAX_IDS],
            }
            for incident in plan.incidents
        ],
    )
    write_json(
        truth / "manifest.json",
        {
            "arguments": {
                "events": events,
                "seed": seed,
                "days": days,
                "start": start.isoformat(),
                "late_share": late_share,
                "duplicate_share": duplicate_share,
                "out_of_order_share": out_of_order_share,
                "error_share": error_share,
                **({"incident_every": incident_every} if incident_every else {}),
                **({"is_quiet": True} if is_quiet else {}),
            },
            "counts": totals,
        },
    )
    shutil.rmtree(parts)
    return totals


def _check(
    events: int,
    days: int,
    start: date,
    shares: Shares,
    error_share: float | None,
    incident_every: int | None,
    workers: int | None,
) -> None:
    if events < 1:
        raise ValueError(f"events is {events}; at least 1 is needed")
    if not 1 <= days <= MAX_DAYS:
        raise ValueError(f"days is {days}; it must be 1 to {MAX_DAYS}")
    if not 2000 <= start.year <= 2100:
        raise ValueError(f"start is {start}; its year must be 2000 to 2100")
    if workers is not None and workers < 1:
        raise ValueError(f"workers is {workers}; at least 1 is needed")
    if error_share is not None and not 0.0 <= error_share <= 1.0:
        raise ValueError(f"error_share is {error_share}; it must be 0 to 1")
    if incident_every is not None and incident_every < 1:
        raise ValueError(f"incident_every is {incident_every}; at least 1 is needed")
    for name in ("late", "duplicate", "out_of_order"):
        value = getattr(shares, name)
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{name}_share is {value}; it must be 0 to 1")


def _prepare(out: Path, force: bool) -> None:
    """Make sure that ``out`` may be written; remove an earlier output if ``force``."""
    if out.exists() and not out.is_dir():
        raise FileExistsError(f"{out} is a file; name a folder")
    if out.exists() and any(out.iterdir()):
        if not force:
            raise FileExistsError(f"{out} is not empty; name another folder or add --force")
        for name in _OWNED:
            if (out / name).exists():
                shutil.rmtree(out / name)
    out.mkdir(parents=True, exist_ok=True)


def _results(jobs: list[SliceJob], workers: int) -> Iterator[SliceResult]:
    """Run the jobs; results come in the order of ``jobs``."""
    if workers == 1 or len(jobs) == 1:
        yield from map(run_slice, jobs)
        return
    # spawn: the caller may hold threads or a JVM connection that must not be forked
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(workers, len(jobs))) as pool:
        yield from pool.imap(run_slice, jobs)


def _parts_of(parts: Path, slots: list[Slot], suffix: str) -> Iterator[bytes]:
    for slot in slots:
        path = parts / f"{slot.name}.{suffix}"
        if path.exists():
            yield path.read_bytes()


def _utc(nanoseconds: int) -> str:
    return (
        datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC).isoformat().replace("+00:00", "Z")
    )
