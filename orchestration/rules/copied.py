"""A copy of the warehouse in which rules are tried, gone afterwards."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb

from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings, private_dir
from orchestration.base.sql import connect, identifier
from orchestration.rules.changes import changed_rules, checked_site
from orchestration.warehouse import dbt
from orchestration.warehouse.engines import engine_of
from orchestration.warehouse.graph import Graph


class BacktestError(Refusal):
    """The changes cannot be tried; the message says why."""


@contextmanager
def copied(settings: Settings) -> Iterator[Settings]:
    """An installation on DuckDB with nothing but a copy of the warehouse's file.

    Raw, and what another engine holds, is only read, where it is.

    Raises:
        BacktestError: if there is no warehouse to copy, or it is in use.
    """
    if not settings.warehouse.exists():
        raise BacktestError("There is no warehouse yet; `ringfence run` builds it.")
    home = private_dir(settings.scratch_dir / f"backtest-{uuid.uuid4().hex}")
    apart = settings.model_copy(update={"home": home, "site": home / "site", "engine": "duckdb"})
    with ExitStack() as holding:
        holding.callback(shutil.rmtree, home, ignore_errors=True)
        try:
            holding.enter_context(engine_of(settings).keep())
            # an open reader keeps writers away while the file is copied
            with duckdb.connect(str(settings.warehouse), read_only=True):
                shutil.copyfile(settings.warehouse, apart.warehouse)
        except (BlockingIOError, duckdb.IOException) as error:
            raise BacktestError("The warehouse is being written to; try again when the run has ended.") from error
        dbt.know_what_was_parsed(apart, settings)
        yield apart


def build_changed(settings: Settings, apart: Settings, changes: Path, through: str, but: tuple[str, ...] = ()) -> None:
    """Build in the copy whatever stands between the rules, with a CSV file's changes, and the model `through`.

    Raises:
        ChangesError: if the file names a rule, column or value that cannot be.
    """
    with connect(apart, str(apart.warehouse)) as con:
        rules = changed_rules(con, "reference.fraud_rules", changes)
    checked_site(settings, apart, changes, rules)
    models = [model for model in Graph(dbt.manifest(apart)).between("fraud_rules", through) if model not in but]
    with connect(apart, str(apart.warehouse)) as con:
        _drop_views(con, models)
    dbt.build(apart, select=models, full_refresh=True)


def _drop_views(con: duckdb.DuckDBPyConnection, models: list[str]) -> None:
    """Make room for tables: what another engine holds, the copy shows by views, and dbt fills no view with rows."""
    views = con.execute(
        "select schema_name, view_name from duckdb_views() where list_contains($1::varchar[], view_name)", [models]
    ).fetchall()
    for schema, name in views:
        con.execute(f"drop view {schema}.{identifier(name)}")
