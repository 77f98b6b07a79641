"""`python -m tracekeep <command>`: what dbt does not own."""

from __future__ import annotations

import argparse
import importlib
import sys

COMMANDS = {
    "generate": ("tracekeep.generator", "write the input of a generated payments platform"),
    "ingest": ("tracekeep.ingest", "load files into Bronze, exactly once, and close the books"),
    "replay-rejected": (
        "tracekeep.ingest.replay",
        "read rejected records again, after a fix, and load what can be read now",
    ),
    "run": ("tracekeep.run", "ingest, Silver, Gold and tests in one process"),
    "rebuild": ("tracekeep.rebuild", "build Silver and Gold again from all of Bronze"),
    "expire": ("tracekeep.expire", "remove what each layer has kept for long enough"),
    "erase": ("tracekeep.erasure", "take traces or a subject out of all layers, and prove it"),
    "tables": ("tracekeep.tables", "list the tables of the lake with versions, rows and bytes"),
    "incident": ("tracekeep.incident", "show what broke, from windows in Gold to the raw lines"),
    "validate": (
        "tracekeep.validation",
        "compare the lake with an independent reading of raw files",
    ),
    "validate-templates": (
        "tracekeep.validation.statement_templates",
        "tell whether error templates tell the log statements apart that wrote them",
    ),
    "validate-formats": (
        "tracekeep.validation.format_comparison",
        "compare format samples in Bronze with an independent reading of them",
    ),
}


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and run one command; returns its exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="python -m tracekeep", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module_name, summary) in COMMANDS.items():
        command = subparsers.add_parser(name, help=summary, description=summary.capitalize() + ".")
        if arguments[:1] == [name]:  # only the command that runs is imported
            module = importlib.import_module(module_name)
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    parsed = parser.parse_args(arguments)
    return int(parsed.run(parsed))


if __name__ == "__main__":
    sys.exit(main())
