"""Small groups by hand: who is merged with whom, and what stays exact."""

from __future__ import annotations

import duckdb
import pytest

from orchestration.base.sql import columns_of
from orchestration.serving.small_groups import without_small_groups
from orchestration.warehouse.graph import Node, SmallGroups

ROWS = """
    create table lost as select * from (values
        ('WAIVER', 'A', '0-1', 9, 900, 1.5), ('WAIVER', 'A', '1-2', 2, 200, 1.5), ('WAIVER', 'A', '2-4', 4, 400, 1.5),
        ('WAIVER', 'B', '0-1', 1, 100, 2.5), ('WAIVER', 'B', '1-2', 7, 700, 1.5),
        ('WAIVER', 'C', '0-1', 3, 300, 3.5), ('BREACH', 'A', '0-1', 2, 200, 1.5), ('BREACH', 'B', '0-1', 0, 0, 1.5)
    ) as rows (incident_id, plan_code, tenure_band, departures, amount, mean_years)
"""
KEY = ("incident_id", "plan_code", "tenure_band")


def published(rule: SmallGroups, threshold: int = 5) -> list[tuple[object, ...]]:
    node = Node("model.lost", "lost", "churn", "model", frozenset({"open"}), "", key=KEY, small_groups=rule)
    with duckdb.connect() as con:
        con.execute(ROWS)
        return con.execute(without_small_groups(node, "lost", columns_of(con, "lost"), threshold)).fetchall()


def test_small_groups_lose_the_finest_column_first_and_sums_stay_exact() -> None:
    assert published(SmallGroups(persons=("departures",), by=("plan_code", "tenure_band"))) == [
        ("BREACH", "B", "0-1", 0, 0, 1.5, False),  # nobody is no person
        ("BREACH", None, None, 2, 200, 1.5, True),  # all that is left of the incident: its total, which is exact anyway
        ("WAIVER", "A", "0-1", 9, 900, 1.5, False),
        ("WAIVER", "A", None, 6, 600, 1.5, True),  # two and four, of one plan
        ("WAIVER", "B", "1-2", 7, 700, 1.5, False),
        ("WAIVER", None, None, 4, 400, None, True),  # one and three; their means differ
    ]


def test_figures_that_do_not_add_up_are_left_empty() -> None:
    rows = published(SmallGroups(persons=("departures",)))
    assert ("WAIVER", "A", "1-2", None, None, None, True) in rows
    assert ("WAIVER", "A", "0-1", 9, 900, 1.5, False) in rows
    assert len(rows) == 8


@pytest.mark.parametrize("rule", [SmallGroups(("departures",), KEY[1:]), SmallGroups(("departures",))])
def test_a_threshold_of_one_suppresses_nothing(rule: SmallGroups) -> None:
    rows = published(rule, threshold=1)
    assert len(rows) == 8
    assert not any(row[-1] for row in rows)
