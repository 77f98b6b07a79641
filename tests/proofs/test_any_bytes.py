"""R1 for any input: each byte string is parsed or rejected, never an exception, never lost."""

from __future__ import annotations

from pathlib import Path

import any_bytes
import commands
from test_protobuf import assert_mutated_messages_are_read

CASES, MESSAGES = 10_000, 100_000


def test_ten_thousand_files_of_any_bytes(tmp_path: Path, lake: Path) -> None:
    paths = any_bytes.write_cases(tmp_path / "input", CASES)
    assert len(paths) >= CASES
    books = commands.books_of("ingest", tmp_path / "input", "--max-files-per-batch", "2500")
    assert books["read"] == books["bronze"] + books["rejected"] > CASES
    assert books["unreadable_files"] == 0
    any_bytes.assert_nothing_lost(lake, paths)


def test_a_hundred_thousand_mutated_messages() -> None:
    assert_mutated_messages_are_read(seed=2, count=MESSAGES)
