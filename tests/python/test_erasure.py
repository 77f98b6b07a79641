"""Erasure (R12) without a pipeline: the list that ingest obeys, rows, proof, request."""

from __future__ import annotations

import argparse
import base64
import datetime
import gzip
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from tracekeep import erasure
from tracekeep.erased_ids import RECORD, SPAN, SUBJECT, TRACE, id_hash, read_erased_ids
from tracekeep.erasure import proof
from tracekeep.erasure.request import RefusedError, Request, open_request, request_path
from tracekeep.erasure.rewriting import Erased, ProjectSql, Rewriter, pseudonym
from tracekeep.erasure.work import Outcome, _Work
from tracekeep.ingest.write import BronzeWriter, Stamp
from tracekeep.readers.records import log_record, rejected_record, span_record
from tracekeep.spellings import examples, ids_in, spellings, value_hint, values_in

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

GONE, OTHER = "4bf92f3577b34da6a3ce929d0e0e4736", "ab" * 16
GONE_SPAN, OTHER_SPAN = "00f067aa0ba902b7", "cd" * 8
USER = ("enduser.id", "jane.doe@example.com")
NOW = datetime.datetime(2026, 1, 12, tzinfo=datetime.UTC)
HYPHENS = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"


def erased_list(*ids: str) -> Any:
    entries = [(TRACE if len(one) == 32 else SPAN, None, one) for one in ids] or [
        (TRACE, None, GONE),
        (SPAN, None, GONE_SPAN),
        (RECORD, None, "f" * 32),
        (SUBJECT, USER[0], USER[1]),
    ]
    return read_erased_ids(
        {
            "id_kind": kind,
            "subject_key": key,
            "salt": "salt",
            "id_hash": id_hash("salt", text),
            "erased_at": NOW,
        }
        for kind, key, text in entries
    )


def a_span(**columns: Any) -> dict[str, Any]:
    values = {"trace_id": OTHER, "span_id": OTHER_SPAN, "attributes": [], "events": [], "links": []}
    return span_record(**{**values, **columns})


def a_log(**columns: Any) -> dict[str, Any]:
    values = {
        "trace_id": None, "span_id": None, "attributes": [], "resource_attributes": [],
        "time_unix_nano": 1, "body": "text",
    }  # fmt: skip
    return log_record(**{**values, **columns})


REJECTED = [
    f'{{"traceId":"1","tags":{{"{USER[0]}" : "{USER[1]}"}}}}',
    f'{{"key":"{USER[0]}","value":{{"stringValue":"{USER[1].replace("@", chr(92) + "u0040")}"}}}}',
    f'{{"key":"{USER[0]}","type":"string","value":"{USER[1]}"}}',
    json.dumps({"log": json.dumps({USER[0]: USER[1]})}),
]
REFUSED = [
    a_span(trace_id=GONE),
    a_log(trace_id=GONE),
    a_log(span_id=GONE_SPAN),
    a_span(attributes=[USER]),
    a_span(events=[{"attributes": [("a", "b"), USER]}]),
    a_log(resource_attributes=[USER]),
    {**a_log(), "record_hash": "f" * 32},
    rejected_record("invalid_json", f'{{"traceId": "{GONE.upper()}'.encode()),
    rejected_record("invalid_json", f"span {HYPHENS} is cut".encode()),
    *(rejected_record("no_time", text.encode()) for text in REJECTED),
]
TAKEN = [
    a_span(),
    a_span(span_id=GONE_SPAN),  # ids of spans are unique within a trace alone
    a_log(),
    a_log(trace_id=OTHER, span_id=GONE_SPAN),
    a_span(attributes=[(USER[0], "someone else"), ("another.key", USER[1])]),
    rejected_record("invalid_json", f'{{"traceId": "{OTHER}'.encode()),
    rejected_record("no_time", f'{{"{USER[0]}":"x","another.key":"{USER[1]}'.encode()),
]


@pytest.mark.parametrize("record", REFUSED)
def test_ingest_refuses_what_was_erased(record: dict[str, Any]) -> None:
    assert erased_list().holds(record)


SHORT, TINY, TINY_SPAN = "a3ce929d0e0e4736".zfill(32), "1f".zfill(32), "2e".zfill(16)
SPELLED = [
    pytest.param(one, text, id=f"{one.lstrip('0')} {name}")
    for one in (GONE, GONE_SPAN, SHORT, TINY, TINY_SPAN, "0" * 5 + "b" * 27)
    for name, text in examples(one).items()
]
NO_ID = [
    "of 1f and 2e, also 0000000000000000001f and 2e000000",
    '{"id":"1f","traceId":"1f0","parentId":2,"spanId":46.5}',
    '{"traceId":31000,"trace_id":"31"}',
    '{"nullCount":{"trace_id":31,"parent_span_id":46,"span_id":46}}',  # of Delta's log
    f"b{SHORT[-15:]}",
    f"of {SHORT[-15:]}",
    f"of {SHORT[-16:-1]}",
    base64.b64encode(bytes.fromhex(GONE)).decode()[:-3] + "Aw==",
]


@pytest.mark.parametrize(("one", "text"), SPELLED)
def test_an_id_is_known_in_each_spelling_that_readers_take(one: str, text: str) -> None:
    assert one in set(ids_in(text))
    refused = rejected_record("invalid_json", text.encode())
    assert erased_list(one).holds(refused)
    assert not erased_list(OTHER).holds(refused)


@pytest.mark.parametrize(("one", "text"), SPELLED)
def test_each_spelling_has_a_hint(one: str, text: str) -> None:
    hint = "|".join(spellings([one]).hints())
    assert pc.match_substring_regex(pa.array([text, f"of {OTHER}"]), hint).to_pylist() == [
        True,
        False,
    ]


@pytest.mark.parametrize("text", NO_ID)
def test_what_only_looks_like_an_id_is_none(text: str) -> None:
    assert not {GONE, SHORT, TINY, TINY_SPAN} & set(ids_in(text))


VALUE = 'José "a" b/c\\d\n😀'
ESCAPED = [
    VALUE,
    json.dumps(VALUE),
    json.dumps(VALUE, ensure_ascii=False),
    json.dumps(VALUE).replace("/", "\\/").replace("00e9", "00E9"),
    json.dumps(json.dumps(VALUE)),
]


@pytest.mark.parametrize("text", ESCAPED)
def test_a_value_is_known_as_json_escapes_it(text: str) -> None:
    subjects = frozenset({("user.name", VALUE)})
    assert proof.Wanted(frozenset(), subjects).found_in(f"of {text}.") == {VALUE}
    assert not proof.Wanted(frozenset(), subjects).found_in("Jose " + text[5:])
    found = pc.match_substring_regex(pa.array([text, "Jose " + text[5:]]), value_hint(VALUE))
    assert found.to_pylist() == [True, False]


def test_attributes_are_read_from_texts_that_are_no_records() -> None:
    said = {"a": "b", "user.name": VALUE, "c": 7}
    for text in (json.dumps(said), json.dumps([json.dumps(said)]), "cut " + json.dumps(said)[:-3]):
        assert VALUE in set(values_in(text, "user.name"))
        assert VALUE not in set(values_in(text, "a"))
    assert set(values_in(json.dumps(said), "c")) == {"7"}


@pytest.mark.parametrize("record", TAKEN)
def test_ingest_takes_everything_else(record: dict[str, Any]) -> None:
    assert not erased_list().holds(record)


def test_nothing_was_erased() -> None:
    assert read_erased_ids([]) is None


def test_a_refused_record_is_a_reject_without_its_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACEKEEP_LAKE", str(tmp_path))
    writer = BronzeWriter(Stamp(1, None, NOW), erased_list())
    for number, record in enumerate([a_span(trace_id=GONE), a_span()]):
        place = {"source_file": "f", "source_position": number, "source_index": 0}
        writer.add({**record, **place, "raw_text": b"raw " + record["trace_id"].encode()})
    files = {file.table: file for file in writer.close()}
    assert {table: file.row_count for table, file in files.items()} == {
        "spans": 1,
        "rejected_records": 1,
    }
    path = tmp_path / "bronze" / "rejected_records" / files["rejected_records"].path
    (row,) = pq.ParquetFile(path).read().to_pylist()
    assert (row["reason"], row["source_file"], row["raw_text"]) == ("erased", "f", None)
    assert GONE not in json.dumps(row, default=str)


# ---------------------------------------------------------------- words of the command


@pytest.mark.parametrize(
    ("text", "expected"),
    [(GONE, GONE), (GONE.upper(), GONE), (HYPHENS, GONE), ("1f", "1f".zfill(32))],
)
def test_trace_ids_are_those_of_the_tables(text: str, expected: str) -> None:
    assert erasure.trace_id(text) == expected


@pytest.mark.parametrize("text", ["", "0", "xyz", "a" * 33, "' or 1=1", "../x"])
def test_what_is_no_trace_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no trace id"):
        erasure.trace_id(text)


@pytest.mark.parametrize("text", ["", "key", "=value", "key="])
def test_what_is_no_subject_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="KEY=VALUE"):
        erasure.subject(text)


def test_a_subject_may_have_an_equals_sign_in_its_value() -> None:
    assert erasure.subject("key=a=b") == ("key", "a=b")


def test_a_request_that_was_cut_short_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACEKEEP_LAKE", str(tmp_path))
    first = open_request([GONE], [USER])
    first.spans.add(GONE_SPAN)
    first.store()
    assert stat.S_IMODE(request_path().stat().st_mode) == 0o600
    second = open_request([OTHER], [])
    assert second.key == first.key
    assert second.erased == Erased(
        first.key,
        frozenset((GONE, OTHER)),
        frozenset((GONE_SPAN,)),
        frozenset(),
        frozenset((USER,)),
    )
    second.forget()
    assert not list(tmp_path.iterdir())
    assert open_request([], []).key != first.key


def test_a_request_keeps_the_variables_of_dbt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACEKEEP_LAKE", str(tmp_path))
    assert open_request([GONE], []).variables == "{}"
    open_request([GONE], [], "{window_minutes: 5}").store()
    assert open_request([], []).variables == "{window_minutes: 5}"
    assert open_request([], [], '{"window_minutes": 5}').variables == "{window_minutes: 5}"
    with pytest.raises(RefusedError, match=r"goes on with --vars '\{window_minutes: 5\}'"):
        open_request([], [], "{window_minutes: 1}")
    # as written by an erasure that did not keep them
    told = json.loads(request_path().read_text(encoding="utf-8"))
    del told["variables"]
    request_path().write_text(json.dumps(told), encoding="utf-8")
    assert open_request([], [], "{window_minutes: 1}").variables == "{window_minutes: 1}"


def test_a_subject_out_of_reach_has_an_exit_code_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRACEKEEP_LAKE", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["tracekeep"])
    parser = argparse.ArgumentParser()
    erasure.add_arguments(parser)
    arguments = parser.parse_args(["--subject", "=".join(USER)])
    outcome = Outcome(0, 0, 0, 1, 0)
    monkeypatch.setattr("tracekeep.erasure.work.erase", lambda *_: outcome)
    assert erasure.run(arguments) == 0
    assert "nothing of it is left" in capsys.readouterr().out
    outcome.out_of_reach = [USER[0]]
    assert erasure.run(arguments) == 3
    out = capsys.readouterr().out
    assert "nothing of it is left" not in out
    assert f"NOT ALL: {USER[0]}: traces older than Bronze cannot be found by this value" in out
    outcome.finding.found.append(("file", "text", GONE))
    assert erasure.run(arguments) == 1


# ---------------------------------------------------------------- rows

KEY = "secret"
SQL = ProjectSql("value", "span.operation")
ERASED = Erased(
    KEY, frozenset((GONE,)), frozenset((GONE_SPAN,)), frozenset(("f" * 32,)), frozenset((USER,))
)
SPANS = """
    trace_id string, span_id string, parent_span_id string, record_hash string,
    trace_state string, name string, kind string, status_message string,
    resource_attributes map<string,string>, attributes map<string,string>,
    events array<struct<time_unix_nano:bigint,name:string,attributes:map<string,string>>>,
    links array<struct<trace_id:string,span_id:string,trace_state:string,
        attributes:map<string,string>>>,
    raw_text string, start_time_unix_nano bigint
"""


def rewritten(
    spark: SparkSession, name: str, schema: str, rows: list[tuple[Any, ...]],
    erased: Erased = ERASED,
) -> list[Any]:  # fmt: skip
    """The rows as the statement leaves them: those that it does not touch as they are."""
    frame = spark.createDataFrame(rows, schema)
    rewriter = Rewriter(name, frame.schema, erased, SQL).of(frame)
    touched = rewriter.is_touched
    columns = [
        f"case when {touched} then {rewriter.new_values.get(column, column)} else {column} end "
        f"as {column}"
        for column in frame.columns
    ]
    return frame.selectExpr(*columns).collect()


def test_a_row_of_an_erased_trace_keeps_no_id_and_no_text(spark: SparkSession) -> None:
    private = "card of Jane"
    (row,) = rewritten(
        spark,
        "bronze.spans",
        SPANS,
        [
            (
                GONE, GONE_SPAN, "1" * 16, None, f"ot=rv:{GONE[:14]}", "GET /pay", "client",
                private,
                {"service.name": "payment", "device.id": private},
                {
                    "http.status_code": "500", "url.full": private, "peer.service": "ledger",
                    "exception.message": private, "log.record.uid": private, USER[0]: USER[1],
                },
                [
                    (5, "exception", {"exception.type": "E", "exception.message": private}),
                    (6, private, {"a": private}),
                ],
                [(OTHER, OTHER_SPAN, "x", {"a": private}), (GONE, "1" * 16, None, {})],
                f"raw {GONE}", 7,
            )
        ],
    )  # fmt: skip
    said = json.dumps(row.asDict(recursive=True))
    for text in (private, GONE, GONE_SPAN, "1" * 16, USER[1], "url.full", "device.id"):
        assert text not in said
    assert row.trace_id == pseudonym(KEY, GONE)
    assert row.span_id == pseudonym(KEY, GONE_SPAN)
    assert row.links[1].trace_id == row.trace_id
    assert row.links[1].span_id == row.parent_span_id
    assert (row.links[0].trace_id, row.links[0].span_id) == (OTHER, OTHER_SPAN)
    assert (row.kind, row.start_time_unix_nano, row.name) == ("client", 7, "GET /pay")
    assert row.resource_attributes == {"service.name": "payment"}
    assert row.attributes["http.status_code"] == "500"
    assert row.attributes["peer.service"] == "ledger"
    assert row.attributes["exception.message"].startswith("erased ")
    # the same text stays the same text: as many different records as before
    assert row.status_message == row.attributes["exception.message"]
    assert [(event.name, event.attributes["exception.type"]) for event in row.events] == [
        ("exception", "E")
    ]
    assert (row.raw_text, row.trace_state) == (None, None)


def test_the_name_of_a_caller_is_no_peer(spark: SparkSession) -> None:
    (row,) = rewritten(
        spark, "silver.spans", "trace_id string, kind string, attributes map<string,string>",
        [(GONE, "server", {"net.peer.ip": "192.0.2.7", "http.status_code": "200"})],
    )  # fmt: skip
    assert row.attributes == {"http.status_code": "200"}


def test_of_the_attribute_error_only_the_sign_stays(spark: SparkSession) -> None:
    values = ["account of Jane Doe is locked", "TRUE", "false"]
    rows = rewritten(
        spark, "silver.spans", "trace_id string, attributes map<string,string>",
        [(GONE, {"error": value}) for value in values],
    )  # fmt: skip
    assert [row.attributes for row in rows] == [{}, {"error": "TRUE"}, {"error": "false"}]


def test_what_stays_of_an_erased_row_tells_nothing_of_it(spark: SparkSession) -> None:
    (row,) = rewritten(
        spark,
        "silver.spans",
        "trace_id string, resource_attributes map<string,string>, attributes map<string,string>",
        [(GONE, {"host.name": f"h-{GONE_SPAN}"}, {"error.type": f"E {USER[1]} {GONE}", "x": "y"})],
    )
    assert row.resource_attributes == {"host.name": "h-erased"}
    assert row.attributes == {"error.type": "E erased erased"}


def test_another_row_loses_only_what_it_says_of_it(spark: SparkSession) -> None:
    coded = base64.b64encode(bytes.fromhex(GONE)).decode()
    rows = [
        (
            OTHER, OTHER_SPAN, None, None, None, f"after {GONE.upper()}", "server", f"by {USER[1]}",
            {"service.name": "a"}, {"note": f"x {HYPHENS} y", USER[0]: "someone"}, [],
            [(GONE, GONE_SPAN, None, {"a": "b"})], f"{coded} raw {GONE_SPAN}", 1,
        ),
        (
            OTHER, OTHER_SPAN, None, None, None, "nothing of it", "server", None, {},
            {"note": "n"}, [], [], "raw", 1,
        ),
    ]  # fmt: skip
    changed, same = rewritten(spark, "bronze.spans", SPANS, rows)
    assert tuple(same) == rows[1]
    said = json.dumps(changed.asDict(recursive=True))
    for text in (GONE, GONE.upper(), HYPHENS, GONE_SPAN, USER[1], coded):
        assert text not in said
    assert (changed.trace_id, changed.span_id) == (OTHER, OTHER_SPAN)
    assert changed.links[0].trace_id == pseudonym(KEY, GONE)
    assert changed.links[0].attributes == {}
    assert changed.attributes == {"note": "x erased y", USER[0]: "someone"}
    assert changed.raw_text == "erased raw erased"


def test_ids_and_values_go_from_other_rows_in_each_spelling(spark: SparkSession) -> None:
    ids = [GONE, GONE_SPAN, SHORT, TINY, TINY_SPAN, "0" * 5 + "b" * 27]
    texts = [text for one in ids for text in examples(one).values()]
    texts += [f"of {text}." for text in ESCAPED]
    everything = Erased(
        KEY,
        frozenset(one for one in ids if len(one) == 32),
        frozenset(one for one in ids if len(one) == 16),
        frozenset(),
        frozenset({("user.name", VALUE)}),
    )
    schema = "trace_id string, body string"
    rows = [(OTHER, text) for text in (*texts, *NO_ID)]
    said = [row.body for row in rewritten(spark, "silver.log_records", schema, rows, everything)]
    wanted = proof.Wanted(frozenset(ids), everything.subjects)
    assert not {text: left for text in said if (left := wanted.found_in(text))}
    assert all("erased" in text for text in said[: len(texts)])
    assert said[len(texts) :] == NO_ID


def test_an_attribute_of_a_subject_goes_from_a_change(spark: SparkSession) -> None:
    (row,) = rewritten(
        spark,
        "bronze.changes",
        "change_id string, attributes map<string,string>, raw_text string",
        [("c1", {USER[0]: USER[1], "kept": "yes"}, f"raw {USER[1]}")],
    )
    assert tuple(row) == ("c1", {"kept": "yes"}, "raw erased")


def test_a_reject_of_an_erased_trace_loses_its_text(spark: SparkSession) -> None:
    schema = "reason string, detail string, raw_text string"
    gone, kept = rewritten(
        spark,
        "bronze.rejected_records",
        schema,
        [("no_time", "x", f'{{"traceId":"{GONE}"}}'), ("no_time", "x", f'{{"traceId":"{OTHER}"}}')],
    )
    assert (gone.reason, gone.raw_text) == ("no_time", None)
    assert GONE not in gone.detail
    assert kept.raw_text == f'{{"traceId":"{OTHER}"}}'


def test_short_values_go_from_texts_where_they_are_attributes(spark: SparkSession) -> None:
    short = ("user.id", "é-47")
    erased = Erased(KEY, frozenset(), frozenset(), frozenset(), frozenset((short,)))
    said = [
        '{"traceId":"1","user.id":"é-47"',
        '{"key":"user.id","value":{"stringValue":"\\u00e9-47"}}',
        json.dumps({"log": json.dumps({"user.id": "é-47"})}),
        '{"user.id": é-47, "a": 1}',
    ]
    other = [
        '{"user.id":"é-471"}', '{"another":"é-47"}', "user é-47", '{"user.id": é-47.5}',
        '{"user.id":\u00a0"é-47"}',  # white space of other kinds is none in JSON
    ]  # fmt: skip
    schema = "reason string, detail string, raw_text string"
    rejects = [("no_time", "x", text) for text in (*said, *other)]
    rows = rewritten(spark, "bronze.rejected_records", schema, rejects, erased)
    assert [row.raw_text for row in rows] == [None] * len(said) + other
    logs = [(OTHER, f"of {text}") for text in (*said, *other)]
    schema = "trace_id string, body string"
    rows = rewritten(spark, "silver.log_records", schema, logs, erased)
    assert [row.body for row in rows[len(said) :]] == [f"of {text}" for text in other]
    # what is JSON stays JSON
    assert [row.body for row in rows[: len(said)]] == [
        'of {"traceId":"1","user.id":"erased"',
        'of {"key":"user.id","value":{"stringValue":"erased"}}',
        f"of {json.dumps({'log': json.dumps({'user.id': 'erased'})})}",
        'of {"user.id": null, "a": 1}',
    ]
    # the proof, and ingest, know the same
    wanted = proof.Wanted(frozenset(), frozenset((short,)))
    assert [bool(wanted.found_in(text)) for text in (*said, *other)] == (
        [True] * len(said) + [False] * len(other)
    )
    assert not any(wanted.found_in(row.body) for row in rows)
    assert all(short[1] in set(values_in(text, short[0])) for text in said)
    assert not any(short[1] in set(values_in(text, short[0])) for text in other)


@pytest.mark.parametrize(
    ("table", "template"),
    [("gold.error_patterns", "error_template"), ("gold.log_statement_days", "statement")],
)
def test_a_template_that_gold_alone_holds_loses_a_value(
    spark: SparkSession, table: str, template: str
) -> None:
    value = "jane.doe"
    erased = Erased(KEY, frozenset((GONE,)), frozenset(), frozenset(), frozenset((("u", value),)))
    schema = f"fingerprint string, {template} string, error_message string, trace_id string"
    text = f"account of {value} is locked"
    rows = rewritten(
        spark, table, schema,
        [("f1", text, text, OTHER), ("f2", text, text, GONE), ("f3", "disk <*>", "disk 1", GONE)],
        erased,
    )  # fmt: skip
    assert [row[template] for row in rows] == ["account of erased is locked"] * 2 + ["disk <*>"]
    assert rows[0].error_message == "account of erased is locked"
    assert value not in json.dumps([row.asDict() for row in rows])


def test_the_span_of_a_caller_is_no_span_of_the_callee(spark: SparkSession) -> None:
    schema = "trace_id string, source_span_id string, call_count bigint"
    rows = [(OTHER, GONE_SPAN, 1), (OTHER, OTHER_SPAN, 2), (GONE, OTHER_SPAN, 3)]
    calls = rewritten(spark, "gold.call_graph_minutes", schema, rows)
    assert [call.trace_id for call in calls] == [OTHER, OTHER, pseudonym(KEY, GONE)]
    assert [call.source_span_id for call in calls[:2]] == [pseudonym(KEY, GONE_SPAN), OTHER_SPAN]
    columns = spark.createDataFrame(rows, schema).schema
    assert Rewriter("gold.call_graph_minutes", columns, ERASED, SQL).other_span_ids is None


def test_record_uids_stay_apart(spark: SparkSession) -> None:
    schema = "trace_id string, record_uid string, attributes map<string,string>"
    told = [(GONE, text, {"log.record.uid": text}) for text in map(str, range(9))]
    rows = rewritten(spark, "gold.error_events", schema, told)
    uids = {row.record_uid for row in rows}
    assert len(uids) == len(rows)
    assert {len(uid) for uid in uids} == {len("erased ") + 32}
    assert all(row.record_uid == row.attributes["log.record.uid"] for row in rows)


def test_windows_keep_numbers_and_lose_ids(spark: SparkSession) -> None:
    schema = """
        service string, endpoint string, request_count bigint, sample_trace_ids array<string>,
        error_patterns array<struct<fingerprint:string,error_message:string,failure_count:bigint,
            trace_id:string>>
    """
    patterns = [("f1", "Jane failed", 3, GONE), ("f2", "disk full", 1, OTHER)]
    (row,) = rewritten(
        spark,
        "gold.endpoint_minutes",
        schema,
        [("payment", "/pay", 12, [OTHER, GONE], patterns)],
    )
    assert (row.service, row.endpoint, row.request_count) == ("payment", "/pay", 12)
    assert row.sample_trace_ids == [OTHER, pseudonym(KEY, GONE)]
    first, second = row.error_patterns
    assert (first.fingerprint, first.failure_count) == ("f1", 3)
    assert first.error_message.startswith("erased ")
    assert first.trace_id == pseudonym(KEY, GONE)
    assert tuple(second) == patterns[1]


def test_hostile_values_stay_texts(spark: SparkSession) -> None:
    hostile = "x' or '1'='1 \\ ${jndi} .*"
    erased = Erased(KEY, frozenset(), frozenset(), frozenset(), frozenset((("k'ey", hostile),)))
    rows = [("t", {"k'ey": hostile}, f"says {hostile}!"), ("t", {"k'ey": "other"}, "says .*")]
    schema = "trace_id string, attributes map<string,string>, body string"
    gone, kept = rewritten(spark, "silver.log_records", schema, rows, erased)
    assert (gone.attributes, gone.body) == ({}, "says erased!")
    assert tuple(kept) == rows[1]


# ---------------------------------------------------------------- what is erased


def test_ids_of_spans_that_other_traces_use_too_are_theirs(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACEKEEP_LAKE", str(tmp_path))
    ids = [f"{number:016x}" for number in range(16**8, 16**8 + 5)]
    link = pa.struct([("trace_id", pa.string()), ("span_id", pa.string())])
    rows = {
        "trace_id": [GONE, GONE, GONE, GONE, OTHER, OTHER],
        "span_id": [GONE_SPAN, *ids[:3], ids[0], OTHER_SPAN],
        "parent_span_id": [None, None, None, ids[3], None, ids[1]],
        "links": pa.array(
            [[{"trace_id": GONE, "span_id": ids[3]}]] * 5
            + [[{"trace_id": GONE, "span_id": GONE_SPAN}, {"trace_id": OTHER, "span_id": ids[2]}]],
            pa.list_(link),
        ),
    }
    write_deltalake(str(tmp_path / "bronze" / "spans"), pa.table(rows))
    logs = {
        "trace_id": pa.array([None, None], pa.string()),
        "span_id": [GONE_SPAN, ids[0]],
        "record_hash": ["1" * 32, "2" * 32],
    }
    write_deltalake(str(tmp_path / "bronze" / "log_records"), pa.table(logs))
    request = open_request([GONE], [])
    _Work(spark, request).find_ids()
    assert request.erased.spans == {GONE_SPAN, ids[3]}
    assert request.spans == {GONE_SPAN, *ids[:4]}
    assert request.records == {"1" * 32}


def test_what_silver_masks_is_out_of_reach_of_older_traces(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, password, absent = ("payments.order", "A-1"), ("db.password", "x"), ("a", "b@c.example")
    # Silver holds no attributes of span events
    login = ("login.name", "jane")
    request = Request(subjects={USER, order, password, absent, login})
    work = _Work(spark, request)
    assert work.masked_subjects == {USER, password, absent}
    monkeypatch.setenv("TRACEKEEP_LAKE", str(tmp_path))
    attributes = pa.array([[USER, order], [password]], pa.map_(pa.string(), pa.string()))
    event = pa.struct([("attributes", attributes.type)])
    events = pa.array([[], [{"attributes": [login]}]], pa.list_(event))
    rows = pa.table({"trace_id": [GONE, OTHER], "attributes": attributes, "events": events})
    write_deltalake(str(tmp_path / "bronze" / "spans"), rows)
    work.find_ids()
    assert request.traces == {GONE, OTHER}
    assert work.out_of_reach() == {absent}
    # one that was cut short does not meet them again
    forget = rows.slice(0, 0)
    write_deltalake(str(tmp_path / "bronze" / "spans"), forget, mode="overwrite")
    request.store()
    again = _Work(spark, open_request([], []))
    again.masked_subjects = work.masked_subjects
    again.find_ids()
    assert again.out_of_reach() == {absent}
    days = {"table_name": ["bronze.spans"], "partition_date": [NOW.date()]}
    write_deltalake(str(tmp_path / "control" / "expired_days"), pa.table(days))
    assert work.out_of_reach() == {USER, password, absent, login}


# ---------------------------------------------------------------- proof


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    folder = tmp_path / "lake"
    folder.mkdir()
    return folder


def places(lake: Path, *wanted: str, subjects: Any = ()) -> Iterator[tuple[str, str]]:
    found = proof.prove(proof.Wanted(frozenset(wanted), frozenset(subjects)), [], lake)
    assert found.files > 0
    for file, place, _ in found.found:
        yield Path(file).name, place


def test_the_proof_finds_what_is_planted_and_leaves_nothing_behind(lake: Path) -> None:
    assert not list(places(lake, GONE))
    assert not list(lake.iterdir())


def test_the_proof_looks_everywhere(lake: Path) -> None:
    left = proof.Control()
    proof.plant(lake / "left", left)
    wanted = proof.Wanted(
        left.ids,
        frozenset((left.subject, left.short)),
        frozenset((left.own,)),
        frozenset((left.pseudonym,)),
    )
    found = {(Path(file).name, place) for file, place, _ in proof.prove(wanted, [], lake).found}
    assert found >= proof.expected_places(left)


def test_the_proof_finds_ids_of_spans_and_values(lake: Path) -> None:
    maps = pa.array([[("k", "7")], [USER]], pa.map_(pa.string(), pa.string()))
    table = pa.table({"ids": [GONE_SPAN, OTHER_SPAN], "attributes": maps}).slice(0, 2)
    pq.write_table(table, lake / "a.parquet", compression="zstd")
    (lake / "a.log").write_text(f"of {USER[1]}", encoding="utf-8")
    assert set(places(lake, GONE_SPAN)) == {
        ("a.parquet", "ids"),
        ("a.parquet", "statistics of ids"),
    }
    assert {file for file, _ in places(lake, subjects=[USER])} == {"a.parquet", "a.log"}
    # a short value is looked for as an attribute alone; in Delta's logs columns look like that
    (lake / "_delta_log").mkdir()
    (lake / "_delta_log" / "0.json").write_text('{"minValues":{"k":"7"}}', encoding="utf-8")
    (lake / "b.log").write_text('{"k":"7"}', encoding="utf-8")
    assert set(places(lake, subjects=[("k", "7")])) == {
        ("a.parquet", "attributes"),
        ("b.log", "text"),
    }
    assert not list(places(lake, subjects=[("another", "7")]))


def test_the_proof_reads_compressed_raw_files(lake: Path) -> None:
    lines = [f'{{"traceId":"{OTHER}"}}'] * 9 + [f'{{"traceId":"{GONE}"}}', f"of {USER[1]}"]
    whole = gzip.compress("\n".join(lines).encode())
    (lake / "otlp").mkdir()
    (lake / "otlp" / "a.jsonl.gz").write_bytes(whole)
    assert list(places(lake, GONE)) == [("a.jsonl.gz", "text")]
    assert list(places(lake, subjects=[USER])) == [("a.jsonl.gz", "text")]
    # what ingest takes for one, too: several streams, any name, cut off at its end
    (lake / "otlp" / "a.jsonl.gz").write_bytes(b"")
    packed = gzip.compress(b"text\n") + gzip.compress(lines[9].encode() + b"\n" * 99)
    (lake / "otlp" / "b").write_bytes(packed[:-4])
    assert list(places(lake, GONE)) == [("b", "text")]


def test_the_proof_reads_long_texts_in_parts(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "_PART", 64)
    (lake / "a.log").write_text("x" * 40 + "\n" + "y" * 12 + f" {GONE} end\n", encoding="utf-8")
    (lake / "b.log").write_text("x" * 50 + f" {GONE} end" + "z" * 90, encoding="utf-8")
    assert set(places(lake, GONE)) == {("a.log", "text"), ("b.log", "text")}


def test_the_proof_leaves_ids_of_spans_to_other_traces(lake: Path) -> None:
    rows = pa.table({"trace_id": [OTHER, OTHER], "span_id": [GONE_SPAN, None]})
    pq.write_table(rows, lake / "a.parquet")
    wanted = proof.Wanted(
        frozenset((GONE,)), frozenset(), frozenset((GONE_SPAN,)), frozenset(("e" * 32,))
    )
    assert not proof.prove(wanted, [], lake).found
    rows = pa.table({"trace_id": [OTHER, "e" * 32], "body": ["", f"of {GONE_SPAN}"]})
    pq.write_table(rows, lake / "a.parquet")
    (left,) = proof.prove(wanted, [], lake).found
    assert left[1:] == ("body", GONE_SPAN)
    # a call of it by a span of another trace, and one by its own
    callers = {"source_span_id": [GONE_SPAN], "trace_id": ["e" * 32]}
    for source, places_left in ((OTHER, []), ("e" * 32, ["source_span_id"])):
        rows = pa.table({**callers, "source_trace_id": [source]})
        pq.write_table(rows, lake / "a.parquet")
        assert [place for _, place, _ in proof.prove(wanted, [], lake).found] == places_left
    pq.write_table(pa.table(callers), lake / "a.parquet")
    assert not proof.prove(wanted, [], lake).found


def test_a_blind_search_is_no_proof(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "_in_parquet", lambda *_: iter(()))
    with pytest.raises(proof.BlindError, match="planted"):
        list(places(lake, GONE))
    assert not list(lake.iterdir())
