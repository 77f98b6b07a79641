"""SQL expressions of Spark evaluated in a JVM of its own, without a Spark session.

A session takes about ten seconds to start; parsing, resolving and evaluating an expression needs
only Spark's library. These classes are Spark's own (`org.apache.spark.sql.catalyst`) and change
between its releases: test_drill_down.py compares the results with those of a session.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# One short task: no second compiler, no threads for collecting garbage. Nested lambdas recurse.
_JAVA_OPTIONS = ("-Xss16m", "-Xmx1g", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_LOG_SETTINGS = Path(__file__).parents[2] / "conf" / "log4j2.properties"

Cell = int | str | Mapping[str, str]


class Evaluator:
    """Evaluates expressions in the JVM behind a gateway of py4j. Made by `evaluator`."""

    def __init__(self, gateway: Any) -> None:
        self._gateway = gateway
        self._java = gateway.jvm.java
        self._sql = gateway.jvm.org.apache.spark.sql
        self._convert = gateway.jvm.scala.jdk.javaapi.CollectionConverters
        catalyst = self._sql.catalyst
        self._parser = _only(catalyst.parser, "CatalystSqlParser")
        self._analyzer = _only(catalyst.analysis, "SimpleAnalyzer")
        self._replace_expressions = _only(catalyst.optimizer, "ReplaceExpressions")
        self._evaluate = _only(catalyst.optimizer, "ConvertToLocalRelation")

    def strings(
        self, schema: str, rows: Sequence[Sequence[Cell]], steps: Sequence[Sequence[str]]
    ) -> list[str]:
        """The one string column that the last step selects, in the order of the rows.

        schema: names and types of the rows' columns, as in DDL. steps: each selects expressions
        from the columns of the step before. Raises py4j.protocol.Py4JError.
        """
        logical = self._sql.catalyst.plans.logical
        types = self._sql.types.StructType.fromDDL(schema)
        columns = _only(self._sql.catalyst.types, "DataTypeUtils").toAttributes(types)
        plan = _only(logical, "LocalRelation").fromExternalRows(
            columns, self._sequence(self._row(row) for row in rows)
        )
        for expressions in steps:
            parsed = self._sequence(map(self._parser.parseExpression, expressions))
            plan = logical.Project(parsed, plan)
        plan = self._replace_expressions.apply(self._analyzer.execute(plan))
        for _ in steps:  # evaluates the lowest step that is left
            plan = self._evaluate.apply(plan)
        return [row.getString(0) for row in self._convert.asJava(plan.data())]

    def _row(self, cells: Sequence[Cell]) -> Any:
        values = self._gateway.new_array(self._java.lang.Object, len(cells))
        for place, cell in enumerate(cells):
            values[place] = self._map(cell) if isinstance(cell, Mapping) else cell
        return self._sql.RowFactory.create(values)

    def _map(self, entries: Mapping[str, str]) -> Any:
        java_map = self._java.util.HashMap()
        for name, value in entries.items():
            java_map.put(name, value)
        return self._convert.asScala(java_map)

    def _sequence(self, values: Any) -> Any:
        java_list = self._java.util.ArrayList()
        for value in values:
            java_list.add(value)
        return self._convert.asScala(java_list).toSeq()


@contextmanager
def evaluator() -> Iterator[Evaluator]:
    """A JVM with Spark's library, reached over loopback with a secret, for as long as the block
    runs."""
    import pyspark
    from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway

    jars = Path(pyspark.__file__).parent / "jars"
    (py4j,) = jars.glob("py4j-*.jar")
    port, secret = launch_gateway(
        jarpath=str(py4j),
        classpath=str(jars / "*"),
        javaopts=[*_JAVA_OPTIONS, f"-Dlog4j2.configurationFile={_LOG_SETTINGS}"],
        die_on_exit=True,
        enable_auth=True,
    )
    gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port, auth_token=secret))
    try:
        yield Evaluator(gateway)
    finally:
        gateway.shutdown()


def _only(package: Any, name: str) -> Any:
    """The one instance of a Scala object."""
    return getattr(getattr(package, f"{name}$"), "MODULE$")
