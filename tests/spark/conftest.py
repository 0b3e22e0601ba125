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
}


@pytest.fixture(scope="session")
def session() -> Iterator[Any]:
    """A session that knows no table."""
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed: make test-spark")
    spark = sql.SparkSession.builder.master("local[1]").config(map=_ON_LOOPBACK).getOrCreate()
    yield spark
    spark.stop()
