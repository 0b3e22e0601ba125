"""Lines and ports of the sample world: what leaves, what the regulator counts and what billing knows are one world."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import duckdb
import numpy as np
import pytest

from orchestration.simulator.scenario import SCENARIOS, Scenario
from orchestration.simulator.world import _build_world

FLOWS = SCENARIOS / "kt_2025" / "ordinary_flows.csv"


@pytest.fixture(scope="module")
def world() -> Iterator[duckdb.DuckDBPyConnection]:
    """The world behind the files of November to February, unwritten."""
    with duckdb.connect() as connection:
        _build_world(
            connection, Scenario.load("kt_2025"), lambda _stage, _done, _total: None, 20260103, 0.002, 1.0,
            date(2025, 11, 1), date(2026, 2, 28), date(2025, 8, 1),
        )  # fmt: skip
        yield connection


def test_the_regulators_handsets_change_by_what_came_and_went(world: duckdb.DuckDBPyConnection) -> None:
    told = world.sql(
        "select month, lines - lag(lines) over (order by month) as change from provider_line_counts_event"
        " where provider = 'KT' and line_type = 'HANDSET' qualify change is not null order by month"
    ).fetchall()
    moved = world.sql(
        "with moves as (select processed_on as day, if(direction = 'IN', 1, -1) as change from booking"
        " union all select withdrawn_at::date, if(direction = 'IN', -1, 1) from booking where withdrawn_at is not null"
        " union all select day, -1 from ending_slot where line_type = 'HANDSET'"
        " union all select day, 1 from (select *, unnest(range(lines)) as i from line_flow_plan where flow = 'NEW')"
        " where kind_of_line(14000000 + first_line + i) = 'HANDSET')"
        " select date_trunc('month', day)::date as month, sum(change)::bigint from moves"
        " where month between '2025-09-01' and '2026-02-01' group by 1 order by 1"
    ).fetchall()
    assert [row for row in told if row[0] > date(2025, 8, 1)] == moved
    assert world.sql(
        "select lines from provider_line_counts_event where provider = 'KT' and line_type = 'HANDSET'"
        " and month = '2025-12-01'"
    ).fetchall() == [(13_643_128,)]


def test_every_line_that_billing_ends_by_a_port_is_a_port_of_that_number_and_day(
    world: duckdb.DuckDBPyConnection,
) -> None:
    [[lines, without, elsewhen]] = world.sql(
        "select count(*), count(*) filter (b.k is null), count(*) filter (b.processed_on <> l.closed_at::date)"
        " from panel_line as l left join booking as b"
        " on b.direction = 'OUT' and b.line_idx = l.line_idx and b.number_idx = l.number_idx"
        " where l.closed_reason = 'PORT_OUT'"
    ).fetchall()
    assert (without, elsewhen) == (0, 0)
    assert lines > 1000


def test_the_months_are_as_published_or_assumed(world: duckdb.DuckDBPyConnection) -> None:
    differing = world.sql(
        "select month, direction, group_name, ports, booked"
        f" from read_csv('{FLOWS}', header = true) left join (select strftime(processed_on, '%Y-%m') as month,"
        " direction, group_name, count(*) as booked from booking"
        " group by all) using (month, direction, group_name)"
        " where month in ('2025-08', '2025-09', '2025-10', '2025-11', '2026-02') and booked is distinct from ports"
    ).fetchall()
    assert differing == []


def test_nobody_is_ported_within_the_freeze_unless_the_port_before_was_withdrawn(
    world: duckdb.DuckDBPyConnection,
) -> None:
    [[again, least, forbidden, twice, round_trips]] = world.sql(
        "select count(*), min(rest) filter (not was_withdrawn and not is_round_trip), count(*) filter (rest < 0),"
        " count(*) filter (was_withdrawn and rest = 0), count(*) filter (is_round_trip and not was_withdrawn)"
        " from (select processed_on - lag(processed_on) over mine as rest,"
        " lag(withdrawn_at) over mine is not null as was_withdrawn,"
        " direction = 'IN' and processed_on > '2026-01-13'"
        " and lag(processed_on) over mine between '2025-12-31' and '2026-01-13' as is_round_trip"
        " from booking window mine as (partition by number_idx order by processed_on, requested_at)"
        " qualify rest is not null)"
    ).fetchall()
    assert least >= 93
    assert forbidden == 0
    assert min(again, twice) > 100
    assert 300 < round_trips < 3000, "the freeze was lifted for some that had left under the waiver"


def test_some_numbers_go_to_and_fro(world: duckdb.DuckDBPyConnection) -> None:
    [[numbers]] = world.sql(
        "select count(*) from (select number_idx from booking where withdrawn_at is null group by 1"
        " having count(*) > 2)"
    ).fetchall()
    assert numbers > 20


def test_whoever_comes_back_after_the_waiver_had_paid_a_fee_and_asked_for_it(world: duckdb.DuckDBPyConnection) -> None:
    [[returned, asked]] = world.sql(
        "select count(*), count(*) filter (f.has_asked) from booking as b join fee as f on f.number_idx = b.number_idx"
        " where b.direction = 'IN' and b.processed_on > '2026-01-13'"
        " and f.closed_at between '2025-12-31' and '2026-01-14' and f.back_at is null"
    ).fetchall()
    assert returned >= asked > 0


def test_some_change_the_card_in_the_days_before_they_leave(world: duckdb.DuckDBPyConnection) -> None:
    [[changed, left]] = world.sql(
        "select count(distinct b.number_idx), (select count(*) from booking join panel_line using (line_idx)"
        " where direction = 'OUT' and processed_on between '2025-11-10' and '2026-02-28')"
        " from sim_changes_event as s join booking as b on subscriber_number(b.number_idx) = s.subscriber"
        " and b.direction = 'OUT' and s.changed_at between b.requested_at - interval 3 day and b.requested_at"
        " where b.processed_on between '2025-11-10' and '2026-02-28'"
    ).fetchall()
    assert 0.02 < changed / left < 0.06


def test_lines_are_sold_through_channels_and_a_few_dealers_sell_much(world: duckdb.DuckDBPyConnection) -> None:
    shares = dict(
        world.sql(
            "select sales_channel, count(*) / sum(count(*)) over () from portability_events_event"
            " where status = 'COMPLETED' and recipient_provider = 'KT' group by 1"
        ).fetchall()
    )
    assert set(shares) == {"DEALER", "ONLINE", "CALL_CENTRE", "RETAIL"}
    assert 0.55 < shares["DEALER"] < 0.7
    [[without, largest, dealers]] = world.sql(
        "with d as (select dealer_code, sales_channel, count(*) as n from portability_events_event"
        " where status = 'COMPLETED' group by all) select count(*) filter (dealer_code is null and sales_channel in"
        " ('DEALER', 'RETAIL') or dealer_code is not null and sales_channel in ('ONLINE', 'CALL_CENTRE')),"
        " max(n) filter (dealer_code is not null) / sum(n), count(dealer_code) from d"
    ).fetchall()
    assert without == 0
    assert largest > 0.005
    assert dealers > 2000
    [[differing, compared]] = world.sql(
        "select count(*) filter (p.dealer_code is distinct from s.dealer_code), count(*)"
        " from subscriptions_event as s join portability_events_event as p using (subscriber)"
        " where p.recipient_provider = 'KT' and p.status = 'COMPLETED'"
        " and s.changed_at = p.status_at + interval 10 minute"
    ).fetchall()
    assert (differing, compared > 50) == (0, True), "billing and the clearing house name the same dealer"


def test_the_retention_desk_keeps_as_many_as_its_offers_say_and_a_line_keeps_its_arm(
    world: duckdb.DuckDBPyConnection,
) -> None:
    """The true effect lies within four standard errors of the ratio of what left of both arms."""
    [[planted]] = world.sql("select sum(saved_pct * weight) / sum(weight) / 100 from retention_offers").fetchall()
    (called, left_called), (held_out, left_held_out) = world.sql(
        "select count(*), count(*) filter (b.k is not null) from retention_contact as c left join booking as b"
        " on b.direction = 'OUT' and b.line_idx = c.line_idx and b.processed_on - c.day between 0 and 29"
        " group by arm order by arm"
    ).fetchall()
    assert 0.08 < held_out / called < 0.15
    error = np.sqrt(1 / left_called - 1 / called + 1 / left_held_out - 1 / held_out)
    ratio = (left_called / called) / (left_held_out / held_out)
    assert abs(np.log(ratio / (1 - planted))) < 4 * error < 1.5
    [[lines, both]] = world.sql(
        "select count(*), count(*) filter (arms > 1) from"
        " (select line_idx, count(distinct arm) as arms from retention_contact group by 1)"
    ).fetchall()
    assert both < 0.005 * lines


def test_days_have_a_weekday_a_memory_and_more_spread_than_chance(world: duckdb.DuckDBPyConnection) -> None:
    days = world.sql(
        "select processed_on, isodow(processed_on), count(*) from booking where direction = 'OUT'"
        " and processed_on between '2025-08-16' and '2025-12-29'"
        " and processed_on not in (select day from holidays) and processed_on - 1 not in (select day from holidays)"
        " group by all order by 1"
    ).fetchall()
    by_weekday = {weekday: np.mean([n for _, w, n in days if w == weekday]) for weekday in range(1, 7)}
    assert 1.1 < by_weekday[1] / by_weekday[2] < 1.5, "Monday books two days"
    assert 0.9 < by_weekday[6] / by_weekday[2] < 1.2
    level = np.array([n / by_weekday[w] for _, w, n in days])
    assert np.corrcoef(level[1:], level[:-1])[0, 1] > 0.3
    counts = np.array([n for *_, n in days])
    assert np.var(level) * np.mean(counts) > 5, "a Poisson series would have 1"


def test_a_choking_clearing_house_rejects_more_and_takes_longer(world: duckdb.DuckDBPyConnection) -> None:
    rows = world.sql(
        "select requested_at::date in ('2026-01-05', '2026-01-06') as choked, avg((outcome = 'REJECTED')::int),"
        " avg((epoch(ended_at) - epoch(requested_at))) filter (outcome = 'COMPLETED') from port"
        " where requested_at::date between '2025-12-31' and '2026-01-10' group by 1 order by 1"
    ).fetchall()
    (_, usual_rejected, usual_seconds), (_, rejected, seconds) = rows
    assert rejected > 1.5 * usual_rejected
    assert seconds > 1.2 * usual_seconds


def test_nothing_is_decided_before_it_is_asked_for(world: duckdb.DuckDBPyConnection) -> None:
    [[early, frozen_off_freeze]] = world.sql(
        "select count(*) filter (ended_at < requested_at or withdrawn_at < ended_at or authenticated_at > ended_at),"
        " count(*) filter (reject_code = 'FREEZE_PERIOD' and subscriber not in"
        " (select subscriber from port where outcome = 'COMPLETED')) from port"
    ).fetchall()
    assert (early, frozen_off_freeze) == (0, 0)


def test_reject_codes_are_unequal_and_a_freeze_is_told_from_the_rest(world: duckdb.DuckDBPyConnection) -> None:
    shares = dict(
        world.sql(
            "select reject_code, count(*) / sum(count(*)) over () from port where outcome = 'REJECTED' group by 1"
        ).fetchall()
    )
    assert set(shares) == {"AUTH_FAILED", "NAME_MISMATCH", "UNPAID_BILL", "FREEZE_PERIOD", "STOLEN_DEVICE"}
    assert max(shares.values()) > 4 * min(shares.values())


def test_things_have_no_subsidy_and_tariffs_fit_ages(world: duckdb.DuckDBPyConnection) -> None:
    assert world.sql(
        "select count(*) from panel_line where line_type = 'IOT' and contract_kind = 'SUBSIDY'"
        " or plan_code = 'Y주니어' and birth_year < 2007 or plan_code = '시니어베이직' and birth_year > 1960"
    ).fetchall() == [(0,)]
