"""What a dbt process does for Spark: it shows it the tables, and runs models in Python.

Nothing here is imported but in that process: dbt-spark is an extra.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from dbt.adapters.base.impl import PythonJobHelper
from dbt.adapters.spark import session as sessions_of_dbt
from dbt.adapters.spark.connections import SparkConnectionManager
from dbt.adapters.spark.impl import SparkAdapter

from orchestration.base.files import replace_text
from orchestration.warehouse.spark import STATE, STATEMENTS
from orchestration.warehouse.spark_gates import ANSWER
from orchestration.warehouse.spark_progress import Progress
from orchestration.warehouse.spark_reached import CONF_OVER_THRIFT, reached, write_parquet


@contextmanager
def open_for(arguments: Sequence[str]) -> Iterator[None]:
    """Reach Spark, and show it the tables; macros ask `adapter.progress` what each model has read."""
    if arguments[0] not in ("parse", *COMMANDS):
        _show()
        SparkAdapter.progress = Progress(Path(os.environ["RINGFENCE_SPARK_DIR"], STATE))
    yield


def _show() -> None:
    spark = reached()
    for statement in json.loads(Path(os.environ["RINGFENCE_SPARK_DIR"], STATEMENTS).read_text("utf-8")):
        spark.sql(statement)


def _judge(path: str) -> None:
    """Have Great Expectations judge a relation on Spark; the answer lies beside the request (`spark_gates`)."""
    from orchestration.warehouse.spark_judged import judge  # takes seconds, so only who judges pays

    request = json.loads(Path(path).read_text("utf-8"))
    if request["show"]:
        _show()
    answer = judge(vars(reached())["session"], request, Path(path).parent)
    replace_text(Path(path).with_name(ANSWER), json.dumps(answer))


#: How often a Thrift server is asked whether a statement has ended; a profile has whole seconds, and most take less.
_POLL_SECONDS = 0.05
#: What it does beside dbt.
COMMANDS: Mapping[str, Callable[..., None]] = {"judge": _judge}


class Frame:
    """A relation as models in Python ask for it: the few words of DuckDB's relations that they use."""

    def __init__(self, query: str) -> None:
        self._query = query

    def filter(self, condition: str) -> Frame:
        return Frame(f"select * from ({self._query}) where {condition}")

    def order(self, columns: str) -> Frame:
        return Frame(f"select * from ({self._query}) order by {columns}")

    def df(self) -> pd.DataFrame:
        """Its rows as a frame."""
        return reached().frame(self._query)


class _OnTheDriver(PythonJobHelper):
    """dbt-spark knows how to send Python to Databricks alone; here it runs in this process."""

    def __init__(self, parsed_model: dict[str, Any], credentials: Any) -> None:
        pass

    def submit(self, compiled_code: str) -> None:
        spark = reached()

        def write(frame: pd.DataFrame, relation: str, folder: str) -> None:
            write_parquet(frame, folder)
            spark.sql(f"create table {relation} using parquet location '{folder}'")

        scope = {"spark": spark, "relation_of": lambda name: Frame(f"select * from {name}"), "write": write}
        exec(compiled_code, scope)


class _TheSession:
    """In place of the builder by which dbt would ask for a session of its own, at each query."""

    def enableHiveSupport(self) -> _TheSession:
        return self

    def config(self, name: str, value: str) -> _TheSession:
        return self

    def getOrCreate(self) -> Any:
        return vars(reached())["session"]


def _open(connection: Any) -> Any:
    """Over Thrift, each connection is a session, which has to be like all others."""
    connection.credentials.server_side_parameters = dict(CONF_OVER_THRIFT)
    connection.credentials.poll_interval = _POLL_SECONDS
    return _open_as_it_is(connection)


sessions_of_dbt.SparkSession = type("SparkSession", (), {"builder": _TheSession()})
if os.environ["RINGFENCE_SPARK"].startswith("thrift://"):
    _open_as_it_is = SparkConnectionManager.open
    SparkConnectionManager.open = staticmethod(_open)
SparkAdapter._available_ |= {"progress"}
SparkAdapter.python_submission_helpers = property(lambda self: {"session": _OnTheDriver})
SparkAdapter.default_python_submission_method = property(lambda self: "session")
