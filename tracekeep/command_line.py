"""A command line of several commands, each a module."""

from __future__ import annotations

import argparse
import atexit
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from tracekeep.lake import LakeError

OUTPUT_CLOSED = 141
"""Exit code of a command whose reader has gone, as shells tell it."""


def run_command(
    package: str,
    description: str | None,
    commands: Mapping[str, tuple[str, str]],
    arguments: Sequence[str],
) -> int:
    """Parse the arguments of `python -m <package>` and run one command; returns its exit code, 2
    for a lake that cannot be used as it is named.

    commands: by name the module, which has `add_arguments` and `run`, and a summary. Only the
    module of the command that runs is imported.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {package}", description=description)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module_name, summary) in commands.items():
        command = subparsers.add_parser(name, help=summary, description=summary.capitalize() + ".")
        if arguments[:1] == [name]:
            module = importlib.import_module(module_name)
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    parsed = parser.parse_args(arguments)
    try:
        code = int(parsed.run(parsed))
        sys.stdout.flush()
    except LakeError as error:
        print(f"{parsed.command}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        if not _is_stdout_closed():
            raise
        # what is left to print goes nowhere, so that the end of the process does not fail as well
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OUTPUT_CLOSED
    return code


def end_process(code: int) -> NoReturn:
    """End the process after what was registered for its end, but without ending the interpreter,
    which pyarrow's threads may still call to close files of an object store: it would abort
    (`tracekeep.lake.arrow_files`)."""
    atexit._run_exitfuncs()  # nothing public runs them
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _is_stdout_closed() -> bool:
    """Whether nobody reads what is printed any more, as behind `| head`."""
    try:
        print(flush=True)
    except BrokenPipeError:
        return True
    return False
