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
    return python_model("int_incident_baseline")


def _calendar(first: str, last: str, closed: tuple[str, ...] = (), holidays: tuple[str, ...] = ()) -> pd.DataFrame:
    days = pd.DataFrame({"date_day": pd.date_range(first, last)})
    days["weekday"] = days["date_day"].dt.day_name().str.upper()
    days["is_processing_day"] = (days["weekday"] != "SUNDAY") & ~days["date_day"].isin(pd.to_datetime(list(closed)))
    days["is_holiday"] = days["date_day"].isin(pd.to_datetime(list(holidays)))
    return days


def _series(
    calendar: pd.DataFrame, *, noise: float = 0.0, correlation: float = 0.0, seed: int = 0, group: str = "KT"
) -> pd.DataFrame:
    """Quiet days: a level by weekday, two more a day, a Monday's size after any closed day, half on a holiday."""
    level = calendar["weekday"].map(WEEKDAY).fillna(1000.0)
    level = level.where(
        calendar["weekday"] == "MONDAY", level + 400 * ~calendar["is_processing_day"].shift(1, fill_value=True)
    )
    level = level + 2.0 * np.arange(len(calendar)) - 300 * calendar["is_holiday"]
    level = level + noise * _errors(np.random.default_rng(seed), calendar["is_processing_day"], correlation)
    counts = (level * calendar["is_processing_day"]).round().clip(lower=0)
    return pd.DataFrame({"date_day": calendar["date_day"], "provider_group": group, "port_outs": counts.astype(int)})


def _errors(rng: np.random.Generator, is_open: pd.Series, correlation: float) -> np.ndarray:
    """Standard normal errors, of which those of neighbouring processing days are correlated."""
    errors, last = np.zeros(len(is_open)), rng.standard_normal()
    for n in np.flatnonzero(is_open):
        last = correlation * last + np.sqrt(1 - correlation**2) * rng.standard_normal()
        errors[n] = last
    return errors


def _of(table: pd.DataFrame, specification: str = "TREND", *, is_in_window: bool = True) -> pd.DataFrame:
    """The rows of one specification, in the window or after it."""
    return table[(table["specification"] == specification) & (table["is_in_window"] == is_in_window)]


def _incident(starts_on: str, ends_on: str, baseline: tuple[str, str] | None = None) -> pd.DataFrame:
    since, until = baseline or (None, None)
    row: dict[str, object] = {
        "incident_id": "QUIET",
        "provider_group": "KT",
        "starts_on": starts_on,
        "ends_on": ends_on,
    }
    row["window_days"] = (pd.Timestamp(ends_on) - pd.Timestamp(starts_on)).days + 1
    return pd.DataFrame([row | {"baseline_from": since, "baseline_to": until}])


def coverage(mart: ModuleType, correlation: float, seeds: range) -> tuple[float, float]:
    """Shares of quiet days, and of quiet fortnights, that lie within their 95 % intervals."""
    calendar = _calendar("2025-09-01", "2025-11-30")
    incident = _incident("2025-11-16", "2025-11-29")
    is_inside, is_sum_inside = [], []
    for seed in seeds:
        series = _series(calendar, noise=60, correlation=correlation, seed=seed)
        until = series["date_day"] <= incident["ends_on"].iloc[0]
        found = _of(mart.baselines(incident, series[until], calendar)).merge(series, on="date_day")
        is_open = found["port_outs"] > 0
        is_inside += list(found["port_outs"].between(found["baseline_low"], found["baseline_high"])[is_open])
        last = found.iloc[-1]
        is_sum_inside.append(
            last["baseline_cumulative_low"] <= found["port_outs"].sum() <= last["baseline_cumulative_high"]
        )
    assert len(is_inside) == len(seeds) * 12
    return float(np.mean(is_inside)), float(np.mean(is_sum_inside))


@pytest.mark.parametrize("correlation", [0.0, 0.7])
def test_a_95_percent_interval_holds_whatever_the_days_have_in_common(mart: ModuleType, correlation: float) -> None:
    """Forty quiet fortnights each; `tests/slow` has the bar of 93 %, on four hundred."""
    of_days, of_sums = coverage(mart, correlation, range(40))
    assert 0.90 <= of_days <= 0.995
    assert of_sums >= 0.90


def test_weekdays_closed_days_holidays_and_the_trend_are_learned(mart: ModuleType) -> None:
    calendar = _calendar("2025-10-01", "2026-01-13", closed=("2026-01-01",), holidays=("2025-12-25", "2026-01-01"))
    found = _of(mart.baselines(_incident("2025-12-31", "2026-01-13"), _series(calendar), calendar))
    expected = _series(calendar).set_index("date_day")["port_outs"]
    # the Friday after New Year's Day books two days, like a Monday
    assert found["baseline_port_outs"].to_numpy() == pytest.approx(expected[found["date_day"]].to_numpy(), abs=2)
    assert list(found.loc[found["baseline_port_outs"] == 0, "date_day"].dt.strftime("%m-%d")) == [
        "01-01",
        "01-04",
        "01-11",
    ]
    assert found["note"].isna().all()


def test_a_level_without_a_trend_stands_beside_the_trend_so_that_a_reader_sees_what_is_assumed(
    mart: ModuleType,
) -> None:
    calendar = _calendar("2025-10-01", "2026-01-13")
    found = mart.baselines(_incident("2025-12-31", "2026-01-13"), _series(calendar), calendar)
    trend, level = (_of(found, name)["baseline_cumulative"].iloc[-1] for name in ("TREND", "LEVEL"))
    # two more a day, half a baseline and a week on; errors that go together carry a part of it into the level
    assert 0 < trend - level < 12 * 2 * 37


def test_the_sixty_days_after_have_a_baseline_and_sums_of_their_own(mart: ModuleType) -> None:
    calendar = _calendar("2025-10-01", "2026-04-30")
    series = _series(calendar, noise=5)
    after = (series["date_day"] > "2026-01-13") & (series["port_outs"] > 0)
    series.loc[after, "port_outs"] -= 100  # they left earlier
    found = _of(mart.baselines(_incident("2025-12-31", "2026-01-13"), series, calendar), is_in_window=False)
    assert (found["date_day"].min(), found["date_day"].max()) == (
        pd.Timestamp("2026-01-14"),
        pd.Timestamp("2026-03-14"),
    )
    missing = (
        found["baseline_cumulative"].iloc[-1] - series[series["date_day"].isin(found["date_day"])]["port_outs"].sum()
    )
    open_days = (found["baseline_port_outs"] > 0).sum()
    assert missing == pytest.approx(100 * open_days, rel=0.2)


def test_the_incidents_own_days_are_never_learned_from(mart: ModuleType) -> None:
    calendar = _calendar("2025-10-01", "2026-01-13")
    series = _series(calendar)
    incident = _incident("2025-12-31", "2026-01-13", ("2025-11-01", "2026-01-13"))
    quiet = mart.baselines(incident, series, calendar)
    series.loc[series["date_day"] >= "2025-12-31", "port_outs"] *= 20
    assert mart.baselines(incident, series, calendar).equals(quiet)


def test_an_interval_is_as_much_wider_as_the_method_missed_quiet_windows_before(mart: ModuleType) -> None:
    calendar = _calendar("2025-01-01", "2026-01-13")
    steps = 0.25 * np.sin(np.arange(len(calendar)) / 23.0)  # months that differ, which no effect explains
    series = _series(calendar, noise=20)
    series["port_outs"] = (series["port_outs"] * (1 + steps)).astype(int)
    incident = _incident("2025-12-31", "2026-01-13")
    found = _of(mart.baselines(incident, series, calendar), "LEVEL")
    short = series["date_day"] >= "2025-10-25"  # too little for a record
    unaware = _of(mart.baselines(incident, series[short], calendar), "LEVEL")
    assert found["placebo_windows"].iloc[0] >= mart.LEAST_PLACEBOS
    assert unaware["placebo_windows"].iloc[0] == 0
    assert found["placebo_coverage_pct"].iloc[0] < 95
    width = [
        one["baseline_cumulative_high"].iloc[-1] - one["baseline_cumulative_low"].iloc[-1] for one in (found, unaware)
    ]
    assert width[0] > 1.2 * width[1]


def test_too_little_history_says_so_instead_of_inventing(mart: ModuleType) -> None:
    calendar = _calendar("2025-12-20", "2026-01-13")
    found = mart.baselines(_incident("2025-12-31", "2026-01-13"), _series(calendar), calendar)
    assert found["baseline_port_outs"].isna().all()
    assert set(found["note"]) == {"9 processing days before the incident; 15 are needed"}


def test_a_day_of_a_kind_never_seen_has_no_baseline_and_the_sums_go_on_without_it(mart: ModuleType) -> None:
    calendar = _calendar("2025-10-12", "2026-01-13", holidays=("2026-01-08",))
    found = _of(mart.baselines(_incident("2026-01-05", "2026-01-10"), _series(calendar), calendar))
    assert list(found["baseline_port_outs"].isna()) == [False, False, False, True, False, False]
    assert found["note"].dropna().tolist() == ["none of the 51 days learned from is a holiday"]
    days = found["baseline_port_outs"].fillna(0.0).cumsum()
    assert found["baseline_cumulative"].to_numpy() == pytest.approx(days.to_numpy())


def test_an_incident_of_a_group_without_ports_has_no_rows(mart: ModuleType) -> None:
    calendar = _calendar("2025-10-12", "2026-01-13")
    found = mart.baselines(_incident("2026-01-05", "2026-01-10"), _series(calendar, group="SKT"), calendar)
    assert found.empty
    assert list(found.columns) == list(mart.TYPES)
