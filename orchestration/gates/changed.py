"""What a gate need not judge again: partitions that are, row for row, as they were when they passed.

What is stored is a fact: rows with this checksum passed this suite. So nothing goes wrong with a run that was killed or
repeated, a warehouse that was built anew or restored: another seal or another suite is judged, and the same is not. A
partition in which anything failed, a mere warning included, is not remembered and judged in every run until it passes.

Where all rows are known to have passed but those that the run has touched, nobody has to read the others to tell: the
partitions of the touched rows are judged. Their old seals stay, and are those of other rows. An expectation that takes
the rows of a number or a line together is held against those of the touched ones; if any fails there, against all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import duckdb

from orchestration.base.machine import is_machines
from orchestration.base.settings import Settings, private_dir
from orchestration.base.sql import first_line, identifier
from orchestration.gates.gate import check_relation, not_judged
from orchestration.gates.outcome import Outcome
from orchestration.gates.suites import Suite
from orchestration.gates.verdicts import write_json

_Seals = Mapping[str | None, str]


@dataclass(frozen=True)
class Touched:
    """The rows that a run has touched, by a condition, where the others are as they were when they were last judged.

    `failed` are the expectations, by id, that did not hold then.
    """

    condition: str
    failed: frozenset[str] = frozenset()


def check_changed(
    con: duckdb.DuckDBPyConnection, settings: Settings, suite: Suite, relation: str, touched: Touched | None = None
) -> list[Outcome]:
    """Judge a relation like `check_relation`, by its rows only where they are not as they were when they passed.

    `touched` is given where all other rows have passed row by row when the suite was last judged.
    """
    row_by_row = {expectation.id for expectation in suite.expectations if expectation.row_by_row}
    if suite.partition_by is None or not row_by_row:
        return check_relation(con, suite, relation=relation)
    passed = _passed(settings, suite)
    if passed is None:  # nothing is known of the others by this suite
        touched = None
    seals: _Seals | None = None
    try:
        if touched:
            due, partitions = _touched(con, relation, suite.partition_by, touched.condition)
        else:
            seals = _seals(con, relation, suite.partition_by)
            due = [partition for partition, seal in seals.items() if (passed or {}).get(partition) != seal]
            partitions = len(seals)
    except duckdb.Error as error:
        if is_machines(error):
            raise
        return [not_judged(suite, first_line(error))]
    passing = _passing_where_touched(con, suite, relation, touched) if touched else {}
    others = replace(suite, expectations=tuple(one for one in suite.expectations if one.id not in passing))
    outcomes = check_relation(con, others, relation=relation, partitions=due if len(due) < partitions else None)
    judged = [outcome for outcome in outcomes if outcome.expectation_id in row_by_row]
    if judged and seals is not None:  # else the gate could not, and what it knew is still true
        failed = {outcome.partition for outcome in judged if not outcome.passed}
        if None in failed:  # rows that no partition can be blamed for
            failed.update(due)
        _remember(settings, suite, {name: seal for name, seal in seals.items() if name not in failed})
    scope = f" in {len(due):,} of {partitions:,} partitions; the others are as they passed"
    return [*passing.values()] + [
        replace(outcome, observed=outcome.observed + scope)
        if outcome.passed and outcome.expectation_id in row_by_row and len(due) < partitions
        else outcome
        for outcome in outcomes
    ]


def _passing_where_touched(
    con: duckdb.DuckDBPyConnection, suite: Suite, relation: str, touched: Touched
) -> dict[str, Outcome]:
    """Of those that take rows together and held before, the expectations that hold for all rows beside touched ones."""
    found: dict[str, Outcome] = {}
    may = [one for one in suite.expectations if one.per and one.id not in touched.failed]
    for column in sorted({str(one.per) for one in may}):
        by = identifier(column)
        rows = f"{by} is null or {by} in (select {by} from {relation} where {touched.condition})"
        these = replace(suite, expectations=tuple(one for one in may if one.per == column))
        for outcome in check_relation(con, these, relation=f"select * from {relation} where {rows}"):
            if outcome.passed:
                seen = f"{outcome.observed} whose {column} has changed; the others are as they passed"
                found[outcome.expectation_id] = replace(outcome, observed=seen)
    return found


def _touched(
    con: duckdb.DuckDBPyConnection, relation: str, partition_by: str, touched: str
) -> tuple[list[str | None], int]:
    """The partitions that have touched rows, and how many there are."""
    column = identifier(partition_by)
    rows = con.execute(
        f"select cast({column} as varchar), bool_or({touched}) from {relation} group by all order by all"
    ).fetchall()
    return [partition for partition, is_touched in rows if is_touched], len(rows)


def _seals(con: duckdb.DuckDBPyConnection, relation: str, partition_by: str) -> _Seals:
    """Of each partition, what changes with any of its rows; whatever their order."""
    rows = con.execute(
        f"select cast({identifier(partition_by)} as varchar), count(*) || ':' || sum(hash(judged)) "
        f"from {relation} as judged group by all order by all"
    ).fetchall()
    return dict(rows)


def _path(settings: Settings, suite: Suite) -> Path:
    return private_dir(settings.gates_dir / "passed") / f"{suite.name}.json"


def _passed(settings: Settings, suite: Suite) -> _Seals | None:
    """The seals under which partitions have passed this very suite; None if it has never been judged."""
    path = _path(settings, suite)
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return known["seals"] if known.get("judged_by") == _judged_by(settings, suite) else None


def _remember(settings: Settings, suite: Suite, seals: _Seals) -> None:
    """Rows without a partition are judged in every run."""
    named = {partition: seal for partition, seal in seals.items() if partition is not None}
    write_json(_path(settings, suite), {"judged_by": _judged_by(settings, suite), "seals": named})


def _judged_by(settings: Settings, suite: Suite) -> str:
    """What a verdict depends on beside the rows; the time zone, because it tells the day of an instant."""
    return hashlib.sha256(json.dumps([settings.time_zone, asdict(suite)], sort_keys=True).encode()).hexdigest()
