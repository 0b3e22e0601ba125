"""The shapes of what is paid, disputed and decided in the sample extracts, read from the files alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import duckdb
import pytest

from orchestration.simulator import SimulationSummary, simulate

FEEDS = ("payments", "payment_disputes", "alert_dispositions", "sim_changes")
COUNTED_DAYS = (date(2024, 8, 1), date(2025, 9, 10))


@pytest.fixture(scope="module")
def winter(tmp_path_factory: pytest.TempPathFactory) -> SimulationSummary:
    return simulate(
        tmp_path_factory.mktemp("winter"), first_day=date(2025, 10, 1), last_day=date(2026, 1, 31),
        history_from=date(2025, 10, 1), panel=0.003, dirt=0, feeds=FEEDS,
    )  # fmt: skip


@pytest.fixture(scope="module")
def world(winter: SimulationSummary) -> Iterator[duckdb.DuckDBPyConnection]:
    """`payment`: one row per payment, with its last status. `dispute`, `decision`, `change`: rows of the files."""
    with duckdb.connect() as con:
        for name, feed, delimiter in (
            ("event", "payments", ","), ("dispute", "payment_disputes", ";"), ("decision", "alert_dispositions", ";"),
            ("change", "sim_changes", "|"),
        ):  # fmt: skip
            con.execute(
                f"create table {name} as from read_csv('{winter.out / feed}/*/*.csv', delim = '{delimiter}',"
                " all_varchar = true)"
            )
        con.execute(
            "create table planted as select unnest($1) as payment_id, unnest($2) as kind",
            [list(winter.planted), list(winter.planted.values())],
        )
        con.execute(
            "create table payment as select payment_id, any_value(msisdn) as number, any_value(product) as product,"
            " any_value(merchant_category) as category, any_value(merchant_id) as merchant,"
            " any_value(amount)::bigint as amount, max(monthly_limit::bigint) as cap,"
            " min(occurred_at)::timestamp as at_, upper(arg_max(status, event_seq::int)) as status,"
            " any_value(kind) as kind from event left join planted using (payment_id) group by payment_id"
        )
        yield con


def test_the_days_that_the_carrier_counted_add_up_to_the_published_payments(
    tmp_path: pytest.TempPathFactory,
) -> None:
    first, last = COUNTED_DAYS
    panel = 0.0003
    made = simulate(
        tmp_path, first_day=first, last_day=last, history_from=first, panel=panel, dirt=0, feeds=["payments"]
    )  # fmt: skip
    counted = dict(
        duckdb.sql(
            "select product, count(distinct payment_id)"
            f" from read_csv('{made.out}/payments/*/*.csv', all_varchar = true) group by product"
        ).fetchall()
    )
    assert counted["DCB"] == pytest.approx(63e6 * panel, abs=5)
    assert 0 <= counted["MICROPAYMENT"] - len(made.planted) - 84e6 * panel < 1000, "and what only looks like fraud"


def test_a_week_has_its_days_a_month_its_pay_day_and_christmas_its_presents(
    world: duckdb.DuckDBPyConnection,
) -> None:
    [row] = world.sql(
        "with d as (select at_::date as day, count(*) as n from payment where product = 'MICROPAYMENT' group by 1)"
        " select avg(n) filter (isodow(day) = 5) / avg(n) filter (isodow(day) = 2),"
        " avg(n) filter (day(day) between 25 and 27) / avg(n) filter (day(day) between 20 and 24),"
        " avg(n) filter (day between '2025-12-20' and '2025-12-25')"
        " / avg(n) filter (day between '2025-12-08' and '2025-12-18'),"
        " avg(n) filter (day between '2025-10-03' and '2025-10-09')"
        " / avg(n) filter (day between '2025-10-12' and '2025-10-19') from d"
    ).fetchall()
    friday, pay_day, christmas, chuseok = row
    assert 1.02 < friday < 1.25
    assert 1.05 < pay_day < 1.4
    assert 1.05 < christmas < 1.4
    assert 0.7 < chuseok < 0.95


def test_the_level_of_a_day_lingers(world: duckdb.DuckDBPyConnection) -> None:
    [[lingering]] = world.sql(
        "with d as (select at_::date as day, count(*) as n from payment where product = 'MICROPAYMENT'"
        " and day(at_) between 3 and 19 and month(at_) in (11, 1) group by 1),"
        " r as (select day, ln(n / avg(n) over (partition by isodow(day))) as level from d)"
        " select corr(a.level, b.level) from r as a join r as b on b.day = a.day + 1"
    ).fetchall()
    assert lingering > 0.15


def test_payments_per_number_have_the_tail_of_a_power_law(world: duckdb.DuckDBPyConnection) -> None:
    [[most, tail]] = world.sql(
        "with c as (select number, count(*) as n from payment group by 1), top as (select n from c order by n desc"
        " limit (select count(*) // 100 from c)) select max(n), 1 / avg(ln(n / (select min(n) from top))) from top"
    ).fetchall()
    assert most > 60
    assert 1.4 < tail < 3, "Hill's estimate over the hundredth that pays most"


def test_vouchers_cost_their_face_values_and_other_things_anything(world: duckdb.DuckDBPyConnection) -> None:
    whole = dict(
        world.sql(
            "select category, avg((amount % 1000 = 0)::int) from payment where kind is null"
            " and product = 'MICROPAYMENT' group by 1"
        ).fetchall()
    )
    assert whole["GIFT_CERTIFICATE"] == whole["TRANSIT_TOPUP"] == whole["DONATION"] == 1
    assert whole["SHOPPING"] < 0.1


def test_nobody_is_charged_more_than_his_cap_in_a_month(world: duckdb.DuckDBPyConnection) -> None:
    over, near = world.sql(
        "with m as (select number, date_trunc('month', at_) as month, max(cap) as cap,"
        " sum(amount) filter (status = 'SUCCEEDED') as spent from payment group by all)"
        " select count(*) filter (spent > cap), count(*) filter (spent > 0.9 * cap) from m"
    ).fetchall()[0]
    assert over == 0
    assert near > 20


def test_attempts_end_in_every_way_and_some_never(world: duckdb.DuckDBPyConnection) -> None:
    share = dict(
        world.sql("select status, 100.0 * count(*) / (select count(*) from payment) from payment group by 1").fetchall()
    )
    assert 3 < share["DENIED"] < 8
    assert 0.7 < share["CANCELLED"] < 2
    assert 0.5 < share["PENDING"] + share["PENDING_VALIDATION"] < 3
    assert share["SUCCEEDED"] > 88


def test_some_are_refused_twice_within_minutes_and_then_succeed(world: duckdb.DuckDBPyConnection) -> None:
    [[retries]] = world.sql(
        "with near as (select *, lag(status, 2) over mine as first_try, lag(status) over mine as second_try,"
        " at_ - lag(at_, 2) over mine as took from payment where kind is null window mine as"
        " (partition by number order by at_)) select count(*) from near where status = 'SUCCEEDED'"
        " and first_try = 'DENIED' and second_try = 'DENIED' and took < interval 10 minutes"
    ).fetchall()
    assert retries > 10


def test_every_kind_of_fraud_happens_in_the_year_in_its_own_way(
    world: duckdb.DuckDBPyConnection, winter: SimulationSummary
) -> None:
    kinds = {row[0]: row[1:] for row in world.sql(
        "select kind, count(distinct number), count(distinct month(at_)), count(distinct merchant),"
        " count(*) filter (status = 'DENIED') from payment where kind is not null group by 1"
    ).fetchall()}  # fmt: skip
    assert set(kinds) == {
        "ACCOUNT_TAKEOVER", "SIM_SWAP", "PORT_IN_CASH_OUT", "PORT_OUT_FRAUD", "SUBSCRIPTION_FRAUD", "BAD_MERCHANT",
        "PHONE_SHOP", "VERIFICATION_PHISHING",
    }  # fmt: skip
    assert all(numbers >= 4 and months >= 2 for numbers, months, _, _ in kinds.values())
    assert kinds["BAD_MERCHANT"][2] == 2
    assert kinds["ACCOUNT_TAKEOVER"][3] > 5, "refused attempts come first"
    assert 40 < len(winter.planted) / 4 < 400, "a month, of the whole carrier's eleven million payments"
    [[victims, swapped]] = world.sql(
        "with first as (select number, min(at_) as at_ from payment where kind in ('SIM_SWAP', 'PORT_OUT_FRAUD')"
        " group by 1) select count(distinct number), count(distinct msisdn) from first left join change"
        " on msisdn = number and changed_at::timestamp between at_ - interval 1 day and at_"
    ).fetchall()
    assert swapped > 0.9 * victims > 10, "on the first days the card had been changed before the extracts begin"


def test_a_phished_code_was_asked_for_on_days_before_and_never_entered(world: duckdb.DuckDBPyConnection) -> None:
    left_pending = world.sql(
        "with charged as (select number, min(at_)::date as day from payment where kind = 'VERIFICATION_PHISHING'"
        " and status = 'SUCCEEDED' group by 1 having day > '2025-10-04')"
        " select count(p.payment_id) from charged left join payment as p on p.number = charged.number"
        " and kind = 'VERIFICATION_PHISHING' and status = 'PENDING' and at_::date between day - 3 and day - 1"
        " group by charged.number"
    ).fetchall()
    assert len(left_pending) > 8
    assert set(left_pending) == {(2,)}


def test_a_phone_shop_charges_several_customers_on_one_cell_within_the_hour(world: duckdb.DuckDBPyConnection) -> None:
    crowds = world.sql(
        "select count(distinct number), date_diff('minute', min(at_), max(at_)) from payment"
        " join (select payment_id, any_value(cell_id) as cell_id from event group by 1) using (payment_id)"
        " where kind = 'PHONE_SHOP' group by cell_id, merchant, date_trunc('hour', at_)"
        " having count(distinct number) > 3"
    ).fetchall()
    assert len(crowds) >= 4
    assert all(minutes < 60 for _, minutes in crowds)


def test_complaints_are_late_and_not_all_are_believed_and_some_customers_make_a_habit_of_them(
    world: duckdb.DuckDBPyConnection,
) -> None:
    [row] = world.sql(
        "with opened as (select d.*, p.kind, p.number, epoch(occurred_at::timestamp - at_) / 86400 as days"
        " from dispute as d join payment as p using (payment_id) where d.status = 'OPENED')"
        " select count(*), quantile_cont(days, 0.1), quantile_cont(days, 0.9),"
        " count(*) filter (kind is not null and"
        " payment_id in (select payment_id from dispute where status = 'REJECTED')),"
        " (select count(*) from (select number from opened where kind is null group by 1 having count(*) > 1))"
        " from opened"
    ).fetchall()
    complaints, early, late, not_believed, again = row
    assert complaints > 100
    assert early < 5
    assert late > 20
    assert not_believed > 5
    assert again >= 3


def test_the_desk_decides_in_every_month_and_in_every_way(world: duckdb.DuckDBPyConnection) -> None:
    decided = {row[0]: row[1:] for row in world.sql(
        "select disposition, count(*), count(distinct decided_at[:7]) from decision group by 1"
    ).fetchall()}  # fmt: skip
    assert set(decided) == {"CONFIRMED", "CLEARED", "WATCH"}
    assert decided["CONFIRMED"][1] == decided["CLEARED"][1] == decided["WATCH"][1] == 4
    named = world.sql(
        "select count(*) filter (case_id[6:] not in (select payment_id from payment)), count(*) from decision"
        " where decided_at > '2025-11'"
    ).fetchall()
    assert named[0][0] < 0.1 * named[0][1], "hardly ever a case that is not there"
    merchants = world.sql(
        "select case_id[10:], disposition, case_id[10:] in (select merchant from payment where kind = 'BAD_MERCHANT')"
        " from decision where case_id like 'merchant-%' order by decided_at"
    ).fetchall()
    assert [(said, is_bad) for _, said, is_bad in merchants] == [("WATCH", True), ("CONFIRMED", True)]
    last = world.sql("select max(at_)::date from payment where kind is not null").fetchall()
    assert last[0][0] >= date(2026, 1, 29), "and the last days wait for the desk"
