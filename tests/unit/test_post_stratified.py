"""Estimates from a panel: unbiased, with intervals that cover, and held against the textbook's formulas."""

from __future__ import annotations

from itertools import combinations
from math import comb

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from orchestration.base.macros import call_macro

_Z = stats.norm.ppf(0.975)
_SIZES = (4500, 20000, 75000)
_SEEN = (40, 120, 300)


def _estimates(strata: pd.DataFrame, keys: str = "sample") -> pd.DataFrame:
    with duckdb.connect() as con:
        con.register("strata", strata)
        return con.execute(f"select * from ({call_macro('post_stratified', 'strata', keys)}) order by {keys}").df()


def _stratum(sample: int, name: str, units: int, values: np.ndarray) -> dict[str, object]:
    return {
        "sample": sample, "stratum": name, "units": units, "units_seen": len(values),
        "value_sum": values.sum(), "value_square_sum": (values**2).sum(),
    }  # fmt: skip


def _population(rng: np.random.Generator) -> list[np.ndarray]:
    """Fees as they are: none for a third, skewed for the others, and another level in each stratum."""
    return [
        np.round(rng.lognormal(level, 0.6, size)) * (rng.random(size) > 1 / 3)
        for level, size in zip((11.5, 10.6, 10.0), _SIZES, strict=True)
    ]


def test_over_every_sample_there_is_estimate_and_variance_are_right_on_average() -> None:
    values = np.array([0, 3, 3, 10, 21, 50, 4, 9, 33, 70, 1]) * 1e9
    samples = [values[list(places)] for places in combinations(range(len(values)), 4)]
    found = _estimates(pd.DataFrame(_stratum(n, "all", len(values), seen) for n, seen in enumerate(samples)))
    assert len(found) == comb(11, 4)
    assert found["estimate"].mean() == pytest.approx(values.sum(), rel=1e-9)
    variances = ((found["estimate_high"] - found["estimate"]) / _Z) ** 2
    assert variances.mean() == pytest.approx(found["estimate"].var(ddof=0), rel=1e-6)


def test_an_estimate_is_the_textbooks_stratum_by_stratum() -> None:
    rng = np.random.default_rng(3)
    strata = [rng.choice(values, seen, replace=False) for values, seen in zip(_population(rng), _SEEN, strict=True)]
    rows = [_stratum(0, str(n), _SIZES[n], values) for n, values in enumerate(strata)]
    (found,) = _estimates(pd.DataFrame(rows)).to_dict("records")
    total = sum(size * values.mean() for size, values in zip(_SIZES, strata, strict=True))
    error = np.sqrt(
        sum(
            size**2 * (1 - len(values) / size) * values.var(ddof=1) / len(values)
            for size, values in zip(_SIZES, strata, strict=True)
        )
    )
    assert found["estimate"] == pytest.approx(total, abs=1)
    assert found["estimate_low"] == pytest.approx(total - _Z * error, abs=1)
    assert found["estimate_high"] == pytest.approx(total + _Z * error, abs=1)
    assert found["covered_sum"] == sum(values.sum() for values in strata)
    assert found["coverage_pct"] == pytest.approx(100 * sum(_SEEN) / sum(_SIZES))


def test_of_intervals_from_simulated_panels_at_least_93_in_100_cover_the_total() -> None:
    rng = np.random.default_rng(20260113)
    population = _population(rng)
    whole = sum(values.sum() for values in population)
    everybody = np.concatenate(population)
    of_stratum = np.repeat(range(len(_SIZES)), _SIZES)
    rows = []
    for sample in range(400):  # a panel of one in fifty lines, as they come
        is_seen = np.zeros(len(everybody), dtype=bool)
        is_seen[rng.choice(len(everybody), len(everybody) // 50, replace=False)] = True
        rows += [
            _stratum(sample, str(n), size, everybody[is_seen & (of_stratum == n)]) for n, size in enumerate(_SIZES)
        ]
    found = _estimates(pd.DataFrame(rows))
    covers = found["estimate_low"].le(whole) & found["estimate_high"].ge(whole)
    assert len(found) == 400
    assert covers.mean() >= 0.93
    assert found["estimate"].mean() == pytest.approx(whole, rel=0.01)


def test_what_billing_has_whole_is_no_estimate() -> None:
    values = np.array([5.0, 7.0, 11.0])
    (found,) = _estimates(pd.DataFrame([_stratum(0, "all", 3, values)])).to_dict("records")
    assert (found["coverage_pct"], found["estimate"]) == (100, 23)
    assert (found["estimate_low"], found["estimate_high"]) == (23, 23)


def test_a_stratum_too_small_for_a_variance_joins_the_largest() -> None:
    rng = np.random.default_rng(5)
    large, small = rng.uniform(0, 1e6, 60), rng.uniform(0, 1e6, 3)
    apart = [_stratum(0, "large", 600, large), _stratum(0, "small", 400, small), _stratum(0, "unseen", 50, small[:0])]
    together = [_stratum(0, "large", 1050, np.concatenate([large, small]))]
    pd.testing.assert_frame_equal(_estimates(pd.DataFrame(apart)), _estimates(pd.DataFrame(together)))


@pytest.mark.parametrize("seen", [0, 1])
def test_from_fewer_than_two_nothing_is_estimated(seen: int) -> None:
    (found,) = _estimates(pd.DataFrame([_stratum(0, "all", 100, np.full(seen, 8.0))])).to_dict("records")
    assert found["covered_sum"] == 8 * seen
    assert all(pd.isna(found[name]) for name in ("estimate", "estimate_low", "estimate_high"))


def test_without_a_count_of_all_nothing_is_estimated() -> None:
    rows = pd.DataFrame([_stratum(0, "all", 100, np.full(20, 8.0))]).astype({"units": "Int64"})
    rows["units"] = pd.NA
    (found,) = _estimates(rows).to_dict("records")
    assert all(pd.isna(found[name]) for name in ("estimate", "estimate_low", "estimate_high", "coverage_pct"))
