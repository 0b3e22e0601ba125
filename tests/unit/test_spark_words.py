"""Suites' queries in Spark's words: what the two engines would read otherwise without a word is said out loud."""

from __future__ import annotations

import pytest

from orchestration.warehouse.spark_words import NotSparksError, in_sparks_words


@pytest.mark.parametrize(
    ("on_duckdb", "on_spark"),
    [
        ("select lag(n) over (order by d) from t", "SELECT LAG(n) OVER (ORDER BY d NULLS LAST) FROM t"),
        ('select * from fraud."case" as c', "SELECT * FROM fraud.`case` AS c"),
        ("select date_diff('day', a, b) from t", "SELECT DATEDIFF(DAY, a, b) FROM t"),
        (
            "select * from t qualify row_number() over (order by d desc) = 1",
            "SELECT * EXCEPT (_w) FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY d DESC) AS _w FROM t) AS _t WHERE _w = 1",
        ),
    ],
    ids=["nulls come last", "names", "days", "ranks are not shown"],
)
def test_a_query_says_the_same(on_duckdb: str, on_spark: str) -> None:
    assert in_sparks_words(on_duckdb) == on_spark


def test_a_query_that_nobody_can_read_is_refused() -> None:
    with pytest.raises(NotSparksError, match="Expected"):
        in_sparks_words("select from where (")
