"""Subjects that an erasure cannot find at any age: Silver masks their values (R13), or has none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tracekeep.lake import has_table, table_path

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MASKING = """
    {%- set policy = redaction_policy() %}
    select key, value, {{ redacted_attributes('texts', 'steps', policy) }} as redacted
    from (
        select *, {{ redaction_steps('row_text', policy) }} as steps
        from (
            select key, value, map(key, value) as texts, lower(concat(key, ' ', value)) as row_text
            from subjects
        )
    )
"""
"""A statement with Jinja: of each row of a view `subjects` what Silver shows of an attribute."""
EXPIRED_DAYS = "control.expired_days"

Subject = tuple[str, str]


def masked(spark: SparkSession, subjects: Iterable[Subject], masking: str) -> set[Subject]:
    """The subjects that Silver shows another attribute of. masking: `MASKING`, compiled."""
    rows = spark.createDataFrame(sorted(subjects), "key string, value string")
    rows.createOrReplaceTempView("subjects")
    changed = spark.sql(masking).where("not coalesce(redacted[key] = value, false)")
    return {(key, value) for key, value, _ in changed.collect()}


def out_of_reach(
    spark: SparkSession, subjects: set[Subject], masked: set[Subject], met: set[Subject]
) -> set[Subject]:
    """Those of some subjects whose older records nobody can find any more. If days of Bronze have
    expired: all that are masked, and those that Silver may never have held, as it has no attributes
    of span events; else those that are masked and were met nowhere."""
    unmet = subjects - met
    if subjects and has_table(EXPIRED_DAYS):
        days = spark.read.format("delta").load(str(table_path(EXPIRED_DAYS)))
        if days.where("table_name like 'bronze.%'").limit(1).count():
            return masked | unmet
    return masked & unmet
