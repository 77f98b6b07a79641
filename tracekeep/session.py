"""Spark sessions with the settings of profiles.yml."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from jinja2 import Environment

from tracekeep.catalog import settle_metastore
from tracekeep.lake import PROJECT, lake_path, state_path

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def local_settings() -> dict[str, str]:
    """Spark settings of the local target in profiles.yml, with `env_var` resolved."""

    def env_var(name: str, default: str | None = None) -> str:
        value = os.environ.get(name, default)
        if value is None:
            raise KeyError(
                f"profiles.yml asks for the environment variable {name}, which is not set"
            )
        return value

    lake_path()  # makes TRACEKEEP_LAKE absolute for env_var
    template = Environment(autoescape=False).from_string(  # noqa: S701 - YAML, not HTML
        (PROJECT / "profiles.yml").read_text(encoding="utf-8")
    )
    profile: dict[str, Any] = yaml.safe_load(template.render(env_var=env_var))
    settings = profile["tracekeep"]["outputs"]["local"]["server_side_parameters"]
    return {key: str(value) for key, value in settings.items()}


def take_both_compilers() -> None:
    """For a long run: the profile's default is Java's first compiler alone, for short ones. A JVM
    that is already there keeps its options."""
    os.environ.setdefault("TRACEKEEP_JAVA_OPTIONS", "")


def spark_session(hive: bool = False, jars: Sequence[Path] = ()) -> SparkSession:
    """Open (or get) the Spark session of this process.

    hive: with the metastore, as dbt needs it, which is made to agree with the place of the lake.
    Derby admits one process, so a stand-alone ingest goes without and writes by path. In one
    process with dbt the Hive session must come first.

    jars: further ones that this process needs.

    `TRACEKEEP_MASTER` names the master of a cluster; under spark-submit the master and the JARs
    that were given there stay in force.
    """
    os.chdir(PROJECT)  # the profile's relative paths (JARs, log settings) start here
    (state_path() / "logs").mkdir(parents=True, exist_ok=True)
    # Before pyspark starts a JVM: Python workers are this interpreter.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    from pyspark.sql import SparkSession

    settings = local_settings()
    settings["spark.jars"] = ",".join([settings["spark.jars"], *map(str, jars)])
    if "PYSPARK_GATEWAY_PORT" in os.environ:  # spark-submit has started the JVM
        del settings["spark.master"], settings["spark.jars"]
    # Python workers, on any machine, find this package and the lake.
    settings["spark.executorEnv.PYTHONPATH"] = os.pathsep.join(
        [str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    settings["spark.executorEnv.TRACEKEEP_LAKE"] = str(lake_path())
    builder = SparkSession.builder.config(map=settings)
    if not hive:
        return builder.getOrCreate()
    spark = builder.enableHiveSupport().getOrCreate()
    settle_metastore(spark)
    return spark
