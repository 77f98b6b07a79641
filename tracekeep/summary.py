"""What the layers hold, as `python -m tracekeep run` prints it; all figures come without Spark."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from tracekeep.lake import LAYERS, read_table

HEADS = ("events", "rejected", "duplicates", "errors in", "errors kept", "rows", "bytes")
BOOKS = "control.batch_books"


@dataclass(frozen=True)
class LayerSummary:
    """What one layer holds; None where a figure has no meaning in that layer."""

    layer: str
    events: int
    rejected: int | None
    duplicates: int | None
    error_events_in: int | None
    error_events_kept: int | None
    rows: int
    bytes: int


def layer_summaries() -> list[LayerSummary]:
    """Figures of Bronze, Silver and Gold from the books and the tables' statistics.

    Only for a lake whose retention tests held: they compare the error events of each layer with
    those of the layer below, event by event. So what came into Silver and Gold is what they keep,
    and is not counted again. Bronze holds raw records, of which Silver tells which are errors.
    Raises BrokenTableError for a table that cannot be read.
    """
    from tracekeep.tables import lake_tables

    tables = lake_tables()
    held = {table.name: table.rows for table in tables}
    rows = {layer: sum(t.rows for t in tables if t.layer == layer) for layer in LAYERS}
    sizes = {layer: sum(t.bytes for t in tables if t.layer == layer) for layer in LAYERS}
    books = _totals_of_books()
    in_silver, in_gold = held.get("silver.error_events", 0), held.get("gold.error_events", 0)
    sampled = held.get("gold.sampled_spans", 0) + held.get("gold.sampled_log_records", 0)
    return [
        LayerSummary(
            "bronze", books["bronze_span_count"] + books["bronze_log_record_count"],
            books["rejected_count"], None, None, None, rows["bronze"], sizes["bronze"],
        ),
        LayerSummary(
            "silver", books["span_count"] + books["log_record_count"], None,
            books["duplicate_span_count"] + books["duplicate_log_record_count"],
            in_silver, in_silver, rows["silver"], sizes["silver"],
        ),
        LayerSummary(
            "gold", sampled, None, None, in_gold, in_gold, rows["gold"], sizes["gold"],
        ),
    ]  # fmt: skip


def _totals_of_books() -> dict[str, int]:
    """Sum of each count of the books, over all batches."""
    import pyarrow.compute as pc

    counts = [
        "bronze_span_count", "bronze_log_record_count", "span_count", "log_record_count",
        "duplicate_span_count", "duplicate_log_record_count", "rejected_count",
    ]  # fmt: skip
    books = read_table(BOOKS, counts)
    return {name: pc.sum(books[name]).as_py() or 0 for name in counts}


def print_layers(layers: list[LayerSummary]) -> None:
    """Print the figures as an aligned table."""
    print(f"\n{'layer':8}", *(f"{head:>12}" for head in HEADS))
    for summary in layers:
        layer, *figures = astuple(summary)
        shown = ("-" if figure is None else f"{figure:,}" for figure in figures)
        print(f"{layer:8}", *(f"{figure:>12}" for figure in shown))
