"""The counterfactual's intervals, counted on many quiet fortnights: simulated ones, and those of the sample world."""

from __future__ import annotations

from datetime import date

import duckdb
import pandas as pd
import pytest

from orchestration.simulator.scenario import Scenario
from orchestration.simulator.world import _build_world
from tests.support.dbt_warehouse import REFERENCE
from tests.support.python_model import python_model
from tests.unit.test_incident_baseline import coverage

FIRST, LAST = date(2024, 12, 31), date(2026, 2, 28)
WINDOW_DAYS, EVERY_DAYS = 14, 3


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.5, 0.7])
def test_95_percent_intervals_of_a_fortnight_hold_in_93_of_100(correlation: float) -> None:
    _, of_sums = coverage(python_model("int_incident_baseline"), correlation, range(1000, 1400))
    assert of_sums >= 0.93


@pytest.fixture(scope="module")
def days() -> pd.DataFrame:
    """The sample carrier's departures by day, and what kind of day each is."""
    with duckdb.connect(config={"memory_limit": "4GB"}) as con:
        _build_world(
            con, Scenario.load("kt_2025"), lambda _stage, _done, _total: None, 20260103, 0.001, 1.0,
            date(2026, 2, 1), LAST, FIRST,
        )  # fmt: skip
        con.read_csv(str(REFERENCE / "calendar.csv"), all_varchar=True).create("calendar")
        return con.execute(
            """
            select spine.day as date_day, upper(dayname(spine.day)) as weekday, 'KT' as provider_group,
                isodow(spine.day) < 7 and coalesce(own.is_processing_day <> 'false', true) as is_processing_day,
                coalesce(own.is_holiday = 'true', false) as is_holiday, coalesce(booked.ports, 0) as port_outs,
            from (select unnest(generate_series($1::date, $2::date, interval 1 day))::date as day) as spine
            left join calendar as own on own.day = spine.day::varchar
            left join (
                select processed_on, count(*) as ports from booking where direction = 'OUT' group by all
            ) as booked on booked.processed_on = spine.day
            order by 1
            """,
            [FIRST, LAST],
        ).df()


@pytest.fixture(scope="module")
def incidents() -> pd.DataFrame:
    table = pd.read_csv(REFERENCE / "incidents.csv")
    return table[table["provider_group"] == "KT"].astype({"starts_on": "datetime64[us]", "ends_on": "datetime64[us]"})


@pytest.mark.parametrize("specification", ["LEVEL", "TREND"])
def test_95_percent_intervals_hold_in_9_of_10_quiet_fortnights_of_the_sample_world(
    days: pd.DataFrame, incidents: pd.DataFrame, specification: str
) -> None:
    mart = python_model("int_incident_baseline")
    is_quiet = mart._is_quiet(days["date_day"], incidents)
    is_inside = []
    for start in pd.date_range(FIRST, LAST, freq=f"{EVERY_DAYS}D"):
        end = start + pd.Timedelta(days=WINDOW_DAYS - 1)
        needed = days["date_day"].between(start - pd.Timedelta(days=mart.DEFAULT_BASELINE_DAYS), end)
        if needed.sum() < mart.DEFAULT_BASELINE_DAYS + WINDOW_DAYS or not is_quiet[needed].all():
            continue
        placebo = {
            "incident_id": "PLACEBO", "provider_group": "KT", "starts_on": start, "ends_on": end,
            "window_days": WINDOW_DAYS, "baseline_from": None, "baseline_to": None,
        }  # fmt: skip
        until = days[days["date_day"] <= end]
        found = mart.baselines(pd.DataFrame([placebo]), until, days)
        found = found[found["specification"] == specification].merge(days, on="date_day")
        # a holiday of which the baseline has none is no part of either sum
        actual, last = found[found["baseline_port_outs"].notna()]["port_outs"].sum(), found.iloc[-1]
        is_inside.append(last["baseline_cumulative_low"] <= actual <= last["baseline_cumulative_high"])
    assert len(is_inside) > 50
    assert sum(is_inside) / len(is_inside) >= 0.9
