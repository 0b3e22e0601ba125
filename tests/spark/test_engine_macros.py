"""Where the two engines answer otherwise without a word, the macros of `macros/engine/` make them answer alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from orchestration.base.macros import call_macro, render_model

#: What may go wrong, and a query that would show it.
TRAPS = {
    "signed hashes": """
        select count(*)
        from (select cast(n as string) as number_key from (values (1), (2), (3), (4), (5), (6), (7), (8)) as t (n)) as r
        where {{ part_of('number_key', 3) }} in (0, 1, 2)
    """,
    "nulls in an order": """
        select {{ last_by('name', '(rank, name)') }}, {{ ordered_list('name', 'rank, name') }}
        from (values ('b', 2), ('a', 1), (null, 3), ('c', 2)) as t (name, rank)
    """,
    "nulls in a list": """
        select
            {{ items_in(sorted_values('n')) }},
            {{ item_at(sorted_values('n'), 1) }},
            {{ item_at(sorted_values('n'), 9) }}
        from (values (2), (null), (1)) as t (n)
    """,
    "a list of nothing": "select {{ sorted_values('n') }} is null from (values (1)) as t (n) where n > 1",
    "division of integers": "select cast(round(1000 * (7 / 2)) as bigint), cast(floor(7 / 2) as bigint)",
    "division of decimals": "select cast(round(1e9 * (100e0 * 1 / 3)) as bigint)",
    "an hour of the clock": """
        select n, {{ epoch_seconds(start_of_hour('instant')) }}
        from (
            select n, cast(said as timestamp with time zone) as instant
            from (values (1, '2025-11-02 05:30:00+00:00'), (2, '2025-11-02 06:59:59.5+00:00')) as t (n, said)
        ) as t
        order by n
    """,
    "seconds of microseconds": """
        select {{ seconds_between("timestamp '2026-01-01 00:00:00.999999'", "timestamp '2026-01-01 00:00:02'") }}
    """,
    "the day of an instant": """
        select {{ local_date("cast('2026-01-01 15:00:00+00:00' as timestamp with time zone)") }}
    """,
    "days between": "select {{ days_between(\"date '2025-12-31'\", \"date '2026-03-01'\") }}",
    "months between": "select {{ full_months_between(\"date '2025-12-31'\", \"date '2026-02-28'\") }}",
    "a month after its last day": "select cast({{ months_after(\"date '2026-01-31'\", 1) }} as date)",
    "a range that ends before it begins": """
        select count(*) from (values (1)) as t (n)
        cross join {{ days_from_to("date '2026-01-02'", "date '2026-01-01'", 'days') }}
    """,
    "the first day of the week": "select {{ weekday_name(\"date '2026-01-04'\") }}",
    "quotes and nulls in JSON": """
        select {{ json_text({'said': 'name', 'nothing': 'cast(null as string)'}) }}
        from (values ('she said "no"')) as t (name)
    """,
    "a member of JSON": "select {{ json_member('document', 'days') }} from (values ('{\"days\": 7}')) as t (document)",
    "a quantile between two values": "select {{ quantile('n', 0.5) }} from (values (1), (2), (3), (4)) as t (n)",
    "a share of text": "select cast(1e9 * {{ share_of('k', 'sample') }} as bigint) from (values ('K1')) as t (k)",
    "what was known last": """
        select n, {{ last_known('name') }} over (order by n rows between unbounded preceding and current row)
        from (values (1, 'a'), (2, null), (3, 'b')) as t (n, name) order by n
    """,
    "as many rows as columns": """
        with wide as (select 'x' as id, 1 as a, 2 as b)
        select * from ({{ column_values('wide', 'id', {'first': 'a', 'second': 'b'}) }}) as long order by name
    """,
}
_ZONE = "spark.sql.session.timeZone"
#: An instant is spelled otherwise on each; no model spells one (tests/unit/test_portable_sql.py).
_SPELLED = {"timestamp with time zone": "timestamp"}


@pytest.fixture(params=["Asia/Seoul", "America/New_York", "Asia/Kolkata"])
def zone(session: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    """The zone of the session, which is everybody's, for one test."""
    usual = session.conf.get(_ZONE)
    session.conf.set(_ZONE, request.param)
    yield request.param
    session.conf.set(_ZONE, usual)


@pytest.mark.parametrize("trap", TRAPS)
def test_both_engines_answer_alike(trap: str, zone: str, session: Any) -> None:
    with duckdb.connect() as con:
        con.execute(f"set timezone = '{zone}'")
        expected = con.execute(render_model(TRAPS[trap])).fetchall()
    query = render_model(TRAPS[trap], engine="spark")
    for ours, theirs in _SPELLED.items():
        query = query.replace(ours, theirs)
    assert [tuple(row) for row in session.sql(query).collect()] == expected


def test_an_empty_cell_and_a_quote_of_a_reference_table_come_as_they_are(session: Any) -> None:
    cells = ("it's", 'a \\ "b"', "None", None)
    row = session.sql(f"select {', '.join(call_macro('spark_cell', cell, 'string') for cell in cells)}").collect()
    assert [tuple(cells) for cells in row] == [cells]
