"""What a dbt process does for Spark: it has the one session, shows it the tables, and runs models in Python.

Nothing here is imported but in that process: pyspark is an extra.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from dbt.adapters.base.impl import PythonJobHelper
from dbt.adapters.spark.impl import SparkAdapter
from pyspark.sql import SparkSession
from pyspark.sql.types import DateType

from orchestration.warehouse.spark import STATEMENTS

#: What a session has to be like, wherever it runs, for both engines to find the same.
_CONF = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": os.environ["RINGFENCE_TIMEZONE"],
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.hive.manageFilesourcePartitions": "false",  # partitions are the folders that there are
    "spark.sql.sources.partitionOverwriteMode": "static",
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",  # no job per scan to list a feed's days
    "spark.sql.cteRecursionLevelLimit": "100000",
    "spark.sql.cteRecursionRowLimit": "-1",
}
_ON_THIS_MACHINE = {
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "4",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.io.encryption.enabled": "true",  # what is spilled holds pseudonyms
    "spark.driver.memory": os.environ.get("RINGFENCE_SPARK_MEMORY", "4g"),
    "spark.local.dir": os.environ["RINGFENCE_TEMP"],
    "spark.sql.warehouse.dir": os.environ["RINGFENCE_SPARK_DIR"],
    "spark.log.level": "ERROR",
}


@contextmanager
def open_for(arguments: Sequence[str]) -> Iterator[None]:
    """Begin the session if there is none, and show it the tables."""
    if arguments[0] != "parse":
        spark = session()
        for statement in json.loads(Path(os.environ["RINGFENCE_SPARK_DIR"], STATEMENTS).read_text("utf-8")):
            spark.sql(statement)
    yield


def session() -> SparkSession:
    """The session that there is, or the first."""
    address = os.environ["RINGFENCE_SPARK"]
    is_remote = address.startswith("sc://")
    builder = SparkSession.builder.remote(address) if is_remote else SparkSession.builder.master(address)
    if address.startswith("local"):
        for name, value in _ON_THIS_MACHINE.items():
            builder = builder.config(name, value)
    for name, value in _CONF.items():
        builder = builder.config(name, value)
    return builder.appName("ringfence").getOrCreate()


class Frame:
    """A relation as models in Python ask for it: the few words of DuckDB's relations that they use."""

    def __init__(self, rows: Any) -> None:
        self._rows = rows

    def filter(self, condition: str) -> Frame:
        return Frame(self._rows.where(condition))

    def order(self, columns: str) -> Frame:
        return Frame(self._rows.orderBy(*columns.split(", ")))

    def df(self) -> pd.DataFrame:
        """Its rows as a frame; days are datetimes, as DuckDB has them."""
        frame: pd.DataFrame = self._rows.toPandas()
        for field in self._rows.schema.fields:
            if isinstance(field.dataType, DateType):
                frame[field.name] = pd.to_datetime(frame[field.name])
        return frame


class _OnTheDriver(PythonJobHelper):
    """dbt-spark knows how to send Python to Databricks alone; here it runs in this process."""

    def __init__(self, parsed_model: dict[str, Any], credentials: Any) -> None:
        pass

    def submit(self, compiled_code: str) -> None:
        spark = session()

        def write(frame: pd.DataFrame, relation: str, folder: str) -> None:
            rows = pa.Table.from_pandas(frame, preserve_index=False)  # has types where there is no row, too
            spark.createDataFrame(rows).write.parquet(folder)
            spark.sql(f"create table {relation} using parquet location '{folder}'")

        scope = {"spark": spark, "relation_of": lambda name: Frame(spark.table(name)), "write": write}
        exec(compiled_code, scope)


SparkAdapter.python_submission_helpers = property(lambda self: {"session": _OnTheDriver})
SparkAdapter.default_python_submission_method = property(lambda self: "session")
