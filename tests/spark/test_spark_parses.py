"""Spark's own parser takes every model, as dbt would compile it for a first build."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

from orchestration.base.macros import render_model
from orchestration.warehouse.dbt import DBT_PROJECT

MODELS = [path for path in sorted((DBT_PROJECT / "models").rglob("*.sql")) if "pipeline" not in path.parts]


@pytest.fixture(scope="module")
def parse(session: Any) -> Callable[[str], object]:
    parser: Callable[[str], object] = session._jsparkSession.sessionState().sqlParser().parsePlan
    return parser


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
