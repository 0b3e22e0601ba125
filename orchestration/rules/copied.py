"""A copy of the warehouse in which rules are tried, gone afterwards."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings, private_dir
from orchestration.base.sql import connect
from orchestration.rules.changes import changed_rules, checked_site
from orchestration.warehouse import dbt
from orchestration.warehouse.engines import require_duckdb
from orchestration.warehouse.graph import Graph


class BacktestError(Refusal):
    """The changes cannot be tried; the message says why."""


@contextmanager
def copied(settings: Settings) -> Iterator[Settings]:
    """An installation with nothing but a copy of the warehouse. Raw is only read, where it is.

    Raises:
        BacktestError: if there is no warehouse to copy, or it is in use.
    """
    require_duckdb(settings, "Trying rules")
    if not settings.warehouse.exists():
        raise BacktestError("There is no warehouse yet; `ringfence run` builds it.")
    home = private_dir(settings.scratch_dir / f"backtest-{uuid.uuid4().hex}")
    apart = settings.model_copy(update={"home": home, "site": home / "site"})
    try:
        try:
            # an open reader keeps writers away while the file is copied
            with duckdb.connect(str(settings.warehouse), read_only=True):
                shutil.copyfile(settings.warehouse, apart.warehouse)
        except duckdb.IOException as error:
            raise BacktestError("The warehouse is being written to; try again when the run has ended.") from error
        dbt.know_what_was_parsed(apart, settings)
        yield apart
    finally:
        shutil.rmtree(home, ignore_errors=True)


def build_changed(settings: Settings, apart: Settings, changes: Path, through: str, but: tuple[str, ...] = ()) -> None:
    """Build in the copy whatever stands between the rules, with a CSV file's changes, and the model `through`.

    Raises:
        ChangesError: if the file names a rule, column or value that cannot be.
    """
    with connect(apart, str(apart.warehouse)) as con:
        rules = changed_rules(con, "reference.fraud_rules", changes)
    checked_site(settings, apart, changes, rules)
    models = Graph(dbt.manifest(settings)).between("fraud_rules", through)
    dbt.build(apart, select=[model for model in models if model not in but], full_refresh=True)
