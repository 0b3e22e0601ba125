"""Hazard ratios from risk sets, against lifelines on the lines themselves."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter

from tests.support.python_model import python_model

SIDES = {True: "concerned", False: "control"}


@pytest.fixture(scope="module")
def hazard() -> ModuleType:
    return python_model("int_breach_hazard")


def lines(seed: int, ratio: float, days: int = 40) -> pd.DataFrame:
    """Lines of three strata with hazards of their own, followed for some days: many leave on the same day."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"stratum": rng.integers(0, 3, 3000), "is_concerned": rng.random(3000) < 0.15})
    hazard = 0.004 * (1 + frame["stratum"]) * np.where(frame["is_concerned"], ratio, 1)
    leaves = np.ceil(rng.exponential(1 / hazard))
    ends = rng.integers(days // 2, days, len(frame))  # some end otherwise
    return frame.assign(duration=np.minimum(leaves, ends), departed=leaves <= ends)


def risk_sets(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per stratum and day on which somebody left."""
    days = frame[frame["departed"]][["stratum", "duration"]].drop_duplicates()
    rows = []
    for stratum, day in days.itertuples(index=False):
        own = frame[(frame["stratum"] == stratum) & (frame["duration"] >= day)]
        row: dict[str, object] = {"incident_id": "I", "concerned": "EXPOSED"}
        for flag, side in SIDES.items():
            of_side = own[own["is_concerned"] == flag]
            row[f"at_risk_{side}"] = len(of_side)
            row[f"departures_{side}"] = int((of_side["departed"] & (of_side["duration"] == day)).sum())
        rows.append(row)
    return pd.DataFrame(rows)


@pytest.mark.parametrize(("seed", "ratio"), [(1, 1.0), (2, 2.5), (3, 0.4)])
def test_the_hazard_ratio_is_that_of_lifelines(hazard: ModuleType, seed: int, ratio: float) -> None:
    frame = lines(seed, ratio)
    reference = CoxPHFitter().fit(
        frame.assign(is_concerned=frame["is_concerned"].astype(int)), "duration", "departed", strata="stratum",
        fit_options={"precision": 1e-12, "r_precision": 1e-14},
    )  # fmt: skip
    low, high = np.exp(reference.confidence_intervals_.loc["is_concerned"])
    found = hazard.hazard_ratio(risk_sets(frame))
    assert found == pytest.approx((reference.hazard_ratios_["is_concerned"], low, high), rel=1e-6)


def test_without_departures_on_one_side_there_is_no_hazard_ratio(hazard: ModuleType) -> None:
    sets = risk_sets(lines(4, 1.0)).assign(departures_concerned=0)
    (row,) = hazard.hazard_ratios(sets).to_dict("records")
    assert (row["incident_id"], row["concerned"]) == ("I", "EXPOSED")
    assert np.isnan(row["hazard_ratio"])


def test_without_an_incident_there_are_no_rows(hazard: ModuleType) -> None:
    assert hazard.hazard_ratios(risk_sets(lines(4, 1.0)).head(0)).empty
