"""`python -m tracekeep alert`: what somebody should know of, told once, and corrected."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime

from tracekeep.incident.arguments import count_to
from tracekeep.lake import lake_path, project_variables, state_path

OK, FAILED = 0, 1
WEBHOOK = "TRACEKEEP_WEBHOOK"
MOST_HOURS = 24 * 30
_DESCRIPTION = f"""\
Tell what Gold says that somebody should know of: error patterns that are new, times in which far
more failed than usual, changes that did harm, and an ingest that stands still. For after each run:
it prints a JSON line for each alert that began, ended or was corrected since the last time, in the
form of Prometheus' Alertmanager, and sends all of them to a webhook if {WEBHOOK}
names one.

An alert is told once. When late data changes its verdict, it is told again with `corrected`; when
late data takes it back, it is resolved with the verdict `withdrawn`. What was told is in
alerts.json, beside the metastore; a webhook that fails is told the same the next time.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.description = _DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--hours",
        type=count_to(MOST_HOURS),
        default=24,
        metavar="N",
        help="how far before the newest window of Gold alerts are looked for (24)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code: 0, also without an alert, or 1 for a lake that cannot
    be read or a webhook that did not take them."""
    from tracekeep.alerts.delivery import DeliveryError, messages, post, read_told, write_told
    from tracekeep.alerts.verdicts import alerts_of
    from tracekeep.incident.delta_lake import DeltaLake, UnreadableError

    now = datetime.now(UTC)
    path = state_path() / "alerts.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        told = read_told(path)
        alerts, looked = alerts_of(
            DeltaLake(lake_path()), project_variables(), arguments.hours, now
        )
        news, told = messages(alerts, told, looked)
        for message in news:
            # ASCII alone: what a terminal would obey stands there as \u001b
            print(json.dumps(message))
        if news and (url := os.environ.get(WEBHOOK)):
            post(url, news)
        write_told(path, told)
    except BrokenPipeError:
        raise
    except (UnreadableError, DeliveryError, ValueError, OSError) as error:
        print(f"alert: {error}", file=sys.stderr)
        return FAILED
    return OK
