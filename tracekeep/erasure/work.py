"""The steps of an erasure, each of which may be repeated."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import yaml

from tracekeep.erased_ids import (
    LIST,
    RECORD,
    SPAN,
    SUBJECT,
    TRACE,
    id_hash,
    read_erased_ids,
)
from tracekeep.erasure.history import added_bytes, end_history
from tracekeep.erasure.proof import Finding, Wanted, files_below, prove
from tracekeep.erasure.reach import EXPIRED_DAYS, MASKING, Subject, masked, out_of_reach
from tracekeep.erasure.request import RefusedError, Request, open_request, request_path
from tracekeep.erasure.rewriting import Erased, ProjectSql, Rewriter, is_in, pseudonym
from tracekeep.ingest import one_ingest_at_a_time
from tracekeep.lake import (
    PROJECT,
    delta_tables,
    has_table,
    lake_path,
    read_table,
    state_path,
    table_path,
)
from tracekeep.session import spark_session
from tracekeep.tables import lake_tables

if TYPE_CHECKING:
    from delta.tables import DeltaTable
    from pyspark.sql import DataFrame, SparkSession

    from tracekeep.ingest.ledger import Ledger

ARRIVALS = "control.trace_arrivals"
_LEDGERS = (LIST, "bronze.ingest_files", "bronze.ingest_batches")

_ARRIVALS_OF_KEYS = """
    insert into control.trace_arrivals (ingest_batch, touched_key, event_dates, linked_dates)
    with held as (
        select trace_id as touched_key, event_dates, linked_trace_ids from silver.traces
        union all
        select record_hash, array(partition_date), null from silver.spans where trace_id is null
        union all
        select record_hash, array(partition_date), null from silver.log_records
        where trace_id is null
    ),
    touched as (
        select
            erased_keys.ingest_batch,
            touched_key,
            array_distinct(flatten(collect_list(event_dates))) as event_dates,
            flatten(collect_list(coalesce(linked_trace_ids, array()))) as linked_trace_ids
        from held inner join erased_keys using (touched_key)
        group by 1, 2
    ),
    linked as (
        select
            touched.touched_key,
            array_distinct(flatten(collect_list(traces.event_dates))) as linked_dates
        from touched inner join silver.traces as traces
            on array_contains(touched.linked_trace_ids, traces.trace_id)
        group by 1
    )
    select touched.ingest_batch, touched.touched_key, touched.event_dates, linked.linked_dates
    from touched left join linked using (touched_key)
"""


@dataclass
class TableOutcome:
    """rows that were changed in place; written: bytes of data files; oldest: version that can be
    read, None where all of them can."""

    rows: int = 0
    written: int = 0
    oldest: int | None = None


@dataclass
class Outcome:
    """What an erasure did. raw_files: files of `make run` that ingest read and that tell of it;
    out_of_reach: attributes by which not all of their traces could be found."""

    trace_count: int
    span_count: int
    record_count: int
    subject_count: int
    bytes_before: int
    bytes_after: int = 0
    tables: dict[str, TableOutcome] = field(default_factory=dict)
    finding: Finding = field(default_factory=Finding)
    raw_files: list[str] = field(default_factory=list)
    out_of_reach: list[str] = field(default_factory=list)


def erase(
    traces: Iterable[str], subjects: Iterable[tuple[str, str]], variables: str | None = None
) -> Outcome:
    """Erase traces (ids as the tables hold them) and subjects (attribute, value) from the lake.

    variables: of dbt, as YAML; None for those of an erasure that was cut short. Raises RefusedError
    before anything is done; DbtError if a model failed; proof.BlindError.
    """
    from tracekeep.ingest.ledger import Ledger

    spark = spark_session(hive=True)
    with one_ingest_at_a_time():
        ledger = Ledger(spark)
        ledger.create_tables()
        _check(ledger)
        request = open_request(traces, subjects, variables)
        before = {table.name: table for table in lake_tables()}
        work = _Work(spark, request)
        work.find_ids()
        request.store()
        _say(f"looking for {len(request.traces):,} traces, {len(request.spans):,} span ids")
        work.list_hashes()
        outcome = Outcome(
            len(request.traces),
            len(request.spans),
            len(request.records),
            len(request.subjects),
            sum(table.bytes_on_disk for table in before.values()),
        )
        outcome.out_of_reach = sorted({key for key, _ in work.out_of_reach()})
        changed = work.rewrite()
        if table_path(ARRIVALS).exists():
            work.build_again(ledger)
        for name in delta_tables():
            since = before[name].version if name in before else -1
            entry = TableOutcome(changed.get(name, 0), added_bytes(name, since))
            if work.may_tell(name):
                _say(f"ending the history of {name}")
                entry.oldest = end_history(spark, name, request.started_at)
            if entry.rows or entry.written or entry.oldest is not None:
                outcome.tables[name] = entry
        wanted = Wanted(
            request.erased.traces | request.erased.spans,
            request.erased.subjects,
            frozenset(request.shared),
            frozenset(pseudonym(request.key, one) for one in request.traces),
        )
        work.clean_texts(wanted)
        _say("searching all files")
        folders = [PROJECT / "target", PROJECT / "logs", state_path() / "logs"]
        finding = prove(wanted, folders, lake_path(), request_path())
        raw = f"{lake_path() / 'input'}/"
        outcome.raw_files = sorted({file for file, *_ in finding.found if file.startswith(raw)})
        finding.found = [entry for entry in finding.found if entry[0] not in outcome.raw_files]
        outcome.finding = finding
        if not finding.found:
            request.forget()
        outcome.bytes_after = sum(table.bytes_on_disk for table in lake_tables())
    return outcome


def _check(ledger: Ledger) -> None:
    from tracekeep.ingest.ledger import KAFKA, REPLAY

    for kinds, command in (
        (None, "python -m tracekeep ingest"),
        ((KAFKA,), "python -m tracekeep ingest --kafka BROKERS --topics NAMES"),
        ((REPLAY,), "python -m tracekeep replay-rejected"),
    ):
        if ledger.open_batches(kinds):
            raise RefusedError(
                "an ingest was cut short and waits for the next one of its kind to end it: run "
                f"`{command}` first. Nothing was erased"
            )
    if not has_table(ARRIVALS) or request_path().exists():
        return
    if read_table(ARRIVALS, ["ingest_batch"]).num_rows:
        raise RefusedError(
            "a run of Silver is at work, or was cut short and waits for the next one to end it: "
            "`dbt run --select silver` first. Nothing was erased"
        )


_REDACTED = """
    {%- set policy = redaction_policy() %}
    {{ redacted('value', redaction_steps('lower(value)', policy), policy) }}
"""
_FINGERPRINT = """
    {%- set version = var('error_pattern_version') -%}
    {{ error_fingerprint(
        version, 'service', 'error_type', error_template('error_message', version),
        top_frame('error_stack')
    ) }}
"""
# a log record goes by the span that tells of the same failure (R10)
_FINGERPRINTS_AGAIN = """
    merge into gold.error_events as held
    using (
        select
            partition_date,
            failure_id,
            coalesce(max(own) filter (where event_type = 'span'), max(own)) as fingerprint
        from erased_errors
        group by partition_date, failure_id
    ) as again
    on held.partition_date = again.partition_date and held.failure_id = again.failure_id
    when matched then update set fingerprint = again.fingerprint
"""


class _Work:
    def __init__(self, spark: SparkSession, request: Request) -> None:
        self.spark = spark
        self.request = request
        self.variables = request.variables

    # ---------------------------------------------------------------- tables

    def may_tell(self, name: str) -> bool:
        """Whether a table has columns that can hold an id or a text."""
        return name not in _LEDGERS and bool(self._any_rewriter(name).new_values)

    def _any_rewriter(self, name: str) -> Rewriter:
        """As if an id of each kind and a text had to go."""
        one = frozenset(("0" * 32,))
        some = Erased("", one, one, one, frozenset((("key", "a value"),)))
        return Rewriter(name, self._schema(name), some, ProjectSql("value", "''"), one)

    def _schema(self, name: str) -> Any:
        return self._read(name).schema

    def _rewriter(self, name: str) -> Rewriter:
        return Rewriter(name, self._schema(name), self.request.erased, self._project_sql)

    def _is_of(self, name: str, subject: Subject) -> str:
        """Predicate: a row names a subject where later layers name it too: what Silver masks
        anywhere, others as attribute of a span, log record or resource, not of a span event."""
        from pyspark.sql.types import MapType, StructType

        none = frozenset[str]()
        erased = Erased("", none, none, none, frozenset((subject,)))
        columns = self._schema(name)
        if subject not in self.masked_subjects:
            columns = StructType([one for one in columns if isinstance(one.dataType, MapType)])
        return Rewriter(name, columns, erased, self._project_sql).is_of_subject

    @cached_property
    def _project_sql(self) -> ProjectSql:
        return ProjectSql(
            compiled(_REDACTED, self.variables),
            compiled("{{ endpoint_name('span.attributes', 'span.operation') }}", self.variables),
        )

    # ---------------------------------------------------------------- what is erased

    def find_ids(self) -> None:
        """Complete the request: the traces and records of its subjects, the spans of its traces,
        and which of these ids other traces use too: they are unique within a trace alone."""
        request = self.request
        for name in delta_tables() if request.subjects else ():
            rewriter = self._rewriter(name)
            names = rewriter.schema.names
            if rewriter.is_of_subject == "false" or "trace_id" not in names:
                continue
            rows = self._read(name).where(rewriter.is_of_subject)
            request.traces |= _texts(rows, "trace_id")
            if "record_hash" in names:
                request.records |= _texts(rows.where("trace_id is null"), "record_hash")
            for one in request.subjects - request.met:
                is_of_one = self._is_of(name, one)
                if is_of_one != "false" and rows.where(is_of_one).limit(1).count():
                    request.met.add(one)
        is_erased = is_in("trace_id", frozenset(request.traces))
        for name in delta_tables() if request.traces else ():
            names = self._schema(name).names
            if "trace_id" in names:
                rows = self._read(name).where(is_erased)
                for column in ("span_id", "parent_span_id", "root_span_id"):
                    if column in names:
                        request.spans |= _texts(rows, column)
        for name in delta_tables() if request.spans else ():
            ids = self._rewriter(name).other_span_ids
            if ids is not None:
                rows = self._read(name).selectExpr(f"explode({ids}) as span_id")
                rows = rows.where(is_in("span_id", frozenset(request.spans)))
                request.shared |= _texts(rows, "span_id")
        spans = request.erased.spans
        is_of_span = is_in("span_id", spans)
        for name in ("bronze.log_records", "silver.log_records") if spans else ():
            if name in delta_tables():
                rows = self._read(name).where("trace_id is null").where(is_of_span)
                request.records |= _texts(rows, "record_hash")

    @cached_property
    def masked_subjects(self) -> set[Subject]:
        """The subjects whose value Silver masks."""
        if not self.request.subjects:
            return set()
        return masked(self.spark, self.request.subjects, compiled(MASKING, self.variables))

    def out_of_reach(self) -> set[Subject]:
        """The subjects by whose value not all of their traces could be found."""
        request = self.request
        return out_of_reach(self.spark, request.subjects, self.masked_subjects, request.met)

    def list_hashes(self) -> None:
        """Note in bronze.erased_ids what is not in it yet: from here on ingest refuses it."""
        request = self.request
        held = read_erased_ids()
        salt = held.salt if held else os.urandom(32).hex()
        at = datetime.fromisoformat(request.started_at)
        entries = [
            *((TRACE, None, one) for one in sorted(request.traces)),
            *((SPAN, None, one) for one in sorted(request.erased.spans)),
            *((RECORD, None, one) for one in sorted(request.records)),
            *((SUBJECT, key, value) for key, value in sorted(request.subjects)),
        ]
        rows = [
            (kind, key, salt, id_hash(salt, text), at, at.date())
            for kind, key, text in entries
            if not (held and held.erased_at(kind, text, key or ""))
        ]
        if rows:
            schema = self._schema(LIST)
            frame = self.spark.createDataFrame(rows, schema)
            frame.coalesce(1).write.format("delta").mode("append").save(str(table_path(LIST)))

    # ---------------------------------------------------------------- rewriting

    def rewrite(self) -> dict[str, int]:
        """Take what is erased out of the rows of all tables; returns the rows changed by table."""
        from delta.tables import DeltaTable

        plans = {}
        for name in delta_tables():
            if name in _LEDGERS:
                continue
            rewriter = self._rewriter(name).of(self._read(name))
            if rewriter.new_values and rewriter.is_touched != "false":
                plans[name] = rewriter
        self._note_touched(plans)
        changed = {}
        for name, rewriter in plans.items():
            table = DeltaTable.forPath(self.spark, str(table_path(name)))
            before, _ = _last_commit(table)
            table.update(rewriter.is_touched, rewriter.new_values)
            version, metrics = _last_commit(table)
            if version > before:  # where no row is touched there is no commit
                changed[name] = int(metrics["numUpdatedRows"])
                _say(f"{name}: {changed[name]:,} rows")
        return changed

    def _note_touched(self, plans: dict[str, Rewriter]) -> None:
        """Note whose rows change though they are not erased: they are built again too."""
        for name in ("silver.spans", "silver.log_records", "gold.error_events"):
            if name in plans:
                rewriter = plans[name]
                rows = self._read(name).where(rewriter.is_touched)
                rows = rows.where(f"not {rewriter.is_owned}")
                rows = rows.selectExpr("coalesce(trace_id, record_hash) as touched_key")
                self.request.touched |= _texts(rows, "touched_key")
        self.request.store()

    # ---------------------------------------------------------------- building again

    def build_again(self, ledger: Ledger) -> None:
        """Build what is made of the changed rows again, as if they had arrived late: an ingest
        batch without records touches their traces (R6)."""
        from tracekeep.dbt import dbt
        from tracekeep.ingest.ledger import ERASURE

        # one that a kill left open would be waited for: its day could never expire
        for batch in ledger.open_batches((ERASURE,)) or [ledger.plan_without_files(ERASURE)]:
            self._touch(batch)
            ledger.close_erasure(batch)
        dbt("run", "--select", "silver", "--vars", self.variables)
        if table_path("gold.build_versions").exists():
            days = {"erased_error_days": self._name_errors_of_gold_alone()}
            variables = {**(yaml.safe_load(self.variables) or {}), **days}
            dbt("run", "--select", "gold", "--vars", json.dumps(variables))

    def _touch(self, batch: int) -> None:
        """Note in Silver that the batch touches what is anonymous now, and what told of it."""
        from delta.tables import DeltaTable
        from pyspark.sql.functions import col

        request = self.request
        old = request.traces | request.records
        pseudonyms = {pseudonym(request.key, one) for one in old}
        keys = [(batch, one) for one in sorted(pseudonyms | request.touched)]
        frame = self.spark.createDataFrame(keys, "ingest_batch bigint, touched_key string")
        frame.createOrReplaceTempView("erased_keys")
        arrivals = DeltaTable.forPath(self.spark, str(table_path(ARRIVALS)))
        arrivals.delete(col("ingest_batch") == batch)
        self.spark.sql(_ARRIVALS_OF_KEYS)

    def _name_errors_of_gold_alone(self) -> list[str]:
        """Give the erased errors that Silver no longer holds the fingerprint of what is left of
        them; returns their days, whose patterns are to be told again from Gold."""
        key = "coalesce(trace_id, record_hash) as touched_key"
        rows = self._read("gold.error_events").selectExpr(key, "*")
        erased = rows.join(self.spark.table("erased_keys"), "touched_key", "left_semi")
        # of traces that began on a day that has expired Silver builds nothing again
        built = self._read("silver.traces").selectExpr("trace_id as touched_key")
        held = self._read("silver.error_events").selectExpr(key, "trace_id", "partition_date")
        held = held.join(built, "touched_key", "left_semi").union(held.where("trace_id is null"))
        if table_path(EXPIRED_DAYS).exists():
            # what an expiry that was cut short has noted Gold does not take any more
            days = self._read(EXPIRED_DAYS).where("table_name = 'silver.error_events'")
            held = held.join(days, "partition_date", "left_anti")
        alone = erased.join(held, ["touched_key", "partition_date"], "left_anti")
        days = sorted(_texts(alone.selectExpr("cast(partition_date as string) as day"), "day"))
        if days:
            own = compiled(_FINGERPRINT, self.variables)
            alone.selectExpr(
                "partition_date", "failure_id", "event_type", f"{own} as own"
            ).createOrReplaceTempView("erased_errors")
            self.spark.sql(_FINGERPRINTS_AGAIN)
        return days

    # ---------------------------------------------------------------- beside the tables

    def clean_texts(self, wanted: Wanted) -> None:
        """Remove dbt's artifacts and logs that tell of it, as drill-down may have left some."""
        folders = [PROJECT / "target", PROJECT / "logs", state_path() / "logs"]
        for path in files_below(folder for folder in folders if folder.is_dir()):
            text = path.read_bytes().decode("utf-8", "surrogateescape")
            if wanted.found_in(text):
                _say(f"removing {path.name}, which tells of it")
                path.unlink()

    def _read(self, name: str) -> DataFrame:
        return self.spark.read.format("delta").load(str(table_path(name)))


def compiled(template: str, variables: str) -> str:
    """What dbt makes of a piece of Jinja in this project."""
    from tracekeep.dbt import dbt

    with redirect_stdout(io.StringIO()):  # dbt prints what it has compiled
        result = dbt("compile", "--inline", template, "--vars", variables)
    return str(result.result.results[0].node.compiled_code)


def _texts(rows: DataFrame, column: str) -> set[str]:
    """The texts in a column."""
    return {text for (text,) in rows.select(column).distinct().collect() if text is not None}


def _last_commit(table: DeltaTable) -> tuple[int, dict[str, str]]:
    """Version of a table's last commit and its metrics."""
    return table.history(1).select("version", "operationMetrics").collect()[0]


def _say(text: str) -> None:
    print(f"erase: {text}", file=sys.stderr)
