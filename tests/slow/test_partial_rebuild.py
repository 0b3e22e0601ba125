"""Edits of models, macros, reference rows and comments, and deliveries: a partial rebuild is a full one."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from orchestration.base import settings, site_profile
from orchestration.base.settings import Settings
from orchestration.base.site_profile import DEFAULT_SITE, SITES
from orchestration.base.sql import connect
from orchestration.site import reference
from orchestration.warehouse import dbt, dbt_session
from orchestration.warehouse.due import want
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.nodes import Node
from orchestration.warehouse.same_rows import build_first
from orchestration.warehouse.work import Selection, Work, find_work
from tests.integration.test_dbt_incremental import FIRST_DAY, SEED, Deliveries
from tests.support.dbt_warehouse import Warehouse
from tests.support.feeds import FEEDS

STAGES = ("staging", "marts")
#: File, what stands in it, what is written for it; each may be taken back by the next.
EDITS = [
    ("seeds/fraud_rules.csv", "registry in force does not hold,{},40", "registry in force does not hold,{},60"),
    ("seeds/fraud_rules.csv", '""hours"": 72', '""hours"": 24'),
    ("../sites/korea/reference/providers.csv", "KT,KT,KT,MNO", "KT,KT,KT,MVNO"),
    ("seeds/desks.csv", "FRAUD,100,4,45", "FRAUD,100,4,30"),
    ("macros/tenure_band.sql", "< 2 * 365", "< 3 * 365"),
    ("macros/unregistered.sql", "date '0001-01-01'", "date '2026-01-01'"),
    ("models/marts/churn/port_chain.sql", "is_completed\n", "is_completed and months_stayed >= 0\n"),
    ("models/intermediate/payments/int_payment_latest.sql", "{{ config(", "{{ config( "),
    ("models/marts/core/dim_provider.sql", "    from providers\n", "    from providers\n    where true\n"),
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the dbt project, and of the default site's reference rows, that may be edited."""
    copy = tmp_path / "dbt_project"
    shutil.copytree(dbt.DBT_PROJECT, copy)
    shutil.copytree(SITES / DEFAULT_SITE, tmp_path / "sites" / DEFAULT_SITE)
    monkeypatch.setattr(dbt, "DBT_PROJECT", copy)
    monkeypatch.setattr(reference, "_SEEDS", copy / "seeds")
    for module in (settings, site_profile):
        monkeypatch.setattr(module, "SITES", tmp_path / "sites")
    yield copy
    dbt_session.end()


def build_what_is_due(settings: Settings) -> list[str]:
    """What a run does in its stages, without Dagster and gates; returns what it built."""
    graph, built = Graph(dbt.manifest(settings)), list[str]()

    def find(stage: str) -> Work:
        with connect(settings, str(settings.warehouse)) as con:
            work = find_work(con, settings, graph, FEEDS, {}, Selection(stage, graph.stage(stage), {}))
            want(con, work.plan, work.are_tested_whole)
        return work

    def build(nodes: Sequence[Node]) -> None:
        if nodes:
            built.extend(node.name for node in nodes)
            dbt.build(settings, select=[*(node.name for node in nodes), *graph.pipeline_of(nodes)], tests=[])

    for stage in STAGES:
        work = build_first(settings, graph, partial(find, stage), build)
        build([one.node for one in work.due.values()])
    return built


def rows_of(warehouse: Warehouse) -> dict[str, object]:
    """Each relation's rows, floating-point values to nine significant digits, whatever their order."""
    found: dict[str, object] = {}
    with warehouse.connect() as con:
        for relation in warehouse.built_relations():
            columns = con.execute(f"select column_name, column_type from (describe {relation})").fetchall()
            values = ", ".join(
                f"printf('%.9g', {name})" if kind in ("DOUBLE", "FLOAT") else f'"{name}"' for name, kind in columns
            )
            found[relation] = con.execute(f"select count(*), sum(hash({values})::hugeint) from {relation}").fetchone()
    return found


@pytest.mark.timeout(3600)
def test_a_partial_rebuild_over_random_edits_and_deliveries_equals_a_full_one(tmp_path: Path, project: Path) -> None:
    settings = Settings(home=tmp_path / "home", view="market", pseudonym_key="k" * 40)  # type: ignore[arg-type]
    settings.home.mkdir()
    warehouse = Warehouse.create(settings.home, view="market")
    deliveries, rng = Deliveries(random.Random(SEED)), random.Random(SEED)
    days = [FIRST_DAY + timedelta(days=number) for number in range(7)]

    def deliver(day: int) -> None:
        for feed, dt, rev, rows in deliveries.day(days[day]):
            warehouse.deliver(feed, str(dt), rows, rev=rev)
        warehouse.let_go()

    def edit(name: str, old: str, new: str) -> None:
        text = (project / name).read_text("utf-8")
        assert old in text or new in text, f"{name} has neither {old!r} nor {new!r}"
        (project / name).write_text(text.replace(old, new) if old in text else text.replace(new, old), "utf-8")

    def comment() -> None:
        model = rng.choice(sorted(project.glob("models/**/*.sql")))
        model.write_text(f"{{# {rng.random()} #}}\n" + model.read_text("utf-8") + f"\n-- {rng.random()}\n", "utf-8")

    for day in range(3):
        deliver(day)
    everything = len(build_what_is_due(settings))
    assert build_what_is_due(settings) == []
    comment()
    assert build_what_is_due(settings) == []
    steps: list[Callable[[], None]] = [lambda one=one: edit(*one) for one in EDITS]  # type: ignore[misc]
    steps += [comment, lambda: deliver(3), lambda: deliver(4), lambda: deliver(5)]
    rng.shuffle(steps)
    while steps:
        for _ in range(rng.randint(1, 3)):
            if steps:
                steps.pop()()
        assert len(build_what_is_due(settings)) < everything
    partial = rows_of(warehouse)
    graph = Graph(dbt.manifest(settings))
    nodes = graph.in_order()
    dbt.build(settings, select=[node.name for node in nodes] + graph.pipeline_of(nodes), tests=[], full_refresh=True)
    assert rows_of(warehouse) == partial
