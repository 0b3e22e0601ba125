"""The work of a stage: nodes to build, tests to run, relations to judge, each because something is not as it was."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass

import duckdb

from orchestration.base.settings import Settings
from orchestration.contracts import Feed
from orchestration.gates import verdicts
from orchestration.gates.changed import Touched
from orchestration.gates.outcome import CAN_BE_JUDGED
from orchestration.gates.suites import Suite
from orchestration.warehouse import dbt
from orchestration.warehouse.due import Due, Plan, existing, plan, prepare, raw_versions
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.made_of import MadeOf, digest
from orchestration.warehouse.nodes import Node

#: What an outcome says that is one of dbt's tests.
DBT_TEST = "dbt_test"


@dataclass(frozen=True)
class Work:
    """What a stage has to do. `due` are nodes to build, by name; `tests` dbt's tests to run, by unique id.

    `inputs` are the relations to judge, each with what its verdict rests on: its rows, those that its tests and its
    suite compare them with, and these. `are_tested_whole` says of these whether their key tests have to look at all of
    their rows, because not all but the touched ones have passed them. `standing` are the verdicts of the other nodes,
    which would be the same if they were judged again. `touched` has the touched rows of the relations of which all
    others have passed what judges row by row. `as_they_were` counts the selected nodes that nothing has changed.
    `leaves_deliveries` says whether any wait for a node that is not selected, of this stage or another.
    """

    plan: Plan
    due: Mapping[str, Due]
    tests: Sequence[str]
    inputs: Mapping[str, str]
    are_tested_whole: Mapping[str, bool]
    standing: Mapping[str, verdicts.Verdict]
    touched: Mapping[str, Touched]
    as_they_were: int
    leaves_deliveries: bool

    def is_whole(self, node: Node) -> bool:
        """Whether a node is built anew, and not only where deliveries touch it."""
        return node.name not in self.due or self.due[node.name].is_whole


def find_work(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    graph: Graph,
    feeds: Mapping[str, Feed],
    stage: str,
    suites: Mapping[Node, Suite],
    selected: Sequence[Node],
    held: Collection[str],
) -> Work:
    """Hold the selected nodes of a stage, those aside that gates hold back, against what was built and judged."""
    made_of = MadeOf(settings, graph.manifest, dbt.environment(settings))
    prepare(con)
    raw = raw_versions(con)
    found = plan(con, graph, made_of, feeds, raw, held)
    chosen = {node.name for node in selected}
    leaves_deliveries = any(not one.is_of_other_code for name, one in found.due.items() if name not in chosen)
    if unbuilt := (_beneath(graph, chosen) & found.due.keys()) - chosen:
        # nobody has built these from the latest deliveries yet: what rests on them is made of them as they are
        found = plan(con, graph, made_of, feeds, raw, {*held, *unbuilt})
    free = [node for node in selected if node.name not in held]
    due = {node.name: found.due[node.name] for node in free if node.name in found.due}
    shown = {node.relation: found.shows[node.name] for node in graph.nodes.values()}
    shown |= {f"raw.{name}": version for name, version in raw.items()}
    latest = {verdict.relation: verdict for verdict in verdicts.latest(settings, stage)}
    inputs: dict[str, str] = {}
    are_tested_whole: dict[str, bool] = {}
    standing: dict[str, verdicts.Verdict] = {}
    touched: dict[str, Touched] = {}
    for node in free:
        suite = suites.get(node, Suite(stage, node.name, ()))
        rests_on = _rests_on(settings, graph, made_of, node, suite, found.rows[node.name], shown)
        verdict = latest.get(node.name)
        if node.name in due or verdict is None or verdict.failures or verdict.inputs != rests_on:
            inputs[node.name] = rests_on
            are_tested_whole[node.name] = verdict is None or not _tests_passed(verdict, rests_on, found, node)
            rows = graph.touched_rows(node)
            if rows and verdict and _rows_passed(verdict, suite, found, node):
                failed = frozenset(failure.expectation_id for failure in verdict.failures)
                touched[node.name] = Touched(rows, failed)
        else:
            standing[node.name] = verdict
    there = existing(con)
    can_be_read = {node.unique_id for node in graph.nodes.values() if node.relation in there and node.name not in held}
    can_be_read |= {one.node.unique_id for one in due.values()}
    tests = [
        test
        for node in free
        if node.name in inputs
        for test in graph.tests_of(node)
        if can_be_read.issuperset(parent.unique_id for parent in graph.parents_of_test(test))
    ]
    as_they_were = len(free) - len(due)
    return Work(found, due, tests, inputs, are_tested_whole, standing, touched, as_they_were, leaves_deliveries)


def _beneath(graph: Graph, names: Collection[str]) -> set[str]:
    """Names of what the nodes of these names are built on, directly or not."""
    found: set[str] = set()
    for node in reversed(graph.in_order()):
        if node.name in names or node.name in found:
            found |= {parent.name for parent in graph.made_from(node)[0]}
    return found


def _rests_on(
    settings: Settings, graph: Graph, made_of: MadeOf, node: Node, suite: Suite, rows: str, shown: Mapping[str, str]
) -> str:
    tests = graph.tests_of(node)
    compared = {node.relation} | {one.relation for test in tests for one in graph.parents_of_test(test)}
    compared |= {relation for relation in shown if suite.names(relation)}
    by_tests = digest(sorted(made_of.test(test) for test in tests))
    beside = digest(settings.time_zone, asdict(suite), sorted((relation, shown.get(relation)) for relation in compared))
    return f"{by_tests}.{rows}.{beside}"


def _tests_passed(verdict: verdicts.Verdict, rests_on: str, plan: Plan, node: Node) -> bool:
    """Whether all rows from which the touched keys tell the difference have passed the same dbt tests."""
    if any(failure.expectation_type == DBT_TEST for failure in verdict.failures):
        return False
    return _looked_at(verdict) == (rests_on.split(".", maxsplit=1)[0], plan.showed[node.name])


def _rows_passed(verdict: verdicts.Verdict, suite: Suite, plan: Plan, node: Node) -> bool:
    """Whether they have passed what the suite expected of each row; whether it still does, its gate knows."""
    row_by_row = {expectation.id for expectation in suite.expectations if expectation.row_by_row}
    if any(failure.expectation_id in row_by_row | {CAN_BE_JUDGED} for failure in verdict.failures):
        return False
    rows = rows_judged(verdict)
    return rows is not None and rows == plan.showed[node.name]


def rows_judged(verdict: verdicts.Verdict) -> str | None:
    """What stands for the rows of its relation that a verdict looked at; None if it does not say."""
    return _looked_at(verdict)[1]


def _looked_at(verdict: verdicts.Verdict) -> tuple[str, str | None]:
    """What a verdict's tests were, and the rows of its relation."""
    tests, rows, *_ = [*(verdict.inputs or "").split("."), None]
    return str(tests), rows
