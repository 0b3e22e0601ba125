"""Spark's own parser takes every model, as dbt would compile it for a first build."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from orchestration.base.macros import render_model
from orchestration.warehouse.dbt import DBT_PROJECT

pytest.importorskip("pyspark", reason="pyspark is not installed: make test-spark")

MODELS = [path for path in sorted((DBT_PROJECT / "models").rglob("*.sql")) if "pipeline" not in path.parts]


@pytest.fixture(scope="module")
def parse() -> Iterator[Callable[[str], object]]:
    from pyspark.sql import SparkSession

    loopback = {"spark.ui.enabled": "false", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
    spark = SparkSession.builder.master("local[1]").config(map=loopback).getOrCreate()
    yield spark._jsparkSession.sessionState().sqlParser().parsePlan
    spark.stop()


def test_the_parser_refuses_what_duckdb_alone_knows(parse: Callable[[str], object]) -> None:
    with pytest.raises(Exception, match="PARSE_SYNTAX_ERROR"):
        parse("select * exclude (a) from b")


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_sparks_parser_takes_the_model(path: Path, parse: Callable[[str], object]) -> None:
    try:
        query = render_model(path.read_text("utf-8"), engine="spark")
    except UndefinedError:
        pytest.skip("it asks the warehouse what to recompute")
    assert parse(query)
