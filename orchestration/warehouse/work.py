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
from orchestration.warehouse.due import Due, Plan, plan
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.made_of import MadeOf, digest
from orchestration.warehouse.nodes import Node
from orchestration.warehouse.records import existing, prepare, raw_versions

#: What an outcome says that is one of dbt's tests.
DBT_TEST = "dbt_test"


@dataclass(frozen=True)
class Selection:
    """The nodes of a stage that a run asks for, and by name what gates hold back, each with what holds it."""

    stage: str
    nodes: Sequence[Node]
    held: Mapping[str, list[str]]

    @property
    def free(self) -> list[Node]:
        """What is asked for and not held back."""
        return [node for node in self.nodes if node.name not in self.held]


@dataclass(frozen=True)
class ToJudge:
    """A relation to judge; `inputs` say what its verdict rests on: tests, suite, and all rows that these look at.

    `is_tested_whole` says whether key tests have to look at all of its rows, because not all but the touched ones have
    passed them. `touched` are its touched rows, if all others have passed what judges row by row.
    """

    inputs: str
    is_tested_whole: bool
    touched: Touched | None


@dataclass(frozen=True)
class Work:
    """What a stage has to do. `due` are nodes to build, by name; `tests` dbt's tests to run, by unique id.

    `standing` are the verdicts of the nodes that are not `to_judge`, which would be the same if they were judged again.
    `as_they_were` counts the selected nodes that nothing has changed. `leaves_deliveries` says whether any wait for a
    node that is not selected, of this stage or another.
    """

    plan: Plan
    due: Mapping[str, Due]
    tests: Sequence[str]
    to_judge: Mapping[str, ToJudge]
    standing: Mapping[str, verdicts.Verdict]
    as_they_were: int
    leaves_deliveries: bool

    @property
    def are_tested_whole(self) -> dict[str, bool]:
        """What is to be judged, and whether its key tests look at all of its rows."""
        return {name: one.is_tested_whole for name, one in self.to_judge.items()}

    def is_whole(self, node: Node) -> bool:
        """Whether a node is built anew, and not only where deliveries touch it."""
        return node.name not in self.due or self.due[node.name].is_whole


def find_work(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    graph: Graph,
    feeds: Mapping[str, Feed],
    suites: Mapping[Node, Suite],
    selection: Selection,
) -> Work:
    """Hold what is selected, without what gates hold back, against what was built and judged."""
    made_of = MadeOf(settings, graph.manifest, dbt.environment(settings))
    prepare(con)
    raw = raw_versions(con)
    found = plan(con, graph, made_of, feeds, raw, selection.held)
    chosen = {node.name for node in selection.nodes}
    leaves_deliveries = any(not one.is_of_other_code for name, one in found.due.items() if name not in chosen)
    if unbuilt := (_beneath(graph, chosen) & found.due.keys()) - chosen:
        # nobody has built these from the latest deliveries yet: what rests on them is made of them as they are
        found = plan(con, graph, made_of, feeds, raw, {*selection.held, *unbuilt})
    due = {node.name: found.due[node.name] for node in selection.free if node.name in found.due}
    rows_seen = {node.relation: found.nodes[node.name].now.rows_seen for node in graph.nodes.values()}
    rows_seen |= {f"raw.{name}": version for name, version in raw.items()}
    latest = {verdict.relation: verdict for verdict in verdicts.latest(settings, selection.stage)}
    to_judge: dict[str, ToJudge] = {}
    standing: dict[str, verdicts.Verdict] = {}
    for node in selection.free:
        suite = suites.get(node, Suite(selection.stage, node.name, ()))
        one, verdict = found.nodes[node.name], latest.get(node.name)
        inputs = _rests_on(settings, graph, made_of, node, suite, one.now.rows, rows_seen)
        if verdict and verdict.inputs == inputs and not verdict.failures and node.name not in due:
            standing[node.name] = verdict
        else:
            to_judge[node.name] = _to_judge(inputs, suite, verdict, graph.touched_rows(node), one.touched_since)
    tests = _tests(con, graph, selection, due, to_judge)
    as_they_were = len(selection.free) - len(due)
    return Work(found, due, tests, to_judge, standing, as_they_were, leaves_deliveries)


def _to_judge(
    inputs: str, suite: Suite, verdict: verdicts.Verdict | None, touched_rows: str | None, touched_since: str | None
) -> ToJudge:
    if verdict is None:
        return ToJudge(inputs, is_tested_whole=True, touched=None)
    touched = None
    if touched_rows and _rows_passed(verdict, suite, touched_since):
        touched = Touched(touched_rows, frozenset(failure.expectation_id for failure in verdict.failures))
    return ToJudge(inputs, not _tests_passed(verdict, inputs, touched_since), touched)


def _tests(
    con: duckdb.DuckDBPyConnection,
    graph: Graph,
    selection: Selection,
    due: Mapping[str, Due],
    to_judge: Collection[str],
) -> list[str]:
    """dbt's tests of what is to be judged, where all that they look at can be read."""
    there = existing(con)
    can_be_read = {node for node in graph.nodes.values() if node.relation in there and node.name not in selection.held}
    can_be_read |= {one.node for one in due.values()}
    return [
        test
        for node in selection.free
        if node.name in to_judge
        for test in graph.tests_of(node)
        if can_be_read.issuperset(graph.parents_of_test(test))
    ]


def _beneath(graph: Graph, names: Collection[str]) -> set[str]:
    """Names of what the nodes of these names are built on, directly or not."""
    found: set[str] = set()
    for node in reversed(graph.in_order()):
        if node.name in names or node.name in found:
            found |= {parent.name for parent in graph.made_from(node)[0]}
    return found


def _rests_on(
    settings: Settings, graph: Graph, made_of: MadeOf, node: Node, suite: Suite, rows: str, rows_seen: Mapping[str, str]
) -> str:
    tests = graph.tests_of(node)
    compared = {node.relation} | {one.relation for test in tests for one in graph.parents_of_test(test)}
    compared |= {relation for relation in rows_seen if suite.names(relation)}
    by_tests = digest(sorted(made_of.test(test) for test in tests))
    rows_compared = sorted((relation, rows_seen.get(relation)) for relation in compared)
    return f"{by_tests}.{rows}.{digest(settings.time_zone, asdict(suite), rows_compared)}"


def _tests_passed(verdict: verdicts.Verdict, inputs: str, touched_since: str | None) -> bool:
    """Whether all rows from which the touched keys tell the difference have passed the same dbt tests."""
    if any(failure.expectation_type == DBT_TEST for failure in verdict.failures):
        return False
    return _looked_at(verdict) == (inputs.split(".", maxsplit=1)[0], touched_since)


def _rows_passed(verdict: verdicts.Verdict, suite: Suite, touched_since: str | None) -> bool:
    """Whether they have passed what the suite expected of each row; whether it still does, its gate knows."""
    row_by_row = {expectation.id for expectation in suite.expectations if expectation.row_by_row}
    if any(failure.expectation_id in row_by_row | {CAN_BE_JUDGED} for failure in verdict.failures):
        return False
    rows = rows_judged(verdict)
    return rows is not None and rows == touched_since


def rows_judged(verdict: verdicts.Verdict) -> str | None:
    """What stands for the rows of its relation that a verdict looked at; None if it does not say."""
    return _looked_at(verdict)[1]


def _looked_at(verdict: verdicts.Verdict) -> tuple[str, str | None]:
    """What a verdict's tests were, and the rows of its relation."""
    tests, rows, *_ = [*(verdict.inputs or "").split("."), None]
    return str(tests), rows
