"""The counterfactual of an incident, on simulated quiet months: intervals hold as often as they claim to."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from tests.support.python_model import python_model

WEEKDAY = {"MONDAY": 1400, "FRIDAY": 1050, "SATURDAY": 600}


@pytest.fixture(scope="module")
def mart() -> ModuleType:
    return python_model("int_waiver_baseline")


def _calendar(first: str, last: str, closed: tuple[str, ...] = (), holidays: tuple[str, ...] = ()) -> pd.DataFrame:
    days = pd.DataFrame({"date_day": pd.date_range(first, last)})
    days["weekday"] = days["date_day"].dt.day_name().str.upper()
    days["is_processing_day"] = (days["weekday"] != "SUNDAY") & ~days["date_day"].isin(pd.to_datetime(list(closed)))
    days["is_holiday"] = days["date_day"].isin(pd.to_datetime(list(holidays)))
    return days


def _series(calendar: pd.DataFrame, *, noise: float = 0.0, seed: int = 0, group: str = "KT") -> pd.DataFrame:
    """Quiet days: a level by weekday, two more a day, a Monday's size after any closed day, half on a holiday."""
    level = calendar["weekday"].map(WEEKDAY).fillna(1000.0)
    level = level.where(
        calendar["weekday"] == "MONDAY", level + 400 * ~calendar["is_processing_day"].shift(1, fill_value=True)
    )
    level = level + 2.0 * np.arange(len(calendar)) - 300 * calendar["is_holiday"]
    level = level + noise * np.random.default_rng(seed).standard_normal(len(calendar))
    counts = (level * calendar["is_processing_day"]).round()
    return pd.DataFrame({"date_day": calendar["date_day"], "provider_group": group, "port_outs": counts.astype(int)})


def _incident(starts_on: str, ends_on: str, baseline: tuple[str, str] | None = None) -> pd.DataFrame:
    since, until = baseline or (None, None)
    row = {"incident_id": "QUIET", "provider_group": "KT", "starts_on": starts_on, "ends_on": ends_on}
    return pd.DataFrame([row | {"baseline_from": since, "baseline_to": until}])


def test_an_interval_that_claims_95_percent_holds_on_about_95_percent_of_quiet_days(mart: ModuleType) -> None:
    calendar = _calendar("2025-09-01", "2025-11-30")
    incident = _incident("2025-11-16", "2025-11-29")
    is_inside, is_sum_inside = [], []
    for seed in range(120):
        series = _series(calendar, noise=60, seed=seed)
        found = mart.baselines(incident, series, calendar).merge(series, on="date_day")
        is_open = found["port_outs"] > 0
        is_inside += list(found["port_outs"].between(found["baseline_low"], found["baseline_high"])[is_open])
        last = found.iloc[-1]
        is_sum_inside.append(
            last["baseline_cumulative_low"] <= found["port_outs"].sum() <= last["baseline_cumulative_high"]
        )
    assert len(is_inside) == 120 * 12
    assert 0.93 <= np.mean(is_inside) <= 0.97
    assert 0.90 <= np.mean(is_sum_inside) <= 0.99


def test_weekdays_closed_days_holidays_and_the_trend_are_learned(mart: ModuleType) -> None:
    calendar = _calendar("2025-10-01", "2026-01-13", closed=("2026-01-01",), holidays=("2025-12-25", "2026-01-01"))
    found = mart.baselines(_incident("2025-12-31", "2026-01-13"), _series(calendar), calendar)
    expected = _series(calendar).set_index("date_day")["port_outs"]
    # the Friday after New Year's Day books two days, like a Monday
    assert found["baseline_port_outs"].to_numpy() == pytest.approx(expected[found["date_day"]].to_numpy(), abs=2)
    assert list(found.loc[found["baseline_port_outs"] == 0, "date_day"].dt.strftime("%m-%d")) == [
        "01-01",
        "01-04",
        "01-11",
    ]
    assert found["note"].isna().all()


def test_the_incidents_own_days_are_never_learned_from(mart: ModuleType) -> None:
    calendar = _calendar("2025-10-01", "2026-01-13")
    series = _series(calendar)
    incident = _incident("2025-12-31", "2026-01-13", ("2025-11-01", "2026-01-13"))
    quiet = mart.baselines(incident, series, calendar)
    series.loc[series["date_day"] >= "2025-12-31", "port_outs"] *= 20
    assert mart.baselines(incident, series, calendar).equals(quiet)


def test_too_little_history_says_so_instead_of_inventing(mart: ModuleType) -> None:
    calendar = _calendar("2025-12-20", "2026-01-13")
    found = mart.baselines(_incident("2025-12-31", "2026-01-13"), _series(calendar), calendar)
    assert found["baseline_port_outs"].isna().all()
    assert set(found["note"]) == {"9 processing days before the incident; 15 are needed"}


def test_a_kind_of_day_never_seen_has_no_baseline_nor_has_a_sum_over_it(mart: ModuleType) -> None:
    calendar = _calendar("2025-10-12", "2026-01-13", holidays=("2026-01-08",))
    found = mart.baselines(_incident("2026-01-05", "2026-01-10"), _series(calendar), calendar)
    assert list(found["baseline_port_outs"].isna()) == [False, False, False, True, False, False]
    assert list(found["baseline_cumulative"].isna()) == [False, False, False, True, True, True]
    assert found["note"].dropna().tolist() == ["none of the 51 days learned from is a holiday"]


def test_an_incident_of_a_group_without_ports_has_no_rows(mart: ModuleType) -> None:
    calendar = _calendar("2025-10-12", "2026-01-13")
    found = mart.baselines(_incident("2026-01-05", "2026-01-10"), _series(calendar, group="SKT"), calendar)
    assert found.empty
    assert list(found.columns) == mart.COLUMNS
