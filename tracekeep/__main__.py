"""`python -m tracekeep <command>`: what dbt does not own."""

from __future__ import annotations

import sys

from tracekeep.command_line import end_process, run_command

COMMANDS = {
    "generate": ("tracekeep.generator", "write the input of a generated payments platform"),
    "ingest": ("tracekeep.ingest", "load files into Bronze, exactly once, and close the books"),
    "replay-rejected": (
        "tracekeep.ingest.replay",
        "read rejected records again, after a fix, and load what can be read now",
    ),
    "run": ("tracekeep.run", "ingest, Silver, Gold and tests in one process"),
    "compact": ("tracekeep.compact", "rewrite the closed days that many runs have written to"),
    "rebuild": ("tracekeep.rebuild", "build Silver and Gold again from all of Bronze"),
    "expire": ("tracekeep.expire", "remove what each layer has kept for long enough"),
    "erase": ("tracekeep.erasure", "take traces or a subject out of all layers, and prove it"),
    "tables": ("tracekeep.tables", "list the tables of the lake with versions, rows and bytes"),
    "root-cause": ("tracekeep.incident.root_cause", "rank the services that may have caused it"),
    "evidence": ("tracekeep.evidence", "measure what the layers tell on cases with known culprits"),
    "alert": ("tracekeep.alerts", "tell what somebody should know of, once, and correct it"),
    "serve": ("tracekeep.serve", "serve a dashboard, pages of incidents and Jaeger's query API"),
    "mcp": ("tracekeep.mcp_tools", "answer an assistant by the Model Context Protocol"),
    "incident": ("tracekeep.incident", "show what broke, from windows in Gold to the raw lines"),
}


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and run one command; returns its exit code."""
    return run_command("tracekeep", __doc__, COMMANDS, sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    end_process(main())
