"""Pod logs: parts, stack traces, rotation, files that are still written to."""

from __future__ import annotations

import gzip
import io
import json
import os
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading import POD, TIME, docker, planned, read_part, records_of, write

from tracekeep.ingest.plan import SETTLED_SECONDS, PlannedFile, Planner, find_files
from tracekeep.readers import files
from tracekeep.readers.files import Piece, read_piece

FOLDER = POD.removesuffix("/0.log")


def cri(*texts: str, stream: str = "stdout", flag: str = "F") -> str:
    return "".join(f"{TIME} {stream} {flag} {text}\n" for text in texts)


STACKS = {
    "jvm": [
        "java.lang.IllegalStateException: no funds",
        "\tat com.shop.Pay.pay(Pay.java:17)",
        "\tat com.shop.Main.main(Main.java:3)",
        "Caused by: java.io.IOException: gone",
        "\tat com.shop.Db.read(Db.java:9)",
        "\t... 12 more",
    ],
    "python": [
        "Traceback (most recent call last):",
        '  File "pay.py", line 3, in pay',
        "    charge(card)",
        "ValueError: no funds",
    ],
    "go": [
        "panic: runtime error: index out of range [3] with length 3",
        "goroutine 1 [running]:",
        "main.pay(0x1)",
        "\t/app/main.go:12 +0x1d",
    ],
    "node": [
        "TypeError: Cannot read properties of undefined (reading 'card')",
        "    at pay (/app/pay.js:10:5)",
        "    at async main (/app/index.js:3:1)",
    ],
    "dotnet": [
        "Unhandled exception. System.InvalidOperationException: no funds",
        "   at Shop.Pay.Charge() in /src/Pay.cs:line 12",
        "   --- End of inner exception stack trace ---",
        "   at Shop.Main() in /src/Main.cs:line 3",
    ],
    "python group": [
        "  + Exception Group Traceback (most recent call last):",
        '  |   File "pay.py", line 12, in run',
        "  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)",
        "  +-+---------------- 1 ----------------",
        "    | Traceback (most recent call last):",
        "    | ValueError: no funds",
        "    +------------------------------------",
    ],
    "node uncaught": [
        "/app/pay.js:10",
        "throw new Error('no funds');",
        "^",
        "",
        "Error: no funds",
        "    at pay (/app/pay.js:10:5)",
        "",
        "Node.js v20.1.0",
    ],
    "php": [
        "Fatal error: Uncaught RuntimeException: no funds in /app/pay.php:3",
        "Stack trace:",
        "#0 /app/main.php(7): pay()",
        "#1 {main}",
        "  thrown in /app/pay.php on line 3",
    ],
    "rust": [
        "thread 'main' panicked at src/main.rs:3:5:",
        "no funds",
        "stack backtrace:",
        "   0: rust_begin_unwind",
        "             at /rustc/library/std/src/panicking.rs:645:5",
        "note: run with `RUST_BACKTRACE=full`",
    ],
    "elixir": [
        "** (RuntimeError) no funds",
        "    (pay 0.1.0) lib/pay.ex:3: Pay.charge/1",
        "    (elixir 1.16.0) lib/task.ex:101: Task.Supervised.invoke_mfa/2",
    ],
    "ruby": [
        "pay.rb:3:in `charge': no funds (RuntimeError)",
        "\tfrom pay.rb:9:in `pay'",
        "\tfrom main.rb:1:in `<main>'",
    ],
    "jvm, message of two lines": [
        'java.lang.IllegalStateException: ERROR: duplicate key "users_pkey"',
        "  Detail: Key (id)=(1) already exists.",
        "\tat com.shop.Main.`pay all`(Main.kt:5)",
        "Wrapped by: java.lang.RuntimeException: no funds",
        "\tat com.shop.Main.main(Main.java:3)",
    ],
    "jvm, any class": [
        'Exception in thread "main" com.shop.InsufficientFunds: 12',
        "\tat com.shop.Main.main(Main.java:3)",
    ],
    "python, chained group": [
        "Traceback (most recent call last):",
        '  File "pay.py", line 12, in run',
        "__main__.run.<locals>.PayError: no funds",
        "",
        "During handling of the above exception, another exception occurred:",
        "",
        "  + Exception Group Traceback (most recent call last):",
        '  |   File "pay.py", line 14, in run',
        "  | ExceptionGroup: many (1 sub-exception)",
        "  +-+---------------- 1 ----------------",
        "    | ValueError: x",
        "    +------------------------------------",
    ],
    "python, message of a database": [
        "Traceback (most recent call last):",
        '  File "pay.py", line 12, in run',
        "sqlalchemy.exc.IntegrityError: (psycopg2.errors.UniqueViolation) duplicate key",
        "DETAIL:  Key (id)=(1) already exists.",
        "",
        "[SQL: INSERT INTO orders VALUES (1)]",
        "(Background on this error at: https://sqlalche.me/e/20/gkpj)",
    ],
    "go, overflow": [
        "fatal error: stack overflow",
        "",
        "runtime stack:",
        "runtime.throw({0x1, 0x2})",
        "\t/usr/local/go/src/runtime/panic.go:1047 +0x5d",
        "",
        "goroutine 1 gp=0xc00 m=0 mp=0x5e [running]:",
        "gopkg.in/yaml%2ev3.(*decoder).unmarshal(...)",
        "\t/app/main.go:9 +0x1",
        "...additional frames elided...",
    ],
    "node, with a cause": [
        "Error: could not pay",
        "    at pay (/app/pay.js:10:5) {",
        "  [cause]: Error: no funds",
        "      at charge (/app/charge.js:3:1) {",
        "    code: 'EFUNDS'",
        "  }",
        "}",
    ],
    "node, of the runtime": [
        "node:events:497",
        "      throw er; // Unhandled 'error' event",
        "      ^",
        "",
        "PaymentFailed: no funds",
        "    at pay (/app/pay.js:10:5)",
        "Emitted 'error' event on Server instance at:",
        "    at emitErrorNT (node:net:1817:8)",
        "",
        "Node.js v20.1.0",
    ],
    "ruby, with its code": [
        "pay.rb:3:in 'Object#charge': undefined method 'foo' for nil (NoMethodError)",
        "",
        "  nil.foo",
        "     ^^^^",
        "\tfrom main.rb:1:in '<main>'",
    ],
    "rails": [
        "RuntimeError (no funds):",
        "",
        "app/models/pay.rb:3:in `charge'",
        "app/controllers/pay_controller.rb:9:in `create'",
    ],
    "php, chained": [
        "NOTICE: PHP message: PHP Fatal error:  Uncaught LogicException: x in /app/pay.php:3",
        "Stack trace:",
        "#0 {main}",
        "",
        "Next RuntimeException: no funds in /app/pay.php:5",
        "  thrown in /app/pay.php on line 5",
    ],
    "rust, assertion": [
        "thread 'main' panicked at src/main.rs:3:5:",
        "assertion `left == right` failed",
        "  left: 1",
        " right: 2",
    ],
    "phoenix": [
        "** (exit) an exception was raised:",
        "    ** (RuntimeError) no funds",
        "        (pay 0.1.0) lib/pay.ex:3: Pay.charge/1",
        "        (stdlib) gen_server.erl:1: :gen_server.try/1",
    ],
}


@pytest.mark.parametrize("kind", ["cri", "docker"])
@pytest.mark.parametrize("language", STACKS)
def test_lines_of_a_stack_trace_are_one_record(tmp_path: Path, language: str, kind: str) -> None:
    lines = ["INFO before", *STACKS[language], "INFO after", "INFO later"]
    text = cri(*lines) if kind == "cri" else "\n".join(docker(f"{line}\n") for line in lines)
    bodies = [record["body"] for record in records_of(write(tmp_path, POD, text))]
    assert bodies == ["INFO before", "\n".join(STACKS[language]), "INFO after", "INFO later"]


def test_frames_after_a_log_line_belong_to_it(tmp_path: Path) -> None:
    frames = ["\tat a.B.c(D.java:1)", "Caused by: x.Y: z", "\tat a.B.c(D.java:2)"]
    records = records_of(write(tmp_path, POD, cri("ERROR failed: x.Y: z", *frames, "INFO on")))
    assert [record["body"] for record in records] == [
        "\n".join(["ERROR failed: x.Y: z", *frames]),
        "INFO on",
    ]
    assert records[0]["severity_text"] == "ERROR"
    assert records[0]["raw_text"].count(b"\n") == 3


@pytest.mark.parametrize("blanks", [[], ["", " "]])
def test_a_stack_trace_takes_ids_and_level_of_its_line(tmp_path: Path, blanks: list[str]) -> None:
    line = f"ERROR trace_id={'ab' * 16} span_id={'cd' * 8} could not pay"
    text = cri("INFO on", line, *blanks, *STACKS["jvm"], "INFO later", *STACKS["jvm"], "WARN x")
    records = [r for r in records_of(write(tmp_path, POD, text)) if r["body"].strip()]
    _, error, stack, _, info_stack, _ = records
    for name in ("trace_id", "span_id", "severity_number", "severity_text"):
        assert stack[name] == error[name]
    assert (stack["severity_source"], error["severity_source"]) == ("inferred", "text")
    told = dict(stack["attributes"])
    assert told["exception.type"] == "java.lang.IllegalStateException"
    assert told["exception.message"] == "no funds"
    assert told["tracekeep.failure"] == dict(error["attributes"])["tracekeep.failure"]
    assert info_stack["severity_number"] == 9
    assert "tracekeep.failure" not in dict(info_stack["attributes"])


def test_without_a_trace_a_line_and_its_stack_trace_are_one_identity(tmp_path: Path) -> None:
    text = cri("ERROR could not pay", *STACKS["python"], "ERROR other")
    line, stack, other = records_of(write(tmp_path, POD, text))
    assert line["record_hash"] == stack["record_hash"] != other["record_hash"]


def test_a_stack_trace_alone_states_an_error(tmp_path: Path) -> None:
    records = [records_of(write(tmp_path, POD, cri(*lines)))[0] for lines in STACKS.values()]
    found = {name: r["severity_number"] for name, r in zip(STACKS, records, strict=True)}
    fatal = {"go", "php", "rust", "go, overflow", "php, chained", "rust, assertion"}
    assert found == {name: 21 if name in fatal else 17 for name in STACKS}
    written = {name for name, r in zip(STACKS, records, strict=True) if r["severity_text"]}
    assert written == {"php", "php, chained"}  # whose stack traces begin with a level


@pytest.mark.parametrize(
    ("language", "exception"),
    {
        "jvm, any class": ("com.shop.InsufficientFunds", "12"),
        "python, chained group": ("ExceptionGroup", "many (1 sub-exception)"),
        "node, of the runtime": ("PaymentFailed", "no funds"),
        "ruby, with its code": ("NoMethodError", "undefined method 'foo' for nil"),
        "rails": ("RuntimeError", "no funds"),
        "php, chained": ("LogicException", "x in /app/pay.php:3"),
        "rust, assertion": (None, "assertion `left == right` failed"),
        "phoenix": ("RuntimeError", "no funds"),
    }.items(),
)
def test_a_stack_trace_tells_its_exception(
    tmp_path: Path, language: str, exception: tuple[str | None, str]
) -> None:
    (record,) = records_of(write(tmp_path, POD, cri(*STACKS[language])))
    told = dict(record["attributes"])
    assert (told.get("exception.type"), told["exception.message"]) == exception


def test_frames_without_arguments_belong_to_the_line_before_them(tmp_path: Path) -> None:
    lines = [
        '2026-01-12T10:00:00.123Z\tERROR\tReconciler error\t{"controller": "shop"}',
        "sigs.k8s.io/controller-runtime/pkg/internal/controller.(*Controller).reconcile",
        "\t/go/pkg/mod/sigs.k8s.io/controller-runtime@v0.15.0/pkg/controller.go:324",
    ]
    records = records_of(write(tmp_path, POD, cri(*lines, "INFO on")))
    assert [record["body"] for record in records] == ["\n".join(lines), "INFO on"]


def test_the_console_of_dotnet_indents_what_belongs_to_a_line(tmp_path: Path) -> None:
    lines = [
        "fail: Microsoft.AspNetCore.Server.Kestrel[13]",
        "      An unhandled exception was thrown.",
        "      System.InvalidOperationException: no funds",
        "         at Shop.Pay() in /src/Pay.cs:line 9",
    ]
    later = ["info: Microsoft.Hosting.Lifetime[0]", "      Application started."]
    records = records_of(write(tmp_path, POD, cri(*lines, *later)))
    assert [record["body"] for record in records] == ["\n".join(lines), "\n".join(later)]
    assert [record["severity_number"] for record in records] == [17, 9]
    told = dict(records[0]["attributes"])
    assert told["exception.type"] == "System.InvalidOperationException"
    assert told["exception.message"] == "no funds"
    assert told["exception.stacktrace"].endswith("\n   at Shop.Pay() in /src/Pay.cs:line 9")
    assert records[1]["attributes"] == []


def test_a_line_with_frames_but_no_level_is_an_error(tmp_path: Path) -> None:
    lines = ["request failed", "app/models/pay.rb:3:in `charge'", "app/a.rb:1:in `b'"]
    (record,) = records_of(write(tmp_path, POD, cri(*lines)))
    assert (record["severity_number"], record["severity_source"]) == (17, "inferred")


def test_a_line_in_parts_goes_on_with_the_stack_trace_before_it(tmp_path: Path) -> None:
    error, first, second = f"ERROR trace_id={'ab' * 16} x", *STACKS["jvm"][:2]
    text = (
        cri(error) + cri(first[:9], flag="P") + cri(first[9:])
        + cri(second[:7], flag="P") + cri(second[7:], "INFO on")
    )  # fmt: skip
    line, stack, later = records_of(write(tmp_path, POD, text))
    assert stack["body"] == f"{first}\n{second}"
    assert stack["trace_id"] == line["trace_id"] == "ab" * 16
    assert later["body"] == "INFO on"


def test_line_ends_of_windows_are_no_text(tmp_path: Path) -> None:
    lines = "\n".join(docker(f"{line}\r\n") for line in [*STACKS["node"], "INFO on"])
    bodies = [record["body"] for record in records_of(write(tmp_path, POD, lines))]
    assert bodies == ["\n".join(STACKS["node"]), "INFO on"]


def test_two_exceptions_in_a_row_are_two_records(tmp_path: Path) -> None:
    stack = STACKS["jvm"]
    records = records_of(write(tmp_path, POD, cri(*stack, *stack)))
    assert [record["body"] for record in records] == ["\n".join(stack)] * 2


def test_chained_python_exceptions_are_one_record(tmp_path: Path) -> None:
    between = ["", "During handling of the above exception, another exception occurred:", ""]
    lines = [*STACKS["python"], *between, *STACKS["python"]]
    records = records_of(write(tmp_path, POD, cri(*lines, "INFO on")))
    assert [record["body"] for record in records] == ["\n".join(lines), "INFO on"]


def test_streams_do_not_mix(tmp_path: Path) -> None:
    first, *rest = STACKS["jvm"]
    text = cri(first, stream="stderr")
    for line in rest:
        text += cri("INFO between") + cri(line, stream="stderr")
    bodies = [record["body"] for record in records_of(write(tmp_path, POD, text))]
    assert sorted(bodies) == sorted(["\n".join(STACKS["jvm"]), *["INFO between"] * len(rest)])


@pytest.mark.parametrize(
    ("second", "time", "bodies"),
    [
        ("the rest\n", TIME, ["part the rest"]),
        ("10:00:00.123 INFO next\n", TIME, ["part ", "10:00:00.123 INFO next"]),
        ('{"msg": "next"}\n', TIME, ["part ", '{"msg": "next"}']),
        ("ERROR next\n", TIME, ["part ", "ERROR next"]),
        ("much later\n", "2026-01-12T11:00:00Z", ["part ", "much later"]),
    ],
)
def test_docker_part_goes_on_unless_a_record_begins(
    tmp_path: Path, second: str, time: str, bodies: list[str]
) -> None:
    text = f"{docker('part ')}\n{docker(second, time=time)}\n"
    records = records_of(write(tmp_path, POD, text))
    assert [record["body"] for record in records] == bodies
    assert [record["is_truncated"] for record in records] == [len(bodies) > 1, False][
        -len(bodies) :
    ]


def test_fluent_bit_names_the_pod(tmp_path: Path) -> None:
    kubernetes = {"pod_name": "cart-1", "namespace_name": "shop", "container_name": "app"}
    line = {"log": "a\n", "stream": "stdout", "time": TIME, "kubernetes": kubernetes}
    (record,) = records_of(write(tmp_path, "containers.log", json.dumps(line)))
    assert dict(record["resource_attributes"])["k8s.pod.name"] == "cart-1"


def test_path_tricks_are_no_pods(tmp_path: Path) -> None:
    for folder in ("a_..%2f_b", "A_b_c", "x_y", "ns_pod.._uid"):
        (record,) = records_of(write(tmp_path, f"{folder}/app/0.log", cri("m")))
        assert record["resource_attributes"] == []


# ---------------------------------------------------------------- rotation


def read_all(
    folder: Path,
    known: dict[str, PlannedFile],
    is_live: bool = False,
    told: list[str] | None = None,
) -> list[str]:
    """Bodies that one ingest reads of a folder; the ledger `known` learns what it planned, and
    `told` what the records tell."""
    found = [*find_files([folder])]
    planner = Planner(dict(known), found, is_live=is_live)
    bodies = []
    for path in found:
        file = planner.plan(path)
        if file is None:
            continue
        known[path] = file
        part = file.part
        for _, _, record in read_piece(Piece(part, part.from_position, part.to_position)):
            is_log = record["table"] == "log_records"
            bodies.append(record["body"] if is_log else record["reason"])
            if told is not None and is_log:
                names = ("body", "severity_number", "record_hash", "attributes")
                told.append(repr([record.get(name) for name in names]))
    return bodies


@pytest.mark.parametrize("is_packed", [False, True])
def test_parts_and_stack_traces_go_on_over_a_rotation(tmp_path: Path, is_packed: bool) -> None:
    first, *rest = STACKS["jvm"]
    old = (cri("one") + cri("two, ", flag="P") + cri(first, stream="stderr")).encode()
    name = f"{FOLDER}/0.log.20260112-100000"
    write(tmp_path, f"{name}.gz" if is_packed else name, gzip.compress(old) if is_packed else old)
    write(tmp_path, POD, cri("and its rest") + cri(*rest, stream="stderr"))
    bodies = read_all(tmp_path, {})
    assert sorted(bodies) == sorted(["one", "two, and its rest", "\n".join(STACKS["jvm"])])


def test_parts_go_on_over_two_rotations_at_once(tmp_path: Path) -> None:
    write(tmp_path, f"{FOLDER}/0.log.20260112-100000", cri("a", flag="P"))
    write(tmp_path, f"{FOLDER}/0.log.20260112-110000", cri("b", flag="P"))
    write(tmp_path, POD, cri("c"))
    assert read_all(tmp_path, {}) == ["abc"]


def test_a_rotated_file_is_not_read_again(tmp_path: Path) -> None:
    known: dict[str, PlannedFile] = {}
    live = write(tmp_path, POD, cri("one"))
    assert read_all(tmp_path, known) == ["one"]
    with live.open("a") as file:
        file.write(cri("two"))
    rotated = live.rename(live.with_name("0.log.20260112-100000"))
    write(tmp_path, POD, cri("three"))
    assert sorted(read_all(tmp_path, known)) == ["three", "two"]
    packed = write(tmp_path, f"{FOLDER}/{rotated.name}.gz", gzip.compress(rotated.read_bytes()))
    rotated.unlink()
    assert read_all(tmp_path, known) == []
    assert packed.exists()


def test_an_older_file_that_comes_last_keeps_its_parts(tmp_path: Path) -> None:
    known: dict[str, PlannedFile] = {}
    write(tmp_path, POD, cri("new"))
    assert read_all(tmp_path, known) == ["new"]
    write(tmp_path, f"{FOLDER}/0.log.20260112-100000", cri("old") + cri("part", flag="P"))
    assert read_all(tmp_path, known) == ["old", "part"]


def test_what_is_still_written_is_held_back_until_it_ends(tmp_path: Path) -> None:
    known: dict[str, PlannedFile] = {}
    path = write(tmp_path, POD, cri("one", "two"))
    assert read_all(tmp_path, known, is_live=True) == ["one"]
    with path.open("a") as file:
        file.write(cri(*STACKS["jvm"][:2]) + cri("three").rstrip("\n")[:-2])
    assert read_all(tmp_path, known, is_live=True) == []  # a stack trace takes its line with it
    with path.open("a") as file:
        file.write("ee\n")
    assert read_all(tmp_path, known, is_live=True) == ["two", "\n".join(STACKS["jvm"][:2])]
    long_ago = time.time_ns() - (SETTLED_SECONDS + 1) * 10**9
    os.utime(path, ns=(long_ago, long_ago))
    assert read_all(tmp_path, known, is_live=True) == ["three"]
    assert read_all(tmp_path, known, is_live=True) == []


# ---------------------------------------------------------------- sizes


def test_a_long_line_is_kept_whole(tmp_path: Path) -> None:
    text = "x" * (1 << 20)
    (record,) = records_of(write(tmp_path, POD, cri(text)))
    assert record["body"] == text


@pytest.mark.parametrize("name", ["a.jsonl", POD])
def test_a_line_beyond_all_bounds_is_rejected_in_parts(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LONGEST_LINE_BYTES", 1000)
    long = cri("x" * 2500) if name == POD else '{"a":"' + "x" * 2500 + '"}\n'
    short = cri("fine") if name == POD else json.dumps({"ts": TIME, "msg": "fine"}) + "\n"
    records = records_of(write(tmp_path, name, short + long + short))
    assert [r["body"] for r in records if r["table"] == "log_records"] == ["fine", "fine"]
    parts = [r for r in records if r["table"] == "rejected_records"]
    assert {part["reason"] for part in parts} == {"too_large"}
    assert b"".join(part["raw_text"] for part in parts) == long.encode()


def test_a_document_beyond_all_bounds_is_rejected_line_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LONGEST_DOCUMENT_BYTES", 100)
    text = json.dumps({"resourceSpans": [{"a": "x" * 30}, {"b": "y" * 60}]}, indent=1)
    records = records_of(write(tmp_path, "a.json", text))
    assert {record["reason"] for record in records} == {"too_large"}
    assert b"\n".join(record["raw_text"] for record in records) == text.encode()


def test_a_decompression_bomb_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BOMB_BYTES", 1 << 20)
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        file.write(cri("fine").encode())
        file.write(b"\0" * (64 << 20))
    fine, bomb = records_of(write(tmp_path, f"{POD}.gz", packed.getvalue()))
    assert (fine["body"], bomb["reason"]) == ("fine", "decompression_bomb")
    assert len(bomb["raw_text"]) < 1 << 20


def test_part_of_a_file_that_grew_has_the_old_positions(tmp_path: Path) -> None:
    path = write(tmp_path, POD, cri("one"))
    first = Planner({}).plan(str(path))
    with path.open("a") as file:
        file.write(cri("two"))
    ((position, _, record),) = read_part(planned(path, first))
    assert (position, record["body"]) == (len(cri("one")), "two")


# ---------------------------------------------------------------- any growth


def in_time(lines: list[str]) -> str:
    """Lines at times of their own, as a container's are: equal heads would be the same file."""
    return "".join(
        line.replace(TIME, f"{TIME[:20]}{number:09}Z") for number, line in enumerate(lines)
    )


GROWING = st.lists(
    st.sampled_from(
        [
            cri("one"),
            cri("two", flag="P"),
            cri("err", stream="stderr"),
            cri("", flag="F"),
            *(cri(line) for line in STACKS["jvm"][:3]),
            cri("\tat com.shop.", flag="P"),
            cri("fail: Shop.Pay[0]"),
            cri("      declined"),
            cri("app/pay.rb:3:in `charge'"),
            *(cri(line, stream="stderr") for line in STACKS["python"]),
            cri("ERROR failed", stream="stderr"),
            cri(" ", stream="stderr"),
            docker("part") + "\n",
            docker("rest\n") + "\n",
            "no log line\n",
            "\n",
        ]
    ),
    max_size=20,
).map(in_time)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=GROWING, cuts=st.lists(st.integers(0, 2000), max_size=5), is_rotated=st.booleans())
def test_a_followed_log_gives_the_same_records_however_it_grows(
    tmp_path_factory: pytest.TempPathFactory, content: str, cuts: list[int], is_rotated: bool
) -> None:
    whole = content.encode()
    expected: list[str] = []
    read_all(write(tmp_path_factory.mktemp("whole"), POD, whole).parents[2], {}, told=expected)
    folder = tmp_path_factory.mktemp("grown")
    path = write(folder, POD, b"")
    known: dict[str, PlannedFile] = {}
    told: list[str] = []
    ends = sorted({min(cut, len(whole)) for cut in cuts})
    for number, (start, end) in enumerate(pairwise([0, *ends, len(whole)])):
        if is_rotated and number == 1 and whole[:start].endswith(b"\n"):
            path.rename(path.with_name("0.log.20260112-100000"))
            path.write_bytes(b"")
        with path.open("ab") as file:
            file.write(whole[start:end])
        read_all(folder, known, is_live=True, told=told)
    long_ago = time.time_ns() - (SETTLED_SECONDS + 1) * 10**9
    for part in path.parent.iterdir():
        os.utime(part, ns=(long_ago, long_ago))
    read_all(folder, known, is_live=True, told=told)
    assert sorted(told) == sorted(expected)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=GROWING, cuts=st.lists(st.integers(0, 2000), max_size=4))
def test_readings_that_meet_a_log_anywhere_miss_no_record(
    tmp_path_factory: pytest.TempPathFactory, content: str, cuts: list[int]
) -> None:
    """Without --follow a record may stay torn beside the whole one, but none is missing."""
    whole = content.encode()
    expected = read_all(write(tmp_path_factory.mktemp("whole"), POD, whole).parents[2], {})
    folder = tmp_path_factory.mktemp("grown")
    path = write(folder, POD, b"")
    known: dict[str, PlannedFile] = {}
    bodies: list[str] = []
    for start, end in pairwise([0, *sorted({min(cut, len(whole)) for cut in cuts}), len(whole)]):
        with path.open("ab") as file:
            file.write(whole[start:end])
        bodies += read_all(folder, known)
    assert not Counter(expected) - Counter(bodies)
