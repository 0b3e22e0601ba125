"""Small groups by hand: who is merged with whom, what stays exact, and what cannot be had by subtraction."""

from __future__ import annotations

import duckdb
import pytest

from orchestration.base.sql import columns_of
from orchestration.serving.small_groups import without_small_groups
from orchestration.warehouse.nodes import Figures, Node, SmallGroups

KEY = ("incident_id", "plan_code", "tenure_band")
LOST = """
    create table lost as select * from (values
        ('WAIVER', 'A', '0-1', 9, 900, 8, 80), ('WAIVER', 'A', '1-2', 2, 200, 1, 10),
        ('WAIVER', 'A', '2-4', 4, 400, 4, 40), ('WAIVER', 'B', '0-1', 1, 100, 1, 10),
        ('WAIVER', 'B', '1-2', 7, 700, 6, 60), ('WAIVER', 'C', '0-1', 5, 500, 2, 20),
        ('BREACH', 'A', '0-1', 2, 200, 0, 0), ('BREACH', 'B', '0-1', 0, 0, 0, 0)
    ) as rows (incident_id, plan_code, tenure_band, departures, amount, invoiced, invoiced_amount)
"""
DEPARTURES = Figures(("departures",))
INVOICED = Figures(("invoiced", "departures - invoiced"), ("invoiced", "invoiced_amount"))


def published(
    rule: SmallGroups, threshold: int = 5, rows: str = LOST, key: tuple[str, ...] = KEY
) -> list[tuple[object, ...]]:
    node = Node("model.lost", "lost", "churn", "model", frozenset({"open"}), "", key=key, small_groups=rule)
    with duckdb.connect() as con:
        con.execute(rows)
        return con.execute(without_small_groups(node, "lost", columns_of(con, "lost"), threshold)).fetchall()


def test_small_groups_lose_the_finest_column_first_and_sums_stay_exact() -> None:
    rows = published(SmallGroups((DEPARTURES, INVOICED), by=("plan_code", "tenure_band")))
    assert [row[:5] for row in rows if row[3] is not None] == [
        ("WAIVER", "A", "0-1", 9, 900),
        ("WAIVER", "A", None, 6, 600),  # two and four, of one plan
        ("WAIVER", "B", "1-2", 7, 700),
        ("WAIVER", None, None, 6, 600),  # one of plan B, and whom it takes to hide him: the smallest group beside him
    ]


def test_each_set_of_figures_has_groups_of_its_own_and_what_a_difference_would_tell_is_small_too() -> None:
    rows = published(SmallGroups((DEPARTURES, INVOICED), by=("plan_code", "tenure_band")))
    assert [(*row[:3], *row[5:7]) for row in rows if row[5] is not None] == [
        # eight of nine were invoiced: the ninth would stand in the difference, and there are but six such in all
        ("WAIVER", None, None, 22, 220),
    ]
    assert all(row[-1] for row in rows)


def test_a_total_of_too_few_is_not_published_nor_what_would_tell_it() -> None:
    days = """
        create table lost as select * from (values
            (date '2026-01-01', 'A', 9, 90), (date '2026-01-01', 'B', 7, 70), (date '2026-01-02', 'A', 1, 10),
            (date '2026-01-02', 'B', 2, 20), (date '2026-01-03', 'A', 6, 60), (date '2026-02-01', 'B', 5, 50)
        ) as rows (date_day, kind, departures, amount)
    """
    rows = published(
        SmallGroups((DEPARTURES,), ("kind",), ("date_trunc('month', date_day)",)), rows=days, key=("date_day", "kind")
    )
    assert [(str(row[0]), *row[1:]) for row in rows] == [
        ("2026-01-01", "A", 9, 90, False),  # the 2nd is too small, and the 3rd is all that January has beside it
        ("2026-01-01", "B", 7, 70, False),
        ("2026-02-01", "B", 5, 50, False),
    ]


def test_what_is_told_day_by_day_moves_when_it_moves_for_enough_persons() -> None:
    known = """
        create table lost as select * from (values
            (date '2026-01-01', 3, 30), (date '2026-01-02', 6, 60), (date '2026-01-03', 6, 65),
            (date '2026-01-04', 10, 99), (date '2026-01-05', 11, 110), (date '2026-01-06', 5, 50)
        ) as rows (known_on, victims, amount)
    """
    rule = SmallGroups((Figures(("victims",)),), along="known_on")
    rows = published(rule, rows=known, key=("known_on",))
    assert [row[1:] for row in rows] == [
        (0, 0, False), (6, 60, False), (6, 60, False), (6, 60, False), (11, 110, False), (5, 50, False),
    ]  # fmt: skip


def test_where_another_mart_has_the_total_the_last_day_is_exact_and_no_step_leaves_few_to_it() -> None:
    known = """
        create table lost as select * from (values
            (date '2026-01-01', 6, 60), (date '2026-01-02', 12, 120), (date '2026-01-03', 14, 140),
            (date '2026-01-04', 15, 150), (date '2026-01-05', 15, 150)
        ) as rows (known_on, victims, amount)
    """
    rule = SmallGroups((Figures(("victims",)),), along="known_on", ends_at_total=True)
    rows = published(rule, rows=known, key=("known_on",))
    assert [row[1] for row in rows] == [6, 6, 6, 15, 15]  # from twelve or fourteen, too few would be left


def test_what_happened_on_days_is_told_on_the_day_that_makes_it_enough_with_the_shares_of_that_day() -> None:
    lives = """
        create table lost as select * from (values
            ('A', 0, 3, 0, 97.0), ('A', 1, 2, 0, 95.0), ('A', 2, 1, 6, 88.0), ('A', 3, 5, 0, 83.0), ('B', 0, 4, 0, 60.0)
        ) as rows (cohort, age, departed, ended, survival_pct)
    """
    shares = Figures(("departed", "ended"), flows=("departed", "ended"))
    rows = published(SmallGroups((shares,), along="age"), rows=lives, key=("cohort", "age"))
    assert [row[:5] for row in rows] == [
        ("A", 0, 0, 0, None), ("A", 1, 5, 0, 95.0), ("A", 2, 0, 0, 95.0), ("A", 3, 6, 6, 83.0), ("B", 0, 0, 0, None),
    ]  # fmt: skip


def test_figures_that_do_not_add_up_are_left_out() -> None:
    assert published(SmallGroups((DEPARTURES, INVOICED))) == [
        ("WAIVER", "A", "0-1", 9, 900, None, None, True),
        ("WAIVER", "B", "1-2", 7, 700, None, None, True),
        ("WAIVER", "C", "0-1", 5, 500, None, None, True),
    ]


@pytest.mark.parametrize("by", [KEY[1:], ()])
def test_a_threshold_of_one_suppresses_nobody(by: tuple[str, ...]) -> None:
    rows = published(SmallGroups((Figures(("departures",)),), by), threshold=1)
    assert sum(row[3] or 0 for row in rows) == 30  # type: ignore[misc]
    assert sum(row[3] is not None for row in rows) == 7
