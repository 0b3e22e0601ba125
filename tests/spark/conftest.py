"""One session of Spark's for the tests that need no world."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

_ON_LOOPBACK = {
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "Asia/Seoul",
    "spark.sql.shuffle.partitions": "1",
    # of many small queries: to compile one takes longer than to run it
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.log.level": "ERROR",
    "spark.driver.memory": "1g",
}


@pytest.fixture(scope="session")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A session that knows no table."""
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed: make test-spark")
    tables = {"spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("tables"))}
    spark = sql.SparkSession.builder.master("local[2]").config(map=_ON_LOOPBACK | tables).getOrCreate()
    yield spark
    spark.stop()
