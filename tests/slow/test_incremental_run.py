"""Random deliveries, run after run: what was planned is built, and gates say what they say of whole relations."""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections.abc import Callable
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from orchestration.base.content import content_of
from orchestration.base.sql import connect
from orchestration.gates import verdicts
from orchestration.gates.gate import check_relation
from orchestration.gates.outcome import Outcome
from orchestration.gates.suites import load_suite
from orchestration.runtime.instance import open_instance
from orchestration.serving.generations import DOORS, current_dir, current_publication, doors
from orchestration.state.planned import run_plan
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.work import DBT_TEST
from tests.support.world import FIRST, LAST, World

SEED, RUNS = 7, 3
FEEDS = ("portability_events", "payments", "subscriptions", "payment_disputes", "cell_attachments")


def _planned(world: World) -> set[str]:
    return {one.relation for one in run_plan(world.settings, world.feeds).planned}


def _built(world: World) -> set[str]:
    """Relations that the newest run made."""
    with open_instance(world.settings) as instance:
        (run, *_) = instance.get_runs(limit=1)
        records = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    paths = (entry.get_dagster_event().step_materialization_data.materialization.asset_key.path for entry in records)
    return {".".join(path) for path in paths} & {
        node.relation for node in Graph(dbt.manifest(world.settings)).nodes.values()
    }


def _is_open(world: World) -> bool:
    return not any(verdict.is_closed for verdict in verdicts.latest(world.settings))


def _whole(world: World) -> dict[str, set[tuple[object, ...]]]:
    """What every suite finds wrong that reads its whole relation, whatever was judged before."""
    found = {}
    graph = Graph(dbt.manifest(world.settings))
    with connect(world.settings, str(world.settings.warehouse)) as con:
        for stage in ("staging", "marts"):
            for node in graph.stage(stage):
                suite = load_suite(stage, node.name)
                if suite.expectations:
                    found[node.name] = _said(check_relation(con, suite, relation=node.relation))
    return found


def _said(outcomes: list[Outcome]) -> set[tuple[object, ...]]:
    return {
        (outcome.expectation_id, outcome.partition, outcome.severity, outcome.failed, outcome.observed)
        for outcome in outcomes
        if not outcome.passed and outcome.expectation_type != DBT_TEST
    }


def _published(world: World) -> dict[str, tuple[object, object]]:
    """What is published of each relation that no gate holds back and that is shown as it is, beside what was built."""
    found = {}
    folder = current_dir(world.settings)
    publication = current_publication(world.settings)
    assert folder and publication
    nodes = {node.relation: node for node in Graph(dbt.manifest(world.settings)).published()}
    with connect(world.settings, str(world.settings.warehouse)) as con:
        for door, (file, _) in DOORS.items():
            con.execute(f"attach '{folder / file}' as {door} (read_only)")
        for entry in publication.relations:
            if not entry.held_back_by and entry.door == doors(nodes[entry.relation])[0]:
                shown = content_of(con, f"{entry.door}.{entry.relation}")
                assert shown.as_published == (entry.rows, entry.checksum), entry.relation
                found[entry.relation] = (shown, content_of(con, entry.relation))
    return found


def _correct(extract: Path, rng: random.Random) -> None:
    """Another revision of a day: some rows are gone, and some lines and numbers are others' or nobody's."""
    packed = extract.suffix == ".gz"
    data = extract.read_bytes()
    text = (gzip.decompress(data) if packed else data).decode("latin-1")  # written back as it was
    rows = list(csv.reader(io.StringIO(text)))
    head, body = rows[0], [row for row in rows[1:] if rng.random() > 0.05]
    personal = [place for place, name in enumerate(head) if name in ("line_id", "number", "msisdn", "cell_id")]
    for row in rng.sample(body, k=min(len(body), 1 + len(body) // 50)):
        for place in personal:
            row[place] = rng.choice(body)[place]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([head, *body])
    changed = out.getvalue().encode("latin-1")
    extract.unlink()
    extract.write_bytes(gzip.compress(changed) if packed else changed)
    (extract.parent / "_manifest.json").unlink(missing_ok=True)


@pytest.mark.timeout(3600)
def test_what_was_planned_is_built_and_gates_that_judge_what_changed_say_what_they_say_of_everything(
    published_world: World, copy_of: Callable[..., World]
) -> None:
    world, rng = copy_of(published_world), random.Random(SEED)
    assert _planned(world) == set()
    days = [date.fromordinal(day) for day in range(FIRST.toordinal(), LAST.toordinal() + 1)]
    for number in range(RUNS):
        for feed in rng.sample(FEEDS, k=rng.randint(1, len(FEEDS))):
            for day in rng.sample(days, k=2):
                for extract in (world.settings.landing_dir / feed / f"dt={day}").glob("*.csv*"):
                    _correct(extract, rng)
        was_open, planned = _is_open(world), _planned(world)
        report = world.run()
        built = _built(world)
        if was_open:  # what gates hold back is not in a plan
            assert built <= planned, f"run {number}: built, and not planned"
        if was_open and _is_open(world):
            assert built == planned, f"run {number}"
        assert not report.errors
        for relation, (shown, built_rows) in _published(world).items():
            assert shown == built_rows, f"run {number}: {relation} is not published as it was built"
        whole = _whole(world)
        latest = {entry.relation: entry for entry in verdicts.latest(world.settings) if entry.stage != "raw"}
        for name in {relation.split(".")[1] for relation in built} & whole.keys():
            assert _said(list(latest[name].failures)) == whole[name], f"run {number}: {name}"
