"""The command line of ``python -m tracekeep generate``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from .output import DEFAULT_START, default_workers, generate

_DESCRIPTION = """\
Write a generated day (or more) of a payments platform on Kubernetes: ten services, their spans and
their logs, errors, retries, changes and labelled incidents. Same arguments, same bytes.

  OUT/otlp/{traces,logs}/<day>/<HH>-<k>.jsonl.gz   OTLP/JSON, one export request a line; the hour is
                                                   that of arrival (<HH>-late-from-<HH>-<k>: late)
  OUT/pods/<namespace>_<pod>_<uid>/<container>/0.log   kubelet log files, CRI lines
  OUT/changes/<day>.jsonl          CDEvents: deployments, rollbacks, settings; in a CloudEvents
                                   envelope or plain
  OUT/truth/manifest.json          arguments and exact counts
  OUT/truth/incidents.json         what broke, when, by which change, which traces felt it
  OUT/truth/changes.json           every change; incident_id: what it caused,
                                   ended_incident_id: what it ended; both null: without effect
  OUT/truth/verdicts.jsonl.gz      every trace: its sample class, whether it is kept and why, its
                                   incidents and, for an error trace, their root cause
  OUT/truth/error_events.jsonl.gz  every error event: span or log, ids, type, message, time in ns
                                   (a span's start; a pod line's CRI time; an OTLP log's time)
  OUT/truth/.noingest              tells the loader to skip the folder
"""
_EPILOG = """\
examples:
  python -m tracekeep generate day --events 200000 --seed 7
  python -m tracekeep generate week --events 1000000 --seed 7 --days 7 --start 2026-03-02
  python -m tracekeep generate year --events 732000 --seed 7 --days 366 --incident-every 7

The last line on stdout is a JSON object of counts. Exit code 0: written; 2: refused (arguments, or
OUT is not empty).
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments and the help text of ``generate`` to ``parser``."""
    parser.description = _DESCRIPTION
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("out", metavar="OUT", type=Path, help="folder to write")
    parser.add_argument(
        "--events",
        type=_whole("events", 1),
        required=True,
        metavar="N",
        help="number of unique spans and log records together (about 70 and 30 percent)",
    )
    parser.add_argument("--seed", type=int, required=True, metavar="S", help="any integer")
    parser.add_argument(
        "--days", type=_whole("days", 1), default=1, metavar="D", help="days to cover (default 1)"
    )
    parser.add_argument(
        "--start",
        type=_date,
        default=DEFAULT_START,
        metavar="DATE",
        help=f"first day, UTC (default {DEFAULT_START})",
    )
    shares = (
        ("late", 0.01, "traces of which one pod's records arrive 1 to 24 hours later"),
        ("duplicate", 0.005, "OTLP requests that are delivered a second time"),
        ("out-of-order", 0.02, "spans that stand after later ones in the files"),
    )
    for name, default, what in shares:
        parser.add_argument(
            f"--{name}-share",
            type=_share,
            default=default,
            metavar="P",
            help=f"share (0 to 1) of {what} (default {default})",
        )
    parser.add_argument(
        "--error-share",
        type=_share,
        metavar="P",
        help="aimed share (0 to 1) of spans in error traces, hit closely from 0.05 on; below"
        " 0.0165 incidents fail fewer calls (default: as it comes, about 0.0165)",
    )
    parser.add_argument(
        "--incident-every",
        type=_whole("incident-every", 1),
        metavar="D",
        help="one incident each D days, its kinds in turn; its hour has three times its traffic, of"
        " which it fails the first traces (default: every kind each day)",
    )
    parser.add_argument(
        "--quiet",
        action="store_true",
        help="quiet incidents instead of loud ones: a log statement goes missing, a hop gets slow,"
        " a few requests fail",
    )
    parser.add_argument(
        "--workers",
        type=_whole("workers", 1),
        metavar="W",
        help="processes; does not change the output (default: one per core, at most 8;"
        f" here {default_workers()})",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="replace an earlier output in OUT (otlp, pods, changes, truth)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run ``generate`` with parsed arguments; 0 if written, 2 if refused."""
    started = time.monotonic()
    try:
        counts = generate(
            arguments.out,
            arguments.events,
            arguments.seed,
            days=arguments.days,
            start=arguments.start,
            late_share=arguments.late_share,
            duplicate_share=arguments.duplicate_share,
            out_of_order_share=arguments.out_of_order_share,
            error_share=arguments.error_share,
            incident_every=arguments.incident_every,
            is_quiet=arguments.quiet,
            workers=arguments.workers,
            force=arguments.force,
            progress=_report_progress,
        )
    except (ValueError, FileExistsError) as error:
        print(f"generate: {error}", file=sys.stderr)
        return 2
    print(f"generate: {time.monotonic() - started:.1f} s, {arguments.out}", file=sys.stderr)
    print(json.dumps(counts))
    return 0


def _report_progress(done: int, total: int) -> None:
    """A line on stderr for each tenth of the work."""
    if done * 10 // total > (done - 1) * 10 // total:
        print(f"generate: {done} of {total} slices", file=sys.stderr, flush=True)


def _whole(name: str, least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            value = int(text.replace("_", ""))
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if value < least:
            raise argparse.ArgumentTypeError(f"{name} is {value}; at least {least} is needed")
        return value

    return parse


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text} is not a share; it must be 0 to 1")
    return value


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day like 2026-01-12") from None
