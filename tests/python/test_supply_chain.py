"""What docs/supply_chain.md says of the packages."""

from __future__ import annotations

import re
from collections import Counter

from tracekeep.lake import PROJECT


def test_each_locked_package_has_its_licence() -> None:
    lock = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    text = (PROJECT / "docs" / "supply_chain.md").read_text(encoding="utf-8")
    table = text.partition("| licence | packages |")[2].partition("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    told = Counter(name for _, names in rows for name in names.split(", "))
    assert told == Counter(re.findall(r"^([\w.-]+)==", lock, re.MULTILINE))
