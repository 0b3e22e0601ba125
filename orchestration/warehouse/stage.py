"""One stage of the warehouse: what is held back, the dbt build, the gates behind it, and what Dagster is told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any

import dagster as dg
import duckdb

from orchestration.base.settings import Settings, home_dir
from orchestration.base.sql import connect
from orchestration.contracts import Feed
from orchestration.gates.asset_checks import asset_check_specs, held_back_result, standing_result
from orchestration.gates.changed import Touched
from orchestration.gates.gate import not_judged
from orchestration.gates.judging import judge
from orchestration.gates.outcome import Outcome
from orchestration.gates.suites import Suite, load_suite
from orchestration.privacy.custody import shared
from orchestration.runtime.outputs import not_made
from orchestration.runtime.warehouse_lock import warehouse_lock
from orchestration.warehouse import dbt
from orchestration.warehouse.disk import check_disk
from orchestration.warehouse.due import clear_wanted, want
from orchestration.warehouse.engines import Check, engine_of, take_over
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.held import held_back
from orchestration.warehouse.lineage import as_metadata, column_lineage
from orchestration.warehouse.nodes import Node
from orchestration.warehouse.raw_relations import note_revisions_built, refresh_raw, revisions_built
from orchestration.warehouse.records import note_durations
from orchestration.warehouse.same_rows import build_first
from orchestration.warehouse.work import DBT_TEST, Selection, Work, find_work

#: The stage that reads raw, and the one that is built on it.
FIRST = "staging"
LAST = "marts"
Warn = Callable[[str], None]
#: Draws what has been read of a relation, or nothing: metadata for its asset, and a warning for what cannot be drawn.
Picture = Callable[[Warn], Mapping[str, dg.MetadataValue[Any]]]
#: Reads what the picture of a relation shows.
ReadPicture = Callable[[duckdb.DuckDBPyConnection, str], Picture]


@dataclass(frozen=True)
class _Undrawn:
    """What is told of a relation that was built; its picture is read, and not drawn yet."""

    key: dg.AssetKey
    metadata: Mapping[str, Any]
    picture: Picture

    def result(self, warn: Warn) -> dg.MaterializeResult[Any]:
        return dg.MaterializeResult(asset_key=self.key, metadata={**self.metadata, **self.picture(warn)})


@dataclass(frozen=True)
class Stage:
    """The nodes of one stage; `run` builds them and judges what it built. `tests` are dbt's, by name."""

    name: str
    settings: Settings
    feeds: Mapping[str, Feed]
    graph: Graph
    tests: Mapping[str, dg.AssetCheckSpec]
    read_picture: ReadPicture

    def check_specs(self) -> list[dg.AssetCheckSpec]:
        """dbt's tests, and the gates, one check per guarded relation."""
        gates = asset_check_specs({_key(node): suite for node, suite in self._suites().items()})
        return [*self.tests.values(), *gates]

    def run(self, context: dg.AssetExecutionContext) -> Iterator[Any]:
        """Build what no gate holds back, judge it, and report: held back, made, not made, tests, gates.

        What is held back is told at once, whatever becomes of the build. All else is told when the warehouse is free
        again, since nobody is to wait for it while pictures are drawn; a check is told behind what it judges.
        """
        with shared(self.settings), warehouse_lock(self.settings) as holding:
            if said := take_over(self.settings):
                context.log.warning(said)
            selection = self._selection(context)
            yield from self._held_back(context, selection)
            found = list(self._build_and_judge(context, selection, holding))
        for event in found:
            yield event.result(context.log.warning) if isinstance(event, _Undrawn) else event

    def _selection(self, context: dg.AssetExecutionContext) -> Selection:
        selected = [node for node in self.graph.stage(self.name) if _key(node) in context.selected_asset_keys]
        earlier = ("raw",) if self.name == FIRST else ("raw", FIRST)
        return Selection(self.name, selected, held_back(self.settings, self.graph, earlier))

    def _held_back(
        self, context: dg.AssetExecutionContext, selection: Selection
    ) -> Iterator[dg.AssetCheckResult | dg.AssetObservation]:
        """Tells of it in the graph: by the relation's gate, or without one, beside its last materialization."""
        for node in selection.nodes:
            if causes := selection.held.get(node.name):
                said = f"{node.name} is held back by {', '.join(causes)}"
                context.log.warning(said)
                if suite := self._suites().get(node):
                    yield held_back_result(_key(node), suite, causes)
                else:
                    yield dg.AssetObservation(_key(node), description=said, metadata={"held_back_by": causes})
        for name, parents in self.graph.reading_last_good(selection.held).items():
            context.log.warning(f"{name} reads {', '.join(parents)} as it was before")

    def _build_and_judge(self, context: dg.AssetExecutionContext, selection: Selection, holding: int) -> Iterator[Any]:
        work, results = self._build(context, selection, holding)
        made = [node for node in selection.nodes if _status(results, node.unique_id) == "success"]
        with connect(self.settings, str(self.settings.warehouse)) as con:
            clear_wanted(con)
            if self.name == FIRST or not work.leaves_deliveries:
                note_revisions_built(con, self.name)
            note_durations(con, {node.name: (work.is_whole(node), results[node.unique_id].seconds) for node in made})
            yield from self._outputs(con, selection.nodes, made, work, results)
            for unique_id, result in results.items():
                if spec := self.tests.get(self.graph.name_of(unique_id)):
                    yield _test_result(spec, result)
            yield from self._judge(context, con, made, work, results, selection.held)

    def _work(self, selection: Selection) -> Work:
        """What is to be built, tested and judged: all that is not as it was when that was done.

        What has been ingested since staging was built waits for the next staging, though another run, which was killed
        in its own, has begun with it.
        """
        home_dir(self.settings.home)
        with connect(self.settings, str(self.settings.warehouse)) as con:
            staged = None if self.name == FIRST else revisions_built(con, FIRST)
            refresh_raw(con, self.settings, self.feeds, among=staged)
            work = find_work(con, self.settings, self.graph, self.feeds, self._suites(), selection)
            check_disk(con, self.settings, [one.node for one in work.due.values() if one.is_whole])
            want(con, work.plan, work.are_tested_whole)
        return work

    def _build(
        self, context: dg.AssetExecutionContext, selection: Selection, holding: int
    ) -> tuple[Work, dict[str, dbt.NodeResult]]:
        """Build what is due, and what rests on other code only if rows changed; the work that was left, and results."""
        results: dict[str, dbt.NodeResult] = {}
        work = build_first(
            self.settings,
            self.graph,
            find=lambda: self._work(selection),
            build=lambda nodes: results.update(self._build_nodes(context, nodes, [], holding)),
        )
        if as_they_were := work.as_they_were:
            context.log.info(f"{as_they_were} relations are as they were")
        due = [one.node for one in work.due.values()]
        return work, results | self._build_nodes(context, due, work.tests, holding)

    def _build_nodes(
        self, context: dg.AssetExecutionContext, nodes: Sequence[Node], tests: Sequence[str], holding: int
    ) -> dict[str, dbt.NodeResult]:
        if not nodes and not tests:
            return {}
        results = dbt.build(
            self.settings,
            select=[*(node.name for node in nodes), *self.graph.pipeline_of(nodes)],
            tests=[self.graph.name_of(test) for test in tests],
            keep_open=[holding],
            on_node=_progress(nodes, context.log.info),
        )
        return {result.unique_id: result for result in results}

    def _outputs(
        self,
        con: duckdb.DuckDBPyConnection,
        selected: Sequence[Node],
        made: list[Node],
        work: Work,
        results: Mapping[str, dbt.NodeResult],
    ) -> Iterator[_Undrawn | dg.Output[None]]:
        columns = _columns(con) if made else {}
        code = {node.name: work.plan.nodes[node.name].now.code for node in made}
        lineage = column_lineage(self.settings, made, self.graph.manifest, code, columns)
        for node in selected:
            if node not in made:
                yield not_made(_key(node).to_python_identifier())
                continue
            (rows,) = con.execute(f"select count(*) from {node.relation}").fetchall()[0]
            yield _Undrawn(
                _key(node),
                {
                    "dagster/row_count": rows,
                    "dagster/column_schema": columns[node.relation],
                    "dagster/relation_identifier": node.relation,
                    "dagster/column_lineage": as_metadata(lineage.get(node.unique_id, {})),
                    "seconds": round(results[node.unique_id].seconds, 2),
                    **_traced_by(node),
                },
                self.read_picture(con, node.relation),
            )

    def _judge(
        self,
        context: dg.AssetExecutionContext,
        con: duckdb.DuckDBPyConnection,
        made: list[Node],
        work: Work,
        results: Mapping[str, dbt.NodeResult],
        held: Mapping[str, list[str]],
    ) -> Iterator[dg.AssetCheckResult]:
        """A relation's verdict rests on its dbt tests and its suite, and stands for as long as what these look at."""
        suites = self._suites()
        run = partial(dbt.do, self.settings)
        check = engine_of(self.settings).gates(con, self.graph.manifest, run, context.log.info)
        absent, older = self._not_of_this_run(con, held)
        for node in self.graph.stage(self.name):
            failed = [
                _failed_test(self.name, node, result)
                for result in results.values()
                if result.status == "fail" and self.graph.tested_by(result.unique_id) == node.name
            ]
            asked = work.to_judge.get(node.name)
            inputs, touched = (asked.inputs, asked.touched) if asked else (None, None)
            is_judged = node in made or (asked is not None and node.name not in work.due)
            if not is_judged and not failed:
                continue
            nothing = Suite(self.name, node.name, ())
            suite = suites.get(node, nothing) if is_judged else nothing
            judgement = judge(
                context,
                self.settings,
                _key(node),
                suite,
                partial(_check, check, suite, node.relation, absent, older, touched),
                beside=failed,
                inputs=inputs,
            )
            if suite.expectations:
                yield judgement.check
        for node, suite in suites.items():
            if verdict := work.standing.get(node.name):
                yield standing_result(_key(node), suite, verdict.judged_at, verdict.run_id)

    def _not_of_this_run(
        self, con: duckdb.DuckDBPyConnection, held: Mapping[str, list[str]]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Relations that are held back, each in words: those that do not exist yet, and those that are as before."""
        existing = _columns(con)
        absent: dict[str, str] = {}
        older: dict[str, str] = {}
        for node in self.graph.nodes.values():
            if node.name in held:
                said = f"{node.relation}, which is held back by {', '.join(held[node.name])}"
                if node.relation in existing:
                    older[node.relation] = f"{said} and is as it was before"
                else:
                    absent[node.relation] = f"{said} and was never built"
        return absent, older

    def _suites(self) -> dict[Node, Suite]:
        loaded = {
            node: load_suite(self.name, node.name, site=self.settings.site) for node in self.graph.stage(self.name)
        }
        return {node: suite for node, suite in loaded.items() if suite.expectations}


def _check(
    check: Check,
    suite: Suite,
    relation: str,
    absent: Mapping[str, str],
    older: Mapping[str, str],
    touched: Touched | None,
) -> list[Outcome]:
    """The suite's outcomes. A comparison with an absent relation cannot be judged, and says why it is absent.

    One that fails against a relation that is held back says so: the two are not of the same deliveries.
    """
    if missing := [why for name, why in absent.items() if suite.names(name)]:
        return [not_judged(suite, f"is compared with {' and '.join(missing)}")]
    outcomes = check(suite, relation, touched)
    compared = {one.id: [why for name, why in older.items() if one.names(name)] for one in suite.expectations}
    return [
        replace(one, why=f"{one.why} It is compared with {' and '.join(compared[one.expectation_id])}.")
        if not one.passed and compared.get(one.expectation_id)
        else one
        for one in outcomes
    ]


def _progress(nodes: Collection[Node], say: Callable[[str], None]) -> Callable[[str, str], None]:
    """Says how many of the nodes are built; the tests that dbt runs between them are not counted."""
    names, place = {node.name for node in nodes}, count(1)

    def on_node(name: str, status: str) -> None:
        if name in names:
            say(f"{next(place)} of {len(names)}: {name} {status}")

    return on_node


def _key(node: Node) -> dg.AssetKey:
    return dg.AssetKey([node.schema, node.name])


def _status(results: Mapping[str, dbt.NodeResult], unique_id: str) -> str | None:
    return results[unique_id].status if unique_id in results else None


def _columns(con: duckdb.DuckDBPyConnection) -> dict[str, dg.TableSchema]:
    found: dict[str, list[dg.TableColumn]] = {}
    rows = con.execute(
        "select schema_name || '.' || table_name, column_name, data_type, comment from duckdb_columns() "
        "where not internal order by schema_name, table_name, column_index"
    )
    for relation, name, type_, comment in rows.fetchall():
        found.setdefault(relation, []).append(dg.TableColumn(name, type_, comment))
    return {relation: dg.TableSchema(columns) for relation, columns in found.items()}


def _test_result(spec: dg.AssetCheckSpec, result: dbt.NodeResult) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=spec.asset_key,
        check_name=spec.name,
        passed=result.status in ("pass", "warn"),
        metadata={"failing_rows": result.failures or 0, "seconds": round(result.seconds, 2)},
    )


def _failed_test(stage: str, node: Node, result: dbt.NodeResult) -> Outcome:
    return Outcome(
        stage=stage, relation=node.name, partition=None, expectation_id=result.unique_id.split(".")[-2],
        expectation_type=DBT_TEST, severity="critical", passed=False, observed=f"{result.failures} rows",
        expected="no row", evaluated=0, failed=result.failures, why="A dbt test of the model failed.",
        failing_rows_sql=result.compiled_sql,
    )  # fmt: skip


def _traced_by(node: Node) -> dict[str, dg.MetadataValue[str]]:
    """Of a mart, the command that says where each of its numbers comes from."""
    if "stage_marts" not in node.tags or node.schema == "intermediate" or not node.key:
        return {}
    where = " and ".join(f"{name} = '…'" for name in node.key)
    return {"trace": dg.MetadataValue.md(f'`ringfence trace "{node.relation}.COLUMN where {where}"`')}
