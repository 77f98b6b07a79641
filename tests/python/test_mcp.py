"""What an assistant may ask, by a client of the protocol."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import small_lakes
from mcp import Client, StdioServerParameters
from small_lakes import FAILED, HOSTILE
from test_dashboard import VARIABLES, made

from tracekeep.incident.delta_lake import DeltaLake
from tracekeep.lake import PROJECT
from tracekeep.mcp_tools import server

CONTROLS = r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]"


def asked(of: Any, tool: str, **arguments: Any) -> tuple[bool, str]:
    """Whether a tool failed, and what it told."""

    async def call() -> Any:
        async with Client(of) as client:
            return await client.call_tool(tool, arguments)

    result = asyncio.run(call())
    return bool(result.is_error), "\n".join(part.text for part in result.content)


def told(lake: Path, tool: str, **arguments: Any) -> str:
    failed, text = asked(server(DeltaLake(lake), VARIABLES), tool, **arguments)
    assert not failed, text
    return text


def test_tools_tell_what_the_commands_tell(tmp_path: Path) -> None:
    made(tmp_path)
    assert "gateway -> shop -> db" in told(tmp_path, "what_broke")
    assert "disk full" in told(tmp_path, "what_broke", service="db")
    assert FAILED in told(tmp_path, "trace", trace_id=FAILED)
    alerts = [json.loads(line) for line in told(tmp_path, "what_to_look_at").splitlines()]
    assert {alert["labels"]["alertname"] for alert in alerts} >= {"NewErrorPattern"}


def test_a_lake_without_a_table_is_told(tmp_path: Path) -> None:
    made(tmp_path)
    times = {"start": "2026-01-12T10:15", "end": "2026-01-12T10:16"}
    failed, text = asked(server(DeltaLake(tmp_path), VARIABLES), "root_cause", **times)
    assert failed and "gold.operation_minutes" in text


@pytest.mark.parametrize(
    ("tool", "arguments", "complaint"),
    [
        ("trace", {"trace_id": "../etc"}, "no trace id"),
        ("what_broke", {"start": "yesterday", "end": "today"}, "no time"),
        ("what_broke", {"start": "2026-01-12T11:00", "end": "2026-01-12T10:00"}, "before end"),
        ("what_broke", {"start": "2026-01-12T11:00"}, "no time"),
        ("what_to_look_at", {"hours": 0}, "from 1 to"),
    ],
)
def test_a_question_that_is_none_is_told(
    tmp_path: Path, tool: str, arguments: dict[str, Any], complaint: str
) -> None:
    made(tmp_path)
    failed, text = asked(server(DeltaLake(tmp_path), VARIABLES), tool, **arguments)
    assert failed and complaint in text


def test_hostile_text_and_raw_lines_stay_out(tmp_path: Path) -> None:
    made(tmp_path, HOSTILE)
    for tool, arguments in (("what_broke", {}), ("trace", {"trace_id": FAILED})):
        text = told(tmp_path, tool, **arguments)
        assert "document.title" in text
        assert not re.search(CONTROLS, text)
        assert '{"name":"GET /db"}' not in text
    assert not re.search(CONTROLS, told(tmp_path, "what_to_look_at"))


def test_it_speaks_on_standard_input_and_output(tmp_path: Path) -> None:
    small_lakes.make(tmp_path)
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "tracekeep", "mcp"],
        cwd=str(PROJECT),
        env={**os.environ, "TRACEKEEP_LAKE": str(tmp_path)},
    )
    failed, text = asked(command, "what_broke")
    assert not failed and "disk full" in text
