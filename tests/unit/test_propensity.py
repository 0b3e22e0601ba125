"""The propensity's regression against scikit-learn's, and what it may learn from."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from tests.support.python_model import python_model

EFFECTS = {"tenure": {"old": 0.0, "new": 0.8}, "exposure": {"neither": 0.0, "exposed": 0.5, "victim": 1.4}}
MONTHS = pd.to_datetime(["2025-09-01", "2025-10-01", "2025-11-01"])


@pytest.fixture(scope="module")
def mart() -> ModuleType:
    return python_model("int_propensity_model")


@pytest.fixture(scope="module")
def cells() -> pd.DataFrame:
    """Lines alike at the beginnings of three months, each with a level of its own."""
    rng = np.random.default_rng(7)
    rows = []
    for number, month in enumerate(MONTHS):
        for tenure, tenure_effect in EFFECTS["tenure"].items():
            for exposure, exposure_effect in EFFECTS["exposure"].items():
                lines = 20_000 if (tenure, exposure) == ("old", "neither") else 4_000
                chance = 1 / (1 + np.exp(4 - 0.2 * number - tenure_effect - exposure_effect))
                rows.append(
                    (month, month + pd.Timedelta(days=30), tenure, exposure, float(lines), rng.binomial(lines, chance))
                )
    return pd.DataFrame(rows, columns=["snapshot_on", "known_by", "tenure", "exposure", "lines", "departures"])


def _models(mart: ModuleType, cells: pd.DataFrame, *trained_for: str) -> pd.DataFrame:
    months = pd.DataFrame({"trained_for": pd.to_datetime(list(trained_for))})
    table: pd.DataFrame = mart.coefficients(cells, months)
    return table.set_index(["trained_for", "feature", "value"])


def _by_scikit_learn(cells: pd.DataFrame, found: pd.DataFrame) -> list[float]:
    """Its coefficients for the same traits and months, under the spreads that were learnt: last, the latest level."""
    columns = [found["spread"][trait] * (cells[trait[0]] == trait[1]) for trait in found.index]
    months = cells["snapshot_on"].unique()
    free = 100.0  # as good as unpenalised
    design = np.column_stack([*columns, *(free * (cells["snapshot_on"] == month) for month in months)]).astype(float)
    weights = np.r_[cells["departures"], cells["lines"] - cells["departures"]]
    theirs = LogisticRegression(C=1, fit_intercept=False, solver="newton-cholesky", tol=1e-8, max_iter=1000).fit(
        np.vstack([design, design]), np.repeat([1, 0], len(cells)), sample_weight=weights
    )
    return list(theirs.coef_[0] * np.r_[found["spread"], np.full(len(months), free)])


def test_coefficients_are_those_of_scikit_learn_under_the_spreads_that_were_learnt(
    mart: ModuleType, cells: pd.DataFrame
) -> None:
    found = _models(mart, cells, "2026-01-01").loc["2026-01-01"]
    traits = found.drop("INTERCEPT", level="feature")
    theirs = _by_scikit_learn(cells, traits)
    assert traits["coefficient"].to_list() == pytest.approx(theirs[: len(traits)], abs=0.005)
    assert found.loc["INTERCEPT", "coefficient"].item() == pytest.approx(theirs[-1], abs=0.02)
    effects = {(trait, value): effect for trait, values in EFFECTS.items() for value, effect in values.items()}
    assert traits["coefficient"].to_list() == pytest.approx([effects[trait] for trait in traits.index], abs=0.15)


def test_what_does_not_matter_is_not_read_as_if_it_did(mart: ModuleType) -> None:
    """Under one weak ridge for all, the tenth that ranks highest seemed half as likely again to leave as it was."""
    rng = np.random.default_rng(3)
    names = [f"trait {number}" for number in range(10)]
    lines = pd.DataFrame(rng.integers(0, 8, (40_000, len(names))), columns=names).astype(str)
    chance = 1 / (1 + np.exp(5 - 1.2 * (lines[names[0]] == "1")))
    lines = lines.assign(snapshot_on=MONTHS[0], known_by=MONTHS[1], lines=1.0, departures=rng.random(40_000) < chance)
    found = _models(mart, lines.astype({"departures": int}), "2025-11-01").loc["2025-11-01"]
    scores = found.loc["INTERCEPT", "coefficient"].item() + sum(
        lines[name].map(found["coefficient"].get(name, pd.Series(dtype=float))).fillna(0.0) for name in names
    )
    foretold = 1 / (1 + np.exp(-scores))
    top = foretold.nlargest(4_000).index
    assert foretold[top].sum() / chance[top].sum() == pytest.approx(1, abs=0.15)
    assert found.loc[names[0], "spread"].max() > 2 * found.loc[names[1:], "spread"].max()


@pytest.mark.parametrize("seed", [6, 23, 30])
def test_small_chances_and_strong_effects_settle_as_with_scikit_learn(mart: ModuleType, seed: int) -> None:
    """Whole steps of Newton from the month before diverge on the second of these."""
    rng = np.random.default_rng(seed)
    months = pd.date_range("2025-09-01", periods=5, freq="MS")
    values = pd.MultiIndex.from_product([months, range(6), range(5)], names=["snapshot_on", "plan_code", "tenure"])
    alike = values.to_frame(index=False)
    odds = -5.2 + 1.5 * (alike["plan_code"] == 1) + 2.0 * (alike["tenure"] == 2) - 2.5 * (alike["plan_code"] == 3)
    lines = rng.integers(1, 4000, len(alike))
    left = rng.binomial(lines, 1 / (1 + np.exp(-odds)))
    alike = alike.astype({"plan_code": str, "tenure": str}).assign(
        known_by=alike["snapshot_on"] + pd.Timedelta(days=30), lines=lines.astype(float), departures=left
    )
    trained_for = [f"{month + pd.Timedelta(days=30):%Y-%m-%d}" for month in months]
    found = _models(mart, alike, *trained_for).loc[trained_for[-1]].drop("INTERCEPT", level="feature")
    assert found["coefficient"].to_list() == pytest.approx(_by_scikit_learn(alike, found)[: len(found)], abs=0.005)


def test_a_months_model_knows_nothing_of_what_was_not_over_when_it_began(mart: ModuleType, cells: pd.DataFrame) -> None:
    before = _models(mart, cells, "2025-11-01")
    later = cells["known_by"] > "2025-11-01"
    changed = cells.assign(departures=cells["departures"].where(~later, cells["lines"].astype(int)))
    pd.testing.assert_frame_equal(before, _models(mart, changed, "2025-11-01"), atol=1e-4)
    assert before.index.get_level_values("trained_for").nunique() == 1


def test_too_few_departures_make_no_model(mart: ModuleType, cells: pd.DataFrame) -> None:
    assert _models(mart, cells, "2025-09-15").empty
    assert _models(mart, cells.iloc[:0], "2025-12-01").empty
