"""Cases for `tracekeep evidence`, from the labels of a set or the truth of a generated day.

    scripts/cases.py SET/labels/cases.csv > cases.csv
    scripts/cases.py DAY/truth/incidents.json > cases.csv

A labelled case lasts from the injection to the end of its last recorded minute.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path


def of_labels(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """The cases of a `labels/cases.csv`."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            start = datetime.fromisoformat(row["inject_time_utc"])
            last = row["minutes"].split()[-1].replace("_", ":")
            end = datetime.fromisoformat(f"{row['date']} {last}:00") + timedelta(minutes=1)
            end += timedelta(days=end < start)
            yield row["case_id"], start.isoformat(), end.isoformat(), row["service"]


def of_truth(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """The incidents of a generated day."""
    for row in json.loads(path.read_text(encoding="utf-8")):
        yield row["id"], row["start"], row["end"], row["root_cause_service"]


if __name__ == "__main__":
    source = Path(sys.argv[1])
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["case", "start", "end", "service"])
    writer.writerows(of_truth(source) if source.suffix == ".json" else of_labels(source))
