"""`python -m oracle <command>`: compare a lake with an independent reading of its raw files."""

from __future__ import annotations

import sys

from tracekeep.command_line import end_process, run_command

COMMANDS = {
    "compare": ("oracle", "compare a lake with an independent reading of raw files"),
    "templates": (
        "oracle.statement_templates",
        "check that each log statement gets its own error template",
    ),
    "formats": (
        "oracle.format_comparison",
        "compare format samples in Bronze with an independent reading of them",
    ),
    "reports": ("oracle.reports", "compare inputs after users' reports with what is expected"),
}

if __name__ == "__main__":
    end_process(run_command("oracle", __doc__, COMMANDS, sys.argv[1:]))
