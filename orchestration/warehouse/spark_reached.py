"""Spark as a dbt process reaches it: by a session of pyspark's, on this machine, a cluster or Connect, or over Thrift.

Nothing here is imported but in that process: pyspark is an extra.
"""

from __future__ import annotations

import os
import shutil
import uuid
from functools import cache
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from orchestration.warehouse.spark import java_memory

#: What a session has to be like, wherever it runs, for both engines to find the same.
CONF = {
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
#: What a connection over Thrift has to say: a name that does not say that it is the session's is passed over.
CONF_OVER_THRIFT = {f"set:hiveconf:{name}": value for name, value in CONF.items()}
#: Where the driver is this process.
_OF_THE_DRIVER = {
    "spark.driver.memory": java_memory(os.environ["RINGFENCE_MEMORY_LIMIT"]),
    "spark.sql.catalogImplementation": "in-memory",
    "spark.io.encryption.enabled": "true",  # what is spilled holds pseudonyms
    "spark.local.dir": os.environ["RINGFENCE_TEMP"],
    "spark.sql.warehouse.dir": os.environ["RINGFENCE_SPARK_DIR"],
    "spark.log.level": "ERROR",
}
#: Where everything is.
_ON_THIS_MACHINE = {
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "4",
}


class Reached(Protocol):
    """What dbt's process asks of Spark beside dbt's own queries."""

    def sql(self, statement: str) -> None:
        """Do a statement."""

    def frame(self, query: str) -> pd.DataFrame:
        """Rows of a query; days are datetimes, as DuckDB has them, and instants are in the site's time zone."""


@cache
def reached() -> Reached:
    """Spark at RINGFENCE_SPARK."""
    address = os.environ["RINGFENCE_SPARK"]
    return _OverThrift(address) if address.startswith("thrift://") else _BySession(address)


class _BySession:
    def __init__(self, address: str) -> None:
        is_remote, is_here = address.startswith("sc://"), address.startswith("local")
        builder = SparkSession.builder.remote(address) if is_remote else SparkSession.builder.master(address)
        settings = CONF | ({} if is_remote else _OF_THE_DRIVER) | (_ON_THIS_MACHINE if is_here else {})
        self.session = builder.config(map=settings).appName("ringfence").getOrCreate()

    def sql(self, statement: str) -> None:
        self.session.sql(statement)

    def frame(self, query: str) -> pd.DataFrame:
        rows = self.session.sql(query)
        frame: pd.DataFrame = rows.toPandas()
        return _with_days(frame, [name for name, type_ in rows.dtypes if type_ == "date"])


class _OverThrift:
    """What comes and goes is Parquet in the installation's folder: a result over Thrift has no types to rely on."""

    def __init__(self, address: str) -> None:
        from pyhive import hive

        at = urlsplit(address)
        self._connection = hive.connect(
            at.hostname, at.port, username=at.username or "ringfence", configuration=CONF_OVER_THRIFT
        )

    def sql(self, statement: str) -> None:
        self._connection.cursor().execute(statement)

    def frame(self, query: str) -> pd.DataFrame:
        folder = Path(os.environ["RINGFENCE_SPARK_DIR"], "frames", uuid.uuid4().hex)
        self.sql(f"insert overwrite directory '{folder}' using parquet {query}")
        rows = pq.read_table(folder)
        shutil.rmtree(folder)
        frame: pd.DataFrame = rows.to_pandas()
        for field in rows.schema:
            if pa.types.is_timestamp(field.type) and field.type.tz:
                frame[field.name] = (
                    frame[field.name].dt.tz_convert(CONF["spark.sql.session.timeZone"]).dt.tz_localize(None)
                )
        return _with_days(frame, [field.name for field in rows.schema if pa.types.is_date(field.type)])


def write_parquet(frame: pd.DataFrame, folder: str) -> None:
    """Write a frame as Parquet into a folder that is not there yet; it has types where it has no row, too."""
    zoned = frame.copy()
    for name in frame.select_dtypes("datetime"):
        zoned[name] = frame[name].dt.tz_localize(CONF["spark.sql.session.timeZone"])
    Path(folder).mkdir(parents=True)
    rows = pa.Table.from_pandas(zoned, preserve_index=False)
    pq.write_table(rows, Path(folder, "part-0.parquet"), coerce_timestamps="us")


def _with_days(frame: pd.DataFrame, days: list[str]) -> pd.DataFrame:
    for name in days:
        frame[name] = pd.to_datetime(frame[name])
    return frame
