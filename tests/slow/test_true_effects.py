"""The sample world's true effects can be found again: a regression on the features that drove it recovers them."""

from __future__ import annotations

from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from orchestration.simulator.scenario import Scenario
from orchestration.simulator.world import _build_world

PERIODS = {"port_before": ("2025-11-01", "2025-12-30"), "port_waiver": ("2025-12-31", "2026-01-13")}
CATEGORIES = {"plan_code", "contract_kind", "area", "exposure", "came_from"}


@pytest.fixture(scope="module")
def world() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"memory_limit": "4GB"})
    _build_world(
        connection, Scenario.load("kt_2025"), lambda _stage, _done, _total: None, 20260103, 0.02, 1.0,
        date(2025, 12, 31), date(2026, 1, 13), date(2025, 8, 1),
    )  # fmt: skip
    return connection


def at_risk(world: duckdb.DuckDBPyConnection, effects: str) -> pd.DataFrame:
    """One row per handset that could be ported in the periods, described as on the period's first day."""
    first, last = PERIODS[effects]
    periods = world.sql(
        f"select from_day from leaving_periods where from_day between '{first}' and '{last}' order by 1"
    ).fetchall()
    frames = []
    for number, (begin,) in enumerate(periods):
        end = periods[number + 1][0] if number + 1 < len(periods) else date.fromisoformat(last)
        world.execute(
            f"create or replace temp table exposed_to_risk as select * from life where line_type = 'HANDSET'"
            f" and withdrawn_at is null and opened_at::date + 93 <= date '{begin}'"
            f" and line_idx not in (select line_idx from ended where ended_on < '{begin}')"
        )
        frames.append(
            world.sql(
                f"select d.*, coalesce(e.reason = 'PORT_OUT' and e.ended_on <= '{end}', false)::int as has_left,"
                f" {number} as period from described('exposed_to_risk', date '{begin}') as d"
                " left join ended as e using (line_idx)"
            ).df()
        )
    # an unknown age is as the reference
    return pd.concat(frames, ignore_index=True).fillna({"age": -1})


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
def test_a_regression_on_the_true_features_recovers_the_true_effects(
    world: duckdb.DuckDBPyConnection, effects: str
) -> None:
    truth = world.sql("select * from leaving_effects").df()
    truth["name"] = [
        f"{f}={level if f in CATEGORIES else f'{bound:g}'}"
        for f, level, bound in zip(truth["feature"], truth["level"], truth["at_least"], strict=True)
    ]
    lines = at_risk(world, effects)
    table = design(lines, truth)
    references = {
        "plan_code=LTE베이직", "contract_kind=NONE", "tenure_months=12", "months_left=0", "fee_due=0", "age=35",
        "household=1", "disputes=1",
    }  # fmt: skip
    table = table[[name for name in table if name not in references]]
    for period in lines["period"].unique()[1:]:
        table[f"period {period}"] = (lines["period"] == period).astype(float)
    binomial = sm.families.Binomial(link=sm.families.links.CLogLog())
    fit = sm.GLM(lines["has_left"], table, family=binomial).fit()
    known = truth.set_index("name")[effects]
    # in these periods the lines that have disputed a payment are the victims: one column, both effects
    known["exposure=VICTIM"] *= known["disputes=1"]
    found = pd.DataFrame({"estimate": fit.params, "error": fit.bse, "true": np.log(known)}).dropna()
    deviation = ((found["estimate"] - found["true"]) / found["error"]).abs()
    assert len(found) > 25
    assert (deviation < 1.96).mean() >= 0.85, found.assign(deviation=deviation).sort_values("deviation")
    assert deviation.max() < 4.5
