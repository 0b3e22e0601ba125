"""Room on the disk: what a run needs is said before it begins."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import duckdb
import pytest

from orchestration.base.settings import Settings
from orchestration.warehouse import disk
from orchestration.warehouse.nodes import Node

Usage = namedtuple("Usage", "free")


def test_a_build_whose_relations_do_not_fit_beside_themselves_ends_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path, pseudonym_key="k" * 40)  # type: ignore[arg-type]
    large, small = (Node(name, name, "churn", "model", frozenset(), "") for name in ("large", "small"))
    with duckdb.connect(str(settings.warehouse)) as con:
        con.execute("create schema churn")
        con.execute("create table churn.large as select hash(i) as n from range(990_000) as t(i)")
        con.execute("create table churn.small as select hash(i) as n from range(10_000) as t(i)")
        con.execute("checkpoint")
        least = disk.disk_for(con, settings, []).needed
        warehouse = settings.warehouse.stat().st_size
        assert disk.disk_for(con, settings, [large]).needed - least == pytest.approx(0.99 * warehouse, rel=0.01)
        monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: Usage(least + warehouse // 10))
        disk.check_disk(con, settings, [small])
        with pytest.raises(disk.TooLittleDiskError, match="ringfence plan"):
            disk.check_disk(con, settings, [large])
