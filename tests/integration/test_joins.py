"""How DuckDB plans the models' joins: none may take time with the square of a carrier's lines."""

from __future__ import annotations

import re

import duckdb

from tests.support.world import World

#: Of few rows on one side: an incident's cohorts by month.
FEW_ROWS = {"retention_cohort"}
OUTER_JOIN_BY_PAIRS = re.compile(
    r'"BLOCKWISE_NL_JOIN".*?"Join Type": "(?:LEFT|RIGHT|FULL)".*?"Condition": "([^"]*)"', re.DOTALL
)


def test_no_outer_join_looks_at_every_pair_of_rows_where_keys_are_equal(published_world: World) -> None:
    """A condition that mixes both sides, such as a difference of two dates, keeps DuckDB from hashing the join."""
    compiled = (published_world.settings.home / "dbt" / "compiled").rglob("models/**/*.sql")
    models = [path for path in compiled if path.parent.suffix != ".yml"]
    by_pairs = set()
    with duckdb.connect(str(published_world.settings.warehouse), read_only=True) as con:
        for path in models:
            ((_, plan),) = con.execute(f"explain (format json) {path.read_text('utf-8')}").fetchall()
            if any(re.search(r"\(\w+ = \w+\) AND", condition) for condition in OUTER_JOIN_BY_PAIRS.findall(plan)):
                by_pairs.add(path.stem)
    assert len(models) > 100
    assert by_pairs <= FEW_ROWS
