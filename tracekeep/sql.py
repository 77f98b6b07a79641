"""Texts in statements of Spark SQL."""

from __future__ import annotations


def literal(text: str) -> str:
    """A text as a literal of Spark SQL, which would put settings in for `${…}` even there."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("$", "\\u0024")
    return f"'{escaped}'"
