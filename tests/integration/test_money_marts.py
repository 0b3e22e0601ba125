"""What the money marts say of the sample world, held against what it is known to be."""

from __future__ import annotations

import duckdb
import pytest

from orchestration.base.sql import connect, literal
from tests.support.world import World


@pytest.fixture(scope="module")
def con(published_world: World) -> duckdb.DuckDBPyConnection:
    con = connect(published_world.settings)
    con.execute(f"attach {literal(str(published_world.settings.warehouse))} as warehouse (read_only)")
    con.execute("use warehouse")
    return con


def test_the_schedule_gives_every_fee_with_which_billing_ended_a_line(con: duckdb.DuckDBPyConnection) -> None:
    kinds = con.execute(
        "select contract_kind, count(*), count(*) filter (etf_by_schedule > 0), "
        "count(*) filter (etf_by_schedule is distinct from etf_last_stated) "
        "from intermediate.int_etf_due as due join core.dim_line as line "
        "on due.line_key = line.line_key and due.last_stated_at = line.valid_from and line.status = 'TERMINATED' "
        "where has_ended group by all"
    ).fetchall()
    assert {kind for kind, *_ in kinds} >= {"SUBSIDY", "SELECTIVE"}
    assert sum(count for _, count, _, _ in kinds) > 50
    assert all(due > 0 for kind, _, due, _ in kinds if kind != "NONE")
    assert [wrong for *_, wrong in kinds if wrong] == []


def test_a_fee_that_is_due_is_not_what_billing_stated_a_year_ago(con: duckdb.DuckDBPyConnection) -> None:
    due, stated, age, lines = con.execute(
        "select sum(etf_due_sum), sum(etf_last_stated_sum), "
        "sum(etf_last_stated_age_days_mean * lines) / sum(lines), sum(lines) from churn.revenue_at_risk"
    ).fetchall()[0]
    assert lines > 100
    assert age > 100
    assert due != stated


def test_a_panels_sums_are_scaled_where_it_is_known_how_many_there_are(con: duckdb.DuckDBPyConnection) -> None:
    """In these weeks the regulator has not counted; how many have left is always known."""
    rows = con.execute(
        "select relation, measure, covered_sum, units, units_covered, estimate, estimate_low, estimate_high "
        "from churn.incident_amount where incident_id = 'KT_WAIVER_2026'"
    ).fetchall()
    assert {relation for relation, *_ in rows} == {"revenue_lost", "revenue_at_risk", "waiver_refunds"}
    departures = con.execute(
        "select max(port_outs_cumulative) from churn.incident_headline where incident_id = 'KT_WAIVER_2026'"
    ).fetchall()[0][0]
    for relation, measure, covered_sum, units, units_covered, estimate, low, high in rows:
        if relation != "revenue_lost":
            assert (units, estimate, low, high) == (None, None, None, None)
            continue
        assert 0 < units_covered < units == departures
        assert covered_sum <= low <= estimate <= high
        if measure == "monthly_fee_sum":
            assert low < estimate < high
            assert 0.8 < (estimate / units) / (covered_sum / units_covered) < 1.25


def test_what_arrivals_bring_is_the_fee_of_the_lines_opened_for_their_numbers(con: duckdb.DuckDBPyConnection) -> None:
    """Counted anew from the deliveries: the first line that carries the number within a week of the booking."""
    expected = con.execute(
        """
        with ports as (
            select port_id, min(number_key) as number_key, min(donor_provider) as donor,
                min(requested_at) as requested_at,
                max_by(processed_on, dt) filter (where status = 'COMPLETED') as processed_on,
            from raw.portability_events where recipient_provider = 'KT' and donor_provider <> 'KT' group by port_id
        ),
        opened as (
            select ports.*, lines.monthly_fee,
                row_number() over (partition by port_id order by lines.changed_at, lines.line_key) as nth,
            from ports join raw.subscriptions as lines
                on ports.number_key = lines.number_key and lines.provider = 'KT' and lines.status <> 'TERMINATED'
                and lines.activated_on between ports.requested_at::date and ports.processed_on + 7
        )
        select processed_on, if(donor like '%MVNO', 'MVNO', donor) as other_group, count(*), sum(monthly_fee)::bigint
        from opened where nth = 1 group by all order by all
        """
    ).fetchall()
    found = con.execute(
        "select date_day, other_group, ports_with_line, monthly_fee_sum from churn.revenue_flow "
        "where direction = 'IN' and provider_group = 'KT' and ports_with_line > 0 order by all"
    ).fetchall()
    assert found == expected
    assert sum(lines for *_, lines, _ in found) > 10
