"""`python -m tracekeep erase`: take traces or a subject out of all layers, and prove it (R12)."""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracekeep.erasure.work import Outcome

OK, FAILED, WRONG, PARTLY = 0, 1, 2, 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.description = (
        "Erase whole traces, or all traces and records with an attribute of a value, from Bronze, "
        "rejects, Silver, Gold, their old versions and logs. What stays is anonymous: when a call "
        "was made, of which service and endpoint, how long it took, whether it failed: so "
        "all counts stay as they are, also when windows are built again. Ingest refuses what was "
        "erased from then on (bronze.erased_ids, salted hashes). Ends with a search of each value, "
        "statistic and log entry of each file. Costs: versions before it can be read no more, of "
        "all tables with ids or texts. Not beside ingest (waits for it) or dbt. May be cut short "
        "and run again. Exit code 0: gone; 1: a statement failed, or something was found; 2: wrong "
        "arguments; 3: gone as far as it could be found: Silver masks a value that was named, or "
        "has none."
    )
    parser.add_argument(
        "--trace", action="append", default=[], metavar="ID", help="a trace id in hex; may repeat"
    )
    parser.add_argument(
        "--subject",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an attribute of spans, span events, log records or resources; may repeat",
    )
    parser.add_argument(
        "--vars",
        help="variables of dbt, as the layers are built with (YAML); an erasure that was cut short "
        "goes on with its own",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from tracekeep.erasure.request import request_path

    try:
        traces = [trace_id(text) for text in arguments.trace]
        subjects = [subject(text) for text in arguments.subject]
    except ValueError as error:
        print(f"erase: {error}", file=sys.stderr)
        return WRONG
    if not traces and not subjects and not request_path().exists():
        print("erase: name traces (--trace ID) or a subject (--subject KEY=VALUE)", file=sys.stderr)
        return WRONG
    from tracekeep.dbt import DbtError
    from tracekeep.erasure.proof import BlindError
    from tracekeep.erasure.request import RefusedError
    from tracekeep.erasure.work import erase
    from tracekeep.session import take_both_compilers
    from tracekeep.tables import BrokenTableError

    take_both_compilers()
    del sys.argv[2:]  # dbt writes the command line into its log and results
    try:
        outcome = erase(traces, subjects, arguments.vars)
    except (BrokenTableError, DbtError, RefusedError, BlindError) as error:
        print(f"erase: {error}", file=sys.stderr)
        return FAILED
    _print(outcome)
    if outcome.finding.found:
        return FAILED
    return PARTLY if outcome.out_of_reach else OK


def trace_id(text: str) -> str:
    """A trace id as the tables hold it. Raises ValueError."""
    bare = text.replace("-", "").lower()
    if not re.fullmatch(r"[0-9a-f]{1,32}", bare) or not bare.strip("0"):
        raise ValueError(f"{text!r} is no trace id: up to 32 hex digits, not all zero")
    return bare.zfill(32)


def subject(text: str) -> tuple[str, str]:
    """An attribute and its value. Raises ValueError."""
    key, sign, value = text.partition("=")
    if not (key and sign and value):
        raise ValueError(f"{text!r} is no subject: KEY=VALUE")
    return key, value


def _print(outcome: Outcome) -> None:
    print(
        f"erased: {outcome.trace_count:,} traces with {outcome.span_count:,} span ids, "
        f"{outcome.record_count:,} records without a trace, {outcome.subject_count:,} subjects"
    )
    print(f"{'table':36} {'rows':>10} {'bytes written':>16} {'readable from':>14}")
    for name, table in sorted(outcome.tables.items()):
        version = "all versions" if table.oldest is None else f"version {table.oldest}"
        print(f"{name:36} {table.rows:>10,} {table.written:>16,} {version:>14}")
    print(
        f"on disk: {outcome.bytes_before:,} bytes before, {outcome.bytes_after:,} after; "
        f"{sum(table.written for table in outcome.tables.values()):,} bytes rewritten"
    )
    finding = outcome.finding
    print(
        f"proof: {finding.files:,} files of {finding.bytes:,} bytes, {finding.columns:,} columns "
        f"decoded; the planted control was found in each place"
    )
    if not finding.found:
        it = "what was found" if outcome.out_of_reach else "it"
        print(f"proof: nothing of {it} is left")
    for key in outcome.out_of_reach:
        print(
            f"NOT ALL: {key}: traces older than Bronze cannot be found by this value any more: "
            "Silver and Gold hold it masked, or not at all. They may still tell of whom it names; "
            "erase them by --trace, or by an attribute of spans, log records or resources whose "
            "values are not masked"
        )
    for file, place, what in finding.found:
        print(f"proof: LEFT in {file}: {place}: {what}")
    if finding.found:
        print("proof: something is left; `erase` without arguments tries again")
    if outcome.raw_files:
        print(
            f"{len(outcome.raw_files):,} raw files that were read still tell of it; they are not "
            "the lake's, and ingest refuses what they say of it:"
        )
    for file in outcome.raw_files:
        print(f"  {file}")
