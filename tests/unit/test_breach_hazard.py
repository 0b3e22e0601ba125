"""Hazard ratios from risk sets, against lifelines on the lines themselves, and their test of proportionality."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter
from scipy import stats

from orchestration.base.macros import call_macro
from tests.support.python_model import python_model

SIDES = {True: "concerned", False: "control"}
EXACTLY = {"precision": 1e-12, "r_precision": 1e-14}
PERIODS = {"BEFORE_WAIVER": (0, 15), "DURING_WAIVER": (15, 25), "AFTER_WAIVER": (25, 99)}


@pytest.fixture(scope="module")
def hazard() -> ModuleType:
    return python_model("int_breach_hazard")


def lines(seed: int, ratio: float, days: int = 40, late: float = 0.0) -> pd.DataFrame:
    """Lines of three strata with hazards of their own, followed for some days: many leave on the same day.

    A share of the concerned, `late`, comes under observation after some days.
    """
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"stratum": rng.integers(0, 3, 3000), "is_concerned": rng.random(3000) < 0.15})
    hazard = 0.004 * (1 + frame["stratum"]) * np.where(frame["is_concerned"], ratio, 1)
    leaves = np.ceil(rng.exponential(1 / hazard))
    ends = rng.integers(days // 2, days, len(frame))  # some end otherwise
    entry = np.where(frame["is_concerned"] & (rng.random(len(frame)) < late), rng.integers(1, days // 2, len(frame)), 0)
    frame = frame.assign(entry=entry, duration=np.minimum(leaves, ends), departed=leaves <= ends)
    return frame[frame["entry"] < frame["duration"]].reset_index(drop=True)


def risk_sets(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per period, stratum and day on which somebody left, of which both sides have lines at risk."""
    days = frame[frame["departed"]][["stratum", "duration"]].drop_duplicates()
    rows = []
    for stratum, day in days.itertuples(index=False):
        own = frame[(frame["stratum"] == stratum) & (frame["duration"] >= day) & (frame["entry"] < day)]
        row: dict[str, object] = {"incident_id": "I", "concerned": "EXPOSED"}
        for flag, side in SIDES.items():
            of_side = own[own["is_concerned"] == flag]
            row[f"at_risk_{side}"] = len(of_side)
            row[f"departures_{side}"] = int((of_side["departed"] & (of_side["duration"] == day)).sum())
        period = next(name for name, (after, until) in PERIODS.items() if after < day <= until)
        rows += [row | {"period": "ALL"}, row | {"period": period}]
    found = pd.DataFrame(rows)
    return found[(found["at_risk_concerned"] > 0) & (found["at_risk_control"] > 0)]


def lifelines_of(frame: pd.DataFrame) -> CoxPHFitter:
    return CoxPHFitter().fit(
        frame.assign(is_concerned=frame["is_concerned"].astype(int)), "duration", "departed",
        strata="stratum", entry_col="entry", fit_options=EXACTLY,
    )  # fmt: skip


def within(frame: pd.DataFrame, after: int, until: int) -> pd.DataFrame:
    """What a period saw of the lines: they enter it at its beginning at the earliest, and its end ends it."""
    seen = frame[(frame["duration"] > after) & (frame["entry"] < until)]
    return seen.assign(
        entry=seen["entry"].clip(lower=after), duration=seen["duration"].clip(upper=until),
        departed=seen["departed"] & (seen["duration"] <= until),
    )  # fmt: skip


@pytest.mark.parametrize(("seed", "ratio", "late"), [(1, 1.0, 0.0), (2, 2.5, 0.5), (3, 0.4, 0.5)])
def test_the_hazard_ratios_are_those_of_lifelines_pooled_and_by_period(
    hazard: ModuleType, seed: int, ratio: float, late: float
) -> None:
    frame = lines(seed, ratio, late=late)
    found = hazard.hazard_ratios(risk_sets(frame)).set_index("period")
    for period, (after, until) in {"ALL": (0, 99), **PERIODS}.items():
        reference = lifelines_of(within(frame, after, until))
        low, high = np.exp(reference.confidence_intervals_.loc["is_concerned"])
        expected = (reference.hazard_ratios_["is_concerned"], low, high)
        got = tuple(found.loc[period, ["hazard_ratio", "hazard_ratio_low", "hazard_ratio_high"]])
        assert got == pytest.approx(expected, rel=1e-6)


def test_proportionality_is_tested_by_the_likelihood_ratio_that_lifelines_gives(hazard: ModuleType) -> None:
    early, late = lines(5, 3.0), lines(6, 0.5)
    # three times the hazard at first, half of it later
    frame = pd.concat([within(early, 0, 20), within(late, 20, 99)], ignore_index=True)
    found = hazard.hazard_ratios(risk_sets(frame)).set_index("period")
    by_period = [lifelines_of(within(frame, *bounds)).log_likelihood_ for bounds in PERIODS.values()]
    gained = 2 * (sum(by_period) - lifelines_of(frame).log_likelihood_)
    p_value = found.loc["ALL", "proportionality_p_value"]
    assert p_value == pytest.approx(stats.chi2.sf(gained, 2), rel=1e-4)
    assert p_value < 0.001
    assert found.drop("ALL")["proportionality_p_value"].isna().all()
    steady = hazard.hazard_ratios(risk_sets(lines(7, 2.0))).set_index("period")
    assert steady.loc["ALL", "proportionality_p_value"] > 0.05


@pytest.mark.parametrize("degrees", [1, 2])
def test_the_tail_of_chi_squared_is_scipys(hazard: ModuleType, degrees: int) -> None:
    for value in (0.0, 0.3, 3.84, 25.0):
        assert hazard.chi2_above(value, degrees) == pytest.approx(stats.chi2.sf(value, degrees))


def test_intervals_here_and_in_sql_are_of_95_percent(hazard: ModuleType) -> None:
    assert hazard.Z == call_macro("interval_z") == pytest.approx(stats.norm.ppf(0.975), rel=1e-14)


def test_a_ratio_is_nought_where_nobody_concerned_left_and_its_upper_end_says_how_much_that_tells(
    hazard: ModuleType,
) -> None:
    frame = lines(4, 1.0)
    frame = frame[~(frame["is_concerned"] & frame["departed"])]
    sets = risk_sets(frame)
    row = hazard.hazard_ratios(sets).set_index("period").loc["ALL"]
    assert (row["hazard_ratio"], row["hazard_ratio_low"]) == (0, 0)
    fit = hazard.Likelihood(sets[sets["period"] == "ALL"])
    fallen = fit.at(hazard.NEVER) - fit.at(np.log(row["hazard_ratio_high"]))
    assert 2 * fallen == pytest.approx(stats.chi2.isf(0.05, 1), rel=1e-6)


def test_without_departures_of_controls_there_is_no_hazard_ratio(hazard: ModuleType) -> None:
    sets = risk_sets(lines(4, 1.0))
    sets = sets.assign(departures_control=0)[sets["departures_concerned"] > 0]
    rows = hazard.hazard_ratios(sets)
    assert len(rows) == 1 + len(PERIODS)
    assert rows[["hazard_ratio", "hazard_ratio_low", "hazard_ratio_high"]].isna().all(axis=None)


def test_without_an_incident_there_are_no_rows(hazard: ModuleType) -> None:
    assert hazard.hazard_ratios(risk_sets(lines(4, 1.0)).head(0)).empty
