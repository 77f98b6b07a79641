"""Rotated log files: `0.log`, `0.log.20260112-100000`, `0.log.20260111-230000.gz`, `x.log.1`."""

from __future__ import annotations

import os
import re

_ROTATED = re.compile(r"(?P<base>.+?\.log)(?:\.(?P<mark>[0-9][0-9T:-]*))?(?:\.gz)?")


def family_of(path: str) -> str:
    """Folder and base name that a log file shares with its rotated ones."""
    folder, name = os.path.split(path)
    match = _ROTATED.fullmatch(name)
    return os.path.join(folder, match["base"] if match else name)


def neighbours(path: str) -> tuple[str | None, str | None]:
    """The next older and the next younger file of a log file's rotation. Raises OSError."""
    folder, name = os.path.split(path)
    match = _ROTATED.fullmatch(name)
    if match is None:
        return None, None
    ages = {}
    for other in os.listdir(folder):
        found = _ROTATED.fullmatch(other)
        if found and found["base"] == match["base"]:
            ages[other] = _age_of(found["mark"])
    younger_first = sorted(ages, key=lambda other: (ages[other], other))
    place = younger_first.index(name)
    older = younger_first[place + 1 :]
    return (
        os.path.join(folder, older[0]) if older else None,
        os.path.join(folder, younger_first[place - 1]) if place else None,
    )


def _age_of(mark: str | None) -> tuple[int, int]:
    """Sorts rotated files: the live one first, then `.1`, `.2`, then time stamps, latest first."""
    if mark is None:
        return 0, 0
    digits = re.sub(r"\D", "", mark)
    return (1, int(mark)) if len(digits) < 8 and mark.isdigit() else (1, -int(digits))
