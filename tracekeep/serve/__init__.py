"""`python -m tracekeep serve`: a dashboard, pages of incidents, Jaeger's query API."""

from __future__ import annotations

import argparse
import ipaddress
import os
import sys

from tracekeep.incident.arguments import count_to
from tracekeep.lake import lake_path, project_variables

OK, FAILED, WRONG = 0, 1, 2
TOKEN = "TRACEKEEP_TOKEN"  # noqa: S105 - the name of a variable
_DESCRIPTION = f"""\
Serve the lake, as it is at each request: a dashboard (/), the page of an incident or of a trace
(/incident, /traces/ID), and Jaeger's query API (/api/services, /api/operations, /api/traces,
/api/dependencies) for its UI and Grafana. Read-only; texts are masked, and raw lines are not shown.

If {TOKEN} is set, each request needs it: as `Authorization: Bearer TOKEN`, or as the
password that a browser asks for, with any name. Beyond the loopback interface it has to be set.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.description = _DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=count_to(65_535), default=16_686, help="port (16686)")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    import uvicorn

    from tracekeep.incident.delta_lake import DeltaLake
    from tracekeep.serve.application import application

    token = os.environ.get(TOKEN)
    if not token and not _is_loopback(arguments.host):
        message = f"{arguments.host} is beyond the loopback interface: set {TOKEN} to a secret"
        print(f"serve: {message}", file=sys.stderr)
        return WRONG
    lake = DeltaLake(lake_path())
    if not lake["gold.endpoint_minutes"].exists:
        print(
            f"serve: the lake {lake.folder} has no Gold: fill it with `make run`", file=sys.stderr
        )
        return FAILED
    address = f"http://{arguments.host}:{arguments.port}/"
    print(f"serve: dashboard at {address}, Jaeger's API at {address}api/", flush=True)
    uvicorn.run(
        application(lake, project_variables(), token),
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        server_header=False,
    )
    return OK


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
