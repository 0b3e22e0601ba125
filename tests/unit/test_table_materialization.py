"""How a table is made on DuckDB: a new one, or the one that was there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.base.settings import PROJECT
from orchestration.warehouse import dbt_session

SQL = "select {value} as value"
PYTHON = "import pandas\n\n\ndef model(dbt, session):\n    return pandas.DataFrame({{'value': [{value}]}})\n"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A dbt project of one SQL and one Python model, with the warehouse's materialization of tables."""
    shutil.copytree(PROJECT / "dbt_project/materializations", tmp_path / "macros")
    (tmp_path / "macros/spark.sql").unlink()
    (tmp_path / "models").mkdir()
    (tmp_path / "dbt_project.yml").write_text("name: ringfence\nprofile: it\nmodels: {+materialized: table}\n", "utf-8")
    (tmp_path / "profiles.yml").write_text(
        "it: {target: it, outputs: {it: {type: duckdb, path: warehouse.duckdb, threads: 2}}}\n", "utf-8"
    )
    yield tmp_path
    dbt_session.end()


def build(project: Path, sql: str, python: str) -> tuple[dict[str, str], int]:
    """Build both models as they stand now; the status of each, and dbt's exit code."""
    (project / "models/in_sql.sql").write_text(SQL.format(value=sql), "utf-8")
    (project / "models/in_python.py").write_text(PYTHON.format(value=python), "utf-8")
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    *said, code = dbt_session.events(environment, project, ["build"], project=f"{sql} {python}")
    nodes = [heard for line in said if "node" in (heard := json.loads(str(line)))]
    assert isinstance(code, int)
    return {heard["node"]: heard["status"] for heard in nodes}, code


def tables(project: Path) -> dict[str, int]:
    with duckdb.connect(str(project / "warehouse.duckdb"), read_only=True) as con:
        names = [name for (name,) in con.execute("select table_name from duckdb_tables()").fetchall()]
        return {name: int(con.table(name).fetchall()[0][0]) for name in names}


def test_a_table_that_cannot_be_made_again_stays_as_it_was(project: Path) -> None:
    assert build(project, "1", "1") == ({"in_sql": "success", "in_python": "success"}, 0)
    assert tables(project) == {"in_sql": 1, "in_python": 1}
    assert build(project, "error('broken')", "1 / 0") == ({"in_sql": "error", "in_python": "error"}, 1)
    assert tables(project) == {"in_sql": 1, "in_python": 1}
    assert build(project, "2", "2") == ({"in_sql": "success", "in_python": "success"}, 0)
    assert tables(project) == {"in_sql": 2, "in_python": 2}
