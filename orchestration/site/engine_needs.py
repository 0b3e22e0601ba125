"""What an engine for the models needs of this machine, said before a run finds out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings


class EngineNeedsError(Refusal):
    """The engine that is asked for cannot run here; the message says what is missing, and where to get it."""


def check_engine(settings: Settings) -> str:
    """What runs the models.

    Raises:
        EngineNeedsError: with everything that is missing.
    """
    if settings.engine == "duckdb":
        return "duckdb"
    if missing := list(_missing(settings)):
        raise EngineNeedsError("\n".join(missing))
    return f"spark, {settings.spark}, {settings.spark_format} under {settings.spark_dir}"


def _missing(settings: Settings) -> Iterator[str]:
    if settings.spark_format != "parquet":
        yield f"RINGFENCE_SPARK_FORMAT={settings.spark_format} is not done yet; write parquet (docs/scale.md)"
    if find_spec("pyspark") is None or find_spec("dbt.adapters.spark") is None:
        yield "pyspark or dbt-spark is missing: install the extra `spark`, in an environment of its own (docs/scale.md)"
    java = Path(os.environ["JAVA_HOME"]) / "bin" / "java" if os.environ.get("JAVA_HOME") else shutil.which("java")
    if not settings.spark.startswith(("sc://", "thrift://")) and not (java and Path(java).exists()):
        yield "Java is missing: Spark needs 17 or later, on the PATH or under JAVA_HOME"
