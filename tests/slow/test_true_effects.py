"""The sample world's true effects can be found again: a regression on the features that drove it recovers them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from orchestration.simulator import simulate

PERIODS = {"port_before": ("2025-11-01", "2025-12-30"), "port_waiver": ("2025-12-31", "2026-01-13")}
CATEGORIES = {"plan_code", "contract_kind", "area", "exposure", "came_from"}


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    simulate(
        folder / "landing", first_day=date(2025, 12, 31), last_day=date(2026, 1, 13), history_from=date(2025, 8, 1),
        feeds=[], truth=folder / "truth",
    )  # fmt: skip
    return folder / "truth"


def at_risk(truth: Path, effects: str) -> pd.DataFrame:
    """One row per handset that could be ported in the periods, described as on the period's first day."""
    first, last = PERIODS[effects]
    lines = duckdb.execute(
        f"select * exclude (left_on), (left_on is not null)::int as has_left, period_from::varchar as period"
        f" from '{truth}/line_period/*.parquet' where period_from between $1 and $2",
        [first, last],
    ).df()
    # an unknown age is as the reference
    return lines.fillna({"age": -1})


def design(lines: pd.DataFrame, effects: pd.DataFrame) -> pd.DataFrame:
    """A column of zeros and ones per level of the table that is not its feature's reference."""
    columns = {"constant": pd.Series(1.0, index=lines.index)}
    for feature, levels in effects.groupby("feature", sort=False):
        if feature in CATEGORIES:
            for level in levels["level"]:
                columns[f"{feature}={level}"] = (lines[feature] == level).astype(float)
            continue
        bounds = sorted(levels["at_least"])
        for bound, above in zip(bounds, [*bounds[1:], np.inf], strict=True):
            columns[f"{feature}={bound:g}"] = ((lines[feature] >= bound) & (lines[feature] < above)).astype(float)
    table = pd.DataFrame(columns)
    return table.loc[:, (table.sum() > 0)]


@pytest.mark.parametrize("effects", PERIODS)
def test_a_regression_on_the_true_features_recovers_the_true_effects(truth: Path, effects: str) -> None:
    planted = pd.read_csv(truth / "leaving_effects.csv", dtype={"level": str})
    planted["name"] = [
        f"{f}={level if f in CATEGORIES else f'{bound:g}'}"
        for f, level, bound in zip(planted["feature"], planted["level"], planted["at_least"], strict=True)
    ]
    lines = at_risk(truth, effects)
    table = design(lines, planted)
    references = {
        "plan_code=LTE베이직", "contract_kind=NONE", "tenure_months=12", "months_left=0", "fee_due=0", "age=35",
        "household=1", "disputes=1",
    }  # fmt: skip
    table = table[[name for name in table if name not in references]]
    for period in lines["period"].unique()[1:]:
        table[f"period {period}"] = (lines["period"] == period).astype(float)
    binomial = sm.families.Binomial(link=sm.families.links.CLogLog())
    fit = sm.GLM(lines["has_left"], table, family=binomial).fit()
    known = planted.set_index("name")[effects]
    # in these periods the lines that have disputed a payment are the victims: one column, both effects
    known["exposure=VICTIM"] *= known["disputes=1"]
    found = pd.DataFrame({"estimate": fit.params, "error": fit.bse, "true": np.log(known)}).dropna()
    deviation = ((found["estimate"] - found["true"]) / found["error"]).abs()
    assert len(found) > 25
    assert (deviation < 1.96).mean() >= 0.85, found.assign(deviation=deviation).sort_values("deviation")
    assert deviation.max() < 4.5
