"""What application logs tell: levels in any form, ids, exceptions; and what they only mention."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tracekeep.readers.levels import INFERRED, STATED, TEXT, level_of, number_of_word
from tracekeep.readers.log_fields import json_fields
from tracekeep.readers.log_texts import ids_of, told_by

LONG, SHORT, SPAN = "9427106d78587a0c59fcaa66baec506e", "4d1697be764d8b82", "5078590bb55e7917"
PADDED = SHORT.zfill(32)

TEXTS = {
    # logfmt
    'ts=1 caller=x.go:1 level=error msg="boom"': 17,
    'level="error" msg=x': 17,
    'time=t level=WARN msg="slow" err="level=error"': 13,
    'level=info msg="ended" error="<nil>"': 9,
    'Jan 12 10:00:00 node1 dockerd[1]: time="t" level=error msg="x"': 17,
    "lvl=crit msg=a": 21,
    "lvl=dbug msg=a": 5,
    'msg="set level=error" user=1': None,
    "msg=set level=error": None,
    "user changed level=error yesterday": None,
    "GET /errors?level=error 200": None,
    # letters
    "E20260112 10:00:00.123456 17 main.cc:3] boom": 17,
    "W0112 10:00:00.123 1 x.go:1] a": 13,
    "E, [2026-01-12T10:00:00.123456 #17] ERROR -- : boom": 17,
    "[E 260112 10:00:00 web:2246] 500 GET /": 17,
    "2026-01-12T10:00:00.123+0000 F STORAGE  [conn1] gone": 21,
    "01-12 10:00:00.123  1234  1235 E ActivityManager: boom": 17,
    "E/MyTag( 1234): boom": 17,
    "I/O error on disk": None,
    # numbers and marks
    "<11>Jan 12 10:00:00 host app: boom": 17,
    "<14>1 2026-01-12T10:00:00Z host app - - - ok": 9,
    "1:M 12 Jan 2026 10:00:00.123 # overcommit_memory is set to 0": 13,
    "7:S 12 Jan 10:00:00.123 * Ready": 10,
    # brackets
    "2026/01/12 10:00:00 [alert] 1#1: x": 21,
    "[Mon Jan 12 10:00:00.1 2026] [php:error] [pid 1] x": 17,
    "[2026-01-12T10:00:00+00:00] request.ERROR: Uncaught": 17,
    "2026-01-12 10:06:01.123 +00:00 [FTL] x": 21,
    "[10:06:01 ERR] x": 17,
    "[ error ] x": 17,
    "[2026-01-12T10:00:00,123][WARN ][o.e.b] x": 13,
    "2026.01.12 10:00:00.1 [ 1 ] {} <Error> Application: boom": 17,
    "2026-01-12T10:00:00.1Z 0 [System] [MY-010116] [Server] x": 9,
    "<error>x</error>": None,
    # words
    "2026-01-12T10:00:00Z ERR failed": 17,
    "2026-01-12T10:00:00.123Z\terror\tcmd/main.go:12\tboom": 17,
    "1768212000.123\terror\tmain.go:3\tboom": 17,
    "1.768212000123e+09\terror\tmain.go:3\tboom": 17,
    "ERRO[0012] boom": 17,
    "EROR[01-12|10:00:00] boom": 17,
    "error: could not bind": 17,
    "fail: Shop.Pay[0]": 17,
    "PHP Warning:  foo in /a.php on line 3": 13,
    "[12-Jan-2026 10:00:00 UTC] PHP Fatal error:  Uncaught Exception": 21,
    "2026-01-12 10:00:00.1 UTC [12] LOG:  checkpoint complete": 9,
    "2026-01-12 10:00:00 main ERROR Unable to locate appender": 17,
    "\x1b[31mERROR\x1b[0m boom": 17,
    'prefix {"ts":1,"level":"error","msg":"x': 17,
    # what is only mentioned
    "error: <nil>": None,
    "no ERROR found": None,
    "finished without ERROR": None,
    "exit code ERROR=0": None,
    'User said "ERROR" in chat': None,
    "the ERROR handler was called": None,
    "Connection error, trying again": None,
    "Recovered from panic, going on": None,
    "Alert rule loaded": None,
    "Critical section entered": None,
}


@pytest.mark.parametrize(("text", "number"), TEXTS.items())
def test_level_of_a_text(text: str, number: int | None) -> None:
    level = level_of(text, json_fields(text))
    assert (level.number, level.source) == (number, None if number is None else TEXT)


FIELDS: list[tuple[int | None, dict[str, Any]]] = [
    (17, {"level": 50, "msg": "pino"}),
    (13, {"level": 40.0, "msg": "pino"}),
    (17, {"levelno": 40, "message": "python"}),
    (17, {"MESSAGE": "journald", "PRIORITY": "3"}),
    (None, {"msg": "a job", "priority": 3}),
    (17, {"level": 400, "level_name": "ERROR", "message": "monolog"}),
    (17, {"level": 3, "severity": "error", "msg": "the name counts"}),
    (None, {"level": 3, "msg": "of whom?"}),
    (17, {"version": "1.1", "short_message": "gelf", "level": 3}),
    (17, {"jsonPayload": {"level": "error", "message": "google"}}),
    (17, {"log": {"level": "error"}, "message": "elastic"}),
    (17, {"record": {"level": {"name": "ERROR", "no": 40}}, "text": "loguru"}),
    (17, {"level_value": 40000, "message": "logback"}),
    (17, {"LogLevel": "Error", "Message": ".NET"}),
    (17, {"s": "E", "c": "X", "ctx": "a", "msg": "mongod"}),
    (None, {"s": "E", "msg": "no mongod"}),
    (9, {"level": "info", "msg": "ERROR in the text"}),
    (None, {"msg": "ok", "error": None}),
]


@pytest.mark.parametrize(("number", "fields"), FIELDS)
def test_level_of_fields(number: int | None, fields: dict[str, Any]) -> None:
    text = json.dumps(fields)
    level = level_of(text, json_fields(text))
    assert (level.number, level.source) == (number, None if number is None else STATED)


def test_a_message_states_the_level_that_no_field_does() -> None:
    text = json.dumps({"level": 3, "message": "[ERROR] x"})
    assert level_of(text, json_fields(text)) == (17, "ERROR", TEXT)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("panic: boom", 21), ("thread 'main' panicked at src/main.rs:3:5:", 21),
        ("Traceback (most recent call last):", 17), ("java.lang.Error: x", 17),
        ("Unhandled exception. System.X: boom", 17), ("** (RuntimeError) boom", 17),
        ("/app/main.js:3", 17), ("TypeError: x is not a function", 17),
    ],
)  # fmt: skip
def test_a_stack_trace_tells_a_level(text: str, number: int) -> None:
    assert level_of(f"{text}\nmore", None) == (number, None, INFERRED)


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("Error ", 17), ("[ERROR]", 17), ("error:", 17), ("LEVEL_ERROR", 17), ("ERROR3", 19),
        ("SEVERITY_NUMBER_WARN2", 14), ("fatal error", 21), ("D2", None), ("gold", None),
        ("", None),
    ],
)  # fmt: skip
def test_number_of_a_word(word: str, number: int | None) -> None:
    assert number_of_word(word) == number


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (f"trace_id={SHORT} x", (PADDED, None)),
        (f"[app,{SHORT},{SPAN},true] x", (PADDED, SPAN)),
        (f"[{LONG}-{SPAN}] x", (LONG, SPAN)),
        ("[1234567890123456-1234567890123456] two cards", (None, None)),
        (f"traceparent: 00-{LONG}-{SPAN}-01", (LONG, SPAN)),
        (f"X-B3-TraceId: {SHORT} X-B3-SpanId: {SPAN}", (PADDED, SPAN)),
        (f"b3={SHORT}-{SPAN}-1", (PADDED, SPAN)),
        (f"[trace={LONG} span={SPAN}] x", (LONG, SPAN)),
        (
            "[dd.trace_id=4611686018427387905 dd.span_id=17] x",
            ("4000000000000001".zfill(32), "11".zfill(16)),
        ),
        (f"[dd.trace_id={LONG} dd.span_id=17] x", (LONG, "11".zfill(16))),
        (json.dumps({"dd.trace_id": "4611686018427387"}), ("10624dd2f1a9fb".zfill(32), None)),
        (json.dumps({"@tr": LONG, "@sp": SPAN}), (LONG, SPAN)),
        (json.dumps({"trace": f"projects/p/traces/{LONG}", "spanId": SPAN}), (LONG, SPAN)),
        (json.dumps({"Scopes": [{"a": 1}, {"TraceId": LONG, "SpanId": SPAN}]}), (LONG, SPAN)),
        (json.dumps({"otelTraceID": LONG, "otelSpanID": SPAN}), (LONG, SPAN)),
        (json.dumps({"traceparent": f"00-{LONG}-{SPAN}-01"}), (LONG, SPAN)),
        (json.dumps({"b3": f"{SHORT}-{SPAN}-1"}), (PADDED, SPAN)),
        (json.dumps({"X-B3-TraceId": SHORT, "X-B3-SpanId": SPAN}), (PADDED, SPAN)),
        (json.dumps({"mdc": {"traceId": LONG, "spanId": SPAN}}), (LONG, SPAN)),
        (json.dumps({"logging.googleapis.com/trace": f"projects/p/traces/{LONG}"}), (LONG, None)),
        ("trace_id=1234", (None, None)),
    ],
)
def test_ids_of_a_text(text: str, ids: tuple[str | None, str | None]) -> None:
    assert ids_of(text, json_fields(text)) == ids


JAVA = "java.lang.IllegalStateException: no funds\n\tat a.B.c(D.java:1)"
NODE = "TypeError: no funds\n    at pay (/app/pay.js:10:5)"
_TRACEBACK = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\n'
PYTHON = (
    f"{_TRACEBACK}KeyError: 1\n\nDuring handling of the above exception, another exception "
    f"occurred:\n\n{_TRACEBACK}shop.PayError: no funds"
)
LARAVEL = "[object] (App\\Foo(code: 0): no funds\n[stacktrace]\n#0 /b.php(2): f()"
EXCEPTIONS: list[tuple[str | None, str, dict[str, Any]]] = [
    ("TypeError", NODE, {"err": {"type": "TypeError", "message": "no funds", "stack": NODE}}),
    ("TypeError", NODE, {"err": {"name": "TypeError", "message": "no funds", "stack": NODE}}),
    ("TypeError", NODE, {"message": "no funds", "stack": NODE}),
    ("TypeError", NODE, {"error": {"message": "no funds", "stack": NODE}}),
    ("java.lang.IllegalStateException", JAVA, {"stack_trace": JAVA}),
    ("java.lang.IllegalStateException", JAVA, {"exception": JAVA}),
    ("java.lang.IllegalStateException", JAVA, {"jsonPayload": {"exception": JAVA}}),
    ("java.lang.IllegalStateException", JAVA, {"short_message": "x", "full_message": JAVA}),
    ("X", JAVA, {"thrown": {"name": "X", "message": "no funds", "extendedStackTrace": JAVA}}),
    ("shop.PayError", PYTHON, {"exc_info": PYTHON}),
    ("System.X", "System.X: no funds\n   at A.B()", {"@x": "System.X: no funds\n   at A.B()"}),
    ("App\\Foo", "/b.php:1\n/c.php:2", {"context": {"exception": {
        "class": "App\\Foo", "message": "no funds", "trace": ["/b.php:1", "/c.php:2"]}}}),
    ("ValueError", '{"lineno":1}', {"exception": [
        {"exc_type": "ValueError", "exc_value": "no funds", "frames": [{"lineno": 1}]}]}),
    ("java.lang.IllegalStateException", JAVA, {"short_message": "x", "full_message": f"x\n{JAVA}"}),
    ("App\\Foo", LARAVEL, {"context": {"exception": LARAVEL}}),
    ("E", JAVA, {"attributes": {
        "exception.type": "E", "exception.message": "no funds", "exception.stacktrace": JAVA}}),
    # the first name of the policy's list, whatever the order of the keys
    ("T", NODE, {"err": {"kind": "k", "class": "c", "name": "n", "exc_type": "e", "type": "T",
                         "value": "v", "msg": "m", "message": "no funds", "stack": NODE}}),
    ("E", "a\nb", {"errorType": "E", "errorMessage": "no funds", "stackTrace": ["a", "b"]}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "stack", "fields"), EXCEPTIONS)
def test_exception_of_a_logger(kind: str, stack: str, fields: dict[str, Any]) -> None:
    text = json.dumps({"level": "error", "msg": "could not pay", **fields})
    told = dict(told_by(text, json_fields(text))["attributes"])
    assert told["exception.type"] == kind
    assert told["exception.message"] == "no funds"
    assert told["exception.stacktrace"] == stack


def test_an_error_that_is_no_exception_is_an_attribute_alone() -> None:
    text = json.dumps({"level": "warn", "msg": "again", "error": "timeout", "exc_info": True})
    told = dict(told_by(text, json_fields(text))["attributes"])
    assert told["error"] == "timeout"
    assert not any(name.startswith("exception.") for name in told)
