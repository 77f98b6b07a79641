"""dbt commands in this process, on the Spark session that is open."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tracekeep.catalog import register_tables
from tracekeep.lake import state_path
from tracekeep.session import spark_session

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult
    from dbt_common.events.base_types import EventMsg


class DbtError(RuntimeError):
    """A dbt command that did not succeed; its result is in `result`."""

    def __init__(self, command: str, result: dbtRunnerResult, told: Sequence[str] = ()) -> None:
        failed = [
            f"{outcome.node.name}: {(outcome.message or '').strip()}"
            for outcome in getattr(result.result, "results", [])
            if outcome.status in ("error", "fail", "runtime error") and hasattr(outcome, "node")
        ]
        reason = str(result.exception) if result.exception else "\n".join([*failed, *told])
        super().__init__(f"dbt {command} did not succeed\n{reason}")
        self.result = result


def dbt(*arguments: str, tells_models: bool = True) -> dbtRunnerResult:
    """Run one dbt command from the project's root; returns dbt's result.

    tells_models: progress goes to stderr, a line a model. dbt's own log goes to
    `logs/dbt.log` of the lake, or of its state.
    Raises DbtError if a model or test failed, or the project does not compile.
    """
    from dbt.cli.main import dbtRunner

    # Before dbt opens a session of its own: that one would lack the lake's settings.
    register_tables(spark_session(hive=True))
    options = ["--quiet", "--log-path", str(state_path() / "logs")]
    told: list[str] = []

    def note_error(event: EventMsg) -> None:
        # the result of an operation does not say why it failed
        if event.info.name.startswith("RunningOperation"):
            told.append(event.data.exc)

    callbacks = [note_error, *([_show_progress] if tells_models else [])]
    result = dbtRunner(callbacks=callbacks).invoke([*options, *arguments])
    if not result.success:
        raise DbtError(" ".join(arguments), result, told)
    return result


def table_meta() -> dict[str, dict[str, Any]]:
    """By table, `layer.table`, the `meta` of its model or source."""
    manifest = dbt("parse").result
    return {
        f"{node.schema}.{getattr(node, 'alias', node.name)}": node.config.meta
        for node in (*manifest.sources.values(), *manifest.nodes.values())
        if node.resource_type in ("source", "model")
    }


def _show_progress(event: EventMsg) -> None:
    if event.info.name == "LogModelResult":
        print(f"  {event.data.description}: {event.data.execution_time:.1f} s", file=sys.stderr)
