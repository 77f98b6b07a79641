"""What processes cost: CPU seconds and peak memory, children included."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def _stats() -> dict[int, list[int]]:
    """Of each process: parent, then user and system ticks of itself and its dead children."""
    stats = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:  # it ended meanwhile
            continue
        stats[int(path.parent.name)] = [int(fields[1]), *map(int, fields[11:15])]
    return stats


def family(root: int, stats: dict[int, list[int]] | None = None) -> set[int]:
    """A process and all its descendants."""
    stats = stats or _stats()
    members, size = {root}, 0
    while len(members) > size:
        size = len(members)
        members |= {pid for pid, (parent, *_) in stats.items() if parent in members}
    return members


def cpu_seconds(root: int) -> float:
    """CPU seconds of a process and its descendants, ended ones included."""
    stats = _stats()
    return sum(sum(stats[pid][1:]) for pid in family(root, stats) if pid in stats) / _TICKS


@contextmanager
def peak_memory(root: int) -> Iterator[dict[str, int]]:
    """Peak resident bytes of the greatest process of each name below a process, sampled."""
    peaks: dict[str, int] = {}
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.5):
            for pid in family(root):
                try:
                    status = Path(f"/proc/{pid}/status").read_text()
                except OSError:
                    continue
                lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
                peak = int(lines.get("VmHWM", "0 kB").split()[0]) * 1024
                name = lines["Name"].strip()
                peaks[name] = max(peaks.get(name, 0), peak)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield peaks
    finally:
        ended.set()
        watcher.join()
