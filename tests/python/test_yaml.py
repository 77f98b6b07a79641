"""The project's YAML: no misspelt keys, nothing without a description. No Spark.

dbt checks keys only for adapters that its JSON schemas know, and Spark is not one of them; so the
schemas that it ships are applied here.
"""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from dbt.cli.main import dbtRunner
from dbt.jsonschemas.jsonschemas import project_schema, resources_schema
from jsonschema import Draft7Validator

from tracekeep.lake import PROJECT

FOLDERS = ("models", "macros", "tests", "analyses")
FILES = sorted(path for folder in FOLDERS for path in (PROJECT / folder).rglob("*.yml"))
SAMPLE = """
models:
  - name: spans
    description: One row per span.
    config:
      group: silver
      contract: {enforced: true}
    data_tests:
      - unique_grain:
          arguments: {columns: [span_id]}
          config: {where: "true"}
    columns:
      - {name: span_id, data_type: string, description: Span id}
macros:
  - name: clean_text
    arguments:
      - {name: text, type: string, description: Text}
groups:
  - name: silver
    owner: {name: silver}
"""


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def own_project_schema() -> dict[str, Any]:
    """dbt's schema of dbt_project.yml, and what it leaves out of what dbt accepts."""
    schema = copy.deepcopy(project_schema())
    definitions = schema["definitions"]
    definitions["DbtIncrementalStrategy"]["oneOf"].append({"const": "rebuild_touched"})
    full_refresh = definitions["ProjectModelConfig"]["properties"]["+full_refresh"]
    definitions["ProjectModelConfig"]["properties"]["+full_refresh"] = {
        "anyOf": [full_refresh, {"type": "string", "pattern": r"^\{\{.*as_bool \}\}$"}]
    }
    return schema


def complaints(schema: dict[str, Any], document: Any) -> list[str]:
    """What a document has against its schema, with the place of each."""
    return [
        f"{'.'.join(map(str, error.absolute_path)) or '(top)'}: {error.message[:200]}"
        for error in Draft7Validator(schema).iter_errors(document)
    ]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """dbt's manifest of the project, freshly parsed beside the one in target/."""
    target = tmp_path_factory.mktemp("target")
    project = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    folders = ["--log-path", str(target), "--target-path", str(target)]
    result = dbtRunner().invoke(["--quiet", "parse", "--no-partial-parse", *project, *folders])
    assert result.success, result.exception
    return json.loads((target / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def models(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The models by name."""
    nodes = manifest["nodes"].values()
    return {node["name"]: node for node in nodes if node["resource_type"] == "model"}


def test_project_file_has_no_unknown_keys() -> None:
    assert complaints(own_project_schema(), read(PROJECT / "dbt_project.yml")) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_file_has_no_unknown_keys(path: Path) -> None:
    assert complaints(resources_schema(), read(path)) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("models:", "model:"),
        ("description: One", "descripton: One"),
        ("group: silver", "groop: silver"),
        ("enforced:", "enforce:"),
        ("data_tests:", "data_test:"),
        ("arguments: {columns", "argumnts: {columns"),
        ("where:", "were:"),
        ("data_type:", "datatype:"),
        ("type: string, description: Text", "typ: string, description: Text"),
        ("owner:", "owned_by:"),
    ],
)
def test_misspelt_key_is_found(right: str, wrong: str) -> None:
    assert complaints(resources_schema(), yaml.safe_load(SAMPLE)) == []
    assert SAMPLE.count(right) == 1
    assert complaints(resources_schema(), yaml.safe_load(SAMPLE.replace(right, wrong)))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("model-paths:", "models-path:"),
        ("+materialized:", "+materialised:"),
        ("+tblproperties: &silver", "+tblpropertys: &silver"),
        ("+schema: gold", "+shema: gold"),
        ("incremental_strategy: rebuild_touched", "incremental_strategy: rebuild_tuched"),
    ],
)
def test_misspelt_key_in_project_file_is_found(right: str, wrong: str) -> None:
    text = (PROJECT / "dbt_project.yml").read_text(encoding="utf-8")
    assert text.count(right) == 1
    assert complaints(own_project_schema(), yaml.safe_load(text.replace(right, wrong)))


def test_each_model_says_what_a_row_is(models: dict[str, dict[str, Any]]) -> None:
    assert models
    others = [
        name for name, model in models.items() if not model["description"].startswith("One row per")
    ]
    assert others == []


def test_each_model_has_a_group_with_an_owner(
    manifest: dict[str, Any], models: dict[str, dict[str, Any]]
) -> None:
    owners = {group["name"]: group["owner"]["name"] for group in manifest["groups"].values()}
    assert [name for name, model in models.items() if not owners.get(model["group"])] == []


def test_each_column_has_type_and_description(
    manifest: dict[str, Any], models: dict[str, dict[str, Any]]
) -> None:
    tables = models | {
        f"{source['schema']}.{source['name']}": source for source in manifest["sources"].values()
    }
    assert [name for name, table in tables.items() if not table["columns"]] == []
    lacking = [
        f"{name}.{column['name']}"
        for name, table in tables.items()
        for column in table["columns"].values()
        if not column["description"].strip() or not column["data_type"]
    ]
    assert lacking == []


def test_each_source_table_has_a_description(manifest: dict[str, Any]) -> None:
    sources = manifest["sources"]
    assert [name for name, source in sources.items() if not source["description"].strip()] == []


def test_each_gold_table_has_a_contract(models: dict[str, dict[str, Any]]) -> None:
    tables = [
        model
        for model in models.values()
        if model["schema"] == "gold" and model["config"]["materialized"] != "view"
    ]
    assert tables
    assert [table["name"] for table in tables if not table["contract"]["enforced"]] == []


def test_each_table_has_a_grain_test(
    manifest: dict[str, Any], models: dict[str, dict[str, Any]]
) -> None:
    tested = {
        node["attached_node"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        and (node.get("test_metadata") or {}).get("name") == "unique_grain"
    }
    lacking = [
        name
        for name, model in models.items()
        if model["config"]["materialized"] != "view" and model["unique_id"] not in tested
    ]
    assert lacking == []


def test_each_table_says_how_it_is_kept(models: dict[str, dict[str, Any]]) -> None:
    """`meta` is the one place: retention, compaction, erasure of keys and tests read it."""
    stored = {
        name: model
        for name, model in models.items()
        if model["schema"] in ("silver", "gold") and model["config"]["materialized"] != "view"
    }
    kinds = {"retention", "remembered_by", "rebuilt_whole"}
    assert [
        name for name, model in stored.items() if len(kinds & model["config"]["meta"].keys()) != 1
    ] == []
    unknown = [
        (name, column)
        for name, model in stored.items()
        for key in ("remembered_by", "compacted_by")
        for column in model["config"]["meta"].get(key, ())
        if column not in model["columns"]
    ]
    assert unknown == []
    versioned = set(models["build_versions"]["depends_on"]["nodes"])
    assert [
        name
        for name, model in stored.items()
        if model["schema"] == "gold"
        and name != "build_versions"
        and "build_id" in model["columns"]
        and model["unique_id"] not in versioned
    ] == []


BUILT_AGAIN = {
    "batch_books": "test_any_order_and_split_with_runs_cut_short",
    "build_versions": "test_late_error_rewrites_its_own_hours_alone",
    "day_builds": "test_closed_days_were_compacted_and_written_to_again",
    "expired_days": "test_second_run_prints_figures_and_changes_no_table",
    "frozen_traces": "test_second_run_prints_figures_and_changes_no_table",
    "pinned_batches": "test_any_order_and_split_with_runs_cut_short",
    "trace_arrivals": "test_model_alone_refuses_news_whose_days_nobody_noted",
}
"""By model of the books: a test of test_pipeline_order or test_pipeline that goes by what its
incremental branch wrote, or did not write."""


def test_each_incremental_branch_is_compared_with_a_build_from_nothing(
    models: dict[str, dict[str, Any]],
) -> None:
    """The rows of COMPARED, built batch by batch, are compared with those of one build by
    test_any_order_and_split_with_runs_cut_short."""
    import lakes

    named = {
        name: f"{model['schema']}.{model['alias']}"
        for name, model in models.items()
        if model["config"]["materialized"] == "incremental"
    }
    assert {name for name, table in named.items() if table not in lakes.COMPARED} == set(
        BUILT_AGAIN
    )
    texts = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_p*.py")]
    assert [test for test in BUILT_AGAIN.values() if f"def {test}(" not in "".join(texts)] == []


def test_each_macro_and_argument_has_a_description(manifest: dict[str, Any]) -> None:
    macros = [m for m in manifest["macros"].values() if m["package_name"] == "tracekeep"]
    assert macros
    lacking = [
        f"{macro['name']}({argument['name']})"
        for macro in macros
        for argument in macro["arguments"]
        if not argument["description"].strip()
    ]
    assert [macro["name"] for macro in macros if not macro["description"].strip()] + lacking == []


def test_macros_nest_at_most_three_deep(manifest: dict[str, Any]) -> None:
    """At most three levels of the project's macros are below each."""
    macros = {
        name: macro["depends_on"]["macros"]
        for name, macro in manifest["macros"].items()
        if macro["package_name"] == "tracekeep"
    }

    def levels_below(name: str) -> int:
        return max((1 + levels_below(used) for used in macros[name] if used in macros), default=0)

    assert {name for name in macros if levels_below(name) > 3} == set()


def test_a_model_over_200_lines_says_why() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in (PROJECT / "models").rglob("*.sql")}
    long = {path.name for path, text in texts.items() if text.count("\n") > 200}
    assert {path.name for path, text in texts.items() if "-- Over 200 lines: " in text} == long


def test_each_doc_block_is_used(manifest: dict[str, Any]) -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    names = [doc["name"] for doc in manifest["docs"].values() if doc["package_name"] != "dbt"]
    blocks = [name for name in names if name != "__overview__"]  # dbt docs open on it
    assert blocks
    assert [name for name in blocks if f"doc('{name}')" not in text] == []


@pytest.mark.parametrize(
    ("exposure", "files"),
    [
        ("incident_page", "incident/*.py"),
        ("evidence", "evidence/*.py"),
        ("alerts", "alerts/*.py"),
        ("jaeger_api", "serve/jaeger_api.py"),
        ("dashboard", "serve/dashboard.py"),
        ("dashboard", "alerts/*.py"),
        ("jaeger_api", "incident/export/*.py"),
    ],
)
def test_exposure_names_what_its_files_read(
    exposure: str, files: str, manifest: dict[str, Any]
) -> None:
    paths = (PROJECT / "tracekeep").glob(files)
    code = "".join(path.read_text(encoding="utf-8") for path in paths)
    read_tables = set(re.findall(r'"((?:bronze|silver|gold)\.\w+)"', code))
    nodes = manifest["nodes"] | manifest["sources"]
    told = [
        nodes[name]
        for name in manifest["exposures"][f"exposure.tracekeep.{exposure}"]["depends_on"]["nodes"]
    ]
    assert read_tables
    assert read_tables <= {f"{it['schema']}.{it.get('alias', it['name'])}" for it in told}
