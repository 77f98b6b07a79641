"""R13: what is masked on the way to Silver, what is left alone, and that nothing else remains.

After test_pipeline_order.py: the last tests here empty the lake of conftest.py.
"""

from __future__ import annotations

import functools
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from planted_secrets import DASHES, KINDS, Maker, Planted, escaped, lookalikes, plant, secrets

from tracekeep.lake import PROJECT, lake_path

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from oracle.secret_scan import Finding

Texts = list[str | None]
EACH = 60
"""Secrets of each kind in the tests of the macro alone; no kind has more ways to be written."""

HOSTILE = (
    "{{ x }} {% raw %} {# y #} ${spark.master} ${env:HOME}",
    "' or 1=1; drop table silver.spans; --",
    "\"; select 1 as \\\"a\\\"; '",
    "$1 $0 ${before} \\1 \\k<quote> [$1]",
    "\\ \\\\ \\n \\' \\\" \\u0041",
    "(?i)(((( [a-z]+* \\Q \\E (?<quote>x)",
    "line\nfeed\r\ntab\t\u2028\u00e9\U0001f600 \ufffd",
    "[card] [x] [password] ]] [[ [] [$",
    "password", "password=", "token:", "://", "@", "eyJ", "Bearer ", "",
)  # fmt: skip

LONG = {
    "letters": "a",
    "digits": "41112",
    "groups of digits": "4111 ",
    "addresses": "a@",
    "names": "password=",
    "names and values": "password=x;",
    "names and quotes": 'password":"',
    "escaped quotes": 'password="\\"',
    "tokens": "eyJ-",
    "blocks": f"{DASHES}BEGIN PRIVATE KEY{DASHES}",
    "bearers": "bearer ",
    "urls": "://a:b",
    "masks": "token=[a]",
    "cookies": "cookie: ",
    "commas": "password=a,b.c-d ",
    "queries": "?key=&code=",
    "escaped queries": r"\u0026code=",
    "escaped marks": r"password\u0022:\u0022",
    "smileys": "\U0001f600@",
    "words": "the token of user 12 is expired, try again ",
}


REDACTED = """
    select {{ redacted('text', 'steps', redaction_policy()) }} as text
    from (select place, text, {{ redaction_steps('lowered', redaction_policy()) }} as steps
        from (select *, lower(text) as lowered from texts))
    order by place
"""

REDACTED_ATTRIBUTES = """
    select {{ redacted_attributes('texts', 'steps', redaction_policy()) }} as texts
    from (select place, texts, {{ redaction_steps('lowered', redaction_policy()) }} as steps
        from (select *, lower(concat_ws(' ', map_keys(texts), map_values(texts))) as lowered
            from maps))
    order by place
"""


@pytest.fixture(scope="module")
def compiled(spark: SparkSession) -> Callable[..., str]:
    """Turns a piece of SQL with macros into SQL, with other dbt vars if any are given."""
    from tracekeep.dbt import dbt

    def compile_(sql: str, **variables: Any) -> str:
        given = ["--vars", yaml.safe_dump(variables, sort_keys=False)] if variables else []
        (outcome,) = dbt("compile", "--inline", sql, *given).result.results
        return outcome.node.compiled_code

    return compile_


def run_on_texts(spark: SparkSession, query: str, texts: Texts) -> Texts:
    rows = list(enumerate(texts))
    spark.createDataFrame(rows, "place int, text string").createOrReplaceTempView("texts")
    return [row.text for row in spark.sql(query).collect()]


@pytest.fixture(scope="module")
def redact(spark: SparkSession, compiled: Callable[..., str]) -> Callable[[Texts], Texts]:
    """What `redacted` makes of texts."""
    return functools.partial(run_on_texts, spark, compiled(REDACTED))


@pytest.fixture(scope="module")
def redact_attributes(
    spark: SparkSession, compiled: Callable[..., str]
) -> Callable[[list[dict[str, str]]], list[dict[str, str]]]:
    """What `redacted_attributes` makes of maps."""
    query = compiled(REDACTED_ATTRIBUTES)

    def redact_(maps: list[dict[str, str]]) -> list[dict[str, str]]:
        rows = list(enumerate(maps))
        frame = spark.createDataFrame(rows, "place int, texts map<string, string>")
        frame.createOrReplaceTempView("maps")
        return [row.texts for row in spark.sql(query).collect()]

    return redact_


def test_each_kind_is_masked_and_named_and_masking_again_changes_nothing(
    redact: Callable[[Texts], Texts],
) -> None:
    planted = secrets(seed=5, each=EACH)
    planted += [escaped(secret) for secret in planted]
    assert len({secret.kind for secret in planted}) == len(KINDS) >= 10
    masked = redact([secret.text for secret in planted])
    leaks = [
        (secret.kind, secret.text, text)
        for secret, text in zip(planted, masked, strict=True)
        if secret.needle[:12] in text or secret.needle[-8:] in text or "[" not in text
    ]
    assert leaks == []
    assert redact(masked) == masked


def test_lookalikes_are_left_alone(redact: Callable[[Texts], Texts]) -> None:
    texts = lookalikes(seed=6, each=20)
    assert len(texts) >= 600
    assert [pair for pair in zip(texts, redact(texts), strict=True) if pair[0] != pair[1]] == []


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (
            "paid by 4111 1111 1111 1111 and 4111 1111 1111 1112",
            "paid by [card] and 4111 1111 1111 1112",
        ),
        ("4111111111111111 737", "[card] 737"),
        ("0.4111111111111111", "0.4111111111111111"),
        ("a4f4111111111111111b", "a4f4111111111111111b"),
        ("ot=th:8;rv:36000000000008", "ot=th:8;rv:36000000000008"),
        (
            "https://u:p@ss@h.example/x@y?mail=a%40b.example",
            "https://u:[password]@h.example/x@y?mail=[email]",
        ),
        ("http://h.example:8080/a@b", "http://h.example:8080/a@b"),
        ('{"password":"a\\"b","user":"x"}', '{"password":"[password]","user":"x"}'),
        ('{"password":"","token":null}', '{"password":"","token":null}'),
        ("User[password=a]b, name=x]", "User[password=[password], name=x]"),
        ("password=[hunter2]", "password=[password]"),
        ("password=[card]hunter2", "password=[password]"),
        ("Authorization: Digest abcdef0123456789", "Authorization: Digest [token]"),
        ("Authorization: Token a1b2c3d4", "Authorization: Token [token]"),
        ("authorization: token is checked", "authorization: token is checked"),
        ("authorization: token exchange failed", "authorization: token exchange failed"),
        ("Cookie: a=b; c=d\nHost: x", "Cookie: [cookie]\nHost: x"),
        ('Cookie: a="b c"; d=e', "Cookie: [cookie]"),
        ("?code=ABCDEFGH1234&state=7", "?code=[token]&state=7"),
        (r"?a=1\u0026code=ABCDEFGH1234\u0026s=7", r"?a=1\u0026code=[token]\u0026s=7"),
        (
            r"{\u0022password\u0022:\u0022a \"b\u0022,\u0022n\u0022:1}",
            r"{\u0022password\u0022:\u0022[password]\u0022,\u0022n\u0022:1}",
        ),
        (
            r"\u003cpassword\u003ea1b2\u003c/password",
            r"\u003cpassword\u003e[password]\u003c/password",
        ),
        ("PASSWORD: hunter2", "PASSWORD: [password]"),
        ("password: \"with blanks in it\" x", 'password: "[password]" x'),
        # lists, brackets, names apart from their values
        ('{"password":["a1 b2","c3"],"n":1}', '{"password":["[password]"],"n":1}'),
        (r'"{\"password\":[\"a1b2\"]}"', r'"{\"password\":[\"[password]\"]}"'),
        ("secret: ['a1', 'b2']", "secret: ['[secret]']"),
        ("secrets: [a1, b2] left", "secrets: [[secret]] left"),
        ('{"tokens":["a1b2c3d4","e5"]}', '{"tokens":["[token]"]}'),
        ("tokens: [12, 13]", "tokens: [12, 13]"),
        ("?access_token[]=a1b2c3&x=1", "?access_token[]=[token]&x=1"),
        ("access_token%5B%5D=a1b2c3&y", "access_token%5B%5D=[token]&y"),
        ("user[password]=a1&user[name]=bob", "user[password]=[password]&user[name]=bob"),
        ("user%5Bpassword%5D=a1b2", "user%5Bpassword%5D=[password]"),
        ('<add key="password" value="a1"/>', '<add key="password" value="[password]"/>'),
        ('{"name": "PASSWORD", "value": "a1"}', '{"name": "PASSWORD", "value": "[password]"}'),
        ('<password type="x">a1</password>', '<password type="x">[password]</password>'),
        ("<password><![CDATA[a1]]></password>", "<password><![CDATA[[password]]]></password>"),
        # between a name and its value
        ("  + password             = \"a1\"", "  + password             = \"[password]\""),
        ("DB_PASSWORD:          a1b2", "DB_PASSWORD:          [password]"),
        ("'password': b'a1'}", "'password': b'[password]'}"),
        ('password: Some("a1")', 'password: Some("[password]")'),
        ('"X-Api-Key":[]string{"a1"}', '"X-Api-Key":[]string{"[key]"}'),
        ("api_key => a1b2", "api_key => [key]"),
        ('["x","--password","a1"]', '["x","--password","[password]"]'),
        ("--secret-access-key a1b2", "--secret-access-key [key]"),
        ("- name: DB_PASSWORD\n  value: a1", "- name: DB_PASSWORD\n  value: [password]"),
        ("(using password: YES)", "(using password: YES)"),
        ("ALTER USER bob WITH PASSWORD 'a1'", "ALTER USER bob WITH PASSWORD '[password]'"),
        # names and forms
        (
            "smtp://no-reply%40shop.example:a1@smtp.example:465",
            "smtp://[email]:[password]@smtp.example:465",
        ),
        ("root:a1@tcp(db:3306)/app", "root:[password]@tcp(db:3306)/app"),
        ("SECRET_KEY_BASE=a1b2", "SECRET_KEY_BASE=[key]"),
        ("DD-APPLICATION-KEY: a1b2", "DD-APPLICATION-KEY: [key]"),
        ("Authorization: SSWS 00abcdefgh0123456789", "Authorization: SSWS [token]"),
        ('{"auth":"dXNlcjpodW50ZXIy"}', '{"auth":"[token]"}'),
        ("auth: kubernetes/serviceaccounts", "auth: kubernetes/serviceaccounts"),
        ("the author: jane doe", "the author: jane doe"),
        ("dbPass: a", "dbPass: a"),
        ('"dbPass":"a1"', '"dbPass":"[password]"'),
        (f"xoxe.xoxp-1-{'a1' * 70}", "[key]"),
        ("arn:aws:secretsmanager:e:1:secret:prod/db", "arn:aws:secretsmanager:e:1:secret:prod/db"),
        ("the password [see docs] is wrong", "the password [see docs] is wrong"),
        # addresses that hold their secret
        (f"/bot{'1' * 9}:{'a' * 35}/sendMessage", "/bot[token]/sendMessage"),
        (
            f"https://hooks.slack.com/services/T0/B0/{'a' * 24} failed",
            "https://hooks.slack.com/services/[webhook] failed",
        ),
        (
            f"x.webhook.office.com/webhookb2/1-2-3-4-0@1111-2222-3333-4444-555555555555/{'a' * 30}",
            "x.webhook.office.com/webhookb2/[webhook]",
        ),
        (f"discord.com/api/webhooks/1/{'a' * 30}", "discord.com/api/webhooks/[webhook]"),
        (f"https://{'ab12' * 8}@o1.ingest.sentry.io/4", "https://[password]@o1.ingest.sentry.io/4"),
        (f"https://{'ab12' * 8}:{'cd34' * 8}@s.example/4", "https://[password]@s.example/4"),
        (f"dsn=https%3A%2F%2F{'ab12' * 8}%40s.example", "dsn=https%3A%2F%2F[password]%40s.example"),
        (f"key dapi{'ab12' * 8}", "key [key]"),
        ("nul \0 and a@b.example", "nul \ufffd and [email]"),
        ("nul \0", "nul \ufffd"),
        (None, None),
    ],
)  # fmt: skip
def test_boundary_is_kept(
    redact: Callable[[Texts], Texts], text: str | None, masked: str | None
) -> None:
    assert redact([text]) == [masked]
    assert redact([masked]) == [masked]


def test_hostile_text_stays_text(redact: Callable[[Texts], Texts]) -> None:
    assert redact(list(HOSTILE)) == list(HOSTILE)


def texts_of_pieces(seed: int, count: int) -> Texts:
    """Texts of pieces of secrets, masks and syntax in any order."""
    chance = random.Random(seed)
    pieces = [
        *(secret.text for secret in secrets(seed=9, each=3)), *HOSTILE, "password=", '"token":"',
        "[password]", "[x]", " ", ",", ";", "&", '"', "\\", "\\\"", "'", "]", "}", "=", ":", "@",
        "4",
        "hunter2", "Bearer ", "\n", "\\n", "%40", "%3D", f"{DASHES}BEGIN PRIVATE KEY{DASHES}",
        "https://a:", "\\u0022", "\\u0026", "\\u003e",
    ]  # fmt: skip
    return ["".join(chance.choices(pieces, k=chance.randint(2, 9))) for _ in range(count)]


def test_texts_are_masked_once_and_for_all(redact: Callable[[Texts], Texts]) -> None:
    masked = redact(texts_of_pieces(seed=8, count=3000))
    again = redact(masked)
    assert [pair for pair in zip(masked, again, strict=True) if pair[0] != pair[1]] == []


def policy_without(*keys: str) -> dict[str, Any]:
    """The project's policy, its rules without some of their keys."""
    policy = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]["redaction_policy"]
    policy["rules"] = [
        {key: rule[key] for key in rule if key not in keys} for rule in policy["rules"]
    ]
    return policy


def test_words_of_a_rule_are_in_all_that_it_masks(
    spark: SparkSession, compiled: Callable[..., str], redact: Callable[[Texts], Texts]
) -> None:
    """Each rule tried on each text gives the same as only those whose words are there."""
    texts = [secret.text for secret in secrets(seed=15, each=EACH)]
    texts += [escaped(secret).text for secret in secrets(seed=17, each=EACH)]
    texts += texts_of_pieces(seed=16, count=1000)
    tried = compiled(REDACTED, redaction_policy=policy_without("words", "sign"))
    assert "contains" in compiled(REDACTED)
    pairs = zip(redact(texts), run_on_texts(spark, tried, texts), strict=True)
    assert [pair for pair in pairs if pair[0] != pair[1]] == []


def test_a_megabyte_of_anything_stays_fast(redact: Callable[[Texts], Texts]) -> None:
    redact(["warm a@b.example"])
    slow = {}
    for name, piece in LONG.items():
        started = time.monotonic()
        redact([(piece * (1_000_000 // len(piece) + 1))[:1_000_000]])
        if (seconds := time.monotonic() - started) > 20:
            slow[name] = seconds
    assert slow == {}


def test_attributes_are_masked_by_name_and_by_value(
    redact_attributes: Callable[[list[dict[str, str]]], list[dict[str, str]]],
) -> None:
    secret_names = (
        "http.request.header.authorization", "Cookie", "http.response.header.set-cookie",
        "x-api-key",
        "db.password", "userPassword", "clientSecret", "aws.secret_access_key", "x-auth-token",
        "pwd",
    )  # fmt: skip
    other_names = (
        "http.route", "gen_ai.usage.input_tokens", "messaging.kafka.message.key", "session.id",
        "k8s.secret.name", "token_type", "password_must_change", "author", "enduser.id",
    )  # fmt: skip
    (masked,) = redact_attributes([dict.fromkeys((*secret_names, *other_names), "plain words")])
    assert {name for name, value in masked.items() if value != "plain words"} == set(secret_names)
    assert redact_attributes([masked]) == [masked]
    (masked,) = redact_attributes([{"mail a@b.example": "c@d.example", "a\0": "\0", "n": "1"}])
    assert masked == {"mail [email]": "[email]", "a\ufffd": "\ufffd", "n": "1"}


def test_no_attribute_vanishes_when_names_become_equal(
    redact_attributes: Callable[[list[dict[str, str]]], list[dict[str, str]]],
) -> None:
    hostile = {
        "a@b.example": "1",
        "c@d.example": "2",
        "[email] #0": "3",
        "http.route": "/x",
        "\0": "4",
    }
    masked = redact_attributes([hostile, {}, {"a": "b"}])
    assert sorted(masked[0].values()) == ["/x", "1", "2", "3", "4"]
    assert masked[0]["http.route"] == "/x"
    assert masked[1:] == [{}, {"a": "b"}]
    assert redact_attributes(masked) == masked


RULE = {"kind": "x", "pattern": "y"}


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({"pattern": "x"}, "needs a kind"),
        ({"kind": "a b", "pattern": "x"}, "needs a kind"),
        ({"kind": "$1", "pattern": "x"}, "needs a kind"),
        ({"kind": "x"}, "needs a pattern, or the names"),
        ({**RULE, "patern": "z"}, "knows no key patern"),
        ({**RULE, "check": "mod97"}, "no check but luhn"),
        ({"kind": "x", "pattern": "a(?<before>b)c"}, "begin with its group before"),
        ({**RULE, "words": "y"}, "list of texts in lower case"),
        ({**RULE, "words": ["Y"]}, "list of texts in lower case"),
        ({"kind": "x", "pattern": "'\""}, "both kinds of quotes"),
        ({"kind": "x", "pattern": "${a}"}, "neither ${"),
    ],
)
def test_bad_rule_does_not_compile(
    rule: dict[str, Any], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from dbt.cli.main import dbtRunner

    variables = yaml.safe_dump({"redaction_policy": {"rules": [rule]}})
    folders = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    logs = ["--log-path", str(tmp_path), "--target-path", str(tmp_path)]
    result = dbtRunner().invoke(["--quiet", "parse", *folders, *logs, "--vars", variables])
    assert not result.success
    assert complaint in str(result.exception)


# ---------------------------------------------------------------- a lake with planted secrets


@pytest.fixture(scope="module")
def planted(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """The lake, emptied and built from planted secrets and look-alikes alone."""
    import lakes

    from tracekeep.dbt import dbt
    from tracekeep.ingest import ingest

    folder = tmp_path_factory.mktemp("planted") / "input"
    planted = plant(folder, seed=13)
    lakes.empty_lake(spark)
    books = ingest(spark, [folder])
    assert books["rejected"] == 0
    dbt("run", "--select", "silver")
    dbt("run", "--select", "gold")
    dbt("test", "--select", "test_type:data")
    return planted


@pytest.fixture(scope="module")
def findings(planted: Planted) -> list[Finding]:
    """Where the planted secrets are, in the lake and in dbt's target folder."""
    from oracle.secret_scan import scan

    return scan(lake_path(), planted.needles, target=PROJECT / "target")


def test_scan_finds_each_planted_secret_in_bronze(
    planted: Planted, findings: list[Finding]
) -> None:
    kinds = {kind for kind, _ in planted.needles.values()}
    assert len(planted.needles) >= 200
    assert len(kinds) >= 10
    in_columns = {f.needle for f in findings if f.layer == "bronze" and f.is_whole}
    assert set(planted.needles) - in_columns == set()


def test_no_planted_secret_is_in_silver_gold_or_target(
    planted: Planted, findings: list[Finding]
) -> None:
    assert {f.layer for f in findings} == {"bronze"}, [
        (planted.needles[f.needle], f) for f in findings if f.layer != "bronze"
    ][:20]


def test_all_lookalikes_are_in_silver(planted: Planted) -> None:
    from oracle.secret_scan import scan

    assert len(planted.lookalikes) >= 200
    found = scan(lake_path(), planted.lookalikes)
    whole = {f.needle for f in found if f.layer == "silver" and f.is_whole}
    assert set(planted.lookalikes) - whole == set()


def test_scan_finds_what_a_policy_without_a_rule_leaves(
    spark: SparkSession, planted: Planted, tmp_path: Path
) -> None:
    """The proof can fail: the same views without the rule for e-mail addresses."""
    from oracle.secret_scan import scan

    query = Path("target/compiled/tracekeep/models/silver/staging/stg_log_records.sql").read_text()
    assert query.count("'[email]'") == 1
    spark.sql(query.replace("'[email]'", "'$0'")).write.parquet(str(tmp_path / "silver"))
    leaked = {f.needle for f in scan(tmp_path, planted.needles)}
    assert leaked
    assert {planted.needles[needle][0] for needle in leaked} == {"email"}


# ---------------------------------------------------------------- the scanner itself


def test_scan_looks_into_all_that_files_hold(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from oracle.secret_scan import scan

    make = Maker(3)
    needles = {place: make.word(30) for place in (
        "map", "key", "list", "bytes", "number", "cut", "log", "inside", "text", "quoted",
    )}  # fmt: skip
    needles["number"] = "987654321098765432"
    needles["quoted"] = f'{needles["quoted"]}"\\\n{needles["quoted"]}'
    folder = tmp_path / "lake" / "silver" / "spans"
    (folder / "_delta_log").mkdir(parents=True)
    table = pa.table(
        {
            "map": pa.array(
                [[(needles["key"], needles["map"])]], pa.map_(pa.string(), pa.string())
            ),
            "list": pa.array([[{"a": f"x {needles['list']} y"}]]),
            "bytes": pa.array([needles["bytes"].encode()]),
            "number": pa.array([int(needles["number"])]),
            "text": pa.array([json.dumps({"a": json.dumps({"b": needles["quoted"]})})]),
        }
    )
    pq.write_table(table, folder / "gone.parquet", compression="zstd", write_statistics=False)
    # Bronze has no statistics of texts, so the control for those is here
    pq.write_table(pa.table({"body": [needles["list"]]}), folder / "statistics.parquet")
    entry = {"add": {"stats": json.dumps({"minValues": {"a": f"x {needles['cut'][:14]}"}})}}
    inside = "".join(f"\\u{ord(letter):04x}" for letter in needles["inside"])
    (folder / "_delta_log" / "0.json").write_text(
        f'{json.dumps(entry)}\n{{"commitInfo": "{needles["log"]}", "b": "{inside}"}}\n'
    )
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "run.sql").write_text(f"select '{needles['text']}'")
    findings = scan(tmp_path / "lake", needles.values(), target=tmp_path / "target")
    assert {f.needle for f in findings} == set(needles.values())
    # only this one is nowhere whole; compressed bytes may hold a part of another one too
    whole = {f.needle for f in findings if f.is_whole}
    assert set(needles.values()) - whole == {needles["cut"]}
    assert {f.layer for f in findings if f.needle == needles["text"]} == {"target"}
    assert any(f.place == "statistics of body" for f in findings)
    assert any("_delta_log" in f.path for f in findings)
    assert scan(tmp_path / "lake", ["nowhere to be seen"]) == []


def test_scan_refuses_what_it_cannot_search(tmp_path: Path) -> None:
    from oracle.secret_scan import scan

    with pytest.raises(FileNotFoundError):
        scan(tmp_path / "none", ["x"])
    with pytest.raises(ValueError, match="empty"):
        scan(tmp_path, [""])
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(OSError, match=r"broken\.parquet"):
        scan(tmp_path, ["x"])
